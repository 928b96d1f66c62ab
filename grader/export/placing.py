"""Which line of marks belongs to which row of a platform's file, and what is said where that is not clear."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from grader.display import counted
from grader.export.figures import decimal
from grader.export.filling import Sheet
from grader.export.records import Export, ExportError, named, shown
from grader.gradebook.lists import Student
from grader.gradebook.matching import Matching
from grader.marks.line import FinalLine

__all__ = ["chosen", "filled", "placed"]


def _has_mark(line: FinalLine) -> bool:
    """Whether there is a mark to hand over. Nothing was examined of a hand-in without code until a person decides."""
    return not (line.status == "ungradable" and line.stage.value == "examined")


def _members(export: Export, students: Sequence[Student]) -> tuple[dict[str, FinalLine], list[str], list[str]]:
    """The line of each of a platform's students, by the student's id there.

    With it the ids of lines that belong to none of them, and of lines of which that is in doubt.
    """
    matching = Matching(students)
    keys = {}
    for place, line in enumerate(export.lines):
        key = line.student.id
        if key in keys:  # the same student again, in another hand-in: both claim the row, and neither gets it
            key = f"{key} #{place}"
        keys[key] = line
        matching.meet(key, _known_as(export, line))
    of_platform: dict[str, FinalLine] = {}
    missing: list[str] = []
    doubtful: list[str] = []
    for key, line in keys.items():
        found = matching.of(key)
        if found:
            of_platform |= {student.id: line for student in found}
        else:
            (doubtful if matching.claimed(key) else missing).append(line.student.id)
    return of_platform, missing, doubtful


def _known_as(export: Export, line: FinalLine) -> tuple[str, ...]:
    """All that a student is known as."""
    student = line.student
    platform = () if line.group else export.hand_ins[line.hand_in].known_as if line.hand_in in export.hand_ins else ()
    keys = (student.id, student.email, student.name, *student.own.values(), *platform)
    return tuple(dict.fromkeys(filter(None, keys)))


def placed(
    export: Export,
    students: Sequence[Student],
    where: str,
    before: Callable[[str], str],
    maximum: Callable[[str], Fraction | None],
) -> dict[str, str]:
    """The marks of a platform's students, by the student's id there.

    ``before`` is what the platform has for a student, and ``maximum`` the most points. Everything that a person should
    know is said. Raises ExportError where no mark can be placed.
    """
    twice = [id for id, count in Counter(student.id for student in students).items() if count > 1]
    if twice:
        raise ExportError(f"{where} has several lines of {named(twice)}: keep one of each, or download it again")
    lines, missing, doubtful = _members(export, students)
    waiting = [id for id, line in lines.items() if not _has_mark(line)]
    marks = {id: line for id, line in lines.items() if _has_mark(line)}
    if not lines:
        raise ExportError(
            f"nobody in {where} is among the {len(export.lines):,} students of these reports: give the file of this "
            "course, or a roster that has the platform's ids ('gradebook summary --roster')"
        )
    say = export.problem
    if missing:
        say(
            f"{counted(len(missing), 'student is', 'students are')} not in {where}, and their marks "
            f"neither: {named(missing)}"
        )
    if doubtful:
        say(
            f"whose these marks are is in doubt, and they are not in {where}: {named(doubtful)}; 'gradebook summary' "
            "says between what a person must choose"
        )
    if waiting:
        say(f"{len(waiting):,} could not be examined, and have no mark until a person decides: {named(waiting)}")
    if left := len(students) - len(lines):
        say(f"{left:,} of {len(students):,} students in {where} have no mark here, and stay as they are")
    if replaced := [id for id, line in marks.items() if _value(before(id)) not in (None, line.mark)]:
        say(f"{counted(len(replaced), 'mark replaces another', 'marks replace others')} in {where}: {named(replaced)}")
    if other := {most for id, line in marks.items() if (most := maximum(id)) not in (None, line.max_score)}:
        say(
            f"the maximum in {where} is {', '.join(decimal(most) for most in sorted(filter(None, other)))} and the "
            f"assignment's {decimal(export.lines[0].max_score)}: marks are never scaled; set the same maximum there"
        )
    if above := [id for id, line in marks.items() if (most := maximum(id)) is not None and line.mark > most]:
        say(
            f"{counted(len(above), 'mark is', 'marks are')} above the maximum in {where}, which may "
            f"refuse them: {named(above)}"
        )
    return {id: decimal(line.mark) for id, line in marks.items()}


def filled(
    export: Export,
    sheet: Sheet,
    students: Mapping[int, Student],
    column: int,
    maximum: Callable[[int], Fraction | None],
) -> bytes:
    """The platform's file with the marks in one column. ``students`` are those of its rows. Raises ExportError."""
    rows = {student.id: row for row, student in students.items()}
    marks = placed(
        export,
        tuple(students.values()),
        sheet.name,
        lambda id: sheet.cell(rows[id], column),
        lambda id: maximum(rows[id]),
    )
    return sheet.filled({(rows[id], column): text for id, text in marks.items()})


def _value(text: str) -> Fraction | None:
    """The number in a cell, with a decimal point or comma; None for none."""
    number = text.replace(",", ".")
    return Fraction(number) if re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", number, re.ASCII) else None


def chosen(
    export: Export,
    sheet: Sheet,
    columns: Mapping[int, tuple[str, ...]],
    what: str,
    maximum: Callable[[int], Fraction | None] = lambda column: None,
) -> int:
    """The column to be filled. ``columns`` are those that can be, each with all that it may be called.

    Where nobody names one of several, it is the only one that has the assignment's name, or else its maximum; which one
    it is is said then. Raises ExportError where it is not clear.
    """
    if not columns:
        raise ExportError(f"{sheet.name} has no column {what}: download the gradebook again, with the assignment in it")
    headings = [sheet.headings[column] for column in columns]
    if export.column is not None:
        hits = _called(columns, (export.column,))
        if len(hits) != 1:
            which = "no column" if not hits else f"{len(hits)} columns"
            raise ExportError(
                f"{sheet.name} has {which} '{shown(export.column)}': --column must be one of {named(headings)}"
            )
        return hits[0]
    if len(columns) == 1:
        return next(iter(columns))
    first = export.lines[0]
    for hits, why in (
        (_called(columns, (first.assignment, first.assignment_title)), "name"),
        ([column for column in columns if maximum(column) == first.max_score], "maximum"),
    ):
        if len(hits) == 1:
            export.problem(
                f"of {len(columns)} columns in {sheet.name}, '{shown(sheet.headings[hits[0]])}' was filled, because it "
                f"has the assignment's {why}: --column names another one"
            )
            return hits[0]
    raise ExportError(
        f"{sheet.name} has {len(columns)} columns that can be filled ({named(headings)}): name one with --column"
    )


def _called(columns: Mapping[int, tuple[str, ...]], wanted: Sequence[str]) -> list[int]:
    """The columns that have one of these names."""
    plain = {name.strip().casefold() for name in wanted}
    return [column for column, names in columns.items() if not plain.isdisjoint(name.casefold() for name in names)]
