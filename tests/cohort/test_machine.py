"""This machine as a grader: a report per submission, with its key and its row."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cohort_sample import Course
from report_sample import report as sample_report

from grader.cohort.machine import ThisMachine
from grader.examined import Earlier
from grader.report.rows import row_of
from grader.sandbox.terms import Limits


class Grading:
    """Has what a machine asks of a ``grader.pipeline.Grading``."""

    def __init__(self, course: Course) -> None:
        settings = course.grader().settings
        self.rubric, self.horses, self.options = settings.rubric, settings.horses, settings.options
        self.closed = False
        self.sandbox = SimpleNamespace(limits=Limits(), isolation="bubblewrap", close=self._close)

    def grade(self, found: Any, *, progress: Any, earlier: Any) -> Any:
        progress("reading")
        return sample_report((), submission_id=found.id)

    def _close(self) -> None:
        self.closed = True


class Watch:
    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, what: str) -> None:
        self.stages.append(what)

    def stopped(self) -> bool:
        return False

    def notice(self, sentence: str) -> None:
        raise AssertionError(sentence)


def test_a_report_carries_its_key_and_its_row_is_what_would_be_read_from_the_file(tmp_path: Path) -> None:
    course, watch = Course(tmp_path), Watch()
    found = course.hand_in("alice")
    machine = ThisMachine(Grading(course))  # type: ignore[arg-type]
    made = machine.grade(found, lambda sha256, id: f"{id} {sha256}", watch, Earlier())
    document = json.loads(made.files["report.json"])
    assert made.row == row_of("alice", document)
    assert made.row.key == f"{document['assignment']['id']} {document['submission']['sha256']}"
    assert watch.stages == ["reading"]


def test_stopping_closes_the_sandbox(tmp_path: Path) -> None:
    grading = Grading(Course(tmp_path))
    ThisMachine(grading).stop()  # type: ignore[arg-type]
    assert grading.closed


def test_the_settings_are_those_of_the_sandbox_and_the_run(tmp_path: Path) -> None:
    grading = Grading(Course(tmp_path))
    machine = ThisMachine(grading)  # type: ignore[arg-type]
    assert (machine.settings.isolation, machine.settings.limits) == ("bubblewrap", Limits())
    assert machine.settings.options is grading.options
    assert machine.jobs >= 1
