"""Lines of Python that show a failing input make what they are to show, and are few."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from grader.checks.smallest.lines import cut, exception, filled, made, telling_part
from grader.worker.protocol import Trouble

SHAPES = st.lists(st.integers(1, 3), min_size=1, max_size=4)
TENSORS = SHAPES.flatmap(
    lambda shape: st.lists(st.integers(-3, 9), min_size=math.prod(shape), max_size=math.prod(shape)).map(
        lambda values: torch.tensor(values, dtype=torch.float32).reshape(shape)
    )
)


@given(TENSORS)
def test_the_lines_that_make_a_tensor_make_it(value):
    names = {"torch": torch}
    exec("\n".join(made("x", value)), names)
    assert torch.equal(names["x"], value)


@given(TENSORS)
def test_the_lines_that_fill_a_parameter_fill_it(value):
    names = {"torch": torch, "weight": nn.Parameter(torch.full_like(value, torch.nan))}
    with torch.no_grad():
        exec("\n".join(filled("weight", value)), names)
    assert torch.equal(names["weight"].detach(), value)


def test_few_values_are_set_one_by_one_and_equal_ones_at_once():
    value = torch.zeros(1, 1, 3, 3)
    value[0, 0, 1, 2] = 2
    assert made("x", value) == ["x = torch.zeros(1, 1, 3, 3)", "x[0, 0, 1, 2] = 2"]
    assert made("x", torch.ones(2, 3)) == ["x = torch.ones(2, 3)"]
    assert filled("w", torch.full((3,), 4.0)) == ["w.fill_(4)"]


@pytest.mark.parametrize(
    ("expected", "actual", "part"),
    [
        (torch.zeros(1, 2), None, ""),
        (torch.zeros(1, 2), torch.zeros(2, 1), ".shape"),
        (torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4), ""),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4).index_fill(1, torch.tensor([2]), 1), "[0, 2]"),
        (torch.zeros(1, 1, 9, 9), torch.eye(9).flip(0)[None, None], "[0, 0, 0, 8:16]"),
        (torch.zeros(20), torch.full((20,), torch.nan), "[0:8]"),
    ],
)
def test_the_part_that_is_printed_is_the_first_that_differs(expected, actual, part):
    assert telling_part(expected, actual) == part


@given(TENSORS, st.integers(0, 80))
def test_the_part_of_a_value_is_what_python_makes_of_it(expected, place):
    actual = expected.clone()
    actual.view(-1)[place % actual.numel()] += 1
    for other in (actual, actual[None]):
        part = telling_part(expected, other)
        assert str(cut(other, part)) == str(eval(f"value{part}", {"value": other}))


@pytest.mark.parametrize(
    ("trouble", "text"),
    [
        (Trouble("ValueError", "too many values"), "ValueError: too many values"),
        (Trouble("KeyboardInterrupt", ""), "KeyboardInterrupt"),
        (Trouble("Refusal", "The class has no parameter."), "The class has no parameter."),
    ],
)
def test_what_stopped_the_code_is_shown_as_python_prints_it(trouble, text):
    assert exception(trouble) == text
