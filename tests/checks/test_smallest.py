"""The smallest failing input is small, and its lines of code print what the report says they print."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from places import ROOT
from torch import nn
from torch.nn import functional as F

from grader.checks.dilation import values
from grader.checks.network import network_of
from grader.checks.sitting import Sitting
from grader.checks.smallest import hunt as module
from grader.checks.smallest.layer import smallest_for_layer
from grader.checks.smallest.network import smallest_for_network
from grader.exam.exam import Exam, Local
from grader.marking.rubric_file import load
from grader.worker.protocol import Definitions, Outline, Trouble
from reference.data import load_horses
from reference.layers import MyConv2d, MyDilatedConv2d
from reference.models import CNN, UNet, UNet2023, model_classes


@pytest.fixture(autouse=True)
def no_clock(monkeypatch):
    """The number of probes alone ends a search: a slow machine must find what a fast one finds."""
    monkeypatch.setattr(module, "_SECONDS", float("inf"))


@pytest.fixture(scope="module")
def exams():
    """An exam by assignment and seed; what is drawn depends on nothing else."""
    rubric, horses = load(ROOT / "rubric.yaml"), load_horses()
    made = {}

    def exam(assignment, seed=1):
        if (assignment, seed) not in made:
            made[assignment, seed] = Exam(rubric.assignments[assignment], seed, horses)
        return made[assignment, seed]

    return exam


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


def _sitting(exam, *, hangs_at=None, **classes):
    names = {**model_classes(exam.assignment.id), **classes}
    return Sitting(exam, None, Counting(names, hangs_at), Outline(), Definitions(classes=tuple(names)))


def _printed(code, **classes):
    """What the lines print where only these classes are defined; the exception where one ends them."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        try:
            exec(compile(code, "snippet", "exec"), dict(classes))
        except Exception as trouble:
            return f"{type(trouble).__name__}: {trouble}"
    return written.getvalue().rstrip("\n")


# -- layers ------------------------------------------------------------------------------------------------------------


class Squares(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images) ** 2


class Clips(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images).relu()


class Crops(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images)[:, :, :-1]


class SeesOneImage(MyDilatedConv2d):
    def forward(self, images):
        return super().forward(images[:1]).expand(len(images), -1, -1, -1)


class TakesOneChannel(MyDilatedConv2d):
    def forward(self, images):
        if images.shape[1] > 1:
            raise ValueError(f"one channel only, not {images.shape[1]}")
        return super().forward(images)


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
    smallest = smallest_for_layer(_sitting(exams("csc321-2018"), MyDilatedConv2d=layer), "dilated")
    assert told in smallest.sentence
    assert smallest.snippet.expected != smallest.snippet.actual
    assert _printed(smallest.snippet.code, MyDilatedConv2d=layer) == smallest.snippet.actual
    if layer is not OtherNames:
        assert _printed(smallest.snippet.code, MyDilatedConv2d=MyDilatedConv2d) == smallest.snippet.expected


@pytest.mark.slow
def test_a_layer_that_is_wrong_for_one_dilation_is_shown_with_that_dilation(exams):
    smallest = smallest_for_layer(_sitting(exams("csc321-2018"), MyDilatedConv2d=IgnoresTwoGaps), "dilated")
    assert "kernel 3 and dilation 2" in smallest.sentence
    assert _printed(smallest.snippet.code, MyDilatedConv2d=IgnoresTwoGaps) == smallest.snippet.actual
    assert _printed(smallest.snippet.code, MyDilatedConv2d=MyDilatedConv2d) == smallest.snippet.expected


def test_a_search_among_what_went_wrong_is_short(exams):
    sitting = _sitting(exams("csc321-2018"), MyDilatedConv2d=IgnoresTwoGaps)
    smallest = smallest_for_layer(sitting, "dilated", among=[(5, 2), (3, 2)])
    assert "kernel 3 and dilation 2" in smallest.sentence
    assert sitting.candidate.probes < 100


