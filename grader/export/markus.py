"""MarkUs: the criteria's marks as a marks spreadsheet, and the feedback as annotations.

``criteria.csv`` is what *Marks Spreadsheet, Upload* reads: the names of the columns, their maxima, and a row for each
user name. ``annotations.csv`` is what *Annotations, Upload* reads: a category, the flexible criterion of its deductions
(none, since the marks are in the other file), and its texts.
"""

from __future__ import annotations

from fractions import Fraction

from grader.display import counted
from grader.export.as_csv import written
from grader.export.feedback import read_report_text, said
from grader.export.hand_ins import hand_ins
from grader.export.records import Export, Files, named
from grader.export.table import Value
from grader.marks.line import CriterionLine

__all__ = ["files"]


def files(export: Export) -> Files:
    """Both files."""
    yield "criteria.csv", written(_criteria(export))
    yield "annotations.csv", written(_annotations(export))


def _criteria(export: Export) -> list[list[Value]]:
    most: dict[str, Fraction] = {
        criterion.id: criterion.max_points for line in export.lines for criterion in line.criteria
    }
    table: list[list[Value]] = [["", *most], ["Out of", *most.values()]]
    for line in export.lines:
        points = {criterion.id: criterion.points for criterion in line.criteria}
        table.append([line.student.id, *(points.get(id) for id in most)])
    if off := [line.student.id for line in export.lines if line.penalty or line.deducted]:
        export.problem(
            f"MarkUs' file has the criteria alone: lateness and deductions of {counted(len(off), 'student')} are "
            f"to be entered in MarkUs: {named(off)}"
        )
    return table


def _annotations(export: Export) -> list[list[Value]]:
    """A category for each criterion, with every text that somebody was told where points were lost."""
    texts: dict[str, dict[str, None]] = {}
    for line in hand_ins(export):
        report = read_report_text(export.reports / line.folder)
        for criterion in line.criteria:
            if _lost(criterion) and (text := said(criterion, report.of(criterion.id))):
                texts.setdefault(criterion.id, {})[text] = None
    return [[id, "", *found] for id, found in texts.items()]


def _lost(criterion: CriterionLine) -> bool:
    return criterion.points is not None and criterion.points < criterion.max_points
