"""Lists of steps: the handouts' blocks, skip connections, and other orders of the same layers."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from handout_networks import EVERY_NETWORK, arguments_for, filled, image_for

from reference.handouts import HANDOUTS
from reference.network import Network
from reference.steps import (
    Step,
    by_block,
    channels_of,
    down,
    flat,
    last,
    strided,
    transposed,
    up,
    upsampling_moved,
    with_pooling_order,
    with_skips,
)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (down(1, "NF"), "conv pool norm act"),
        (down(1, "NF", norm_first=True), "conv norm act pool"),
        (up(1, "NF"), "conv up norm act"),
        (up(1, "NF", norm_first=True), "conv norm act up"),
        (flat(1, "NF"), "conv norm act"),
        (strided(1, "NF"), "conv norm act"),
        (transposed(1, "NF"), "convt norm act"),
        (last(1, "NF"), "conv"),
    ],
)
def test_a_block_has_its_layers_in_the_handouts_order(block, expected):
    assert " ".join(step.kind for step in block) == expected
    assert {step.block for step in block} == {1}
    assert [step.width for step in block if step.width] == ["NF"]


def test_a_step_in_another_form_is_otherwise_the_same():
    step = Step("cat", 4, source=2, first=True)
    assert step.in_form("added") == Step("cat", 4, form="added", source=2, first=True)
    assert step.in_form("added").in_form("") == step


def test_a_skip_connection_stands_at_the_beginning_of_the_block_that_it_feeds():
    steps = with_skips((*flat(1, "NF"), *last(2, "NC")), {2: 1})
    assert [step.kind for step in steps] == ["conv", "norm", "act", "cat", "conv"]
    assert steps[3] == Step("cat", 2, source=1)


@EVERY_NETWORK
def test_blocks_together_are_the_network(assignment, facts):
    blocks = by_block(facts.steps)
    assert list(blocks) == sorted(blocks)
    assert tuple(step for block in blocks.values() for step in block) == facts.steps


@EVERY_NETWORK
def test_another_order_of_pooling_has_the_same_layers_and_can_be_undone(assignment, facts):
    own = HANDOUTS[assignment].norm_first
    for orders in ((False, False), (False, True), (True, False), (True, True)):
        changed = with_pooling_order(facts.steps, orders)
        assert Counter(changed) == Counter(facts.steps)
        pools = [place for place, step in enumerate(changed) if step.kind == "pool"]
        if pools:
            assert [changed[place - 1].kind == "act" for place in pools] == list(orders)
        assert with_pooling_order(changed, (own, own)) == facts.steps


@EVERY_NETWORK
def test_an_upsampling_at_the_other_end_of_its_block_is_the_same_function(assignment, facts):
    moved = upsampling_moved(facts.steps)
    ups = any(step.kind == "up" for step in facts.steps)
    assert (moved != facts.steps) is ups and upsampling_moved(moved) == facts.steps
    arguments = arguments_for(facts)
    image = image_for(arguments).double()
    networks = [filled(Network(steps, *arguments.numbers)).double() for steps in (facts.steps, moved)]
    # Evaluation first: in training mode the running variance moves by a little less, for want of equal numbers.
    expected, actual = ((network.eval()(image), network.train()(image)) for network in networks)
    for ours, theirs in zip(expected, actual, strict=True):
        torch.testing.assert_close(theirs, ours)


@pytest.mark.parametrize(
    ("width", "channels"), [("NF", 4), ("2NF", 8), ("4NF", 16), ("NF/2", 2), ("NC", 5), ("NIC", 1), ("3", 3)]
)
def test_a_width_stands_for_a_number_of_channels(width, channels):
    assert channels_of(width, filters=4, colours=5, inputs=1) == channels
