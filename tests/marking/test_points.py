"""Points are exact in hundredths: counted, rounded half up, and added up without loss."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.marking.points import from_hundredths, in_hundredths, rounded, total

counts = st.integers(-(10**9), 10**9)


@given(counts)
def test_a_count_of_hundredths_survives_exactly(count: int) -> None:
    assert from_hundredths(count) == Fraction(count, 100)
    assert in_hundredths(from_hundredths(count)) == count


@given(st.fractions(-1000, 1000))
def test_counting_rounds_to_the_nearest_hundredth_and_half_up(points: Fraction) -> None:
    assert in_hundredths(points) == math.floor(points * 100 + Fraction(1, 2))


@pytest.mark.parametrize(
    ("points", "expected"), [("1/3", "0.33"), ("1/200", "0.01"), ("0.005", "0.01"), ("-1/200", "0"), ("2", "2")]
)
def test_points_are_rounded_half_up(points: str, expected: str) -> None:
    assert rounded(Fraction(points)) == Fraction(expected)


@given(st.lists(counts))
def test_a_total_is_exact(values: list[int]) -> None:
    assert total(from_hundredths(count) for count in values) == Fraction(sum(values), 100)
