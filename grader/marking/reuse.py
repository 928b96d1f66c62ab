"""A changed rubric, applied to verdicts that are there: what still holds, and what must be examined again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from grader.marking.basis import bases, holds, is_hidden
from grader.marking.needs import decided
from grader.marking.rubric import Assignment, Criterion
from grader.marking.verdicts import Outcome, Verdict

__all__ = ["Recorded", "Reuse", "reuse"]


class Recorded(NamedTuple):
    """A verdict as a report has it."""

    verdict: Verdict
    basis: str
    """What of the rubric it depends on."""


@dataclass(frozen=True)
class Reuse:
    """What a changed rubric makes of the verdicts of a report."""

    verdicts: tuple[Verdict, ...]
    """A verdict on every criterion with a check; ``pending`` where it must be examined again."""
    kept: Mapping[str, Verdict]
    """The verdicts that an examination would give again, by the criterion's id."""
    again: tuple[str, ...]
    """Ids of the criteria that must be examined again."""


def reuse(assignment: Assignment, recorded: Mapping[str, Recorded], *, gradable: bool) -> Reuse:
    """Apply a rubric to the verdicts of a report, given by the criterion's id.

    A criterion is examined again where its check is another one, or reads something else of the rubric; and where it
    was skipped for a criterion that is no longer in the way. ``gradable=False``: there was no code, so nothing was
    skipped for that.
    """
    now = bases(assignment)
    kept = {
        id: _with_its_mistake(assignment, id, recorded)
        for id, old in recorded.items()
        if id in now
        and holds(old.basis, now[id])
        and old.verdict.waits_for is None
        and old.verdict.outcome is not Outcome.ERROR
    }
    if any(_leaves_a_gap(old, now.get(id, "")) for id, old in recorded.items()):
        kept = {}
    again: list[str] = []

    def examined(criterion: Criterion) -> Verdict:
        if criterion.id in kept:
            return kept[criterion.id]
        again.append(criterion.id)
        return Verdict(criterion.id, Outcome.PENDING, "This is to be examined again: the rubric was changed.")

    given = {id: verdict for id, verdict in kept.items() if not gradable or verdict.outcome is Outcome.PENDING}
    verdicts = decided(assignment, examined, given)
    return Reuse(tuple(verdicts.values()), kept, tuple(again))


_EXAMINED = (Outcome.PASS, Outcome.PARTIAL, Outcome.FAIL)
_UNKNOWN = "hidden"
"""In place of the mistake that a hidden criterion found, which its report does not say."""


def _with_its_mistake(assignment: Assignment, id: str, recorded: Mapping[str, Recorded]) -> Verdict:
    """A verdict of a report. A hidden one has a mistake again, if others were judged with the mistake that it found."""
    old = recorded[id]
    if not is_hidden(old.basis) or not _lost(old.verdict):
        return old.verdict
    needing = [criterion.id for criterion in assignment.criteria if id in criterion.needs and criterion.id in recorded]
    followed = any(recorded[other].verdict.outcome in _EXAMINED for other in needing)
    return replace(old.verdict, mistake=_UNKNOWN) if followed else old.verdict


def _leaves_a_gap(old: Recorded, now: str) -> bool:
    """Whether a criterion was hidden, is not so any more, and lost points: other reasons were left out for it."""
    return is_hidden(old.basis) and not is_hidden(now) and _lost(old.verdict)


def _lost(verdict: Verdict) -> bool:
    return verdict.outcome in (Outcome.FAIL, Outcome.PARTIAL)
