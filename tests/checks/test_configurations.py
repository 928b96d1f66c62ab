"""Which configurations of a network are tried, and what follows from those that fit."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sittings import exam_of, sitting_of

from grader.checks.configurations import Configurations, Trial
from grader.checks.network import network_of
from grader.worker.protocol import Construction, Output, Trouble
from reference.arguments import Arguments

ARGUMENTS = Arguments(kernel=3, filters=8, colours=10)
OUTPUT = Output((2, 10, 32, 32), "torch.float32", True)


def trial(
    *outputs: Output, trainable: int = 7, after: int = 7, listed: bool = True, stopped: Trouble | None = None
) -> Trial:
    """A network that was built with 7 parameters, as is right, and was given one batch of two images."""
    reply = Construction(trainable, 0, listed, after, outputs, stopped)
    return Trial(ARGUMENTS, ((2, 10, 32, 32),), reply, frozenset({7}))


def not_built() -> Trial:
    return Trial(ARGUMENTS, ((2, 10, 32, 32),), Trouble("TypeError", "no such argument"), frozenset({7}))


def cnn(numbers: str = "*numbers", parameters: str = "*numbers") -> str:
    """The handout's CNN, made with other numbers than the constructor's."""
    return f"""\
class CNN(given.CNN):
    def __init__(self, {parameters}):
        super().__init__({numbers})
"""


def configurations_of(source: str, assignment: str = "csc321-2018", seed: int = 1) -> Configurations:
    return network_of(sitting_of(source, exam_of(assignment, seed)), "cnn").configurations


# -- one trial ---------------------------------------------------------------------------------------------------------


def test_a_trial_with_the_right_shape_type_and_number_fits():
    right = trial(OUTPUT)
    assert right.constructs and right.fits and right.has_right_count
    assert right.trouble is None and right.count_problem is None
    assert right.summary == "[2, 10, 32, 32]"


@pytest.mark.parametrize(
    ("output", "summary"),
    [
        pytest.param(Output((2, 10, 31, 32), "torch.float32", True), "[2, 10, 31, 32]", id="shape"),
        pytest.param(Output((2, 10, 32, 32), "torch.float64", True), "[2, 10, 32, 32] torch.float64", id="type"),
    ],
)
def test_an_output_of_another_shape_or_type_does_not_fit(output, summary):
    assert not trial(output).fits
    assert trial(output).summary == summary


def test_values_do_not_decide_whether_an_output_fits():
    not_finite = trial(Output((2, 10, 32, 32), "torch.float32", False))
    assert not_finite.fits
    assert not_finite.summary == "[2, 10, 32, 32] with NaN or infinity"


def test_a_network_that_was_built_and_stopped_constructs_but_does_not_fit():
    stopped = trial(stopped=Trouble("ValueError", "no"))
    assert stopped.constructs and not stopped.fits
    assert stopped.summary == "ValueError: no"


def test_a_network_that_was_not_built_has_nothing_to_count():
    assert not not_built().constructs and not not_built().fits and not not_built().has_right_count
    assert not_built().count_problem is None
    with pytest.raises(ValueError, match="no such argument"):
        _ = not_built().built


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        pytest.param(trial(OUTPUT, listed=False), "register every parameter", id="not listed"),
        pytest.param(trial(OUTPUT, after=9), "7 trainable parameters when it is made and 9 after", id="made late"),
    ],
)
def test_a_right_number_that_cannot_be_taken_as_it_is_has_a_problem(problem, reason):
    assert problem.has_right_count
    assert reason in problem.count_problem


# -- what is tried -----------------------------------------------------------------------------------------------------


def test_a_right_network_is_tried_with_every_pair_of_values():
    usual = configurations_of(cnn()).usual
    names = ("kernel", "num_filters", "num_colours")
    for first, second in combinations(names, 2):
        tried = {(each.arguments.named()[first], each.arguments.named()[second]) for each in usual}
        assert tried == set(product({value for value, _ in tried}, {value for _, value in tried}))
        assert len(tried) == 4


def test_a_right_network_needs_no_more_than_the_usual_configurations():
    right = configurations_of(cnn())
    assert right.trials == right.usual and right.unusual == ()
    assert right.fixed == {} and right.reordered is None and right.works


def test_a_configuration_is_tried_once():
    right = configurations_of(cnn())
    assert right.usual is right.usual


def test_a_class_that_ends_the_process_twice_is_not_tried_a_third_time():
    hopeless = configurations_of(cnn("*numbers, exit()"))
    assert len(hopeless.trials) == 2 and not hopeless.works


# -- what follows from it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "fixed"),
    [
        pytest.param("3, *numbers[1:]", {"kernel": 3}, id="a kernel"),
        pytest.param("numbers[0], 32, numbers[2]", {"num_filters": 32}, id="filters"),
        pytest.param("*numbers[:2], 24", {"num_colours": 24}, id="colours"),
        pytest.param("*numbers[:2], 16", {"num_colours": 16}, id="colours of another set of the course"),
        pytest.param("numbers[0], 8, 10", {"num_filters": 8, "num_colours": 10}, id="filters and colours"),
    ],
)
def test_a_number_that_is_hard_coded_is_found_with_its_parameter(numbers, fixed):
    configurations = configurations_of(cnn(numbers))
    assert configurations.fixed == fixed
    assert configurations.works
    assert all(fixed.items() <= arguments.named().items() for arguments in configurations.judged)


def test_another_order_of_the_constructors_parameters_is_found():
    swapped = configurations_of(cnn("kernel, num_filters, num_colours", "kernel, num_colours, num_filters"))
    assert swapped.reordered == ("kernel", "num_colours", "num_filters")
    assert swapped.fixed is None


def test_a_class_that_never_runs_has_no_rule():
    raises = configurations_of(cnn("*numbers, None, None"))
    assert raises.fixed is None and raises.reordered is None and not raises.works


@pytest.mark.slow
@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_the_numbers_in_which_a_network_is_judged_cannot_be_mistaken_for_each_other(seed):
    arguments = configurations_of(cnn(), "csc413-2020", seed).judged[0]
    assert arguments.colours not in (arguments.filters, 2 * arguments.filters)
    assert arguments.inputs != arguments.filters


def test_both_kernels_are_judged_where_none_is_hard_coded():
    assert [arguments.kernel for arguments in configurations_of(cnn()).judged] == [3, 5]


def test_with_kernel_changes_the_kernel_alone():
    right = configurations_of(cnn())
    assert right.with_kernel(5).arguments == Arguments(5, *right.trials[0].arguments.numbers[1:])
