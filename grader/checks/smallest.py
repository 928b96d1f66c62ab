"""The smallest failing input: where a layer or a network equals nothing known, the least case on which it goes wrong.

Hypothesis draws cases, the candidate answers them, and what differs from the reference is shrunk: first the sizes, with
values in which everything tells, then the values, towards 0 and 1. The outcome is a few lines of code that a student
pastes below the class and runs; the expected output is computed here, and no line of the reference is shown.

Theory. A choice is drawn as a row of coin tosses, its number of heads: Hypothesis deletes tosses one by one, so what
remains cannot lose one more. It draws integers partly from constants in the source files of whoever calls it, for which
it keeps a folder on disk and which would make a case depend on what else is imported; coins have no such source.
A search is bounded by the number of probes, so that the same submission gets the same case on any machine; the seconds
are a safety net. A candidate that hangs or crashes ends all searches of its submission.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from random import Random
from typing import Any, TypeVar

import torch
from torch import Tensor

from grader.checks.networks import Examined
from grader.checks.sitting import Sitting, arguments_of
from grader.compare import compare, rounding
from grader.worker.answers import pattern
from reference.known import Known
from reference.network import Network

__all__ = ["Smallest", "smallest_for_layer", "smallest_for_network"]

Message = dict[str, Any]
Tensors = dict[str, Tensor]
Drawn = TypeVar("Drawn", bound=Hashable)

_SECONDS = 5.0  # a submission, all searches together
_SIZE_PROBES, _VALUE_PROBES, _NETWORK_PROBES = 80, 150, 150
_PATIENCE = 40  # probes without another failing case, once there is one
_MOST_DRAWN = 250  # cases, of which a probe is spent on those that are new and suit
_ROUNDS = 10
# Layers are given integers whose sums single precision holds exactly, and networks what keeps their outputs below
# _LARGEST; another order of summation is off by less than this, and a smaller difference would explain nothing.
_VISIBLE = 1e-2
# What single precision may lose of a pixel.
_SHAKEN = 1e-6
# Beyond this, four decimals are more than single precision has.
_LARGEST = 100.0
_WHOLE, _PLANE, _ROW = 16, 64, 8  # elements that are shown of an output


@dataclass(frozen=True)
class Smallest:
    """The least case found on which a candidate goes wrong."""

    snippet: dict[str, str]
    """``code`` to paste below the class, and what it prints: ``expected`` and ``actual``."""
    sentence: str
    """For the feedback."""


class _Enough(BaseException):
    """The search is over. Not an Exception, which Hypothesis would take for a failing case."""


class _Hunt:
    """Searches in one submission: what they may ask, and what Hypothesis makes of it."""

    def __init__(self, sitting: Sitting, purpose: str) -> None:
        self._sitting = sitting
        self._purpose = purpose
        self._left = 0
        self._patience = 0

    def allow(self, probes: int) -> None:
        """So many probes from now on."""
        self._left = self._patience = probes

    def ask(self, probe: Message, tensors: Tensors) -> tuple[Message, Tensors]:
        """The candidate's evidence. Raises _Enough when the allowance is used up, or the candidate hangs or crashes."""
        if min(self._left, self._patience) <= 0 or self._sitting.kept.get("smallest/over", False):
            raise _Enough
        self._left, self._patience = self._left - 1, self._patience - 1
        probe = {"rng": self._sitting.exam.number("smallest"), **probe}
        evidence, outputs = self._sitting.candidate.answer(probe, tensors)
        if evidence.get("trouble", {}).get("type") == "Stopped":
            self._sitting.kept["smallest/over"] = True
            raise _Enough
        return evidence, outputs

    def least(
        self,
        strategy: Any,
        read: Callable[[tuple[Any, ...]], Drawn],
        fails: Callable[[Drawn], bool],
        size: Callable[[Drawn], Any],
    ) -> Drawn | None:
        """The failing case of the least ``size`` among those that Hypothesis came by; None if all were right.

        ``strategy`` draws tosses, of which ``read`` makes a case. (Hypothesis itself could, but would note how.)
        """
        from hypothesis import Phase, Verbosity, find, settings
        from hypothesis.errors import NoSuchExample

        seen: dict[Drawn, bool] = {}
        kept = self._sitting.kept
        start = time.monotonic() - kept.get("smallest/seconds", 0.0)

        def condition(tosses: tuple[Any, ...]) -> bool:
            kept["smallest/seconds"] = time.monotonic() - start
            if not kept["smallest/seconds"] <= _SECONDS:
                raise _Enough
            drawn = read(tosses)
            if drawn not in seen:
                seen[drawn] = fails(drawn)
                if seen[drawn]:
                    self._patience = _PATIENCE
            return seen[drawn]

        quietly = settings(
            max_examples=_MOST_DRAWN,
            phases=(Phase.generate, Phase.shrink),
            database=None,
            deadline=None,
            derandomize=True,
            print_blob=False,
            verbosity=Verbosity.quiet,
        )
        random = Random(self._sitting.exam.number(f"smallest/{self._purpose}"))
        with contextlib.suppress(NoSuchExample, _Enough):
            find(strategy, condition, settings=quietly, random=random)
        return min((drawn for drawn, failing in seen.items() if failing), key=size, default=None)


