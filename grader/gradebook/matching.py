"""Whose report is whose: reports are matched with a list of students by what is known about both.

A learning platform names files in its own way (``exampalice_12345``: a name and a user number), and a roster has the
university's numbers and names. Several ways to compare are tried, from the surest to the weakest: the report's id, all
else that the platform knows the student by, the part of an e-mail address before the @, the name. The first way in
which anybody matches decides. A key that fits two students matches nobody, and so does a student whom two reports fit
equally well: a wrong name, and with it a wrong penalty, would be worse than none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from grader.gradebook.lists import Student

__all__ = ["Matching", "shared_prefix"]


_Keys = Iterable[str]

_MOST_WORDS = 10
"""Words of a name that are compared in every order."""


@dataclass(frozen=True)
class _Level:
    """One way to compare."""

    of_report: Callable[[str, Sequence[str]], _Keys]
    """Keys of a report, from its id and what else its student is known as."""
    of_student: Callable[[Student], _Keys]
    """Keys of a student on the list."""
    index: dict[str, str | None] = field(default_factory=dict)
    """The student's id by key; None where several students have it."""


def _levels() -> tuple[_Level, ...]:
    """The ways to compare, from the surest to the weakest; names are the last."""
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
    """A list's students and the reports that were met. Every report is met before the first question is asked."""

    def __init__(self, students: Iterable[Student]) -> None:
        self._students = {student.id: student for student in students}
        self._levels = _levels()
        for level in self._levels:
            for student in self._students.values():
                for key in set(filter(None, level.of_student(student))):
                    other = level.index.get(key, student.id)
                    level.index[key] = student.id if other == student.id else None
        self._claims: dict[str, tuple[int, set[str]]] = {}
        """By student's id: the surest level at which reports match, and the ids of those that match there."""
        self._matched: dict[str, tuple[str, ...]] = {}
        """Ids of the students that match, by the report's id."""

    def meet(self, id: str, known_as: Sequence[str] = ()) -> None:
        """Take note of a report, by its id and what else its student is known as."""
        rank, students = self._find(id, known_as)
        for student in students:
            best, reports = self._claims.get(student, (len(self._levels), set()))
            if rank <= best:
                self._claims[student] = rank, ({*reports, id} if rank == best else {id})
        if students:
            self._matched[id] = students

    def _find(self, id: str, known_as: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """The first level at which anybody matches a report, and the ids of those who match there."""
        for rank, level in enumerate(self._levels):
            hits = [level.index[key] for key in filter(None, level.of_report(id, known_as)) if key in level.index]
            if not hits:
                continue
            students = tuple(dict.fromkeys(hit for hit in hits if hit is not None))
            if 2 <= rank < len(self._levels) - 1:
                # A platform's number may be another student's number on the list. Then the name contradicts it.
                names = self._levels[-1]
                same_name = {student for key in names.of_report("", known_as) if (student := names.index.get(key))}
                if same_name and same_name.isdisjoint(students):
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
        """The students without a report, in the list's order."""
        return tuple(student for id, student in self._students.items() if id not in self._claims)

    @property
    def doubtful(self) -> tuple[Student, ...]:
        """The students whom several reports fit equally well."""
        return tuple(self._students[id] for id, (_, reports) in self._claims.items() if len(reports) > 1)


def shared_prefix(ids: Sequence[str]) -> str:
    """What all ids begin with, up to a hyphen or an underscore: ``a2-`` for ``a2-alice`` and ``a2-bob``."""
    if len(ids) < 2:
        return ""
    # What the first and the last in alphabetical order share, all share.
    same = takewhile(lambda pair: pair[0] == pair[1], zip(min(ids), max(ids), strict=False))
    common = "".join(letter for letter, _ in same)
    return common[: max(common.rfind("-"), common.rfind("_")) + 1]


def _before_the_at(key: str) -> str:
    return key.casefold().partition("@")[0]


def _letters(text: str) -> str:
    """``exampleelise`` for ``Example, Élise``; empty for a text without a letter."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text).casefold() if letter.isalnum())
    return plain if any(map(str.isalpha, plain)) else ""


def _orders(name: str) -> _Keys:
    """The letters of a name, beginning with any of its words: Canvas and many lists put the last name first."""
    words = name.split()[:_MOST_WORDS]
    return (_letters("".join(words[start:] + words[:start])) for start in range(len(words)))
