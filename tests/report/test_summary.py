"""What every form of the report says alike."""

from __future__ import annotations

from fractions import Fraction

import pytest
import report_sample as sample

from grader.marking.verdicts import Outcome
from grader.report import summary


@pytest.mark.parametrize(
    ("feedback", "reason"),
    [
        ("The bias is missing. Leave out bias=False.", "The bias is missing."),
        ("It has 8.5 of v1.2 at line 3, e.g. this one.", "It has 8.5 of v1.2 at line 3, e.g. this one."),
        ("\n\n First line\nsecond line", "First line"),
        ("", ""),
        ("x" * 300, "x" * 199 + "…"),
        ("a\x1b[31m\u202e b", "a\\x1b[31m\\u202e b"),
    ],
)
def test_a_reason_is_the_first_sentence_on_one_line(feedback: str, reason: str) -> None:
    assert summary.reason(sample.mark(feedback=feedback)) == reason


def test_only_what_lost_points_or_ended_in_our_error_is_to_look_at() -> None:
    marks = [sample.mark(outcome.value, outcome) for outcome in Outcome]
    assert [mark.id for mark in summary.to_look_at(sample.report(marks))] == ["partial", "fail", "error"]


@pytest.mark.parametrize(
    ("bonus", "sentence"),
    [
        (0, ""),
        (4, "1 bonus point counts in the score and not in the maximum of 1: up to 2 can be had."),
        (2, "0.5 bonus points count in the score and not in the maximum of 1: up to 1.5 can be had."),
    ],
)
def test_a_bonus_is_explained_where_there_is_one(bonus: int, sentence: str) -> None:
    extra = sample.mark("dilated.values", bonus=True, points=Fraction(0), max_points=sample.quarters(bonus))
    assert summary.bonus_sentence(sample.report([sample.mark(), extra])) == sentence
