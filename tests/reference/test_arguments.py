"""The numbers a network is built from: what its constructor is called with, and how they are written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference.arguments import PARAMETERS, Arguments

ARGUMENTS = Arguments(kernel=3, filters=8, colours=24, inputs=2)


def test_a_constructor_gets_its_own_parameters_in_its_own_order():
    assert ARGUMENTS.positional(PARAMETERS) == (3, 8, 24, 2)
    assert ARGUMENTS.positional(("kernel", "num_filters")) == (3, 8)
    assert ARGUMENTS.positional(("num_filters", "kernel", "num_colours")) == (8, 3, 24)


def test_the_text_has_the_handouts_names():
    assert ARGUMENTS.text(("kernel", "num_filters")) == "kernel=3, num_filters=8"


def test_names_and_values_make_the_same_arguments_again():
    assert Arguments.from_names(ARGUMENTS.named()) == ARGUMENTS
    assert ARGUMENTS.numbers == tuple(ARGUMENTS.named().values())


def test_a_network_without_a_parameter_has_three_colours_and_one_input_channel():
    assert Arguments.from_names({"kernel": 5, "num_filters": 4}).numbers == (5, 4, 3, 1)


def test_another_name_is_refused():
    with pytest.raises(KeyError, match="depth"):
        Arguments.from_names({"kernel": 3, "num_filters": 4, "depth": 2})


def test_equal_arguments_are_one_key():
    assert len({ARGUMENTS, replace(ARGUMENTS, kernel=5), Arguments(3, 8, 24, 2)}) == 2
