"""Comparing tensors: shapes first, NaN never passes, and the tolerance is what rounding earns."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.exam.compare import compare, rounding, same, share_of


def test_equal_tensors_have_no_difference():
    value = torch.randn(2, 3, 4, 4)
    assert compare(value, value.clone(), 0.0) is None


def test_another_shape_is_said_before_any_value():
    difference = compare(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 5, 4), 1e9)
    assert difference is not None and not difference.same_shape
    assert "[1, 2, 5, 4]" in difference.sentence() and "[1, 2, 4, 4]" in difference.sentence()


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64])
def test_any_types_are_compared_by_their_values(dtype):
    expected, actual = torch.tensor([0.0, 1.0]), torch.tensor([0, 1]).to(dtype)
    assert compare(expected, actual, 0.0) is None and share_of(0.0, expected, actual) == 0 and same(expected, actual)
    difference = compare(expected + 1, actual, 0.5)
    assert difference is not None and difference.largest == 1 and difference.worst.expected == 1


def test_what_is_a_shape_alone_equals_no_values_and_is_the_same_as_its_like():
    shape, values = torch.empty(2, 3, device="meta"), torch.zeros(2, 3)
    assert compare(values, shape, 1e9) is not None
    assert same(shape, shape.clone()) and not same(shape, values) and not same(shape, shape.t())


def test_a_comparison_of_single_numbers_has_a_difference_too():
    difference = compare(torch.tensor(1.0), torch.tensor(3.0), 0.5)
    assert difference is not None and difference.worst.index == () and difference.largest == 2


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_never_passes(bad):
    actual = torch.zeros(3)
    actual[1] = bad
    difference = compare(torch.zeros(3), actual, 1e30)
    assert difference is not None and difference.worst.index == (1,) and difference.differing == 1


def test_not_a_number_is_the_worst_even_beside_a_large_difference():
    difference = compare(torch.zeros(2), torch.tensor([1e30, math.nan]), 0.1)
    assert difference is not None and difference.worst.index == (1,)


@given(st.floats(0, 10), st.floats(0, 10))
def test_a_difference_passes_exactly_when_it_is_within_the_tolerance(distance, tolerance):
    zero = torch.zeros(1, dtype=torch.float64)
    assert (compare(zero, zero + distance, tolerance) is None) == (distance <= tolerance)


def test_the_map_shows_where_the_difference_is():
    actual = torch.zeros(2, 3, 4, 5)
    actual[1, 2, 3, 4] = 7
    difference = compare(torch.zeros(2, 3, 4, 5), actual, 0.5)
    assert difference is not None
    assert [row.count(7.0) for row in difference.map] == [0, 0, 0, 1] and len(difference.map[0]) == 5


def test_another_order_of_summation_stays_within_the_rounding_of_the_reference():
    generator = torch.Generator().manual_seed(0)
    image, weight = torch.randn(1, 64, 16, 16, generator=generator), torch.randn(8, 64, 5, 5, generator=generator)
    single = torch.nn.functional.conv2d(image, weight, padding=2)
    double = torch.nn.functional.conv2d(image.double(), weight.double(), padding=2)
    order = torch.randperm(64, generator=generator)
    other = torch.nn.functional.conv2d(image[:, order], weight[:, order], padding=2)
    tolerance = rounding(single, double)
    assert compare(single, other, tolerance) is None
    assert tolerance < 1e-2 * float(single.abs().max())


def test_the_tolerance_is_never_below_the_spacing_of_the_numbers():
    exact = torch.full((3,), 1000.0)
    assert rounding(exact, exact.double()) >= 1000 * torch.finfo(torch.float32).eps
