"""Two tensors to a Difference or None: shapes before values, and NaN never passes. Pure.

Tolerances are derived, not guessed: the reference computes the same thing in single and in double precision, and what
lies between the two is the rounding that any right implementation may show too. See ``rounding``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grader.marking.evidence import Difference, Worst

__all__ = ["compare", "missing", "rounding", "share_of"]


# An implementation that adds in another order makes other rounding errors than the reference's, of the same size but
# not the same value; this many times the reference's own largest error bounds them. Wrong networks differ by 10⁴
# times more.
_SPREAD = 64


def compare(expected: Tensor, actual: Tensor, tolerance: float) -> Difference | None:
    """None if shapes agree and every ``|expected − actual| <= tolerance``; NaN and infinity never pass."""
    if expected.shape != actual.shape:
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
    wide, other = expected.double(), actual.double()
    distance = (wide - other).abs_()
    # `distance <= tolerance` and not its opposite, so that NaN counts as differing; the largest is NaN where any is.
    if distance.max().item() <= tolerance:
        return None
    # NaN is the worst there is, and argmax would be free to overlook it.
    flat = torch.nan_to_num(distance, nan=math.inf).flatten()
    place = int(flat.argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(place), expected.shape))
    return Difference(
        tuple(expected.shape),
        tuple(actual.shape),
        elements=expected.numel(),
        differing=int((~(distance <= tolerance)).sum()),
        worst=Worst(index, float(wide[index]), float(other[index])),
        largest=float(distance[index]),
        tolerance=tolerance,
        map=_map(distance),
    )


def missing(expected_shape: tuple[int, ...], actual_shape: tuple[int, ...]) -> Difference:
    """The difference where one side has no tensor at all, and so the shape ``()``."""
    return Difference(expected_shape, actual_shape, 0, 0, Worst((), 0.0, 0.0), largest=0.0, tolerance=0.0)


def share_of(tolerance: float, expected: Tensor, actual: Tensor) -> float:
    """How much of a tolerance two tensors of the same shape use up: 0 where they are equal, at most 1 where they
    pass."""
    if expected.numel() == 0:
        return 0.0
    largest = float((expected.to(torch.float64) - actual.to(torch.float64)).abs().max())
    if largest == 0:
        return 0.0
    return largest / tolerance if tolerance > 0 and math.isfinite(largest) else math.inf


def _map(distance: Tensor) -> tuple[tuple[float, ...], ...]:
    if distance.dim() != 4 or max(distance.shape[2:]) > 32:
        return ()
    return tuple(tuple(float(f"{value:.3g}") for value in row) for row in distance.amax(dim=(0, 1)).tolist())


def rounding(single: Tensor, double: Tensor) -> float:
    """The tolerance that single precision earns: from the reference's values in single and double precision.

    64 times the largest distance between the two, and never less than the spacing of single-precision numbers at the
    largest value: below that a difference has no meaning.
    """
    if single.numel() == 0:
        return 0.0
    distance = float((single.to(torch.float64) - double).abs().max())
    spacing = torch.finfo(torch.float32).eps * float(double.abs().max())
    return _SPREAD * max(distance, spacing)
