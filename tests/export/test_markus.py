"""MarkUs: the two files that its uploads read, checked by what they ask for."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from export_sample import HOSTILE, export_of, line, marked, points

from grader.export.markus import files
from grader.export.records import Export


def made(export: Export) -> dict[str, list[list[str]]]:
    return {name: list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True)) for name, text in files(export)}


def spreadsheet(rows: list[list[str]]) -> Mapping[str, Mapping[str, float]]:
    """What MarkUs' marks spreadsheet takes: names, maxima, then user names with marks of at least 0, or none."""
    names, most, *students = rows
    assert names[0] == "" and len(set(names)) == len(names) == len(most)
    assert all(float(cell) >= 0 for cell in most[1:])
    taken = {}
    for user, *marks in students:
        assert user and len(marks) == len(names) - 1
        assert all(float(mark) >= 0 for mark in marks if mark)
        taken[user] = {name: float(mark) for name, mark in zip(names[1:], marks, strict=True) if mark}
    return taken


def test_the_spreadsheet_has_a_row_for_each_user_name_and_open_points_stay_empty(tmp_path: Path) -> None:
    group = ("alice", "bob")
    lines = [*(marked(id, hand_in="g", group=group) for id in group), line("carol")]
    taken = spreadsheet(made(export_of(tmp_path, lines))["criteria.csv"])
    assert list(taken) == ["alice", "bob", "carol"]
    assert taken["bob"] == {"cnn.shapes": 2, "cnn.architecture": 1.25, "manual.a1": 3}
    assert "manual.a1" not in taken["carol"]


def test_annotations_have_a_category_and_each_text_once(tmp_path: Path) -> None:
    lines = [marked("alice"), marked("bob"), line("carol", points("manual.a1", "1", comment="Say why."))]
    rows = made(export_of(tmp_path, lines))["annotations.csv"]
    assert all(len(row) > 2 and row[0] and row[1] == "" and all(row[2:]) for row in rows)
    assert len({row[0] for row in rows}) == len(rows)
    texts = {row[0]: row[2:] for row in rows}
    assert texts["cnn.architecture"] == ["The second block has no batch-norm."]
    assert texts["manual.a1"] == ["Say why."]


def test_lateness_that_the_file_cannot_have_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    made(export_of(tmp_path, [marked("alice", late="1/5")], said.append))
    assert "lateness" in said[0] and "alice" in said[0]


def test_hostile_comments_show_as_text(tmp_path: Path) -> None:
    rows = made(export_of(tmp_path, [line("alice", points("manual.a1", "1", comment=HOSTILE))]))["annotations.csv"]
    text = next(row[2] for row in rows if row[0] == "manual.a1")
    assert text.startswith("'=cmd") and "\x1b" not in text and "\u202e" not in text
