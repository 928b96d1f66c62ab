"""Gradescope: a ``results.json`` for each hand-in. Source: the autograder documentation, *Output format*."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from grader.display import display
from grader.export.feedback import ReportText, on_the_whole, read_report_text, said
from grader.export.figures import number
from grader.export.hand_ins import hand_ins
from grader.export.records import Export, Files
from grader.marks.line import CriterionLine, FinalLine

__all__ = ["files", "results"]


def files(export: Export) -> Files:
    """A file for each hand-in, named after its report's folder."""
    for line in hand_ins(export):
        text = read_report_text(export.reports / line.folder)
        yield f"{line.folder}.json", json.dumps(results(line, text), indent=1).encode() + b"\n"


def results(line: FinalLine, text: ReportText) -> dict[str, object]:
    """What Gradescope reads of one hand-in. ``score`` counts, and not the sum of the tests: lateness is in it."""
    return {
        "score": number(line.mark),
        "execution_time": text.seconds,
        "output": on_the_whole(line),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "hand_in": display(line.hand_in),
            "assignment": line.assignment,
            "stage": line.stage.value,
            "status": line.status,
            "max_score": number(line.max_score),
        },
        "tests": list(_tests(line, text)),
    }


def _tests(line: FinalLine, text: ReportText) -> Iterator[Mapping[str, object]]:
    for place, criterion in enumerate(line.criteria, 1):
        one = text.of(criterion.id)
        yield {
            **_earned(criterion),
            "max_score": number(criterion.max_points),
            "name": f"{criterion.id}: {one.title}" if one.title != criterion.id else criterion.id,
            "number": str(place),
            "output": said(criterion, one),
            "output_format": "text",
            "tags": ["bonus"] if criterion.bonus else [],
            "visibility": "visible",
        }


def _earned(criterion: CriterionLine) -> Mapping[str, object]:
    """Score and status; neither while the points are open."""
    if criterion.points is None:
        return {}
    passed = criterion.points >= criterion.max_points
    return {"score": number(criterion.points), "status": "passed" if passed else "failed"}
