"""Which configurations a network serves: what it loses its points for is named."""

from __future__ import annotations

import pytest
from sittings import exam_of, sitting_of

from grader.checks.shapes import shapes
from grader.marking.verdicts import Outcome, Verdict


def cnn(forward: str = "return super().forward(images)", *, numbers: str = "*numbers") -> str:
    """The handout's CNN with another forward, or made with other numbers than the constructor's."""
    return f"""\
class CNN(given.CNN):
    def __init__(self, *numbers):
        super().__init__({numbers})

    def forward(self, images):
        {forward}
"""


def verdict_of(source: str) -> Verdict:
    return shapes(sitting_of(source, exam_of("csc321-2018")), "cnn.shapes", "cnn")


def test_a_network_that_serves_every_configuration_passes():
    verdict = verdict_of(cnn())
    assert verdict.outcome is Outcome.PASS
    assert all(row.ok for row in verdict.evidence.configurations)
    assert "Remark" not in verdict.feedback


def test_a_network_that_takes_small_images_alone_passes_with_a_remark():
    verdict = verdict_of(cnn("return super().forward(images).reshape(len(images), -1, 32, 32)"))
    assert verdict.outcome is Outcome.PASS
    assert "Remark, without effect on the mark: images of 64×64" in verdict.feedback


@pytest.mark.parametrize(
    ("numbers", "mistake"),
    [
        pytest.param("3, *numbers[1:]", "hard-coded-kernel", id="kernel"),
        pytest.param("numbers[0], 32, numbers[2]", "hard-coded-num_filters", id="filters"),
        pytest.param("*numbers[:2], 24", "hard-coded-num_colours", id="colours"),
    ],
)
def test_a_number_that_is_hard_coded_costs_half_and_is_named(numbers, mistake):
    verdict = verdict_of(cnn(numbers=numbers))
    assert (verdict.outcome, verdict.mistake) == (Outcome.PARTIAL, mistake)
    assert "use the constructor's parameter" in verdict.feedback


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        pytest.param(
            "return super().forward(images)[:, :, 1:]",
            "has the shape [1, 10, 31, 32]",
            id="shape",
            marks=pytest.mark.slow,
        ),
        pytest.param("return super().forward(images).double()", "expected torch.float32 like the input", id="type"),
        pytest.param("super().forward(images)", "forward has no return", id="no return"),
        pytest.param("raise ValueError('no')", "While running CNN(3, 8, 10)", id="an exception"),
    ],
)
def test_an_output_that_never_fits_is_shown_in_its_first_configuration(forward, reason):
    verdict = verdict_of(cnn(forward))
    assert (verdict.outcome, verdict.mistake) == (Outcome.FAIL, None)
    assert reason in verdict.feedback
    assert not any(row.ok for row in verdict.evidence.configurations)
