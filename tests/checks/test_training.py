"""Whether a network learns what the reference learns: each cause of a failure is named in words of its own."""

from __future__ import annotations

import pytest
from sittings import exam_of, sitting_of

from grader.checks import run_check
from grader.checks.training import training
from grader.exam.exam import Exam
from grader.marking.verdicts import Outcome, Verdict

RIGHT = "UNet = given.UNet"


def unet(*methods: str) -> str:
    """The handout's UNet with these methods in place of its own; the first one begins in line 2."""
    return "\n".join(["class UNet(given.UNet):", *methods])


def made_with(line: str) -> str:
    """A constructor that makes the handout's network and then runs one line more."""
    return f"""\
    def __init__(self, *numbers):
        super().__init__(*numbers)
        {line}"""


def forward(skip: str = "out1", output: str = "scores") -> str:
    """The handout's forward, with another first skip connection (in its sixth line) or another output."""
    return f"""\
    def forward(self, images):
        out1 = self.downconv1(images)
        out2 = self.downconv2(out1)
        out3 = self.rfconv(out2)
        out4 = self.upconv1(torch.cat([out3, out2], dim=1))
        out5 = self.upconv2(torch.cat([out4, {skip}], dim=1))
        scores = self.finalconv(torch.cat([out5, images], dim=1))
        return {output}"""


DETACHES = forward(skip="out1.detach()")
CUTS_UNSEEN = forward(skip="out1.data")
NO_GRADIENTS = "    @torch.no_grad()\n" + forward()
TRAINS_IN_EVALUATION_MODE = """\
    def train(self, mode=True):
        return super().train(False)"""
LISTS_SOME_PARAMETERS = """\
    def parameters(self, recurse=True):
        return iter(list(super().parameters())[4:])"""
DOUBLES_LATER = """\
    calls = 0
    def forward(self, images):
        self.calls += self.training and torch.is_grad_enabled()
        return super().forward(images) * (2 if self.calls > 3 else 1)"""

FREEZES_A_BLOCK = made_with("self.rfconv.requires_grad_(False)")
ADDS_A_FIXED_FILTER = made_with("self.fixed = nn.Parameter(torch.ones(96), requires_grad=False)")
STOPS_ONE_GRADIENT = made_with("self.rfconv[1].bias.register_hook(torch.zeros_like)")
SCALES_ONE_GRADIENT = made_with("self.rfconv[1].bias.register_hook(lambda gradient: 1.1 * gradient)")
ENDS_IN_A_LINEAR_LAYER = made_with("self.finalconv = nn.Sequential(self.finalconv, nn.Linear(32, 32))")

STARTS_AT_ZERO = made_with("[nn.init.zeros_(value) for value in self.parameters() if value.dim() > 1]")
STARTS_AT_NAN = made_with("nn.init.constant_(self.finalconv.weight, float('nan'))")
STARTS_FAR_AWAY = made_with("nn.init.constant_(self.finalconv.bias[:1], 1e6)")


def verdict_of(source: str) -> Verdict:
    return training(sitting_of(source), "unet.training", "unet")


def test_a_right_network_passes():
    verdict = verdict_of(RIGHT)
    assert verdict.outcome is Outcome.PASS and verdict.mistake is None
    assert "follows the reference's over 4 steps" in verdict.feedback


def test_a_right_network_uses_up_a_small_part_of_every_tolerance():
    margins = verdict_of(RIGHT).evidence.margins
    assert margins.keys() == {"losses", "parameters", "own start"}
    assert max(margins.values()) < 0.25


@pytest.mark.parametrize("seed", [24, 5083])
@pytest.mark.parametrize("thing", ["cnn", "unet"])
def test_a_seed_whose_first_numbers_lie_at_a_kink_costs_a_right_network_nothing(seed, thing):
    verdict = training(sitting_of("", exam_of("csc321-2018", seed)), f"{thing}.training", thing)
    assert verdict.outcome is Outcome.PASS
    assert max(verdict.evidence.margins.values()) < 0.1


class Unlucky(Exam):
    """An exam that finds no sound start for training."""

    def shared(self, question):
        return None if type(question).__name__ == "_ReferenceTraining" else super().shared(question)


def test_a_question_without_a_sound_draw_is_an_error_of_ours():
    exam = Unlucky(exam_of().assignment, 1, exam_of().horses)
    verdict = run_check("training", sitting_of(RIGHT, exam), "unet.training")
    assert verdict.outcome is Outcome.ERROR
    assert "is not judged in this run" in verdict.feedback and "a person will look at it" in verdict.feedback


