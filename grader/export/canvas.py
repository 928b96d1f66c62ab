"""Canvas: one column of the gradebook that Canvas exports is filled, and the whole file goes back by *Import*.

What its importer expects: the headings begin with ``Student`` (or ``LastName, FirstName``) and ``ID`` and the students'
columns end with ``Section``; an assignment's heading ends with its number in brackets. The row ``Points Possible`` has
the maxima, and ``(read only)`` over what Canvas works out itself. A row ``Manual Posting`` may stand above it. Headings
that contain a name of such a worked-out column are not imported, whatever else they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from grader.export.filling import Sheet, read_sheet
from grader.export.placing import chosen, filled
from grader.export.records import Export, ExportError, Files, shown
from grader.gradebook.lists import Student

__all__ = ["files", "reserved"]


_ASSIGNMENT = re.compile(r"(?P<title>.*\S)\s*\((?P<id>\d+)\)", re.DOTALL)
_IDS = ("SIS Login ID", "SIS User ID", "Integration ID", "ID")
"""Headings of ids, the surest first."""
_POINTS = "points possible"
_POSTING = re.compile(r"(muted|manual posting.*)?", re.IGNORECASE)
_OF_ITS_OWN = re.compile(r"((Current|Final) (Score|Points|Grade))|(Override (Score|Grade|Status))")
"""Names of columns that Canvas works out, and never imports."""
_TEST_STUDENT = "student, test"


def files(export: Export) -> Files:
    """The gradebook with the marks in it."""
    if export.fill is None:
        raise ExportError("Canvas takes back the file that it handed out: export its gradebook, and give it by --fill")
    sheet = read_sheet(export.fill)
    _check(sheet)
    maxima = next((row for row in range(1, len(sheet.rows)) if _POINTS in sheet.cell(row, 0).casefold()), None)

    def maximum(column: int) -> Fraction | None:
        return None if maxima is None else _number(sheet.cell(maxima, column))

    column = chosen(export, sheet, dict(_columns(sheet, maxima)), "of an assignment, such as 'Title (123)'", maximum)
    heading = sheet.headings[column]
    if sentence := reserved(heading):
        export.problem(sentence)
    yield "", filled(export, sheet, dict(_students(sheet)), column, lambda row: maximum(column))


def reserved(heading: str) -> str:
    """Why Canvas may not import a column of this name, in a sentence; empty where it does."""
    if own := _OF_ITS_OWN.search(heading):
        return (
            f"Canvas does not import the column '{shown(heading)}', because its name contains '{own[0]}': rename the "
            "assignment in Canvas, and export the gradebook again"
        )
    if "final" in heading.casefold():
        return (
            f"some programs that import into Canvas skip the column '{shown(heading)}', because its name contains "
            "'final': see that the marks arrive, or rename the assignment"
        )
    return ""


def _check(sheet: Sheet) -> None:
    """Raises ExportError for a file that is not a gradebook of Canvas."""
    headings = sheet.headings
    begins = headings[:1] == ("Student",) and "ID" in headings[1:2]
    begins = begins or (headings[:2] == ("LastName", "FirstName") and "ID" in headings[2:3])
    if not begins or "Section" not in headings:
        raise ExportError(
            f"{sheet.name}, line {sheet.lines[0]}: the headings of Canvas' gradebook begin with Student, ID and have "
            f"Section, were {shown(', '.join(headings))}: export the gradebook in Canvas again"
        )


def _columns(sheet: Sheet, maxima: int | None) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The columns of assignments, each with what it may be called."""
    for column in range(sheet.headings.index("Section") + 1, len(sheet.headings)):
        heading = sheet.headings[column]
        assignment = _ASSIGNMENT.fullmatch(heading)
        read_only = maxima is not None and "read only" in sheet.cell(maxima, column).casefold()
        if assignment and not read_only:
            yield column, (heading, assignment["title"], assignment["id"])


def _students(sheet: Sheet) -> Iterator[tuple[int, Student]]:
    """The students, by row."""
    headings = sheet.headings
    for row in range(1, len(sheet.rows)):
        cells = {heading: sheet.cell(row, column) for column, heading in enumerate(headings[: _info(headings)])}
        if "Student" in cells:
            name = cells["Student"]
        else:
            name = f"{cells['LastName']}, {cells['FirstName']}"
        texts = [sheet.cell(row, column) for column in range(len(sheet.rows[row]))]
        if _POINTS in name.casefold() or all(map(_POSTING.fullmatch, texts)) or name.casefold() == _TEST_STUDENT:
            continue
        ids = [cells[heading] for heading in _IDS if cells.get(heading)]
        if not ids:
            raise ExportError(f"{sheet.name}, line {sheet.lines[row]}: the ID is empty: export the gradebook again")
        yield row, Student(ids[0], name, "", tuple(ids[1:]))


def _info(headings: tuple[str, ...]) -> int:
    """How many columns are about the student."""
    return headings.index("Section") + 1


def _number(text: str) -> Fraction | None:
    """The maximum of an assignment, where the file says it."""
    number = text.replace(",", ".")
    return Fraction(number) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", number, re.ASCII) else None
