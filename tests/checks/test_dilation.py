"""The dilated layer: each of its criteria is lost for what it asks, and for nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from places import ROOT
from sittings import submission_of
from torch import nn
from torch.nn import functional as F

from grader.checks.dilation import gradients, handmade, values
from grader.checks.layer import OTHER_GAPS, cases_of
from grader.checks.sitting import Sitting
from grader.exam.exam import Exam, Local
from grader.marking.rubric_file import load
from grader.worker.protocol import Definitions, Outline
from reference.data import load_horses
from reference.known_layers import LAYER_MISTAKES
from reference.layers import MyConv2d, MyDilatedConv2d
from reference.models import DilatedUNet, model_classes


@pytest.fixture(scope="module")
def exams():
    rubric, horses = load(ROOT / "rubric.yaml"), load_horses()
    return lambda seed=1: Exam(rubric.assignments["csc321-2018"], seed, horses)


@pytest.fixture(scope="module")
def exam(exams):
    return exams()


class Counting(Local):
    def __init__(self, classes):
        super().__init__(classes)
        self.probes = 0

    def answer(self, probe, tensors):
        self.probes += 1
        return super().answer(probe, tensors)


def _sitting(exam, layer, **classes):
    names = {**model_classes("csc321-2018"), "MyDilatedConv2d": layer, **classes}
    return Sitting(exam, submission_of(), Counting(names), Outline(), Definitions(classes=tuple(names)))


class Layer(MyConv2d):
    """The handout's layer, without its forward."""

    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        super().__init__(in_channels, out_channels, kernel_size)
        self.dilation = dilation

    def spread(self, step, weight=None):
        weight = self.weight if weight is None else weight
        side = (self.kernel_size - 1) * step + 1
        wide = weight.new_zeros(self.out_channels, self.in_channels, side, side)
        wide[:, :, ::step, ::step] = weight
        return wide

    def by_hand(self, x):
        return F.conv2d(x, self.spread(self.dilation + 1), self.bias, padding=self.padding * (self.dilation + 1))

    def wide(self, x, weight):
        """The convolution with a filter that is spread already."""
        return F.conv2d(x, weight, self.bias, padding=self.padding * (self.dilation + 1))

    def native(self, x):
        step = self.dilation + 1
        return F.conv2d(x, self.weight, self.bias, padding=self.padding * step, dilation=step)


def _layer(forward, name="MyDilatedConv2d"):
    return type(name, (Layer,), {"forward": forward})


# -- by hand -----------------------------------------------------------------------------------------------------------

SOMETIMES_NATIVE = {
    "always": lambda self, x: True,
    "without gradients": lambda self, x: not torch.is_grad_enabled(),
    "with gradients": lambda self, x: torch.is_grad_enabled(),
    "in evaluation mode": lambda self, x: not self.training,
    "in evaluation mode with gradients": lambda self, x: not self.training and torch.is_grad_enabled(),
    "in the second call": lambda self, x: self.__dict__.setdefault("calls", []).append(1) or len(self.calls) > 1,
    "for other gaps than the handout's": lambda self, x: self.dilation not in (0, 1, 3),
}


@pytest.mark.parametrize("when", SOMETIMES_NATIVE)
def test_a_native_dilation_is_seen_whenever_it_is_used(when, exam):
    layer = _layer(lambda self, x: self.native(x) if SOMETIMES_NATIVE[when](self, x) else self.by_hand(x))
    verdict = handmade(_sitting(exam, layer), "dilated.handmade", "dilated")
    assert verdict.mistake == "native-dilation" and verdict.share == 0


@pytest.mark.parametrize("mode", [True, False])
def test_a_native_dilation_is_seen_when_only_the_network_uses_it(mode, exam):
    layer = _layer(
        lambda self, x: self.native(x) if "DilatedUNet" in self.__dict__.get("part_of", "") else self.by_hand(x)
    )

    class Network(DilatedUNet):
        def __init__(self, kernel, num_filters, num_colours):
            super().__init__(kernel, num_filters, num_colours)
            self.rfconv[0] = layer(2 * num_filters, 2 * num_filters, kernel, 1)

        def forward(self, images):
            self.rfconv[0].__dict__["part_of"] = "DilatedUNet" if self.training == mode else ""
            return super().forward(images)

    verdict = handmade(_sitting(exam, layer, DilatedUNet=Network), "dilated.handmade", "dilated")
    assert verdict.mistake == "native-dilation" and "DilatedUNet" in verdict.feedback


def test_a_layer_spread_by_hand_costs_no_probe_beside_its_cases(exam):
    sitting = _sitting(exam, _layer(Layer.by_hand))
    assert all(check(sitting, "-", "dilated").share == 1 for check in (values, gradients))
    probes = sitting.candidate.probes
    assert probes == len(cases_of(sitting, "dilated"))
    assert handmade(sitting, "-", "dilated").share == 1


def test_one_gap_differs_from_run_to_run(exams):
    layer = _layer(Layer.by_hand)
    drawn = {cases_of(_sitting(exams(seed), layer), "dilated")[-1].gap for seed in range(12)}
    assert drawn == set(OTHER_GAPS)


# -- what is lost for what ---------------------------------------------------------------------------------------------


def _replaced(self, x):
    self.weight = nn.Parameter(self.spread(self.dilation + 1, self.weight))
    return F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)


def _fixed_filter(self, x):
    wide = torch.zeros(self.out_channels, self.in_channels, 5, 5)
    wide[:, :, ::2, ::2] = self.weight
    return F.conv2d(x, wide, self.bias, padding=2)


