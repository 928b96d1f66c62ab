"""What a custom tester of MarkUs prints: a JSON object on a line for each criterion.

Marks are integers at the receiving end, so points are in hundredths. What a person has still to mark is not among them:
MarkUs has criteria of its own for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from grader.export.feedback import ReportText, said
from grader.marking.points import in_hundredths
from grader.marking.verdicts import Outcome
from grader.marks.line import CriterionLine, FinalLine

__all__ = ["failure", "results"]


def results(line: FinalLine, text: ReportText) -> Iterator[str]:
    """A line for each criterion that is examined. A hand-in without code has one line, which says so."""
    if line.status == "ungradable":
        yield failure("There was no code to examine: check what was handed in.", status="error")
        return
    for criterion in line.criteria:
        if criterion.outcome is Outcome.PENDING and criterion.points is None:
            continue
        one = text.of(criterion.id)
        name = criterion.id if one.title == criterion.id else f"{criterion.id}: {one.title}"
        yield _line(
            name=name,
            output=said(criterion, one),
            earned=in_hundredths(criterion.points) if criterion.points else 0,
            total=in_hundredths(criterion.max_points),
            status=_status(criterion),
            time=round(one.seconds * 1000),
        )


def failure(sentence: str, *, status: str = "error_all") -> str:
    """The one line where there is no result: ``error_all`` where the grader failed."""
    return _line(name="All tests", output=sentence, earned=0, total=0, status=status, time=None)


def _line(*, name: str, output: str, earned: int, total: int, status: str, time: int | None) -> str:
    return json.dumps(
        {"name": name, "output": output, "marks_earned": earned, "marks_total": total, "status": status, "time": time}
    )


def _status(criterion: CriterionLine) -> str:
    if criterion.points is None:
        return "error"
    if criterion.max_points == 0:
        return "pass" if criterion.outcome is Outcome.PASS else "fail"
    if criterion.points >= criterion.max_points:
        return "pass"
    return "partial" if criterion.points > 0 else "fail"
