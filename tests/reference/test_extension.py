"""A network that the handout makes of the student's own network and layer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from reference.extension import Layer, extended, fits_into
from reference.handouts import HANDOUTS
from reference.known_layers import LAYER_MISTAKES
from reference.network import Network, state_shapes
from reference.steps import Steps

HANDOUT = HANDOUTS["csc321-2018"]
UNET, GIVEN = HANDOUT.network("UNet").steps, HANDOUT.network("DilatedUNet").steps
NUMBERS = (3, 4, 5, 1)


def output_of(steps: Steps) -> torch.Tensor:
    torch.manual_seed(0)
    return Network(steps, *NUMBERS).eval()(torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1)))


def without(kind: str, block: int) -> Steps:
    return tuple(step for step in UNET if (step.kind, step.block) != (kind, block))


def test_a_right_network_and_a_right_layer_make_the_handouts_network():
    assert extended(UNET, GIVEN, Layer()) == GIVEN


def test_a_mistake_outside_the_block_of_the_layer_stays_and_one_inside_goes():
    assert extended(without("act", 2), GIVEN, Layer()) == tuple(s for s in GIVEN if (s.kind, s.block) != ("act", 2))
    assert extended(without("act", 3), GIVEN, Layer()) == GIVEN


def test_a_block_that_does_not_run_is_part_of_the_whole_network_only():
    unet = tuple(step for step in UNET if step.block != 3)
    assert extended(unet, GIVEN, Layer()) == unet
    assert extended(unet, GIVEN, Layer(), whole=True) == GIVEN


@pytest.mark.parametrize("mistake", LAYER_MISTAKES, ids=lambda mistake: mistake.id)
def test_a_wrong_layer_computes_what_the_mistake_computes(mistake):
    made = extended(UNET, GIVEN, Layer(mistake))
    layer = Network(made, *NUMBERS).layers[next(place for place, step in enumerate(made) if step.block == 3)]
    image = torch.rand(1, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    bias = torch.zeros(8) if layer.bias is None else layer.bias
    assert torch.equal(layer(image), mistake.compute(image, layer.weight, bias, 1))


def test_what_is_cut_gets_no_gradient_and_changes_no_output():
    made = extended(UNET, GIVEN, Layer(cut=frozenset({"weight"})))
    assert torch.equal(output_of(made), output_of(GIVEN))
    network = Network(made, *NUMBERS)
    network(torch.rand(2, 1, 32, 32)).sum().backward()
    gradients = [value.grad for layer, step in zip(network.layers, made, strict=True) if step.block == 3
                 for value in layer.parameters()]  # fmt: skip
    assert gradients[0] is None and all(gradient is not None for gradient in gradients[1:])


def test_a_layer_without_bias_has_one_parameter_fewer():
    no_bias = next(mistake for mistake in LAYER_MISTAKES if mistake.id == "bias-missing")
    made = extended(UNET, GIVEN, Layer(no_bias))
    assert len(state_shapes(made, *NUMBERS)) == len(state_shapes(GIVEN, *NUMBERS)) - 1


def test_a_block_of_another_width_beside_it_does_not_fit():
    assert fits_into(UNET, GIVEN, NUMBERS)
    wider = {block: tuple(replace(step, width="4NF") if (step.kind, step.block) == ("conv", block) else step
                          for step in UNET) for block in (1, 2, 3)}  # fmt: skip
    assert fits_into(wider[1], GIVEN, NUMBERS)
    assert not fits_into(wider[2], GIVEN, NUMBERS)
    assert not fits_into(wider[3], GIVEN, NUMBERS)
