"""What a run says when it ends."""

from __future__ import annotations

from fractions import Fraction

import pytest

from grader.cohort.events import Failure, Summary


@pytest.mark.parametrize(
    ("summary", "under", "status"),
    [
        (Summary(2, 0, 0, 0, (), Fraction(50)), None, 0),
        (Summary(2, 0, 0, 0, (), Fraction(50)), Fraction(50), 0),
        (Summary(2, 0, 0, 0, (), Fraction(499, 10)), Fraction(50), 3),
        (Summary(2, 0, 0, 0, (), None), Fraction(50), 0),
        (Summary(2, 0, 1, 0, (Failure("alice", "a defect"),), Fraction(0)), Fraction(50), 1),
    ],
)
def test_the_exit_status_says_whether_the_grader_failed_or_a_score_is_low(
    summary: Summary, under: Fraction, status: int
) -> None:
    assert summary.exit_status(under) == status


def test_reports_that_need_nobody_are_those_that_are_graded_and_nothing_else() -> None:
    assert Summary(graded=5, resumed=4, needs_review=2, ungradable=1, failed=(), lowest=None).sound == 6


def test_an_interrupted_run_says_how_much_is_done_and_how_to_go_on() -> None:
    summary = Summary(graded=1_000, resumed=1, needs_review=0, ungradable=0, failed=(), lowest=None, left=999)
    assert summary.interrupted.startswith("Stopped: 1,001 of 2,000 reports are written; the same command goes on")
    assert Summary(1, 0, 0, 0, (), None).interrupted == ""
