"""A small course to test runs over cohorts with: a rubric, submissions, a grader that needs no torch, and a listener.

As a program it grades until it is killed: ``python cohort_sample.py SUBMISSIONS OUT JOBS``.
"""

from __future__ import annotations

import csv
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from grader.cohort.batch import run
from grader.cohort.events import Line, Summary
from grader.cohort.grader import KeyOf, Settings, Watch
from grader.detect import Detected
from grader.examined import Earlier, Examined, report_on
from grader.intake import Found, read
from grader.marking.needs import decided
from grader.marking.rubric import Criterion, Rubric
from grader.marking.rubric_file import load
from grader.marking.verdicts import Verdict, partial, passed
from grader.pipeline import Options
from grader.report import Report, Run
from grader.report.files import RenderedReport, rendered
from grader.sandbox.terms import Limits
from reference.data import Horses

RUBRIC = """\
assignments:
  csc321-2018:
    title: Colouring horses (CSC321, 2018)
    code: [colourization.py]
    writeup: [a2-writeup.pdf]
    layer_orders: [pool-first]
    parts:
      - id: a
        title: A. Networks
        points: 4
        criteria:
          - {id: cnn.shapes, title: The output has the right shape, points: 1, check: shapes}
          - {id: cnn.parameters, title: The right number of parameters, points: 1, check: parameters}
          - {id: manual.a1, title: A1. Why, points: 2, look_for: A reason}
  csc413-2020:
    title: Colouring horses (CSC413, 2020)
    code: [a2-cnn.ipynb]
    writeup: [a2-writeup.pdf]
    layer_orders: [pool-first]
    parts:
      - id: a
        title: A. Networks
        points: 1
        criteria:
          - {id: unet.shapes, title: The output has the right shape, points: 1, check: shapes}
"""
ONE_RIGHT = "# cnn.shapes\n"
BOTH_RIGHT = "# cnn.shapes cnn.parameters\n"


def rubric(folder: Path, text: str = RUBRIC) -> Rubric:
    """The rubric above, or with ``text``."""
    path = folder / "rubric.yaml"
    path.write_text(text)
    return load(path)


def options(**changes: Any) -> Options:
    """What the command line says."""
    return replace(Options(seed=7), **changes)


def horses(value: int = 1) -> Horses:
    """Pictures, few and small."""
    pictures = np.full((1, 3, 2, 2), value, dtype=np.uint8)
    return Horses(train=pictures, test=pictures, colours={24: np.zeros((24, 3), dtype=np.float32)}, name="small")


def hand_in(folder: Path, id: str, text: str = ONE_RIGHT) -> Found:
    """One submission in a folder of its own."""
    home = folder / id
    home.mkdir(parents=True, exist_ok=True)
    (home / "colourization.py").write_text(text)
    return Found(id=id, folder=id, sources=(home,))


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@dataclass
class FakeGrader:
    """Grades by the words in ``colourization.py``: a criterion passes when the file names it."""

    settings: Settings
    before: Callable[[str], None] = lambda id: None
    """Called with the submission's id before it is graded; may raise."""
    jobs: int = 1
    calls: Counter[str] = field(default_factory=Counter)
    examined: dict[str, list[str]] = field(default_factory=dict)
    """The criteria that were examined last, by the submission's id."""
    stopped: threading.Event = field(default_factory=threading.Event)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
        with self._mutex:
            self.calls[found.id] += 1
        watch.stage("reading")
        self.before(found.id)
        report = self._report(found, earlier)
        return rendered(report, key=key_of(report.sha256, report.assignment_id), folder=found.folder)

    def stop(self) -> None:
        self.stopped.set()

    def _report(self, found: Found, earlier: Earlier) -> Report:
        submission = read(found)
        text = "".join(cell.source for file in submission.code for cell in file.cells)
        assignment = self.settings.rubric.assignments[self.settings.options.assignment or "csc321-2018"]
        self.examined[found.id] = []

        def examine(criterion: Criterion) -> Verdict:
            if criterion.id in earlier.verdicts:
                return earlier.verdicts[criterion.id]
            self.examined[found.id].append(criterion.id)
            if criterion.id in text:
                return passed(criterion.id, "Right.")
            return partial(criterion.id, Fraction(0), "Wrong.", mistake="relu-before-norm")

        verdicts = tuple(decided(assignment, examine).values())
        detected = Detected(assignment.id, "By its name.", True)
        examined = Examined(detected, verdicts, earlier.flags, bool(submission.code), code_files=("colourization.py",))
        how = Run(
            version="1.0.0",
            seed=self.settings.options.seed,
            device="cpu",
            isolation="none",
            torch="2.13.0",
            seconds=0.5,
            started="2026-11-21T03:07:00+00:00",
            rubric_sha256=self.settings.rubric.sha256,
            details={},
        )
        return report_on(submission, examined, rubric=self.settings.rubric, run=how)


