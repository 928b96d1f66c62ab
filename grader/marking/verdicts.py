"""What a check says of one criterion: outcome, share of the points, feedback, evidence, flags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from grader.marking.evidence import NOTHING, Evidence

__all__ = [
    "LOST",
    "Flag",
    "Outcome",
    "Verdict",
    "failed",
    "outcome_as_examined",
    "outcome_of",
    "partial",
    "passed",
    "sentences",
    "skipped",
]


class Outcome(str, Enum):
    """How the examination of a criterion ended. ``ERROR`` is the grader's fault and costs the student nothing."""

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
    """A short name to sort by: ``late``, ``two-files``, ``untrusted-evidence``, …"""
    detail: str
    """One sentence, plain text."""


LOST = "lost-to-one-line"
"""The kind of flag of a submission that lost a whole network to one line, and that a person should see first."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one criterion, with its reasons. The rubric turns ``share`` into points; see ``sheet``."""

    criterion: str
    """Criterion id, such as ``unet.shapes``."""
    outcome: Outcome
    feedback: str
    """For the student: plain text, at most four sentences."""
    share: Fraction = Fraction(0)
    """Share of the criterion's points that is earned: 1 for pass, strictly between 0 and 1 for partial, else 0."""
    mistake: str | None = None
    """Id of the known mistake that was recognised."""
    evidence: Evidence = NOTHING
    """For the TA."""
    seconds: float = 0.0
    """Wall time spent on this criterion."""
    flags: tuple[Flag, ...] = ()
    """What a person should look at."""
    at_stake: Fraction = Fraction(0)
    """The part of the points that a rubric's share of the mistake is a share of; 0 where a rubric cannot set the share:
    the mistake is named here, and judged elsewhere."""
    waits_for: str | None = None
    """The criterion that this one needs and that kept it from being examined."""

    def __post_init__(self) -> None:
        fits = {
            Outcome.PASS: self.share == 1,
            Outcome.PARTIAL: 0 < self.share < 1,
        }.get(self.outcome, self.share == 0)
        if not fits:
            raise ValueError(f"a verdict of '{self.outcome.value}' cannot earn the share {self.share}")


def passed(criterion: str, feedback: str, *, evidence: Evidence = NOTHING, flags: tuple[Flag, ...] = ()) -> Verdict:
    """All points."""
    return Verdict(criterion, Outcome.PASS, feedback, Fraction(1), evidence=evidence, flags=flags)


def partial(
    criterion: str,
    share: Fraction,
    feedback: str,
    *,
    mistake: str | None = None,
    evidence: Evidence = NOTHING,
    at_stake: Fraction = Fraction(1),
) -> Verdict:
    """The share of the points that a known mistake earns, unless the rubric sets another share of ``at_stake``.

    A share of 0 fails, and a share of 1 passes.
    """
    at_stake = at_stake if mistake is not None else Fraction(0)
    return Verdict(criterion, outcome_of(share), feedback, share, mistake, evidence, at_stake=at_stake)


def outcome_of(share: Fraction) -> Outcome:
    """The outcome of a criterion that was examined and earns this share."""
    return Outcome.FAIL if share == 0 else Outcome.PASS if share == 1 else Outcome.PARTIAL


def outcome_as_examined(outcome: Outcome, share: Fraction) -> Outcome:
    """The outcome of a verdict that earns this share, from the outcome of its mark.

    The mark's can be another one: a rubric sets shares, and a question can earn nothing.
    """
    examined = outcome in (Outcome.PASS, Outcome.PARTIAL, Outcome.FAIL) or share > 0
    return outcome_of(share) if examined else outcome


def failed(
    criterion: str,
    feedback: str,
    *,
    mistake: str | None = None,
    evidence: Evidence = NOTHING,
    flags: tuple[Flag, ...] = (),
    at_stake: Fraction = Fraction(0),
) -> Verdict:
    """No points, unless the rubric sets a share of ``at_stake`` for the mistake."""
    at_stake = at_stake if mistake is not None else Fraction(0)
    return Verdict(criterion, Outcome.FAIL, feedback, Fraction(0), mistake, evidence, flags=flags, at_stake=at_stake)


def skipped(criterion: str, feedback: str) -> Verdict:
    """Not examined, because a criterion that it depends on failed."""
    return Verdict(criterion, Outcome.SKIPPED, feedback)


def sentences(text: str) -> list[str]:
    """The sentences of a feedback or a message. A small letter begins no sentence, so ``e.g. this`` is within one."""
    return re.split(r"(?<=[.!?])\s+(?![a-z\s])", text.strip())
