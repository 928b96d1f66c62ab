"""A file of marks, read against the reports that it is about: what it says that is not so yet, as entries.

A file is *long* (a line for each mark: id, criterion, points, comment, reason) or *wide* (a line for each student, a
column for each criterion), and ``gradebook.csv`` is a wide one. What a cell shows already is not taken again, and an
empty cell says nothing, so the very file can be filled in and read again and again. Beside the ids of criteria,
``extension`` (hours), ``tokens``, ``neatness`` (points off) and ``comment`` (on the whole) can be given.

Everything that is wrong is told at once, each with its line; then nothing is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from grader.display import display
from grader.gradebook.as_csv import ON_THE_WHOLE
from grader.gradebook.cells import looks_spoilt, may_have_been, neutral, restored
from grader.gradebook.final import Finals
from grader.gradebook.lists import ListError, id_columns, plain_heading
from grader.gradebook.sheets import Sheet, SheetLine, read_sheet
from grader.marks.events import Entry, Event, Kind, Version
from grader.marks.line import CriterionLine, FinalLine
from grader.report.numbers import points as shown_points
from grader.suggest import did_you_mean

__all__ = ["Folder", "MarksFileError", "Taken", "read_marks"]


_MOST_PROBLEMS = 20
"""Problems that are told one by one."""
_MOST_TEXT = 20_000
"""Characters of a comment or a reason."""
_MOST_HOURS = 100_000

_HAND_IN = ("hand in", "submission", "report")
_CRITERION = ("criterion", "criteria", "question", "item")
_POINTS = ("points", "mark", "marks", "score", "grade")
_COMMENT = ("comment", "comments", "feedback")
_REASON = ("reason", "why")
_NUMBER = re.compile(r"\d{1,6}([.,]\d{1,6})?")
_SHARE = re.compile(r"(\d{1,6})/(\d{1,6})")
_LOOKS_LIKE_A_CRITERION = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+", re.IGNORECASE)


class MarksFileError(ListError):
    """The file cannot be taken; the text has a line for each problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        shown = self.problems[:_MOST_PROBLEMS]
        more = len(self.problems) - len(shown)
        super().__init__("\n".join([*shown, *([f"and {more:,} more"] if more else [])]))


@dataclass(frozen=True)
class Taken:
    """What a file says that is not so yet."""

    entries: tuple[Entry, ...]
    replacing: int
    """How many of the entries are points in place of the grader's."""
    unchanged: int
    """Cells that say what is known."""
    ignored: tuple[str, ...]
    """Headings of columns that were not read."""

    @property
    def hand_ins(self) -> int:
        """How many hand-ins or students they are about."""
        return len({entry.subject for entry in self.entries})


@dataclass(frozen=True)
class _Said:
    """What a line says about one thing of one student."""

    place: str
    id: str
    hand_in: str
    criterion: str
    points: str
    comment: str
    reason: str

    @property
    def is_empty(self) -> bool:
        return not (self.points or self.comment or self.reason)


class _Problem(Exception):
    """What is wrong with a line, without the line's place."""


def read_marks(path: Path, finals: Finals, *, reason: str = "") -> Taken:
    """Read a file of marks about the reports of ``finals``.

    ``reason`` is given to points that replace the grader's and have none of their own. Raises MarksFileError, or
    ListError where the file cannot be read at all.
    """
    sheet = read_sheet(path)
    folder = Folder(finals)
    reader = _Reader(folder, reason)
    said, ignored = _long(sheet) if _is_long(sheet) else _wide(sheet, folder)
    for each in said:
        reader.take(each)
    if reader.problems:
        raise MarksFileError(reader.problems)
    return Taken(tuple(entry for entry, _ in reader.entries.values()), reader.replacing, reader.unchanged, ignored)


# --- the form of the file ---------------------------------------------------------------------------------------------


def _is_long(sheet: Sheet) -> bool:
    return _column(sheet, _CRITERION) is not None


def _column(sheet: Sheet, headings: Iterable[str]) -> int | None:
    """The place of the first of some headings; case and punctuation do not count."""
    plain = [plain_heading(cell) for cell in sheet.heading.cells]
    return next((plain.index(heading) for heading in headings if heading in plain), None)


