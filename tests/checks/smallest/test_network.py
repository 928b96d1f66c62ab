"""The smallest failing input of a network is small, and its lines of code print what the report says they print."""

from __future__ import annotations

import pytest
import torch
from searches import printed, sitting_of
from torch import nn
from torch.nn import functional as F

from grader.checks.network import network_of
from grader.checks.smallest.network import smallest_for_network
from reference.models import CNN, UNet, UNet2023


class DoublesASkip(UNet):
    def forward(self, images):
        first = self.downconv1(images)
        second = self.downconv2(first)
        hidden = self.upconv1(torch.cat([self.rfconv(second), 2 * second], dim=1))
        hidden = self.upconv2(torch.cat([hidden, first], dim=1))
        return self.finalconv(torch.cat([hidden, images], dim=1))


class DoublesTheImageInAnotherOrder(UNet):
    """Joins the other way round, which is right, and doubles the image, which is not."""

    def forward(self, images):
        first = self.downconv1(images)
        second = self.downconv2(first)
        hidden = self.upconv1(torch.cat([second, self.rfconv(second)], dim=1))
        hidden = self.upconv2(torch.cat([first, hidden], dim=1))
        return self.finalconv(torch.cat([2 * images, hidden], dim=1))


class AddsTheMean(UNet2023):
    def forward(self, images):
        return super().forward(images) + images.mean()


class WritesIn24(CNN):
    def __init__(self, kernel, num_filters, num_colours):
        super().__init__(kernel, num_filters, 24)

    def forward(self, images):
        return 2 * super().forward(images)


class Takes32Alone(CNN):
    def forward(self, images):
        if images.shape[-1] != 32:
            raise ValueError("32 × 32 only")
        return super().forward(images).clamp(min=-0.01)


class ClipsWhileTraining(CNN):
    def forward(self, images):
        scores = super().forward(images)
        return scores.clamp(max=0.5) if self.training else scores


NETWORKS = [
    ("csc321-2018", "unet", DoublesASkip, UNet, "UNet(kernel=1, num_filters=1, num_colours=1) with a 2×1×4×4 image"),
    ("csc321-2018", "unet", DoublesTheImageInAnotherOrder, UNet, "UNet(kernel=1, num_filters=1, num_colours=1)"),
    ("csc321-2018", "cnn", WritesIn24, None, "CNN(kernel=1, num_filters=1, num_colours=24)"),
    ("csc413-2020", "cnn", Takes32Alone, CNN, "with a 1×1×32×32 image in evaluation mode"),
    ("csc413-2020", "cnn", ClipsWhileTraining, CNN, "with a 2×1×4×4 image in training mode"),
    ("csc413-2023", "unet", AddsTheMean, UNet2023, "kernel=3, num_filters=1"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assignment", "thing", "wrong", "right", "told"), NETWORKS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_wrong_network_is_shown_by_lines_that_print_what_is_said(assignment, thing, wrong, right, told, exams):
    cls = exams(assignment).networks[thing].cls
    sitting = sitting_of(exams(assignment), **{cls: wrong})
    examined = network_of(sitting, thing)
    assert examined.match is None
    smallest = smallest_for_network(sitting, examined)
    assert told in smallest.sentence
    assert smallest.snippet.expected != smallest.snippet.actual
    assert printed(smallest.snippet.code, **{cls: wrong}) == smallest.snippet.actual
    if right is not None:
        assert printed(smallest.snippet.code, **{cls: right}) == smallest.snippet.expected


def test_an_output_that_is_drawn_at_random_is_said_to_be(exams):
    class Drops(CNN):
        def forward(self, images):
            return F.dropout(super().forward(images), 0.5, self.training)

    sitting = sitting_of(exams("csc321-2018"), CNN=Drops)
    told = smallest_for_network(sitting, network_of(sitting, "cnn")).sentence
    assert "in training mode" in told and "at random" in told


class Remembers(CNN):
    """Right in its first call; the mean of that is the mean of all later ones."""

    def forward(self, images):
        output = super().forward(images)
        return output - output.mean() + self.__dict__.setdefault("first", output.mean())


class CallsEval(CNN):
    def forward(self, images):
        self.eval()
        return super().forward(images)


class DividesByTheLargest(CNN):
    """NaN for an image of zeros."""

    def forward(self, images):
        return super().forward(2 * images / images.max())


@pytest.mark.parametrize("wrong", [CallsEval, DividesByTheLargest], ids=lambda wrong: wrong.__name__)
def test_the_lines_of_a_network_say_what_a_new_one_prints(wrong, exams):
    sitting = sitting_of(exams("csc413-2020"), CNN=wrong)
    smallest = smallest_for_network(sitting, network_of(sitting, "cnn"))
    assert printed(smallest.snippet.code, CNN=wrong) == smallest.snippet.actual
    assert printed(smallest.snippet.code, CNN=CNN) == smallest.snippet.expected
    assert "at random" not in smallest.sentence and "remembers" not in smallest.sentence


@pytest.mark.slow
def test_a_network_that_is_right_until_its_second_call_is_said_to_remember(exams):
    sitting = sitting_of(exams("csc413-2020"), CNN=Remembers)
    smallest = smallest_for_network(sitting, network_of(sitting, "cnn"))
    assert "remembers something from one call to the next" in smallest.sentence
    assert "at random" not in smallest.sentence
    assert printed(smallest.snippet.code, CNN=Remembers) == smallest.snippet.actual
    assert printed(smallest.snippet.code, CNN=CNN) == smallest.snippet.expected


@pytest.mark.slow
def test_running_statistics_alone_have_no_output_to_show(exams):
    class Slow(CNN):
        def __init__(self, *numbers):
            super().__init__(*numbers)
            for layer in self.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.momentum = 0.3

    sitting = sitting_of(exams("csc321-2018"), CNN=Slow)
    assert network_of(sitting, "cnn").match is None
    assert smallest_for_network(sitting, network_of(sitting, "cnn")) is None
