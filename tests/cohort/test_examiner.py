"""The examiner computes the reference's evidence once, and jobs that have no examiner compute for themselves."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest
import torch
from sessions import PATIENCE
from sittings import exam_of

from grader.checks.layer import Case, _LayerQuestion
from grader.cohort.examiner import Asking, answer_jobs, pass_on
from grader.exam.exam import Exam
from grader.exam.shared import Shared, question_to_bytes

QUESTION = _LayerQuestion("dilated", Case(3, 1, 2, 3, 4, 13, 11))


class Counting(Exam):
    """Counts the questions whose values it is asked for."""

    asked: ClassVar[Counter[str]] = Counter()

    def shared(self, question: Shared[object]) -> object:  # type: ignore[override]
        self.asked[type(question).__name__] += 1
        return super().shared(question)


def new(**how: object) -> Exam:
    other = exam_of("csc321-2018")
    return Counting(other.assignment, other.seed, other.horses, **how)  # type: ignore[arg-type]


@contextmanager
def examiner(exam: Exam) -> Iterator[socket.socket]:
    """The connection to an examiner in another thread."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=answer_jobs, args=(lambda assignment: exam, theirs))
    thread.start()
    yield ours
    ours.close()
    thread.join(PATIENCE)
    theirs.close()


def asking(connection: socket.socket) -> Asking:
    """A job's end of a new channel to the examiner."""
    job, other = socket.socketpair()
    pass_on(connection, other)
    other.close()
    return Asking(job)


def test_jobs_get_the_same_values_as_they_would_compute_and_each_is_computed_once() -> None:
    Counting.asked.clear()
    with examiner(new()) as connection:
        for _ in range(2):
            ask = asking(connection)
            value = new(ask=ask).shared(QUESTION)
            ask.close()
    assert value is not None
    (actual, tolerances, draw), (expected, *others) = value[0], QUESTION.value(new())[0]  # type: ignore[index]
    assert [tolerances, draw] == others
    assert {name: torch.equal(actual[name], expected[name]) for name in expected} == dict.fromkeys(actual, True)
    assert Counting.asked["_LayerQuestion"] == 3  # by two jobs, and by the examiner once


def test_a_job_whose_examiner_is_gone_computes_for_itself() -> None:
    with examiner(new()) as connection:
        ask = asking(connection)
        exam = new(ask=ask)
        exam.shared(QUESTION)
    assert ask(exam.assignment.id, question_to_bytes(QUESTION)) is None
    assert exam.shared(_LayerQuestion("dilated", Case(3, 0, 1, 1, 2, 8, 15))) is not None


@pytest.mark.parametrize(
    "question", [b"\xc1", question_to_bytes(QUESTION).replace(b"_LayerQuestion", b"_OtherQuestion")]
)
def test_a_question_that_is_not_known_has_no_value_and_the_next_one_has(question: bytes) -> None:
    with examiner(new()) as connection:
        ask = asking(connection)
        assert ask("csc321-2018", question) is None
        assert ask("csc321-2018", question_to_bytes(QUESTION)) is not None
        ask.close()


def test_a_job_that_says_something_else_loses_its_channel_alone() -> None:
    with examiner(new()) as connection:
        job, other = socket.socketpair()
        pass_on(connection, other)
        other.close()
        job.settimeout(PATIENCE)
        job.sendall(b"\x00\x00\x00\x01\x00\xc1")
        assert job.recv(1) == b""
        job.close()
        ask = asking(connection)
        assert ask("csc321-2018", question_to_bytes(QUESTION)) is not None
        ask.close()
