"""JUnit's XML: a test suite for each hand-in, a test case for each criterion.

It follows the stricter of the schemas in use, that of Ant's report: every suite has a time stamp without a zone, a
host, properties, and both outputs, even if they are empty. A criterion with part of its points has failed; one that is
open or was skipped is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from xml.sax.saxutils import escape, quoteattr

from grader.display import display
from grader.export.feedback import ReportText, on_the_whole, read_report_text, said
from grader.export.figures import decimal
from grader.export.hand_ins import hand_ins
from grader.export.records import Export, Files
from grader.marking.verdicts import Outcome
from grader.marks.line import CriterionLine, FinalLine

__all__ = ["files"]


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_NO_TIME = "1970-01-01T00:00:00"


def files(export: Export) -> Files:
    """One file with all hand-ins."""
    suites = (
        _suite(place, line, read_report_text(export.reports / line.folder))
        for place, line in enumerate(hand_ins(export))
    )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for suite in suites:
        lines += suite
    yield "", "\n".join([*lines, "</testsuites>", ""]).encode()


def _suite(place: int, line: FinalLine, text: ReportText) -> Iterator[str]:
    cases = [_case(line, criterion, text) for criterion in line.criteria]
    kinds = [kind for kind, _ in cases]
    started = _TIME.match(text.started)
    properties = {
        "mark": decimal(line.mark),
        "max_score": decimal(line.max_score),
        "open_points": decimal(line.open_points),
        "stage": line.stage.value,
        "status": line.status,
        "students": ", ".join(line.group or (line.student.id,)),
    }
    yield (
        f" <testsuite name={_token(line.hand_in)} package={_token(line.assignment)} id={_token(str(place))} "
        f"timestamp={_token(started[0] if started else _NO_TIME)} hostname={_token('localhost')} "
        f'tests="{len(cases)}" failures="{kinds.count("failure")}" errors="{kinds.count("error")}" '
        f'skipped="{kinds.count("skipped")}" time="{text.seconds:.3f}">'
    )
    yield "  <properties>"
    for name, value in properties.items():
        yield f"   <property name={_token(name)} value={quoteattr(display(value, limit=2_000))}/>"
    yield "  </properties>"
    for _, case in cases:
        yield case
    yield f"  <system-out>{escape(on_the_whole(line))}</system-out>"
    yield "  <system-err></system-err>"
    yield " </testsuite>"


def _case(line: FinalLine, criterion: CriterionLine, text: ReportText) -> tuple[str, str]:
    """What becomes of a criterion (``failure``, ``error``, ``skipped`` or nothing), and its element."""
    one = text.of(criterion.id)
    start = (
        f"  <testcase name={_token(criterion.id)} classname={_token(f'{line.assignment}.{line.hand_in}')} "
        f'time="{one.seconds:.3f}"'
    )
    kind = _kind(criterion)
    if not kind:
        return kind, f"{start}/>"
    points = "" if criterion.points is None else f"{decimal(criterion.points)} of {decimal(criterion.max_points)}: "
    message = quoteattr(f"{points}{one.title}")
    if kind == "skipped":
        return kind, f"{start}><skipped message={message}/></testcase>"
    what = "partial" if criterion.points else criterion.outcome.value
    return (
        kind,
        f"{start}><{kind} message={message} type={_token(what)}>{escape(said(criterion, one))}</{kind}></testcase>",
    )


def _kind(criterion: CriterionLine) -> str:
    if criterion.points is None:
        return "error" if criterion.outcome is Outcome.ERROR else "skipped"
    if criterion.outcome is Outcome.SKIPPED and criterion.by is None:
        return "skipped"
    if criterion.max_points == 0:
        return "failure" if criterion.outcome is Outcome.FAIL and criterion.by is None else ""
    return "failure" if criterion.points < max(criterion.max_points, Fraction(0)) else ""


def _token(text: str) -> str:
    """An attribute with single spaces, and at least one character."""
    return quoteattr(" ".join(display(text, limit=2_000).split()) or "-")
