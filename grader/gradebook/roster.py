"""Which student of the roster each row of the gradebook belongs to, and how late that student was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from grader.display import display
from grader.gradebook.lateness import Lateness
from grader.gradebook.lists import Student
from grader.gradebook.matching import Matching, answers_to, shared_prefix, without_assignment

if TYPE_CHECKING:
    from grader.report.rows import Row

__all__ = ["People"]


_OWN_COLUMNS = ("id", "roster_id", "name", "email")
"""Columns that the gradebook has of its own."""
_MOST_NAMED = 5
"""Students that one sentence names."""


class People:
    """Names and lateness by the ids of reports.

    Every report is met before the first question is asked: whose a report is depends on all of them.
    """

    def __init__(
        self,
        roster: Sequence[Student] = (),
        lateness: Lateness | None = None,
        picked: Collection[str] = (),
        chosen: Mapping[str, str] | None = None,
    ) -> None:
        """``picked`` are the students whose submission a person picked; ``chosen`` has the report that counts for a
        student, where a person said so."""
        self.known = bool(roster)
        """Whether there is a roster."""
        headings = dict.fromkeys(heading for student in roster for heading in student.own)
        self.columns = tuple(heading for heading in headings if heading not in _OWN_COLUMNS)
        """Headings of the roster that the gradebook does not have itself."""
        self.lateness = lateness
        self._roster = roster
        self._by_id = {student.id: student for student in roster}
        self._picked = picked
        self._chosen = chosen or {}
        self._met: dict[str, tuple[str, ...]] = {}
        """What the learning platform knows each student by, by the report's id."""
        self._parts: dict[str, list[str]] = {}
        """Ids of the reports in whose id a student is named, by what the student is named there."""
        self._since_due: dict[str, Fraction | None] = {}
        """Hours after the deadline by the platform's time, by the report's id."""
        self._without_rule: set[str] = set()
        """Assignments in which lateness costs nothing."""

    def meet(self, row: Row) -> None:
        """Take note of a report."""
        self._met[row.id] = row.known_as
        for part in _parts(row.id):
            self._parts.setdefault(part.casefold(), []).append(row.id)
        if self.lateness is not None:
            self._since_due[row.id] = self.lateness.hours_since_due(row.submitted or "")
            if not self.lateness.rule_of(row.assignment).takes_off:
                self._without_rule.add(row.assignment)

    def students(self, id: str) -> tuple[Student, ...]:
        """The students of a report: several for a group, none where there is doubt."""
        return self._on_roster.of(id)

    def members(self, id: str) -> tuple[Student, ...]:
        """The students of a report, one for each who handed it in; none where a person must decide whose it is.

        Somebody of a group whom the roster does not have goes by the name that the report's id has; and so does the
        student of a report that belongs to nobody on the roster.
        """
        students, parts = self.students(id), _parts(id)
        if id not in self._met:
            return (Student(id, "", ""),)
        claimed = self._on_roster.claimed(id)
        if len(parts) == 1 or any(answers_to(student, id) for student in claimed):
            strangers = () if claimed else parts
        else:
            others = [part for part in parts if not any(answers_to(student, part) for student in claimed)]
            strangers = tuple(others[: len(parts) - len(claimed)])
        return (*students, *(Student(part, "", "") for part in strangers if self._is_of(part, id)))

    def is_group(self, id: str) -> bool:
        """Whether a report's id names several students."""
        return bool(_group(id)) and not any(answers_to(student, id) for student in self._on_roster.claimed(id))

    def on_roster(self, id: str) -> Student | None:
        """Somebody of the roster, by the roster's id."""
        return self._by_id.get(id)

    def _is_of(self, part: str, id: str) -> bool:
        """Whether a report counts for somebody whom the roster does not have, and whom several reports may name."""
        reports = self._parts[part.casefold()]
        chosen = self._chosen.get(part)
        return chosen == id if chosen in reports else len(reports) == 1

    def name(self, id: str) -> str:
        """The names of a report's students, empty where they are not known. Where there is doubt, they end in ``?``."""
        students = self.students(id)
        return _joined(student.name for student in students) or _joined(
            f"{student.name or student.id}?" for student in self._on_roster.claimed(id)
        )

    def cells(self, students: Sequence[Student]) -> dict[str, str]:
        """What the roster says about one student, or about the students of a group, by column."""
        cells = {column: _joined(student.own.get(column, "") for student in students) for column in self.columns}
        return cells | {
            "roster_id": _joined(student.id for student in students),
            "name": _joined(student.name for student in students),
            "email": _joined(student.email for student in students),
        }

    def hours(self, id: str, student: Student | None = None) -> Fraction | None:
        """Hours by which a report was late; None where they are not known.

        What the list says comes before the platform's time, which knows of no extension. A member of a group whom the
        list does not name is as late as the latest one whom it names.
        """
        if self.lateness is None:
            return None
        listed = self._on_late_list.of(id)
        own = [entry for entry in listed if student is not None and answers_to(student, entry.id)]
        return max((self.lateness.hours[entry.id] for entry in own or listed), default=self._since_due.get(id))

    @property
    def missing(self) -> tuple[Student, ...]:
        """The students on the roster without a report, in the roster's order."""
        return tuple(student for student in self._on_roster.unmatched if not student.is_staff)

    @property
    def doubtful(self) -> tuple[tuple[Student, tuple[str, ...]], ...]:
        """The students of whose report a person must decide, each with the reports' ids."""
        named = (
            (part, reports)
            for part, reports in self._parts.items()
            if len(reports) > 1 and not any(self._is_of(part, id) or self._on_roster.claimed(id) for id in reports)
        )
        return (*self._on_roster.doubtful, *((Student(part, "", ""), tuple(reports)) for part, reports in named))

    def odd(self) -> Iterator[str]:
        """Sentences about what does not match."""
        strangers = sum(not self.students(id) for id in self._met) if self.known else 0
        if strangers:
            yield f"{strangers:,} of {len(self._met):,} reports match nobody on the roster and stay without a name"
        for name, matching in (("roster", self._on_roster), ("list of lateness", self._on_late_list)):
            if doubtful := matching.doubtful:
                pairs = _some(f"{_shown(student.id)} ({_some(map(_shown, ids))})" for student, ids in doubtful)
                yield (
                    f"whose these reports are is in doubt, and nothing on the {name} goes with them: {pairs}; say it "
                    "with 'grade --pick ID=FILE', or with 'gradebook choose' where somebody is in two of them"
                )
            differing = list(matching.spoilt())
            if shorter := [found for found in differing if _lost_zeros(found[2], found[1])]:
                pairs = _some(f"{_shown(report)} may be {_shown(id)}" for _, id, _, report in shorter)
                yield (
                    f"names of reports seem to have lost zeros that the {name} has: {pairs}; name those hand-ins as "
                    f"the {name} does, or say it with 'grade --pick ID=FILE'"
                )
            if spoilt := [found for found in differing if found not in shorter]:
                changed = _some(map(_spoilt, spoilt))
                yield (
                    f"ids on the {name} seem changed by a spreadsheet: {changed}; write them again, in a column that "
                    "is formatted as text"
                )
        if absent := sorted(_shown(student.id) for student in self._on_late_list.unmatched):
            yield f"{len(absent):,} on the list of lateness have no report: {_some(absent)}"
        if self._without_rule:
            yield (
                f"nothing is taken off for lateness in {_some(sorted(self._without_rule))}: the rubric has no rule for "
                "it; add 'late' there, or give --percent-a-day to 'gradebook summary'"
            )
        untimed = [id for id in self._met if self.lateness and self.lateness.due and self.hours(id) is None]
        if untimed:
            yield (
                f"{len(untimed):,} of {len(self._met):,} reports have no time of submission: put those that were late "
                f"on a list for --late: {_some(map(_shown, untimed))}"
            )

    @cached_property
    def _on_roster(self) -> Matching:
        matching = Matching(self._roster, self._picked, self._chosen)
        for id, known_as in self._known_as.items():
            matching.meet(id, known_as, _group(id))
        return matching

    @cached_property
    def _on_late_list(self) -> Matching:
        """The list of lateness may name a student by any of the keys that the roster has."""
        listed = (Student(id, id, "") for id in (self.lateness.hours if self.lateness else ()))
        matching = Matching(listed, self._picked)
        for id, known_as in self._known_as.items():
            keys = [(student.id, *student.also, student.email, student.name) for student in self.students(id)]
            matching.meet(id, (*known_as, *(key for students_keys in keys for key in students_keys)), _group(id))
        return matching

    @cached_property
    def _known_as(self) -> Mapping[str, tuple[str, ...]]:
        """What else each student met is known as, by the report's id.

        Where the platform says nothing, it is the id without the prefix that all such ids share, and without the name
        of an assignment.
        """
        start = len(shared_prefix([id for id, known_as in self._met.items() if not known_as]))
        return {
            id: known_as or tuple({id[start:], without_assignment(id)} - {id, ""}) for id, known_as in self._met.items()
        }


