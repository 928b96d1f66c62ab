"""Lines of Python that show a failing input, and what they print."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from grader.worker.protocol import Trouble

__all__ = ["VISIBLE", "cut", "exception", "filled", "made", "telling_part"]

# The smallest difference that counts. Layers are given integers, whose sums single precision holds exactly, and
# networks are given values that keep their outputs below 100. So another order of summation changes an output by less
# than this, and a smaller difference would not explain anything.
VISIBLE = 1e-2
# The most elements of an output that are printed: of a whole output, of one image plane, and of a row.
_WHOLE, _PLANE, _ROW = 16, 64, 8


def telling_part(expected: Tensor, actual: Tensor | None) -> str:
    """The part of an output to print, as a suffix in Python.

    It is ``.shape`` if the shape is wrong, empty for a whole small output, or else an index of the plane or of the part
    of a row in which it first differs, such as ``[0, 1]`` or ``[0, 1, 2, 3:11]``.
    """
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
    """The part of a value that such a suffix stands for."""
    if value is None or part == "":
        return value
    if part == ".shape":
        return value.shape
    indices = part.strip("[]").split(", ")
    return value[tuple(slice(*map(int, index.split(":"))) if ":" in index else int(index) for index in indices)]


def exception(trouble: Trouble) -> str:
    """What stopped the code, as Python prints it: ``ValueError: too many values``."""
    if trouble.type == "Refusal":
        return trouble.text
    return f"{trouble.type}: {trouble.text}" if trouble.text else trouble.type


def made(name: str, value: Tensor) -> list[str]:
    """Lines that make a tensor of these values."""
    shape = ", ".join(map(str, value.shape))
    elements = _few(value)
    if elements is not None:
        return [f"{name} = torch.zeros({shape})", *(f"{name}[{place}] = {number}" for place, number in elements)]
    if bool((value == 1).all()):
        return [f"{name} = torch.ones({shape})"]
    return [f"{name} = torch.tensor({_literal(value.tolist())})"]


def filled(name: str, value: Tensor) -> list[str]:
    """Lines that give a parameter these values."""
    elements = _few(value)
    if elements is not None:
        return [f"{name}.zero_()", *(f"{name}[{place}] = {number}" for place, number in elements)]
    if bool((value == value.flatten()[0]).all()):
        return [f"{name}.fill_({int(value.flatten()[0])})"]
    return [f"{name}.copy_(torch.tensor({_literal(value.tolist())}))"]


def _few(value: Tensor) -> list[tuple[str, int]] | None:
    """The values that are not 0, each with its index; None if listing all values is shorter."""
    places = value.nonzero().tolist()
    if len(places) > (2 if value.numel() > 2 else 0):
        return None
    return [(", ".join(map(str, place)), int(value[tuple(place)])) for place in places]


def _literal(values: Any) -> str:
    """Nested lists of numbers as Python source, such as ``[1., 2.]``."""
    return f"[{', '.join(map(_literal, values))}]" if isinstance(values, list) else f"{int(values)}."