@pytest.mark.parametrize(
    ("source", "mistake", "reason"),
    [
        pytest.param(unet(DETACHES), "gradients-cut", "(a.py, line 7)", id="detach, with its line"),
        pytest.param(unet(CUTS_UNSEEN), "gradients-cut", "look for detach()", id="cut where no line is seen"),
        pytest.param(unet(LISTS_SOME_PARAMETERS), None, "see unet.parameters", id="parameters not listed"),
        pytest.param(unet(FREEZES_A_BLOCK), "gradients-cut", "see unet.parameters", id="parameters frozen"),
        pytest.param(
            unet(ADDS_A_FIXED_FILTER, CUTS_UNSEEN),
            "gradients-cut",
            "look for detach()",
            id="a fixed filter beside the handout's parameters",
        ),
        pytest.param(
            unet(TRAINS_IN_EVALUATION_MODE), None, "train() of its own (a.py, line 2)", id="a train() of its own"
        ),
        pytest.param(
            unet(TRAINS_IN_EVALUATION_MODE, DETACHES),
            "gradients-cut",
            "(a.py, line 9)",
            id="a train() of its own beside a detach",
        ),
        pytest.param(
            unet(forward(output="2 * scores")),
            None,
            "See unet.architecture",
            id="another function",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_keeps_a_network_from_learning_is_named(source, mistake, reason):
    verdict = verdict_of(source)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.mistake == mistake
    assert reason in verdict.feedback


@pytest.mark.parametrize(
    ("method", "departure"),
    [
        pytest.param(TRAINS_IN_EVALUATION_MODE, "the loss departs from the reference's from the start", id="at once"),
        pytest.param(DETACHES, "the loss departs from the reference's after 1 step:", id="after one step"),
        pytest.param(DOUBLES_LATER, "the loss departs from the reference's after 3 steps:", id="after three steps"),
        pytest.param(SCALES_ONE_GRADIENT, "updates `rfconv.1.bias` differently", id="a parameter moves differently"),
        pytest.param(STOPS_ONE_GRADIENT, "does not change `rfconv.1.bias` at all", id="a parameter stands still"),
    ],
)
def test_where_training_departs_from_the_references_is_said(method, departure):
    verdict = verdict_of(unet(method))
    assert verdict.outcome is Outcome.FAIL
    assert departure in verdict.feedback


@pytest.mark.parametrize("method", [SCALES_ONE_GRADIENT, STOPS_ONE_GRADIENT], ids=["differently", "not at all"])
def test_a_parameter_that_moves_differently_exceeds_its_tolerance_though_the_losses_agree(method):
    evidence = verdict_of(unet(method)).evidence
    assert evidence.margins["parameters"] > 1
    assert evidence.curve.actual == pytest.approx(evidence.curve.expected, abs=evidence.curve.tolerance)


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        pytest.param(STARTS_AT_ZERO, "Filters that start at zero get no gradient", id="at zero"),
        pytest.param(STARTS_AT_NAN, "the loss is not finite (nan, then nan)", id="at NaN"),
        pytest.param(STARTS_FAR_AWAY, "the loss does not fall", id="too far away to get anywhere"),
    ],
)
def test_a_network_that_learns_nothing_from_its_own_start_fails(method, reason):
    verdict = verdict_of(unet(method))
    assert verdict.outcome is Outcome.FAIL and verdict.mistake is None
    assert "From the network's own initial parameters" in verdict.feedback
    assert reason in verdict.feedback


def test_a_network_that_no_gradient_reaches_is_told_the_line():
    verdict = verdict_of(unet(NO_GRADIENTS))
    assert verdict.outcome is Outcome.FAIL
    assert "no gradient reaches the parameters. Look for detach()" in verdict.feedback
    assert "(a.py, line 2)" in verdict.feedback


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        pytest.param(
            ENDS_IN_A_LINEAR_LAYER,
            "has other layers than the handout's network",
            id="other layers",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            forward(output="scores[:, :, 1:]"),
            "so there is no loss to train with; see unet.shapes",
            id="an output of another shape",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_network_that_cannot_be_trained_beside_the_reference_fails(method, reason):
    verdict = verdict_of(unet(method))
    assert verdict.outcome is Outcome.FAIL
    assert reason in verdict.feedback


def test_a_network_that_cannot_run_is_skipped():
    verdict = verdict_of(unet("    def forward(self, images):\n        raise ValueError('not yet')"))
    assert verdict.outcome is Outcome.SKIPPED
    assert "see unet.shapes" in verdict.feedback
