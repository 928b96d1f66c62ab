"""A network that extends another one of the student's and uses a layer of the student's, as a list of steps.

The handout gives such a network: it takes over everything but one block, in which it puts the student's layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from reference.forms import wrong_layer
from reference.known_layers import NO_BIAS, LayerMistake
from reference.network import parameters_of, state_shapes
from reference.steps import Step, Steps, by_block

__all__ = ["Layer", "extended", "fits_into"]

_DILATED = "gap-1"
"""The form of the convolution that is the student's layer."""


@dataclass(frozen=True)
class Layer:
    """The student's dilated layer."""

    mistake: LayerMistake | None = None
    """What is wrong with its values; None if nothing is."""
    cut: frozenset[str] = frozenset()
    """What gets no gradient although its values count: ``input``, ``weight`` or ``bias``."""

    @property
    def is_right(self) -> bool:
        return self.mistake is None and not self.cut


def extended(steps: Steps, given: Steps, layer: Layer, *, whole: bool = False) -> Steps:
    """The network ``given`` by the handout, made of the student's network ``steps`` and the student's ``layer``.

    The block of the layer is left out if the student's network does not run it, unless the ``whole`` network is asked
    for.
    """
    number = _block_of_layer(given)
    own = [_with(step, layer) for step in given if step.block == number]
    blocks = by_block(steps)
    if whole or number in blocks:
        blocks[number] = own
    return tuple(step for _, block in sorted(blocks.items()) for step in block)


def fits_into(steps: Steps, given: Steps, numbers: tuple[int, int, int, int]) -> bool:
    """Whether the block that the handout gives has the widths that the student's other blocks expect.

    ``numbers``: kernel, filters, colours and input channels.
    """
    number = _block_of_layer(given)
    made = extended(steps, given, Layer())
    inside = [shape for step, shape in _by_step(made, numbers) if step.block == number]
    expected = [shape for step, shape in _by_step(given, numbers) if step.block == number]
    outside, before = (
        [shape for step, shape in _by_step(each, numbers) if step.block != number] for each in (made, steps)
    )
    return outside == before and inside in (expected, [])


def _block_of_layer(given: Steps) -> int:
    return next(step.block for step in given if step.form == _DILATED)


def _with(step: Step, layer: Layer) -> Step:
    if layer.is_right or step.form != _DILATED:
        return step
    used = layer.mistake is None or layer.mistake.id != NO_BIAS
    return replace(step, form=wrong_layer(layer.mistake, layer.cut), bias=used)


def _by_step(steps: Steps, numbers: tuple[int, int, int, int]) -> list[tuple[Step, tuple[int, ...]]]:
    """Each parameter's shape with its step."""
    owners = [step for step in steps for _ in parameters_of(step)]
    return list(zip(owners, state_shapes(steps, *numbers), strict=True))
