"""Jobs that are processes: one submission does nothing to another, whatever it does to the process that grades it."""

from __future__ import annotations

import json
import sys

import pytest
from cohort_sample import BOTH_RIGHT, Course, rubric
from jobs_sample import grade_by_processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="jobs are processes on Linux only"),
]


def test_reports_are_those_of_a_run_in_one_process(course: Course) -> None:
    found = course.cohort(5)
    rubric(course.submissions)
    said = grade_by_processes(course.submissions, course.root / "by processes")
    course.grade(found)
    assert (said["graded"], said["problems"], said["processes"]) == (5, {}, [])
    assert ["student03", "reading"] in said["stages"]
    for each in found:
        theirs = json.loads((course.root / "by processes" / each.folder / "report.json").read_bytes())
        assert theirs["criteria"] == course.report(each.folder)["criteria"]
        assert theirs["run"]["details"]["key"] == course.report(each.folder)["run"]["details"]["key"]


@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        ("# die always", "was ended by the signal SIGSEGV"),
        ("# compute without end", "more than 1 seconds of processor time"),
        ("# take memory", "MemoryError"),
        ("# fail", "RuntimeError: a defect"),
    ],
)
def test_what_ends_or_fails_a_process_is_left_to_a_person_and_neighbours_are_graded(
    course: Course, deed: str, sentence: str
) -> None:
    course.cohort(4)
    course.hand_in("student01b", f"{BOTH_RIGHT}{deed}\n")
    rubric(course.submissions)
    said = grade_by_processes(course.submissions, course.out)
    assert (said["graded"], said["failed"], list(said["problems"])) == (5, ["student01b"], ["student01b"])
    assert sentence in said["problems"]["student01b"]
    report = course.report("student01b")
    outcomes = {criterion["outcome"] for criterion in report["criteria"] if criterion["id"].startswith("cnn")}
    assert (report["status"], outcomes) == ("needs_review", {"error"})
    assert [course.report(f"student0{number}")["status"] for number in range(4)] == ["graded"] * 4


def test_a_process_that_dies_once_costs_nothing(course: Course) -> None:
    course.hand_in("alice", f"{BOTH_RIGHT}# die once\n")
    course.hand_in("bob", BOTH_RIGHT)
    rubric(course.submissions)
    said = grade_by_processes(course.submissions, course.out)
    assert (said["graded"], said["problems"]) == (2, {})
    assert course.report("alice")["score"] == course.report("bob")["score"]


def test_a_process_has_its_own_two_channels_and_the_floor_and_nothing_else(course: Course) -> None:
    course.hand_in("alice", "# look around\n")
    course.hand_in("bob")
    rubric(course.submissions)
    grade_by_processes(course.submissions, course.out)
    assert json.loads((course.submissions / "descriptors.json").read_text()) == ["file", "socket", "socket"]
