"""How a final mark is rounded: once, at the end, by the rubric's rule. Everything before it is exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["WAYS", "RoundRule"]


WAYS = ("half-up", "up", "down")
"""To the nearest step, half a step going up; to the next step above; to the next step below."""


@dataclass(frozen=True)
class RoundRule:
    """The rule of an assignment. With its default values marks have whole hundredths."""

    step: Fraction = Fraction(1, 100)
    """Marks are multiples of it."""
    way: str = "half-up"
    """One of ``WAYS``."""

    def __post_init__(self) -> None:
        if self.step <= 0 or self.way not in WAYS:
            raise ValueError(f"a mark is rounded to a positive step, {' or '.join(WAYS)}, was {self.step} {self.way}")

    def __call__(self, mark: Fraction) -> Fraction:
        """The mark as a whole number of steps."""
        steps = mark / self.step
        if self.way == "half-up":
            return math.floor(steps + Fraction(1, 2)) * self.step
        return (math.ceil(steps) if self.way == "up" else math.floor(steps)) * self.step

    def __str__(self) -> str:
        """The rule in a sentence."""
        how = {"half-up": "to the nearest", "up": "up to the next", "down": "down to the next"}[self.way]
        half = "; half of it goes up" if self.way == "half-up" else ""
        return f"Marks are rounded once, at the end, {how} multiple of {float(self.step):g}{half}."
