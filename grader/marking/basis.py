"""What of the rubric a verdict depends on, as a hash: where it is the same, nothing need be examined again.

Points, titles, shares and ``needs`` are not part of it: they are applied to verdicts that are there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction

from grader.fingerprint import fingerprint
from grader.marking.rounding import RoundRule
from grader.marking.rubric import Assignment

__all__ = ["bases", "holds", "is_hidden", "marks_part", "reads"]


_OF_NETWORKS = ("layer_orders", "accept", "follow_through")
_READS = {
    "shapes": _OF_NETWORKS,
    "parameters": _OF_NETWORKS,
    "architecture": _OF_NETWORKS,
    "training": _OF_NETWORKS,
    "device": ("follow_through",),
    "gradients": ("follow_through",),
    "code": ("code",),
    "writeup": ("writeup",),
}
"""The keys of an assignment that each check reads; none where it is not here."""
_DIGITS = 16


_last: tuple[Assignment, Mapping[str, str]] | None = None
"""What was asked for last: for the reports of a cohort it is the same again and again."""


def reads(check: str) -> tuple[str, ...]:
    """The keys of an assignment's part of the rubric that a check reads."""
    return _READS.get(check, ())


def bases(assignment: Assignment) -> Mapping[str, str]:
    """The basis of the verdict on each criterion that a check decides, by the criterion's id.

    A hidden criterion's has a second part: its report does not show the mistake, so the shares count too.
    """
    global _last
    if _last is not None and _last[0] is assignment:
        return _last[1]
    checks = {criterion.check for criterion in assignment.criteria if criterion.check}
    basis = {
        check: fingerprint((assignment.id, check, [getattr(assignment, key) for key in reads(check)]))[:_DIGITS]
        for check in checks
    }
    shares = fingerprint(assignment.mistakes)[:_DIGITS]
    made = {
        criterion.id: f"{basis[criterion.check]}.{shares}" if criterion.hidden else basis[criterion.check]
        for criterion in assignment.criteria
        if criterion.check
    }
    _last = assignment, made
    return made


def holds(recorded: str, now: str) -> bool:
    """Whether a verdict with the basis ``recorded`` is what an examination on the basis ``now`` would give.

    What a hidden criterion's report leaves out can be left out of an open one's as well, but not be put back.
    """
    return recorded == now or (not is_hidden(recorded) and recorded == now.partition(".")[0])


def is_hidden(basis: str) -> bool:
    """Whether it is the basis of a hidden criterion."""
    return "." in basis


def marks_part(assignment: Assignment) -> str:
    """A hash over what marks and reports show of an assignment's part of the rubric, evidence aside.

    Lateness, rounding and the like change no mark of a criterion. Notes for markers are shown in the index only, which
    is made anew by every run.
    """
    parts = tuple(
        dataclasses.replace(
            part, criteria=tuple(dataclasses.replace(criterion, look_for="") for criterion in part.criteria)
        )
        for part in assignment.parts
    )
    nothing = Fraction(0)
    return fingerprint(
        dataclasses.replace(assignment, late=None, rounding=RoundRule(), neatness=nothing, passing=nothing, parts=parts)
    )
