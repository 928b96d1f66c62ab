"""Blackboard: the gradebook in its two forms, filled; checked by what its importer asks for."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from export_sample import export_of, marked

from grader.export.blackboard import files
from grader.export.records import Export, ExportError
from grader.marks.line import Student

ITEM = "Assignment 2 [Total Pts: 8 Score] |4711"
HEADINGS = (
    *("Last Name", "First Name", "Username", "Student ID", "Last Access", "Availability"),
    *("Weighted Total [Total Pts: up to 0 Percentage] |12", ITEM, "Quiz [Total Pts: 10 Score] |4712"),
)
ROWS = (
    ("Example", "Alice", "alice", "0012", "2026-11-20 10:00:00", "Yes", "", "", "3.00"),
    ("Sample", "Zoë", "zoe", "0013", "2026-11-20 10:00:00", "Yes", "", "2.00", "Needs Grading"),
)


def gradebook(path: Path, separator: str = "\t", encoding: str = "utf-16") -> Path:
    lines = [separator.join(f'"{cell}"' for cell in row) for row in (HEADINGS, *ROWS)]
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def filled(export: Export) -> bytes:
    ((_, content),) = files(export)
    return content


def imported(content: bytes, encoding: str, separator: str) -> dict[str, str]:
    """What Blackboard's importer takes out of a file: it needs Username, and an item's number after a bar."""
    rows = list(csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=separator, strict=True))
    user = rows[0].index("Username")
    column = next(place for place, text in enumerate(rows[0]) if re.fullmatch(r".+ \[Total Pts: [^\]]+\] \|4711", text))
    return {row[user]: row[column] for row in rows[1:]}


@pytest.mark.parametrize(("separator", "encoding"), [("\t", "utf-16"), (",", "utf-8-sig"), (",", "utf-8")])
def test_the_mark_stands_in_its_column_and_nothing_else_has_changed(
    tmp_path: Path, separator: str, encoding: str
) -> None:
    file = gradebook(tmp_path / "gc_course_fullgc.xls", separator, encoding)
    before = file.read_bytes().decode(encoding)
    content = filled(export_of(tmp_path / "r", [marked("alice")], fill=file, column="Assignment 2"))
    expected = before.replace(f'""{separator}"3.00"', f'"6.25"{separator}"3.00"')
    assert content == expected.encode(encoding)
    assert imported(content, encoding, separator) == {"alice": "6.25", "zoe": "2.00"}


@pytest.mark.parametrize("key", ["zoe", "0013", "Zoë Sample", "Sample, Zoe"])
def test_a_student_is_found_by_login_number_and_name(tmp_path: Path, key: str) -> None:
    file = gradebook(tmp_path / "in.xls")
    export = export_of(
        tmp_path / "r", [marked(Student(key, key if " " in key else ""), hand_in="x")], fill=file, column="4711"
    )
    assert imported(filled(export), "utf-16", "\t") == {"alice": "", "zoe": "6.25"}


def test_several_columns_need_a_name(tmp_path: Path) -> None:
    file = gradebook(tmp_path / "in.xls")
    file.write_bytes(file.read_bytes().decode("utf-16").replace("Pts: 8", "Pts: 10").encode("utf-16"))
    with pytest.raises(ExportError, match=r"2 columns that can be filled \(Assignment 2"):
        filled(export_of(tmp_path / "r", [marked("alice")], fill=file))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Username", "User", "has a column Username"),
        ('"alice"', '""', "the Username is empty"),
        ("|47", "47", "no column of marks"),
        ("|4711", "|4713", "--column must be one of"),
    ],
)
def test_a_file_that_is_not_blackboards_own_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    file = gradebook(tmp_path / "in.xls", ",", "utf-8")
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(ExportError, match=sentence):
        filled(export_of(tmp_path / "r", [marked("alice")], fill=file, column="4711"))


def test_without_a_file_to_fill_it_says_which_one(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="--fill"):
        filled(export_of(tmp_path / "r", [marked("alice")]))
