"""Points as other programs read them: exact decimals with a full stop, and no separator of thousands."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

__all__ = ["decimal", "number"]


_MOST_PLACES = 6
"""Digits after the point of a number that is written exactly."""
_PLACES = 4
"""Digits after the point of a number without an end, such as a third."""


def decimal(value: Fraction) -> str:
    """``14.25``, ``0.125``, ``3``; ``0.3333`` for a third."""
    scaled = value * 10**_MOST_PLACES
    if scaled.denominator == 1:
        text = f"{Decimal(scaled.numerator).scaleb(-_MOST_PLACES):f}"
    else:
        unit = Decimal(1).scaleb(-_PLACES)
        text = f"{(Decimal(value.numerator) / value.denominator).quantize(unit, ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: Fraction) -> int | float:
    """The same as a number of JSON."""
    return int(value) if value.denominator == 1 else float(decimal(value))
