"""One student's final line, as records: every point with who gave it, and how the mark follows from the points.

All numbers are exact fractions. ``mark`` alone is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from grader.fingerprint import fingerprint
from grader.marking.verdicts import Outcome
from grader.marks.events import Event

__all__ = ["CriterionLine", "Deduction", "FinalLine", "LateLine", "OpenFlag", "Stage", "Student", "Unconfirmed"]


class Stage(str, Enum):
    """How far the marking is. ``status`` says how the examination went, and is another thing."""

    EXAMINED = "examined"
    """Points are open, the grader failed somewhere, a flag is open, or a mark is to be confirmed."""
    MARKED = "marked"
    """Nothing is open."""
    FINAL = "final"
    """It was released, and has not changed since."""


@dataclass(frozen=True)
class Unconfirmed:
    """A mark that a person must look at once more."""

    event: Event
    earlier_hand_in: bool
    """Whether it was given for another content of the hand-in; ``event.version.sha256`` is that one's hash."""
    above_maximum: bool
    """Whether it is above the criterion's points, which a rubric has changed."""
    maximum: Fraction
    """The criterion's points now."""


@dataclass(frozen=True)
class CriterionLine:
    """One criterion of one student."""

    id: str
    max_points: Fraction
    bonus: bool
    outcome: Outcome
    """Of the examination."""
    examined: Fraction | None
    """The grader's points; None where the grader gives none."""
    points: Fraction | None
    """The points that count; None while they are open."""
    by: str | None = None
    """The person whose points these are; None for the grader's."""
    comment: str = ""
    """A person's, for the student."""
    reason: str = ""
    """Why the points differ from the grader's."""
    unconfirmed: Unconfirmed | None = None

    @property
    def failed(self) -> bool:
        """Whether the grader itself failed here, and nobody has given points."""
        return self.outcome is Outcome.ERROR and self.points is None

    @property
    def overridden(self) -> bool:
        """Whether a person's points stand in place of the grader's."""
        return self.by is not None and self.examined is not None


@dataclass(frozen=True)
class LateLine:
    """How late a student was, and what that costs."""

    hours: Fraction | None
    """Hours after the deadline; None where they are not known."""
    extension: Fraction
    """Hours by which this student's deadline is later."""
    tokens: int
    """Grace tokens that the student uses."""
    counted: Fraction
    """Hours that count: after extension and tokens."""
    share: Fraction
    """The share of the mark that they cost."""
    points: Fraction
    """The points that they cost."""


@dataclass(frozen=True)
class Deduction:
    """Points that a person takes off the whole."""

    name: str
    """``neatness``."""
    points: Fraction
    by: str
    comment: str


@dataclass(frozen=True)
class OpenFlag:
    """A flag of the report, with what a person said of it."""

    key: str
    """What it is resolved by."""
    kind: str
    detail: str
    resolved: Event | None = None
    """The event that resolved it; None while it is open."""


@dataclass(frozen=True)
class Student:
    """Who a line is of."""

    id: str
    """The roster's id; without a roster, the one by which the hand-in names the student."""
    name: str = ""
    email: str = ""
    own: Mapping[str, str] = field(default_factory=dict)
    """The roster's own columns of ids and names, by its own headings."""
    known: bool = False
    """Whether the student is on the roster."""
    doubtful: bool = False
    """Whether a person must decide whose hand-in it is; ``id`` is then the hand-in's."""


@dataclass(frozen=True)
class FinalLine:
    """One student's mark, and all that it is made of."""

    student: Student
    group: tuple[str, ...]
    """Ids of the students for whom a group's hand-in counts; empty where it is one student's."""
    hand_in: str
    """Id of the report."""
    folder: str
    """Name of the report's folder."""
    assignment: str
    assignment_title: str
    status: str
    """``graded``, ``needs_review`` or ``ungradable``: how the examination went. It is ``graded`` once people have
    settled what was to be reviewed."""
    stage: Stage
    criteria: tuple[CriterionLine, ...]
    flags: tuple[OpenFlag, ...]
    max_score: Fraction
    """All points, without bonus."""
    score: Fraction
    """Points so far, with bonus: before deductions, lateness and rounding."""
    automatic: Fraction
    """The part of the score that the grader gave."""
    by_hand: Fraction
    """The part of the score that people gave."""
    open_points: Fraction
    """Points that are still open, with bonus."""
    deductions: tuple[Deduction, ...]
    deducted: Fraction
    """Points that they take off, at most the score."""
    late: LateLine | None
    """None where nobody knows of lateness."""
    rounding: Fraction
    """What rounding adds."""
    mark: Fraction
    """``score`` without deductions and lateness, rounded. While the stage is ``examined`` it is what it would be if
    nothing were earned of what is open."""
    comment: str = ""
    """A person's, for the student, on the whole."""

    @property
    def penalty(self) -> Fraction:
        """Points that lateness takes off."""
        return self.late.points if self.late else Fraction(0)

    @property
    def content(self) -> str:
        """A hash of all that a student is told. A release records it: where it is another, something has changed."""
        criteria = [(one.id, one.max_points, one.points, one.comment) for one in self.criteria]
        deductions = [(each.name, each.points, each.comment) for each in self.deductions]
        return fingerprint((self.hand_in, criteria, deductions, self.penalty, self.mark, self.comment))
