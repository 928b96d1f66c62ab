"""The smallest failing input of a convolution layer."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from grader.checks.sitting import Sitting
from grader.checks.smallest.hunt import (
    Drawing,
    Enough,
    Hunt,
    Smallest,
    counts,
    differs,
    shortest,
    small_numbers,
    zeros_and_ones,
)
from grader.checks.smallest.lines import cut, exception, filled, made, telling_part
from grader.marking.evidence import Snippet
from grader.worker.protocol import LayerRun, RunLayer, Tensors, TraceNetwork, Trouble
from reference.handouts import LayerFacts

__all__ = ["smallest_for_layer"]

_KERNELS = (1, 3, 5)
_MOST_GAPS, _MOST_SIDE = 3, 6
# How many probes each part of the search may use.
_SIZE_PROBES, _VALUE_PROBES = 80, 150
# Parameter names come from the submission, so only plain ones go into the lines of code.
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w{0,40}", re.ASCII)


@dataclass(frozen=True)
class _Sizes:
    """A layer and the size of its input."""

    kernel: int
    gap: int | None
    """None for the ordinary layer."""
    batch: int
    inputs: int
    outputs: int
    height: int
    width: int

    @property
    def arguments(self) -> tuple[int, ...]:
        """The arguments of the layer's constructor."""
        return (self.inputs, self.outputs, self.kernel, *(() if self.gap is None else (self.gap,)))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """``weight`` (O, I, K, K), ``bias`` (O,) and ``input`` (B, I, H, W)."""
        return {
            "weight": (self.outputs, self.inputs, self.kernel, self.kernel),
            "bias": (self.outputs,),
            "input": (self.batch, self.inputs, self.height, self.width),
        }

    @property
    def description(self) -> str:
        """The sizes in words, for feedback: ``a 1×1×3×3 image with kernel 3``."""
        image = "×".join(map(str, self.shapes["input"]))
        return f"a {image} image with kernel {self.kernel}" + ("" if self.gap is None else f" and dilation {self.gap}")


def smallest_for_layer(
    sitting: Sitting, thing: str, of: str = "output", *, among: Collection[tuple[int, int | None]] = ()
) -> Smallest | None:
    """The smallest layer and input for which a tensor differs from the reference's; None if no case was found in time.

    ``thing`` is the first half of the layer's criterion ids. ``of`` names the tensor: ``output``, or
    ``gradient.input``, ``gradient.weight`` or ``gradient.bias`` for the gradients of the output's sum. ``among`` are
    pairs of a kernel and a gap (None for the ordinary layer) that are known to fail, which shortens the search. If it
    is empty, all pairs are searched.
    """
    layer = sitting.exam.handout.layer_things[thing]

    def make() -> Smallest | None:
        gaps: Iterable[int | None] = range(_MOST_GAPS + 1) if layer.dilated else (None,)
        pairs = sorted(set(among) or product(_KERNELS, gaps), key=lambda pair: (pair[0], pair[1] or 0))
        return _LayerHunt(sitting, layer, of, tuple(pairs)).smallest()

    return sitting.once(("smallest", thing, of), make)


