"""Points: exact fractions, which are rounded once, when a mark is made of them, or where they are shown.

Points are ``Fraction`` everywhere. What a rubric gives is in whole hundredths; a share of it need not be. The
operations that every other module needs stand here: add points up, count their hundredths, and make points of a count.
Long lists of points are added as integers, because a ``Fraction`` takes long to make and a cohort has millions of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

__all__ = ["from_hundredths", "in_hundredths", "total"]


def in_hundredths(points: Fraction) -> int:
    """The number of hundredths in ``points``, to the nearest; half a hundredth goes up."""
    # floor(100 · points + 1/2), in integers alone.
    return (200 * points.numerator + points.denominator) // (2 * points.denominator)


@lru_cache(maxsize=10_000)
def from_hundredths(count: int) -> Fraction:
    """``count`` hundredths of a point. Cached: the same few values come up again and again."""
    return Fraction(count, 100)


def total(points: Iterable[Fraction]) -> Fraction:
    """The exact sum."""
    by_denominator: dict[int, int] = {}
    for value in points:
        denominator = value.denominator
        by_denominator[denominator] = by_denominator.get(denominator, 0) + value.numerator
    sums = [_fraction(count, denominator) for denominator, count in by_denominator.items()]
    return sums[0] if len(sums) == 1 else sum(sums, Fraction(0))


@lru_cache(maxsize=10_000)
def _fraction(numerator: int, denominator: int) -> Fraction:
    # Cached: the same few values come up again and again.
    return Fraction(numerator, denominator)
