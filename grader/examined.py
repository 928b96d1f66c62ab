"""What the examination of one submission brought, and the report that is made of it.

Every report comes from ``report_on``: that of a submission with code, of one without, and of one on which the grader
itself failed.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from grader import __version__
from grader.detect import Detected
from grader.intake import Found, Submission
from grader.marking.evidence import Json
from grader.marking.rubric import Assignment, Rubric
from grader.marking.sheet import mark
from grader.marking.verdicts import Flag, Verdict
from grader.report import LeftOut, Report, Run

__all__ = ["Examined", "from_the_platform", "report_on", "run_record"]


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
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()
    """Sentences about the submission as a whole."""


def report_on(submission: Submission, examined: Examined, *, rubric: Rubric, run: Run, output: str = "") -> Report:
    """The report on a submission. ``output`` is what its code printed."""
    assignment = rubric.assignments[examined.detected.assignment]
    flags = (*submission.flags, *examined.flags, *(flag for verdict in examined.verdicts for flag in verdict.flags))
    return Report(
        submission_id=submission.id,
        sha256=submission.sha256,
        files=submission.files,
        assignment_id=assignment.id,
        assignment_title=assignment.title,
        detected=examined.detected.sentence,
        code_files=examined.code_files,
        sheet=mark(assignment, examined.verdicts, flags, gradable=examined.gradable),
        flags=flags,
        left_out=examined.left_out,
        remarks=(*examined.remarks, *_on_lateness(assignment)),
        output=output,
        run=run,
        part_titles={part.id: part.title for part in assignment.parts},
    )


def _on_lateness(assignment: Assignment) -> tuple[str, ...]:
    """What lateness costs, where the rubric has a rule."""
    if assignment.late is None or not assignment.late.takes_off:
        return ()
    return (f"{assignment.late} The gradebook takes it off: the marks here are those before it.",)


def from_the_platform(submission: Found | Submission) -> dict[str, Json]:
    """What the gradebook needs of what the learning platform says, for ``run.details``."""
    known_as = {"known_as": submission.known_as} if submission.known_as else {}
    return {**known_as, **({"submitted": submission.submitted} if submission.submitted else {})}


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
