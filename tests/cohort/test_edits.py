"""What a person wrote into a folder of reports is never lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort_sample import BOTH_RIGHT, Course, PowerCut


def test_marks_typed_into_the_gradebook_are_kept_beside_it_once_each(course: Course) -> None:
    found = course.cohort(2)
    assert course.grade(found).heard.problems == []
    original = (course.out / "gradebook.csv").read_text()
    first, second = (f"{original}a{mark}\n" for mark in (1, 2))
    for typed, kept in (
        (first, {"gradebook.edited-1.csv": first}),
        (second, {"gradebook.edited-1.csv": first, "gradebook.edited-2.csv": second}),
        (first, {"gradebook.edited-1.csv": first, "gradebook.edited-2.csv": second}),
    ):
        (course.out / "gradebook.csv").write_text(typed)
        ((_, sentence),) = course.grade(found).heard.problems
        assert "gradebook.csv was changed since the grader wrote it: what was in it is kept as" in sentence
        assert course.edited() == kept
        assert (course.out / "gradebook.csv").read_text() == original
    assert course.grade(found).heard.problems == []


def test_a_foreign_page_in_the_folder_for_reports_is_kept(course: Course) -> None:
    course.out.mkdir()
    (course.out / "index.html").write_text("my page")
    course.grade(course.cohort(1))
    assert course.edited() == {"index.edited-1.html": "my page"}


@pytest.mark.parametrize("name", ["gradebook.csv", "index.html"])
@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_dies_while_it_writes_the_gradebook_takes_nothing_for_edited(
    course: Course, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    """``after``: whether it dies before or after the file is put in place."""
    found = course.cohort(2)
    course.grade(found)
    course.hand_in("student00", BOTH_RIGHT)
    replace = Path.replace

    def cut(self: Path, target: Path) -> Path:
        if target.name == name and not after:
            raise PowerCut
        moved = replace(self, target)
        if target.name == name:
            raise PowerCut
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut)
        with pytest.raises(PowerCut):
            course.grade(found)
    assert course.grade(found).heard.problems == []
    assert course.edited() == {}


def test_an_edited_report_is_made_again_and_the_edited_one_is_kept(course: Course) -> None:
    found = course.cohort(2)
    course.grade(found)
    home = course.out / "student00"
    edited = (home / "report.json").read_text().replace('"score": 1', '"score": 3.75', 1)
    (home / "report.json").write_text(edited)
    assert course.report("student00")["score"] == 3.75
    (home / "feedback.md").write_text("Well done, Alice.")
    summary, heard = course.grade(found)
    assert (summary.graded, summary.resumed, course.report("student00")["score"]) == (1, 1, 1)
    assert course.edited("student00") == {"report.edited-1.json": edited, "feedback.edited-1.md": "Well done, Alice."}
    sentences = [id for id, sentence in heard.problems if "was changed since the grader wrote it" in sentence]
    assert sentences == ["student00", "student00"]
    assert course.grade(found, fresh=True).heard.problems == []


def test_manual_marks_are_never_touched(course: Course) -> None:
    found = course.cohort(1)
    course.grade(found)
    manual = course.out / "student00" / "manual.yaml"
    manual.write_text("a1: 2\n")
    course.grade(found, fresh=True)
    assert manual.read_text() == "a1: 2\n"


def test_a_file_that_a_person_put_beside_a_report_survives_grading_again(course: Course) -> None:
    found = course.cohort(1)
    course.grade(found)
    beside = course.out / "student00" / "marks.json"
    beside.write_text('{"manual.a1": 2}')
    (course.out / "notes.txt").write_text("Ask Bob.")
    course.hand_in("student00", "# nothing is right any more\n")
    assert course.grade(found).summary.graded == 1
    assert course.grade(found, fresh=True).summary.graded == 1
    assert beside.read_text() == '{"manual.a1": 2}'
    assert (course.out / "notes.txt").read_text() == "Ask Bob."
