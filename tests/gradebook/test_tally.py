"""Statistics over a cohort: sums are exact, and a statistic is None where there are too few submissions."""

from __future__ import annotations

import json
import math
import statistics
from fractions import Fraction

import pytest
import report_sample as sample
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook.tally import BINS, Tally
from grader.marking.verdicts import LOST, Flag, Outcome
from grader.report.as_json import to_json
from grader.report.rows import Row, row_of

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.PENDING


def row(outcomes: list[Outcome], id: str = "alice", status: str = "graded", **changes: object) -> Row:
    """A submission with one point a criterion: a.a, a.b, …"""
    marks = [
        sample.mark(f"a.{letter}", outcome, mistake="known" if outcome is FAIL else None)
        for letter, outcome in zip("abcdefgh", outcomes, strict=False)
    ]
    report = sample.report(marks, submission_id=id, sheet=sample.sheet(marks, status), **changes)
    return row_of(id, json.loads(to_json(report)))


def tally_of(rows: list[Row]) -> Tally:
    tally = Tally()
    for row in rows:
        tally.add(row)
    return tally


def test_shares_mistakes_and_bins_are_counted() -> None:
    tally = tally_of([row([PASS, PASS]), row([PASS, FAIL]), row([PASS, OPEN]), row([OPEN, OPEN])])
    (assignment,) = tally.assignments.values()
    assert (assignment.count, assignment.without_score) == (4, 1)
    assert assignment.bins == [0, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert assignment.mean == Fraction(250, 3)
    first, second = assignment.criteria.values()
    assert (first.passed_share, first.decided, first.open) == (1, 3, 1)
    assert (second.passed_share, second.decided, second.open) == (Fraction(1, 2), 2, 2)
    assert tally.mistakes() == [(1, "known", "a.b", "csc413-2020")]


@given(st.lists(st.lists(st.sampled_from([PASS, FAIL]), min_size=4, max_size=4), min_size=3, max_size=12))
def test_discrimination_is_the_correlation_with_the_sum_of_the_others(cohort: list[list[Outcome]]) -> None:
    criteria = tally_of([row(outcomes) for outcomes in cohort]).assignments["csc413-2020"].criteria
    for place, tally in enumerate(criteria.values()):
        own = [float(outcomes[place] is PASS) for outcomes in cohort]
        rest = [
            float(sum(outcome is PASS for outcome in outcomes)) - earned
            for outcomes, earned in zip(cohort, own, strict=True)
        ]
        if len(set(own)) == 1 or len(set(rest)) == 1:
            assert tally.discrimination is None
        else:
            assert tally.discrimination is not None
            # Both are a handful of roundings of numbers below 1e4 away from the true one.
            assert math.isclose(tally.discrimination, statistics.correlation(own, rest), rel_tol=0, abs_tol=1e-9)


def test_two_submissions_are_too_few_to_correlate() -> None:
    criteria = tally_of([row([PASS, PASS]), row([FAIL, FAIL])]).assignments["csc413-2020"].criteria
    assert [tally.discrimination for tally in criteria.values()] == [None, None]


def test_submissions_without_code_say_nothing_of_the_criteria() -> None:
    rows = [row([PASS, FAIL]), row([FAIL, PASS]), row([PASS, PASS]), row([FAIL, FAIL], status="ungradable")]
    tally = tally_of(rows)
    assert tally.count == 4
    assert [criterion.decided for criterion in tally.assignments["csc413-2020"].criteria.values()] == [3, 3]


def test_assignments_are_never_mixed() -> None:
    tally = tally_of([row([PASS]), row([FAIL], assignment_id="csc413-2023", assignment_title="Another")])
    assert {id: assignment.mean for id, assignment in tally.assignments.items()} == {
        "csc413-2020": 100,
        "csc413-2023": 0,
    }


def test_averages_leave_the_bonus_out() -> None:
    marks = [sample.mark("a.a"), sample.mark("a.b", Outcome.FAIL), sample.mark("a.c", bonus=True)]
    (assignment,) = tally_of([row_of("alice", json.loads(to_json(sample.report(marks))))]).assignments.values()
    assert (assignment.mean, assignment.bonus, assignment.bins[5]) == (50, True, 1)


def test_bonus_beyond_the_maximum_stays_in_the_last_bin() -> None:
    marks = [sample.mark("a.a"), sample.mark("a.b", bonus=True)]
    tally = tally_of([row_of("alice", json.loads(to_json(sample.report(marks))))])
    assert tally.assignments["csc413-2020"].bins == [0] * (BINS - 1) + [1]


def test_the_most_urgent_come_first_and_their_list_is_bounded() -> None:
    flag = Flag("late", "Late.")
    rows = [row([PASS], f"fine{number}") for number in range(100)]
    rows += [row([PASS], f"flagged{number:03}", "needs_review", flags=(flag,)) for number in range(100)]
    rows += [row([PASS], "twice", "needs_review", flags=(flag, flag))]
    rows += [row([FAIL], "empty", "ungradable"), row([Outcome.ERROR], "failed", "needs_review")]
    rows += [row([FAIL], "slip", "needs_review", flags=(Flag(LOST, "CNN lost everything to one line."),))]
    tally = tally_of(rows)
    assert tally.in_need == 104
    assert len(tally.urgent) == 50
    assert [row.id for row in tally.urgent[:6]] == ["slip", "failed", "empty", "twice", "flagged000", "flagged001"]


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.PENDING])
def test_open_points_count_for_nobody_and_against_nobody(outcome: Outcome) -> None:
    closed = tally_of([row([PASS, FAIL]), row([FAIL, PASS]), row([PASS, PASS])])
    opened = tally_of([row([PASS, FAIL]), row([FAIL, PASS]), row([PASS, PASS]), row([outcome, outcome])])
    shares = [
        [
            (criterion.passed_share, criterion.discrimination)
            for criterion in tally.assignments["csc413-2020"].criteria.values()
        ]
        for tally in (closed, opened)
    ]
    assert shares[0] == shares[1]


