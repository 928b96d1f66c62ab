"""What the examination of one submission brought, and the report that is made of it.

Every report comes from ``report_on``: that of a submission with code, of one without, and of one on which the grader
itself failed. Where only the rubric was changed, ``remarked`` makes a report of one that is there.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from grader import __version__
from grader.detect import Detected
from grader.intake import Found, Submission
from grader.marking.evidence import Json
from grader.marking.reuse import Recorded, Reuse, reuse
from grader.marking.rubric import Assignment, Rubric
from grader.marking.sheet import mark, verdict_of
from grader.marking.verdicts import Flag, Verdict
from grader.report import LeftOut, Report, Run

__all__ = [
    "BEFORE_LATENESS",
    "Earlier",
    "Examined",
    "earlier",
    "from_the_platform",
    "remarked",
    "report_on",
    "run_record",
]


@dataclass(frozen=True)
class Examined:
    """What the examination of one submission brought."""

    detected: Detected
    verdicts: tuple[Verdict, ...]
    flags: tuple[Flag, ...]
    """Flags of the examination. Those of the submission and of the verdicts are not among them."""
    gradable: bool = True
    """False where there was no code to examine."""
    code_files: tuple[str, ...] = ()
    """The files whose definitions were examined."""
    choice: tuple[str, ...] = ()
    """Which file counts where several compete, and why."""
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()
    """Sentences about the submission as a whole."""


@dataclass(frozen=True)
class Earlier:
    """What an earlier examination of the same submission brought, and what still holds."""

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """By the criterion's id."""
    flags: tuple[Flag, ...] = ()
    """Flags of the submission and of its examination. Those of verdicts are not among them."""
    output: str = ""
    """What the submission's code printed."""


def report_on(submission: Submission, examined: Examined, *, rubric: Rubric, run: Run, output: str = "") -> Report:
    """The report on a submission. ``output`` is what its code printed."""
    assignment = rubric.assignments[examined.detected.assignment]
    about = dict.fromkeys((*submission.flags, *examined.flags))
    flags = (*about, *(flag for verdict in examined.verdicts for flag in verdict.flags))
    return Report(
        submission_id=submission.id,
        sha256=submission.sha256,
        files=submission.files,
        assignment_id=assignment.id,
        assignment_title=assignment.title,
        detected=examined.detected.sentence,
        code_files=examined.code_files,
        choice=examined.choice,
        sheet=mark(assignment, examined.verdicts, flags, gradable=examined.gradable),
        flags=flags,
        left_out=examined.left_out,
        remarks=(*examined.remarks, *_on_lateness(assignment)),
        output=output,
        run=run,
        part_titles={part.id: part.title for part in assignment.parts},
    )


def _on_lateness(assignment: Assignment) -> tuple[str, ...]:
    """How lateness counts, where the rubric has a rule."""
    if assignment.late is None or not assignment.late.takes_off:
        return ()
    return (BEFORE_LATENESS,)


BEFORE_LATENESS = (
    "Lateness counts in begun days of 24 hours, and the gradebook takes it off: the marks here are those before it."
)
"""Without the rule's numbers, which may change without a change of this report. A final report leaves it out: there,
lateness is taken off."""


def from_the_platform(submission: Found | Submission) -> dict[str, Json]:
    """What the gradebook needs of what the learning platform says, for ``run.details``."""
    known_as = {"known_as": submission.known_as} if submission.known_as else {}
    return {**known_as, **({"submitted": submission.submitted} if submission.submitted else {})}


def remarked(report: Report, rubric: Rubric) -> tuple[Report, tuple[str, ...]]:
    """A report that was read back, marked by another rubric; and the criteria that must be examined again for it.

    These are pending in it, so the report is as it should be where there are none.
    """
    assignment = rubric.assignments[report.assignment_id]
    reused = _reuse(report, assignment)
    flags = (*_flags_of_no_verdict(report), *(flag for verdict in reused.verdicts for flag in verdict.flags))
    marked = replace(
        report,
        assignment_title=assignment.title,
        sheet=mark(assignment, reused.verdicts, flags, gradable=_is_gradable(report)),
        flags=flags,
        remarks=(
            *(remark for remark in report.remarks if remark != BEFORE_LATENESS),
            *_on_lateness(assignment),
        ),
        run=replace(report.run, rubric_sha256=rubric.sha256),
        part_titles={part.id: part.title for part in assignment.parts},
    )
    return marked, reused.again


def earlier(report: Report, rubric: Rubric) -> Earlier:
    """What of a report that was read back still holds under another rubric."""
    reused = _reuse(report, rubric.assignments[report.assignment_id])
    return Earlier(reused.kept, _flags_of_no_verdict(report), report.output)


def _reuse(report: Report, assignment: Assignment) -> Reuse:
    recorded = {mark.id: Recorded(verdict_of(mark), mark.basis) for mark in report.sheet.marks if mark.basis}
    return reuse(assignment, recorded, gradable=_is_gradable(report))


def _is_gradable(report: Report) -> bool:
    return report.sheet.status != "ungradable"


def _flags_of_no_verdict(report: Report) -> tuple[Flag, ...]:
    of_verdicts = {flag for mark in report.sheet.marks for flag in mark.flags}
    return tuple(flag for flag in report.flags if flag not in of_verdicts)


def run_record(
    *,
    rubric: Rubric,
    seed: int,
    device: str,
    isolation: str,
    started: datetime.datetime,
    seconds: float,
    details: Mapping[str, Json],
) -> Run:
    """How a report came about. ``details`` are further JSON values. Imports torch, whose version belongs to it."""
    import torch

    return Run(
        version=__version__,
        seed=seed,
        device=device,
        isolation=isolation,
        torch=str(torch.__version__),
        seconds=seconds,
        started=started.isoformat(timespec="seconds"),
        rubric_sha256=rubric.sha256,
        details=details,
    )
