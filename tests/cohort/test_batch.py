"""Many submissions: all of them reported, none twice, whatever goes wrong with one of them or with the run."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from cohort_sample import RUBRIC, FakeGrading, Heard, cohort, hand_in, horses, options, rubric
from places import TESTS

from grader.cohort.batch import failed_report, run
from grader.cohort.events import Summary
from grader.gradebook.inputs import given
from grader.gradebook.lists import ListError
from grader.intake import Found, SubmissionError, find, read
from grader.report import Run
from grader.report.as_json import problems
from grader.store.files import StoreError
from grader.store.folder import Store, seed_for

SAMPLE = TESTS / "cohort_sample.py"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with ``submissions`` in it."""
    (tmp_path / "submissions").mkdir()
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def grade(
    place: Path, found: list[Found], *, grading: FakeGrading | None = None, **how: object
) -> tuple[Summary, Heard]:
    """A run into ``place / 'reports'``."""
    heard = Heard()
    grading = grading or FakeGrading(rubric(place))
    summary = run(grading, found, place / "reports", **{"jobs": 1, "events": heard, **how})  # type: ignore[arg-type]
    return summary, heard


def document(place: Path, folder: str) -> dict:
    return json.loads((place / "reports" / folder / "report.json").read_bytes())


def test_every_submission_gets_its_three_files_and_the_cohort_its_two(place: Path) -> None:
    found = cohort(place / "submissions", 3)
    summary, heard = grade(place, found)
    assert summary == Summary(3, 0, 0, 0, (), Fraction(50))
    assert names(place / "reports") == sorted(
        [
            *(one.folder for one in found),
            "gradebook.csv",
            "index.html",
            "run.json",
            "rubric.yaml",
            ".lock",
            ".resume.jsonl",
            ".written.json",
        ]
    )
    for one in found:
        assert names(place / "reports" / one.folder) == ["feedback.md", "report.html", "report.json"]
        assert problems(document(place, one.folder)) == ()
    assert heard.begun == [line.id for line in heard.lines] == [one.id for one in found]
    assert [(line.score, line.max_score, line.pending_points, line.status) for line in heard.lines] == [
        (1, 4, 2, "graded"),
        (2, 4, 2, "graded"),
        (1, 4, 2, "graded"),
    ]
    assert heard.stages == [(one.id, "reading") for one in found]


def test_for_one_submission_no_gradebook_is_written(place: Path) -> None:
    grade(place, cohort(place / "submissions", 1), many=False)
    assert not (place / "reports" / "gradebook.csv").exists()
    assert not (place / "reports" / "index.html").exists()


@pytest.mark.parametrize("jobs", [2, 5, 50])
def test_any_number_of_jobs_gives_the_same_reports(place: Path, jobs: int) -> None:
    found = cohort(place / "submissions", 9)
    heard, grading = Heard(), FakeGrading(rubric(place))
    alone = run(grading, found, place / "alone", jobs=1, events=Heard())
    together = run(grading, found, place / "together", jobs=jobs, events=heard)
    assert alone == together
    assert sorted(line.id for line in heard.lines) == [one.id for one in found]
    for one in found:
        for name in ("report.json", "report.html", "feedback.md"):
            first, second = (place / where / one.folder / name for where in ("alone", "together"))
            assert first.read_bytes() == second.read_bytes()
    assert (place / "alone" / "gradebook.csv").read_bytes() == (place / "together" / "gradebook.csv").read_bytes()


def test_two_jobs_grade_two_submissions_at_a_time(place: Path) -> None:
    # Neither passes the barrier alone.
    barrier = threading.Barrier(2, timeout=30)
    grading = FakeGrading(rubric(place), before=lambda id: barrier.wait() and None)
    summary, _ = grade(place, cohort(place / "submissions", 4), grading=grading, jobs=2)
    assert (summary.graded, summary.failed) == (4, ())


# Resuming.


def test_a_second_run_finds_nothing_to_do(place: Path) -> None:
    found = cohort(place / "submissions")
    grading = FakeGrading(rubric(place))
    first, before = grade(place, found, grading=grading)
    second, heard = grade(place, found, grading=grading, jobs=2)
    assert (second.graded, second.resumed) == (0, len(found))
    assert replace(second, graded=first.graded, resumed=0) == first
    assert set(grading.calls.values()) == {1}
    assert heard.begun == []
    assert sorted(heard.lines, key=lambda line: line.id) == [replace(line, resumed=True) for line in before.lines]


