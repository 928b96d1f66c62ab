"""Ctrl-C, a kill or a power cut at any time leaves whole reports, and the next run goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cohort_sample import BOTH_RIGHT, Course, FakeGrader, Heard, PowerCut, names, rubric
from places import ROOT, TESTS

from grader.cohort.grader import KeyOf, Watch
from grader.examined import Earlier
from grader.intake import Found
from grader.report.as_json import problem
from grader.report.files import RenderedReport


def test_ctrl_c_begins_nothing_new_and_the_next_run_goes_on(course: Course) -> None:
    found = course.cohort(6)
    grader = course.grader()

    def interrupt(id: str) -> None:
        if id == "student02":
            os.kill(os.getpid(), signal.SIGINT)  # as the terminal does it, while the main thread waits for this one
            grader.stopped.wait(30)
            raise ConnectionError("the sandbox was closed")

    grader.before = interrupt
    summary, heard = course.grade(found, grader)
    assert (summary.graded, summary.left, summary.failed) == (2, 4, ())
    assert re.fullmatch(r"Stopped: 2 of 6 reports .* the same command goes on from there\.", summary.interrupted)
    assert heard.problems == []
    assert not (course.out / "gradebook.csv").exists()
    summary, heard = course.grade(found)
    assert (heard.begun, summary.left) == ([f"student{number:02}" for number in range(2, 6)], 0)


def test_what_is_under_way_at_ctrl_c_is_left_at_its_next_stage(course: Course) -> None:
    stages: list[str] = []

    class Interrupting(Heard):
        def started(self, id: str) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    class Endless(FakeGrader):
        def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
            while True:
                stages.append(found.id)
                watch.stage("on and on")

    grader = Endless(course.grader().settings)
    summary, heard = course.grade(course.cohort(2), grader, events=Interrupting())
    assert (summary.graded, summary.left, summary.failed, heard.problems) == (0, 2, (), [])
    assert grader.stopped.is_set()
    assert set(stages) <= {"student00"}


@pytest.mark.slow
@pytest.mark.parametrize(("after", "jobs"), [(0, 1), (1, 2), (5, 2), (11, 1)])
def test_a_killed_run_leaves_whole_reports_and_the_next_run_goes_on(course: Course, after: int, jobs: int) -> None:
    found = course.cohort(12)
    _kill_a_run(course, jobs=jobs, after=after)
    for one in found:
        if (course.out / one.folder / "report.json").exists():
            assert problem(course.report(one.folder)) is None
            assert {"report.html", "feedback.md"} <= set(names(course.out / one.folder))
    summary, _ = course.grade(found)
    assert summary.graded + summary.resumed == 12
    assert summary.resumed >= after
    assert summary.failed == ()
    assert [*course.out.rglob("*.tmp")] == []
    assert [course.report(one.folder)["score"] for one in found] == [1, 2] * 6


def _kill_a_run(course: Course, *, jobs: int, after: int) -> None:
    """Start a run in a process of its own, and kill it after some submissions are finished."""
    rubric(course.submissions)
    command = [sys.executable, str(TESTS / "cohort_sample.py"), str(course.submissions), str(course.out), str(jobs)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        if after == 0:
            process.stdout.peek(1)  # type: ignore[attr-defined]
        process.kill()


@pytest.mark.parametrize("step", range(13))
def test_a_run_that_dies_at_any_step_of_writing_leaves_no_torn_report(
    course: Course, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """From some step on nothing happens any more, not even removing what is half written."""
    found = course.cohort(1)
    course.grade(found)
    before = course.report("student00")
    course.hand_in("student00", BOTH_RIGHT)
    left = step

    def until_the_cut(function):
        def instead(*arguments, **named):
            nonlocal left
            left -= 1
            if left < 0:
                raise PowerCut
            return function(*arguments, **named)

        return instead

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", until_the_cut(os.fsync))
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, until_the_cut(getattr(Path, name)))
        with pytest.raises(PowerCut):
            course.grade(found)
    if (course.out / "student00" / "report.json").exists():
        report = course.report("student00")
        assert report == before or report["score"] == 2
        page = (course.out / "student00" / "report.html").read_text()
        assert report["submission"]["sha256"] in page
    summary, _ = course.grade(found)
    assert summary.graded + summary.resumed == 1
    assert course.report("student00")["score"] == 2


def test_a_grader_is_told_when_the_run_is_stopped(course: Course) -> None:
    states: list[bool] = []
    interrupted = threading.Event()

    class Asking(FakeGrader):
        def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
            states.append(watch.stopped())
            os.kill(os.getpid(), signal.SIGINT)
            self.stopped.wait(30)
            interrupted.set()
            states.append(watch.stopped())
            raise RuntimeError("the run was stopped")

    summary, _ = course.grade(course.cohort(2), Asking(course.grader().settings))
    assert interrupted.is_set()
    assert (states, summary.left, summary.failed) == ([False, True], 2, ())