def _id_columns(sheet: Sheet) -> tuple[int | None, int | None]:
    """The places of the student's id and of the hand-in's. Raises MarksFileError where there is neither."""
    headings = [heading for own in id_columns().values() for heading in own]
    id, hand_in = _column(sheet, [*headings, "student", "email", "email address"]), _column(sheet, _HAND_IN)
    if id is None and hand_in is None:
        shown = display(", ".join(sheet.heading.cells), limit=120)
        raise MarksFileError(
            [f"{sheet.heading.place}: one column must be the student's id, were {shown}: name it 'id' in that line"]
        )
    return id, hand_in


def _long(sheet: Sheet) -> tuple[Iterator[_Said], tuple[str, ...]]:
    id, hand_in = _id_columns(sheet)
    places = {
        name: _column(sheet, headings)
        for name, headings in (
            ("criterion", _CRITERION),
            ("points", _POINTS),
            ("comment", _COMMENT),
            ("reason", _REASON),
        )
    }
    if places["points"] is None and places["comment"] is None:
        raise MarksFileError(
            [f"{sheet.heading.place}: a column must be 'points' or 'comment': name it in the first line"]
        )
    known = {place for place in (id, hand_in, *places.values()) if place is not None}
    said = (
        _Said(
            line.place,
            _at(line, id),
            _at(line, hand_in),
            **{name: _at(line, place) for name, place in places.items()},
        )
        for line in sheet.lines
    )
    return said, _others(sheet, known)


def _wide(sheet: Sheet, folder: Folder) -> tuple[Iterator[_Said], tuple[str, ...]]:
    id, hand_in = _id_columns(sheet)
    columns: dict[str, dict[str, int]] = {}
    """Places by criterion, and by what the column has of it: its points, comment or reason."""
    problems = []
    known = {place for place in (id, hand_in) if place is not None}
    for place, heading in enumerate(sheet.heading.cells):
        name, _, what = heading.strip().rpartition(":") if ":" in heading else (heading.strip(), "", "points")
        criterion = name if name in ON_THE_WHOLE else folder.criterion(name)
        if place in known or what.strip() == "outcome":
            continue
        if criterion is None:
            if _LOOKS_LIKE_A_CRITERION.fullmatch(name):
                near = did_you_mean(name, folder.criteria, otherwise="take the column out")
                problems.append(f"{sheet.heading.place}: no criterion is called '{display(name, limit=60)}': {near}")
            continue
        if what not in ("points", "comment", "reason"):
            problems.append(
                f"{sheet.heading.place}: after '{display(name, limit=60)}:' must stand comment or reason, was "
                f"'{display(what, limit=40)}'"
            )
        elif what in columns.get(criterion, {}):
            problems.append(f"{sheet.heading.place}: the column '{display(heading, limit=60)}' is there twice")
        else:
            columns.setdefault(criterion, {})[what] = place
            known.add(place)
    if problems:
        raise MarksFileError(problems)
    if not columns:
        shown = display(", ".join(sheet.heading.cells), limit=120)
        raise MarksFileError(
            [
                f"{sheet.heading.place}: no column is a criterion, were {shown}: name them by their ids, or give the "
                "columns id, criterion and points"
            ]
        )
    said = (
        _Said(
            line.place,
            _at(line, id),
            _at(line, hand_in),
            criterion,
            _at(line, places.get("points")),
            _at(line, places.get("comment")),
            _at(line, places.get("reason")),
        )
        for line in sheet.lines
        for criterion, places in columns.items()
    )
    return said, _others(sheet, known)


def _at(line: SheetLine, place: int | None) -> str:
    return line.cells[place] if place is not None and place < len(line.cells) else ""


_OURS = {
    *("roster id", "name", "email", "assignment", "status", "stage", "score", "automatic", "by hand", "max score"),
    *("pending points", "late hours", "late penalty", "mark", "flags", "seconds"),
}
"""Columns of the gradebook that nobody fills in."""


