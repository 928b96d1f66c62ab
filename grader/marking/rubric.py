"""The rubric as records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from grader.marking.late import LateRule

__all__ = ["Assignment", "Criterion", "Part", "Rubric", "RubricError"]


class RubricError(Exception):
    """The rubric cannot be used; the text is one sentence with file and line."""


@dataclass(frozen=True)
class Criterion:
    """One line of the mark sheet."""

    id: str
    """``<thing>.<aspect>``, such as ``unet.shapes`` or ``manual.a3``."""
    title: str
    points: Fraction
    """Most that can be earned; whole hundredths of a point."""
    check: str | None
    """Name of the check that decides it; None where a person does."""
    look_for: str
    """Manual criteria: what a full answer holds, for the TA. Empty for automatic ones."""
    needs: tuple[str, ...]
    """Criteria of the same assignment that must not have failed, else this one is skipped."""
    hidden: bool
    """True: feedback says no more than the outcome, and no other criterion's feedback says what this one found."""
    question: str = ""
    """Automatic criteria: the handout's question whose points it shares, or empty. A manual one's id names its own."""


@dataclass(frozen=True)
class Part:
    """A part of the handout, with its points."""

    id: str
    title: str
    points: Fraction
    bonus: bool
    """Bonus points count in the score and not in the maximum."""
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class Assignment:
    """One assignment's mark sheet and the facts that checks depend on."""

    id: str
    title: str
    code: tuple[str, ...]
    """File names the handout asks for, as patterns (``colorization-*.py``)."""
    writeup: tuple[str, ...]
    """The same for the write-up."""
    layer_orders: tuple[str, ...]
    """Accepted orders of pool (upsample) and batch-norm: ``pool-first``, ``norm-first``; the handout's comes first."""
    parts: tuple[Part, ...]
    mistakes: Mapping[str, Fraction]
    """Share of the points that a known mistake keeps, where this rubric overrides the default; by mistake id."""
    late: LateRule | None = None
    """What lateness costs, where the rubric says so. It is taken from the score in the gradebook, never from a mark."""

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """All criteria in the order of the handout."""
        return tuple(criterion for part in self.parts for criterion in part.criteria)


@dataclass(frozen=True)
class Rubric:
    """The whole of ``rubric.yaml``."""

    path: Path
    sha256: str
    """Hash of the file's bytes, hexadecimal."""
    assignments: Mapping[str, Assignment]
    mistake_lines: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Where each mistake is named, by assignment and mistake id; whether there is one is for the checks to say."""
