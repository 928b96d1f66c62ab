"""CSV: all marks in one table, safe to open in a spreadsheet. UTF-8, without a byte-order mark."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from grader.export.figures import decimal
from grader.export.records import Export, Files
from grader.export.table import Value, headings, rows
from grader.gradebook.cells import neutral

__all__ = ["files", "written"]


def files(export: Export) -> Files:
    """One file."""
    yield "", written([headings(export), *rows(export)])


def written(table: Iterable[Sequence[Value]]) -> bytes:
    """A table as CSV, in which no text is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in table)
    return text.getvalue().encode()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    return decimal(value) if not isinstance(value, str) else neutral(value)
