"""GitHub Classroom: what the reporter adds up is the mark."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import report_sample as sample
from export_sample import HOSTILE, export_of, line, marked, points

from grader.export.github import files
from grader.export.records import Export
from grader.marking.verdicts import Outcome

VALID = fastjsonschema.compile(json.loads((Path(__file__).with_name("github.schema.json")).read_text()))


def results(export: Export) -> Mapping[str, Any]:
    """All files by name, each valid."""
    return {name: VALID(json.loads(base64.b64decode(content, validate=False))) for name, content in files(export)}


@pytest.mark.parametrize("late", [None, "1/5"])
def test_the_scores_add_up_to_the_mark(tmp_path: Path, late: str | None) -> None:
    one = marked("alice", late=late)
    made = results(export_of(tmp_path, [one]))["alice.txt"]
    assert made["max_score"] == 8
    assert sum(Fraction(str(test["score"])) for test in made["tests"]) == one.mark
    assert made["status"] == "fail"
    assert [test["status"] for test in made["tests"]][:3] == ["pass", "fail", "fail"]
    assert made["tests"][0]["duration"] == 250 and made["tests"][0]["filename"] == "colourization.py"


def test_a_maximum_with_a_fraction_makes_hundredths_of_everybody(tmp_path: Path) -> None:
    report = sample.report([sample.mark("cnn.shapes", max_points=Fraction(5, 2), points=Fraction(9, 4))])
    said: list[str] = []
    export = export_of(tmp_path, [line("alice", report=report)], said.append, reports={"alice": report})
    made = results(export)["alice.txt"]
    assert (made["max_score"], made["tests"][0]["score"]) == (250, 225)
    assert "hundredths" in said[0]


@pytest.mark.parametrize(("outcome", "status"), [(Outcome.PASS, "pass"), (Outcome.ERROR, "error")])
def test_the_status_is_that_of_all(tmp_path: Path, outcome: Outcome, status: str) -> None:
    report = sample.report([sample.mark("cnn.shapes", outcome)])
    made = results(export_of(tmp_path, [line("alice", report=report)], reports={"alice": report}))["alice.txt"]
    assert made["status"] == status


def test_tests_are_there_where_there_is_none(tmp_path: Path) -> None:
    report = sample.report([])
    made = results(export_of(tmp_path, [line("alice", report=report)], reports={"alice": report}))["alice.txt"]
    assert made["tests"] == []


def test_hostile_text_shows_as_text(tmp_path: Path) -> None:
    report = sample.report([sample.mark("cnn.shapes", Outcome.FAIL, title=HOSTILE, feedback=HOSTILE)])
    lines = [line("alice", points("cnn.shapes", "0.5", comment=HOSTILE), report=report)]
    made = json.dumps(results(export_of(tmp_path, lines, reports={"alice": report})), ensure_ascii=False)
    assert "\x1b" not in made and "\u202e" not in made