def test_a_layer_whose_parameters_have_other_names_is_filled_by_those_names(exams):
    code = smallest_for_layer(_sitting(exams("csc321-2018"), MyDilatedConv2d=OtherNames), "dilated").snippet.code
    assert "layer.filters" in code and "layer.offset" in code and "layer.weight" not in code


def test_the_ordinary_layer_has_no_dilation(exams):
    class Doubles(MyConv2d):
        def forward(self, images):
            return 2 * super().forward(images)

    smallest = smallest_for_layer(_sitting(exams("csc321-2018"), MyConv2d=Doubles), "my-conv2d")
    assert "MyConv2d(1, 1, 1)" in smallest.snippet.code and "dilation" not in smallest.sentence
    assert _printed(smallest.snippet.code, MyConv2d=Doubles) == smallest.snippet.actual
    assert _printed(smallest.snippet.code, MyConv2d=MyConv2d) == smallest.snippet.expected


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
    sitting = _sitting(exams("csc321-2018"), MyDilatedConv2d=layer)
    assert smallest_for_layer(sitting, "dilated") is None
    smallest = smallest_for_layer(sitting, "dilated", "gradient.weight")
    assert smallest.snippet.actual == ("None" if layer is not PullsAtTheWeight else "tensor([[[[1.]]]])")
    assert _printed(smallest.snippet.code, MyDilatedConv2d=layer) == smallest.snippet.actual
    assert _printed(smallest.snippet.code, MyDilatedConv2d=MyDilatedConv2d) == smallest.snippet.expected


# -- networks ----------------------------------------------------------------------------------------------------------


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
    sitting = _sitting(exams(assignment), **{cls: wrong})
    examined = network_of(sitting, thing)
    assert examined.match is None
    smallest = smallest_for_network(sitting, examined)
    assert told in smallest.sentence
    assert smallest.snippet.expected != smallest.snippet.actual
    assert _printed(smallest.snippet.code, **{cls: wrong}) == smallest.snippet.actual
    if right is not None:
        assert _printed(smallest.snippet.code, **{cls: right}) == smallest.snippet.expected


def test_an_output_that_is_drawn_at_random_is_said_to_be(exams):
    class Drops(CNN):
        def forward(self, images):
            return F.dropout(super().forward(images), 0.5, self.training)

    sitting = _sitting(exams("csc321-2018"), CNN=Drops)
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
    sitting = _sitting(exams("csc413-2020"), CNN=wrong)
    smallest = smallest_for_network(sitting, network_of(sitting, "cnn"))
    assert _printed(smallest.snippet.code, CNN=wrong) == smallest.snippet.actual
    assert _printed(smallest.snippet.code, CNN=CNN) == smallest.snippet.expected
    assert "at random" not in smallest.sentence and "remembers" not in smallest.sentence


@pytest.mark.slow
def test_a_network_that_is_right_until_its_second_call_is_said_to_remember(exams):
    sitting = _sitting(exams("csc413-2020"), CNN=Remembers)
    smallest = smallest_for_network(sitting, network_of(sitting, "cnn"))
    assert "remembers something from one call to the next" in smallest.sentence
    assert "at random" not in smallest.sentence
    assert _printed(smallest.snippet.code, CNN=Remembers) == smallest.snippet.actual
    assert _printed(smallest.snippet.code, CNN=CNN) == smallest.snippet.expected


@pytest.mark.slow
def test_an_ordinary_layer_is_searched_without_a_gap(exams):
    """Found where a layer cannot do without a padding: a gap of 0 was handed over as one."""

    class NeedsPadding(MyConv2d):
        def __init__(self, in_channels, out_channels, kernel_size, padding=None):
            super().__init__(in_channels, out_channels, kernel_size, padding or 0)

    sitting = _sitting(exams("csc321-2018"), MyConv2d=NeedsPadding)
    verdict = values(sitting, "my-conv2d.values", "my-conv2d")
    assert "MyConv2d(1, 1, 3)" in verdict.evidence.snippet.code
    # kernel 5 on a single pixel, without padding: the reference has no answer either
    assert smallest_for_layer(_sitting(exams("csc321-2018")), "my-conv2d", among=[(5, 0)]) is None