BONUS = [
    sample.mark("cnn.shapes", points=Fraction(3), max_points=Fraction(4)),
    sample.mark("manual.a1", Outcome.PENDING, max_points=Fraction(5)),
    sample.mark("dilated.values", points=Fraction(1), max_points=Fraction(1), bonus=True),
    sample.mark("manual.g1", Outcome.PENDING, max_points=Fraction(1), bonus=True),
]


@pytest.mark.parametrize(
    ("more", "decided", "percent"),
    [
        ([], 4, 100),
        ([sample.mark("unet.shapes", Outcome.FAIL, max_points=Fraction(4))], 8, 50),
        ([sample.mark("unet.shapes", Outcome.ERROR, max_points=Fraction(4))], 4, 100),
        ([sample.mark("unet.shapes", points=Fraction(4), max_points=Fraction(4))], 8, 100),
        ([sample.mark("dilated.gradients", points=Fraction(2), max_points=Fraction(2), bonus=True)], 4, 150),
    ],
    ids=["bonus earned and open", "points lost", "points in error", "points earned", "more than all"],
)
def test_bonus_points_count_in_the_score_and_never_in_what_is_decided(more, decided: int, percent: int) -> None:
    marks = [*BONUS, *more]
    row = row_of("alice", json.loads(to_json(sample.report(marks))))
    assert (row.decided_points, row.percent) == (decided, percent)


def test_bonus_that_is_held_up_by_an_error_of_ours_takes_nothing_from_what_is_decided() -> None:
    marks = [
        sample.mark("cnn.shapes", points=Fraction(4), max_points=Fraction(4)),
        sample.mark("dilated.values", Outcome.ERROR, max_points=Fraction(1), bonus=True),
        sample.mark("dilated-unet.shapes", Outcome.SKIPPED, max_points=Fraction(2), bonus=True),
    ]
    document = json.loads(to_json(sample.report(marks)))
    document["pending_points"] = 3
    assert row_of("alice", document).percent == 100
