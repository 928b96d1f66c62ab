"""What lateness costs: the rubric's rule, applied to a number of hours. A day is 24 hours, whatever the clocks do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["LateRule", "late_share"]

_HOURS_A_DAY = 24


@dataclass(frozen=True)
class LateRule:
    """The rule for lateness. With its default values lateness costs nothing."""

    grace_hours: Fraction = Fraction(0)
    """Hours after the deadline that cost nothing; days are counted from their end."""
    percent_a_day: Fraction = Fraction(0)
    """Percent of the awarded points that each begun day of 24 hours costs."""
    cap_percent: Fraction = Fraction(100)
    """The most that lateness costs, in percent of the awarded points."""
    token_hours: Fraction = Fraction(24)
    """Hours by which a grace token moves a student's deadline."""

    def __post_init__(self) -> None:
        for what, hours in (("of grace", self.grace_hours), ("of a token", self.token_hours)):
            if hours < 0:
                raise ValueError(f"the hours {what} must be 0 or more, were {float(hours):g}")
        for what, percent in (("a day", self.percent_a_day), ("at most", self.cap_percent)):
            if not 0 <= percent <= 100:
                raise ValueError(f"the percentage {what} must be 0 to 100, was {float(percent):g}")

    @property
    def takes_off(self) -> bool:
        """Whether lateness can cost anything."""
        return self.percent_a_day > 0 and self.cap_percent > 0

    def __str__(self) -> str:
        """The rule in a sentence."""
        if not self.takes_off:
            return "Lateness costs nothing."
        start = f"after a grace of {float(self.grace_hours):g} h" if self.grace_hours else "after the deadline"
        most = f", at most {float(self.cap_percent):g} %" if self.cap_percent < 100 else ""
        return f"Each begun day of 24 hours {start} costs {float(self.percent_a_day):g} % of the score{most}."


def late_share(hours: Fraction, rule: LateRule) -> Fraction:
    """The share of a mark that ``hours`` of lateness cost, 0 to 1, exact."""
    if hours <= rule.grace_hours:
        return Fraction(0)
    days = math.ceil((hours - rule.grace_hours) / _HOURS_A_DAY)
    return min(days * rule.percent_a_day, rule.cap_percent) / 100
