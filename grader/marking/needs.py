"""What a criterion needs: whether the verdict on another one keeps it from being examined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from grader.marking.rubric import Assignment, Criterion
from grader.marking.sheet import settled
from grader.marking.verdicts import Outcome, Verdict

__all__ = ["decided", "in_the_way"]


_ENDED = {
    Outcome.FAIL: "failed",
    Outcome.PARTIAL: "passed only in part",
    Outcome.SKIPPED: "was skipped",
    Outcome.ERROR: "could not be examined",
}


def decided(
    assignment: Assignment, examine: Callable[[Criterion], Verdict], given: Mapping[str, Verdict] | None = None
) -> dict[str, Verdict]:
    """The verdict on each criterion with a check, by its id; a criterion comes after those that it needs.

    ``examine`` is called for each criterion that nothing keeps from being examined, and that has no verdict in
    ``given``.
    """
    criteria = {criterion.id: criterion for criterion in assignment.criteria}
    verdicts: dict[str, Verdict] = dict(given or {})

    def decide(criterion: Criterion) -> Verdict | None:
        """None where a person decides."""
        if criterion.check is None:
            return None
        if criterion.id not in verdicts:
            needed = ((criteria[need], decide(criteria[need])) for need in criterion.needs)
            verdicts[criterion.id] = in_the_way(assignment, criterion, needed) or examine(criterion)
        return verdicts[criterion.id]

    for criterion in assignment.criteria:
        decide(criterion)
    return verdicts


def in_the_way(
    assignment: Assignment, criterion: Criterion, needed: Iterable[tuple[Criterion, Verdict | None]]
) -> Verdict | None:
    """``skipped``, if one of the criteria that a criterion needs is in the way; None if the criterion can be examined.

    ``needed`` are these criteria with their verdicts; None where nothing is examined.
    """
    for need, verdict in needed:
        if verdict is not None:
            outcome = settled(assignment, verdict).outcome
            followed = assignment.follow_through and verdict.mistake is not None and need.check in _FOLLOWED
            if _is_in_the_way(need, outcome) and not followed:
                feedback = f"Skipped: it depends on {need.id}, which {_ENDED[outcome]}."
                return Verdict(criterion.id, Outcome.SKIPPED, feedback, waits_for=need.id)
    return None


_FOLLOWED = ("architecture", "values")
"""Checks that recognise mistakes which others are judged with: see ``grader/checks/following.py``."""


def _is_in_the_way(need: Criterion, outcome: Outcome) -> bool:
    """Whether what depends on the criterion ``need`` is skipped, given how that ended.

    A recognised mistake that keeps a share of its points is still a mistake, and what is built on it is not judged a
    second time. Shapes that are right in part are different: the rest is judged where the class fits.
    """
    return outcome in _ENDED and not (outcome is Outcome.PARTIAL and need.check == "shapes")
