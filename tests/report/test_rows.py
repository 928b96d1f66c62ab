"""A row says what its report says, exactly, and survives its packed form."""

from __future__ import annotations

import json
from fractions import Fraction

import report_sample as sample
from hypothesis import given
from hypothesis import strategies as st

from grader.marking.verdicts import Outcome
from grader.report.as_json import to_json
from grader.report.rows import pack, row_of, unpack


def test_a_row_says_what_the_report_says() -> None:
    report = sample.everything()
    row = row_of("alice", json.loads(to_json(report)))
    sheet = report.sheet
    assert (row.id, row.assignment, row.status) == ("alice", "csc413-2020", "needs_review")
    assert (row.score, row.max_score, row.pending_points) == (sheet.score, sheet.max_score, sheet.pending_points)
    assert [
        (criterion.id, criterion.points, criterion.outcome, criterion.mistake, criterion.bonus)
        for criterion in row.criteria
    ] == [(mark.id, mark.points, mark.outcome, mark.mistake, mark.bonus) for mark in sheet.marks]
    assert row.flags == tuple((flag.kind, flag.detail) for flag in report.flags)
    assert row.errors == ("cnn.device",)
    assert unpack("alice", json.loads(json.dumps(pack(row)))) == row


@given(st.lists(st.integers(0, 999_999), min_size=1, max_size=5))
def test_points_survive_json_to_the_hundredth(counts: list[int]) -> None:
    marks = [sample.mark(f"a.b{place}", points=Fraction(count, 100)) for place, count in enumerate(counts)]
    row = row_of("alice", json.loads(to_json(sample.report(marks))))
    assert [criterion.points for criterion in row.criteria] == [Fraction(count, 100) for count in counts]
    assert row.score == Fraction(sum(counts), 100)


def test_the_percentage_is_of_the_decided_points_and_a_bonus_adds_to_it() -> None:
    marks = [
        sample.mark("a.a"),
        sample.mark("a.b", Outcome.FAIL),
        sample.mark("a.c", Outcome.PENDING, max_points=Fraction(3)),
        sample.mark("a.d", Outcome.PENDING, bonus=True),
        sample.mark("a.e", bonus=True),
    ]
    rows = [row_of("alice", json.loads(to_json(sample.report(marks[:count])))) for count in range(6)]
    assert [row.percent for row in rows] == [None, 100, 50, 50, 50, 100]
