"""Reports are never written among the submissions, nor taken for submissions."""

from __future__ import annotations

import pytest
from cohort_sample import Course, names

from grader.intake import SubmissionError, find, read
from grader.store.files import StoreError


def test_reports_are_not_written_where_a_submission_lies(course: Course) -> None:
    found = course.cohort(1)
    with pytest.raises(StoreError, match=r"among the submissions, .*--out"):
        course.grade(found, out=course.submissions)
    assert names(course.submissions) == ["student00"]
    assert names(course.submissions / "student00") == ["colourization.py"]


def test_reports_are_not_written_among_the_files_of_the_only_submission(course: Course) -> None:
    home = course.submissions / "student00"
    with pytest.raises(StoreError, match=r"among the submissions, .*--out"):
        course.grade(course.cohort(1), out=home, many=False)
    assert names(home) == ["colourization.py"]


def test_reports_are_not_written_inside_one_of_many_submissions(course: Course) -> None:
    with pytest.raises(StoreError, match=r"among the submissions, .*student01 is a submission.*--out"):
        course.grade(course.cohort(2), out=course.submissions / "student01" / "reports")
    assert names(course.submissions / "student01") == ["colourization.py"]


@pytest.mark.parametrize("many", [True, False])
def test_reports_inside_a_submission_are_not_part_of_it(course: Course, many: bool) -> None:
    """As ``grade .`` writes them by default."""
    course.hand_in("student00")
    home = course.submissions / "student00"
    hashes = set()
    for resumed in (0, 1, 1):
        (found,) = find([home], mode="one").found
        hashes.add(read(found).sha256)
        summary, _ = course.grade([found], out=home / "reports", many=many)
        assert (summary.graded, summary.resumed) == (1 - resumed, resumed)
    assert len(hashes) == 1
    assert [file.path for file in read(found).files] == ["colourization.py"]
    # A folder of that name which the grader did not write is the student's.
    (home / "reports" / "run.json").write_text('{"schema": "mine"}')
    assert "reports/run.json" in [file.path for file in read(found).files]


def test_reports_beside_submissions_are_not_taken_for_one(course: Course) -> None:
    marked = course.submissions / "marked"
    course.grade(course.cohort(3), out=marked)
    (marked / "student00" / "notes.py").write_text("x = 1\n")
    findings = find([course.submissions])
    assert [one.id for one in findings.found] == ["student00", "student01", "student02"]
    assert [(one.path.name, one.reason) for one in findings.skipped] == [
        ("marked", "reports of the grader and not handed in")
    ]
    with pytest.raises(SubmissionError, match="marked holds reports of the grader: name what was handed in"):
        find([marked])
