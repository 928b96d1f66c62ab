"""Gradescope: a file for each hand-in, valid against what Gradescope reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import report_sample as sample
from export_sample import HOSTILE, export_of, line, marked, points

from grader.export.gradescope import files
from grader.export.records import Export, ExportError
from grader.marking.verdicts import Outcome

VALID = fastjsonschema.compile(json.loads((Path(__file__).with_name("gradescope.schema.json")).read_text()))


def results(export: Export) -> Mapping[str, Any]:
    """All files by name, each valid."""
    return {name: VALID(json.loads(content)) for name, content in files(export)}


def test_a_marked_hand_in_has_its_mark_and_every_criterion(tmp_path: Path) -> None:
    made = results(export_of(tmp_path, [marked("alice", "3.5")]))["alice.json"]
    assert made["score"] == 6.75
    assert [(test["name"], test["score"], test["max_score"], test["status"]) for test in made["tests"]] == [
        ("cnn.shapes: The output has the right shape", 2, 2, "passed"),
        ("cnn.architecture: The output has the right shape", 1.25, 2, "failed"),
        ("manual.a1: A1. Why?", 3.5, 4, "failed"),
    ]
    assert made["tests"][1]["output"] == "The second block has no batch-norm."
    assert made["output"] == "6.75 of 8 points."
    assert made["execution_time"] == 1.234


def test_open_points_have_no_score_and_are_said(tmp_path: Path) -> None:
    made = results(export_of(tmp_path, [line("alice")]))["alice.json"]
    assert made["score"] == 3.25
    assert "score" not in made["tests"][2] and "status" not in made["tests"][2]
    assert "not the final mark" in made["output"] and "4 points are still open" in made["output"]


def test_lateness_is_in_the_score_and_said(tmp_path: Path) -> None:
    made = results(export_of(tmp_path, [marked("alice", late="1/5")]))["alice.json"]
    assert made["score"] == 5
    assert "1.25 points off for lateness" in made["output"]


def test_a_group_has_one_file_with_the_highest_mark_and_that_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    lines = [marked("alice", hand_in="g", group=("alice", "bob"), late="1/5"), marked("bob", hand_in="g")]
    made = results(export_of(tmp_path, lines, said.append))
    assert made["g.json"]["score"] == 6.25 and len(made) == 1
    assert "different marks" in said[0]


def test_hostile_text_shows_as_text(tmp_path: Path) -> None:
    marks = [sample.mark("cnn.shapes", Outcome.FAIL, title=HOSTILE, feedback=HOSTILE)]
    report = sample.report(marks, submission_id="alice")
    lines = [line("alice", points("cnn.shapes", "0.5", comment=HOSTILE), report=report)]
    ((_, content),) = files(export_of(tmp_path, lines, reports={"alice": report}))
    VALID(json.loads(content))
    text = json.dumps(json.loads(content), ensure_ascii=False)
    assert "\x1b" not in text and "\u202e" not in text and "\\\\x1b[31m" in text


def test_points_of_no_finite_decimal_are_numbers(tmp_path: Path) -> None:
    made = results(export_of(tmp_path, [marked("alice", str(Fraction(1, 3)))]))["alice.json"]
    assert made["tests"][2]["score"] == 0.3333 and made["score"] == 3.58


def test_a_report_that_was_taken_away_is_named(tmp_path: Path) -> None:
    export = export_of(tmp_path, [marked("alice")])
    (tmp_path / "alice" / "report.json").write_text("{}")
    with pytest.raises(ExportError, match="cannot be read"):
        results(export)
