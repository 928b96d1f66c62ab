"""Mistakes in the dilated layer: each is another function than the right layer, and than the others before it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from reference.known_layers import FIXED_STEP, LAYER_MISTAKES

GAPS, KERNELS = (0, 1, 2, 3), (1, 3, 5)
EVERY_MISTAKE = pytest.mark.parametrize(
    "mistake", LAYER_MISTAKES, ids=[f"{number} {mistake.id}" for number, mistake in enumerate(LAYER_MISTAKES)]
)


def _tensors(kernel: int) -> tuple[Tensor, Tensor, Tensor]:
    """Input (2, 3, 16, 13), weight (4, 3, k, k) and bias (4), positive and negative."""
    generator = torch.Generator().manual_seed(kernel)
    shapes = ((2, 3, 16, 13), (4, 3, kernel, kernel), (4,))
    image, weight, bias = (torch.rand(shape, generator=generator) * 2 - 1 for shape in shapes)
    return image, weight, bias


def _right(image: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    padding = (weight.shape[-1] // 2) * (gap + 1)
    return F.conv2d(image, weight, bias, dilation=gap + 1, padding=padding)


def _answers(compute) -> list[Tensor | None]:
    """What a layer puts out for every kernel and gap; None where it stops."""
    answers: list[Tensor | None] = []
    for kernel in KERNELS:
        for gap in GAPS:
            try:
                answers.append(compute(*_tensors(kernel), gap))
            except RuntimeError:
                answers.append(None)
    return answers


def _same(ours: Tensor | None, theirs: Tensor | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return ours.shape == theirs.shape and torch.allclose(ours, theirs, atol=1e-5)


@EVERY_MISTAKE
def test_a_mistake_is_another_function_than_the_right_layer(mistake):
    answers = _answers(mistake.compute)
    assert any(answer is not None for answer in answers)
    assert not all(map(_same, _answers(_right), answers))


@EVERY_MISTAKE
def test_a_mistake_is_another_function_than_those_before_it(mistake):
    answers = _answers(mistake.compute)
    for other in LAYER_MISTAKES[: LAYER_MISTAKES.index(mistake)]:
        assert not all(map(_same, _answers(other.compute), answers)), other.explanation


@EVERY_MISTAKE
def test_a_mistake_says_what_it_is_and_where_to_look(mistake):
    assert 0 <= mistake.share < 1
    assert all(sentence.endswith(".") for sentence in (mistake.explanation, mistake.look_at))
    sentence = mistake.explanation
    assert [other.id for other in LAYER_MISTAKES if other.explanation == sentence] == [mistake.id]


def test_a_filter_spread_by_a_fixed_number_of_places_has_one_name():
    assert sum(mistake.id == FIXED_STEP for mistake in LAYER_MISTAKES) == 4
