"""Lateness: what it costs is exact, bounded and told by the file as it is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook.lateness import read_late
from grader.gradebook.lists import ListError
from grader.marking.late import LateRule, late_penalty

TEN_A_DAY = LateRule(grace_hours=Fraction(1), percent_a_day=Fraction(10), cap_percent=Fraction(30))


@pytest.mark.parametrize(
    ("hours", "penalty"),
    [("0", "0"), ("1", "0"), ("1.01", "0.8"), ("25", "0.8"), ("25.5", "1.6"), ("49.5", "2.4"), ("900", "2.4")],
    ids=["in time", "in grace", "begun day", "a whole day", "second day", "third day", "beyond the cap"],
)
def test_each_begun_day_after_the_grace_takes_its_percentage(hours: str, penalty: str) -> None:
    assert late_penalty(Fraction(8), Fraction(hours), TEN_A_DAY) == Fraction(penalty)


def test_a_penalty_is_rounded_half_up_to_hundredths() -> None:
    assert late_penalty(Fraction("0.25"), Fraction(2), TEN_A_DAY) == Fraction("0.03")
    assert late_penalty(Fraction("0.24"), Fraction(2), TEN_A_DAY) == Fraction("0.02")


def test_without_a_rule_lateness_costs_nothing() -> None:
    assert late_penalty(Fraction(8), Fraction(100), LateRule()) == 0


hundredths = st.integers(0, 100_000).map(lambda count: Fraction(count, 100))
percents = st.integers(0, 10_000).map(lambda count: Fraction(count, 100))


@given(hundredths, hundredths, hundredths, hundredths, percents, percents)
def test_a_penalty_never_takes_more_than_there_is_nor_less_for_being_later(
    score, hours, more, grace, a_day, cap
) -> None:
    rule = LateRule(grace, a_day, cap)
    penalty = late_penalty(score, hours, rule)
    assert 0 <= penalty <= score
    assert (penalty * 100).denominator == 1
    assert penalty <= late_penalty(score, hours + more, rule)


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


@pytest.mark.parametrize(
    ("text", "late"),
    [
        ("id,hours_late\nalice,1.5\nbob,-3\n", {"alice": Fraction(3, 2), "bob": Fraction(0)}),
        ("Student ID;Hours late\nalice;0.1\nbob;\n", {"alice": Fraction(1, 10)}),
        ("First Name,SID,Lateness (H:M:S)\nAlice,alice,01:20:00\nBob,bob,\n", {"alice": Fraction(4, 3)}),
        ("\ufeffid\thours\r\n\r\nalice\t2\r\n", {"alice": Fraction(2)}),
        (
            "id,submitted,due\n"
            "alice,2026-11-21T00:30:00,2026-11-20T23:59:00\n"
            "bob,2026-11-20T12:00:00Z,2026-11-20T12:00:00+01:00\n"
            "carol,,2026-11-20T12:00:00\n"
            "dave,2026-11-19,2026-11-20\n",
            {"alice": Fraction(31, 60), "bob": Fraction(1), "dave": Fraction(0)},
        ),
    ],
    ids=["hours", "semicolons", "Gradescope", "tabs", "times"],
)
def test_lateness_is_read_from_hours_or_from_times(tmp_path: Path, text: str, late: dict[str, Fraction]) -> None:
    path = tmp_path / "late.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_late(path) == late


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name,hours\nalice,1\n", "line 1: the columns must be id and hours_late, .* were name, hours"),
        ("alice,1\n", "line 1: the columns must be"),
        ("id,submitted\nalice,2026-11-20\n", "line 1: the columns must be"),
        ("id,hours\nalice,1\n\nalice,2\n", "line 4: the id 'alice' is there twice"),
        ("id,hours\n,1\n", "line 2: the id is empty"),
        ("id,hours\nalice,soon\n", "line 2: hours_late must be a number .* was 'soon'"),
        ("id,hours\nalice,1e9\n", "line 2: hours_late must be a number .* was '1e9'"),
        ("id,hours\nalice,1/0\n", "line 2: hours_late must be a number"),
        ("id,hours\nalice,nan\n", "line 2: hours_late must be a number"),
        ("id,hours\nalice,100001\n", "line 2: hours_late must be a number up to 100,000"),
        ("id,submitted,due\nalice,noon,2026-11-20\n", "line 2: submitted must be a time in ISO 8601, was 'noon'"),
        ("id,submitted,due\nalice,2026-11-20,\n", "line 2: due must be a time in ISO 8601, was ''"),
        ("id,submitted,due\nalice,2026-11-20T10:00:00Z,2026-11-20\n", "line 2: submitted and due must both have"),
    ],
)
def test_a_list_that_cannot_be_used_is_a_sentence_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "late.csv"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(ListError, match=rf"late\.csv.* ?{message}"):
        read_late(path)
