"""The loop of one session: read a frame with a request, let the handler answer, write a frame with the reply."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch

from .frames import REQUEST_JSON_BYTES, encode, read

__all__ = ["Handles", "serve"]


_DETAIL_CHARACTERS = 2000


class Handles(Protocol):
    """Answers a session's requests; see ``handler``."""

    def __init__(self, scratch: Path) -> None: ...

    def handle(
        self, message: dict[str, Any], tensors: dict[str, torch.Tensor]
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]: ...


def serve(handler: Handles, channel: int, *, frame_bytes: int, check: Callable[[], None]) -> None:
    """Answer requests from the descriptor ``channel``, one at a time and in order, until the other side hangs up.

    ``check`` is called after each, before the reply is sent: what it sees goes ahead of the reply.
    """

    def receive(count: int) -> bytes:
        return os.read(channel, count)

    while (request := read(receive, limit=frame_bytes, json_limit=REQUEST_JSON_BYTES)) is not None:
        envelope, tensors = request
        frame = _reply(handler, envelope, tensors, frame_bytes)
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
        check()
        _send(channel, frame)


def _reply(handler: Handles, envelope: dict[str, Any], tensors: dict[str, torch.Tensor], frame_bytes: int) -> bytes:
    serial = envelope["serial"]
    try:
        reply, reply_tensors = handler.handle(envelope["message"], tensors)
        return encode({"serial": serial, "reply": reply}, reply_tensors, limit=frame_bytes)
    except BaseException as exc:  # a submission may raise anything, and that is an answer too
        failure = {"kind": "exception", "detail": _describe(exc)}
    # Outside the except block: the frames that may have filled the memory are gone by now.
    return encode({"serial": serial, "reply": {"failure": failure}}, limit=frame_bytes)


def _describe(exc: BaseException) -> str:
    try:
        text = str(exc)
    except BaseException:  # an exception of the submission's own, with a __str__ of its own
        text = "(its text cannot be shown)"
    return f"{type(exc).__name__}: {text}"[:_DETAIL_CHARACTERS]


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except BaseException:  # a submission may have put anything in the stream's place
        return


def _send(channel: int, frame: bytes) -> None:
    rest = memoryview(frame)
    while rest:
        rest = rest[os.write(channel, rest) :]
