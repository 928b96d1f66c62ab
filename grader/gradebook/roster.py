"""Which student of the roster each row of the gradebook belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from grader.display import display
from grader.gradebook.lateness import Lateness
from grader.gradebook.lists import Student
from grader.gradebook.matching import Matching, shared_prefix

if TYPE_CHECKING:
    from grader.report.rows import Row

__all__ = ["People"]


class People:
    """Names and lateness by the ids of reports."""

    def __init__(self, roster: Sequence[Student] = (), lateness: Lateness | None = None) -> None:
        self.known = bool(roster)
        own = dict.fromkeys(heading for student in roster for heading in student.own)
        self.columns = tuple(heading for heading in own if heading not in ("id", "roster_id", "name", "email"))
        """Headings of the roster that the gradebook does not have itself."""
        self.lateness = lateness
        self._met: dict[str, tuple[str, ...]] = {}
        self._roster = roster
        self._late: Matching | None = None

    def meet(self, row: Row) -> None:
        """Take note of a report; all are met before the first question."""
        if self.known or self.lateness is not None:
            self._met[row.id] = row.known_as

    @cached_property
    def _on_roster(self) -> Matching:
        matching = Matching(self._roster)
        for id, known_as in self._known_as.items():
            matching.meet(id, known_as)
        return matching

    @cached_property
    def _known_as(self) -> Mapping[str, tuple[str, ...]]:
        """What else is known of the students met, by the ids of their reports."""
        prefix = shared_prefix([id for id, known_as in self._met.items() if not known_as])
        rest = len(prefix)
        return {id: known_as or ((id[rest:],) if rest else ()) for id, known_as in self._met.items()}

    def students(self, id: str) -> tuple[Student, ...]:
        return self._on_roster.of(id)

    def name(self, id: str) -> str:
        return _together(student.name for student in self.students(id))

    def cells(self, students: Sequence[Student]) -> dict[str, str]:
        """What the roster says of one student, or of a group."""
        cells = {column: _together(one.own.get(column, "") for one in students) for column in self.columns}
        cells |= {"roster_id": _together(one.id for one in students), "name": _together(one.name for one in students)}
        return cells | {"email": _together(one.email for one in students)}

    def hours(self, id: str) -> Fraction | None:
        """Of a group, the latest."""
        if self.lateness is None:
            return None
        return max((self.lateness.hours[one.id] for one in self._on_late().of(id)), default=None)

    def _on_late(self) -> Matching:
        """The list of lateness may go by any of the keys that the roster has of a student."""
        if self._late is None:
            self._late = Matching(Student(id, id, "") for id in (self.lateness.hours if self.lateness else ()))
            for id, known_as in self._known_as.items():
                further = [(one.id, *one.also, one.email, one.name) for one in self.students(id)]
                self._late.meet(id, (*known_as, *(key for keys in further for key in keys)))
        return self._late

    def penalty(self, row: Row) -> Fraction:
        """Points that lateness takes from a report's score."""
        if self.lateness is None:
            return Fraction(0)
        return self.lateness.penalty(row.assignment, row.score, self.hours(row.id))

    @property
    def missing(self) -> tuple[Student, ...]:
        """Who is on the roster and was not met, in the roster's order."""
        return self._on_roster.unmatched

    def odd(self) -> Iterator[str]:
        """Sentences about what does not match."""
        strangers = sum(not self.students(id) for id in self._met) if self.known else 0
        if strangers:
            yield f"{strangers:,} of {len(self._met):,} reports are of nobody on the roster and stay without a name"
        for what, matching in (("roster", self._on_roster), ("list of lateness", self._on_late())):
            if doubtful := matching.doubtful:
                yield f"{_some(doubtful)} on the {what} may have any of several reports: none was taken for theirs"
        if absent := sorted(self._on_late().unmatched, key=lambda one: one.id):
            yield f"{len(absent):,} on the list of lateness have no report: {_some(absent)}"


def _together(texts: Iterable[str]) -> str:
    return ", ".join(filter(None, texts))


def _some(students: Sequence[Student]) -> str:
    return ", ".join(display(one.id, limit=60) for one in students[:5]) + (", …" if len(students) > 5 else "")
