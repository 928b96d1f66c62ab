"""What MarkUs' custom tester prints: hundredths of points, and nothing of what people mark."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from export_sample import HOSTILE, export_of, line, marked, points

from grader.export.feedback import read_report_text
from grader.export.markus_results import failure, results
from grader.marks.line import FinalLine


def printed(folder: Path, one: FinalLine) -> list[dict[str, Any]]:
    export_of(folder, [one])
    return [json.loads(text) for text in results(one, read_report_text(folder / one.folder))]


def test_points_are_hundredths_and_open_ones_are_left_out(tmp_path: Path) -> None:
    made = printed(tmp_path, line("alice"))
    assert [(each["marks_earned"], each["marks_total"], each["status"], each["time"]) for each in made] == [
        (200, 200, "pass", 250),
        (125, 200, "partial", 0),
    ]


def test_what_a_person_gave_is_there(tmp_path: Path) -> None:
    assert printed(tmp_path, marked("alice", "0"))[-1]["status"] == "fail"


def test_a_hand_in_without_code_says_so(tmp_path: Path) -> None:
    (only,) = printed(tmp_path, replace(line("alice"), status="ungradable"))
    assert only["status"] == "error" and "no code" in only["output"]
    assert json.loads(failure("x"))["status"] == "error_all"


def test_each_is_one_line_of_ascii(tmp_path: Path) -> None:
    one = line("alice", points("cnn.shapes", "1", comment=HOSTILE + "\nmore"))
    export_of(tmp_path, [one])
    for text in results(one, read_report_text(tmp_path / "alice")):
        assert text.isascii() and "\n" not in text and "\x1b" not in json.loads(text)["output"]
