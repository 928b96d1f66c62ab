"""A second run into a folder does what is left to do, and nothing twice."""

from __future__ import annotations

import errno
import json
import os
import threading
from dataclasses import replace

import pytest
from cohort_sample import BOTH_RIGHT, Course, hand_in, names

from grader.intake import Found
from grader.store.files import StoreError
from grader.store.run_file import seed_for


def test_a_second_run_finds_nothing_to_do(course: Course) -> None:
    found = course.cohort()
    grader = course.grader()
    first, before = course.grade(found, grader)
    second, heard = course.grade(found, grader, jobs=2)
    assert (second.graded, second.resumed) == (0, len(found))
    assert replace(second, graded=first.graded, resumed=0) == first
    assert set(grader.calls.values()) == {1}
    assert heard.begun == []
    assert sorted(heard.lines, key=lambda line: line.id) == [replace(line, resumed=True) for line in before.lines]


def test_fresh_grades_all_again(course: Course) -> None:
    found = course.cohort(2)
    course.grade(found)
    summary, _ = course.grade(found, fresh=True)
    assert (summary.graded, summary.resumed) == (2, 0)


def test_only_changed_submissions_are_graded_again(course: Course) -> None:
    found = course.cohort(4)
    course.grade(found)
    course.hand_in("student02", BOTH_RIGHT)
    (course.submissions / "student03" / "notes.txt").write_text("a file more")
    summary, heard = course.grade(found)
    assert heard.begun == ["student02", "student03"]
    assert course.report("student02")["score"] == 2
    assert (summary.graded, summary.resumed) == (2, 2)


def test_a_changed_content_is_seen_where_size_and_time_of_modification_are_as_before(course: Course) -> None:
    found = course.cohort(1)
    script = course.submissions / "student00" / "colourization.py"
    os.utime(script, (1_000_000_000, 1_000_000_000))
    course.grade(found)
    script.write_text("# cnn.shapeS\n")
    os.utime(script, (1_000_000_000, 1_000_000_000))
    course.grade(found)
    assert course.report("student00")["score"] == 0


def test_a_touched_file_with_the_same_content_is_not_graded_again(course: Course) -> None:
    found = course.cohort(1)
    course.grade(found)
    os.utime(course.submissions / "student00" / "colourization.py", (1_100_000_000, 1_100_000_000))
    assert course.grade(found).summary.resumed == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"schema": "grade-report/1"}', b"\xff", b"[" * 100_000]
)
def test_a_damaged_report_is_graded_again(course: Course, content: bytes) -> None:
    found = course.cohort(1)
    course.grade(found)
    (course.out / "student00" / "report.json").write_bytes(content)
    assert course.grade(found).summary.graded == 1


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"\n\n[]\nnull\n", b"\x00" * 5000, b'["student00",[1,2,3,4],null,[]]\n']
)
def test_a_lost_or_damaged_cache_changes_nothing(course: Course, content: bytes | None) -> None:
    found = course.cohort(3)
    course.grade(found)
    cache = course.out / ".resume.jsonl"
    cache.unlink() if content is None else cache.write_bytes(content)
    summary, heard = course.grade(found)
    assert (summary.graded, summary.resumed) == (0, 3)
    assert [line.score for line in heard.lines] == [1, 2, 1]


def test_a_report_without_one_of_its_files_is_made_again(course: Course) -> None:
    found = course.cohort(3)
    course.grade(found)
    for folder, name in (("student00", "report.html"), ("student01", "feedback.md")):
        (course.out / folder / name).unlink()
    assert course.grade(found).heard.begun == ["student00", "student01"]
    # The same without the cache.
    (course.out / ".resume.jsonl").unlink()
    (course.out / "student02" / "report.html").unlink()
    assert course.grade(found).heard.begun == ["student02"]
    assert all(len(names(course.out / one.folder)) == 3 for one in found)


def test_a_report_with_a_criterion_in_error_is_made_again(course: Course) -> None:
    found = course.cohort(1)
    course.grade(found)
    report = course.report("student00")
    report["criteria"][1]["outcome"] = "error"
    (course.out / "student00" / "report.json").write_text(json.dumps(report))
    assert course.grade(found).summary.graded == 1


