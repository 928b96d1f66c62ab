"""A search for a smallest failing input finds the least one, and ends: after so many probes, or with the candidate."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from searches import Clips, SeesOneImage, Squares, TakesOneChannel, sitting_of

from grader.checks.network import network_of
from grader.checks.smallest.hunt import Enough, Hunt, counts, differs, shortest, small_numbers, zeros_and_ones
from grader.checks.smallest.layer import smallest_for_layer
from grader.checks.smallest.network import smallest_for_network
from grader.worker.protocol import RunLayer

PROBE = RunLayer(cls="MyConv2d", arguments=(1, 1, 1))
TENSORS = {"weight": torch.ones(1, 1, 1, 1), "bias": torch.ones(1), "input": torch.ones(1, 1, 1, 1)}
TENSORS["upstream"] = torch.ones(1, 1, 1, 1)


# -- how a case is drawn -----------------------------------------------------------------------------------------------


def test_a_number_is_the_length_of_its_tosses():
    assert counts(5, 5, 5).read(([None], [], [None] * 3)) == (1, 0, 3)


@given(st.lists(st.booleans(), min_size=6, max_size=6).map(tuple))
def test_small_numbers_are_read_from_two_tosses_each(tosses):
    numbers = small_numbers(3).read(tosses)
    assert len(numbers) == 3 and set(numbers) <= {-1, 0, 1, 2}
    assert small_numbers(3).read((False,) * 6) == (0, 0, 0)


def test_zeros_and_ones_are_read_as_the_caller_says():
    assert zeros_and_ones(3, lambda tosses: tuple(map(int, tosses))).read((True, False, True)) == (1, 0, 1)


def test_the_shortest_numbers_are_those_with_the_least_sum():
    assert sorted([(2, 0), (0, 1), (1, 0), (0, 0)], key=shortest) == [(0, 0), (0, 1), (1, 0), (2, 0)]


# -- how cases are tried -----------------------------------------------------------------------------------------------


@pytest.fixture
def sitting(exams):
    return sitting_of(exams("csc321-2018"))


def test_the_least_case_that_fails_is_found(sitting):
    def fails(numbers):
        return numbers[0] + 2 * numbers[1] >= 5 and numbers[2] > 0

    assert Hunt(sitting, "test").least(counts(9, 9, 9), fails, shortest) == (0, 3, 1)


def test_where_no_case_fails_nothing_is_found(sitting):
    assert Hunt(sitting, "test").least(counts(3, 3), lambda numbers: False, shortest) is None


def test_no_case_is_tried_twice(sitting):
    tried = []
    Hunt(sitting, "test").least(counts(2, 2), lambda numbers: tried.append(numbers) or sum(numbers) > 2, shortest)
    assert len(tried) == len(set(tried)) <= 9


def test_a_search_without_time_finds_nothing(sitting):
    hunt = Hunt(replace(sitting, search_seconds=-1), "test")
    assert hunt.least(counts(3), lambda numbers: True, shortest) is None


def test_as_many_probes_are_asked_as_are_allowed(sitting):
    hunt = Hunt(sitting, "test")
    hunt.allow(3)
    for _ in range(3):
        hunt.ask(PROBE, TENSORS)
    with pytest.raises(Enough):
        hunt.ask(PROBE, TENSORS)
    assert sitting.candidate.probes == 3
    hunt.allow(1)
    hunt.ask(PROBE, TENSORS)


def test_once_a_case_has_failed_at_most_forty_probes_are_spent_on_another(sitting):
    hunt = Hunt(sitting, "test")
    hunt.allow(1000)
    failed, probes = [], []

    def fails(numbers):
        hunt.ask(PROBE, TENSORS)
        if sum(numbers) and not failed:
            failed.append(numbers)
            probes.append(sitting.candidate.probes)
        return numbers in failed

    assert hunt.least(counts(99, 99, 99), fails, shortest) == failed[0]
    assert sitting.candidate.probes <= probes[0] + 40


def test_the_seed_of_a_probe_follows_from_its_purpose(sitting):
    seeds = []

    class Listening:
        def answer(self, probe, tensors):
            seeds.append(probe.seed)
            return sitting.exam.reference.answer(probe, tensors)

    hunt = Hunt(replace(sitting, candidate=Listening()), "test")
    hunt.allow(9)
    for purpose in ("one", "another", "one"):
        hunt.ask(PROBE, TENSORS, purpose=purpose)
    assert seeds == [sitting.exam.number(purpose) for purpose in ("one", "another", "one")]


def test_only_a_difference_that_can_be_seen_counts():
    assert not differs(torch.zeros(2), torch.full((2,), 1e-3))
    assert differs(torch.zeros(2), torch.tensor([0.0, 1.0]))
    assert differs(torch.zeros(2), torch.zeros(3))


# -- what all searches of a submission may cost ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_right_layer_and_a_right_network_have_no_failing_input(exams):
    sitting = sitting_of(exams("csc321-2018"))
    assert smallest_for_layer(sitting, "dilated") is None
    assert sitting.candidate.probes <= 200
    assert smallest_for_network(sitting, network_of(sitting, "cnn")) is None


def test_a_second_question_costs_no_probe(exams):
    sitting = sitting_of(exams("csc321-2018"), MyDilatedConv2d=Squares)
    first = smallest_for_layer(sitting, "dilated")
    probes = sitting.candidate.probes
    assert smallest_for_layer(sitting, "dilated") is first
    assert sitting.candidate.probes == probes


@pytest.mark.parametrize("probe", [1, 3, 9])
def test_a_candidate_that_hangs_ends_all_its_searches(probe, exams):
    sitting = sitting_of(exams("csc321-2018"), hangs_at=probe, MyDilatedConv2d=Clips)
    smallest_for_layer(sitting, "dilated")
    assert sitting.candidate.probes == probe
    assert smallest_for_layer(sitting, "dilated", "gradient.bias") is None
    assert sitting.candidate.probes == probe


@pytest.mark.slow
def test_the_same_seed_brings_the_same_case_also_with_others_searching_beside_it(exams):
    def search(layer):
        return smallest_for_layer(sitting_of(exams("csc321-2018"), MyDilatedConv2d=layer), "dilated")

    layers = [Squares, Clips, SeesOneImage, TakesOneChannel]
    alone = [search(layer) for layer in layers]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(search, layers * 2)) == alone * 2


_ELSEWHERE = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from grader.checks.sitting import Sitting
from grader.checks.smallest.layer import smallest_for_layer
from grader.exam.exam import Exam, Local
from grader.marking.rubric_file import load
from grader.worker.protocol import Definitions, Outline
from reference.data import load_horses
from reference.layers import MyDilatedConv2d
assert "hypothesis" not in sys.modules, "Hypothesis takes half a second to import, so not before it is needed"
class Doubles(MyDilatedConv2d):
    def forward(self, images):
        return 2 * super().forward(images)
exam = Exam(load(Path({root!r}) / "rubric.yaml").assignments["csc321-2018"], 1, load_horses())
sitting = Sitting(exam, None, Local({{"MyDilatedConv2d": Doubles}}), Outline(), Definitions())
assert smallest_for_layer(sitting, "dilated") is not None
"""


@pytest.mark.slow
def test_nothing_is_printed_written_or_warned_of(tmp_path):
    command = [sys.executable, "-W", "error", "-B", "-c", _ELSEWHERE.format(root=str(ROOT))]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
