"""The report of a submission on which the grader failed costs nothing, and needs nothing that can fail."""

from __future__ import annotations

import os

import pytest
from cohort_sample import Course

from grader.cohort.failure import failed_report, sentence_about
from grader.intake import Found


def test_a_report_of_a_failure_needs_no_readable_submission(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(folder: object) -> None:
        raise MemoryError

    settings = course.grader().settings
    monkeypatch.setattr(os, "scandir", exhausted)
    report = failed_report(Found("alice", "alice", (course.root,)), settings, "MemoryError")
    assert report.files == ()
    assert {mark.outcome.value for mark in report.sheet.marks} == {"error", "pending"}
    assert [flag.kind for flag in report.flags] == ["assignment-guessed", "grader-failed"]


def test_a_report_of_a_failure_is_on_the_assignment_that_the_command_line_names(course: Course) -> None:
    (found,) = course.cohort(1)
    report = failed_report(found, course.grader(assignment="csc413-2020").settings, "a defect")
    assert report.assignment_id == "csc413-2020"
    assert [flag.kind for flag in report.flags] == ["grader-failed"]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (ValueError("a\n  b"), "ValueError: a b"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("\x1b[31m"), "RuntimeError: \\x1b[31m"),
    ],
)
def test_a_fault_is_one_visible_line(fault: Exception, sentence: str) -> None:
    assert sentence_about(fault) == sentence
