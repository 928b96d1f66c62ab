"""Many submissions: all of them get a report, none gets two, whatever goes wrong with one of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from cohort_sample import Course, Heard, names

from grader.cohort.events import Summary
from grader.cohort.grader import RunError
from grader.marking.verdicts import Flag
from grader.report.as_json import problem
from grader.store.files import StoreError
from grader.store.folder import Store


def test_every_submission_gets_three_files_and_the_cohort_gets_two(course: Course) -> None:
    found = course.cohort(3)
    summary, _ = course.grade(found)
    assert summary == Summary(3, 0, 0, 0, (), Fraction(50))
    beside = ["gradebook.csv", "index.html", "run.json", "rubric.yaml"]
    hidden = [".applied-rubric.yaml", ".lock", ".resume.jsonl", ".written.json"]
    assert names(course.out) == sorted([*(one.folder for one in found), *beside, *hidden])
    for one in found:
        assert names(course.out / one.folder) == ["feedback.md", "report.html", "report.json"]
        assert problem(course.report(one.folder)) is None


def test_events_tell_what_is_begun_examined_and_finished(course: Course) -> None:
    found = course.cohort(3)
    _, heard = course.grade(found)
    assert heard.begun == [line.id for line in heard.lines] == [one.id for one in found]
    assert heard.stages == [(one.id, "reading") for one in found]
    assert [(line.score, line.max_score, line.pending_points, line.status) for line in heard.lines] == [
        (1, 4, 2, "graded"),
        (2, 4, 2, "graded"),
        (1, 4, 2, "graded"),
    ]


def test_one_submission_gets_no_gradebook_and_its_report_is_in_the_summary(course: Course) -> None:
    summary, _ = course.grade(course.cohort(1), many=False)
    assert not (course.out / "gradebook.csv").exists()
    assert not (course.out / "index.html").exists()
    assert summary.report is not None and summary.report.submission_id == "student00"


def test_the_summary_of_many_submissions_holds_no_report(course: Course) -> None:
    assert course.grade(course.cohort(2)).summary.report is None


@pytest.mark.parametrize("jobs", [2, 5, 50])
def test_any_number_of_jobs_gives_the_same_reports(course: Course, jobs: int) -> None:
    found = course.cohort(9)
    alone, together = course.root / "alone", course.root / "together"
    first, _ = course.grade(found, out=alone)
    second, heard = course.grade(found, out=together, jobs=jobs)
    assert first == second
    assert sorted(line.id for line in heard.lines) == [one.id for one in found]
    for one in found:
        for name in ("report.json", "report.html", "feedback.md"):
            assert (alone / one.folder / name).read_bytes() == (together / one.folder / name).read_bytes()
    assert (alone / "gradebook.csv").read_bytes() == (together / "gradebook.csv").read_bytes()


def test_two_jobs_grade_two_submissions_at_a_time(course: Course) -> None:
    # No submission passes the barrier alone.
    barrier = threading.Barrier(2, timeout=30)
    grader = course.grader()
    grader.before = lambda id: barrier.wait() and None
    summary, _ = course.grade(course.cohort(4), grader, jobs=2)
    assert (summary.graded, summary.failed) == (4, ())


def test_two_submissions_with_one_folder_are_a_fault_of_the_caller(course: Course) -> None:
    first, second = course.cohort(2)
    with pytest.raises(ValueError, match="same folder"):
        course.grade([first, replace(second, folder="Student00")])


def test_two_runs_into_one_folder_are_refused(course: Course) -> None:
    found = course.cohort(1)
    with Store(course.out), pytest.raises(StoreError, match=r"in use by another run .*process \d+.*--out"):
        course.grade(found)
    assert course.grade(found).summary.graded == 1


def test_a_submission_on_which_the_grader_fails_once_is_tried_again(course: Course) -> None:
    grader = course.grader()

    def fail_once(id: str) -> None:
        if id == "student01" and grader.calls[id] == 1:
            raise ConnectionError("the worker's parent is gone")

    grader.before = fail_once
    summary, heard = course.grade(course.cohort(3), grader)
    assert (summary.graded, summary.failed, heard.problems) == (3, (), [])
    assert grader.calls["student01"] == 2
    assert course.report("student01")["score"] == 2


def test_a_submission_on_which_the_grader_fails_twice_is_an_error_and_the_others_are_graded(course: Course) -> None:
    def fail(id: str) -> None:
        if id == "student01":
            raise RuntimeError("<b>a defect</b>\x1b[31m")

    grader = course.grader()
    grader.before = fail
    found = course.cohort(3)
    summary, heard = course.grade(found, grader)
    assert (summary.graded, summary.needs_review, summary.exit_status()) == (3, 1, 1)
    (failure,) = summary.failed
    assert (failure.id, failure.reason) == ("student01", "RuntimeError: <b>a defect</b>\\x1b[31m")
    assert heard.problems == [(failure.id, failure.reason)]
    assert grader.calls["student01"] == 2
    # The next run tries again, and finds nothing else to do.
    summary, heard = course.grade(found)
    assert (heard.begun, summary.failed, summary.resumed) == (["student01"], (), 2)


def test_the_report_of_a_failure_is_pending_and_shows_the_defect_as_text(course: Course) -> None:
    def fail(id: str) -> None:
        raise RuntimeError("<b>a defect</b>")

    grader = course.grader()
    grader.before = fail
    assert course.grade(course.cohort(1), grader, many=False).summary.report is None
    report = course.report("student00")
    assert problem(report) is None
    assert {one["id"]: one["outcome"] for one in report["criteria"]} == {
        "cnn.shapes": "error",
        "cnn.parameters": "error",
        "manual.a1": "pending",
    }
    assert (report["status"], report["score"], report["pending_points"]) == ("needs_review", 0, 4)
    assert report["submission"]["files"][0]["path"] == "colourization.py"
    assert "<b>" not in (course.out / "student00" / "report.html").read_text()


def test_a_report_that_cannot_be_rendered_is_a_failure_and_the_others_are_graded(course: Course) -> None:
    first, second, third = course.cohort(3)
    without_text: Any = None
    second = replace(second, flags=(Flag("late", without_text),))
    summary, _ = course.grade([first, second, third])
    (failure,) = summary.failed
    assert failure.id == "student01" and "no report of that could be written: TypeError" in failure.reason
    assert (summary.graded, summary.left, summary.exit_status()) == (2, 0, 1)
    assert not (course.out / "student01").exists()


def test_a_file_where_a_report_is_due_costs_that_submission_alone(course: Course) -> None:
    course.out.mkdir()
    (course.out / "student01").write_text("mine")
    summary, heard = course.grade(course.cohort(3))
    assert (summary.graded, summary.left, summary.exit_status()) == (2, 0, 1)
    (failure,) = summary.failed
    assert (failure.id, failure.reason) == heard.problems[0]
    assert "student01 is not a folder, and a report's folder is due there: move it away" in failure.reason
    assert (course.out / "student01").read_text() == "mine"


def test_a_listener_that_fails_ends_the_run_and_fails_no_submission(course: Course) -> None:
    class Broken(Heard):
        def stage(self, id: str, what: str) -> None:
            raise BrokenPipeError("nobody listens")

    grader = course.grader()
    with pytest.raises(BrokenPipeError, match="nobody listens"):
        course.grade(course.cohort(3), grader, events=Broken())
    assert grader.calls == {"student00": 1}


def test_an_error_that_meets_every_submission_ends_the_run(course: Course) -> None:
    def fail(id: str) -> None:
        raise RunError("the scheduler was lost")

    grader = course.grader()
    grader.before = fail
    with pytest.raises(RunError, match="the scheduler was lost"):
        course.grade(course.cohort(3), grader)
    assert grader.calls == {"student00": 1}