def _others(sheet: Sheet, known: set[int]) -> tuple[str, ...]:
    """Headings of columns that were not read and are not the gradebook's own."""
    return tuple(
        heading
        for place, heading in enumerate(sheet.heading.cells)
        if place not in known and heading and not heading.endswith(":outcome") and plain_heading(heading) not in _OURS
    )


# --- what it is about -------------------------------------------------------------------------------------------------


class Folder:
    """The reports, by all that a file may call their students and criteria."""

    def __init__(self, finals: Finals) -> None:
        self.finals = finals
        self.lines: dict[str, list[FinalLine]] = {}
        """The lines of each hand-in."""
        self.versions: dict[str, tuple[str, str]] = {}
        """Hashes of each hand-in's contents and of its rubric."""
        self._by_key: dict[str, dict[tuple[str, str], None]] = {}
        """Hand-in and student, by each key of either."""
        self.criteria: dict[str, None] = {}
        self._short: dict[str, set[str]] = {}
        """Criteria by their id in small letters, and those of people by the question's alone."""
        for row in finals.rows:
            lines = list(finals.lines(finals.total(row)))
            self.lines[row.id] = lines
            self.versions[row.id] = (row.sha256, finals.rubric_of(row))
            for line in lines:
                listed = finals.people.on_roster(line.student.id) if line.student.known else None
                keys = {line.student.id, *((*listed.also, listed.email) if listed else ())}
                if not line.group:
                    keys |= {row.id, row.folder, *row.known_as}
                for key in filter(None, keys):
                    self._by_key.setdefault(key.casefold(), {})[row.id, line.student.id] = None
            for one in row.criteria:
                self.criteria[one.id] = None
        for id in self.criteria:
            for name in {id.casefold(), id.casefold().removeprefix("manual.")}:
                self._short.setdefault(name, set()).add(id)
        self.missing = {student.id.casefold() for student in finals.people.missing}
        self.doubtful = {student.id.casefold(): reports for student, reports in finals.people.doubtful}

    def criterion(self, name: str) -> str | None:
        """The id of a criterion: ``manual.a1`` for itself, ``Manual.A1`` and ``A1``."""
        if name in self.criteria:
            return name
        found = self._short.get(name.strip().casefold(), set())
        return next(iter(found)) if len(found) == 1 else None

    def lines_of(self, student: str) -> tuple[FinalLine, ...]:
        """The lines of a student or a hand-in. Raises ListError."""
        try:
            return self.find(_Said("", student, "", "", "", "", ""))
        except _Problem as problem:
            raise ListError(str(problem)) from None

    def find(self, said: _Said) -> tuple[FinalLine, ...]:
        """The lines that a line of the file is about: one, or all students of a group. Raises _Problem."""
        if said.hand_in in self.lines:
            lines = self.lines[said.hand_in]
            own = [line for line in lines if said.id and said.id.casefold() in (line.student.id.casefold(), "")]
            return tuple(own or lines)
        id = said.id or said.hand_in
        if not id:
            raise _Problem("the id is empty: fill it in or remove the line")
        if id in self.lines:
            return tuple(self.lines[id])
        found = list(self._by_key.get(id.casefold(), ()))
        if len(found) > 1:
            with_it = [
                (hand_in, student)
                for hand_in, student in found
                if any(said.criterion == one.id for one in self.lines[hand_in][0].criteria)
            ]
            found = with_it if len(with_it) == 1 else found
        if len(found) > 1:
            hand_ins = ", ".join(display(hand_in, limit=60) for hand_in, _ in found[:5])
            raise _Problem(
                f"'{display(id, limit=60)}' may be any of {hand_ins}: name the hand-in in a column 'hand_in'"
            )
        if not found:
            raise _Problem(self._unknown(id))
        hand_in, student = found[0]
        return tuple(line for line in self.lines[hand_in] if line.student.id == student)

    def _unknown(self, id: str) -> str:
        shown = f"'{display(id, limit=60)}'"
        if id.casefold() in self.doubtful:
            reports = ", ".join(display(report, limit=60) for report in self.doubtful[id.casefold()])
            return f"{shown} may have handed in each of {reports}: choose one with 'gradebook choose', or name it"
        if id.casefold() in self.missing:
            return f"{shown} has handed nothing in, so there is nothing to mark"
        known = [key for students in self._by_key.values() for pair in students for key in pair]
        if was := next((key for key in known if may_have_been(id, key)), None):
            return f"no report is of {shown}, which may be '{display(was, limit=60)}' changed by a spreadsheet: mend it"
        if looks_spoilt(id):
            return f"no report is of {shown}, which a spreadsheet seems to have changed: write the id as text"
        return f"no report is of {shown}: {did_you_mean(id, dict.fromkeys(known), otherwise='check the id')}"


