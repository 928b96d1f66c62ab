"""What a reports folder is to remember is checked when it is given, and written whole."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from cohort_sample import RUBRIC, rubric

from grader.gradebook.inputs import (
    Changes,
    given,
    picked,
    recall_lateness,
    recall_picks,
    recall_roster,
    recall_rubric,
    with_rubric,
)
from grader.gradebook.lists import ListError
from grader.marking.late import LateRule


def test_a_folder_remembers_a_list_until_none_is_given(tmp_path: Path) -> None:
    roster = tmp_path / "people.csv"
    roster.write_text("id,name\nalice,Alice\n")
    out = tmp_path / "reports"
    out.mkdir()
    given(roster=roster).make(out)
    assert [student.name for student in recall_roster(out)] == ["Alice"]
    given(roster=Path("none")).make(out)
    assert recall_roster(out) == ()


def test_a_list_that_cannot_be_used_is_refused_when_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "late.csv").write_text("nonsense")
    with pytest.raises(ListError, match=r"late\.csv, line 1: the columns must be"):
        given(late=tmp_path / "late.csv")


def test_a_rule_is_remembered_exactly_and_forgotten_with_its_list(tmp_path: Path) -> None:
    late = tmp_path / "lateness.csv"
    late.write_text("id,hours_late\nalice,1\n")
    out = tmp_path / "reports"
    out.mkdir()
    rule = LateRule(percent_a_day=Fraction(1, 3))
    given(late=late, rule=rule).make(out)
    assert json.loads((out / "late-rule.json").read_text())["percent_a_day"] == "1/3"
    lateness = recall_lateness(out, {})
    assert lateness is not None and lateness.rule.percent_a_day * 3 == 1
    given(late=Path("none")).make(out)
    assert recall_lateness(out, {}) is None and list(out.iterdir()) == []


def test_a_deadline_is_remembered_with_its_time_zone_until_none_is_given(tmp_path: Path) -> None:
    given(due="2026-11-21T23:59:00-05:00").make(tmp_path)
    lateness = recall_lateness(tmp_path, {})
    assert lateness is not None and lateness.hours_since_due("2026-11-22T04:59:00Z") == 0
    assert lateness.hours_since_due("2026-11-22T05:59:00Z") == 1
    (tmp_path / "due.txt").write_text("tomorrow")
    with pytest.raises(ListError, match="was 'tomorrow'"):
        recall_lateness(tmp_path, {})
    given(due="none").make(tmp_path)
    assert recall_lateness(tmp_path, {}) is None


def test_the_rubric_of_the_last_run_is_remembered_unless_it_was_changed_since_it_was_loaded(tmp_path: Path) -> None:
    loaded = rubric(tmp_path)
    out = tmp_path / "reports"
    out.mkdir()
    rubric(tmp_path, RUBRIC.replace("A reason", "Another reason"))
    assert with_rubric(Changes(), loaded) == Changes()
    with_rubric(Changes(), rubric(tmp_path)).make(out)
    assert recall_rubric(out).sha256 == loaded.sha256


def test_picks_are_remembered_and_each_students_are_replaced_as_a_whole(tmp_path):
    (tmp_path / "list.csv").write_text("id,file\nalice,a.py\nbob,b.py\nbob,c.py\n")
    picked(tmp_path, picks=tmp_path / "list.csv", one_by_one={}).changes.make(tmp_path)
    assert recall_picks(tmp_path) == {"alice": ("a.py",), "bob": ("b.py", "c.py")}
    again = picked(tmp_path, picks=None, one_by_one={"Bob": ("d.py",)})
    assert again.files == {"alice": ("a.py",), "Bob": ("d.py",)}
    again.changes.make(tmp_path)
    assert recall_picks(tmp_path) == again.files
    assert picked(tmp_path, picks=None, one_by_one={}).changes == Changes()
    picked(tmp_path, picks=Path("none"), one_by_one={}).changes.make(tmp_path)
    assert recall_picks(tmp_path) == {} and not (tmp_path / "picks.csv").exists()
