"""Right answers written in other ways: the same function, and the other side of every kink that is in doubt."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from handout_networks import EVERY_NETWORK, arguments_for, filled, image_for, outputs_of

from reference.layers import MyConv2d, MyDilatedConv2d
from reference.network import Network
from reference.rewritten import ByHand, MyConv2dByHand, MyDilatedConv2dByHand, OtherSide
from reference.steps import Step

BARELY = 1e-7
"""Of the largest value: nearer to a kink than rounding reaches."""
CLEARLY = 1e-5


def gradients_of(network, image):
    network.zero_grad()
    (network.train()(image) ** 2).mean().backward()
    return [value.grad for value in network.parameters()]


@EVERY_NETWORK
def test_a_network_written_by_hand_computes_the_same_and_leaves_the_same_statistics_and_gradients(assignment, facts):
    arguments = arguments_for(facts)
    image = image_for(arguments).double()
    expected, actual = (filled(kind(facts.steps, *arguments.numbers)).double() for kind in (Network, ByHand))
    torch.testing.assert_close(outputs_of(actual, image), outputs_of(expected, image))
    statistics = [[value for value in each.buffers() if value.is_floating_point()] for each in (actual, expected)]
    torch.testing.assert_close(*statistics)
    torch.testing.assert_close(gradients_of(actual, image), gradients_of(expected, image))


@EVERY_NETWORK
def test_a_network_written_by_hand_rounds_differently(assignment, facts):
    arguments = arguments_for(facts)
    single, by_hand = (filled(kind(facts.steps, *arguments.numbers)) for kind in (Network, ByHand))
    outputs = [outputs_of(each, image_for(arguments))[0] for each in (single, by_hand)]
    assert not torch.equal(*outputs)


@EVERY_NETWORK
@pytest.mark.parametrize("doubtful", ["active", "inactive"])
def test_the_other_side_of_kinks_changes_outputs_by_no_more_than_rounding(assignment, facts, doubtful):
    arguments = arguments_for(facts)
    image = image_for(arguments).double()
    kinds = (Network, partial(OtherSide, doubtful))
    expected, actual = (outputs_of(filled(kind(facts.steps, *arguments.numbers)).double(), image) for kind in kinds)
    for ours, theirs in zip(actual, expected, strict=True):
        assert float((ours - theirs).abs().max()) < CLEARLY * float(theirs.abs().max())


@pytest.mark.parametrize(
    ("doubtful", "value", "passes"),
    [
        ("active", -BARELY, True),
        ("active", -CLEARLY, False),
        ("active", CLEARLY, True),
        ("inactive", BARELY, False),
        ("inactive", CLEARLY, True),
        ("inactive", -CLEARLY, False),
    ],
)
def test_a_relu_in_doubt_is_active_or_not_as_asked(doubtful, value, passes):
    values = torch.tensor([1.0, value], dtype=torch.float64, requires_grad=True)
    OtherSide(doubtful, (Step("act", 1),), 3, 1, 1, 1)(values).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [1, float(passes)]


@pytest.mark.parametrize(
    ("doubtful", "less", "chosen"), [("active", BARELY, 1), ("active", CLEARLY, 0), ("inactive", BARELY, 0)]
)
def test_a_pooling_in_doubt_takes_the_second_largest_value(doubtful, less, chosen):
    window = torch.tensor([1.0, 1 - less, 0, 0], dtype=torch.float64).reshape(1, 1, 2, 2).requires_grad_()
    OtherSide(doubtful, (Step("pool", 1),), 3, 1, 1, 1)(window).sum().backward()
    assert window.grad is not None
    assert window.grad.flatten().argmax() == chosen


def test_what_a_pooling_leaves_over_is_left_over_by_hand_too():
    image = torch.rand(1, 2, 7, 5)
    networks = [kind((Step("pool", 1),), 3, 1, 1, 2) for kind in (Network, ByHand)]
    torch.testing.assert_close(*(network(image) for network in networks))


@pytest.mark.parametrize(
    ("layer", "by_hand", "numbers"),
    [
        (MyConv2d, MyConv2dByHand, (3, 4, 5)),
        (MyConv2d, MyConv2dByHand, (3, 4, 5, 1)),
        (MyDilatedConv2d, MyDilatedConv2dByHand, (3, 4, 3, 0)),
        (MyDilatedConv2d, MyDilatedConv2dByHand, (3, 4, 3, 3)),
    ],
)
def test_a_layer_written_by_hand_computes_the_same(layer, by_hand, numbers):
    image = torch.rand(2, 3, 9, 11, dtype=torch.float64)
    torch.testing.assert_close(*(filled(kind(*numbers)).double()(image) for kind in (by_hand, layer)))