def _counts(*most: int) -> Any:
    """Numbers, each from 0 to its ``most``, as so many tosses; they shrink to zeros. ``_lengths`` reads them."""
    from hypothesis import strategies as st

    return st.tuples(*(st.lists(st.none(), max_size=each) for each in most))


def _lengths(tosses: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(map(len, tosses))


def _bits(number: int) -> Any:
    """So many of 0 and 1, as truth values; they shrink to 0."""
    from hypothesis import strategies as st

    return st.tuples(*[st.booleans()] * number)


def _small_numbers(tosses: tuple[Any, ...]) -> tuple[int, ...]:
    """0, 1, −1 and 2, of two tosses each."""
    return tuple((0, 1, -1, 2)[2 * first + second] for first, second in zip(tosses[::2], tosses[1::2], strict=True))


def _differs(expected: Tensor, actual: Tensor) -> bool:
    return compare(expected, actual, _VISIBLE) is not None


# -- layers ------------------------------------------------------------------------------------------------------------

_LAYERS = {"dilated": "MyDilatedConv2d", "my-conv2d": "MyConv2d"}
_KERNELS = (1, 3, 5)
_MOST_GAPS, _MOST_SIDE = 3, 6
# The names come from the submission.
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
    def arguments(self) -> list[int]:
        return [self.inputs, self.outputs, self.kernel] + ([] if self.gap is None else [self.gap])

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {
            "weight": (self.outputs, self.inputs, self.kernel, self.kernel),
            "bias": (self.outputs,),
            "input": (self.batch, self.inputs, self.height, self.width),
        }

    def told(self) -> str:
        image = "×".join(map(str, self.shapes["input"]))
        return f"a {image} image with kernel {self.kernel}" + ("" if self.gap is None else f" and dilation {self.gap}")


def smallest_for_layer(
    sitting: Sitting, thing: str, of: str = "output", *, among: Collection[tuple[int, int | None]] = ()
) -> Smallest | None:
    """The least layer and input whose ``of`` is not the reference's; None if none was found in the time allowed.

    ``thing`` is ``dilated`` or ``my-conv2d``; ``of`` is ``output``, or ``gradient.input``, ``gradient.weight`` or
    ``gradient.bias`` for the gradient of the output's sum. ``among``: kernels and gaps that have been seen to go wrong
    (a gap of None for the ordinary layer), which shortens the search; none for all there are.
    """
    key = ("smallest", thing, of)
    if key not in sitting.kept:
        gaps: Iterable[int | None] = range(_MOST_GAPS + 1) if thing == "dilated" else (None,)
        pairs = sorted(set(among) or product(_KERNELS, gaps), key=lambda pair: (pair[0], pair[1] or 0))
        sitting.kept[key] = _LayerHunt(sitting, thing, of, tuple(pairs)).smallest()
    return sitting.kept[key]  # type: ignore[no-any-return]


class _LayerHunt:
    """The search for one layer."""

    def __init__(self, sitting: Sitting, thing: str, of: str, pairs: tuple[tuple[int, int | None], ...]) -> None:
        self._exam = sitting.exam
        self._hunt = _Hunt(sitting, f"{thing}/{of}")
        self._cls = _LAYERS[thing]
        self._of = of
        self._pairs = pairs
        """Kernels and gaps to choose from."""

    def smallest(self) -> Smallest | None:
        """First the sizes, then the values."""
        telling = self._sizes(wide=False) or self._sizes(wide=True)
        if telling is None:
            return None
        sizes, tensors = telling
        elements = sum(int(torch.Size(shape).numel()) for shape in sizes.shapes.values())
        crossed = sum(sum(_crossings(shape).values()) for shape in sizes.shapes.values())
        # A layer is linear in its input and in its filter, or nearly so: if any values show what is wrong, a single
        # weight and a single pixel mostly do. Only where they don't, all values are drawn one by one.
        for tosses, read in ((crossed, partial(_crossed, sizes)), (2 * elements, _small_numbers)):
            self._hunt.allow(_VALUE_PROBES)
            values = self._hunt.least(
                _bits(tosses), read, lambda values: self._fails(sizes, _shared_out(sizes, values)), _plainest
            )
            if values is not None:
                tensors = _shared_out(sizes, values)
                break
        self._hunt.allow(2)
        try:
            return self._told(sizes, tensors)
        except _Enough:
            return None

    def _sizes(self, *, wide: bool) -> tuple[_Sizes, Tensors] | None:
        """The least sizes, with the values that they were found by. ``wide``: on images that the filter fits into."""
        self._hunt.allow(_SIZE_PROBES if wide else _SIZE_PROBES // 2)
        side = 1 if wide else _MOST_SIDE - 1
        strategy = _counts(len(self._pairs) - 1, 1, 1, 1, side, side, 1)

        def case(counts: tuple[int, ...]) -> tuple[_Sizes, Tensors]:
            return _telling(*self._pairs[counts[0]], counts[1:], wide)

        counts = self._hunt.least(strategy, _lengths, lambda counts: self._fails(*case(counts)), _shortest)
        return None if counts is None else case(counts)

    def _expected(self, sizes: _Sizes, tensors: Tensors) -> Tensor | None:
        """What the reference says; None where it has no answer either."""
        probe = {"do": "layer", "cls": self._cls, "args": sizes.arguments}
        return self._exam.reference.answer(probe, {**tensors, "upstream": self._upstream(sizes)})[1].get(self._of)

    def _upstream(self, sizes: _Sizes) -> Tensor:
        return torch.ones(sizes.batch, sizes.outputs, sizes.height, sizes.width)

    def _actual(self, sizes: _Sizes, tensors: Tensors) -> tuple[Message, Tensors]:
        probe = {"do": "layer", "cls": self._cls, "args": sizes.arguments}
        return self._hunt.ask(probe, {**tensors, "upstream": self._upstream(sizes)})

    def _fails(self, sizes: _Sizes, tensors: Tensors) -> bool:
        expected = self._expected(sizes, tensors)
        if expected is None:
            return False
        evidence, outputs = self._actual(sizes, tensors)
        if self._of == "output":
            return "trouble" in evidence or _differs(expected, outputs["output"])
        if "trouble" in evidence or outputs["output"].shape != self._upstream(sizes).shape:
            return False
        return self._of not in outputs or _differs(expected, outputs[self._of])

    def _told(self, sizes: _Sizes, tensors: Tensors) -> Smallest | None:
        expected = self._expected(sizes, tensors)
        if expected is None:
            return None
        evidence, outputs = self._actual(sizes, tensors)
        verb, actual = "differs", outputs.get(self._of)
        if "trouble" in evidence:
            verb, part = "stops", ""
            shown = expected, _exception(evidence["trouble"])
        else:
            part = _telling_part(expected, actual)
            shown = _cut(expected, part), _cut(actual, part)
        code = self._code(sizes, tensors, part)
        sentence = f"The smallest input found on which it {verb} is {sizes.told()}: see the lines of code."
        return Smallest({"code": code, "expected": str(shown[0]), "actual": str(shown[1])}, sentence)

    def _code(self, sizes: _Sizes, tensors: Tensors, part: str) -> str:
        weight, bias = self._names(sizes, tensors)
        sources = {"input": "images", "weight": f"layer.{weight}", "bias": f"layer.{bias}"}
        call = f"{self._cls}({', '.join(map(str, sizes.arguments))})"
        lines = ["import torch", "", f"layer = {call}", *_made("images", tensors["input"])]
        fill = [*_filled(sources["weight"], tensors["weight"]), *_filled(sources["bias"], tensors["bias"])]
        lines += ["with torch.no_grad():", *(f"    {line}" for line in fill)]
        if self._of == "output":
            return "\n".join([*lines, f"    print(layer(images){part})"])
        # Named before the call: a layer may put another parameter in its place while it runs.
        source = sources[self._of.removeprefix("gradient.")]
        return "\n".join([
            *lines, "images.requires_grad_()", f"source = {source}", "output = layer(images)",
            "if output.requires_grad:", "    output.sum().backward()", f"print(source.grad{part})",
        ])  # fmt: skip

    def _names(self, sizes: _Sizes, tensors: Tensors) -> tuple[str, str]:
        """What the layer calls its weight and its bias; the handout's names where it doesn't tell."""
        probe = {"do": "trace", "cls": self._cls, "args": sizes.arguments}
        try:
            evidence, _ = self._hunt.ask(probe, {"input": tensors["input"]})
        except _Enough:
            return "weight", "bias"
        lines = [*evidence.get("parameters", []), *evidence.get("unused", [])]
        names = {line["name"]: len(line["shape"]) for line in lines if _PLAIN_NAME.fullmatch(line["name"])}
        weights, biases = ([name for name, axes in names.items() if axes == wanted] for wanted in (4, 1))
        if {"weight", "bias"} <= names.keys() or not (len(weights) == len(biases) == 1):
            return "weight", "bias"
        return weights[0], biases[0]


def _telling(kernel: int, gap: int | None, counts: tuple[int, ...], wide: bool) -> tuple[_Sizes, Tensors]:
    """Sizes, and values among which no two weights and no two pixels are easily confused."""
    batch, inputs, outputs, height, width, signs = counts
    reach = kernel // 2 * ((gap or 0) + 1) if wide else 0
    sizes = _Sizes(kernel, gap, 1 + batch, 1 + inputs, 1 + outputs, 1 + reach + height, 1 + reach + width)
    tensors = {}
    for (name, shape), step, cycle in zip(sizes.shapes.items(), (2, 1, 3), (5, 3, 7), strict=True):
        place = torch.arange(int(torch.Size(shape).numel()))
        sign = 1 - 2 * (place % 2) * signs
        tensors[name] = ((place * step % cycle + 1) * sign).to(torch.float32).reshape(shape)
    return sizes, tensors


def _shortest(counts: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return sum(counts), counts


def _plainest(values: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
    """Few values that are not 0, those 1, as late as can be."""
    return sum(value != 0 for value in values), sum(value != 1 for value in values if value), tuple(map(abs, values))


def _crossings(shape: tuple[int, ...]) -> dict[int, int]:
    """The axes along which ``_crossed`` tosses for a tensor, with their lengths; of a single value, the first."""
    return {axis: length for axis, length in enumerate(shape) if length > 1} or {0: 1}


def _crossed(sizes: _Sizes, tosses: tuple[Any, ...]) -> tuple[int, ...]:
    """Values of 0 and 1: an element is 1 where its place along every axis is."""
    values: list[int] = []
    left = iter(tosses)
    for shape in sizes.shapes.values():
        whole = torch.ones(shape, dtype=torch.int64)
        for axis, length in _crossings(shape).items():
            along = torch.tensor([int(next(left)) for _ in range(length)])
            whole = whole * along.reshape([length if other == axis else 1 for other in range(len(shape))])
        values += whole.flatten().tolist()
    return tuple(values)


def _shared_out(sizes: _Sizes, values: tuple[int, ...]) -> Tensors:
    shapes = sizes.shapes
    lengths = [int(torch.Size(shape).numel()) for shape in shapes.values()]
    pieces = torch.split(torch.tensor(values, dtype=torch.float32), lengths)
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


# -- networks ----------------------------------------------------------------------------------------------------------

_SIDES = (4, 8, 16, 32)
_MODES = ("eval", "train")


@dataclass(frozen=True)
class _Rule:
    """Values for a tensor from its shape alone, so that they do not depend on the order of a network's layers."""

    code: str
    """The values as an expression of ``value``, the tensor that is filled; a number for a constant."""
    cycle: int = 0
    """0 for a constant."""
    offset: int = 0

    def values(self, shape: tuple[int, ...]) -> Tensor:
        return pattern(self.told, shape)

    @property
    def told(self) -> list[int]:
        """Cycle, offset and constant."""
        return [self.cycle, self.offset, 0 if self.cycle else int(self.code)]


def _repeated(cycle: int, offset: int) -> _Rule:
    return _Rule(f"torch.arange(value.numel()).reshape(value.shape) % {cycle} - {offset}", cycle, offset)


_FILTERS = (_Rule("1"), _Rule("-1"), _repeated(3, 1), _repeated(5, 2))
_VECTORS = (_Rule("1"), _Rule("-1"), _repeated(3, 1))
_IMAGES = (_Rule("1"), _Rule("0"), _repeated(3, 0), _repeated(5, 2))
_STATISTICS = _Rule("1")
_NO_OPTIONS: Message = {}


@dataclass(frozen=True)
class _Setting:
    """A network with its parameters, and an image."""

    arguments: tuple[int, ...]
    shape: tuple[int, int, int, int]
    """Of the image: (B, NIC, H, W)."""
    filters: _Rule
    vectors: _Rule
    pixels: _Rule

    @property
    def image(self) -> Tensor:
        return self.pixels.values(self.shape)

    def values(self, shape: tuple[int, ...]) -> Tensor:
        """For a parameter of this shape."""
        return (self.filters if len(shape) > 1 else self.vectors).values(shape)


def smallest_for_network(sitting: Sitting, examined: Examined) -> Smallest | None:
    """The least configuration, parameters and image for which a network's output is that of no right answer.

    None where none was found in the time allowed, or where only running statistics differ.
    """
    key = ("smallest", examined.kind.thing)
    if key not in sitting.kept:
        found = None if examined.trouble is not None else examined.difference()
        shows = found is not None and not found[0].startswith("buffer")
        sitting.kept[key] = _NetworkHunt(sitting, examined, found[1].same_shape).smallest() if found and shows else None
    return sitting.kept[key]  # type: ignore[no-any-return]


class _NetworkHunt:
    """The search for one network.

    What counts is what a new network says in its first call, as it will say to a student who runs the lines; or in its
    second, if it is right until then.
    There are dozens of right answers, so a case is sought that differs from a few of them, the rivals; whichever right
    answer agrees with the network on the case found becomes a rival too, and the search begins again.
    """

    def __init__(self, sitting: Sitting, examined: Examined, same_shape: bool) -> None:
        self._hunt = _Hunt(sitting, examined.kind.thing)
        self._examined = examined
        self._same_shape = same_shape
        """Whether the outputs had the right shape in the exam; then a wrong one on a tiny image is no fault."""
        self._rivals = [examined.right[0]]
        self._calls = 1
        self._answers: dict[tuple[_Setting, str, int], Tensor | None] = {}
        self._choices = self._choices_of_arguments()

    def _choices_of_arguments(self) -> list[tuple[int, ...]]:
        examined = self._examined
        names = examined.kind.parameters
        if examined.fixed is None:
            return [(value,) for value in examined.configurations[0]]
        free = {"kernel": (1, 3, 5) if examined.kind.odd_kernels else (3,), "num_in_channels": (1, 2)}
        return [(examined.fixed[name],) if name in examined.fixed else free.get(name, (1, 2, 3)) for name in names]

    def smallest(self) -> Smallest | None:
        """Raises nothing of the candidate's."""
        for self._calls in (1, 2):
            found = self._search()
            if found is not None:
                return found
        return None

    def _search(self) -> Smallest | None:
        self._hunt.allow(_NETWORK_PROBES)
        rules = (len(_FILTERS) - 1, len(_VECTORS) - 1, len(_IMAGES) - 1)
        strategy = _counts(1, *(len(values) - 1 for values in self._choices), len(_SIDES) - 1, 1, *rules)
        for _ in range(_ROUNDS):
            counts = self._hunt.least(strategy, _lengths, lambda counts: self._fails(*self._setting(counts)), _shortest)
            if counts is None:
                return None
            setting, mode = self._setting(counts)
            others = [known for known in self._examined.right if known not in self._rivals]
            agreeing = [known for known in others if not self._differs(known, setting, mode)]
            if not agreeing:
                return self._told(setting, mode)
            self._rivals += agreeing
        return None

    def _setting(self, counts: tuple[int, ...]) -> tuple[_Setting, str]:
        mode, *places, side, batch, filters, vectors, pixels = counts
        arguments = tuple(values[place] for values, place in zip(self._choices, places, strict=True))
        inputs = dict(zip(self._examined.kind.parameters, arguments, strict=True)).get("num_in_channels", 1)
        # The middle of a network sees a quarter of each side, and batch-norm needs more than one value to train on.
        images = 1 + batch + (_SIDES[side] == 4)
        shape = (images, inputs, _SIDES[side], _SIDES[side])
        return _Setting(arguments, shape, _FILTERS[filters], _VECTORS[vectors], _IMAGES[pixels]), _MODES[mode]

    def _expected(self, known: Known, setting: _Setting, mode: str) -> Tensor | None:
        """(B, NC, H, W); None where the case does not suit: it does not run, or four decimals do not show it."""
        named = dict(zip(self._examined.kind.parameters, setting.arguments, strict=True))
        numbers = named["kernel"], named["num_filters"], named.get("num_colours", 3), named.get("num_in_channels", 1)
        try:
            network = Network(known.steps, *numbers)
            outputs = []
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.copy_(setting.values(tuple(parameter.shape)))
                for dtype in (torch.float32, torch.float64):
                    for buffer in network.buffers():
                        buffer.fill_(float(_STATISTICS.code))
                    outputs.append(network.to(dtype).train(mode == "train")(setting.image.to(dtype)))
        except (RuntimeError, ValueError):  # batch-norm of a single value
            return None
        single, double = outputs
        # Batch-norm of equal values divides rounding by nearly 0; no difference from such outputs means anything.
        suits = float(single.abs().max()) <= _LARGEST and rounding(single, double) <= _VISIBLE
        return single if suits else None

    def _actual(self, setting: _Setting, mode: str) -> Tensor | None:
        """None where the network does not run on this."""
        key = setting, mode, self._calls
        if key not in self._answers:
            self._answers[key] = self._ran(setting, mode)
        return self._answers[key]

    def _ran(
        self, setting: _Setting, mode: str, *, shaken: float = 0.0, options: Message = _NO_OPTIONS
    ) -> Tensor | None:
        """The output; ``shaken`` is by how much the image is off, up or down from pixel to pixel."""
        probe = {
            "do": "once",
            "cls": self._examined.kind.cls,
            "args": list(setting.arguments),
            "fill": [rule.told for rule in (setting.filters, setting.vectors, _STATISTICS)],
            "mode": mode,
            "calls": self._calls,
            **options,
        }
        image = setting.image + shaken * pattern((3, 1, 0), setting.shape)
        evidence, outputs = self._hunt.ask(probe, {"input": image})
        return None if "trouble" in evidence else outputs["output"]

    def _fails(self, setting: _Setting, mode: str) -> bool:
        return all(self._differs(known, setting, mode) for known in self._rivals) and self._steady(setting, mode)

    def _steady(self, setting: _Setting, mode: str) -> bool:
        """Whether rounding does not show. Where all of a channel's values are equal, batch-norm divides it by nearly 0;
        it would print something else on another machine."""
        actual, shaken = self._actual(setting, mode), self._ran(setting, mode, shaken=_SHAKEN)
        return actual is not None and shaken is not None and _as_good_as_equal(actual, shaken)

    def _differs(self, known: Known, setting: _Setting, mode: str) -> bool:
        expected = self._expected(known, setting, mode)
        if expected is None:
            return False
        actual = self._actual(setting, mode)
        if actual is None or (self._same_shape and actual.shape != expected.shape):
            return False
        return _differs(expected, actual)

    def _told(self, setting: _Setting, mode: str) -> Smallest | None:
        actual = self._actual(setting, mode)
        if actual is None:
            return None
        wrong = actual
        expected = min(self._expectations(setting, mode), key=lambda expected: _distance(expected, wrong))
        part = _telling_part(expected, actual)
        kind = self._examined.kind
        image = "×".join(map(str, setting.shape))
        call = f"{kind.cls}({arguments_of(kind.parameters, setting.arguments)})"
        sentence = (
            f"The smallest case found on which it differs is {call} with a {image} image in "
            f"{'training' if mode == 'train' else 'evaluation'} mode: see the lines of code."
        )
        if self._calls > 1:
            sentence += " Its first call is right: it remembers something from one call to the next."
        if self._drawn_at_random(setting, mode):
            sentence = f"{sentence[:-1]}; its output is drawn at random, so yours will have other numbers."
        return Smallest(
            {
                "code": _network_code(kind.cls, setting, mode, self._calls, part),
                "expected": str(_cut(expected, part)),
                "actual": str(_cut(actual, part)),
            },
            sentence,
        )

    def _drawn_at_random(self, setting: _Setting, mode: str) -> bool:
        actual, other = self._actual(setting, mode), None
        self._hunt.allow(1)
        with contextlib.suppress(_Enough):
            other = self._ran(setting, mode, options={"rng": self._examined.exam.number("smallest/again")})
        return actual is not None and other is not None and not _as_good_as_equal(actual, other)

    def _expectations(self, setting: _Setting, mode: str) -> Iterator[Tensor]:
        for known in self._rivals:
            expected = self._expected(known, setting, mode)
            if expected is not None:
                yield expected


def _as_good_as_equal(first: Tensor, second: Tensor) -> bool:
    """NaN is as good as NaN here."""
    return first.shape == second.shape and torch.allclose(first, second, rtol=0, atol=_VISIBLE, equal_nan=True)


def _distance(expected: Tensor, actual: Tensor) -> float:
    return float((expected - actual).abs().mean()) if expected.shape == actual.shape else float("inf")


def _network_code(cls: str, setting: _Setting, mode: str, calls: int, part: str) -> str:
    shape = ", ".join(map(str, setting.shape))
    lines = ["import torch", "", f"model = {cls}({', '.join(map(str, setting.arguments))})"]
    if setting.pixels.cycle:
        count = torch.Size(setting.shape).numel()
        formula = f"torch.arange({count}.).reshape({shape}) % {setting.pixels.cycle} - {setting.pixels.offset}"
        lines.append(f"images = {formula.removesuffix(' - 0')}")
    else:
        lines.append(f"images = torch.{'ones' if setting.pixels.code == '1' else 'zeros'}({shape})")
    lines += ["with torch.no_grad():", "    for value in model.parameters():"]
    if setting.filters == setting.vectors:
        lines.append(f"        {_filling(setting.filters)}")
    else:
        lines += ["        if value.dim() > 1:  # filters", f"            {_filling(setting.filters)}"]
        lines += ["        else:  # biases and batch-norm", f"            {_filling(setting.vectors)}"]
    lines += ["    for value in model.buffers():  # running statistics", "        if value.is_floating_point():"]
    lines.append(f"            {_filling(_STATISTICS)}")
    lines += [f"    model.{mode}()", *["    model(images + 1)"] * (calls - 1)]
    return "\n".join([*lines, f"    print(model(images){part})"])


def _filling(rule: _Rule) -> str:
    return f"value.copy_({rule.code})" if rule.cycle else f"value.fill_({rule.code})"


# -- what is shown -----------------------------------------------------------------------------------------------------


def _telling_part(expected: Tensor, actual: Tensor | None) -> str:
    """What to print of an output, as a suffix: all, or where it first differs; the shape if that is wrong."""
    if actual is None:
        return ""
    if expected.shape != actual.shape:
        return ".shape"
    if expected.numel() <= _WHOLE:
        return ""
    distance = (expected.to(torch.float64) - actual.to(torch.float64)).abs()
    first = (~(distance <= _VISIBLE)).nonzero()[0].tolist()
    if expected.dim() == 4 and expected[0, 0].numel() <= _PLANE:
        return f"[{first[0]}, {first[1]}]"
    *before, last = first
    return f"[{', '.join(map(str, [*before, f'{last}:{last + _ROW}']))}]"


def _cut(value: Tensor | None, part: str) -> Any:
    if value is None or part == "":
        return value
    if part == ".shape":
        return value.shape
    numbers = part.strip("[]").split(", ")
    return value[tuple(slice(*map(int, each.split(":"))) if ":" in each else int(each) for each in numbers)]


def _exception(trouble: Message) -> str:
    kind, text = str(trouble.get("type", "failure")), str(trouble.get("text", ""))
    return text if kind == "Refusal" else f"{kind}: {text}" if text else kind


def _made(name: str, value: Tensor) -> list[str]:
    """Lines that make a tensor of these values."""
    shape = ", ".join(map(str, value.shape))
    few = _few(value)
    if few is not None:
        return [f"{name} = torch.zeros({shape})", *(f"{name}[{place}] = {number}" for place, number in few)]
    if bool((value == 1).all()):
        return [f"{name} = torch.ones({shape})"]
    return [f"{name} = torch.tensor({_literal(value.tolist())})"]


def _filled(name: str, value: Tensor) -> list[str]:
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
