"""Numbers in words of the report, and texts cut to size."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import report_sample as sample
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.marking.verdicts import Outcome
from grader.report import numbers, summary


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(2), "2"),
        (Fraction(10), "10"),
        (Fraction(0), "0"),
        (Fraction(1, 2), "0.5"),
        (Fraction(5, 4), "1.25"),
        (Fraction(1, 100), "0.01"),
        (Fraction(1, 200), "0.01"),
        (Fraction(1, 3), "0.33"),
        (Fraction(-1, 2), "-0.5"),
        (Fraction(1000), "1000"),
    ],
)
def test_points_have_no_needless_zeros(value: Fraction, text: str) -> None:
    assert numbers.points(value) == text


@settings(derandomize=True, max_examples=200)
@given(st.integers(-(10**12), 10**12))
def test_hundredths_survive_exactly(count: int) -> None:
    value = Fraction(count, 100)
    assert Fraction(numbers.points(value)) == value
    assert Fraction(str(numbers.hundredths(value))) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (196_608, "196,608"),
        (0.1234567, "0.123457"),
        (3.2e-05, "3.2e-05"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (10**400, "beyond 1e308"),
        (1e300, "1e+300"),
    ],
)
def test_figures_have_at_most_six_digits(value: float, text: str) -> None:
    assert numbers.figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0412, "0.04 s"), (12.34, "12.3 s"), (99.96, "1 min 40 s"), (3 * 3600, "180 min 0 s"), (math.nan, "nan s")],
)
def test_times_are_short(value: float, text: str) -> None:
    assert numbers.seconds(value) == text


def test_marks_are_grouped_by_part_in_order() -> None:
    report = sample.everything()
    parts = summary.parts(report)
    assert [part.title for part in parts] == list(report.part_titles.values())
    assert [mark for part in parts for mark in part.marks] == list(report.sheet.marks)
    assert sum(part.points for part in parts) == report.sheet.score
    assert sum(part.max_points for part in parts if not part.bonus) == report.sheet.max_score
    assert sum(part.open_points for part in parts) == report.sheet.pending_points


def test_a_part_without_a_title_is_shown_by_its_id() -> None:
    assert summary.parts(sample.report([sample.mark(part="d")]))[0].title == "d"


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        (sample.mark(), "1 / 1"),
        (sample.mark(outcome=Outcome.PENDING), "– / 1"),
        (sample.mark(outcome=Outcome.ERROR), "– / 1"),
        (sample.mark(outcome=Outcome.SKIPPED), "0 / 1"),
        (sample.mark(points=Fraction(0), max_points=Fraction(0)), "no points"),
    ],
)
def test_a_mark_shows_its_points(mark: sample.Mark, text: str) -> None:
    assert summary.marked(mark) == text


@settings(derandomize=True, max_examples=100)
@given(st.text(max_size=60), st.integers(1, 50))
def test_a_cut_text_keeps_both_ends_and_counts_what_is_missing(text: str, limit: int) -> None:
    cut = summary.bounded(text, limit)
    if len(text) <= limit:
        assert cut == text
    else:
        head, note, tail = cut.rpartition(f"\n… {len(text) - limit:,} characters left out …\n")
        assert note and len(head) + len(tail) == limit
        assert text.startswith(head) and text.endswith(tail)
