"""The examiner: the one process of a run that computes the reference's evidence, and hands it to the jobs.

A job asks when it first needs a value, and keeps it. Values go from the examiner to the jobs and never the other way:
what a job handles is a student's, and must not become what another submission is compared with. A question names what
it depends on, which is nothing of a submission (``grader/exam/shared.py``). Each job has a channel of its own to the
examiner. A job whose examiner is gone or slow computes for itself, so a run goes on without one.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable

import msgspec

from grader.cohort.wire import Channel, HungUp
from grader.exam.exam import Exam
from grader.exam.shared import question_from, value_to_bytes
from grader.sandbox.stem import give_back_memory

__all__ = ["Asking", "answer_jobs", "pass_on"]


_PATIENCE_SECONDS = 60.0
"""How long a job waits for the examiner."""


class Question(msgspec.Struct, frozen=True, tag=True):
    """What a job asks for."""

    assignment: str
    question: bytes
    """See ``grader/exam/shared.py``."""


class Value(msgspec.Struct, frozen=True, tag=True):
    """The answer; None where the examiner fails on the question. The job then fails on it by itself."""

    value: bytes | None


class Asking:
    """A job's end of its channel to the examiner."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE_SECONDS)
        self._channel: Channel[Question, Value] | None = Channel(connection, Value)

    def __call__(self, assignment: str, question: bytes) -> bytes | None:
        """The value of a question; None where the examiner has none. See ``grader.exam.exam.Ask``."""
        if self._channel is None:
            return None
        try:
            self._channel.send(Question(assignment, question))
            return self._channel.receive()[0].value
        except HungUp:
            self.close()
            return None

    def close(self) -> None:
        """From now on there is no examiner. Idempotent."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def answer_jobs(exam: Callable[[str], Exam], connection: socket.socket) -> None:
    """Answer every job whose channel comes over ``connection``, until that is closed."""
    values: dict[tuple[str, bytes], bytes | None] = {}
    jobs: dict[int, Channel[Value, Question]] = {}
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == connection.fileno():
                come, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
                if not come:
                    for job in jobs.values():
                        job.close()
                    return
                for new in descriptors:
                    end = socket.socket(fileno=new)
                    end.settimeout(_PATIENCE_SECONDS)
                    jobs[new] = Channel(end, Question)
                    poll.register(new, select.POLLIN)
                continue
            try:
                asked = jobs[descriptor].receive()[0]
                key = asked.assignment, asked.question
                if key not in values:
                    values[key] = _value(exam, asked)
                    give_back_memory()
                jobs[descriptor].send(Value(values[key]))
            except (HungUp, ValueError):
                poll.unregister(descriptor)
                jobs.pop(descriptor).close()


def _value(exam: Callable[[str], Exam], asked: Question) -> bytes | None:
    """A value as bytes. Every exception is the job's to meet: it knows for which criterion it asked."""
    with contextlib.suppress(Exception):
        return value_to_bytes(exam(asked.assignment).shared(question_from(asked.question)))
    return None


def pass_on(connection: socket.socket, job: socket.socket) -> None:
    """Give the examiner at the other end of ``connection`` a job's channel. One that is gone is passed over."""
    with contextlib.suppress(OSError):
        socket.send_fds(connection, [b"1"], [job.fileno()])
