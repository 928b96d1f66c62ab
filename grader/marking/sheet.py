"""Verdicts and rubric to marks: pure, and exact in hundredths of a point.

What the grader could not decide is never held against the student: it stays among the points still to be marked, and so
does what was skipped for that reason alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from grader.marking.rubric import Assignment, Criterion
from grader.marking.verdicts import Flag, Outcome, Verdict, sentences

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
    """Points still open, bonus included: pending, in error, or skipped for no other reason than an error."""
    status: str
    """``graded``, ``needs_review`` or ``ungradable``."""


def mark(
    assignment: Assignment, verdicts: Iterable[Verdict], flags: Iterable[Flag] = (), *, gradable: bool = True
) -> MarkSheet:
    """Marks for every criterion of the rubric.

    A manual criterion without a verdict is pending; an automatic one without a verdict is our error.
    Points are ``share`` × the criterion's points, rounded half up to hundredths. A hidden criterion's mark keeps its
    outcome; its feedback is a general sentence, no mistake is named, and of its evidence ``seconds`` alone stays. What
    it found is taken out of the other criteria too: the mistake's name, and sentences of its feedback.
    What a criterion ``needs`` is not applied here: verdicts come with ``skipped`` already in them.

    ``flags`` are the submission's own; those of the verdicts count as well. An error or a flag makes the status
    ``needs_review``; ``gradable=False`` (there was no code to examine) makes it ``ungradable``.

    Raises ValueError when a criterion has two verdicts, or a verdict has no criterion: both are faults of the caller.
    """
    by_criterion = _by_criterion(assignment, verdicts)
    final = {
        criterion.id: by_criterion.get(criterion.id) or _without_verdict(criterion) for criterion in assignment.criteria
    }
    secrets = _Secrets.of(assignment, final)
    marks = tuple(
        _mark(criterion, final[criterion.id], secrets, part=part.id, bonus=part.bonus)
        for part in assignment.parts
        for criterion in part.criteria
    )
    undecided = _undecided(assignment, final)
    errors = any(verdict.outcome is Outcome.ERROR for verdict in final.values())
    flagged = any(True for _ in flags) or any(verdict.flags for verdict in final.values())
    return MarkSheet(
        marks=marks,
        score=_sum(mark.points for mark in marks),
        max_score=_sum(mark.max_points for mark in marks if not mark.bonus),
        pending_points=_sum(mark.max_points for mark in marks if mark.id in undecided),
        status="ungradable" if not gradable else "needs_review" if errors or flagged else "graded",
    )


def _by_criterion(assignment: Assignment, verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    known = {criterion.id for criterion in assignment.criteria}
    found: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict.criterion not in known:
            raise ValueError(f"a verdict must be about a criterion of '{assignment.id}', was '{verdict.criterion}'")
        if verdict.criterion in found:
            raise ValueError(f"criterion '{verdict.criterion}' of '{assignment.id}' must have one verdict, has two")
        found[verdict.criterion] = verdict
    return found


def _without_verdict(criterion: Criterion) -> Verdict:
    if criterion.check is None:
        return Verdict(criterion.id, Outcome.PENDING, _GENERAL[Outcome.PENDING])
    return Verdict(criterion.id, Outcome.ERROR, _GENERAL[Outcome.ERROR])


_GENERAL = {
    Outcome.PASS: "This is right.",
    Outcome.PARTIAL: "This is partly right.",
    Outcome.FAIL: "This is not right.",
    Outcome.SKIPPED: "This was not examined, because something that it depends on did not pass.",
    Outcome.ERROR: "The grader failed here. That is not your fault and costs you nothing: a person must look at it.",
    Outcome.PENDING: "A person marks this.",
}
"""What can be said of an outcome without giving anything away."""


@dataclass(frozen=True)
class _Secrets:
    """What hidden criteria found."""

    mistakes: frozenset[str]
    sentences: frozenset[str]

    @classmethod
    def of(cls, assignment: Assignment, verdicts: Mapping[str, Verdict]) -> _Secrets:
        hidden = [verdicts[criterion.id] for criterion in assignment.criteria if criterion.hidden]
        lost = [verdict for verdict in hidden if verdict.outcome in (Outcome.FAIL, Outcome.PARTIAL)]
        return cls(
            frozenset(verdict.mistake for verdict in lost if verdict.mistake),
            frozenset(sentence for verdict in lost for sentence in sentences(verdict.feedback)),
        )

    def out_of(self, verdict: Verdict) -> str:
        """The feedback of a criterion that is not hidden, without the sentences of those that are."""
        told = sentences(verdict.feedback)
        kept = [sentence for sentence in told if sentence not in self.sentences]
        if len(kept) == len(told):
            return verdict.feedback
        return " ".join(kept) or _GENERAL[verdict.outcome]


def _mark(criterion: Criterion, verdict: Verdict, secrets: _Secrets, *, part: str, bonus: bool) -> Mark:
    feedback, evidence = secrets.out_of(verdict), verdict.evidence
    if criterion.hidden:
        feedback = _GENERAL[verdict.outcome]
        evidence = {key: value for key, value in evidence.items() if key == "seconds"}
    return Mark(
        id=criterion.id,
        part=part,
        title=criterion.title,
        outcome=verdict.outcome,
        points=min(criterion.points, _hundredths(verdict.share * criterion.points)),
        max_points=criterion.points,
        bonus=bonus,
        feedback=feedback,
        mistake=None if criterion.hidden or verdict.mistake in secrets.mistakes else verdict.mistake,
        evidence=evidence,
        seconds=verdict.seconds,
    )


def _hundredths(points: Fraction) -> Fraction:
    """Half a hundredth goes up."""
    return Fraction((points * 100 + Fraction(1, 2)).__floor__(), 100)


def _undecided(assignment: Assignment, verdicts: Mapping[str, Verdict]) -> set[str]:
    """Criteria whose points are still open: pending, in error, or skipped for no other reason than an error."""
    held_up = {id for id, verdict in verdicts.items() if verdict.outcome is Outcome.ERROR}
    lost = {id for id, verdict in verdicts.items() if verdict.outcome in (Outcome.FAIL, Outcome.SKIPPED)}
    skipped = [criterion for criterion in assignment.criteria if verdicts[criterion.id].outcome is Outcome.SKIPPED]
    while more := {
        criterion.id
        for criterion in skipped
        if criterion.id not in held_up
        and held_up.intersection(criterion.needs)
        and not lost.intersection(criterion.needs)
    }:
        held_up |= more
        lost -= more
    return held_up | {id for id, verdict in verdicts.items() if verdict.outcome is Outcome.PENDING}


def _sum(points: Iterable[Fraction]) -> Fraction:
    return sum(points, Fraction(0))