def _stretched(self, x):
    wide = F.interpolate(self.weight, scale_factor=self.dilation + 1)
    wide = F.pad(wide, (0, -self.dilation, 0, -self.dilation))
    return F.conv2d(x, wide, self.bias, padding=self.padding * (self.dilation + 1))


def _along_the_diagonal(self, x):
    weight = torch.stack([self.weight[:, :, i, i] for i in range(self.kernel_size)], 2)
    wide = self.spread(self.dilation + 1, weight[..., None].expand_as(self.weight))
    return F.conv2d(x, wide, self.bias, padding=wide.shape[-1] // 2)


def _spaced_by_the_dilation(self, x):
    wide = self.spread(self.dilation)
    return F.conv2d(x, wide, self.bias, padding=wide.shape[-1] // 2)


class Doubles(torch.autograd.Function):
    """Half the values, with six times their gradient."""

    @staticmethod
    def forward(context, x):
        return x / 2

    @staticmethod
    def backward(context, above):
        return 3 * above


HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
# forward; then the share of values and its mistake, and whether gradients and handmade are kept
MISTAKES = {
    "weight replaced": (_replaced, 0, "weight-replaced", False, True),
    "a fixed filter": (_fixed_filter, QUARTER, "fixed-step", True, True),
    "a fixed step": (
        lambda self, x: F.conv2d(x, self.spread(2), self.bias, padding=self.padding * 2),
        QUARTER, "fixed-step", True, True,
    ),
    "stretched and cut": (_stretched, QUARTER, "stretched", True, True),
    "the diagonal": (_along_the_diagonal, QUARTER, "diagonal-weights", True, True),
    "a ReLU inside": (lambda self, x: self.by_hand(x).relu(), HALF, "relu-inside", True, True),
    "spaced by the dilation": (_spaced_by_the_dilation, HALF, "torch-dilation", True, True),
    "the dilation passed on": (
        lambda self, x: F.conv2d(x, self.weight, self.bias, padding=self.padding, dilation=self.dilation),
        QUARTER, "torch-dilation+padding-unscaled", True, False,
    ),
    "padding for one step less": (
        lambda self, x: F.conv2d(x, self.spread(self.dilation + 1), self.bias, padding=self.padding * self.dilation),
        HALF, "padding-unscaled", True, True,
    ),
    "weights of another size, which has no name": (
        lambda self, x: self.wide(x, self.spread(self.dilation + 1) * 0.3),
        0, None, True, True,
    ),
    "the same, with the gradient of something else": (
        lambda self, x: self.wide(Doubles.apply(x), self.spread(self.dilation + 1)),
        0, None, False, True,
    ),
    "the same, cut": (
        lambda self, x: self.wide(x / 2, self.spread(self.dilation + 1).detach()),
        0, None, False, True,
    ),
    "no bias": (
        lambda self, x: F.conv2d(x, self.spread(self.dilation + 1), padding=self.padding * (self.dilation + 1)),
        HALF, "bias-missing", True, True,
    ),
    "an ordinary convolution": (
        lambda self, x: F.conv2d(x, self.weight, self.bias, padding=self.padding), 0, "dilation-ignored", False, False,
    ),
    "another function in evaluation mode": (
        lambda self, x: self.by_hand(x if self.training else x / 2), 0, "changes-with-mode", True, True,
    ),
    "an error in evaluation mode": (
        lambda self, x: self.by_hand(x if self.training else x[:, :, 0]), 0, "changes-with-mode", True, True,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_costs_what_it_is_a_mistake_of(name, exam):
    forward, share, mistake, reached, by_hand = MISTAKES[name]
    sitting = _sitting(exam, _layer(forward))
    verdict = values(sitting, "dilated.values", "dilated")
    assert (verdict.share, verdict.mistake) == (share, mistake), verdict.feedback
    for check, kept in ((gradients, reached), (handmade, by_hand)):
        verdict = check(sitting, f"dilated.{check.__name__}", "dilated")
        assert (verdict.share == 1) == kept, verdict.feedback


def test_a_bias_that_is_never_used_is_not_said_to_be_cut_off(exam):
    alone = Exam(replace(exam.assignment, follow_through=False), exam.seed, exam.horses)
    verdict = gradients(_sitting(alone, _layer(MISTAKES["no bias"][0])), "dilated.gradients", "dilated")
    assert "does not depend on the bias" in verdict.feedback and "self.weight" not in verdict.feedback


@pytest.mark.parametrize("known", LAYER_MISTAKES, ids=lambda known: known.explanation[:60])
def test_a_known_mistake_is_recognised_by_its_own_name(known, exam):
    layer = _layer(lambda self, x: known.compute(x, self.weight, self.bias, self.dilation))
    verdict = values(_sitting(exam, layer), "dilated.values", "dilated")
    assert (verdict.mistake, verdict.share) == (known.id, known.share) and known.explanation in verdict.feedback


@pytest.mark.parametrize("padding", ["kernel_size // 2", "0 if padding is None else padding", "None"])
def test_an_ordinary_layer_that_pads_otherwise_is_judged(padding, exam):
    class MyConv(MyConv2d):
        def __init__(self, in_channels, out_channels, kernel_size, padding=None):
            super().__init__(in_channels, out_channels, kernel_size)
            self.padding = {"kernel_size // 2": kernel_size // 2, "None": 1}.get(text, padding or 0)

    text = padding
    verdict = values(_sitting(exam, MyDilatedConv2d, MyConv2d=MyConv), "my-conv2d.values", "my-conv2d")
    assert verdict.share < 1 and verdict.feedback
