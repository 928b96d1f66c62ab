"""The rubric as records: what there is to earn, and what decides it. ``rubric_file`` reads them from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from grader.lazy import lazy
from grader.marking.late import LateRule
from grader.marking.rounding import RoundRule

__all__ = ["Assignment", "Criterion", "Part", "Rubric", "RubricError"]


class RubricError(Exception):
    """The rubric cannot be used; the text is one sentence with file and line."""


@dataclass(frozen=True)
class Criterion:
    """One line of the mark sheet."""

    id: str
    """``<thing>.<aspect>``, such as ``unet.shapes`` or ``manual.a3``."""
    title: str
    """What earns the points, as one sentence."""
    points: Fraction
    """The most that can be earned, in whole hundredths of a point."""
    check: str | None
    """Name of the check that decides it; None where a person decides."""
    look_for: str
    """Manual criteria: what a full answer contains, for the TA. Empty for automatic criteria."""
    needs: tuple[str, ...]
    """Ids of criteria of the same assignment that must not have failed; otherwise this criterion is skipped."""
    hidden: bool
    """True: the feedback states the outcome alone, and no other feedback repeats what this criterion's check found."""
    question: str = ""
    """Automatic criteria: the handout's question whose points it shares, or empty. A manual criterion's id names it."""


@dataclass(frozen=True)
class Part:
    """A part of the handout, with its points."""

    id: str
    title: str
    points: Fraction
    """The sum of its criteria's points."""
    bonus: bool
    """Whether its points count in the score but not in the maximum."""
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
    """By mistake id, the share of the points that the mistake earns, where this rubric overrides the default."""
    late: LateRule | None = None
    """What lateness costs, if the rubric says so. The gradebook subtracts it from the score; marks stay as they are."""
    rounding: RoundRule = RoundRule()  # noqa: RUF009 (frozen)
    """How the final mark is rounded."""
    neatness: Fraction = Fraction(10)
    """The most that a person may take off for neatness, in percent of the maximum."""
    passing: Fraction = Fraction(50)
    """Percent of the maximum from which on a mark passes, for the statistics."""
    accept: tuple[str, ...] = ()
    """Ids of the variants of the handout's networks that count as right."""
    follow_through: bool = True
    """Whether what follows from a known mistake is judged against the network with that mistake, so that one fault
    costs points once."""

    @lazy
    def criteria(self) -> tuple[Criterion, ...]:
        """All criteria, in the order of the handout."""
        return tuple(criterion for part in self.parts for criterion in part.criteria)


@dataclass(frozen=True)
class Rubric:
    """The whole of ``rubric.yaml``."""

    path: Path
    sha256: str
    """Hash of the file's bytes, hexadecimal."""
    assignments: Mapping[str, Assignment]
    mistake_lines: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The line of each mistake, by assignment and mistake id. Whether such a mistake exists, only the checks know."""