@pytest.mark.slow
def test_running_statistics_alone_have_no_output_to_show(exams):
    class Slow(CNN):
        def __init__(self, *numbers):
            super().__init__(*numbers)
            for layer in self.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.momentum = 0.3

    sitting = _sitting(exams("csc321-2018"), CNN=Slow)
    assert network_of(sitting, "cnn").match is None
    assert smallest_for_network(sitting, network_of(sitting, "cnn")) is None


# -- what a search may cost --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_right_layer_and_a_right_network_have_no_failing_input(exams):
    sitting = _sitting(exams("csc321-2018"))
    assert smallest_for_layer(sitting, "dilated") is None
    assert sitting.candidate.probes <= 200
    assert smallest_for_network(sitting, network_of(sitting, "cnn")) is None


def test_a_second_question_costs_no_probe(exams):
    sitting = _sitting(exams("csc321-2018"), MyDilatedConv2d=Squares)
    first = smallest_for_layer(sitting, "dilated")
    probes = sitting.candidate.probes
    assert smallest_for_layer(sitting, "dilated") is first
    assert sitting.candidate.probes == probes


@pytest.mark.parametrize("probe", [1, 3, 9])
def test_a_candidate_that_hangs_ends_all_its_searches(probe, exams):
    sitting = _sitting(exams("csc321-2018"), hangs_at=probe, MyDilatedConv2d=Clips)
    smallest_for_layer(sitting, "dilated")
    assert sitting.candidate.probes == probe
    assert smallest_for_layer(sitting, "dilated", "gradient.bias") is None
    assert sitting.candidate.probes == probe


@pytest.mark.slow
def test_the_same_seed_brings_the_same_case_also_with_others_searching_beside_it(exams):
    def search(layer):
        return smallest_for_layer(_sitting(exams("csc321-2018"), MyDilatedConv2d=layer), "dilated")

    layers = [Squares, Clips, SeesOneImage, TakesOneChannel]
    alone = [search(layer) for layer in layers]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(search, layers * 2)) == alone * 2


@pytest.mark.slow
def test_no_line_of_the_reference_is_shown(exams):
    written = {line.strip() for line in (ROOT / "reference" / "layers.py").read_text("utf-8").splitlines()}
    shown = {"import torch", ""}
    for layer, _ in LAYERS[:3]:
        code = smallest_for_layer(_sitting(exams("csc321-2018"), MyDilatedConv2d=layer), "dilated").snippet.code
        assert not {line.strip() for line in code.splitlines()} & (written - shown)


_ELSEWHERE = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from grader.checks.sitting import Sitting
from grader.checks.smallest.layer import smallest_for_layer
from grader.exam.exam import Exam, Local
from grader.marking.rubric_file import load
from grader.worker.protocol import Definitions, Outline
from reference.data import load_horses
from reference.layers import MyDilatedConv2d
assert "hypothesis" not in sys.modules, "Hypothesis takes half a second to import, so not before it is needed"
class Doubles(MyDilatedConv2d):
    def forward(self, images):
        return 2 * super().forward(images)
exam = Exam(load(Path({root!r}) / "rubric.yaml").assignments["csc321-2018"], 1, load_horses())
sitting = Sitting(exam, None, Local({{"MyDilatedConv2d": Doubles}}), Outline(), Definitions())
assert smallest_for_layer(sitting, "dilated") is not None
"""


@pytest.mark.slow
def test_nothing_is_printed_written_or_warned_of(tmp_path):
    command = [sys.executable, "-W", "error", "-B", "-c", _ELSEWHERE.format(root=str(ROOT))]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
