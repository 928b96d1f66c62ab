"""Numbers as people read them: ``1.25``, ``196,608``, ``3.2e-05``, ``2.40 s``. Points are exact."""

from __future__ import annotations

import math
from fractions import Fraction

from grader.marking.points import in_hundredths

__all__ = ["figure", "hundredths", "out_of", "points", "seconds"]


def hundredths(value: Fraction) -> int | float:
    """Points as a JSON number: whole ones as ``int``, others with at most two decimals. Rounds half up."""
    count = in_hundredths(value)
    return count / 100 if count % 100 else count // 100


def points(value: Fraction) -> str:
    """Points without needless zeros: ``2``, ``0.5``, ``1.25``."""
    count = in_hundredths(value)
    whole, rest = divmod(abs(count), 100)
    sign = "-" if count < 0 else ""
    return f"{sign}{whole}.{rest:02d}".rstrip("0").rstrip(".")


def out_of(value: Fraction, maximum: Fraction) -> str:
    """``1.25 / 2``."""
    return f"{points(value)} / {points(maximum)}"


def figure(value: float) -> str:
    """A number from evidence: at most six digits, ``nan`` and ``inf`` by name, counts with thousands separators."""
    if isinstance(value, int) and abs(value) < 10**15:
        return f"{value:,}"
    try:
        number = float(value)
    except OverflowError:
        return "beyond 1e308"
    if not math.isfinite(number):
        return str(number)
    return f"{number:.6g}"


def seconds(value: float) -> str:
    """Wall time: ``0.04 s``, ``12.3 s``, ``3 min 5 s``."""
    if not math.isfinite(value) or value < 0:
        return f"{value} s"
    if value < 10:
        return f"{value:.2f} s"
    if value < 99.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole // 60:,} min {whole % 60} s"
