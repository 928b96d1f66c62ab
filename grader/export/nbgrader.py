"""nbgrader: the CSV that ``nbgrader export`` writes, a row for each student."""

from __future__ import annotations

from grader.export.as_csv import written
from grader.export.records import Export, Files, HandIn
from grader.export.table import Value
from grader.marks.line import FinalLine

__all__ = ["files"]


_HEADINGS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)


def files(export: Export) -> Files:
    """One file."""
    yield "", written([list(_HEADINGS), *(_row(export, line) for line in export.lines)])


def _row(export: Export, line: FinalLine) -> list[Value]:
    """``score`` is the raw score without the penalty, so the raw score is the mark with lateness put back."""
    last, first = _names(line.student.name)
    return [
        line.assignment,
        export.due.isoformat(sep=" ") if export.due else "",
        export.hand_ins.get(line.hand_in, HandIn()).submitted.replace("T", " "),
        line.student.id,
        last,
        first,
        line.student.email,
        line.mark + line.penalty,
        line.penalty,
        line.mark,
        line.max_score,
    ]


def _names(name: str) -> tuple[str, str]:
    """Last and first name, of ``Example, Alice`` or ``Alice Example``."""
    if "," in name:
        last, _, first = name.partition(",")
        return last.strip(), first.strip()
    first, _, last = name.rpartition(" ")
    return last, first