# --- what it says -----------------------------------------------------------------------------------------------------


@dataclass
class _Reader:
    """Turns what lines say into entries, and collects what is wrong."""

    folder: Folder
    reason: str
    entries: dict[tuple[Kind, str, str], tuple[Entry, str]] = field(default_factory=dict)
    """By slot, with the place of the line."""
    problems: list[str] = field(default_factory=list)
    replacing: int = 0
    unchanged: int = 0

    def take(self, said: _Said) -> None:
        """Read what one line says of one thing."""
        if said.is_empty:
            return
        try:
            lines = self.folder.find(said)
            for entry in self._entries(said, lines):
                self._put(entry, said.place)
        except _Problem as problem:
            self.problems.append(f"{said.place}: {problem}")

    def _put(self, entry: Entry, place: str) -> None:
        slot = (entry.kind, entry.subject, entry.criterion)
        before = self.entries.setdefault(slot, (entry, place))
        if before[0] != entry:
            raise _Problem(
                f"{entry.criterion or entry.kind.value} of '{display(entry.subject, limit=60)}' is something else here "
                f"than in {before[1]}: keep one of them"
            )

    def _entries(self, said: _Said, lines: tuple[FinalLine, ...]) -> Iterator[Entry]:
        line = lines[0]
        name = said.criterion.strip()
        criterion = None if name in ON_THE_WHOLE else self._criterion(name, line)
        if criterion is not None and criterion.id.endswith(".neatness") and not criterion.max_points:
            name, criterion = "neatness", None
        if criterion is not None:
            yield from self._about_a_criterion(said, line, criterion)
        elif name == "comment":
            yield from self._comment(line, "", said.comment or said.points, line.comment)
        elif name == "neatness":
            yield from self._neatness(said, line)
        else:
            if len(lines) > 1:
                raise _Problem(f"{name} is each student's own: name the student and not the group")
            yield from self._of_a_student(said, line, Kind.EXTENSION if name == "extension" else Kind.TOKENS)

    def _criterion(self, name: str, line: FinalLine) -> CriterionLine:
        id = self.folder.criterion(name)
        for criterion in line.criteria:
            if criterion.id == id:
                return criterion
        near = did_you_mean(name, [one.id for one in line.criteria], otherwise="see the headings of gradebook.csv")
        raise _Problem(f"{line.assignment} has no criterion '{display(name, limit=60) or 'without a name'}': {near}")

    def _about_a_criterion(self, said: _Said, line: FinalLine, criterion: CriterionLine) -> Iterator[Entry]:
        stands = self._stands(line.hand_in, Kind.POINTS, criterion.id)
        same = criterion.points is not None and said.points == shown_points(criterion.points)
        if not said.points or same:
            self.unchanged += bool(said.points)
            yield from self._comment(line, criterion.id, said.comment, criterion.comment)
            return
        points = _number(said.points)
        if points > criterion.max_points:
            raise _Problem(
                f"{criterion.id} of '{display(line.hand_in, limit=60)}' must be 0 to "
                f"{shown_points(criterion.max_points)}, was {shown_points(points)}"
            )
        if criterion.points == points:
            self.unchanged += 1
            yield from self._comment(line, criterion.id, said.comment, criterion.comment)
            return
        reason = said.reason or (criterion.reason if criterion.by else "")
        if criterion.examined is not None:
            reason = reason or self.reason
            if not reason:
                raise _Problem(
                    f"{criterion.id} of '{display(line.hand_in, limit=60)}' has {shown_points(criterion.examined)} by "
                    f"the grader and {shown_points(points)} here: say why, in a column '{criterion.id}:reason' (or "
                    "'reason', in a list of marks) or with --reason"
                )
            self.replacing += 1
        sha256, rubric = self.folder.versions[line.hand_in]
        yield Entry(
            Kind.POINTS,
            line.hand_in,
            criterion.id,
            points,
            comment=_text(said.comment) or (stands.comment if stands else ""),
            reason=_text(reason),
            version=Version(sha256, rubric, criterion.max_points),
            seen=stands.id if stands else None,
        )

    def _comment(self, line: FinalLine, criterion: str, said: str, known: str) -> Iterator[Entry]:
        """A comment, unless it is what is known, as the gradebook shows it."""
        if not said or said in (known, neutral(known), restored(neutral(known))):
            return
        sha256, rubric = self.folder.versions[line.hand_in]
        stands = self._stands(line.hand_in, Kind.COMMENT, criterion)
        yield Entry(
            Kind.COMMENT,
            line.hand_in,
            criterion,
            comment=_text(said),
            version=Version(sha256, rubric),
            seen=stands.id if stands else None,
        )

    def _neatness(self, said: _Said, line: FinalLine) -> Iterator[Entry]:
        shown = shown_points(line.deducted) if line.deductions else ""
        stands = self._stands(line.hand_in, Kind.DEDUCTION, "neatness")
        if not said.points or said.points == shown:
            self.unchanged += bool(said.points)
            return
        points = _number(said.points.removeprefix("-").removeprefix("−"), "neatness")
        assignment = self.folder.finals.assignments.get(line.assignment)
        percent = assignment.neatness if assignment else Fraction(10)
        if (most := percent * line.max_score / 100) < points:
            raise _Problem(
                f"neatness of '{display(line.hand_in, limit=60)}' may cost at most {shown_points(most)} points "
                f"({shown_points(percent)} % of {shown_points(line.max_score)}), was {shown_points(points)}"
            )
        sha256, rubric = self.folder.versions[line.hand_in]
        yield Entry(
            Kind.DEDUCTION,
            line.hand_in,
            "neatness",
            points,
            comment=_text(said.comment),
            version=Version(sha256, rubric),
            seen=stands.id if stands else None,
        )

    def _of_a_student(self, said: _Said, line: FinalLine, kind: Kind) -> Iterator[Entry]:
        """An extension or tokens."""
        stands = self._stands(line.student.id, kind, "")
        number = _number(said.points, kind.value)
        if kind is Kind.TOKENS and number.denominator != 1:
            raise _Problem(f"tokens must be a whole number, was {shown_points(number)}")
        if number > _MOST_HOURS:
            raise _Problem(f"{kind.value} must be at most {_MOST_HOURS:,}, was {shown_points(number)}")
        if number == (stands.points if stands and stands.points else 0):
            self.unchanged += 1
            return
        yield Entry(kind, line.student.id, "", number, comment=_text(said.comment), seen=stands.id if stands else None)

    def _stands(self, subject: str, kind: Kind, criterion: str) -> Event | None:
        return self.folder.finals.standing.get(subject, kind, criterion)


def _number(text: str, what: str = "points") -> Fraction:
    """An exact number of at least 0: ``1.5``, ``1,5`` or ``3/4``. Raises _Problem, which names ``what`` it is."""
    if _NUMBER.fullmatch(text) and text.isascii():
        return Fraction(text.replace(",", "."))
    if (share := _SHARE.fullmatch(text)) and text.isascii() and int(share[2]):
        return Fraction(int(share[1]), int(share[2]))
    shown = display(text, limit=40)
    if looks_spoilt(text) or re.fullmatch(r"\d{4}-\d\d-\d\d.*", text):
        raise _Problem(f"'{shown}' is a date that a spreadsheet made of a number: write the number as text")
    raise _Problem(f"{what} must be a number of at least 0 such as 1.5 or 3/4, not '{shown}'")


def _text(text: str) -> str:
    if len(text) > _MOST_TEXT:
        raise _Problem(f"a comment or reason must have at most {_MOST_TEXT:,} characters, has {len(text):,}")
    return text
