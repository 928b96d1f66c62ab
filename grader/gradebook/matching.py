"""Whose report is whose: reports matched with a list of students by whatever is known of both, where that is unique.

A learning platform names files in its own way (``exampalice_12345``: a name and a user number), a roster has the
university's numbers and names. What matches is tried from the surest to the weakest: the report's id, all else that the
platform knows the student by, the part of an e-mail address before the @, the name. The first at which anybody matches
decides; a key that fits two students fits nobody, and so does a student whom two reports fit equally well. A wrong
name, and with it a wrong penalty, would be worse than none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from grader.gradebook.lists import Student

__all__ = ["Matching", "shared_prefix"]


_Keys = Iterable[str]


@dataclass(frozen=True)
class _Level:
    """One way to compare."""

    of_report: Callable[[str, Sequence[str]], _Keys]
    """Keys of a report, from its id and what else its student is known as."""
    of_student: Callable[[Student], _Keys]
    index: dict[str, str | None] = field(default_factory=dict)
    """Student's id by key; None where several have it."""


def _levels() -> tuple[_Level, ...]:
    return (
        _Level(lambda id, known: (id,), lambda student: (student.id,)),
        _Level(lambda id, known: (id.casefold(),), lambda student: (student.id.casefold(),)),
        _Level(
            lambda id, known: (key.casefold() for key in (id, *known)),
            lambda student: (key.casefold() for key in (student.id, *student.also, student.email)),
        ),
        _Level(
            lambda id, known: map(_before_the_at, (id, *known)),
            lambda student: map(_before_the_at, (student.id, *student.also, student.email)),
        ),
        _Level(lambda id, known: map(_letters, (id, *known)), lambda student: _orders(student.name)),
    )


class Matching:
    """A list's students and the reports that were met. Every report is met before the first question."""

    def __init__(self, students: Iterable[Student]) -> None:
        self._students = {student.id: student for student in students}
        self._levels = _levels()
        for level in self._levels:
            for student in self._students.values():
                for key in set(filter(None, level.of_student(student))):
                    other = level.index.get(key, student.id)
                    level.index[key] = student.id if other == student.id else None
        self._claims: dict[str, tuple[int, set[str]]] = {}
        self._matched: dict[str, tuple[str, ...]] = {}

    def meet(self, id: str, known_as: Sequence[str] = ()) -> None:
        """A report, by its id and what else its student is known as."""
        rank, students = self._find(id, known_as)
        for student in students:
            best, reports = self._claims.get(student, (len(self._levels), set()))
            if rank <= best:
                self._claims[student] = rank, ({*reports, id} if rank == best else {id})
        if students:
            self._matched[id] = students

    def _find(self, id: str, known_as: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        by_name: set[str] | None = None
        for rank, level in enumerate(self._levels):
            hits = [level.index[key] for key in filter(None, level.of_report(id, known_as)) if key in level.index]
            if not hits:
                continue
            students = tuple(dict.fromkeys(hit for hit in hits if hit is not None))
            if 2 <= rank < len(self._levels) - 1:
                # A platform's number may be another student's number elsewhere: then the name says so.
                names = self._levels[-1]
                by_name = {found for key in names.of_report("", known_as) if (found := names.index.get(key))}
                if by_name and by_name.isdisjoint(students):
                    return rank, ()
            return rank, students
        return len(self._levels), ()

    def of(self, id: str) -> tuple[Student, ...]:
        """The students of a report: several for a group, none where there is doubt."""
        return tuple(
            self._students[student] for student in self._matched.get(id, ()) if self._claims[student][1] == {id}
        )

    @property
    def unmatched(self) -> tuple[Student, ...]:
        """Who has no report, in the list's order."""
        return tuple(student for id, student in self._students.items() if id not in self._claims)

    @property
    def doubtful(self) -> tuple[Student, ...]:
        """Who may have any of several reports."""
        return tuple(self._students[id] for id, (_, reports) in self._claims.items() if len(reports) > 1)


def shared_prefix(ids: Sequence[str]) -> str:
    """What all ids begin with, up to a hyphen or an underscore: ``a2-`` of the clones ``a2-alice`` and ``a2-bob``."""
    if len(ids) < 2:
        return ""
    # What the first and the last in order share, all do.
    same = takewhile(lambda pair: pair[0] == pair[1], zip(min(ids), max(ids), strict=False))
    common = "".join(letter for letter, _ in same)
    return common[: max(common.rfind("-"), common.rfind("_")) + 1]


def _before_the_at(key: str) -> str:
    return key.casefold().partition("@")[0]


def _letters(text: str) -> str:
    """``Example, Élise`` as ``exampleelise``; empty without a letter."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text).casefold() if one.isalnum())
    return plain if any(map(str.isalpha, plain)) else ""


def _orders(name: str) -> _Keys:
    """A name's words from any of them on: Canvas and many lists put the last name first."""
    words = name.split()[:10]
    return (_letters("".join(words[start:] + words[:start])) for start in range(len(words)))
