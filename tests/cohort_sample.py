"""A fake grader and submissions to test runs over cohorts with; as a program, it grades until it is killed.

python cohort_sample.py SUBMISSIONS OUT JOBS
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from grader.cohort.events import Line
from grader.intake import Found, read
from grader.marking.rubric import Rubric
from grader.marking.rubric_file import load
from grader.marking.sheet import mark
from grader.marking.verdicts import Outcome, Verdict
from grader.report import Report, Run

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


class FakeSandbox:
    """Has what a run asks of the sandbox."""

    isolation = "none"
    limits = SimpleNamespace(memory=2**30)

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeGrading:
    """Grades by the words in ``colourization.py``: a criterion passes when the file names it."""

    rubric: Rubric
    options: Any = field(default_factory=lambda: options())
    horses: Any = field(default_factory=lambda: horses())
    sandbox: FakeSandbox = field(default_factory=FakeSandbox)
    before: Callable[[str], None] = lambda id: None
    """Called with the submission's id before it is graded; may raise."""
    progress: Callable[[str, str], None] = lambda id, what: None
    calls: Counter[str] = field(default_factory=Counter)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def grade(self, found: Found) -> Report:
        with self._mutex:
            self.calls[found.id] += 1
        self.progress(found.id, "reading")
        self.before(found.id)
        submission = read(found)
        text = "".join(cell.source for file in submission.code for cell in file.cells)
        assignment = self.rubric.assignments[self.options.assignment or "csc321-2018"]
        verdicts = [
            Verdict(criterion.id, Outcome.PASS, "Right.", Fraction(1))
            if criterion.id in text
            else Verdict(criterion.id, Outcome.FAIL, "Wrong.", mistake="relu-before-norm")
            for criterion in assignment.criteria
            if criterion.check is not None
        ]
        return Report(
            submission_id=submission.id,
            sha256=submission.sha256,
            files=submission.files,
            assignment_id=assignment.id,
            assignment_title=assignment.title,
            detected="By its name.",
            code_files=("colourization.py",),
            sheet=mark(assignment, verdicts, submission.flags, gradable=bool(submission.code)),
            flags=submission.flags,
            left_out=(),
            remarks=(),
            output="",
            run=Run(
                version="1.0.0",
                seed=self.options.seed,
                device="cpu",
                isolation="none",
                torch="2.13.0",
                seconds=0.5,
                started="2026-11-21T03:07:00+00:00",
                rubric_sha256=self.rubric.sha256,
                details={},
            ),
        )


def options(**changes: Any) -> SimpleNamespace:
    """What the command line says."""
    return SimpleNamespace(
        **{
            "assignment": None,
            "seed": 7,
            "device": "cpu",
            "quick": False,
            "seconds": 120.0,
            "probe_seconds": 10.0,
            **changes,
        }
    )


def horses(value: int = 1) -> SimpleNamespace:
    """Pictures, few and small."""
    pictures = np.full((1, 3, 2, 2), value, dtype=np.uint8)
    return SimpleNamespace(train=pictures, test=pictures, colours={24: np.zeros((24, 3))}, name="small")


def rubric(folder: Path, text: str = RUBRIC) -> Rubric:
    """The rubric above, or with ``text``."""
    path = folder / "rubric.yaml"
    path.write_text(text)
    return load(path)


def hand_in(folder: Path, id: str, text: str = "# cnn.shapes\n") -> Found:
    """One submission in a folder of its own."""
    home = folder / id
    home.mkdir(parents=True, exist_ok=True)
    (home / "colourization.py").write_text(text)
    return Found(id=id, folder=id, sources=(home,))


def cohort(folder: Path, count: int = 6) -> list[Found]:
    """Submissions of which every second has both criteria right."""
    text = ("# cnn.shapes\n", "# cnn.shapes cnn.parameters\n")
    return [hand_in(folder, f"student{number:02}", text[number % 2]) for number in range(count)]


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


class Aloud(Heard):
    """Prints a line a finished submission, for whoever waits for the moment to kill this process."""

    def finished(self, line: Line) -> None:
        print(line.id, flush=True)


if __name__ == "__main__":
    from grader.cohort.batch import run

    submissions, out, jobs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    found = [Found(home.name, home.name, (home,)) for home in sorted(submissions.iterdir()) if home.is_dir()]
    run(FakeGrading(load(submissions / "rubric.yaml")), found, out, jobs=jobs, events=Aloud())
