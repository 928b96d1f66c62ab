"""One fault costs points once: what follows from a known mistake is judged against the network with that mistake."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from sittings import exam_of, sitting_of

from grader.checks import run_check
from grader.checks.following import followed, spared
from grader.checks.network import network_of
from grader.exam.exam import Exam
from grader.marking.evidence import Evidence
from grader.marking.verdicts import Outcome, Verdict, failed

UNET = """
class UNet(nn.Module):
    def __init__(self, kernel, num_filters, num_colours):
        super().__init__()
        double, Conv = 2 * num_filters, given.MyConv2d
        self.downconv1 = self.block(Conv(1, num_filters, kernel), num_filters, nn.MaxPool2d(2))
        self.downconv2 = self.block(Conv(num_filters, double, kernel), double, nn.MaxPool2d(2))
        self.rfconv = self.block(Conv(double, double, kernel), double)
        self.upconv1 = self.block(Conv(2 * double, num_filters, kernel), num_filters, nn.Upsample(scale_factor=2))
        self.upconv2 = self.block(Conv(double, num_colours, kernel), num_colours, nn.Upsample(scale_factor=2))
        self.finalconv = Conv(num_colours + 1, num_colours, kernel)

    def block(self, conv, width, *resize):
        return nn.Sequential(conv, *resize, nn.BatchNorm2d(width), nn.ReLU())

    def forward(self, x):
        out1 = self.downconv1(x)
        out2 = self.downconv2(out1)
        out3 = self.rfconv(out2)
        out4 = self.upconv1(torch.cat([out3, out2], dim=1))
        out5 = self.upconv2(torch.cat([out4, out1], dim=1))
        return self.finalconv(torch.cat([out5, x], dim=1))
"""
LAYER = """
class MyDilatedConv2d(given.MyConv2d):
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        super().__init__(in_channels, out_channels, kernel_size)
        self.dilation = dilation

    def forward(self, input):
        step = self.dilation + 1
        size = (self.kernel_size - 1) * step + 1
        spread = self.weight.new_zeros(self.out_channels, self.in_channels, size, size)
        spread[:, :, ::step, ::step] = self.weight
        return F.conv2d(input, spread, self.bias, padding=self.padding * step)
"""
DILATED_UNET = """
class DilatedUNet(UNet):
    def __init__(self, kernel, num_filters, num_colours):
        super().__init__(kernel, num_filters, num_colours)
        double = 2 * num_filters
        self.rfconv = nn.Sequential(MyDilatedConv2d(double, double, kernel), nn.BatchNorm2d(double), nn.ReLU())
