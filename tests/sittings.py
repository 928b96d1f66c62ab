"""Sittings of the exam whose candidate is a small submission, run in this process."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import code_files
import torch
from places import ROOT
from torch import nn
from torch.nn import functional as F

from grader.checks.sitting import Sitting
from grader.exam.exam import Exam, Local
from grader.exam.submitted import Submitted
from grader.intake import Cell, CodeFile, Submission
from grader.marking.rubric_file import load
from grader.sandbox.terms import WorkerFailed
from grader.worker.handler import Handler
from grader.worker.protocol import Definitions, Outline, Tensors, Trouble
from grader.worker.session.frames import decode, encode
from grader.worker.source.outline import outline
from reference import models
from reference.data import load_horses
from reference.handouts import HANDOUTS, LAYER_CLASSES
from reference.models import model_classes

__all__ = [
    "PATH",
    "Framed",
    "exam_of",
    "sitting_of",
    "sitting_through_frames",
    "sitting_without_exam",
    "submission_of",
]

PATH = "a.py"
"""The file in which every one of these submissions stands."""


@cache
def exam_of(assignment: str = "csc413-2020", seed: int = 1) -> Exam:
    return Exam(load(ROOT / "rubric.yaml").assignments[assignment], seed, load_horses())


def sitting_of(source: str, exam: Exam | None = None) -> Sitting:
    """A sitting of right classes, some of which the source defines anew.

    The source may use ``torch``, ``nn`` and ``F``, and the right classes as attributes of ``given``.
    """
    exam = exam or exam_of()
    names: dict[str, Any] = {"__name__": "submission", "torch": torch, "nn": nn, "F": F, "given": models}
    exec(compile(source, PATH, "exec"), names)
    right = model_classes(exam.assignment.id)
    classes = {name: names.get(name, cls) for name, cls in right.items()}
    return Sitting(exam, submission_of(source), Local(classes), _outline(source), Definitions(classes=tuple(classes)))


class Framed:
    """A session without a sandbox: messages cross as frames, and the worker's handler answers them in this process."""

    output = ""
    spent = 0.0
    dropped = 0

    def __init__(self, scratch: Path) -> None:
        self._handler = Handler(scratch)

    def ask(
        self, message: Mapping[str, Any], tensors: Tensors | None = None, *, seconds: float, reply_bytes: int
    ) -> tuple[dict[str, Any], Tensors]:
        reply, outputs = self._handler.handle(*decode(encode(message, tensors)))
        return decode(encode(reply, outputs), limit=reply_bytes)

    def close(self) -> None:
        pass


def sitting_through_frames(submission: Submission, assignment: str, scratch: Path) -> Sitting:
    """A sitting of a whole submission, whose replies go the way of those that come out of the sandbox."""
    candidate = Submitted(lambda: Framed(scratch), WorkerFailed, seconds=math.inf, probe_seconds=math.inf)
    wanted = sorted({network.cls for network in HANDOUTS[assignment].networks} | LAYER_CLASSES)
    read = candidate.outline(submission.code)
    loading = candidate.load(submission.code, wanted)
    assert isinstance(loading, Definitions), loading
    return Sitting(exam_of(assignment), submission, candidate, read, loading, search_seconds=0.5)


def sitting_without_exam(
    source: str | Outline = "", loading: Definitions | None = None, stopped: Trouble | None = None
) -> Sitting:
    """A sitting in which the source is only read: no exam, and no candidate to answer."""
    exam: Any = None
    candidate: Any = None
    text, read = (source, _outline(source)) if isinstance(source, str) else ("", source)
    return Sitting(exam, submission_of(text), candidate, read, loading or Definitions(), stopped)


def _outline(source: str) -> Outline:
    return outline([code_files.script(source, PATH)])


def submission_of(source: str = "") -> Submission:
    """A submission of one script."""
    code = CodeFile(PATH, (Cell(None, source),))
    return Submission(id="ada", folder="ada", files=(), code=(code,), sha256="", flags=())
