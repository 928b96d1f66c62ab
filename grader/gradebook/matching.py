"""Whose report is whose: reports are matched with a list of students by what is known about both.

A learning platform names files in its own way (``exampalice_12345``: a name and a user number), and a roster has the
university's numbers and names. Several ways to compare are tried, from the surest to the weakest: the report's id, all
else that the platform knows the student by, the part of an e-mail address before the @, the name. The first way in
which anybody matches decides whom a report claims. A wrong name, and with it a wrong penalty, would be worse than none:
a key that fits two students claims nobody; a student whom two reports claim, in whatever way, stays without a report
until a person chooses; and so do the students of a report that claims more of them than handed it in.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grader.gradebook.cells import looks_spoilt, may_have_been, spoilt_forms
from grader.gradebook.lists import Student
from grader.intake.names import shared_beginning

__all__ = ["Matching", "answers_to", "shared_prefix", "without_assignment"]


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
            lambda student: (key.casefold() for key in (*_ids_of(student), student.email)),
        ),
        _Level(
            lambda id, known: map(_before_the_at, (id, *known)),
            lambda student: map(_before_the_at, (student.id, *student.also, student.email)),
        ),
        _Level(lambda id, known: map(_letters, (id, *known)), lambda student: _orders(student.name)),
    )


class Matching:
    """A list's students and the reports that were met. Every report is met before the first question is asked."""

    def __init__(
        self, students: Iterable[Student], picked: Iterable[str] = (), chosen: Mapping[str, str] | None = None
    ) -> None:
        """``picked`` are ids of reports that a person has given to the student of that id; ``chosen`` has the id of the
        report that a person chose for a student, by the student's id."""
        self._picked = frozenset(id.casefold() for id in picked)
        self._chosen = {student.casefold(): report for student, report in (chosen or {}).items()}
        self._students = {student.id: student for student in students}
        self._levels = _levels()
        for level in self._levels:
            for student in self._students.values():
                for key in set(filter(None, level.of_student(student))):
                    other = level.index.get(key, student.id)
                    level.index[key] = student.id if other == student.id else None
        self._claims: dict[str, list[str]] = {}
        """Ids of the reports that claim a student, by the student's id."""
        self._claimed: dict[str, tuple[str, ...]] = {}
        """Ids of the students whom a report claims, by the report's id."""
        self._keys: dict[str, str] = {}
        """What students are known by: to the report's id."""

    def meet(self, id: str, known_as: Sequence[str] = (), parts: Sequence[str] = ()) -> None:
        """Take note of a report, by its id and what else its student is known as; ``parts`` are a group's ids.

        Members of a group may be known in different ways, so whom the whole does not find is looked for alone.
        """
        claimed = self._find(id, known_as)
        for part in parts:
            if not any(answers_to(self._students[student], part) for student in claimed):
                claimed = tuple(dict.fromkeys((*claimed, *self._find(part, ()))))
        self._claimed[id] = claimed
        for student in self._claimed[id]:
            self._claims.setdefault(student, []).append(id)
        self._keys |= dict.fromkeys((id, *known_as, *parts), id)

    def _find(self, id: str, known_as: Sequence[str]) -> tuple[str, ...]:
        """The ids of the students who match a report at the first level at which anybody does."""
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
                    return ()
            return students
        return ()

    def of(self, id: str) -> tuple[Student, ...]:
        """The students of a report: several for a group, none where there is doubt."""
        claimed = self.claimed(id)
        if len(claimed) > _submitters(id):
            return ()
        return tuple(student for student in claimed if self._owner(student.id) == id)

    def _owner(self, student: str) -> str | None:
        """The id of the one report that claims a student, or of the one of several that a person picked."""
        reports = self._claims[student]
        if (chosen := self._chosen.get(student.casefold())) in reports:
            return chosen
        picked = [id for id in reports if id.casefold() in self._picked]
        owners = reports if len(reports) == 1 else picked
        return owners[0] if len(owners) == 1 else None

    def claimed(self, id: str) -> tuple[Student, ...]:
        """The students whom a report claims, also where there is doubt."""
        return tuple(self._students[student] for student in self._claimed.get(id, ()))

    @property
    def unmatched(self) -> tuple[Student, ...]:
        """The students without a report, in the list's order."""
        return tuple(student for id, student in self._students.items() if id not in self._claims)

    @property
    def doubtful(self) -> tuple[tuple[Student, tuple[str, ...]], ...]:
        """The students of whose report a person must decide, in the list's order, each with the reports' ids."""
        return tuple(
            (student, tuple(reports))
            for id, student in self._students.items()
            if (reports := self._claims.get(id)) and not any(student in self.of(report) for report in reports)
        )

    def spoilt(self) -> Iterator[tuple[Student, str, str, str]]:
        """The ids on the list that a spreadsheet has changed: student, id, what it may have been, and whose report it
        is. The last two are empty where no report shows what it was."""
        own = {id.casefold() for student in self._students.values() for id in _ids_of(student)}
        true = [key for key in self._keys if key.casefold() not in own]
        by_form: dict[Hashable, list[str]] = defaultdict(list)
        for key in true:
            for form in spoilt_forms(key):
                by_form[form].append(key)
        known = {key.casefold() for key in self._keys}
        for student in self._students.values():
            for id in (student.id, *student.also):
                if id.casefold() in known:
                    continue
                keys = dict.fromkeys(key for form in spoilt_forms(id) for key in by_form.get(form, ()))
                found = [key for key in keys if may_have_been(id, key)]
                for key in found:
                    yield student, id, key, self._keys[key]
                if not found and looks_spoilt(id):
                    yield student, id, "", ""


def answers_to(student: Student, key: str) -> bool:
    """Whether a key, such as a part of a group's id, is one of a student's: an id, an e-mail address, the name."""
    keys = {part.casefold() for part in (*_ids_of(student), student.email) if part}
    keys |= {_before_the_at(part) for part in keys} | set(_orders(student.name))
    return not keys.isdisjoint({key.casefold(), _before_the_at(key), _letters(key)} - {""})


def shared_prefix(ids: Sequence[str]) -> str:
    """What all ids begin with, up to a hyphen or an underscore: ``a2-`` for ``a2-alice`` and ``a2-bob``."""
    if len(ids) < 2:
        return ""
    common = shared_beginning(ids)
    return common[: max(common.rfind("-"), common.rfind("_")) + 1]


_ASSIGNMENT = r"(?:a|hw|pa|ps|lab|asst|assn|assignment|homework|project)[ _-]?\d{1,2}"
_AROUND = re.compile(rf"(?:{_ASSIGNMENT}[ _-]+)?(?P<student>.+?)(?:[ _-]+{_ASSIGNMENT})?", re.IGNORECASE)


def without_assignment(id: str) -> str:
    """``bob`` for ``a2_bob`` and for ``bob-hw2``; any other id as it is."""
    match = _AROUND.fullmatch(id)
    return match["student"] if match else id


def _submitters(id: str) -> int:
    """How many students a report is of: the ids of a group are joined by ``+``."""
    return id.count("+") + 1


def _ids_of(student: Student) -> _Keys:
    """A student's ids on the list; Moodle writes its number as ``Participant 123``, in any language."""
    for id in (student.id, *student.also):
        yield id
        if participant := re.fullmatch(r"\D+ (\d+)", id):
            yield participant[1]


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
