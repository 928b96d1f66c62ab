"""The smallest failing input of a layer is small, and its lines of code print what the report says they print."""

from __future__ import annotations

import pytest
import torch
from places import ROOT
from searches import Clips, SeesOneImage, Squares, TakesOneChannel, printed, sitting_of
from torch import nn
from torch.nn import functional as F

from grader.checks.dilation import values
from grader.checks.smallest.layer import smallest_for_layer
from reference.layers import MyConv2d, MyDilatedConv2d


class Crops(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images)[:, :, :-1]


class IgnoresTwoGaps(MyDilatedConv2d):
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        super().__init__(in_channels, out_channels, kernel_size, 1 if dilation == 2 else dilation)


class LosesAFarWeight(MyDilatedConv2d):
    """Wrong in one corner of its largest filter alone."""

    def forward(self, images):
        step = self.dilation + 1
        side = (self.kernel_size - 1) * step + 1
        wide = self.weight.new_zeros(self.out_channels, self.in_channels, side, side)
        wide[:, :, ::step, ::step] = self.weight
        if side == 17:
            wide[:, :, 0, -1] = 0
        return F.conv2d(images, wide, self.bias, padding=side // 2)


class OtherNames(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        super().__init__()
        self.filters = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.offset = nn.Parameter(torch.randn(out_channels))
        self.step = dilation + 1

    def forward(self, images):
        padding = self.filters.shape[-1] // 2 * self.step
        return F.conv2d(images, self.filters, -self.offset, dilation=self.step, padding=padding)


LAYERS = [
    (Squares, "a 1×1×1×1 image with kernel 1 and dilation 0"),
    (Clips, "a 1×1×1×2 image with kernel 1 and dilation 0"),
    (Crops, "a 1×1×1×1 image with kernel 1 and dilation 0"),
    (SeesOneImage, "a 2×1×1×1 image with kernel 1 and dilation 0"),
    (TakesOneChannel, "a 1×2×1×1 image with kernel 1 and dilation 0"),
    (LosesAFarWeight, "a 1×1×9×9 image with kernel 5 and dilation 3"),
    (OtherNames, "a 1×1×1×1 image with kernel 1 and dilation 0"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("layer", "told"), LAYERS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_layer_is_shown_by_lines_that_print_what_is_said(layer, told, exams):
    smallest = smallest_for_layer(sitting_of(exams("csc321-2018"), MyDilatedConv2d=layer), "dilated")
    assert told in smallest.sentence
    assert smallest.snippet.expected != smallest.snippet.actual
    assert printed(smallest.snippet.code, MyDilatedConv2d=layer) == smallest.snippet.actual
    if layer is not OtherNames:
        assert printed(smallest.snippet.code, MyDilatedConv2d=MyDilatedConv2d) == smallest.snippet.expected


@pytest.mark.slow
def test_a_layer_that_is_wrong_for_one_dilation_is_shown_with_that_dilation(exams):
    smallest = smallest_for_layer(sitting_of(exams("csc321-2018"), MyDilatedConv2d=IgnoresTwoGaps), "dilated")
    assert "kernel 3 and dilation 2" in smallest.sentence
    assert printed(smallest.snippet.code, MyDilatedConv2d=IgnoresTwoGaps) == smallest.snippet.actual
    assert printed(smallest.snippet.code, MyDilatedConv2d=MyDilatedConv2d) == smallest.snippet.expected


def test_a_search_among_what_went_wrong_is_short(exams):
    sitting = sitting_of(exams("csc321-2018"), MyDilatedConv2d=IgnoresTwoGaps)
    smallest = smallest_for_layer(sitting, "dilated", among=[(5, 2), (3, 2)])
    assert "kernel 3 and dilation 2" in smallest.sentence
    assert sitting.candidate.probes < 100


def test_a_layer_whose_parameters_have_other_names_is_filled_by_those_names(exams):
    code = smallest_for_layer(sitting_of(exams("csc321-2018"), MyDilatedConv2d=OtherNames), "dilated").snippet.code
    assert "layer.filters" in code and "layer.offset" in code and "layer.weight" not in code


def test_the_ordinary_layer_has_no_dilation(exams):
    class Doubles(MyConv2d):
        def forward(self, images):
            return 2 * super().forward(images)

    smallest = smallest_for_layer(sitting_of(exams("csc321-2018"), MyConv2d=Doubles), "my-conv2d")
    assert "MyConv2d(1, 1, 1)" in smallest.snippet.code and "dilation" not in smallest.sentence
    assert printed(smallest.snippet.code, MyConv2d=Doubles) == smallest.snippet.actual
    assert printed(smallest.snippet.code, MyConv2d=MyConv2d) == smallest.snippet.expected


class CutsTheWeight(MyDilatedConv2d):
    def forward(self, images):
        filters = self.weight.detach().repeat_interleave(1, dim=0)
        step = self.dilation + 1
        return F.conv2d(images, filters, self.bias, dilation=step, padding=self.kernel_size // 2 * step)


class CutsEverything(MyDilatedConv2d):
    def forward(self, images):
        with torch.no_grad():
            return super().forward(images)


class PullsAtTheWeight(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images) + (self.weight.sum() - self.weight.sum().detach())


@pytest.mark.slow
@pytest.mark.parametrize("layer", [CutsTheWeight, CutsEverything, PullsAtTheWeight], ids=lambda layer: layer.__name__)
def test_a_wrong_gradient_is_shown_by_lines_that_print_it(layer, exams):
    sitting = sitting_of(exams("csc321-2018"), MyDilatedConv2d=layer)
    assert smallest_for_layer(sitting, "dilated") is None
    smallest = smallest_for_layer(sitting, "dilated", "gradient.weight")
    assert smallest.snippet.actual == ("None" if layer is not PullsAtTheWeight else "tensor([[[[1.]]]])")
    assert printed(smallest.snippet.code, MyDilatedConv2d=layer) == smallest.snippet.actual
    assert printed(smallest.snippet.code, MyDilatedConv2d=MyDilatedConv2d) == smallest.snippet.expected


@pytest.mark.slow
def test_an_ordinary_layer_is_searched_without_a_gap(exams):
    """Found where a layer cannot do without a padding: a gap of 0 was handed over as one."""

    class NeedsPadding(MyConv2d):
        def __init__(self, in_channels, out_channels, kernel_size, padding=None):
            super().__init__(in_channels, out_channels, kernel_size, padding or 0)

    sitting = sitting_of(exams("csc321-2018"), MyConv2d=NeedsPadding)
    verdict = values(sitting, "my-conv2d.values", "my-conv2d")
    assert "MyConv2d(1, 1, 3)" in verdict.evidence.snippet.code
    # kernel 5 on a single pixel, without padding: the reference has no answer either
    assert smallest_for_layer(sitting_of(exams("csc321-2018")), "my-conv2d", among=[(5, 0)]) is None


@pytest.mark.slow
def test_no_line_of_the_reference_is_shown(exams):
    written = {line.strip() for line in (ROOT / "reference" / "layers.py").read_text("utf-8").splitlines()}
    shown = {"import torch", ""}
    for layer, _ in LAYERS[:3]:
        code = smallest_for_layer(sitting_of(exams("csc321-2018"), MyDilatedConv2d=layer), "dilated").snippet.code
        assert not {line.strip() for line in code.splitlines()} & (written - shown)
