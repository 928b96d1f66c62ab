"""Points are exact: counted in hundredths, half up, and added up without loss."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from grader.marking.points import from_hundredths, in_hundredths, total

counts = st.integers(-(10**9), 10**9)


@given(counts)
def test_a_count_of_hundredths_survives_exactly(count: int) -> None:
    assert from_hundredths(count) == Fraction(count, 100)
    assert in_hundredths(from_hundredths(count)) == count


@given(st.fractions(-1000, 1000))
def test_counting_rounds_to_the_nearest_hundredth_and_half_up(points: Fraction) -> None:
    assert in_hundredths(points) == math.floor(points * 100 + Fraction(1, 2))


@given(st.lists(st.fractions(-1000, 1000)))
def test_a_total_is_exact(values: list[Fraction]) -> None:
    assert total(values) == sum(values, Fraction(0))
