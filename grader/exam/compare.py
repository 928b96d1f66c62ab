"""Compares two tensors: shapes before values, and NaN never passes. The functions are pure.

Tolerances are derived, not guessed. The reference computes the same thing in single and in double precision; the
distance between the two is rounding, which any right implementation may show too. See ``rounding``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grader.marking.evidence import Difference, Worst

__all__ = ["compare", "missing", "rounding", "same", "share_of"]

# An implementation that adds in another order makes other rounding errors than the reference, but of the same size.
# This many times the reference's largest error bounds them. The outputs of wrong networks differ by 10⁴ times more.
_SPREAD = 64


def compare(expected: Tensor, actual: Tensor, tolerance: float) -> Difference | None:
    """The difference of two tensors; None if shapes agree and every ``|expected − actual| <= tolerance``.

    NaN and infinity never pass, nor does a tensor that is a shape alone.
    """
    if expected.shape != actual.shape or expected.is_meta or actual.is_meta:
        return Difference(
            tuple(expected.shape),
            tuple(actual.shape),
            elements=0,
            differing=0,
            worst=Worst((), math.nan, math.nan),
            largest=math.nan,
            tolerance=tolerance,
        )
    if expected.numel() == 0:
        return None
    distance = _distance(expected, actual)
    # The maximum is NaN if any distance is, and NaN <= tolerance is false: so NaN counts as differing.
    if distance.max().item() <= tolerance:
        return None
    # NaN is the worst difference. As infinity, argmax is sure to find it.
    flat = torch.nan_to_num(distance, nan=math.inf).flatten()
    place = int(flat.argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(place), expected.shape))
    return Difference(
        tuple(expected.shape),
        tuple(actual.shape),
        elements=expected.numel(),
        differing=int((~(distance <= tolerance)).sum()),
        worst=Worst(index, float(expected[index]), float(actual[index])),
        largest=float(distance[index]),
        tolerance=tolerance,
        map=_map(distance),
    )


def same(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors are equal, as far as that is known: of one that is a shape alone, only the shape is."""
    if first.is_meta or second.is_meta:
        return first.is_meta and second.is_meta and first.shape == second.shape
    return torch.equal(first.to(torch.float64), second.to(torch.float64))


def missing(expected_shape: tuple[int, ...], actual_shape: tuple[int, ...]) -> Difference:
    """The difference if one side has no tensor at all, and so the shape ``()``."""
    return Difference(expected_shape, actual_shape, 0, 0, Worst((), 0.0, 0.0), largest=0.0, tolerance=0.0)


def share_of(tolerance: float, expected: Tensor, actual: Tensor) -> float:
    """The share of a tolerance that two tensors of one shape use up: 0 if they are equal, at most 1 if they pass."""
    if expected.numel() == 0:
        return 0.0
    largest = float(_distance(expected, actual).max())
    if largest == 0:
        return 0.0
    return largest / tolerance if tolerance > 0 and math.isfinite(largest) else math.inf


def _distance(first: Tensor, second: Tensor) -> Tensor:
    """The absolute distance of each element, in double precision. Both may be of any type, booleans too."""
    return first.to(torch.float64, copy=True).sub_(second.to(torch.float64)).abs_()


def _map(distance: Tensor) -> tuple[tuple[float, ...], ...]:
    """The largest distance per pixel, (H, W), of distances (B, C, H, W); empty for other or larger tensors."""
    if distance.dim() != 4 or max(distance.shape[2:]) > 32:
        return ()
    return tuple(tuple(float(f"{value:.3g}") for value in row) for row in distance.amax(dim=(0, 1)).tolist())


def rounding(single: Tensor, double: Tensor) -> float:
    """The tolerance for single precision, from the reference's values in single and in double precision.

    It is 64 times the largest distance between the two. If that distance is less than the spacing of single-precision
    numbers at the largest value, the spacing takes its place: a smaller difference has no meaning.
    """
    if single.numel() == 0 or single.is_meta:
        return 0.0
    distance = float(_distance(single, double).max())
    spacing = torch.finfo(torch.float32).eps * float(double.abs().max())
    return _SPREAD * max(distance, spacing)
