"""A network that stops when it is run is named by what stops it, and by how many parameters it has."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from places import ROOT

from grader.checks.network import network_of
from grader.checks.shapes import shapes
from grader.checks.sitting import Sitting
from grader.checks.stopped import stopped_as
from grader.exam.exam import Exam, Local
from grader.marking.rubric_file import load
from grader.marking.verdicts import Outcome
from grader.worker.protocol import Definitions, Outline
from reference.data import load_horses
from reference.known import right
from reference.mistakes import mistakes, stopping
from reference.network import Network

ASSIGNMENT = load(ROOT / "rubric.yaml").assignments["csc413-2020"]
OWN = right("csc413-2020", "UNet", ASSIGNMENT.layer_orders)[0]


@pytest.fixture(scope="module")
def exam():
    return Exam(ASSIGNMENT, 1, load_horses())


def _sitting(exam, steps):
    nobody = None
    classes = {"UNet": partial(Network, steps)}
    return Sitting(exam, nobody, Local(classes), Outline(), Definitions(classes=tuple(classes)))


def _named(exam, steps):
    return stopped_as(network_of(_sitting(exam, steps), "unet"))


def _one(known, id, place):
    every = (*(stopping(known) if known.is_right else ()), *mistakes(known))
    return next(wrong for wrong in every if (wrong.id, wrong.place) == (id, place))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("id", "place"),
    [
        ("pool-missing", "first block"),
        ("upsample-missing", "fourth block"),
        ("padding-missing", "third block"),
        ("skip-missing", "fourth block"),
        ("skip-not-counted", "fifth block"),
        ("wrong-input-width", "third block"),
        ("wrong-batch-norm-width", "second block"),
    ],
)
def test_what_stops_a_network_is_named(exam, id, place):
    found = _named(exam, _one(OWN, id, place).steps)
    assert (found.id, found.place) == (id, place)


@pytest.mark.slow
def test_of_two_mistakes_the_second_is_not_guessed(exam):
    both = _one(_one(OWN, "pool-missing", "first block"), "pool-missing+bias-missing", "first block, third block")
    assert _named(exam, both.steps).id == "pool-missing"


def test_a_network_that_runs_is_not_looked_up_here(exam):
    assert _named(exam, OWN.steps) is None


@pytest.mark.slow
def test_the_criterion_of_shapes_fails_with_the_name_and_the_rubric_cannot_pay_for_it(exam):
    sitting = _sitting(exam, _one(OWN, "pool-missing", "first block").steps)
    verdict = shapes(replace(sitting, outline=Outline()), "unet.shapes", "unet")
    assert (verdict.outcome, verdict.mistake, verdict.at_stake) == (Outcome.FAIL, "pool-missing", 0)
    assert "The first block has no max-pooling." in verdict.feedback
