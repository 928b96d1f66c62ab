"""All marks as one table, a row for each student: what the spreadsheet targets write."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from grader.export.records import Export
from grader.marks.line import FinalLine

__all__ = ["Value", "headings", "rows"]


Value = str | Fraction | None
"""A cell: text, a number, or nothing."""


def headings(export: Export) -> list[str]:
    """The headings of the table."""
    return [
        *("id", "name", "email"),
        *_own(export),
        *("assignment", "hand_in", "group", "status", "stage", "mark", "max_score", "score", "automatic", "by_hand"),
        *("open_points", "deducted", "late_hours", "late_penalty", "rounding", "comment"),
        *(column for id in _criteria(export) for column in (id, f"{id}:by", f"{id}:comment")),
    ]


def rows(export: Export) -> Iterator[list[Value]]:
    """The cells of each student."""
    own, criteria = _own(export), _criteria(export)
    for line in export.lines:
        student, by_id = line.student, {criterion.id: criterion for criterion in line.criteria}
        cells: list[Value] = [
            *(student.id, student.name, student.email),
            *(student.own.get(column, "") for column in own),
            *(line.assignment, line.hand_in, ", ".join(line.group), line.status, line.stage.value),
            *(line.mark, line.max_score, line.score, line.automatic, line.by_hand, line.open_points, line.deducted),
            line.late.hours if line.late else None,
            line.penalty,
            line.rounding,
            _comments(line),
        ]
        for id in criteria:
            criterion = by_id.get(id)
            cells += [criterion.points, criterion.by or "", criterion.comment] if criterion else [None, "", ""]
        yield cells


def _own(export: Export) -> list[str]:
    """Headings of the roster that the table does not have itself."""
    own = dict.fromkeys(heading for line in export.lines for heading in line.student.own)
    return [heading for heading in own if heading not in ("id", "name", "email")]


def _criteria(export: Export) -> list[str]:
    """Ids of all criteria, in the rubric's order."""
    return list(dict.fromkeys(criterion.id for line in export.lines for criterion in line.criteria))


def _comments(line: FinalLine) -> str:
    """What people say of the whole."""
    deductions = (f"{each.name}: {each.comment}" for each in line.deductions if each.comment)
    return "\n".join(filter(None, (line.comment, *deductions)))
