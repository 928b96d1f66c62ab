"""What the measurement of growth calls linear, and that its shapes grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.linear import exponent
from bench.shapes import SHAPES, Shape


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_exponent_is_that_of_the_size(power: float) -> None:
    assert exponent([(size, 0.1 * size**power) for size in (1, 2, 4, 8, 16)]) == pytest.approx(power)


def test_times_that_are_too_short_say_nothing() -> None:
    assert exponent([(size, 0.001) for size in (1, 2, 4)]) is None
    assert exponent([(1, 0.001), (2, 0.001), (4, 1.0), (8, 2.0)]) == pytest.approx(1)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_shape_can_be_made_and_grows(shape: Shape, tmp_path: Path) -> None:
    small, large = (sum(len(path) + len(content) for path, content in shape.files(size).items()) for size in (8, 64))
    assert small < large
    assert shape.make(tmp_path, 8) == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


def test_no_two_shapes_share_a_name() -> None:
    assert len({shape.name for shape in SHAPES}) == len(SHAPES)
