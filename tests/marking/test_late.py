"""What lateness costs is exact and bounded."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.marking.late import LateRule, late_share

TEN_A_DAY = LateRule(grace_hours=Fraction(1), percent_a_day=Fraction(10), cap_percent=Fraction(30))


@pytest.mark.parametrize(
    ("hours", "percent"),
    [("0", 0), ("1", 0), ("1.01", 10), ("25", 10), ("25.5", 20), ("49.5", 30), ("900", 30)],
    ids=["in time", "in grace", "begun day", "a whole day", "second day", "third day", "beyond the cap"],
)
def test_each_begun_day_after_the_grace_takes_its_percentage(hours: str, percent: int) -> None:
    assert late_share(Fraction(hours), TEN_A_DAY) == Fraction(percent, 100)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            TEN_A_DAY,
            "Each begun day of 24 hours after a grace of 1 h costs 10 % of the score, at most 30 %.",
        ),
        (
            LateRule(percent_a_day=Fraction(5, 2)),
            "Each begun day of 24 hours after the deadline costs 2.5 % of the score.",
        ),
        (LateRule(), "Lateness costs nothing."),
    ],
)
def test_a_rule_is_said_in_a_sentence(rule: LateRule, sentence: str) -> None:
    assert str(rule) == sentence


def test_without_a_rule_lateness_costs_nothing() -> None:
    assert late_share(Fraction(100), LateRule()) == 0


hundredths = st.integers(0, 100_000).map(lambda count: Fraction(count, 100))
percents = st.integers(0, 10_000).map(lambda count: Fraction(count, 100))


@given(hundredths, hundredths, hundredths, percents, percents)
def test_lateness_never_takes_more_than_there_is_nor_less_for_being_later(hours, more, grace, a_day, cap) -> None:
    rule = LateRule(grace, a_day, cap)
    share = late_share(hours, rule)
    assert 0 <= share <= 1
    assert share <= late_share(hours + more, rule)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-1, 0, 0), "hours of grace must be 0 or more, were -1"),
        ((0, 101, 0), "percentage a day must be 0 to 100, was 101"),
        ((0, 0, -1), "percentage at most must be 0 to 100, was -1"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(values: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LateRule(*map(Fraction, values))
