"""Whether all of a network's convolutions are the student's own layer."""

from __future__ import annotations

import pytest
from sittings import exam_of, sitting_of

from grader.checks.uses_my_conv2d import uses_my_conv2d
from grader.marking.verdicts import Outcome, Verdict


def cnn(line: str) -> str:
    """The handout's CNN with one more line in its constructor."""
    return f"""\
class CNN(given.CNN):
    def __init__(self, kernel, num_filters, num_colours):
        super().__init__(kernel, num_filters, num_colours)
        {line}
"""


NATIVE = cnn("self.finalconv = nn.Conv2d(num_colours, num_colours, kernel, padding=kernel // 2)")
NATIVE_AND_UNUSED = cnn("self.spare = nn.Conv2d(1, 1, 3)")


def verdict_of(source: str) -> Verdict:
    return uses_my_conv2d(sitting_of(source, exam_of("csc321-2018")), "cnn.my-conv2d", "cnn")


def test_a_network_of_the_students_own_layer_passes():
    verdict = verdict_of("CNN = given.CNN")
    assert (verdict.outcome, verdict.flags) == (Outcome.PASS, ())
    assert verdict.feedback == "All 6 convolutions are MyConv2d."


def test_a_convolution_of_pytorchs_is_named():
    verdict = verdict_of(NATIVE)
    assert (verdict.outcome, verdict.mistake) == (Outcome.FAIL, "conv2d-for-my-conv2d")
    assert "1 of 6 convolutions in CNN are not MyConv2d: finalconv (Conv2d)." in verdict.feedback


def test_a_convolution_of_pytorchs_that_is_never_used_does_not_count():
    assert verdict_of(NATIVE_AND_UNUSED).outcome is Outcome.PASS


@pytest.mark.parametrize("base", ["nn.Conv2d", "torch.nn.Conv2d"])
def test_a_layer_that_extends_pytorchs_is_not_the_students_own(base):
    verdict = verdict_of(f"class MyConv2d({base}):\n    pass\n")
    assert verdict.outcome is Outcome.FAIL
    assert "nn.Conv2d under another name" in verdict.feedback
