"""A report is made again exactly when something changes that its marks depend on, or that it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cohort_sample import BOTH_RIGHT, RUBRIC, Course, FakeGrader

import grader
from grader.cohort.keys import ReportKeys
from grader.store.keys import source_sha256


@pytest.mark.parametrize(
    "change",
    [{"seed": 8}, {"device": "cuda"}, {"seconds": 60.0}, {"assignment": "csc413-2020"}, {"pictures": 2}],
    ids=lambda change: next(iter(change)),
)
def test_a_setting_that_marks_depend_on_grades_again(course: Course, change: dict[str, Any]) -> None:
    found = course.cohort(1)
    course.grade(found)
    for graded in (1, 0):
        summary, _ = course.grade(found, course.grader(**change))
        assert (summary.graded, summary.resumed) == (graded, 1 - graded)


def test_isolation_changes_no_mark_and_grades_nothing_again(course: Course) -> None:
    found = course.cohort(1)
    course.grade(found)
    assert course.grade(found, course.grader(isolation="bubblewrap")).summary.resumed == 1


def test_a_report_with_training_is_valid_without_training_and_not_the_other_way_round(course: Course) -> None:
    found = course.cohort(1)
    full, quick = course.grader(quick=False), course.grader(quick=True)
    assert course.grade(found, quick).summary.graded == 1
    assert course.grade(found, full).summary.graded == 1
    assert course.grade(found, quick).summary.resumed == 1
    assert course.grade(found, full).summary.resumed == 1
    course.hand_in("student00", BOTH_RIGHT)
    assert course.grade(found, quick).summary.graded == 1


@pytest.mark.parametrize(
    ("old", "new", "remarked"),
    [
        ("points: 4", "points: 4  # a remark", 0),
        ("title: A. Networks\n        points: 1", "title: Another title\n        points: 1", 0),
        ("title: The right number of parameters", "title: Another title", 1),
        ("Why, points: 2, look_for: A reason", "Why, points: 2, look_for: Another reason", 0),
        ("layer_orders: [pool-first]\n", "layer_orders: [pool-first]\n    late: {percent_a_day: 10}\n", 0),
    ],
    ids=["a remark", "another assignment", "a title", "what to look for", "the rule for lateness"],
)
def test_a_changed_rubric_marks_again_only_what_it_changes(course: Course, old: str, new: str, remarked: int) -> None:
    found = course.cohort(1)
    first = course.grader()
    course.grade(found, first)
    changed = course.grader(RUBRIC.replace(old, new, 1))
    assert changed.settings.rubric.sha256 != first.settings.rubric.sha256
    summary, _ = course.grade(found, changed)
    assert (summary.graded, summary.remarked, summary.resumed) == (0, remarked, 1 - remarked)
    assert changed.calls == {}


def test_other_notes_for_markers_grade_nothing_again_and_stand_in_the_page(course: Course) -> None:
    found = course.cohort(1)
    course.grade(found)
    changed = course.grader(RUBRIC.replace("A reason", "Two reasons"))
    assert course.grade(found, changed).summary.resumed == 1
    assert "Two reasons" in course.index()


def test_a_new_version_of_the_grader_grades_again(course: Course) -> None:
    found = course.cohort(1)
    settings = course.grader().settings
    assert settings.program == (grader.__version__, source_sha256())
    for program in (settings.program, ("99.0.0", settings.program[1]), ("99.0.0", "0" * 64)):
        other = replace(settings, program=program)
        assert course.grade(found, FakeGrader(other)).summary.graded == 1
        assert course.grade(found, FakeGrader(other)).summary.resumed == 1


def test_the_key_of_a_report_is_among_those_that_the_same_run_accepts(course: Course) -> None:
    (found,) = course.cohort(1)
    for quick in (False, True):
        keys = ReportKeys(course.grader(quick=quick).settings)
        accepted = keys.accepted(found, "0" * 64, "csc321-2018")
        assert keys.key(found, "0" * 64, "csc321-2018") == accepted[0]
        assert len(accepted) == 1 + quick
