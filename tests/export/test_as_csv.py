"""CSV: a row for each student, in which nothing is a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from export_sample import HOSTILE, export_of, line, marked, points

from grader.export.as_csv import files
from grader.export.records import Export
from grader.marking.rounding import RoundRule
from grader.marks.line import Student


def table(export: Export) -> list[dict[str, str]]:
    ((_, content),) = files(export)
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))


def test_there_is_a_row_for_each_student_with_all_that_the_mark_is_made_of(tmp_path: Path) -> None:
    group = ("0012", "bob")
    alice = Student("0012", "Alice Example", "alice@example.org", {"id": "0012", "Section": "1"})
    lines = [marked(alice, hand_in="g", group=group, late="1/5"), marked("bob", hand_in="g", group=group)]
    first, second = table(export_of(tmp_path, lines))
    assert first | {"id": "0012", "name": "Alice Example", "Section": "1", "group": "0012, bob"} == first
    assert first | {"mark": "5", "score": "6.25", "automatic": "3.25", "by_hand": "3", "late_penalty": "1.25"} == first
    assert first | {"cnn.architecture": "1.25", "manual.a1": "3", "manual.a1:by": "bob", "stage": "marked"} == first
    assert (second["mark"], second["late_penalty"], second["Section"]) == ("6.25", "0", "")


def test_open_points_are_an_empty_cell(tmp_path: Path) -> None:
    (row,) = table(export_of(tmp_path, [line("alice")]))
    assert (row["manual.a1"], row["open_points"], row["stage"], row["mark"]) == ("", "4", "examined", "3.25")


def test_hours_late_are_those_after_the_deadline_as_in_the_gradebook(tmp_path: Path) -> None:
    one = marked("alice", late="1/5")
    assert one.late
    extended = replace(one, late=replace(one.late, hours=Fraction(30), extension=Fraction(24), counted=Fraction(6)))
    (row,) = table(export_of(tmp_path, [extended]))
    assert row["late_hours"] == "30"


def test_a_mark_is_not_rounded_a_second_time(tmp_path: Path) -> None:
    (row,) = table(export_of(tmp_path, [marked("alice", "3.1", rounding=RoundRule(Fraction(1, 8)))]))
    assert row["mark"] == "6.375"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", HOSTILE])
def test_no_text_is_a_formula_or_hides(tmp_path: Path, text: str) -> None:
    student = Student(text, text, text, {"own": text})
    ((_, content),) = files(export_of(tmp_path, [marked(student, hand_in="alice")]))
    for row in csv.reader(io.StringIO(content.decode(), newline=""), strict=True):
        for cell in row:
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))
            assert "\x1b" not in cell and "\u202e" not in cell


def test_a_comment_stays_in_its_cell(tmp_path: Path) -> None:
    (row,) = table(export_of(tmp_path, [line("alice", points("manual.a1", "1", comment='Say "why", please;\nall'))]))
    assert row["manual.a1:comment"] == 'Say "why", please; all'
