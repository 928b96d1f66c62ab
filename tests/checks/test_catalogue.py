"""The catalogue of known mistakes finds the one a network is, and gives up where nothing can be told."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from places import ROOT

from grader.checks.catalogue import Family, look_up
from grader.checks.network import network_of
from grader.checks.sitting import Sitting
from grader.exam.exam import Exam, Local
from grader.marking.rubric_file import load
from grader.worker.protocol import Definitions, Outline
from reference.data import load_horses
from reference.forms import OTHER_EPS
from reference.known import misordered, right
from reference.mistakes import mistakes
from reference.network import Network

RUBRIC = load(ROOT / "rubric.yaml")


class Plus(Network):
    """A network with a number added to what it puts out."""

    more = 0.0

    def forward(self, x):
        return super().forward(x) + self.more


def _examined(steps, more=0.0, orders=("pool-first", "norm-first")):
    class Given(Plus):
        def __init__(self, *numbers):
            super().__init__(steps, *numbers)

    Given.more = more
    exam = Exam(replace(RUBRIC.assignments["csc413-2020"], layer_orders=orders), 1, load_horses())
    nobody = None
    return network_of(Sitting(exam, nobody, Local({"CNN": Given}), Outline(), Definitions()), "cnn")


@pytest.fixture(scope="module")
def wrong():
    known = right("csc413-2020", "CNN", ("pool-first", "norm-first"))[0]
    return next(one for one in mistakes(known) if one.id == "average-pool")


def _found(network, outputs, **most):
    run = network.runs[-1]
    image = network.image(run.arguments)
    return [
        one.id
        for one in look_up(
            network.exam, Family(network.facts.cls), run.arguments, run.shapes, image, outputs(run), **most
        )
    ]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_is_not_finite_is_near_nothing(wrong, value):
    assert _found(_examined(wrong.steps, value), lambda run: run.outputs) == []


@pytest.mark.slow
def test_where_much_is_near_the_nearest_are_looked_at(wrong):
    network = _examined(wrong.steps)
    assert _found(network, lambda run: run.outputs, most_compared=1)[0] == wrong.id
    far = _found(
        network, lambda run: {**run.outputs, "alone": torch.full_like(run.outputs["alone"], 1e30)}, most_compared=1
    )
    assert len(far) <= 2


@pytest.mark.slow
def test_only_the_mistake_that_a_network_is_stays_in_memory(wrong):
    network, other = _examined(wrong.steps), _examined(wrong.steps, 9e-4)
    assert network.match.id == wrong.id and other.match is None
    kept = [{key[1] for key in one.exam._once._values if key[0] == "run"} for one in (network, other)]
    assert kept[0] - kept[1] == {wrong.steps}


@pytest.mark.slow
@pytest.mark.parametrize("order", ["pool-first", "norm-first"])
def test_a_mistake_beside_an_order_of_layers_that_is_not_accepted_is_named_with_it(order):
    other = misordered("csc413-2020", "CNN", (order,))[0]
    wrong = next(one for one in mistakes(other) if one.id == "layer-order+relu-missing")
    assert _examined(wrong.steps, orders=(order,)).match.id == wrong.id


@pytest.mark.slow
@pytest.mark.parametrize("form", OTHER_EPS)
def test_a_batch_norm_with_another_eps_is_named_with_its_eps(form):
    known = right("csc413-2020", "CNN")[0]
    steps = tuple(replace(step, form=form) if step.kind == "norm" and step.block == 2 else step for step in known.steps)
    found = _examined(steps).match
    assert (found.id, found.place) == ("other-eps", "second block")
    assert f"has eps={OTHER_EPS[form]:g} " in found.explanation.replace("1e-3", "0.001").replace("1e-2", "0.01")


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    ["batch-norm-shared+padding-mode", "bias-missing+bicubic-upsample", "pool-missing+relu-missing",
     "wrong-width+axes-swapped", "batch-norm-missing+wrong-kernel", "relu-missing+batch-norm-missing"],
)  # fmt: skip
def test_two_mistakes_of_any_kinds_are_both_named(names):
    known = right("csc413-2020", "CNN", ("pool-first", "norm-first"))[0]
    first = next(one for one in mistakes(known) if one.id == names.split("+")[0])
    both = [one for one in mistakes(first) if one.id == names][-1]
    found = _examined(both.steps).match
    assert set(found.id.split("+")) == set(names.split("+"))
