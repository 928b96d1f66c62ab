"""A sample of ``python -m accuracy``: seed 1, a few of everything; the full measurement is ``make accuracy``."""

from __future__ import annotations

import os
import random

import pytest

from accuracy import diagnosis, equivalents, mutants, repeatability, seeds
from accuracy.examining import ASSIGNMENTS, DIFFERENT, Examiner, reference_source, right_source

SEED = 1
# One core's threads: small tensors are slower with more.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def here():
    """Examines in this process."""
    with Examiner(SEED, sandboxed=False) as examiner:
        yield examiner


@pytest.fixture(scope="module")
def sandboxed():
    """Examines as students are graded."""
    with Examiner(SEED, sandboxed=True) as examiner:
        yield examiner


def _lost(verdicts):
    return {id: verdict.feedback for id, verdict in verdicts.items() if verdict.share < 1}


@pytest.mark.slow
@pytest.mark.parametrize("assignment", DIFFERENT)
@pytest.mark.parametrize("source", [right_source, reference_source])
def test_the_model_answer_loses_nothing_when_it_is_handed_in(assignment, source, here):
    assert _lost(here.verdicts(assignment, source(assignment))) == {}


@pytest.mark.slow
@pytest.mark.parametrize("assignment", DIFFERENT)
def test_a_single_edit_costs_a_mark_or_is_proved_right(assignment, here):
    drawn, possible = mutants.draw(assignment, 5, random.Random(SEED))
    assert possible > 300
    survivors = [trial.mutant.edit for trial in (mutants.try_out(mutant, here) for mutant in drawn) if trial.survived]
    assert not survivors


@pytest.mark.slow
def test_a_single_edit_costs_a_mark_in_the_sandbox_too(sandboxed):
    drawn, _ = mutants.draw("csc413-2023", 4, random.Random(SEED + 1))
    assert not [mutant.edit for mutant in drawn if mutants.try_out(mutant, sandboxed).survived]


def _edited(assignment, old, new):
    source = right_source(assignment)
    assert old in source
    return mutants.Mutant(assignment, "right", "UNet", f"{old} → {new}", source.replace(old, new))


@pytest.mark.slow
def test_the_proof_tells_the_same_function_from_another():
    criteria = {"unet.training", "conv-transpose-net.training", "pool-upsample-net.training"}
    same = _edited("csc413-2023", "torch.cat([third, first], dim=1)", "torch.cat([third, first], dim=-3)")
    turned = _edited("csc413-2023", "torch.cat([third, first], dim=1)", "torch.cat([first, third], dim=1)")
    other = _edited("csc413-2023", "torch.cat([third, first], dim=1)", "torch.cat([third, third], dim=1)")
    cut = _edited("csc413-2023", "torch.cat([third, first], dim=1)", "torch.cat([third, first.detach()], dim=1)")
    assert mutants.same_function(same, criteria) == "the same function"
    assert "other way round" in mutants.same_function(turned, criteria)
    assert mutants.same_function(other, criteria) == ""
    assert mutants.same_function(cut, criteria) == ""


@pytest.mark.slow
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
@pytest.mark.parametrize("number", range(2))
def test_an_unusual_right_submission_loses_nothing(assignment, number, sandboxed):
    equivalent = equivalents.drawn(assignment, SEED, 2)[number]
    lost, _ = equivalents.try_out(equivalent, sandboxed)
    assert lost == {}, equivalent.choices


def test_what_is_drawn_is_the_same_for_the_same_seed_and_another_for_another():
    first = equivalents.drawn("csc413-2020", 1, 2)
    equivalents.drawn.cache_clear()
    assert equivalents.drawn("csc413-2020", 1, 2) == first
    assert equivalents.drawn("csc413-2020", 2, 2) != first


@pytest.mark.slow
@pytest.mark.parametrize("assignment", DIFFERENT)
def test_a_known_mistake_is_called_by_its_name(assignment, here):
    every = list(diagnosis.faulty(assignment))
    for faulty in random.Random(SEED).sample(every, 4):
        result = diagnosis.try_out(faulty, here)
        assert result.named in ("yes", "equal"), f"{faulty.thing}: {faulty.description}: {result.actual}"


@pytest.mark.slow
def test_every_mistake_of_the_dilated_layer_is_called_by_its_name(here):
    of_layer = [faulty for faulty in diagnosis.faulty("csc321-2018") if faulty.thing == "dilated"]
    assert len(of_layer) >= 20
    unnamed = [
        (result.faulty.description, result.actual)
        for result in (diagnosis.try_out(faulty, here) for faulty in of_layer)
        if result.named != "yes"
    ]
    assert not unnamed


@pytest.mark.slow
def test_four_of_five_pairs_of_faults_are_both_named(here):
    results = [diagnosis.try_out(diagnosis.pair("csc413-2023", number, SEED), here) for number in range(10)]
    unnamed = [(each.faulty.description, each.actual) for each in results if each.named not in ("yes", "equal")]
    assert len(unnamed) <= 2, unnamed


@pytest.mark.slow
@pytest.mark.parametrize("assignment", DIFFERENT)
def test_a_pair_of_faults_is_the_same_for_the_same_seed(assignment):
    first, again, other = (diagnosis.pair(assignment, *drawn) for drawn in ((0, SEED), (0, SEED), (1, SEED)))
    assert first == again and first.source != other.source and "+" in first.mistake


@pytest.mark.slow
def test_another_seed_and_another_order_give_the_same_marks():
    names = ("right", "leaky ReLU", "32 filters")
    expected = repeatability.again("csc413-2023", names, SEED, 0)
    assert repeatability.again("csc413-2023", names, SEED + 1, 1) == expected
    assert {mark[1] for mark in expected["right"].values()} == {"1"}
    assert expected["leaky ReLU"] != expected["right"] != expected["32 filters"]


@pytest.mark.slow
def test_a_right_network_learns_from_any_usual_start():
    assert [what for what, (passed, _) in repeatability.training_from(SEED).items() if not passed] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assignment", "seed"),
    [
        # Some of their first numbers lie at a kink.
        ("csc321-2018", 5083),
        ("csc321-2018", 24),
        ("csc413-2020", 53),
        *[(assignment, SEED) for assignment in ASSIGNMENTS[1:]],
    ],
)
def test_right_submissions_lose_nothing_under_any_seed(assignment, seed):
    graded = seeds.graded_under(seed, 3, assignment)
    assert {each.name: each.lost for each in graded if each.lost} == {}
    assert max(used for each in graded for used in each.margins.values()) < 0.2


def test_every_assignment_has_its_turn_among_the_seeds():
    assert {seeds.assignment_of(seed) for seed in range(20)} == set(ASSIGNMENTS)
