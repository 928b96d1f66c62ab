"""Points, exact in hundredths.

Points are ``Fraction`` everywhere, and whole hundredths of a point once they are awarded. The three operations that
every other module needs stand here: count the hundredths, make points of a count, and add points up. Long lists of
points are added as integers, because a ``Fraction`` takes long to make and a cohort has millions of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

__all__ = ["from_hundredths", "in_hundredths", "rounded", "total"]


def in_hundredths(points: Fraction) -> int:
    """The number of hundredths in ``points``, to the nearest; half a hundredth goes up."""
    # floor(100 · points + 1/2), in integers alone.
    return (200 * points.numerator + points.denominator) // (2 * points.denominator)


@lru_cache(maxsize=10_000)
def from_hundredths(count: int) -> Fraction:
    """``count`` hundredths of a point. Cached: the same few values come up again and again."""
    return Fraction(count, 100)


def rounded(points: Fraction) -> Fraction:
    """``points`` to the nearest whole hundredth; half a hundredth goes up."""
    return from_hundredths(in_hundredths(points))


def total(points: Iterable[Fraction]) -> Fraction:
    """The exact sum of points that are whole hundredths each."""
    return from_hundredths(sum(map(in_hundredths, points)))
