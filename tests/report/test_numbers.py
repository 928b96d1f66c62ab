"""Numbers are short, and points are exact."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.report import numbers


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