def test_fresh_grades_all_again(place: Path) -> None:
    found = cohort(place / "submissions", 2)
    grading = FakeGrading(rubric(place))
    grade(place, found, grading=grading)
    summary, _ = grade(place, found, grading=grading, fresh=True)
    assert (summary.graded, summary.resumed) == (2, 0)


def test_only_what_was_changed_is_graded_again(place: Path) -> None:
    found = cohort(place / "submissions", 4)
    grade(place, found)
    hand_in(place / "submissions", "student02", "# cnn.shapes cnn.parameters\n")
    (place / "submissions" / "student03" / "notes.txt").write_text("a file more")
    summary, heard = grade(place, found)
    assert heard.begun == ["student02", "student03"]
    assert document(place, "student02")["score"] == 2
    assert (summary.graded, summary.resumed) == (2, 2)


def test_a_changed_content_is_seen_where_size_and_time_of_modification_are_as_before(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    script = place / "submissions" / "student00" / "colourization.py"
    os.utime(script, (1_000_000_000, 1_000_000_000))
    grade(place, found)
    script.write_text("# cnn.shapeS\n")
    os.utime(script, (1_000_000_000, 1_000_000_000))
    grade(place, found)
    assert document(place, "student00")["score"] == 0


def test_a_touched_file_with_the_same_content_is_not_graded_again(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    os.utime(place / "submissions" / "student00" / "colourization.py", (1_100_000_000, 1_100_000_000))
    summary, _ = grade(place, found)
    assert summary.resumed == 1


CHANGES = {
    "the seed": lambda grading: replace(grading, options=options(seed=8)),
    "the device": lambda grading: replace(grading, options=options(device="cuda")),
    "the time for a submission": lambda grading: replace(grading, options=options(seconds=60.0)),
    "the assignment": lambda grading: replace(grading, options=options(assignment="csc413-2020")),
    "the pictures": lambda grading: replace(grading, horses=horses(2)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_marks_depend_on_grades_again(place: Path, change) -> None:
    found = cohort(place / "submissions", 1)
    grading = FakeGrading(rubric(place))
    grade(place, found, grading=grading)
    summary, _ = grade(place, found, grading=change(grading))
    assert (summary.graded, summary.resumed) == (1, 0)
    summary, _ = grade(place, found, grading=change(grading))
    assert (summary.graded, summary.resumed) == (0, 1)


def test_a_report_with_training_does_where_none_is_wanted_and_not_the_other_way_round(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    full, quick = (FakeGrading(rubric(place), options=options(quick=quick)) for quick in (False, True))
    assert grade(place, found, grading=quick)[0].graded == 1
    assert grade(place, found, grading=full)[0].graded == 1
    assert grade(place, found, grading=quick)[0].resumed == 1
    assert grade(place, found, grading=full)[0].resumed == 1
    hand_in(place / "submissions", "student00", "# cnn.shapes cnn.parameters\n")
    assert grade(place, found, grading=quick)[0].graded == 1


def test_isolation_changes_no_mark_and_grades_nothing_again(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    grading = FakeGrading(rubric(place))
    grading.sandbox.isolation = "bubblewrap"
    assert grade(place, found, grading=grading)[0].resumed == 1


@pytest.mark.parametrize(
    ("old", "new", "graded"),
    [
        ("points: 4", "points: 4  # a remark", 0),
        ("title: A. Networks\n        points: 1", "title: Another title\n        points: 1", 0),
        ("title: The right number of parameters", "title: Another title", 1),
        ("Why, points: 2, look_for: A reason", "Why, points: 2, look_for: Another reason", 0),
    ],
    ids=["a remark", "another assignment", "a title", "what to look for"],
)
def test_a_changed_rubric_grades_again_what_it_touches(place: Path, old: str, new: str, graded: int) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    changed = rubric(place, RUBRIC.replace(old, new, 1))
    assert changed.sha256 != rubric(place).sha256
    summary, _ = grade(place, found, grading=FakeGrading(rubric(place, RUBRIC.replace(old, new, 1))))
    assert (summary.graded, summary.resumed) == (graded, 1 - graded)


def test_a_new_version_of_the_grader_grades_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    monkeypatch.setattr("grader.__version__", "99.0.0")
    assert grade(place, found)[0].graded == 1
    monkeypatch.setattr("grader.store.keys.source_sha256", lambda: "0" * 64)
    assert grade(place, found)[0].graded == 1
    assert grade(place, found)[0].resumed == 1


DAMAGED = [b"", b"{", b"[]", b"null", b'{"schema": "grade-report/1"}', b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_report_is_graded_again(place: Path, content: bytes) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    (place / "reports" / "student00" / "report.json").write_bytes(content)
    assert grade(place, found)[0].graded == 1


LOST = [None, b"", b"{", b"\n\n[]\nnull\n", b"\x00" * 5000, b'["student00",[1,2,3,4],null,[]]\n']


@pytest.mark.parametrize("content", LOST)
def test_a_lost_or_damaged_cache_changes_nothing(place: Path, content: bytes | None) -> None:
    found = cohort(place / "submissions", 3)
    grade(place, found)
    cache = place / "reports" / ".resume.jsonl"
    cache.unlink() if content is None else cache.write_bytes(content)
    summary, heard = grade(place, found)
    assert (summary.graded, summary.resumed) == (0, 3)
    assert [line.score for line in heard.lines] == [1, 2, 1]


def test_manual_marks_are_never_touched(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    manual = place / "reports" / "student00" / "manual.yaml"
    manual.write_text("a1: 2\n")
    grade(place, found, fresh=True)
    assert manual.read_text() == "a1: 2\n"


# What a person has changed.


def kept(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if ".edited-" in path.name}


def test_marks_typed_into_the_gradebook_are_kept_beside_it_each_time_once(place: Path) -> None:
    found = cohort(place / "submissions", 2)
    out = place / "reports"
    assert grade(place, found)[1].problems == []
    first, second = ((out / "gradebook.csv").read_text() + f"a{mark}\n" for mark in (1, 2))
    for typed, expected in (
        (first, {"1": first}),
        (second, {"1": first, "2": second}),
        (first, {"1": first, "2": second}),
    ):
        (out / "gradebook.csv").write_text(typed)
        (problem,) = grade(place, found)[1].problems
        assert "gradebook.csv was changed since the grader wrote it: what was in it is kept as" in problem[1]
        assert kept(out) == {f"gradebook.edited-{number}.csv": text for number, text in expected.items()}
        assert (out / "gradebook.csv").read_text() == first.removesuffix("a1\n")
    assert grade(place, found)[1].problems == []


def test_a_page_of_somebody_elses_in_the_folder_for_reports_is_kept(place: Path) -> None:
    (place / "reports").mkdir()
    (place / "reports" / "index.html").write_text("my page")
    grade(place, cohort(place / "submissions", 1))
    assert kept(place / "reports") == {"index.edited-1.html": "my page"}


@pytest.mark.parametrize("name", ["gradebook.csv", "index.html"])
def test_a_run_that_dies_while_it_writes_the_gradebook_takes_nothing_for_changed_by_hand(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    found = cohort(place / "submissions", 2)
    grade(place, found)
    hand_in(place / "submissions", "student00", "# cnn.shapes cnn.parameters\n")
    replace = Path.replace

    class PowerCut(BaseException):
        """No Exception, so that nothing takes it for a failure that can be told."""

    for after in (False, True):

        def cut(self: Path, target: Path, after: bool = after) -> Path:
            if target.name == name and not after:
                raise PowerCut
            moved = replace(self, target)
            if target.name == name:
                raise PowerCut
            return moved

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", cut)
            with pytest.raises(PowerCut):
                grade(place, found)
    assert grade(place, found)[1].problems == []
    assert kept(place / "reports") == {}


def test_a_report_that_was_changed_by_hand_is_made_again_and_the_changed_one_is_kept(place: Path) -> None:
    found = cohort(place / "submissions", 2)
    grade(place, found)
    home = place / "reports" / "student00"
    changed = (home / "report.json").read_text().replace('"score": 1', '"score": 3.75', 1)
    assert json.loads(changed)["score"] == 3.75
    (home / "report.json").write_text(changed)
    (home / "feedback.md").write_text("Well done, Alice.")
    summary, heard = grade(place, found)
    assert (summary.graded, summary.resumed, document(place, "student00")["score"]) == (1, 1, 1)
    assert kept(home) == {"report.edited-1.json": changed, "feedback.edited-1.md": "Well done, Alice."}
    assert [id for id, sentence in heard.problems if "was changed since the grader wrote it" in sentence] == [
        "student00",
        "student00",
    ]
    assert grade(place, found, fresh=True)[1].problems == []


def test_a_report_without_one_of_its_files_is_made_again(place: Path) -> None:
    found = cohort(place / "submissions", 3)
    grade(place, found)
    for folder, name in (("student00", "report.html"), ("student01", "feedback.md")):
        (place / "reports" / folder / name).unlink()
    for cache in (True, False):
        if not cache:
            (place / "reports" / ".resume.jsonl").unlink()
            (place / "reports" / "student02" / "report.html").unlink()
        _, heard = grade(place, found)
        assert heard.begun == (["student00", "student01"] if cache else ["student02"])
    assert all(len(names(place / "reports" / one.folder)) == 3 for one in found)


def test_a_report_whose_submission_was_taken_away_is_marked_and_counts_nowhere(place: Path) -> None:
    found = cohort(place / "submissions", 3)
    grade(place, found)
    assert [row["status"] for row in gradebook(place)] == ["graded"] * 3
    script = place / "submissions" / "student01"
    (script / "colourization.py").unlink()
    script.rmdir()
    (place / "roster.csv").write_text("id,name\nstudent01,Bob\n")
    _, heard = grade(place, [found[0], found[2]], lists=given(roster=place / "roster.csv"))
    assert "1 reports are of submissions that are no longer there (student01)" in heard.problems[-1][1]
    rows = {row["id"]: row for row in gradebook(place) if row["status"] != "missing"}
    assert [rows[one.id]["status"] for one in found] == ["graded", "gone", "graded"]
    assert rows["student01"]["score"] == "2"
    assert [row["id"] for row in gradebook(place) if row["status"] == "missing"] == ["student01"]
    page = (place / "reports" / "index.html").read_text()
    assert "student01/report.html" not in page and "on average 50.0 %" in page
    assert document(place, "student01")["score"] == 2


def test_another_assignment_does_not_take_the_place_of_reports_whose_submissions_are_still_there(place: Path) -> None:
    grade(place, cohort(place / "submissions", 2))
    other = cohort(place / "others", 3)
    grading = FakeGrading(rubric(place), options=options(assignment="csc413-2020"))
    said = r"student00 is a report of csc321-2018, and its submission is still at .*submissions/student00: .*--out"
    with pytest.raises(StoreError, match=said):
        grade(place, other, grading=grading)
    assert document(place, "student00")["assignment"]["id"] == "csc321-2018"
    # The same submissions may be taken for another assignment; and so may others, where the first are gone.
    grade(place, cohort(place / "submissions", 2), grading=grading)
    (place / "submissions").rename(place / "elsewhere")
    assert grade(place, other)[0].graded == 3
    assert document(place, "student00")["assignment"]["id"] == "csc321-2018"


def test_submissions_that_were_moved_as_a_whole_are_not_gone(place: Path) -> None:
    found = cohort(place / "submissions", 2)
    grade(place, found)
    (place / "submissions").rename(place / "elsewhere")
    moved = [replace(one, sources=(place / "elsewhere" / one.id,)) for one in found]
    summary, heard = grade(place, moved)
    assert (summary.resumed, heard.problems) == (2, [])
    (place / "submissions").mkdir()
    assert grade(place, moved)[1].problems == []
    assert [row["status"] for row in gradebook(place)] == ["graded"] * 2


def test_a_file_where_a_report_is_due_costs_that_submission_alone(place: Path) -> None:
    (place / "reports").mkdir()
    (place / "reports" / "student01").write_text("mine")
    summary, heard = grade(place, cohort(place / "submissions", 3))
    assert (summary.graded, summary.left, summary.exit_status()) == (2, 0, 1)
    (failure,) = summary.failed
    assert (failure.id, failure.reason) == heard.problems[0]
    assert "student01 is no folder, and a report's folder is due there: move it away" in failure.reason
    assert (place / "reports" / "student01").read_text() == "mine"


# Failures of ours.


def test_a_submission_on_which_the_grader_fails_once_is_tried_again(place: Path) -> None:
    grading = FakeGrading(rubric(place))

    def once(id: str) -> None:
        if id == "student01" and grading.calls[id] == 1:
            raise ConnectionError("the worker's parent is gone")

    grading.before = once
    summary, heard = grade(place, cohort(place / "submissions", 3), grading=grading)
    assert (summary.graded, summary.failed, heard.problems) == (3, (), [])
    assert grading.calls["student01"] == 2
    assert document(place, "student01")["score"] == 2


def test_a_submission_on_which_the_grader_fails_twice_is_an_error_and_the_others_are_graded(place: Path) -> None:
    def always(id: str) -> None:
        if id == "student01":
            raise RuntimeError("<b>a defect</b>\x1b[31m")

    grading = FakeGrading(rubric(place), before=always)
    found = cohort(place / "submissions", 3)
    summary, heard = grade(place, found, grading=grading)
    assert (summary.graded, summary.needs_review, summary.exit_status()) == (3, 1, 1)
    (failure,) = summary.failed
    assert failure.id == "student01"
    assert failure.reason == "RuntimeError: <b>a defect</b>\\x1b[31m"
    assert heard.problems == [(failure.id, failure.reason)]
    assert grading.calls["student01"] == 2
    report = document(place, "student01")
    assert problems(report) == ()
    assert {one["id"]: one["outcome"] for one in report["criteria"]} == {
        "cnn.shapes": "error",
        "cnn.parameters": "error",
        "manual.a1": "pending",
    }
    assert (report["status"], report["score"], report["pending_points"]) == ("needs_review", 0, 4)
    assert report["submission"]["files"][0]["path"] == "colourization.py"
    assert "<b>" not in (place / "reports" / "student01" / "report.html").read_text()
    # The next run tries again, and finds nothing else to do.
    summary, heard = grade(place, found)
    assert (heard.begun, summary.failed, summary.resumed) == (["student01"], (), 2)


def test_a_criterion_in_error_is_a_failure_of_the_run_and_is_tried_again_by_the_next(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    path = place / "reports" / "student00" / "report.json"
    report = json.loads(path.read_bytes())
    report["criteria"][1]["outcome"] = "error"
    path.write_text(json.dumps(report))
    assert grade(place, found)[0].graded == 1


def test_a_report_that_cannot_be_written_out_is_a_failure_and_the_others_are_graded(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grader.report.as_markdown import to_markdown

    def broken(report) -> str:
        if report.submission_id == "student01":
            raise ValueError("no such text")
        return to_markdown(report)

    monkeypatch.setattr("grader.cohort.batch.to_markdown", broken)
    summary, _ = grade(place, cohort(place / "submissions", 3))
    assert [failure.id for failure in summary.failed] == ["student01"]
    assert "no such text" in summary.failed[0].reason
    assert (summary.graded, summary.left, summary.exit_status()) == (2, 0, 1)
    assert not (place / "reports" / "student01").exists()


def test_a_listener_that_fails_ends_the_run_and_fails_no_submission(place: Path) -> None:
    class Deaf(Heard):
        def stage(self, id: str, what: str) -> None:
            raise BrokenPipeError("nobody listens")

    grading = FakeGrading(rubric(place))
    with pytest.raises(BrokenPipeError, match="nobody listens"):
        grade(place, cohort(place / "submissions", 3), grading=grading, events=Deaf())
    assert grading.calls == {"student00": 1}


def test_a_report_of_a_failure_needs_no_readable_submission(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(found: Found):
        raise MemoryError

    monkeypatch.setattr("grader.cohort.batch.read", unreadable)
    how = Run("1.0.0", 1, "cpu", "none", "2.13.0", 0.0, "2026-11-21T03:07:00+00:00", "0" * 64, {})
    report = failed_report(Found("alice", "alice", (place,)), rubric(place), "MemoryError", run=how)
    assert report.files == ()
    assert {mark.outcome.value for mark in report.sheet.marks} == {"error", "pending"}
    assert [flag.kind for flag in report.flags] == ["assignment-guessed", "grader-failed"]


# Exit status.


@pytest.mark.parametrize(
    ("summary", "under", "status"),
    [
        (Summary(2, 0, 0, 0, (), Fraction(50)), None, 0),
        (Summary(2, 0, 0, 0, (), Fraction(50)), Fraction(50), 0),
        (Summary(2, 0, 0, 0, (), Fraction(499, 10)), Fraction(50), 3),
        (Summary(2, 0, 0, 0, (), None), Fraction(50), 0),
    ],
)
def test_the_exit_status_tells_marks_below_a_percentage(summary: Summary, under: Fraction, status: int) -> None:
    assert summary.exit_status(under) == status


# The folder.


def test_two_runs_into_one_folder_are_refused(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    with Store(place / "reports"), pytest.raises(StoreError, match=r"in use by another run .*process \d+.*--out"):
        grade(place, found)
    assert grade(place, found)[0].graded == 1


def test_reports_are_not_written_into_a_submission(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    with pytest.raises(StoreError, match=r"among what was handed in.*--out"):
        run(FakeGrading(rubric(place)), found, place / "submissions", jobs=1, events=Heard())
    assert names(place / "submissions") == ["student00"]
    assert names(place / "submissions" / "student00") == ["colourization.py"]


@pytest.mark.parametrize("one", [True, False])
def test_reports_inside_a_submission_are_no_part_of_it(place: Path, one: bool) -> None:
    """As ``grade .`` writes them by default."""
    home = place / "submissions" / "student00"
    hand_in(place / "submissions", "student00")
    hashes = set()
    for again in (False, True, True):
        (found,) = find([home], mode="one").found
        hashes.add(read(found).sha256)
        grading = FakeGrading(rubric(place))
        summary = run(grading, [found], home / "reports", jobs=1, events=Heard(), many=not one)
        assert (summary.graded, summary.resumed) == ((0, 1) if again else (1, 0))
    assert len(hashes) == 1
    assert [file.path for file in read(found).files] == ["colourization.py"]
    # A folder of that name which the grader did not write is the student's.
    (home / "reports" / "run.json").write_text('{"schema": "mine"}')
    assert "reports/run.json" in [file.path for file in read(found).files]


def test_reports_beside_submissions_are_nobodys(place: Path) -> None:
    top = place / "submissions"
    found = cohort(top, 3)
    run(FakeGrading(rubric(place)), found, top / "marked", jobs=1, events=Heard())
    (top / "marked" / "student00" / "notes.py").write_text("x = 1\n")
    findings = find([top])
    assert [one.id for one in findings.found] == ["student00", "student01", "student02"]
    assert [(one.path.name, one.reason) for one in findings.skipped] == [
        ("marked", "reports of the grader and not handed in")
    ]
    with pytest.raises(SubmissionError, match="marked holds reports of the grader: name what was handed in"):
        find([top / "marked"])


def test_reports_are_not_written_among_the_files_of_the_only_submission(place: Path) -> None:
    (found,) = cohort(place / "submissions", 1)
    home = place / "submissions" / "student00"
    with pytest.raises(StoreError, match=r"among what was handed in.*--out"):
        run(FakeGrading(rubric(place)), [found], home, jobs=1, events=Heard(), many=False)
    assert names(home) == ["colourization.py"]


def test_two_submissions_with_one_folder_are_a_fault_of_the_caller(place: Path) -> None:
    found = cohort(place / "submissions", 2)
    with pytest.raises(ValueError, match="same folder"):
        grade(place, [found[0], replace(found[1], folder="Student00")])


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = cohort(place / "submissions", 5)
    full = threading.Event()
    synchronise = os.fsync

    def fsync(descriptor: int) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        synchronise(descriptor)

    def fill(id: str) -> None:
        if id == "student02":
            full.set()

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(StoreError, match=r"student02 cannot be written \(No space left on device\)"):
        grade(place, found, grading=FakeGrading(rubric(place), before=fill))
    full.clear()
    assert names(place / "reports" / "student02") == []
    summary, heard = grade(place, found)
    assert heard.begun == ["student02", "student03", "student04"]
    assert (summary.graded, summary.resumed) == (3, 2)


def test_ctrl_c_begins_nothing_new_and_the_next_run_goes_on(place: Path) -> None:
    found = cohort(place / "submissions", 6)
    waiting = threading.Event()

    def interrupt(id: str) -> None:
        if id == "student02":
            os.kill(os.getpid(), signal.SIGINT)  # as the terminal does it, while the main thread waits for this one
            waiting.wait(30)
            raise ConnectionError("the sandbox was closed")

    grading = FakeGrading(rubric(place), before=interrupt)
    grading.sandbox.close = waiting.set  # type: ignore[method-assign]
    summary, heard = grade(place, found, grading=grading)
    assert (summary.graded, summary.left, summary.failed) == (2, 4, ())
    assert re.fullmatch(r"Stopped: 2 of 6 reports .* the same command goes on from there\.", summary.interrupted)
    assert heard.problems == []
    assert not (place / "reports" / "gradebook.csv").exists()
    summary, heard = grade(place, found)
    assert (heard.begun, summary.left) == ([f"student{number:02}" for number in range(2, 6)], 0)


def test_what_is_under_way_at_ctrl_c_is_left_at_its_next_stage(place: Path) -> None:
    stages: list[str] = []

    class Interrupting(Heard):
        def started(self, id: str) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    grading = FakeGrading(rubric(place))

    def on_and_on(id: str) -> None:
        while True:
            stages.append(id)
            grading.progress(id, "on and on")

    grading.before = on_and_on
    summary, heard = grade(place, cohort(place / "submissions", 2), grading=grading, events=Interrupting())
    assert (summary.graded, summary.left, summary.failed, heard.problems) == (0, 2, (), [])
    assert grading.sandbox.closed
    assert set(stages) <= {"student00"}


@pytest.mark.parametrize(("after", "jobs"), [(0, 1), (1, 2), (5, 2), (11, 1)])
def test_a_killed_run_leaves_whole_reports_and_the_next_one_goes_on(place: Path, after: int, jobs: int) -> None:
    found = cohort(place / "submissions", 12)
    rubric(place / "submissions")
    command = [sys.executable, str(SAMPLE), str(place / "submissions"), str(place / "reports"), str(jobs)]
    environment = {**os.environ, "PYTHONPATH": str(SAMPLE.parent.parent), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        if after == 0:
            process.stdout.peek(1)  # type: ignore[attr-defined]
        process.kill()
    for one in found:
        folder = place / "reports" / one.folder
        if (folder / "report.json").exists():
            assert problems(document(place, one.folder)) == ()
            assert {"report.html", "feedback.md"} <= set(names(folder))
    summary, _ = grade(place, found)
    assert summary.graded + summary.resumed == 12
    assert summary.resumed >= after
    assert summary.failed == ()
    left = [name for _, _, names in os.walk(place / "reports") for name in names if name.endswith(".tmp")]
    assert left == []
    assert [document(place, one.folder)["score"] for one in found] == [1, 2] * 6


@pytest.mark.parametrize("step", range(13))
def test_a_run_that_dies_at_any_step_of_writing_leaves_no_torn_report(
    place: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """As if the power went: everything from some step on does not happen, not even tidying up."""
    found = cohort(place / "submissions", 1)
    grade(place, found)
    before = document(place, "student00")
    hand_in(place / "submissions", "student00", "# cnn.shapes cnn.parameters\n")
    rest = step

    class PowerCut(BaseException):
        """No Exception, so that nothing takes it for a failure that can be told."""

    def cut(function):
        def instead(*arguments, **named):
            nonlocal rest
            rest -= 1
            if rest < 0:
                raise PowerCut
            return function(*arguments, **named)

        return instead

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", cut(os.fsync))
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, cut(getattr(Path, name)))
        with pytest.raises(PowerCut):
            grade(place, found)
    if (place / "reports" / "student00" / "report.json").exists():
        report = document(place, "student00")
        assert report == before or report["score"] == 2
        page = (place / "reports" / "student00" / "report.html").read_text()
        assert report["submission"]["sha256"] in page
    summary, _ = grade(place, found)
    assert summary.graded + summary.resumed == 1
    assert document(place, "student00")["score"] == 2


# What the folder remembers.

ROSTER = "id,name,email\nstudent00,Alice,alice@example.org\nstudent07,Bob,bob@example.org\n"
TEN_A_DAY = RUBRIC.replace(
    "layer_orders: [pool-first]\n", "layer_orders: [pool-first]\n    late: {percent_a_day: 10}\n", 1
)


def gradebook(place: Path) -> list[dict[str, str]]:
    with (place / "reports" / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_lists_stay_from_run_to_run_until_they_are_taken_back(place: Path) -> None:
    (place / "roster.csv").write_text(ROSTER)
    (place / "late.csv").write_text("id,hours_late\nstudent01,30\n")
    lists = given(roster=place / "roster.csv", late=place / "late.csv")
    found = cohort(place / "submissions", 2)
    grading = FakeGrading(rubric(place, TEN_A_DAY))
    columns = ("id", "name", "score", "score_before_late", "late_hours", "late_penalty")
    expected = [
        ("student00", "Alice", "1", "1", "", "0"),
        ("student01", "", "1.6", "2", "30", "0.4"),
        ("student07", "Bob", "", "", "", ""),
    ]
    grade(place, found, grading=grading, lists=lists)
    assert [tuple(row[column] for column in columns) for row in gradebook(place)] == expected
    page = (place / "reports" / "index.html").read_text()
    assert "hours late" in page and "score after lateness" in page and "student07 Bob" in page
    for path in (place / "roster.csv", place / "late.csv"):
        path.unlink()
    summary, _ = grade(place, found, grading=grading)
    assert summary.resumed == 2
    assert [tuple(row[column] for column in columns) for row in gradebook(place)] == expected
    grade(place, found, grading=grading, lists=given(late=Path("none")))
    assert [(row["name"], row["score"]) for row in gradebook(place)] == [("Alice", "1"), ("", "2"), ("Bob", "")]
    assert "late_hours" not in gradebook(place)[0]
    (place / "reports" / "roster.csv").unlink()
    grade(place, found, grading=grading)
    assert [row["id"] for row in gradebook(place)] == ["student00", "student01"]
    assert "hours late" not in (place / "reports" / "index.html").read_text()


def test_another_rule_for_lateness_grades_nothing_again(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    assert grade(place, found, grading=FakeGrading(rubric(place, TEN_A_DAY)))[0].resumed == 1


def test_other_notes_for_markers_grade_nothing_again_and_stand_in_the_page(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    changed = FakeGrading(rubric(place, RUBRIC.replace("A reason", "Two reasons")))
    assert grade(place, found, grading=changed)[0].resumed == 1
    assert "Two reasons" in (place / "reports" / "index.html").read_text()
    renamed = FakeGrading(rubric(place, RUBRIC.replace("A1. Why", "A1. Why not")))
    assert grade(place, found, grading=renamed)[0].graded == 1
    assert "A1. Why not" in (place / "reports" / "student00" / "report.html").read_text()


def test_a_file_that_a_person_put_beside_a_report_survives_grading_again(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    beside = place / "reports" / "student00" / "marks.json"
    beside.write_text('{"manual.a1": 2}')
    (place / "reports" / "notes.txt").write_text("Ask Bob.")
    hand_in(place / "submissions", "student00", "# nothing is right any more\n")
    assert grade(place, found)[0].graded == 1
    assert grade(place, found, fresh=True)[0].graded == 1
    assert beside.read_text() == '{"manual.a1": 2}'
    assert (place / "reports" / "notes.txt").read_text() == "Ask Bob."


def test_a_write_up_alone_is_marked_by_what_the_cohort_hands_in_and_only_it_follows_a_change(place: Path) -> None:
    found = cohort(place / "submissions", 2)
    home = place / "submissions" / "writer"
    home.mkdir()
    (home / "a2-writeup.pdf").write_bytes(b"%PDF-")
    writer = Found("writer", "writer", (home,))
    grade(place, [found[0], writer])
    summary, _ = grade(place, [*found, writer])
    assert (summary.graded, summary.resumed) == (1, 2)
    (place / "submissions" / "student00" / "colourization.py").rename(home.parent / "student00" / "a2-cnn.ipynb")
    summary, _ = grade(place, [*found, writer])
    assert (summary.graded, summary.resumed) == (2, 1)


def test_a_list_that_was_spoilt_is_told_before_anything_is_graded(place: Path) -> None:
    found = cohort(place / "submissions", 1)
    grade(place, found)
    (place / "reports" / "late.csv").write_text("nonsense")
    grading = FakeGrading(rubric(place))
    with pytest.raises(ListError, match=r"late\.csv, line 1: the columns must be"):
        grade(place, found, grading=grading, fresh=True)
    assert grading.calls == {}


def test_the_page_says_what_is_to_be_marked_by_hand(place: Path) -> None:
    grade(place, cohort(place / "submissions", 3))
    page = re.sub(r"<[^>]*>", " ", (place / "reports" / "index.html").read_text())
    (section,) = re.findall(r"To be marked by hand +csc\S+ .*?\n\n", page, re.DOTALL)
    assert re.search(r"A1\. Why\s+manual\.a1\s+2\s+3\s+A reason", section)
    assert "cnn.shapes" not in section


# The seed.


def test_a_resumed_run_takes_the_seed_with_which_it_was_begun(place: Path) -> None:
    out = place / "reports"
    drawn = seed_for(out, None, fresh=False)
    assert 0 <= drawn < 2**32
    grading = FakeGrading(rubric(place), options=options(seed=drawn))
    found = cohort(place / "submissions", 1)
    grade(place, found, grading=grading)
    assert seed_for(out, None, fresh=False) == drawn
    assert seed_for(out, 5, fresh=False) == 5
    assert seed_for(out, 5, fresh=True) == 5
    assert len({seed_for(out, None, fresh=True) for _ in range(5)}) > 1
    assert seed_for(out, None, fresh=False) == drawn