class _LayerHunt:
    """The search for one layer."""

    def __init__(self, sitting: Sitting, layer: LayerFacts, of: str, pairs: tuple[tuple[int, int | None], ...]) -> None:
        self._exam = sitting.exam
        self._hunt = Hunt(sitting, f"{layer.thing}/{of}")
        self._cls = layer.cls
        self._of = of
        self._pairs = pairs
        """The pairs of a kernel and a gap to choose from."""

    def smallest(self) -> Smallest | None:
        """The smallest failing case; None if none was found. The sizes are made small first, then the values."""
        case = self._least_sizes(wide=False) or self._least_sizes(wide=True)
        if case is None:
            return None
        sizes, tensors = case
        # A layer is linear in its input and in its filter, or nearly so. If any values show what is wrong, a single
        # weight and a single pixel usually do. Only if they don't, every value is drawn by itself.
        for drawing in (_crossed_values(sizes), small_numbers(sum(map(math.prod, sizes.shapes.values())))):
            self._hunt.allow(_VALUE_PROBES)
            values = self._hunt.least(drawing, lambda values: self._fails(sizes, _shared_out(sizes, values)), _plainest)
            if values is not None:
                tensors = _shared_out(sizes, values)
                break
        self._hunt.allow(2)
        try:
            return self._shown(sizes, tensors)
        except Enough:
            return None

    def _least_sizes(self, *, wide: bool) -> tuple[_Sizes, Tensors] | None:
        """The smallest sizes that fail, with the values that they fail with.

        ``wide`` searches images that are large enough for the filter.
        """
        self._hunt.allow(_SIZE_PROBES if wide else _SIZE_PROBES // 2)
        side = 1 if wide else _MOST_SIDE - 1

        def case(numbers: tuple[int, ...]) -> tuple[_Sizes, Tensors]:
            pair, batch, inputs, outputs, height, width, signs = numbers
            kernel, gap = self._pairs[pair]
            reach = kernel // 2 * ((gap or 0) + 1) if wide else 0
            sizes = _Sizes(kernel, gap, 1 + batch, 1 + inputs, 1 + outputs, 1 + reach + height, 1 + reach + width)
            return sizes, _distinct_values(sizes, signed=bool(signs))

        drawing = counts(len(self._pairs) - 1, 1, 1, 1, side, side, 1)
        numbers = self._hunt.least(drawing, lambda numbers: self._fails(*case(numbers)), shortest)
        return None if numbers is None else case(numbers)

    def _expected(self, sizes: _Sizes, tensors: Tensors) -> Tensor | None:
        """The reference's tensor; None if the reference has no such tensor."""
        _, outputs = self._exam.reference.answer(self._probe(sizes), {**tensors, "upstream": self._upstream(sizes)})
        return outputs.get(self._of)

    def _probe(self, sizes: _Sizes) -> RunLayer:
        return RunLayer(cls=self._cls, arguments=sizes.arguments, elements=self._upstream(sizes).numel())

    def _upstream(self, sizes: _Sizes) -> Tensor:
        """Ones (B, O, H, W), so that the gradients are those of the output's sum."""
        return torch.ones(sizes.batch, sizes.outputs, sizes.height, sizes.width)

    def _actual(self, sizes: _Sizes, tensors: Tensors) -> tuple[LayerRun | Trouble, Tensors]:
        return self._hunt.ask(self._probe(sizes), {**tensors, "upstream": self._upstream(sizes)})

    def _fails(self, sizes: _Sizes, tensors: Tensors) -> bool:
        """Whether the layer's tensor differs from the reference's in this case."""
        expected = self._expected(sizes, tensors)
        if expected is None:
            return False
        reply, outputs = self._actual(sizes, tensors)
        if self._of == "output":
            return isinstance(reply, Trouble) or differs(expected, outputs["output"])
        if isinstance(reply, Trouble) or outputs["output"].shape != self._upstream(sizes).shape:
            return False
        return self._of not in outputs or differs(expected, outputs[self._of])

    def _shown(self, sizes: _Sizes, tensors: Tensors) -> Smallest | None:
        """The case as lines of code, with what they should print and what they print."""
        expected = self._expected(sizes, tensors)
        if expected is None:
            return None
        reply, outputs = self._actual(sizes, tensors)
        if isinstance(reply, Trouble):
            verb, part = "stops", ""
            expected_text, actual_text = str(expected), exception(reply)
        else:
            actual = outputs.get(self._of)
            verb, part = "differs", telling_part(expected, actual)
            expected_text, actual_text = str(cut(expected, part)), str(cut(actual, part))
        snippet = Snippet(self._code(sizes, tensors, part), expected_text, actual_text)
        sentence = f"The smallest input found on which it {verb} is {sizes.description}: see the lines of code."
        return Smallest(snippet, sentence)

    def _code(self, sizes: _Sizes, tensors: Tensors, part: str) -> str:
        """Lines of Python that build the layer and the image, and print the ``part`` of the tensor that differs."""
        weight, bias = self._names(sizes, tensors)
        sources = {"input": "images", "weight": f"layer.{weight}", "bias": f"layer.{bias}"}
        call = f"{self._cls}({', '.join(map(str, sizes.arguments))})"
        lines = ["import torch", "", f"layer = {call}", *made("images", tensors["input"])]
        fill = [*filled(sources["weight"], tensors["weight"]), *filled(sources["bias"], tensors["bias"])]
        lines += ["with torch.no_grad():", *(f"    {line}" for line in fill)]
        if self._of == "output":
            return "\n".join([*lines, f"    print(layer(images){part})"])
        # `source` is set before the call, because a layer may replace its parameter while it runs.
        source = sources[self._of.removeprefix("gradient.")]
        return "\n".join([
            *lines, "images.requires_grad_()", f"source = {source}", "output = layer(images)",
            "if output.requires_grad:", "    output.sum().backward()", f"print(source.grad{part})",
        ])  # fmt: skip

    def _names(self, sizes: _Sizes, tensors: Tensors) -> tuple[str, str]:
        """The attributes that hold the layer's weight and bias; the handout's names if that is not clear."""
        probe = TraceNetwork(cls=self._cls, arguments=sizes.arguments)
        try:
            trace, _ = self._hunt.ask(probe, {"input": tensors["input"]})
        except Enough:
            return "weight", "bias"
        traced = () if isinstance(trace, Trouble) else (*trace.parameters, *trace.unused)
        dimensions = {tensor.name: len(tensor.shape) for tensor in traced if _PLAIN_NAME.fullmatch(tensor.name)}
        weights = [name for name, count in dimensions.items() if count == 4]
        biases = [name for name, count in dimensions.items() if count == 1]
        if {"weight", "bias"} <= dimensions.keys() or not (len(weights) == len(biases) == 1):
            return "weight", "bias"
        return weights[0], biases[0]


# -- values ------------------------------------------------------------------------------------------------------------


def _distinct_values(sizes: _Sizes, *, signed: bool) -> Tensors:
    """Small integers of which no two neighbours are equal, so that a mixed-up weight or pixel shows.

    If ``signed``, every second value is negative.
    """
    tensors = {}
    for (name, shape), step, cycle in zip(sizes.shapes.items(), (2, 1, 3), (5, 3, 7), strict=True):
        place = torch.arange(math.prod(shape))
        sign = 1 - 2 * (place % 2) * signed
        tensors[name] = ((place * step % cycle + 1) * sign).to(torch.float32).reshape(shape)
    return tensors


def _plainest(values: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
    """The size by which values are compared: fewer non-zero values first, then more ones, then ones placed later."""
    nonzero = [value for value in values if value]
    return len(nonzero), sum(value != 1 for value in nonzero), tuple(map(abs, values))


def _crossed_values(sizes: _Sizes) -> Drawing[tuple[int, ...]]:
    """Values 0 and 1, drawn with one toss per place along each axis, not one per element.

    An element is 1 if its place along every axis is 1. So a few tosses draw whole rows and columns.
    """
    axes = [_long_axes(shape) for shape in sizes.shapes.values()]

    def read(tosses: tuple[bool, ...]) -> tuple[int, ...]:
        values: list[int] = []
        remaining = iter(tosses)
        for shape, lengths in zip(sizes.shapes.values(), axes, strict=True):
            tensor = torch.ones(shape, dtype=torch.int64)
            for axis, length in lengths.items():
                along = torch.tensor([int(next(remaining)) for _ in range(length)])
                tensor = tensor * along.reshape([length if other == axis else 1 for other in range(len(shape))])
            values += tensor.flatten().tolist()
        return tuple(values)

    return zeros_and_ones(sum(sum(lengths.values()) for lengths in axes), read)


def _long_axes(shape: tuple[int, ...]) -> dict[int, int]:
    """The axes longer than 1, with their lengths; the first axis if all have length 1."""
    return {axis: length for axis, length in enumerate(shape) if length > 1} or {0: 1}


def _shared_out(sizes: _Sizes, values: tuple[int, ...]) -> Tensors:
    """The tensors of the layer, filled with the values in order."""
    shapes = sizes.shapes
    lengths = list(map(math.prod, shapes.values()))
    pieces = torch.split(torch.tensor(values, dtype=torch.float32), lengths)
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}
