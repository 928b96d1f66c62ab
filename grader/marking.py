"""Verdicts and rubric to marks: pure, and exact in hundredths of a point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from grader.rubric import Assignment
from grader.verdicts import Flag, Outcome, Verdict

__all__ = ["Mark", "MarkSheet", "mark"]


@dataclass(frozen=True)
class Mark:
    """One criterion, marked."""

    id: str
    part: str
    title: str
    outcome: Outcome
    points: Fraction
    max_points: Fraction
    bonus: bool
    feedback: str
    mistake: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class MarkSheet:
    """All marks of one submission."""

    marks: tuple[Mark, ...]
    """In the rubric's order, every criterion of the rubric once."""
    score: Fraction
    """Points awarded so far, bonus included."""
    max_score: Fraction
    """All points, bonus not included."""
    pending_points: Fraction
    status: str
    """``graded``, ``needs_review`` or ``ungradable``."""


def mark(assignment: Assignment, verdicts: Iterable[Verdict], flags: Iterable[Flag] = (), *, gradable: bool = True) -> MarkSheet:
    """Marks for every criterion of the rubric.

    A manual criterion without a verdict is pending; an automatic one without a verdict is our error.
    Points are ``share`` × the criterion's points, rounded half up to hundredths.
    """
    raise NotImplementedError