@dataclass
class Heard:
    """Remembers all events."""

    begun: list[str] = field(default_factory=list)
    stages: list[tuple[str, str]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def started(self, id: str) -> None:
        self.begun.append(id)

    def stage(self, id: str, what: str) -> None:
        self.stages.append((id, what))

    def finished(self, line: Line) -> None:
        self.lines.append(line)

    def problem(self, id: str, sentence: str) -> None:
        self.problems.append((id, sentence))


class Graded(NamedTuple):
    """What a run said."""

    summary: Summary
    heard: Heard


@dataclass
class Course:
    """Submissions in a folder, and the reports of runs over them in another."""

    root: Path

    def __post_init__(self) -> None:
        self.submissions = self.root / "submissions"
        self.submissions.mkdir()
        self.out = self.root / "reports"

    def hand_in(self, id: str, text: str = ONE_RIGHT) -> Found:
        """A submission, or another one by the same student."""
        return hand_in(self.submissions, id, text)

    def cohort(self, count: int = 6) -> list[Found]:
        """``student00``, ``student01``, …: every second one has both criteria right, the others the first."""
        return [self.hand_in(f"student{number:02}", (ONE_RIGHT, BOTH_RIGHT)[number % 2]) for number in range(count)]

    def grader(self, text: str = RUBRIC, *, isolation: str = "none", pictures: int = 1, **changes: Any) -> FakeGrader:
        """A grader by the rubric ``text``, with changed options."""
        settings = Settings(
            rubric=rubric(self.root, text),
            horses=horses(pictures),
            options=options(**changes),
            limits=Limits(memory=2**30),
            isolation=isolation,
        )
        return FakeGrader(settings)

    def grade(self, found: Sequence[Found], grader: FakeGrader | None = None, **how: Any) -> Graded:
        """A run, into ``out`` unless ``how`` says otherwise."""
        heard = Heard()
        how = {"out": self.out, "jobs": 1, "events": heard, **how}
        return Graded(run(grader or self.grader(), found, **how), heard)

    def report(self, folder: str) -> dict[str, Any]:
        """``report.json`` of a submission."""
        return dict(json.loads((self.out / folder / "report.json").read_bytes()))

    def gradebook(self) -> list[dict[str, str]]:
        """The lines of ``gradebook.csv``."""
        with (self.out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def index(self) -> str:
        """The page of the cohort."""
        return (self.out / "index.html").read_text()

    def edited(self, folder: str = "") -> dict[str, str]:
        """The copies of edited files in a folder of reports, by name."""
        return {path.name: path.read_text() for path in (self.out / folder).iterdir() if ".edited-" in path.name}


class PowerCut(BaseException):
    """As if the power went. It is not an Exception, so that nothing takes it for a failure that can be reported."""


class Aloud(Heard):
    """Prints a line per finished submission, for whoever waits for the moment to kill this process."""

    def finished(self, line: Line) -> None:
        print(line.id, flush=True)


def main(submissions: Path, out: Path, jobs: int) -> None:
    """Grade every folder in ``submissions``, by the rubric that lies there."""
    found = [Found(home.name, home.name, (home,)) for home in sorted(submissions.iterdir()) if home.is_dir()]
    settings = Settings(load(submissions / "rubric.yaml"), horses(), options(), Limits(memory=2**30), "none")
    run(FakeGrader(settings), found, out, jobs=jobs, events=Aloud())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