def test_a_report_whose_submission_was_taken_away_is_marked_as_gone_and_does_not_count(course: Course) -> None:
    first, second, third = course.cohort(3)
    course.grade([first, second, third])
    assert [row["status"] for row in course.gradebook()] == ["graded"] * 3
    (course.submissions / "student01" / "colourization.py").unlink()
    (course.submissions / "student01").rmdir()
    _, heard = course.grade([first, third])
    assert "1 reports are of submissions that are no longer there (student01)" in heard.problems[-1][1]
    rows = {row["id"]: row for row in course.gradebook()}
    assert [rows[one.id]["status"] for one in (first, second, third)] == ["graded", "gone", "graded"]
    assert rows["student01"]["score"] == "2"
    assert "student01/report.html" not in course.index() and "on average 50.0 %" in course.index()
    assert course.report("student01")["score"] == 2


def test_submissions_that_were_moved_together_are_not_gone(course: Course) -> None:
    found = course.cohort(2)
    course.grade(found)
    course.submissions.rename(course.root / "elsewhere")
    moved = [replace(one, sources=(course.root / "elsewhere" / one.id,)) for one in found]
    summary, heard = course.grade(moved)
    assert (summary.resumed, heard.problems) == (2, [])
    course.submissions.mkdir()
    assert course.grade(moved).heard.problems == []
    assert [row["status"] for row in course.gradebook()] == ["graded"] * 2


def test_a_report_does_not_replace_another_assignments_whose_submission_still_exists(course: Course) -> None:
    course.grade(course.cohort(2))
    other = [hand_in(course.root / "others", f"student{number:02}") for number in range(3)]
    grader = course.grader(assignment="csc413-2020")
    refusal = r"student00 is a report of csc321-2018, and its submission is still at .*submissions/student00: .*--out"
    with pytest.raises(StoreError, match=refusal):
        course.grade(other, grader)
    assert course.report("student00")["assignment"]["id"] == "csc321-2018"
    # The same submissions may be graded as another assignment; so may others, once the first are gone.
    course.grade(course.cohort(2), grader)
    course.submissions.rename(course.root / "elsewhere")
    assert course.grade(other).summary.graded == 3
    assert course.report("student00")["assignment"]["id"] == "csc321-2018"


def test_a_write_up_alone_follows_the_majority_of_the_cohort_and_no_other_is_graded_again(course: Course) -> None:
    found = course.cohort(2)
    home = course.submissions / "writer"
    home.mkdir()
    (home / "a2-writeup.pdf").write_bytes(b"%PDF-")
    writer = Found("writer", "writer", (home,))
    course.grade([found[0], writer])
    summary, _ = course.grade([*found, writer])
    assert (summary.graded, summary.resumed) == (1, 2)
    script = course.submissions / "student00" / "colourization.py"
    script.rename(script.with_name("a2-cnn.ipynb"))
    summary, _ = course.grade([*found, writer])
    assert (summary.graded, summary.resumed) == (2, 1)


def test_a_resumed_run_takes_the_seed_with_which_the_folder_was_begun(course: Course) -> None:
    drawn = seed_for(course.out, None, fresh=False)
    assert 0 <= drawn < 2**32
    course.grade(course.cohort(1), course.grader(seed=drawn))
    assert seed_for(course.out, None, fresh=False) == drawn
    assert seed_for(course.out, 5, fresh=False) == 5
    assert seed_for(course.out, 5, fresh=True) == 5
    assert len({seed_for(course.out, None, fresh=True) for _ in range(5)}) > 1
    assert seed_for(course.out, None, fresh=False) == drawn


def test_a_full_disk_stops_the_run_and_the_next_run_goes_on(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    found = course.cohort(5)
    full = threading.Event()
    synchronise = os.fsync

    def fsync(descriptor: int) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        synchronise(descriptor)

    def fill_disk(id: str) -> None:
        if id == "student02":
            full.set()

    monkeypatch.setattr(os, "fsync", fsync)
    grader = course.grader()
    grader.before = fill_disk
    with pytest.raises(StoreError, match=r"student02 cannot be written \(No space left on device\)"):
        course.grade(found, grader)
    full.clear()
    assert names(course.out / "student02") == []
    summary, heard = course.grade(found)
    assert heard.begun == ["student02", "student03", "student04"]
    assert (summary.graded, summary.resumed) == (3, 2)
