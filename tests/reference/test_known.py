"""Right answers besides the handout's own, and the order of layers that a rubric does not accept."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from handout_networks import EVERY_NETWORK, arguments_for, filled, image_for, outputs_of

from reference.handouts import HANDOUTS
from reference.known import LAYER_ORDER, misordered, narrowed, right
from reference.network import Network, state_shapes


@EVERY_NETWORK
def test_the_handouts_own_network_is_the_first_right_answer(assignment, facts):
    first, *others = right(assignment, facts.cls)
    assert first.steps == facts.steps and first.explanation == ""
    assert all(known.is_right and known.steps != facts.steps for known in others)


@EVERY_NETWORK
def test_the_two_tensors_of_a_skip_connection_may_stand_in_either_order(assignment, facts):
    skips = sum(step.kind == "cat" for step in facts.steps)
    without_remark = [known for known in right(assignment, facts.cls) if not known.explanation]
    assert len(without_remark) == 2**skips
    arguments = arguments_for(facts)
    counts = {
        sum(torch.Size(shape).numel() for shape in state_shapes(known.steps, *arguments.numbers))
        for known in without_remark
    }
    assert len(counts) == 1


@EVERY_NETWORK
def test_a_right_answer_in_another_order_of_layers_has_a_remark(assignment, facts):
    own = HANDOUTS[assignment].layer_orders[:1]
    plain = {known.steps for known in right(assignment, facts.cls, own)}
    for known in right(assignment, facts.cls):
        assert (known.steps in plain) is ("Batch-norm comes" not in known.explanation)


@EVERY_NETWORK
def test_a_narrow_fifth_block_is_right_only_where_the_handout_says_so(assignment, facts):
    narrow = [known for known in right(assignment, facts.cls) if "3 channels" in known.explanation]
    assert bool(narrow) is (facts.narrow_fifth_block == "accepted")
    for known in narrow:
        assert [step.width for step in known.steps if step.block == 5 and step.width] == ["3"]


@EVERY_NETWORK
def test_a_narrow_fifth_block_is_a_variant_that_can_be_accepted(assignment, facts):
    variants = narrowed(assignment, facts.cls, ("pool-first",))
    assert bool(variants) is (facts.narrow_fifth_block == "variant")
    accepted = right(assignment, facts.cls, ("pool-first",), ("narrow-fifth-block",))
    assert {known.steps for known in variants if known.id == "narrow-fifth-block"} <= {
        known.steps for known in accepted
    }
    assert narrowed(assignment, facts.cls, ("pool-first",), ("narrow-fifth-block",)) == ()
    shares = {known.id: known.share for known in variants}
    assert shares in ({}, {"narrow-fifth-block": Fraction(3, 4), "layer-order+narrow-fifth-block": Fraction(3, 8)})


@EVERY_NETWORK
def test_every_right_answer_runs_and_scores_every_pixel(assignment, facts):
    arguments = arguments_for(facts)
    for known in right(assignment, facts.cls):
        outputs = outputs_of(filled(Network(known.steps, *arguments.numbers)), image_for(arguments))
        assert {tuple(output.shape) for output in outputs} == {(2, arguments.colours, 32, 32)}


@EVERY_NETWORK
def test_the_other_order_of_pooling_and_batch_norm_has_a_name(assignment, facts):
    assert misordered(assignment, facts.cls, ()) == ()
    for order in ("pool-first", "norm-first"):
        wrong_ones = misordered(assignment, facts.cls, (order,))
        right_ones = right(assignment, facts.cls, (order,))
        pools = any(step.kind == "pool" for step in right_ones[0].steps)
        assert len(wrong_ones) == (3 * len(right_ones) if pools else 0)
        assert {wrong.id for wrong in wrong_ones} <= {LAYER_ORDER}
        assert not {wrong.steps for wrong in wrong_ones} & {known.steps for known in right_ones}


def test_an_unknown_assignment_or_network_is_refused():
    with pytest.raises(KeyError):
        right("csc999", "CNN")
    with pytest.raises(KeyError):
        right("csc413-2023", "CNN")
