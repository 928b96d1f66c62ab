"""Candidates for the search for a smallest failing input, and layers that are wrong for some inputs."""

from __future__ import annotations

import contextlib
import io
import math

from sittings import submission_of

from grader.checks.sitting import Sitting
from grader.exam.exam import Exam, Local
from grader.worker.protocol import Definitions, Outline, Trouble
from reference.layers import MyDilatedConv2d
from reference.models import model_classes

__all__ = ["Clips", "Counting", "SeesOneImage", "Squares", "TakesOneChannel", "printed", "sitting_of"]


class Counting(Local):
    """A candidate that counts its probes, and hangs at one of them."""

    def __init__(self, classes, hangs_at=None):
        super().__init__(classes)
        self.probes = 0
        self.hangs_at = hangs_at

    def answer(self, probe, tensors):
        self.probes += 1
        if self.hangs_at is not None and self.probes >= self.hangs_at:
            return Trouble("Stopped", "it was stopped after 10 seconds"), {}
        return super().answer(probe, tensors)


def sitting_of(exam: Exam, *, hangs_at: int | None = None, **classes: type) -> Sitting:
    """A sitting of the right classes, but for ``classes``.

    The number of probes alone ends a search: a slow machine must find what a fast one finds.
    """
    names = {**model_classes(exam.assignment.id), **classes}
    candidate, loading = Counting(names, hangs_at), Definitions(classes=tuple(names))
    return Sitting(exam, submission_of(), candidate, Outline(), loading, search_seconds=math.inf)


def printed(code: str, **classes: type) -> str:
    """What the lines print where only these classes are defined; the exception where one ends them."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        try:
            exec(compile(code, "snippet", "exec"), dict(classes))
        except Exception as trouble:
            return f"{type(trouble).__name__}: {trouble}"
    return written.getvalue().rstrip("\n")


class Squares(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images) ** 2


class Clips(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images).relu()


class SeesOneImage(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images[:1]).expand(len(images), -1, -1, -1)


class TakesOneChannel(MyDilatedConv2d):
    def forward(self, images):
        if images.shape[1] > 1:
            raise ValueError(f"one channel only, not {images.shape[1]}")
        return super().forward(images)
