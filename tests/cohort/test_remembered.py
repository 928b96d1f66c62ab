"""A folder of reports remembers the lists of its cohort from run to run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cohort_sample import RUBRIC, Course

from grader.gradebook.inputs import Changes, given
from grader.gradebook.lists import ListError

TEN_PERCENT_A_DAY = RUBRIC.replace(
    "layer_orders: [pool-first]\n", "layer_orders: [pool-first]\n    late: {percent_a_day: 10}\n", 1
)


@pytest.fixture
def lists(course: Course) -> Changes:
    """A roster and a list of lateness, whose files are gone once they are read."""
    roster, late = course.root / "roster.csv", course.root / "late.csv"
    roster.write_text("id,name,email\nstudent00,Alice,alice@example.org\nstudent07,Bob,bob@example.org\n")
    late.write_text("id,hours_late\nstudent01,30\n")
    changes = given(roster=roster, late=late)
    roster.unlink()
    late.unlink()
    return changes


def cells(course: Course, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in course.gradebook()]


WITH_BOTH_LISTS = [
    ("student00", "Alice", "1", "", "0"),
    ("student01", "", "2", "30", "0.4"),
    ("student07", "Bob", "", "", ""),
]


def test_lists_stay_from_run_to_run(course: Course, lists: Changes) -> None:
    found = course.cohort(2)
    grader = course.grader(TEN_PERCENT_A_DAY)
    columns = ("id", "name", "score", "late_hours", "late_penalty")
    course.grade(found, grader, lists=lists)
    assert cells(course, *columns) == WITH_BOTH_LISTS
    assert "hours late" in course.index() and "taken off" in course.index()
    assert "student07 Bob" in course.index()
    assert course.grade(found, grader).summary.resumed == 2
    assert cells(course, *columns) == WITH_BOTH_LISTS


def test_a_list_is_forgotten_when_none_is_given_or_its_file_is_deleted(course: Course, lists: Changes) -> None:
    found = course.cohort(2)
    grader = course.grader(TEN_PERCENT_A_DAY)
    course.grade(found, grader, lists=lists)
    course.grade(found, grader, lists=given(late=Path("none")))
    assert cells(course, "name", "score") == [("Alice", "1"), ("", "2"), ("Bob", "")]
    assert "late_hours" not in course.gradebook()[0]
    (course.out / "roster.csv").unlink()
    course.grade(found, grader)
    assert cells(course, "id") == [("student00",), ("student01",)]
    assert "hours late" not in course.index()


def test_a_student_whose_submission_was_taken_away_is_missing(course: Course) -> None:
    first, second = course.cohort(2)
    course.grade([first, second])
    (course.submissions / "student01" / "colourization.py").unlink()
    (course.submissions / "student01").rmdir()
    (course.root / "roster.csv").write_text("id,name\nstudent01,Bob\n")
    course.grade([first], lists=given(roster=course.root / "roster.csv"))
    assert cells(course, "id", "status") == [("student00", "graded"), ("student01", "gone"), ("student01", "missing")]


def test_a_damaged_list_is_reported_before_anything_is_graded(course: Course) -> None:
    found = course.cohort(1)
    course.grade(found)
    (course.out / "late.csv").write_text("nonsense")
    grader = course.grader()
    with pytest.raises(ListError, match=r"late\.csv, line 1: the columns must be"):
        course.grade(found, grader, fresh=True)
    assert grader.calls == {}


def test_the_page_says_what_is_to_be_marked_by_hand(course: Course) -> None:
    course.grade(course.cohort(3))
    page = re.sub(r"<[^>]*>", " ", course.index())
    (section,) = re.findall(r"To be marked by hand +csc\S+ .*?\n\n", page, re.DOTALL)
    assert re.search(r"A1\. Why\s+manual\.a1\s+2\s+3\s+A reason", section)
    assert "cnn.shapes" not in section
