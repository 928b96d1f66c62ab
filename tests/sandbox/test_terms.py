"""The failures of a session have a kind and a sentence, and nothing is awaited without an end."""

from __future__ import annotations

import os
import socket
from dataclasses import asdict

import pytest

from grader.sandbox.terms import Limits, WorkerFailed, readable
from grader.worker.session import frames


def test_a_failure_of_a_submission_is_its_kind_and_its_sentence() -> None:
    failure = WorkerFailed("timeout", "the code did not finish within 10 seconds")
    assert str(failure) == "timeout: the code did not finish within 10 seconds"
    assert (failure.kind, failure.killed) == ("timeout", False)


def test_every_limit_is_positive_and_a_message_may_be_as_large_as_a_frame() -> None:
    assert all(value > 0 for value in asdict(Limits()).values())
    assert Limits().frame_bytes == frames.FRAME_BYTES


@pytest.mark.parametrize("seconds", [0, -1])
def test_where_nothing_has_come_the_wait_ends(seconds: float) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not readable(ours, seconds)
        theirs.send(b"x")
        assert readable(ours, seconds)


def test_an_end_is_something_to_read() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        assert readable(ours, 0)


def test_a_descriptor_can_be_waited_for_too() -> None:
    reading, writing = os.pipe()
    try:
        assert not readable(reading, 0)
        os.write(writing, b"x")
        assert readable(reading, 0)
    finally:
        os.close(reading)
        os.close(writing)
