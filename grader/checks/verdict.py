"""Short ways to say how a criterion ended."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from grader.verdicts import Flag, Outcome, Verdict

__all__ = ["failed", "partial", "passed", "skipped"]

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
