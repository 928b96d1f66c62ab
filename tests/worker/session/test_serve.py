"""The loop of a session answers each request in turn, whatever its handler raises or returns."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.worker.session.frames import encode, read
from grader.worker.session.serve import serve

FRAME_BYTES = 2**16


class _Shy(Exception):
    def __str__(self) -> str:
        raise SystemExit


class _Handler:
    """Does with each request what its message names."""

    def __init__(self, scratch: Path = Path("scratch")) -> None:
        self.asked: list[str] = []

    def handle(self, message: dict[str, Any], tensors: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        self.asked.append(message["do"])
        actions: dict[str, Callable[[], tuple[dict[str, Any], dict[str, Any]]]] = {
            "double": lambda: ({"doubled": True}, {name: 2 * value for name, value in tensors.items()}),
            "fail": lambda: _raise(ValueError("no")),
            "leave": lambda: _raise(SystemExit(3)),
            "shy": lambda: _raise(_Shy()),
            "long": lambda: _raise(ValueError("x" * 5000)),
            "nan": lambda: ({"value": float("nan")}, {}),
            "object": lambda: ({"value": object()}, {}),
            "large": lambda: ({}, {"x": torch.zeros(FRAME_BYTES)}),
        }
        return actions[message["do"]]()


def _raise(error: BaseException) -> Any:
    raise error


def _replies(*actions: str, check: Callable[[], None] = lambda: None) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The envelope and the tensors of each reply to these requests."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for serial, action in enumerate(actions):
            ours.sendall(encode({"serial": serial, "message": {"do": action}}, {"x": torch.ones(2)}, limit=FRAME_BYTES))
        ours.shutdown(socket.SHUT_WR)
        serve(_Handler(), theirs.fileno(), frame_bytes=FRAME_BYTES, check=check)
        theirs.close()
        replies = []
        while (frame := read(ours.recv, limit=FRAME_BYTES)) is not None:
            replies.append(frame)
        return replies


def test_each_request_is_answered_in_order_under_its_own_number() -> None:
    replies = _replies("double", "double")
    assert [envelope for envelope, _ in replies] == [{"serial": n, "reply": {"doubled": True}} for n in (0, 1)]
    assert all(torch.equal(tensors["x"], torch.full((2,), 2.0)) for _, tensors in replies)


def test_it_ends_when_the_other_side_hangs_up() -> None:
    assert _replies() == []


@pytest.mark.parametrize(
    ("action", "detail"),
    [
        ("fail", "ValueError: no"),
        ("leave", "SystemExit: 3"),
        ("shy", "_Shy: (its text cannot be shown)"),
        ("long", "ValueError: " + "x" * 1988),
    ],
)
def test_what_the_handler_raises_is_a_reply_and_the_next_request_is_answered(action: str, detail: str) -> None:
    (failed, tensors), (answered, _) = _replies(action, "double")
    assert failed == {"serial": 0, "reply": {"failure": {"kind": "exception", "detail": detail}}}
    assert tensors == {} and answered["reply"] == {"doubled": True}


@pytest.mark.parametrize(
    ("action", "kind"), [("nan", "FrameError"), ("object", "FrameError"), ("large", "FrameTooLong")]
)
def test_a_reply_that_cannot_be_sent_is_a_failure_and_the_next_request_is_answered(action: str, kind: str) -> None:
    (failed, _), (answered, _) = _replies(action, "double")
    assert failed["reply"]["failure"]["detail"].startswith(f"{kind}: ")
    assert answered["reply"] == {"doubled": True}


def test_a_stream_that_a_submission_has_spoilt_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", object())
    assert len(_replies("double")) == 1


def test_the_check_comes_after_each_answer() -> None:
    checks: list[None] = []
    assert len(_replies("double", "fail", "double", check=lambda: checks.append(None))) == len(checks) == 3
