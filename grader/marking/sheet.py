"""From verdicts and a rubric to marks: pure and exact.

A check says what a mistake keeps by default. The rubric's own shares are applied here, so a changed share needs no
examination.

Where the grader could not decide a criterion, the student loses nothing: the points stay open until a person marks
them. The same is true of a criterion that was skipped for that reason alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from grader.marking.basis import bases
from grader.marking.credit import as_examined, credited
from grader.marking.evidence import NOTHING, Evidence
from grader.marking.points import total
from grader.marking.rubric import Assignment, Criterion, Part
from grader.marking.verdicts import Flag, Outcome, Verdict, outcome_as_examined, outcome_of, sentences

__all__ = ["Mark", "MarkSheet", "mark", "settled", "verdict_of"]


@dataclass(frozen=True)
class Mark:
    """One criterion, marked."""

    id: str
    """The criterion's id, such as ``unet.shapes``."""
    part: str
    """Id of its part."""
    title: str
    outcome: Outcome
    points: Fraction
    """Points awarded, exact."""
    max_points: Fraction
    bonus: bool
    """Whether the points count in the score but not in the maximum."""
    feedback: str
    """For the student: plain text."""
    mistake: str | None = None
    """Id of the known mistake that was recognised."""
    evidence: Evidence = NOTHING
    """For the TA."""
    seconds: float = 0.0
    """Wall time spent on this criterion."""
    share: Fraction = Fraction(0)
    """The share of the points that the verdict earns where the rubric sets none for the mistake."""
    at_stake: Fraction = Fraction(0)
    """The part of the points that a rubric's share of the mistake is a share of."""
    waits_for: str | None = None
    """The criterion that this one needs and that kept it from being examined."""
    flags: tuple[Flag, ...] = ()
    """What a person should look at because of this criterion."""
    basis: str = ""
    """What of the rubric the verdict depends on; see ``marking/basis.py``."""


@dataclass(frozen=True)
class MarkSheet:
    """All marks of one submission."""

    marks: tuple[Mark, ...]
    """One per criterion of the rubric, in the rubric's order."""
    score: Fraction
    """Points awarded so far, including bonus points."""
    max_score: Fraction
    """All points, without bonus points."""
    pending_points: Fraction
    """Points still open, including bonus points: pending, in error, or skipped because of an error alone."""
    status: str
    """``graded``, ``needs_review`` or ``ungradable``: how the examination went."""
    decided: str = ""
    """How far the marking is where people's marks are in it; empty in the grader's own report."""

    @property
    def stage(self) -> str:
        """How far the marking is: ``examined`` while points or flags are open or the grader failed, else ``marked``."""
        if self.decided:
            return self.decided
        return "marked" if self.status == "graded" and not self.pending_points else "examined"


def mark(
    assignment: Assignment, verdicts: Iterable[Verdict], flags: Iterable[Flag] = (), *, gradable: bool = True
) -> MarkSheet:
    """One mark per criterion of the rubric.

    A manual criterion without a verdict is pending; an automatic one without a verdict is our error. The points are
    ``share`` × the criterion's points, exact. The verdicts already say what is skipped: what a
    criterion ``needs`` is not looked at here.

    The mark of a hidden criterion keeps its outcome. Its feedback is a general sentence, and it has no mistake and no
    evidence. The other marks lose what a hidden criterion found: its mistake, and the sentences of its feedback.

    ``flags`` are the submission's own; the verdicts' flags count as well. An error or a flag makes the status
    ``needs_review``. ``gradable=False`` (there was no code to examine) makes it ``ungradable``.

    Raises ValueError when a criterion has two verdicts, or a verdict has no criterion: both are faults of the caller.
    """
    by_criterion = _by_criterion(assignment, verdicts)
    basis = bases(assignment)
    final = {
        criterion.id: settled(
            assignment, by_criterion.get(criterion.id) or _without_verdict(criterion.id, manual=criterion.check is None)
        )
        for criterion in assignment.criteria
    }
    final = credited(assignment, final)
    secrets = _Secrets.of(assignment, final)
    marks = tuple(
        _mark(
            criterion,
            by_criterion.get(criterion.id, final[criterion.id]),
            final[criterion.id],
            secrets,
            part=part,
            basis=basis.get(criterion.id, ""),
        )
        for part in assignment.parts
        for criterion in part.criteria
    )
    undecided = _undecided(assignment, final)
    errors = any(verdict.outcome is Outcome.ERROR for verdict in final.values())
    flagged = any(True for _ in flags) or any(verdict.flags for verdict in final.values())
    return MarkSheet(
        marks=marks,
        score=total(mark.points for mark in marks),
        max_score=total(mark.max_points for mark in marks if not mark.bonus),
        pending_points=total(mark.max_points for mark in marks if mark.id in undecided),
        status="ungradable" if not gradable else "needs_review" if errors or flagged else "graded",
    )


