"""The rubric's rule for lateness, applied to a number of hours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["LateRule", "late_penalty"]


@dataclass(frozen=True)
class LateRule:
    """What lateness costs. As it stands: nothing."""

    grace_hours: Fraction = Fraction(0)
    """Hours that everyone is given; days count from their end."""
    percent_a_day: Fraction = Fraction(0)
    """Percent of the points awarded that each begun day takes."""
    cap_percent: Fraction = Fraction(100)
    """Most that lateness takes, in percent of the points awarded."""

    def __post_init__(self) -> None:
        if self.grace_hours < 0:
            raise ValueError(f"the hours of grace must be 0 or more, were {float(self.grace_hours):g}")
        for what, percent in (("a day", self.percent_a_day), ("at most", self.cap_percent)):
            if not 0 <= percent <= 100:
                raise ValueError(f"the percentage {what} must be 0 to 100, was {float(percent):g}")


def late_penalty(score: Fraction, hours: Fraction, rule: LateRule) -> Fraction:
    """Points that ``hours`` of lateness take from ``score``, in whole hundredths, half up; between 0 and ``score``."""
    if score <= 0 or hours <= rule.grace_hours:
        return Fraction(0)
    days = math.ceil((hours - rule.grace_hours) / 24)
    percent = min(days * rule.percent_a_day, rule.cap_percent)
    return min(score, Fraction(math.floor(score * percent + Fraction(1, 2)), 100))
