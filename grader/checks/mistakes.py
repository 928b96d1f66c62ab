"""The ids of all mistakes that reports may name, so that a rubric which overrides an unknown one can be refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from grader.marking.credit import NATIVE_DILATION
from grader.marking.rubric import Rubric
from grader.suggest import did_you_mean
from reference.handouts import HANDOUTS
from reference.known import LAYER_ORDER, right
from reference.known_layers import LAYER_MISTAKES
from reference.mistakes import IN_PLACE, mistakes

__all__ = ["OF_CHECKS", "CheckMistake", "hard_coded", "unknown_mistake"]


@dataclass(frozen=True)
class CheckMistake:
    """A mistake that a check finds without a known implementation whose outputs are the same."""

    id: str
    says: str
    """What the feedback says, as a sentence."""
    check: str
    """Name of the check that finds it."""
    share: Fraction = Fraction(0)
    """Part of the criterion's points that it keeps."""


_HALF, _QUARTER = Fraction(1, 2), Fraction(1, 4)

OF_CHECKS = (
    CheckMistake(
        "constructor-order", "The constructor takes its parameters in another order than the handout.", "shapes", _HALF
    ),
    CheckMistake("hard-coded-padding", "The filters follow `kernel`, and the padding does not.", "shapes", _HALF),
    CheckMistake(
        "skip-not-counted",
        "A skip connection is joined, and the next convolution is not made for its channels.",
        "shapes",
    ),
    CheckMistake("wrong-input-width", "A convolution is made for another number of channels than it gets.", "shapes"),
    CheckMistake(
        "wrong-batch-norm-width", "A batch-norm is made for another number of channels than it gets.", "shapes"
    ),
    CheckMistake("frozen-parameters", "Parameters do not require gradients.", "parameters"),
    CheckMistake("unused-layers", "Layers are built and never used.", "parameters"),
    CheckMistake(IN_PLACE, "forward changes the image that it is given, in place.", "architecture", _HALF),
    CheckMistake(
        "other-momentum",
        "The outputs are right, and the running statistics are not those of the default momentum.",
        "architecture",
    ),
    CheckMistake("dropout", "There is a dropout, so training mode computes something else.", "architecture"),
    CheckMistake("one-mode", "The network computes the same in evaluation and in training mode.", "architecture"),
    CheckMistake("conv2d-for-my-conv2d", "A convolution is PyTorch's own, and not MyConv2d.", "uses-my-conv2d"),
    CheckMistake("tied-to-device", "A tensor or a layer is tied to one device.", "device"),
    CheckMistake("right-for-some", "The values are right only for some dilations or kernels.", "values", _QUARTER),
    CheckMistake("uninitialised-memory", "The output depends on memory that was never written.", "values"),
    CheckMistake("changes-with-mode", "The layer computes something else in evaluation mode.", "values"),
    CheckMistake("weight-replaced", "forward changes the layer, so a second call gives another output.", "values"),
    CheckMistake("gradients-cut", "No gradient reaches the input, the weight or the bias.", "gradients"),
    CheckMistake(NATIVE_DILATION, "An operation of PyTorch is given a dilation.", "handmade"),
)
"""All of them but those of ``hard_coded``."""


def hard_coded(parameters: Iterable[str]) -> str:
    """The id of the mistake that writes numbers where these parameters of a constructor belong."""
    return "-".join(["hard-coded", *parameters])


def unknown_mistake(rubric: Rubric) -> str | None:
    """The line, and one sentence, about the first id that no check of its assignment knows; None if all are known."""
    for (assignment, id), line in rubric.mistake_lines.items():
        known = _known(assignment)
        if not set(id.split("+")) <= known:
            hint = did_you_mean(id, sorted(known), otherwise=f"allowed are {', '.join(sorted(known))}")
            return f"line {line}: '{id[:60]}' under mistakes of '{assignment}' is not a known mistake: {hint}"
    return None


def _known(assignment: str) -> frozenset[str]:
    known = {
        *HANDOUTS[assignment].variants,
        LAYER_ORDER,
        *(mistake.id for mistake in OF_CHECKS),
        *(known.id for known in LAYER_MISTAKES),
    }
    for network in HANDOUTS[assignment].networks:
        known |= {wrong.id for answer in right(assignment, network.cls) for wrong in mistakes(answer)}
        for size in range(1, len(network.parameters) + 1):
            known |= {hard_coded(chosen) for chosen in combinations(network.parameters, size)}
    return frozenset(known)
