"""Whether a network computes what the handout's network computes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from sittings import exam_of, sitting_of

from grader.checks.architecture import architecture
from grader.exam.exam import Exam
from grader.marking.verdicts import Outcome, Verdict

WITH_TANH = """\
class UNet(given.UNet):
    def forward(self, x):
        return torch.tanh(super().forward(x))
"""
SCALED = """\
class UNet(given.UNet):
    def forward(self, x):
        return 1.5 * super().forward(x)
"""
IN_PLACE = """\
class UNet(given.UNet):
    def forward(self, x):
        x.mul_({factor})
        return super().forward(x){more}
"""
RAISING = """\
class UNet(given.UNet):
    def forward(self, x):
        if not self.training:
            raise ValueError("only in training")
        return super().forward(x)
"""


def verdict_of(source: str) -> Verdict:
    return architecture(sitting_of(source, exam_of()), "unet.architecture", "unet")


def test_the_handouts_network_passes_and_says_how_near_it_was():
    verdict = verdict_of("UNet = given.UNet")
    assert (verdict.outcome, verdict.mistake) == (Outcome.PASS, None)
    assert verdict.feedback == "The outputs equal those of the handout's network in evaluation and in training mode."
    assert verdict.evidence.margins["outputs"] < 0.1


@pytest.mark.slow
def test_a_known_mistake_keeps_its_share_and_has_its_name():
    verdict = verdict_of(WITH_TANH)
    assert (verdict.outcome, verdict.mistake) == (Outcome.PARTIAL, "activation-at-the-end")
    assert verdict.share == Fraction(1, 2)
    assert verdict.evidence.difference is not None


@pytest.mark.slow
def test_an_unknown_function_fails_with_the_difference_and_a_smallest_input():
    verdict = verdict_of(SCALED)
    assert (verdict.outcome, verdict.mistake) == (Outcome.FAIL, None)
    assert verdict.evidence.difference is not None and verdict.evidence.snippet is not None
    assert "UNet(" in verdict.evidence.snippet.code


def test_a_network_that_stops_fails_with_its_own_message():
    verdict = verdict_of(RAISING)
    assert verdict.outcome is Outcome.FAIL
    assert "only in training" in verdict.feedback


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "share"), [(3, Fraction(1, 2)), (1, Fraction(1))])
def test_an_image_that_is_changed_in_place_is_named(factor, share):
    verdict = verdict_of(IN_PLACE.format(factor=factor, more=""))
    assert verdict.share == share
    assert verdict.mistake == ("input-changed-in-place" if factor != 1 else None)


@pytest.mark.slow
def test_an_image_that_is_changed_in_place_is_named_beside_what_is_not_understood():
    verdict = verdict_of(IN_PLACE.format(factor=3, more=" * 1.5"))
    assert (verdict.share, verdict.mistake, verdict.at_stake) == (0, "input-changed-in-place", 0)
    assert "x.mul_(3)" in verdict.feedback


TWICE = """\
class CNN(given.CNN):
    def forward(self, x):
        self.downconv1(x)
        return super().forward(x)
"""
OTHER_MOMENTUM = """\
class CNN(given.CNN):
    def __init__(self, *numbers):
        super().__init__(*numbers)
        self.downconv1[2].momentum = 0.19
"""
ON_ANOTHER_INPUT = """\
class CNN(given.CNN):
    def forward(self, x):
        self.downconv1(1 - x)
        return super().forward(x)
"""


def test_a_block_that_runs_twice_on_the_same_input_is_right_with_a_remark():
    verdict = architecture(sitting_of(TWICE), "cnn.architecture", "cnn")
    assert verdict.outcome is Outcome.PASS
    assert "`downconv1` runs 2 times on the same input" in verdict.feedback


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [pytest.param(OTHER_MOMENTUM, id="another momentum"), pytest.param(ON_ANOTHER_INPUT, id="another input")],
)
def test_statistics_that_two_runs_on_one_input_do_not_give_are_wrong(source):
    assert architecture(sitting_of(source), "cnn.architecture", "cnn").outcome is Outcome.FAIL


NARROW = """\
class CNN(given.CNN):
    def __init__(self, kernel, num_filters, num_colours):
        super().__init__(kernel, num_filters, num_colours)
        self.upconv2 = nn.Sequential(
            given.MyConv2d(num_filters, 3, kernel), nn.Upsample(scale_factor=2), nn.BatchNorm2d(3), nn.ReLU())
        self.finalconv = given.MyConv2d(3, num_colours, kernel)
"""


@pytest.mark.parametrize(
    ("accept", "outcome", "share", "says"),
    [((), Outcome.PARTIAL, Fraction(3, 4), "has num_colours"),
     (("narrow-fifth-block",), Outcome.PASS, Fraction(1), "that is accepted")],
    ids=["a variant", "accepted"],
)  # fmt: skip
def test_a_narrow_fifth_block_is_what_the_rubric_says(accept, outcome, share, says):
    exam = exam_of("csc321-2018")
    exam = Exam(replace(exam.assignment, accept=accept), exam.seed, exam.horses)
    verdict = architecture(sitting_of(NARROW, exam), "cnn.architecture", "cnn")
    assert (verdict.outcome, verdict.share) == (outcome, share)
    assert says in verdict.feedback
    assert verdict.mistake == (None if accept else "narrow-fifth-block")
