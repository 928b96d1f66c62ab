"""Moodle: the grading worksheet of an assignment is filled, and goes back by *Upload grading worksheet*.

Moodle writes the headings in the language of whoever downloads them and reads them in that of whoever uploads them. So
columns are known by what stands in them: the identifier (``Participant 123``), the maximum, and the grade before it.
What its importer expects: comma-separated UTF-8, the identifier, grade and ``Last modified (grade)`` as they were
handed out, and a grade from 0 to the maximum; any other grade is skipped without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from grader.export.filling import Sheet, read_sheet
from grader.export.placing import chosen, filled
from grader.export.records import Export, ExportError, Files, shown
from grader.gradebook.lists import Student

__all__ = ["files", "participant"]


_IDENTIFIER = re.compile(r"[^\d\s][^\d]*(?P<number>\d{1,18})")
_MAXIMUM = re.compile(r"\d{1,9}([.,]\d{1,9})?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_OTHER_ID = re.compile(r"(?=.*\d)[\w.-]+")
_GRADES = ("grade", "bewertung", "note", "calificación", "nota", "beoordeling", "cijfer", "karakter", "betyg", "ocena")
"""What some languages call the grade; used only where several columns could be it."""


def files(export: Export) -> Files:
    """The worksheet with the marks in it."""
    if export.fill is None:
        raise ExportError(
            "Moodle takes back the file that it handed out: download the grading worksheet, and give it by --fill"
        )
    sheet = read_sheet(export.fill)
    identifier = next((column for column in range(len(sheet.headings)) if _all(sheet, column, _IDENTIFIER)), None)
    if identifier is None:
        raise ExportError(
            f"{sheet.name} has no column of identifiers such as 'Participant 123': download the grading worksheet again"
        )
    if sheet.separator != ",":
        export.problem(f"{sheet.name} is not separated by commas: choose its separator where you upload it to Moodle")
    maximum = _maximum(sheet, identifier)
    columns = {maximum - 1: (sheet.headings[maximum - 1],)} if export.column is None else _named(sheet, identifier)
    column = chosen(export, sheet, columns, "of grades")
    students = dict(_students(sheet, identifier, column))
    yield "", filled(export, sheet, students, column, lambda row: _number(sheet.cell(row, maximum)))


def participant(text: str) -> str:
    """``123`` of ``Participant 123``, in any language; empty for another text."""
    match = _IDENTIFIER.fullmatch(text.strip())
    return match["number"] if match else ""


def _all(sheet: Sheet, column: int, pattern: re.Pattern[str]) -> bool:
    """Whether every row's cell in a column has a form, and there is a row at all."""
    rows = range(1, len(sheet.rows))
    return len(rows) > 0 and all(pattern.fullmatch(sheet.cell(row, column)) for row in rows)


def _maximum(sheet: Sheet, identifier: int) -> int:
    """The column of the maximum: the first in which every row has the same number, after that of the grade."""
    candidates = [
        column
        for column in range(identifier + 2, len(sheet.headings))
        if _all(sheet, column, _MAXIMUM) and len({sheet.cell(row, column) for row in range(1, len(sheet.rows))}) == 1
    ]
    named = [column for column in candidates if sheet.headings[column - 1].casefold() in _GRADES]
    found = named or candidates
    if not found:
        raise ExportError(
            f"{sheet.name} has no column with the maximum, and the grade stands before it (the headings were "
            f"{shown(', '.join(sheet.headings))}): in Moodle, the assignment must have points and no scale"
        )
    return found[0]


def _named(sheet: Sheet, identifier: int) -> dict[int, tuple[str, ...]]:
    """All columns, where a person names one."""
    return {column: (heading,) for column, heading in enumerate(sheet.headings) if column != identifier}


def _students(sheet: Sheet, identifier: int, grade: int) -> Iterator[tuple[int, Student]]:
    """The participants, by row: between identifier and grade there may be a name, an e-mail address, and an id."""
    for row in range(1, len(sheet.rows)):
        id = sheet.cell(row, identifier)
        texts = [sheet.cell(row, column) for column in range(identifier + 1, grade)]
        email = next((text for text in texts if _EMAIL.fullmatch(text)), "")
        also = (participant(id), *(text for text in texts[1:] if _OTHER_ID.fullmatch(text)))
        yield row, Student(id, texts[0] if texts else "", email, also)


def _number(text: str) -> Fraction | None:
    return Fraction(text.replace(",", ".")) if _MAXIMUM.fullmatch(text) else None
