"""Final lines to export, with the reports that they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import gradebook_sample
import report_sample as sample

from grader.export.records import Export, HandIn
from grader.marking.rounding import RoundRule
from grader.marking.verdicts import Outcome
from grader.marks.events import Event, Kind
from grader.marks.line import FinalLine, LateLine, Student
from grader.marks.totals import final_line, hand_in_total
from grader.report import Report
from grader.report.as_json import as_document
from grader.report.rows import row_of

HOSTILE = "=cmd|'/C calc'!A0 <b>&amp;\x1b[31mred\u202e\"',;\t_x0041_ end"
"""A formula, markup, an escape sequence, a bidirectional override, and every separator."""


def report_of(id: str, **changes: object) -> Report:
    """A report with a criterion that passed, one that lost points, and one that a person marks."""
    marks = [
        sample.mark("cnn.shapes", max_points=Fraction(2), points=Fraction(2), seconds=0.25),
        sample.mark(
            "cnn.architecture",
            Outcome.PARTIAL,
            points=Fraction(5, 4),
            max_points=Fraction(2),
            share=Fraction(5, 8),
            feedback="The second block has no batch-norm.",
        ),
        sample.mark("manual.a1", Outcome.PENDING, max_points=Fraction(4), title="A1. Why?"),
    ]
    return sample.report(marks, submission_id=id, **changes)


def points(criterion: str, given: str, *, comment: str = "", by: str = "bob") -> Event:
    """Points of a person."""
    return Event(Kind.POINTS, "", criterion, Fraction(given), comment=comment, id=1, by=by, given_by=by)


def line(
    student: Student | str,
    *events: Event,
    hand_in: str | None = None,
    group: tuple[str, ...] = (),
    report: Report | None = None,
    late: str | None = None,
    rounding: RoundRule = RoundRule(),  # noqa: B008 (frozen)
) -> FinalLine:
    """A student's line; ``late`` is the share of the mark that lateness costs."""
    who = Student(student) if isinstance(student, str) else student
    id = hand_in or who.id
    row = row_of(id, as_document(report or report_of(id)))
    stands: Mapping[tuple[Kind, str], Event] = {(event.kind, event.criterion): event for event in events}
    zero = Fraction(0)
    lateness = LateLine(Fraction(2), zero, 0, Fraction(2), Fraction(late), zero) if late else None
    return final_line(hand_in_total(row, stands), who, group=group, late=lateness, rounding=rounding)


def marked(student: Student | str, given: str = "3", **how: object) -> FinalLine:
    """A student's line of which nothing is open: 3.25 points and what a person gave."""
    return line(student, points("manual.a1", given), **how)  # type: ignore[arg-type]


def export_of(
    folder: Path,
    lines: Iterable[FinalLine],
    problem: Callable[[str], None] = lambda sentence: None,
    *,
    reports: Mapping[str, Report] | None = None,
    known_as: Mapping[str, tuple[str, ...]] | None = None,
    **how: object,
) -> Export:
    """An export of these lines, whose reports are made in ``folder``."""
    lines = tuple(lines)
    made = {each.folder: (reports or {}).get(each.folder) or report_of(each.hand_in) for each in lines}
    gradebook_sample.fill(folder, made.items())
    hand_ins = {id: HandIn(keys) for id, keys in (known_as or {}).items()}
    return replace(Export(lines, folder, problem, hand_ins=hand_ins), **how)  # type: ignore[arg-type]
