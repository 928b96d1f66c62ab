"""Blackboard: one column of the gradebook that Blackboard hands out is filled, and goes back by *Upload*.

The file is separated by tabs or commas, often in UTF-16 with a byte-order mark under the name ``.xls``. What its
importer expects: the column ``Username``, and columns of marks as ``Title [Total Pts: 15 Score] |123``, whose number
says which item it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from grader.export.filling import Sheet, read_sheet
from grader.export.placing import chosen, filled
from grader.export.records import Export, ExportError, Files, shown
from grader.gradebook.lists import Student

__all__ = ["files"]


_ITEM = re.compile(
    r"(?P<title>.*\S)\s*\[Total Pts: (?P<most>(?:up to )?[\d.,]+)[^\]|]*\]\s*\|\s*(?P<id>\d+)",
    re.DOTALL | re.IGNORECASE,
)
_OF_ITS_OWN = ("weighted total", "total", "overall grade")
"""Titles of columns that Blackboard works out itself."""
_USER = "Username"


def files(export: Export) -> Files:
    """The gradebook with the marks in it."""
    if export.fill is None:
        raise ExportError(
            "Blackboard takes back the file that it handed out: download the gradebook, and give it by --fill"
        )
    sheet = read_sheet(export.fill)
    if _USER not in sheet.headings:
        raise ExportError(
            f"{sheet.name}, line {sheet.lines[0]}: Blackboard's gradebook has a column {_USER}, the headings were "
            f"{shown(', '.join(sheet.headings))}: download the gradebook again"
        )
    items = {place: match for place, heading in enumerate(sheet.headings) if (match := _ITEM.fullmatch(heading))}
    columns = {
        place: (sheet.headings[place], match["title"], match["id"])
        for place, match in items.items()
        if match["title"].casefold() not in _OF_ITS_OWN
    }

    def maximum(column: int) -> Fraction | None:
        return _number(items[column]["most"])

    column = chosen(export, sheet, columns, "of marks, such as 'Title [Total Pts: 15 Score] |123'", maximum)
    yield "", filled(export, sheet, dict(_students(sheet)), column, lambda row: maximum(column))


def _students(sheet: Sheet) -> Iterator[tuple[int, Student]]:
    """The students, by row."""
    for row in range(1, len(sheet.rows)):
        cells = {heading: sheet.cell(row, column) for column, heading in enumerate(sheet.headings)}
        if not cells[_USER]:
            raise ExportError(f"{sheet.name}, line {sheet.lines[row]}: the {_USER} is empty: download the file again")
        name = f"{cells.get('First Name', '')} {cells.get('Last Name', '')}".strip()
        number = cells.get("Student ID", "")
        yield row, Student(cells[_USER], name, "", (number,) if number else ())


def _number(text: str) -> Fraction | None:
    """The maximum of an item; None where it can be anything (``up to 0``)."""
    number = text.replace(",", ".")
    most = Fraction(number) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", number, re.ASCII) else None
    return most or None