def _parts(id: str) -> tuple[str, ...]:
    """What a report's id calls each of its students: the ids of a group are joined by ``+``.

    ``c++`` is one student, and so is ``alice+a2@example.org``.
    """
    parts = id.split("+")
    is_group = all(parts) and len({"@" in part for part in parts}) == 1
    return tuple(dict.fromkeys(parts)) if is_group else (id,)


def _group(id: str) -> tuple[str, ...]:
    """What a report's id calls the students of a group; empty for one student's."""
    parts = _parts(id)
    return parts if len(parts) > 1 else ()


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(filter(None, texts))


def _some(texts: Iterable[str]) -> str:
    """The first few texts."""
    shown = list(islice(texts, _MOST_NAMED + 1))
    return ", ".join(shown[:_MOST_NAMED]) + (", …" if len(shown) > _MOST_NAMED else "")


def _lost_zeros(short: str, whole: str) -> bool:
    """Whether ``short`` is ``whole`` without zeros at its start: ``429`` for ``0429``."""
    return bool(short) and whole != short and whole.endswith(short) and not whole[: -len(short)].strip("0")


def _spoilt(found: tuple[Student, str, str, str]) -> str:
    student, id, key, report = found
    name = f" of {_shown(student.name)}" if student.name not in ("", student.id) else ""
    was = f" may be {_shown(key)} (report {_shown(report)})" if key else " is none that anybody has"
    return f"{_shown(id)}{name}{was}"


def _shown(text: str) -> str:
    return display(text, limit=60)
