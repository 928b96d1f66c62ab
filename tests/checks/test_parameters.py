"""Whether a network has as many trainable parameters as the handout's, and what is said where it has not."""

from __future__ import annotations

import pytest
from sittings import exam_of, sitting_of

from grader.checks.parameters import parameters
from grader.marking.verdicts import Outcome, Verdict


def cnn(line: str, *methods: str) -> str:
    """The handout's CNN with one more line in its constructor, and more methods."""
    made = f"    def __init__(self, *numbers):\n        super().__init__(*numbers)\n        {line}"
    return "\n".join(["class CNN(given.CNN):", made, *methods])


LISTS_NONE = "    def parameters(self, recurse=True):\n        return iter(())"
MADE_LATE = """\
    def forward(self, images):
        self.late = nn.Linear(2, 2)
        return super().forward(images)"""


def verdict_of(source: str) -> Verdict:
    return parameters(sitting_of(source, exam_of("csc321-2018")), "cnn.parameters", "cnn")


def test_a_network_with_the_right_number_passes():
    verdict = verdict_of("CNN = given.CNN")
    assert verdict.outcome is Outcome.PASS
    assert "trainable parameters with kernel=3, num_filters=8, num_colours=10, as in the handout" in verdict.feedback
    assert all(row.ok for row in verdict.evidence.configurations)


def test_a_fixed_tensor_beside_the_right_parameters_costs_nothing():
    source = cnn("self.fixed = nn.Parameter(torch.ones(96), requires_grad=False)")
    assert verdict_of(source).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param(
            cnn("self.more = nn.Linear(2, 2)"), "These take no part in the forward pass: more.weight", id="unused"
        ),
        pytest.param(cnn("self.rfconv.requires_grad_(False)"), "do not require gradients", id="frozen"),
        pytest.param(cnn("pass", LISTS_NONE), "does not return the network's own parameters", id="not listed"),
        pytest.param(cnn("pass", MADE_LATE), "after a forward pass", id="made in forward"),
    ],
)
def test_why_the_number_is_wrong_is_said(source, reason):
    verdict = verdict_of(source)
    assert verdict.outcome is Outcome.FAIL
    assert reason in verdict.feedback
