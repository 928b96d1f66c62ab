"""Sittings of the exam whose candidate is a small submission, run in this process."""

from __future__ import annotations

from functools import cache
from typing import Any

import code_files
import torch
from places import ROOT
from torch import nn
from torch.nn import functional as F

from grader.checks.sitting import Sitting
from grader.exam.exam import Exam, Local
from grader.intake import Cell, CodeFile, Submission
from grader.marking.rubric_file import load
from grader.worker.protocol import Definitions, Outline, Trouble
from grader.worker.source.outline import outline
from reference import models
from reference.data import load_horses
from reference.models import model_classes

__all__ = ["PATH", "exam_of", "sitting_of", "sitting_without_exam", "submission_of"]

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
