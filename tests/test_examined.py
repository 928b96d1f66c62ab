"""Every report is made in one way: the flags of all that was examined, and a record of the run."""

from __future__ import annotations

import datetime
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch
from cohort_sample import rubric

import grader
from grader.detect import Detected
from grader.examined import Examined, report_on, run_record
from grader.intake import StoredFile, Submission
from grader.marking.verdicts import Flag, Outcome, Verdict

SUBMISSION = Submission(
    id="alice",
    folder="alice",
    files=(StoredFile("a2.py", 3, "0" * 64),),
    code=(),
    sha256="1" * 64,
    flags=(Flag("late", "It is late."),),
)
EXAMINED = Examined(
    Detected("csc321-2018", "By its classes.", True),
    (
        Verdict("cnn.shapes", Outcome.PASS, "Right.", Fraction(1)),
        Verdict("cnn.parameters", Outcome.FAIL, "Wrong.", flags=(Flag("untrusted-evidence", "See line 3."),)),
    ),
    (Flag("assignment-guessed", "It may be another."),),
)


def _report(folder: Path, examined: Examined = EXAMINED):
    loaded = rubric(folder)
    started = datetime.datetime(2026, 11, 21, 3, 7, 0, 123456, tzinfo=datetime.timezone.utc)
    run = run_record(
        rubric=loaded, seed=7, device="cpu", isolation="none", started=started, seconds=0.5, details={"quick": True}
    )
    return report_on(SUBMISSION, examined, rubric=loaded, run=run, output="printed")


def test_a_report_has_the_flags_of_the_submission_of_its_examination_and_of_each_verdict(tmp_path: Path) -> None:
    report = _report(tmp_path)
    assert [flag.kind for flag in report.flags] == ["late", "assignment-guessed", "untrusted-evidence"]
    assert report.sheet.status == "needs_review"


def test_a_report_has_a_mark_for_every_criterion_and_the_titles_of_the_rubric(tmp_path: Path) -> None:
    report = _report(tmp_path)
    outcomes = {mark.id: mark.outcome.value for mark in report.sheet.marks}
    assert outcomes == {"cnn.shapes": "pass", "cnn.parameters": "fail", "manual.a1": "pending"}
    assert (report.sheet.score, report.sheet.pending_points) == (1, 2)
    assert report.assignment_title == "Colouring horses (CSC321, 2018)"
    assert report.part_titles == {"a": "A. Networks"}
    assert (report.submission_id, report.files, report.output) == ("alice", SUBMISSION.files, "printed")


def test_a_report_without_code_to_examine_is_ungradable(tmp_path: Path) -> None:
    assert _report(tmp_path, replace(EXAMINED, gradable=False)).sheet.status == "ungradable"


def test_the_record_of_a_run_has_versions_and_the_start_to_the_second(tmp_path: Path) -> None:
    run = _report(tmp_path).run
    assert (run.version, run.torch) == (grader.__version__, str(torch.__version__))
    assert run.started == "2026-11-21T03:07:00+00:00"
    assert (run.seed, run.device, run.isolation, run.seconds) == (7, "cpu", "none", 0.5)
    assert run.details == {"quick": True}
    assert run.rubric_sha256 == rubric(tmp_path).sha256