def settled(assignment: Assignment, verdict: Verdict) -> Verdict:
    """The verdict with the share that the rubric sets for its mistake, if it sets one."""
    if verdict.mistake is None or verdict.mistake not in assignment.mistakes or not verdict.at_stake:
        return verdict
    share = assignment.mistakes[verdict.mistake] * verdict.at_stake
    return replace(verdict, share=share, outcome=outcome_of(share))


def _by_criterion(assignment: Assignment, verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    known = {criterion.id for criterion in assignment.criteria}
    by_criterion: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict.criterion not in known:
            raise ValueError(f"a verdict must be about a criterion of '{assignment.id}', was '{verdict.criterion}'")
        if verdict.criterion in by_criterion:
            raise ValueError(f"criterion '{verdict.criterion}' of '{assignment.id}' must have one verdict, has two")
        by_criterion[verdict.criterion] = verdict
    return by_criterion


@lru_cache(maxsize=1_000)
def _without_verdict(id: str, *, manual: bool) -> Verdict:
    outcome = Outcome.PENDING if manual else Outcome.ERROR
    return Verdict(id, outcome, _GENERAL[outcome])


_GENERAL = {
    Outcome.PASS: "This is right.",
    Outcome.PARTIAL: "This is partly right.",
    Outcome.FAIL: "This is not right.",
    Outcome.SKIPPED: "This was not examined, because something that it depends on did not pass.",
    Outcome.ERROR: "The grader failed here. That is not your fault and costs you nothing: a person must look at it.",
    Outcome.PENDING: "A person marks this.",
}
"""One sentence per outcome, which gives nothing away."""


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
        """The feedback of a criterion that is not hidden, without the sentences of hidden criteria."""
        if not self.sentences:
            return verdict.feedback
        every = sentences(verdict.feedback)
        harmless = [sentence for sentence in every if sentence not in self.sentences]
        if len(harmless) == len(every):
            return verdict.feedback
        return " ".join(harmless) or _GENERAL[verdict.outcome]


def _earned(share: Fraction, points: Fraction) -> Fraction:
    # All and nothing are what most verdicts earn, and a product of fractions takes long.
    return points if share.numerator == share.denominator else share * points if share.numerator else share


def _mark(criterion: Criterion, found: Verdict, verdict: Verdict, secrets: _Secrets, *, part: Part, basis: str) -> Mark:
    """``found`` is the verdict before the rubric's share of its mistake is applied; ``verdict`` is the one after it."""
    feedback, evidence = secrets.out_of(verdict), verdict.evidence
    if criterion.hidden:
        # The share would betray the mistake.
        feedback, evidence, found = _GENERAL[verdict.outcome], NOTHING, replace(verdict, at_stake=Fraction(0))
    return Mark(
        id=criterion.id,
        part=part.id,
        title=criterion.title,
        outcome=verdict.outcome,
        points=_earned(verdict.share, criterion.points),
        max_points=criterion.points,
        bonus=part.bonus,
        feedback=feedback,
        mistake=None if criterion.hidden or verdict.mistake in secrets.mistakes else verdict.mistake,
        evidence=evidence,
        seconds=verdict.seconds,
        share=found.share,
        at_stake=found.at_stake,
        waits_for=verdict.waits_for,
        flags=verdict.flags,
        basis=basis,
    )


def verdict_of(mark: Mark) -> Verdict:
    """The verdict of which a mark was made, as far as the mark shows it."""
    return Verdict(
        criterion=mark.id,
        outcome=outcome_as_examined(mark.outcome, mark.share),
        feedback=as_examined(mark.feedback),
        share=mark.share,
        mistake=mark.mistake,
        evidence=mark.evidence,
        seconds=mark.seconds,
        flags=mark.flags,
        at_stake=mark.at_stake,
        waits_for=mark.waits_for,
    )


def _undecided(assignment: Assignment, verdicts: Mapping[str, Verdict]) -> set[str]:
    """Ids of the criteria with open points: pending, in error, or skipped because of an error alone."""
    uncertain = {id for id, verdict in verdicts.items() if verdict.outcome is Outcome.ERROR}
    lost = {id for id, verdict in verdicts.items() if verdict.outcome in (Outcome.FAIL, Outcome.SKIPPED)}
    skipped = [criterion for criterion in assignment.criteria if verdicts[criterion.id].outcome is Outcome.SKIPPED]
    while more := {
        criterion.id
        for criterion in skipped
        if criterion.id not in uncertain
        and uncertain.intersection(criterion.needs)
        and not lost.intersection(criterion.needs)
    }:
        uncertain |= more
        lost -= more
    return uncertain | {id for id, verdict in verdicts.items() if verdict.outcome is Outcome.PENDING}
