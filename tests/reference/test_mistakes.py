"""Mistakes with a name: each is another function than a right answer, and says what it is and where to look."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from handout_networks import EVERY_NETWORK, arguments_for, filled, image_for, outputs_of

from reference.known import misordered, right
from reference.mistakes import first_parameter, mistakes
from reference.network import Network, parameters_of, state_shapes

BLOCKS = ("first", "second", "third", "fourth", "fifth", "sixth")


@pytest.mark.slow
@EVERY_NETWORK
def test_no_mistake_computes_what_a_right_answer_computes(assignment, facts):
    arguments = arguments_for(facts, kernel=5 if facts.odd_kernels else 3)
    image = image_for(arguments)
    answers = right(assignment, facts.cls)
    expected = {known.steps: outputs_of(filled(Network(known.steps, *arguments.numbers)), image) for known in answers}
    examined = 0
    for wrong in mistakes(answers[0]):
        if wrong.steps in expected:  # one handout accepts a width that is a mistake in the others
            assert facts.narrow_fifth_block == "accepted" and wrong.id == "wrong-width"
            continue
        try:
            actual = outputs_of(filled(Network(wrong.steps, *arguments.numbers)), image)
        except (ValueError, KeyError, RuntimeError, IndexError):
            continue
        examined += 1
        for known in answers:
            if state_shapes(known.steps, *arguments.numbers) != state_shapes(wrong.steps, *arguments.numbers):
                continue
            same = all(
                ours.shape == theirs.shape and torch.allclose(ours, theirs, atol=1e-4)
                for ours, theirs in zip(expected[known.steps], actual, strict=True)
            )
            assert not same, f"{wrong.id} {wrong.place} is a right answer: {known.explanation}"
    assert examined > 15


@EVERY_NETWORK
def test_every_mistake_says_what_it_is_and_where_to_look(assignment, facts):
    for wrong in mistakes(right(assignment, facts.cls)[0]):
        assert 0 <= wrong.share < 1
        for sentence in (wrong.explanation, wrong.look_at):
            assert sentence[0].isupper() and sentence.endswith(".") and "{" not in sentence and "  " not in sentence
        ordinal, _, block = wrong.place.partition(" ")
        assert not wrong.place or (ordinal in BLOCKS and block == "block")


@EVERY_NETWORK
def test_every_mistake_changes_the_list_of_steps(assignment, facts):
    for known in right(assignment, facts.cls)[:2]:
        assert all(wrong.steps != known.steps for wrong in mistakes(known))


@EVERY_NETWORK
def test_a_mistake_keeps_the_remark_of_the_right_answer_it_was_made_in(assignment, facts):
    for known in right(assignment, facts.cls):
        assert {wrong.base for wrong in mistakes(known)} == {known.base}


@EVERY_NETWORK
def test_a_mistake_in_all_blocks_never_keeps_more_than_in_one(assignment, facts):
    shares = {}
    for wrong in mistakes(right(assignment, facts.cls)[0]):
        shares.setdefault(wrong.id, ([], []))[not wrong.place].append(wrong.share)
    for in_a_block, everywhere in shares.values():
        assert not in_a_block or not everywhere or max(everywhere) <= max(in_a_block)


@EVERY_NETWORK
def test_two_mistakes_are_named_together_and_keep_half_of_the_smaller_share(assignment, facts):
    first = next(wrong for wrong in mistakes(right(assignment, facts.cls)[0]) if wrong.id == "relu-missing")
    (second,) = (
        wrong for wrong in mistakes(first) if wrong.id == "relu-missing+wrong-width" and "4NF" in wrong.explanation
        and wrong.place == "first block, second block"
    )  # fmt: skip
    assert second.explanation.startswith(first.explanation) and second.look_at.startswith(first.look_at)
    assert second.share == Fraction(1, 4)


def test_a_mistake_beside_the_other_order_of_layers_is_named_with_it():
    other = misordered("csc413-2020", "CNN", ("pool-first",))[0]
    assert all(wrong.id.startswith("layer-order+") for wrong in mistakes(other))


@EVERY_NETWORK
def test_a_relu_before_batch_norm_everywhere_has_a_name(assignment, facts):
    known = right(assignment, facts.cls)[0]
    (everywhere,) = (wrong for wrong in mistakes(known) if wrong.id == "relu-before-batch-norm" and not wrong.place)
    kinds = [step.kind for step in everywhere.steps]
    assert all(pair != ("norm", "act") for pair in pairwise(kinds))


@pytest.mark.parametrize("network", ["ConvTransposeNet", "UNet"])
def test_convolutions_with_a_stride_lose_their_bias_with_the_others(network):
    known = right("csc413-2023", network)[0]
    (wrong,) = (wrong for wrong in mistakes(known) if wrong.id == "bias-missing" and not wrong.place)
    assert not any(step.bias for step in wrong.steps if step.kind in ("conv", "convt"))


@EVERY_NETWORK
def test_the_first_parameter_is_in_the_block_of_the_mistake_or_after_it(assignment, facts):
    for wrong in mistakes(right(assignment, facts.cls)[0]):
        index = first_parameter(wrong)
        blocks = [step.block for step in wrong.steps for _ in parameters_of(step)]
        if not wrong.place:
            assert index is None
            continue
        number = 1 + BLOCKS.index(wrong.place.split()[0])
        if index is None:
            assert max(blocks) < number
        else:
            assert blocks[index] >= number and all(block < number for block in blocks[:index])
