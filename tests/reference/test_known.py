"""The networks written as lists of steps are those of the model answer, and every known mistake is another function."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from reference.arguments import Arguments
from reference.handouts import HANDOUTS
from reference.known import misordered, right
from reference.mistakes import mistakes
from reference.models import model_classes
from reference.network import Network, state_shapes

KINDS = [(handout.id, network) for handout in HANDOUTS.values() for network in handout.networks]


def _named(kind, kernel=3):
    given = Arguments(kernel, filters=4, colours=5, inputs=2).named(kind.parameters)
    return Arguments.from_names(given).named()


def _outputs(network, image):
    network.train()
    with torch.no_grad():
        trained = network(image)
        network.eval()
        return trained, network(image)


def _fill(network, seed=0):
    """The same values in the same order, batch-norm scales of both signs; so large that a ReLU6 cuts some off."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(3 * torch.randn(value.shape, generator=generator))
    return network


@pytest.mark.parametrize(("assignment", "kind"), KINDS, ids=lambda value: getattr(value, "thing", value))
def test_a_list_of_steps_computes_what_the_model_answer_computes(assignment, kind):
    named = _named(kind)
    model = _fill(model_classes(assignment)[kind.cls](*(named[name] for name in kind.parameters)))
    steps = _fill(Network(kind.steps, *named.values()))
    image = torch.rand(2, named["num_in_channels"], 32, 32, generator=torch.Generator().manual_seed(1)).double()
    for expected, actual in zip(_outputs(model.double(), image), _outputs(steps.double(), image), strict=True):
        torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize(("assignment", "kind"), KINDS, ids=lambda value: getattr(value, "thing", value))
def test_shapes_told_from_the_list_are_those_of_the_network(assignment, kind):
    named = _named(kind, kernel=5)
    told = 0
    for known in (*right(assignment, kind.cls), *mistakes(right(assignment, kind.cls)[0])):
        try:
            network = Network(known.steps, *named.values())
        except (ValueError, KeyError, RuntimeError):
            continue
        told += 1
        assert state_shapes(known.steps, *named.values()) == tuple(
            tuple(value.shape) for value in network.parameters()
        ), known.id
    assert told > 20


@pytest.mark.parametrize(("assignment", "kind"), KINDS, ids=lambda value: getattr(value, "thing", value))
def test_no_mistake_computes_what_a_right_answer_computes(assignment, kind):
    named = _named(kind, kernel=5 if kind.odd_kernels else 3)
    image = torch.rand(2, named["num_in_channels"], 32, 32, generator=torch.Generator().manual_seed(1))
    answers = right(assignment, kind.cls)
    expected = {known.steps: _outputs(_fill(Network(known.steps, *named.values())), image) for known in answers}
    examined = 0
    for wrong in mistakes(answers[0]):
        try:
            network = _fill(Network(wrong.steps, *named.values()))
            actual = _outputs(network, image)
        except (ValueError, KeyError, RuntimeError, IndexError):
            continue
        examined += 1
        for known in answers:
            if state_shapes(known.steps, *named.values()) != state_shapes(wrong.steps, *named.values()):
                continue
            same = all(
                a.shape == b.shape and torch.allclose(a, b, atol=1e-4)
                for a, b in zip(expected[known.steps], actual, strict=True)
            )
            assert not same, f"{wrong.id} {wrong.place} is a right answer: {known.explanation}"
    assert examined > 15


@pytest.mark.parametrize(("assignment", "kind"), KINDS, ids=lambda value: getattr(value, "thing", value))
def test_every_mistake_says_what_it_is_and_where_to_look(assignment, kind):
    for wrong in mistakes(right(assignment, kind.cls)[0]):
        assert 0 <= wrong.share < 1
        assert wrong.id and wrong.explanation.endswith(".") and wrong.look_at.endswith(".")


@pytest.mark.parametrize("network", ["ConvTransposeNet", "UNet"])
def test_convolutions_with_a_stride_lose_their_bias_with_the_others(network: str) -> None:
    (known,) = (one for one in mistakes(right("csc413-2023", network)[0]) if one.id == "bias-missing" and not one.place)
    shapes = state_shapes(known.steps, 3, 4, 5, 1)
    assert not any(step.bias for step in known.steps if step.kind in ("conv", "convt"))
    assert [tuple(one.shape) for one in Network(known.steps, 3, 4, 5, 1).parameters()] == list(shapes)


@pytest.mark.parametrize(("assignment", "kind"), KINDS, ids=lambda value: getattr(value, "thing", value))
def test_the_other_order_of_pooling_and_batch_norm_has_a_name(assignment, kind):
    assert misordered(assignment, kind.cls, ()) == ()
    for order in ("pool-first", "norm-first"):
        named = misordered(assignment, kind.cls, (order,))
        right_ones = right(assignment, kind.cls, (order,))
        pools = any(step.kind == "pool" for step in right_ones[0].steps)
        assert len(named) == (3 * len(right_ones) if pools else 0)
        assert {wrong.id for wrong in named} <= {"layer-order"}
        assert not {wrong.steps for wrong in named} & {known.steps for known in right_ones}


@pytest.mark.parametrize(("assignment", "kind"), KINDS, ids=lambda value: getattr(value, "thing", value))
def test_a_relu_before_batch_norm_everywhere_has_a_name(assignment, kind):
    handouts = right(assignment, kind.cls)[0]
    everywhere = [wrong for wrong in mistakes(handouts) if wrong.id == "layers-swapped" and not wrong.place]
    assert len(everywhere) == 1
    kinds = [step.kind for step in everywhere[0].steps]
    assert all(pair != ("norm", "act") for pair in pairwise(kinds))