"""
Edits = tuple[tuple[str, str], ...]

SKIP_MISSING: Edits = (("Conv(2 * double, num", "Conv(double, num"), ("torch.cat([out3, out2], dim=1)", "out3"))
SKIP_ELSEWHERE: Edits = (("torch.cat([out3, out2], dim=1)", "torch.cat([out3, out3], dim=1)"),)
MIDDLE_WIDER: Edits = (
    ("Conv(double, double, kernel), double)", "Conv(double, 2 * double, kernel), 2 * double)"),
    ("Conv(2 * double, num", "Conv(3 * double, num"),
)
MIDDLE_UNUSED: Edits = (("out3 = self.rfconv(out2)", "out3 = out2"),)
NO_LAST_PADDING: Edits = (("num_colours + 1, num_colours, kernel)", "num_colours + 1, num_colours, kernel, 0)"),)
BEST_COLOUR: Edits = (("return self.finalconv(torch.cat([out5, x], dim=1))",
                       "return self.finalconv(torch.cat([out5, x], dim=1)).argmax(1)"),)  # fmt: skip
DETACHED: Edits = (("self.rfconv(out2)", "self.rfconv(out2.detach())"),)
FROZEN: Edits = (("self.finalconv =", "self.downconv1.requires_grad_(False)\n        self.finalconv ="),)
A_COSINE: Edits = (("out1 = self.downconv1(x)", "out1 = self.downconv1(x).cos()"),)
ONE_CHANNEL_MORE: Edits = (("double, Conv =", "num_colours = 24\n        double, Conv ="),)
ON_THE_GPU: Edits = (("self.downconv1(x)", "self.downconv1(x.cuda())"),)

AS_TORCH_COUNTS: Edits = (("step = self.dilation + 1", "step = max(self.dilation, 1)"),)
PADDING_UNSCALED: Edits = (("self.padding * step", "self.padding"),)
NO_BIAS: Edits = (("spread, self.bias", "spread, None"),)
FROM_DATA: Edits = (("::step] = self.weight", "::step] = self.weight.data"),)
TURNED_ROUND: Edits = (("spread, self.bias", "-spread, self.bias"),)


def edited(text: str, edits: Edits) -> str:
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


@cache
def verdicts(unet: Edits = (), layer: Edits = (), *, follow: bool = True) -> dict[str, Verdict]:
    """The verdict on each criterion of UNet, of the dilated layer and of DilatedUNet, by its id."""
    exam = exam_of("csc321-2018")
    if not follow:
        exam = Exam(replace(exam.assignment, follow_through=False), exam.seed, exam.horses)
    sitting = sitting_of(edited(UNET, unet) + edited(LAYER, layer) + DILATED_UNET, exam)
    things = ("unet.", "dilated.", "dilated-unet.")
    return {
        criterion.id: run_check(criterion.check, sitting, criterion.id)
        for criterion in exam.assignment.criteria
        if criterion.check not in (None, "device") and criterion.id.startswith(things)
    }


def lost(unet: Edits = (), layer: Edits = (), *, follow: bool = True) -> set[str]:
    """The criteria that do not get all their points."""
    return {id for id, verdict in verdicts(unet, layer, follow=follow).items() if verdict.outcome is not Outcome.PASS}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unet", "layer", "charged"),
    [
        pytest.param((), (), set(), id="nothing"),
        pytest.param(SKIP_MISSING, (), {"unet.architecture"}, id="a skip connection"),
        pytest.param(MIDDLE_WIDER, (), {"unet.architecture"}, id="a block that DilatedUNet replaces"),
        pytest.param(MIDDLE_UNUSED, (), {"unet.architecture"}, id="a block that is never called"),
        pytest.param(NO_LAST_PADDING, (), {"unet.architecture", "unet.shapes"}, id="another output size"),
        pytest.param(BEST_COLOUR, (), {"unet.architecture", "unet.shapes"}, id="an output that cannot be trained"),
        pytest.param(ONE_CHANNEL_MORE, (), {"unet.shapes"}, id="a number that is hard-coded"),
        pytest.param(DETACHED, (), {"unet.training"}, id="a gradient that is cut"),
        pytest.param(FROZEN, (), {"unet.parameters", "unet.training"}, id="a frozen block"),
        pytest.param(SKIP_MISSING + DETACHED, (), {"unet.architecture", "unet.training"}, id="two faults"),
        pytest.param((), AS_TORCH_COUNTS, {"dilated.values"}, id="the layer's step"),
        pytest.param((), PADDING_UNSCALED, {"dilated.values"}, id="the layer's padding, so that nothing fits"),
        pytest.param((), NO_BIAS, {"dilated.values"}, id="the layer's bias"),
        pytest.param((), FROM_DATA, {"dilated.gradients"}, id="the layer's gradient"),
        pytest.param(SKIP_MISSING, AS_TORCH_COUNTS, {"unet.architecture", "dilated.values"}, id="UNet and the layer"),
    ],
)
def test_a_fault_costs_points_where_it_is_told_and_nowhere_else(unet, layer, charged):
    assert lost(unet, layer) == charged


@pytest.mark.slow
def test_what_follows_from_a_mistake_passes_with_a_remark_that_points_to_it():
    every = verdicts(SKIP_MISSING, AS_TORCH_COUNTS)
    told = "Remark, without effect on the mark: this was judged with the mistake that is told at "
    for id in ("unet.parameters", "unet.training"):
        assert every[id].feedback.endswith(f"{told}unet.architecture.") and every[id].mistake is None
    for id in ("dilated-unet.parameters", "dilated-unet.architecture", "dilated-unet.training"):
        assert every[id].feedback.endswith(f"{told}unet.architecture and dilated.values.")
    assert sum("skip connection" in verdict.feedback for verdict in every.values()) == 1


@pytest.mark.slow
def test_a_network_that_a_mistake_elsewhere_stops_passes_with_a_remark():
    every = verdicts((), PADDING_UNSCALED)
    assert every["dilated-unet.shapes"].feedback == (
        "DilatedUNet cannot run because of what dilated.values names. This costs nothing here."
    )


@pytest.mark.slow
def test_a_rubric_can_let_every_criterion_stand_for_itself():
    stand_alone = lost(SKIP_MISSING, follow=False)
    assert {"unet.architecture", "unet.parameters", "unet.training", "dilated-unet.training"} <= stand_alone
    training = verdicts(SKIP_ELSEWHERE, follow=False)["unet.training"]
    assert training.mistake == "skip-from-wrong-place"
    assert training.feedback.endswith("See unet.architecture for the cause.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unet", "layer", "depends"),
    [
        pytest.param(A_COSINE, (), "unet.architecture", id="UNet"),
        pytest.param((), TURNED_ROUND, "dilated.values", id="the layer"),
    ],
)
def test_what_is_made_of_something_without_a_name_is_skipped(unet, layer, depends):
    every = verdicts(unet, layer)
    for aspect in ("parameters", "architecture", "training"):
        verdict = every[f"dilated-unet.{aspect}"]
        assert verdict.outcome is Outcome.SKIPPED and verdict.feedback.endswith(f"see {depends}.")


@pytest.mark.slow
@pytest.mark.parametrize("aspect", ["training", "parameters"])
def test_a_network_without_a_name_loses_each_aspect_by_itself(aspect):
    wider = (("Conv(double, num_colours", "Conv(double, 7"), ("num_colours, nn.Upsample", "7, nn.Upsample"),
             ("Conv(num_colours + 1", "Conv(7 + 1"))  # fmt: skip
    assert {"unet.architecture", f"unet.{aspect}"} <= lost(wider)


def test_a_device_that_unet_is_tied_to_costs_nothing_in_the_network_made_of_it():
    findings = [{"what": "x.cuda()", "where": "a.py, line 20"}]

    def tied(criterion: str) -> Verdict:
        return failed(criterion, "Tied.", evidence=Evidence(facts={"findings": findings}))

    sitting = sitting_of(UNET + LAYER + DILATED_UNET, exam_of("csc321-2018"))
    verdict = spared("device", sitting, tied("dilated-unet.device"), tied)
    assert verdict.outcome is Outcome.PASS and verdict.feedback.endswith("see unet.device.")
    own = failed("dilated-unet.device", "Tied.", evidence=Evidence(facts={"findings": [{"what": "a mask"}]}))
    assert spared("device", sitting, own, tied) is own


def test_a_right_network_follows_nothing():
    sitting = sitting_of("", exam_of("csc321-2018"))
    assert all(followed(network_of(sitting, thing)) is None for thing in ("cnn", "unet", "dilated-unet"))
