"""Short ways to say how a criterion ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any

__all__ = ["Flag", "Outcome", "Verdict", "failed", "partial", "passed", "sentences", "skipped"]


_NOTHING: Mapping[str, Any] = {}


def passed(
    criterion: str, feedback: str, *, evidence: Mapping[str, Any] = _NOTHING, flags: tuple[Flag, ...] = ()
) -> Verdict:
    """All points."""
    return Verdict(criterion, Outcome.PASS, feedback, Fraction(1), evidence=evidence, flags=flags)


def partial(
    criterion: str,
    share: Fraction,
    feedback: str,
    *,
    mistake: str | None = None,
    evidence: Mapping[str, Any] = _NOTHING,
) -> Verdict:
    """A known mistake's share of the points; a share of 0 fails and a share of 1 passes."""
    outcome = Outcome.FAIL if share == 0 else Outcome.PASS if share == 1 else Outcome.PARTIAL
    return Verdict(criterion, outcome, feedback, share, mistake, evidence)


def failed(
    criterion: str,
    feedback: str,
    *,
    mistake: str | None = None,
    evidence: Mapping[str, Any] = _NOTHING,
    flags: tuple[Flag, ...] = (),
) -> Verdict:
    """No points."""
    return Verdict(criterion, Outcome.FAIL, feedback, Fraction(0), mistake, evidence, flags=flags)


def skipped(criterion: str, feedback: str) -> Verdict:
    """No points, because what it depends on failed."""
    return Verdict(criterion, Outcome.SKIPPED, feedback)


class Outcome(str, Enum):
    """How a criterion ended. ``ERROR`` is the grader's fault and never costs the student a point for good."""

    PASS = "pass"
    PARTIAL = "partial"
    FAIL = "fail"
    SKIPPED = "skipped"
    ERROR = "error"
    PENDING = "pending"


@dataclass(frozen=True)
class Flag:
    """Something that a person should look at before the marks go out."""

    kind: str
    """A short word for sorting: ``late``, ``two-files``, ``untrusted-evidence``, …"""
    detail: str
    """One sentence, plain text."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one criterion, with its reasons. Points come later, from the rubric."""

    criterion: str
    """Criterion id, such as ``unet.shapes``."""
    outcome: Outcome
    feedback: str
    """For the student: plain text, at most four sentences."""
    share: Fraction = Fraction(0)
    """Part of the criterion's points that is earned: 1 for pass, strictly between 0 and 1 for partial, else 0."""
    mistake: str | None = None
    """Id of the known mistake that was recognised."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """For the TA, JSON values only. Keys that reports draw: see ``grader/report``."""
    seconds: float = 0.0
    """Wall time spent on this criterion."""
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        fits = {
            Outcome.PASS: self.share == 1,
            Outcome.PARTIAL: 0 < self.share < 1,
        }.get(self.outcome, self.share == 0)
        if not fits:
            raise ValueError(f"a verdict of '{self.outcome.value}' cannot earn the share {self.share}")


def sentences(text: str) -> list[str]:
    """The sentences of a feedback, or of a message: a new one begins with anything but a small letter (e.g. so)."""
    return re.split(r"(?<=[.!?])\s+(?![a-z\s])", text.strip())
