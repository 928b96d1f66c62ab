"""Lines of Python that show a failing input, and what they print."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from grader.worker.protocol import Trouble

__all__ = ["VISIBLE", "cut", "exception", "filled", "made", "telling_part"]


# Layers are given integers whose sums single precision holds exactly, and networks what keeps their outputs below
# _LARGEST; another order of summation is off by less than this, and a smaller difference would explain nothing.
VISIBLE = 1e-2
_WHOLE, _PLANE, _ROW = 16, 64, 8  # elements that are shown of an output


# -- what is shown -----------------------------------------------------------------------------------------------------


def telling_part(expected: Tensor, actual: Tensor | None) -> str:
    """What to print of an output, as a suffix: all, or where it first differs; the shape if that is wrong."""
    if actual is None:
        return ""
    if expected.shape != actual.shape:
        return ".shape"
    if expected.numel() <= _WHOLE:
        return ""
    distance = (expected.to(torch.float64) - actual.to(torch.float64)).abs()
    first = (~(distance <= VISIBLE)).nonzero()[0].tolist()
    if expected.dim() == 4 and expected[0, 0].numel() <= _PLANE:
        return f"[{first[0]}, {first[1]}]"
    *before, last = first
    return f"[{', '.join(map(str, [*before, f'{last}:{last + _ROW}']))}]"


def cut(value: Tensor | None, part: str) -> Any:
    if value is None or part == "":
        return value
    if part == ".shape":
        return value.shape
    numbers = part.strip("[]").split(", ")
    return value[tuple(slice(*map(int, each.split(":"))) if ":" in each else int(each) for each in numbers)]


def exception(trouble: Trouble) -> str:
    if trouble.type == "Refusal":
        return trouble.text
    return f"{trouble.type}: {trouble.text}" if trouble.text else trouble.type


def made(name: str, value: Tensor) -> list[str]:
    """Lines that make a tensor of these values."""
    shape = ", ".join(map(str, value.shape))
    few = _few(value)
    if few is not None:
        return [f"{name} = torch.zeros({shape})", *(f"{name}[{place}] = {number}" for place, number in few)]
    if bool((value == 1).all()):
        return [f"{name} = torch.ones({shape})"]
    return [f"{name} = torch.tensor({_literal(value.tolist())})"]


def filled(name: str, value: Tensor) -> list[str]:
    """Lines that give a parameter these values."""
    few = _few(value)
    if few is not None:
        return [f"{name}.zero_()", *(f"{name}[{place}] = {number}" for place, number in few)]
    if bool((value == value.flatten()[0]).all()):
        return [f"{name}.fill_({int(value.flatten()[0])})"]
    return [f"{name}.copy_(torch.tensor({_literal(value.tolist())}))"]


def _few(value: Tensor) -> list[tuple[str, int]] | None:
    """The values that are not 0, each with its index, where that is shorter than all of them."""
    places = value.nonzero().tolist()
    if len(places) > (2 if value.numel() > 2 else 0):
        return None
    return [(", ".join(map(str, place)), int(value[tuple(place)])) for place in places]


def _literal(values: Any) -> str:
    """Nested lists as Python source, ``1.`` for one."""
    return f"[{', '.join(map(_literal, values))}]" if isinstance(values, list) else f"{int(values)}."
