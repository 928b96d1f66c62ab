"""The final report in its two forms: the student's, and the marker's.

Both have the points that count: a person's in place of the grader's. The student's has neither flags nor reasons, does
not say who gave a point, and has of the evidence only the smallest failing input. It has no seed, no expected curve and
no configuration that was tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from grader.display import display
from grader.examined import BEFORE_LATENESS
from grader.export.feedback import sums
from grader.export.figures import decimal
from grader.export.records import ExportError
from grader.marking.evidence import Evidence
from grader.marking.sheet import Mark
from grader.marking.verdicts import Flag, Outcome
from grader.marks.line import CriterionLine, FinalLine, OpenFlag, Stage
from grader.report import Report
from grader.report.as_html import to_html
from grader.report.as_markdown import to_markdown
from grader.report.as_student import to_student_html
from grader.reports_folder import REPORT
from grader.store.cache import read_report
from grader.store.files import display_path

__all__ = ["marker_form", "read", "student_form"]


def read(folder: Path) -> Report:
    """The report in a folder. Raises ExportError where it is not one."""
    report = read_report(folder)
    if report is None:
        raise ExportError(f"{display_path(folder / REPORT)} cannot be read: 'grade' makes it again")
    return report


def student_form(line: FinalLine, report: Report) -> dict[str, bytes]:
    """The student's two files, by name. What is marked and given to a student is final."""
    who = line.student.name or line.student.id
    marks = tuple(
        replace(mark, mistake=None, flags=(), evidence=Evidence(snippet=mark.evidence.snippet))
        for mark in _marks(line, report)
    )
    bare = replace(
        report,
        submission_id=who,
        files=(),
        flags=(),
        output="",
        remarks=_remarks(report),
        sheet=replace(
            report.sheet,
            marks=marks,
            score=line.score,
            max_score=line.max_score,
            status="graded",
            decided=Stage.EXAMINED.value if line.stage is Stage.EXAMINED else Stage.FINAL.value,
        ),
    )
    comments = {criterion.id: criterion.comment for criterion in line.criteria}
    page = to_student_html(bare, who=who, mark=decimal(line.mark), sums=tuple(sums(line)), comments=comments)
    with_comments = replace(
        bare,
        remarks=(*sums(line), *bare.remarks),
        sheet=replace(
            bare.sheet,
            score=line.mark,
            pending_points=line.open_points,
            marks=tuple(
                replace(mark, feedback="\n".join(filter(None, (mark.feedback, _comment(comments[mark.id])))))
                for mark in marks
            ),
        ),
    )
    return {"report.html": page.encode(), "feedback.md": to_markdown(with_comments).encode()}


def marker_form(line: FinalLine, report: Report) -> dict[str, bytes]:
    """The marker's page: all evidence, who gave which points and why, and what is open."""
    criteria = {criterion.id: criterion for criterion in line.criteria}
    marks = tuple(
        replace(mark, feedback="\n".join(filter(None, (mark.feedback, *_history(criteria[mark.id])))))
        for mark in _marks(line, report)
    )
    sheet = replace(
        report.sheet,
        marks=marks,
        score=line.score,
        max_score=line.max_score,
        pending_points=line.open_points,
        status=line.status,
        decided=line.stage.value,
    )
    page = replace(
        report,
        sheet=sheet,
        flags=tuple(Flag(flag.kind, _flag(flag)) for flag in line.flags),
        remarks=(f"The mark is {decimal(line.mark)} ({line.stage.value}).", *sums(line), *_remarks(report)),
    )
    return {"marker.html": to_html(page).encode()}


def _remarks(report: Report) -> tuple[str, ...]:
    """The grader's remarks, without the one that is true before lateness is taken off alone."""
    return tuple(remark for remark in report.remarks if remark != BEFORE_LATENESS)


def _marks(line: FinalLine, report: Report) -> Iterator[Mark]:
    """The marks with the points that count, in the rubric's order."""
    examined = {mark.id: mark for mark in report.sheet.marks}
    for criterion in line.criteria:
        mark = examined.get(criterion.id) or _unknown(criterion)
        was_open = criterion.examined is None
        yield replace(
            mark,
            points=criterion.points if criterion.points is not None else Fraction(0),
            max_points=criterion.max_points,
            bonus=criterion.bonus,
            outcome=_outcome(criterion),
            feedback="" if was_open and criterion.points is not None else mark.feedback,
        )


def _unknown(criterion: CriterionLine) -> Mark:
    """A criterion that another rubric has brought."""
    return Mark(
        criterion.id, "", criterion.id, criterion.outcome, Fraction(0), criterion.max_points, criterion.bonus, ""
    )


def _outcome(criterion: CriterionLine) -> Outcome:
    """What becomes of a criterion once a person has given points."""
    if criterion.by is None or criterion.points is None:
        return criterion.outcome
    if criterion.points >= criterion.max_points:
        return Outcome.PASS
    return Outcome.PARTIAL if criterion.points > 0 else Outcome.FAIL


def _comment(text: str) -> str:
    return f"Comment: {text}" if text else ""


def _history(criterion: CriterionLine) -> Iterator[str]:
    """Who gave the points, and why, in sentences."""
    if criterion.by is not None and criterion.points is not None:
        was = "" if criterion.examined is None else f" in place of the grader's {decimal(criterion.examined)}"
        why = f": {display(criterion.reason, limit=2_000)}" if criterion.reason else "."
        yield f"{display(criterion.by, limit=60)} gave {decimal(criterion.points)} points{was}{why}"
    if criterion.unconfirmed:
        why = "was given for an earlier hand-in" if criterion.unconfirmed.earlier_hand_in else "is above the maximum"
        yield f"This mark {why}: confirm it, or give another."
    if criterion.comment:
        yield _comment(criterion.comment)


def _flag(flag: OpenFlag) -> str:
    """A flag with what a person said of it."""
    if flag.resolved is None:
        return flag.detail
    word = flag.resolved.comment or flag.resolved.reason
    return f"{flag.detail} Resolved by {flag.resolved.by}{f': {word}' if word else ''}."
