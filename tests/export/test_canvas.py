"""Canvas: the exported gradebook, filled; checked by what its importer asks for."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from export_sample import export_of, line, marked

from grader.export.canvas import files, reserved
from grader.export.records import Export, ExportError
from grader.marks.line import FinalLine, Student

HEADINGS = "Student,ID,SIS User ID,SIS Login ID,Section,Quiz (11),Assignment 2 (12),Final Score,Unposted Final Score"
POSTING = ",,,,,,Manual Posting,,"
POSSIBLE = "    Points Possible,,,,,10.00,8.00,(read only),(read only)"
ALICE = '"Example, Alice",501,0012,alice,LEC0101 and LEC0201,7.00,,"1,234.56",88'
BOB = '"Sample, Bob",502,0013,bob,LEC0101,,2.00,,'
CAROL = '"O""Neil, Carol",503,0014,carol,LEC0101,,,,'
TEST = '"Student, Test",999,,,LEC0101,,,,'


def gradebook(path: Path, *rows: str, end: str = "\r\n", encoding: str = "utf-8-sig") -> Path:
    path.write_bytes((end.join([HEADINGS, POSTING, POSSIBLE, *rows]) + end).encode(encoding))
    return path


def filled(export: Export) -> bytes:
    ((name, content),) = files(export)
    assert name == ""
    return content


def imported(content: bytes, title: str) -> dict[str, str]:
    """What Canvas' importer takes out of a file: the grade of each student, by the student's number.

    Its rules: headings from Student and ID to Section; names of columns that it works out are skipped; the rows with
    maxima and with postings are no students; a number with commas and points is read by its last separator.
    """
    rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True) if any(row)]
    heading = rows[0]
    assert "Student" in heading[0] and "ID" in heading[1] and len(heading) > 3
    assert heading[heading.index("Section") :][0] == "Section"
    computed = re.compile("(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
    column = next(place for place, text in enumerate(heading) if text == title and not computed.search(text))
    grades = {}
    for row in rows[1:]:
        if "Points Possible" in row[0] or all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell) for cell in row):
            continue
        grade = row[column].strip()
        if re.fullmatch(r"-?[0-9.,]+%?", grade):
            *parts, last = re.split(r"[,.]", grade)
            grade = f"{''.join(parts)}.{last}" if parts else last
        grades[row[1]] = grade
    return grades


def test_the_mark_stands_in_its_column_and_nothing_else_has_changed(tmp_path: Path) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE, BOB, CAROL, TEST)
    before = file.read_bytes()
    content = filled(export_of(tmp_path / "r", [marked("alice")], fill=file, column="Assignment 2"))
    assert content == before.replace(b"7.00,,", b"7.00,6.25,")
    assert imported(content, "Assignment 2 (12)") == {"501": "6.25", "502": "2.00", "503": "", "999": ""}


@pytest.mark.parametrize("key", ["alice", "0012", "501", "Alice Example", "Example, Alice", "ALICE"])
def test_a_student_is_found_by_any_id_and_by_the_name(tmp_path: Path, key: str) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE, BOB)
    student = Student(key, key if " " in key else "")
    content = filled(export_of(tmp_path / "r", [marked(student, hand_in="x")], fill=file, column="12"))
    assert imported(content, "Assignment 2 (12)")["501"] == "6.25"


def test_a_hand_in_that_canvas_named_is_found_by_canvas_number(tmp_path: Path) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE, BOB)
    export = export_of(
        tmp_path / "r",
        [marked("zzz_502")],
        fill=file,
        column="12",
        known_as={"zzz_502": ("zzz", "502")},
    )
    assert imported(filled(export), "Assignment 2 (12)") == {"501": "", "502": "6.25"}


def test_a_group_has_its_mark_in_the_row_of_each_member(tmp_path: Path) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE, BOB, CAROL)
    group = ("alice", "bob")
    lines = [marked(id, hand_in="alice+bob", group=group) for id in group]
    content = filled(export_of(tmp_path / "r", lines, fill=file, column="12"))
    assert imported(content, "Assignment 2 (12)") == {"501": "6.25", "502": "6.25", "503": ""}


def test_a_student_with_two_hand_ins_is_left_to_a_person(tmp_path: Path) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE, BOB)
    said: list[str] = []
    lines = [marked("alice"), marked("alice", "1", hand_in="alice-again"), marked("bob")]
    content = filled(export_of(tmp_path / "r", lines, said.append, fill=file, column="12"))
    assert imported(content, "Assignment 2 (12)") == {"501": "", "502": "6.25"}
    assert any("in doubt" in sentence and "alice" in sentence for sentence in said)


def test_a_hand_in_that_could_not_be_examined_has_no_mark(tmp_path: Path) -> None:
    from dataclasses import replace

    file = gradebook(tmp_path / "in.csv", ALICE, BOB)
    said: list[str] = []
    waiting: FinalLine = replace(line("alice"), status="ungradable")
    content = filled(export_of(tmp_path / "r", [waiting, marked("bob")], said.append, fill=file, column="12"))
    assert imported(content, "Assignment 2 (12)") == {"501": "", "502": "6.25"}
    assert any("could not be examined" in sentence for sentence in said)


def test_what_a_person_should_know_is_said(tmp_path: Path) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE, BOB, CAROL)
    file.write_bytes(file.read_bytes().replace(b"8.00", b"100.00"))
    said: list[str] = []
    filled(export_of(tmp_path / "r", [marked("bob"), marked("dora")], said.append, fill=file, column="12"))
    for sentence in (
        "1 student is not in",
        "2 of 3 students",
        "1 mark replaces another",
        "is 100 and the assignment's 8: marks are never scaled",
    ):
        assert any(sentence in each for each in said), (sentence, said)


@pytest.mark.parametrize(
    ("title", "filled_column", "why"),
    [
        ("Quiz (11)", "Assignment 2 (12)", "maximum"),
        ('"Colouring horses (CSC413, 2020) (11)"', "Colouring horses (CSC413, 2020) (11)", "name"),
    ],
)
def test_of_several_columns_the_one_with_the_assignments_name_or_maximum_is_filled_and_that_is_said(
    tmp_path: Path, title: str, filled_column: str, why: str
) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE)
    text = file.read_text("utf-8-sig").replace("Quiz (11)", title)
    file.write_text(text, "utf-8")
    said: list[str] = []
    content = filled(export_of(tmp_path / "r", [marked("alice")], said.append, fill=file))
    assert imported(content, filled_column) == {"501": "6.25"}
    assert any(f"because it has the assignment's {why}" in sentence for sentence in said)


def test_several_columns_need_a_name_and_one_does_not(tmp_path: Path) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE)
    file.write_bytes(file.read_bytes().replace(b"8.00", b"7.00"))
    with pytest.raises(ExportError, match=r"2 columns that can be filled \(Quiz \(11\), Assignment 2 \(12\)\)"):
        filled(export_of(tmp_path / "r", [marked("alice")], fill=file))
    file.write_text(file.read_text("utf-8-sig").replace("Quiz (11)", "Notes"), "utf-8")
    assert imported(filled(export_of(tmp_path / "r", [marked("alice")], fill=file)), "Assignment 2 (12)") == {
        "501": "6.25"
    }


@pytest.mark.parametrize("wanted", ["Assignment 3", "Final Score", "Section"])
def test_a_column_that_cannot_be_filled_is_refused(tmp_path: Path, wanted: str) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE)
    with pytest.raises(ExportError, match="--column must be one of"):
        filled(export_of(tmp_path / "r", [marked("alice")], fill=file, column=wanted))


@pytest.mark.parametrize(
    ("heading", "word"),
    [("Final Score project (3)", "does not import"), ("Final project (3)", "skip"), ("Assignment 2 (12)", "")],
)
def test_reserved_words_in_a_heading_are_said(heading: str, word: str) -> None:
    assert word in reserved(heading) and bool(reserved(heading)) == bool(word)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Student,ID", "Name,Number", "headings of Canvas' gradebook begin with Student, ID"),
        ("Section", "Group", "have Section"),
        ("501,0012,alice", ",,", "line 4: the ID is empty"),
        ("502,0013,bob", "502,0013,alice", "several lines of alice"),
        ("alice", "zoe", "nobody in"),
    ],
)
def test_a_file_that_is_not_canvas_own_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    file = gradebook(tmp_path / "in.csv", ALICE, BOB)
    text = file.read_text("utf-8-sig").replace(old, new).replace("Example, Alice", "Somebody, Else")
    file.write_text(text, "utf-8")
    with pytest.raises(ExportError, match=re.escape(sentence)):
        filled(export_of(tmp_path / "r", [marked("alice")], fill=file, column="12"))


def test_without_a_file_to_fill_it_says_which_one(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="--fill"):
        filled(export_of(tmp_path / "r", [marked("alice")]))
