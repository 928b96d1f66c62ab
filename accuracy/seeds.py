"""Right submissions graded under many seeds: whatever numbers are drawn, none may lose a point.

The whole of the pipeline grades them, without a sandbox. A submission is loaded once in a process, and what does not
depend on the numbers drawn is asked once: what its classes build, and what ties them to a device.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from accuracy.equivalents import drawn, lost_points
from accuracy.examining import ASSIGNMENTS, IMPORTS, InThisProcess, reference_source, right_source
from accuracy.repeatability import STARTS
from grader.exam.exam import Exam
from grader.intake import Found, Submission, read
from grader.marking.rubric_file import load as load_rubric
from grader.pipeline import Grading, Options
from reference.data import load_horses
from reference.shipped import shipped

__all__ = ["Graded", "assignment_of", "graded_under"]

_FORMS = 10
"""How many submissions in unusual forms there are to each assignment."""
_EVERY = 4
"""Each such number of seeds grades one of them. They take longer: their networks are other right answers."""
# The two handouts of 2018 take twice the time of the others, and ask what 2020 asks.
_TURNS = (*ASSIGNMENTS, *ASSIGNMENTS[2:], ASSIGNMENTS[-1])
_CONVOLUTION = "F.conv2d(input, self.weight, self.bias, padding=self.padding)"
_START = "        self.reset_parameters()\n"
_EDITS = {
    "a ReLU that multiplies": ("nn.ReLU()", "Rectified()"),
    "channels the other way round": (
        _CONVOLUTION,
        "F.conv2d(input.flip(1), self.weight.flip(1), self.bias, padding=self.padding)",
    ),
    "a ReLU in place": ("nn.ReLU()", "nn.ReLU(inplace=True)"),
    "a bias added later": (
        _CONVOLUTION,
        "F.conv2d(F.pad(input, [self.padding] * 4), self.weight) + self.bias.view(1, -1, 1, 1)",
    ),
    "another upsampling": ("nn.Upsample(scale_factor=2)", "nn.UpsamplingNearest2d(scale_factor=2)"),
    **{f"start {name}": (_START, f"{_START}        {code}\n") for name, code in STARTS.items()},
}
"""Edits of the fixture that leave it right, by what they make of it."""
_RECTIFIED = """

class Rectified(nn.Module):
    def forward(self, x):
        return x * (x > 0)


"""


@dataclass(frozen=True)
class Graded:
    """A right submission, graded under one seed."""

    name: str
    lost: Mapping[str, str]
    """The criteria that lost points, with their feedback."""
    margins: Mapping[str, float]
    """The largest share of each tolerance that was used, by what was compared."""


def assignment_of(seed: int) -> str:
    """The assignment whose submissions are graded under a seed."""
    return _TURNS[seed % len(_TURNS)]


def graded_under(seed: int, count: int, assignment: str | None = None) -> list[Graded]:
    """``count`` right submissions to an assignment, graded under one seed.

    They are the fixture with edits that leave it right, the model answer, and now and then an unusual form.
    """
    assignment = assignment or assignment_of(seed)
    rubric, horses = _shipped()
    exams: dict[str, Exam] = {}
    graded = []
    sources = _sources(assignment)
    for number in range(count):
        unusual = number == 0 and seed % _EVERY == 0
        place = (seed // _EVERY) % _FORMS if unusual else (count * seed + number) % len(sources)
        name, submission, session = _submission(assignment, place, unusual)
        options = Options(assignment=assignment, seed=seed, seconds=3600)
        report = Grading(rubric, horses, session, options, _exams=exams).grade(submission)
        margins: dict[str, float] = {}
        for mark in report.sheet.marks:
            for what, used in mark.evidence.margins.items():
                key = f"{mark.id.split('.')[1]}, {what}"
                margins[key] = max(used, margins.get(key, 0.0))
        graded.append(Graded(f"{assignment}, seed {seed}, {name}", lost_points(report), margins))
    return graded


@cache
def _shipped() -> Any:
    return load_rubric(shipped("rubric.yaml")), load_horses(None)


@cache
def _sources(assignment: str) -> tuple[tuple[str, str], ...]:
    """Right submissions in one file, each with its name; in all of them the layers have the handout's own order."""
    right = right_source(assignment)
    sources = {"right": right, "model answer": reference_source(assignment)}
    for name, edit in _EDITS.items():
        edited = right.replace(*edit)
        if edited != right:
            sources[name] = edited.replace(IMPORTS, IMPORTS + _RECTIFIED) if "Rectified" in edited else edited
    return tuple(sources.items())


@cache
def _submission(assignment: str, number: int, unusual: bool) -> tuple[str, Submission, Any]:
    """The name of a right submission, the submission, and the session in which it is loaded."""
    if unusual:
        name, files = f"form {number}", drawn(assignment, 1, _FORMS)[number].files
    else:
        name, text = _sources(assignment)[number]
        files = {"colourization.py": text}
    with tempfile.TemporaryDirectory() as place:
        for path, text in files.items():
            (Path(place) / path).write_text(text, "utf-8")
        return name, read(Found("alice", "alice", (Path(place),))), _LoadedOnce()


class _LoadedOnce(InThisProcess):
    """The session of one submission, which is never opened anew, and its replies that hold for every seed."""

    def __init__(self) -> None:
        super().__init__()
        self._replies: dict[str, tuple[dict[str, Any], dict[str, Tensor]]] = {}

    def open(self) -> _LoadedOnce:
        return self

    def ask(
        self,
        message: Mapping[str, Any],
        tensors: Mapping[str, Tensor] | None = None,
        *,
        seconds: float,
        reply_bytes: int | None = None,
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        asked = message.get("probes", [message])
        if any(probe["do"] not in ("outline", "load", "build", "device") for probe in asked):
            return super().ask(message, tensors, seconds=seconds)
        key = json.dumps([{name: value for name, value in probe.items() if name != "seed"} for probe in asked])
        if key not in self._replies:
            self._replies[key] = super().ask(message, tensors, seconds=seconds)
        return self._replies[key]
