"""GitHub Classroom: for each hand-in what a runner hands to the grading reporter, JSON in base64.

The reporter adds up the tests' scores. So what is taken off the whole (deductions, lateness, rounding) is a test too,
with a negative score. The maximum must be an integer: where an assignment's is not, all points are hundredths.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from fractions import Fraction

from grader.export.feedback import ReportText, on_the_whole, read_report_text, said
from grader.export.figures import decimal, number
from grader.export.hand_ins import hand_ins
from grader.export.records import Export, Files
from grader.marking.verdicts import Outcome
from grader.marks.line import CriterionLine, FinalLine

__all__ = ["files", "results"]


_VERSION = 3
_HUNDRED = Fraction(100)


def files(export: Export) -> Files:
    """A file for each hand-in, named after its report's folder."""
    if any(_scale(line) != 1 for line in export.lines):
        export.problem(
            f"GitHub wants a whole number as maximum, and the assignment's is {decimal(export.lines[0].max_score)}: "
            "all points are in hundredths"
        )
    for line in hand_ins(export):
        text = read_report_text(export.reports / line.folder)
        yield f"{line.folder}.txt", base64.b64encode(json.dumps(results(line, text)).encode()) + b"\n"


def results(line: FinalLine, text: ReportText) -> dict[str, object]:
    """What the reporter reads of one hand-in."""
    tests = list(_tests(line, text))
    statuses = {test["status"] for test in tests}
    return {
        "version": _VERSION,
        "status": next((status for status in ("error", "fail") if status in statuses), "pass"),
        "max_score": int(line.max_score * _scale(line)),
        "tests": tests,
    }


def _scale(line: FinalLine) -> Fraction:
    """By what points are multiplied. The rubric alone decides, so it is the same for everybody."""
    return Fraction(1) if line.max_score.denominator == 1 else _HUNDRED


def _tests(line: FinalLine, text: ReportText) -> Iterator[dict[str, object]]:
    scale = _scale(line)
    path = text.files[0] if text.files else ""
    for criterion in line.criteria:
        one = text.of(criterion.id)
        yield {
            "name": f"{criterion.id}: {one.title}" if one.title != criterion.id else criterion.id,
            "status": _status(criterion),
            "message": said(criterion, one),
            "test_code": criterion.id,
            "task_id": 0,
            "filename": path,
            "line_no": 0,
            "duration": round(one.seconds * 1000),
            "score": number((criterion.points or Fraction(0)) * scale),
        }
    if line.mark != line.score:
        yield {
            "name": "deductions, lateness and rounding",
            "status": "pass" if line.mark > line.score else "fail",
            "message": on_the_whole(line),
            "test_code": "",
            "task_id": 0,
            "filename": "",
            "line_no": 0,
            "duration": 0,
            "score": number((line.mark - line.score) * scale),
        }


def _status(criterion: CriterionLine) -> str:
    """``error`` where the grader failed; what a person has still to mark has not passed."""
    if criterion.points is None:
        return "error" if criterion.outcome is Outcome.ERROR else "fail"
    return "pass" if criterion.points >= criterion.max_points else "fail"
