"""Whether a network computes what the handout's network computes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from sittings import exam_of, sitting_of

from grader.checks.architecture import architecture
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
