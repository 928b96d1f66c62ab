"""A list of steps as a network: the model answers again, parameter shapes, skip connections and modes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from handout_networks import EVERY_NETWORK, arguments_for, filled, image_for, outputs_of

import reference.network
from grader.exam.exam import Local
from grader.worker.protocol import RunNetwork
from reference.forms import IN_EVALUATION
from reference.handouts import HANDOUTS
from reference.known import right
from reference.mistakes import mistakes
from reference.models import model_classes
from reference.network import Network, after, parameters_of, state_shapes
from reference.steps import Step


@EVERY_NETWORK
def test_a_list_of_steps_computes_what_the_model_answer_computes(assignment, facts):
    arguments = arguments_for(facts)
    model = filled(model_classes(assignment)[facts.cls](*arguments.positional(facts.parameters))).double()
    steps = filled(Network(facts.steps, *arguments.numbers)).double()
    image = image_for(arguments).double()
    for expected, actual in zip(outputs_of(model, image), outputs_of(steps, image), strict=True):
        torch.testing.assert_close(actual, expected)


@pytest.mark.slow
@EVERY_NETWORK
def test_shapes_from_the_list_are_those_of_the_network(assignment, facts):
    arguments = arguments_for(facts, kernel=5)
    compared = 0
    for known in (*right(assignment, facts.cls), *mistakes(right(assignment, facts.cls)[0])):
        try:
            network = Network(known.steps, *arguments.numbers)
        except (ValueError, KeyError, RuntimeError):
            continue
        compared += 1
        shapes = tuple(tuple(value.shape) for value in network.parameters())
        assert state_shapes(known.steps, *arguments.numbers) == shapes, known.id
        assert sum(len(parameters_of(step)) for step in known.steps) == len(shapes)
    assert compared > 20


@pytest.mark.slow
@EVERY_NETWORK
def test_steps_one_by_one_compute_what_the_network_computes_in_evaluation_mode(assignment, facts):
    arguments = arguments_for(facts)
    image = image_for(arguments)
    for known in mistakes(right(assignment, facts.cls)[0]):
        try:
            network = filled(Network(known.steps, *arguments.numbers))
            expected = outputs_of(network, image)[1]
        except (ValueError, KeyError, RuntimeError, IndexError):
            continue
        x, seen = image, {(0, ""): image}
        with torch.no_grad():
            for step, layer in zip(known.steps, network.layers, strict=True):
                seen[step.block, step.kind] = x
                statistics = [value for value in layer.buffers() if value.is_floating_point()]
                x = after(step, x, seen, *layer.parameters(), *statistics)
                if step.kind != "cat":
                    seen[step.block, ""] = x
        torch.testing.assert_close(x, expected, msg=lambda text, known=known: f"{known.id} {known.place}: {text}")


def test_a_layer_of_evaluation_mode_does_nothing_in_training_mode():
    facts = HANDOUTS["csc413-2020"].network("CNN")
    arguments = arguments_for(facts)
    image = image_for(arguments)
    ending = Step("act", 6, form="sigmoid" + IN_EVALUATION)
    plain = outputs_of(filled(Network(facts.steps, *arguments.numbers)), image)
    ended = outputs_of(filled(Network((*facts.steps, ending), *arguments.numbers)), image)
    assert torch.equal(ended[0], plain[0]) and torch.equal(ended[1], plain[1].sigmoid())


def test_a_skip_connection_from_a_block_that_is_absent_is_refused():
    facts = HANDOUTS["csc413-2020"].network("UNet")
    steps = tuple(step for step in facts.steps if step.block != 1 or step.kind == "cat")
    with pytest.raises(KeyError):
        Network(steps, *arguments_for(facts).numbers)


def test_shapes_of_steps_that_do_not_fit_are_given_all_the_same():
    facts = HANDOUTS["csc413-2020"].network("UNet")
    steps = tuple(step for step in facts.steps if step.block != 1 or step.kind == "cat")
    assert len(state_shapes(steps, *arguments_for(facts).numbers)) == len(state_shapes(facts.steps, 3, 4, 5, 2)) - 4


@pytest.mark.parametrize("network", ["ConvTransposeNet", "UNet"])
def test_convolutions_with_a_stride_can_lack_their_bias(network):
    steps = tuple(
        replace(step, bias=False) if step.kind in ("conv", "convt") else step
        for step in HANDOUTS["csc413-2023"].network(network).steps
    )
    shapes = state_shapes(steps, 3, 4, 5, 1)
    assert [tuple(value.shape) for value in Network(steps, 3, 4, 5, 1).parameters()] == list(shapes)
    assert len(shapes) == 5 + 2 * 4


@EVERY_NETWORK
def test_the_outputs_for_given_values_are_those_that_the_probe_asks_for(assignment, facts):
    arguments = arguments_for(facts)
    network = Network(facts.steps, *arguments.numbers)
    generator = torch.Generator().manual_seed(2)
    statistics = [value for value in network.buffers() if value.is_floating_point()]
    values = {"input": image_for(arguments)} | {
        f"{kind}.{number}": torch.rand(value.shape, generator=generator)
        for kind, tensors in (("parameter", network.parameters()), ("buffer", statistics))
        for number, value in enumerate(tensors)
    }
    probe = RunNetwork(cls="Network", arguments=arguments.numbers)
    _, expected = Local({"Network": partial(Network, facts.steps)}).answer(probe, values)
    actual = reference.network.outputs_of(network, values)
    assert actual.keys() == expected.keys()
    for name, value in actual.items():
        torch.testing.assert_close(value, expected[name])
