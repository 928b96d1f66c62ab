"""The report of a submission on which the grader itself failed."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence

from grader.cohort.grader import Settings, Told, Undone
from grader.detect import Detected, detect, named
from grader.display import display
from grader.examined import Examined, from_the_platform, report_on, run_record
from grader.intake import Found, StoredFile, Submission, read
from grader.marking.evidence import Evidence
from grader.marking.verdicts import Flag, Outcome, Verdict
from grader.report import Report
from grader.worker.protocol import Outline

__all__ = ["failed_report", "sentence_about"]


_FEEDBACK = "The grader itself failed on this submission. It costs no points, and a person will look at it."


def failed_report(found: Found, settings: Settings, reason: str, *, unread: bool = False) -> Report:
    """A report in which every automatic criterion is an error.

    That costs the student nothing. ``reason`` is for the marker and goes into the evidence. What a student handed in
    never makes this raise: where it cannot be read, or must not be (``unread``), the report lists no files.
    """
    submission = _without_files(found) if unread else _read(found)
    detected = _detected(settings, submission.files, found.assignment)
    guessed = () if detected.sure else (Flag("assignment-guessed", detected.sentence),)
    failed = Flag("grader-failed", f"The grader itself failed on this submission: {reason}")
    verdicts = tuple(
        Verdict(criterion.id, Outcome.ERROR, _FEEDBACK, evidence=Evidence(facts={"fault": reason}))
        for criterion in settings.rubric.assignments[detected.assignment].criteria
        if criterion.check is not None
    )
    examined = Examined(detected, verdicts, (*guessed, failed), remarks=(_FEEDBACK,))
    run = run_record(
        rubric=settings.rubric,
        seed=settings.options.seed,
        device=settings.options.device,
        isolation=settings.isolation,
        started=datetime.datetime.now(datetime.timezone.utc),
        seconds=0.0,
        details=from_the_platform(found),
    )
    return report_on(submission, examined, rubric=settings.rubric, run=run)


def sentence_about(fault: Exception) -> str:
    """A failure in one line: its type, and its text with every character visible."""
    text = display(" ".join(str(fault).split()), limit=300)
    if isinstance(fault, Told | Undone):
        return text
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__


def _read(found: Found) -> Submission:
    """The submission, or one without files if reading it is what fails."""
    try:
        return read(found)
    except Exception:  # a defect of ours; the report is due all the same
        return _without_files(found)


def _without_files(found: Found) -> Submission:
    sha256 = hashlib.sha256().hexdigest()
    return Submission(found.id, found.folder, files=(), code=(), sha256=sha256, flags=found.flags)


def _detected(settings: Settings, files: Sequence[StoredFile], cohorts: str | None) -> Detected:
    """The assignment, by file names alone: reading the code may be what failed."""
    if settings.options.assignment is not None:
        return named(settings.options.assignment)
    return detect(settings.rubric.assignments, [file.path for file in files], Outline(), cohorts=cohorts)
