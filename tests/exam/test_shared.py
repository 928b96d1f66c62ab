"""Questions and values that jobs share travel as bytes, and arrive as they were."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from sittings import exam_of

from grader.checks.layer import Case, _LayerQuestion
from grader.checks.network import _RightRun
from grader.checks.training import _ReferenceTraining
from grader.exam.shared import Shared, question_from, question_to_bytes, value_from, value_to_bytes
from reference.arguments import Arguments
from reference.known import right

ARGUMENTS = Arguments(3, 4, 5)
STEPS = right("csc321-2018", "CNN")[0].steps
QUESTIONS: list[Shared[Any]] = [
    _RightRun(STEPS, ARGUMENTS),
    _ReferenceTraining(STEPS, ARGUMENTS, False, None),
    _ReferenceTraining(STEPS, ARGUMENTS, False, (16, 16)),
    _LayerQuestion("dilated", Case(3, 1, 2, 3, 4, 13, 11)),
]


def plain(value: Any) -> Any:
    """A value whose parts can be compared: types, and tensors as lists."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if dataclasses.is_dataclass(value):
        return type(value), {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
def test_a_question_and_its_value_arrive_as_they_were(question: Shared[Any]) -> None:
    assert question_from(question_to_bytes(question)) == question
    value = question.value(exam_of("csc321-2018"))
    assert plain(value_from(question, value_to_bytes(value))) == plain(value)


def test_an_empty_tensor_arrives_and_what_arrives_can_be_changed() -> None:
    question = QUESTIONS[-1]
    value = (({"output": torch.zeros(0, 3), "again": torch.ones(2)}, {"output": 0.5}, 1),)
    arrived = value_from(question, value_to_bytes(value))
    assert plain(arrived) == plain(value)
    arrived[0][0]["again"].add_(1)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x92\xa4None\x80"])
def test_what_is_no_question_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        question_from(data)
