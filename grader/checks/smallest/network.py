"""The smallest failing input of a network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from grader.checks.network import Examined
from grader.checks.sitting import Sitting
from grader.checks.smallest.hunt import Enough, Hunt, Smallest, counts, differs, shortest
from grader.checks.smallest.lines import VISIBLE, cut, telling_part
from grader.exam.compare import rounding, same
from grader.marking.evidence import Snippet
from grader.worker.probes.network import pattern
from grader.worker.protocol import CallNetwork, Rule, Trouble
from reference.arguments import Arguments
from reference.handouts import NetworkFacts
from reference.known import Known
from reference.network import Network

__all__ = ["smallest_for_network"]

_SIDES = (4, 8, 16, 32)
_Mode = Literal["eval", "train"]
_MODES: tuple[_Mode, ...] = ("eval", "train")
# How many probes one search may use, and how many times it may begin again with more rivals.
_PROBES = 150
_ROUNDS = 10
# The change of a pixel that stands for rounding in single precision.
_SHAKEN = 1e-6
# Single precision does not hold four decimals of larger numbers.
_LARGEST = 100.0

# Rules compute the values of a tensor from its shape alone, so the values do not depend on the order of the layers.
_FILTERS = (Rule(0, 0, 1), Rule(0, 0, -1), Rule(3, 1, 0), Rule(5, 2, 0))
_VECTORS = (Rule(0, 0, 1), Rule(0, 0, -1), Rule(3, 1, 0))
_IMAGES = (Rule(0, 0, 1), Rule(0, 0, 0), Rule(3, 0, 0), Rule(5, 2, 0))
_STATISTICS = Rule(0, 0, 1)


@dataclass(frozen=True)
class _Setting:
    """A network with its parameters, an image, and the mode in which it is called."""

    arguments: Arguments
    shape: tuple[int, int, int, int]
    """The image's shape (B, NIC, H, W)."""
    filters: Rule
    vectors: Rule
    pixels: Rule
    mode: _Mode

    @property
    def image(self) -> Tensor:
        return pattern(self.pixels, self.shape)

    def values(self, shape: tuple[int, ...]) -> Tensor:
        """The values of a parameter of this shape."""
        return pattern(self.filters if len(shape) > 1 else self.vectors, shape)


def smallest_for_network(sitting: Sitting, examined: Examined) -> Smallest | None:
    """The smallest configuration, parameters and image for which no right answer gives the network's output.

    None if none was found in the time allowed, or if only running statistics differ.
    """

    def make() -> Smallest | None:
        if examined.trouble is not None:
            return None
        named_difference = examined.difference()
        if named_difference is None:
            return None
        output, difference = named_difference
        if output.startswith("buffer"):
            return None
        return _NetworkHunt(sitting, examined, difference.same_shape).smallest()

    return sitting.once(("smallest", examined.facts.thing), make)


class _NetworkHunt:
    """The search for one network.

    A new network is called once, as a student who runs the lines of code calls it. If its first call is always right,
    the second call is searched.

    There are dozens of right answers. To save time, the network's output has to differ only from a few of them, the
    rivals. If another right answer gives the network's output for the case found, it becomes a rival too, and the
    search begins again.
    """

    def __init__(self, sitting: Sitting, examined: Examined, same_shape: bool) -> None:
        self._hunt = Hunt(sitting, examined.facts.thing)
        self._examined = examined
        self._same_shape = same_shape
        """Whether the outputs had the right shape in the exam; then a wrong shape on a tiny image is not a fault."""
        self._rivals = [examined.right[0]]
        self._calls = 1
        self._answers: dict[tuple[_Setting, int], Tensor | None] = {}
        self._choices = self._choices_of_arguments()

    def _choices_of_arguments(self) -> list[tuple[int, ...]]:
        """For each of the constructor's parameters, the values to choose from."""
        examined = self._examined
        names = examined.facts.parameters
        if examined.configurations.fixed is None:
            return [(value,) for value in examined.configurations.judged[0].positional(names)]
        free = {"kernel": (1, 3, 5) if examined.facts.odd_kernels else (3,), "num_in_channels": (1, 2)}
        return [
            (examined.configurations.fixed[name],)
            if name in examined.configurations.fixed
            else free.get(name, (1, 2, 3))
            for name in names
        ]

    def smallest(self) -> Smallest | None:
        """The smallest failing case; None if none was found. Raises no exception of the candidate's."""
        for self._calls in (1, 2):
            smallest = self._search()
            if smallest is not None:
                return smallest
        return None

    def _search(self) -> Smallest | None:
        """The smallest case that fails in call number ``_calls``."""
        self._hunt.allow(_PROBES)
        rules = (len(_FILTERS) - 1, len(_VECTORS) - 1, len(_IMAGES) - 1)
        drawing = counts(1, *(len(values) - 1 for values in self._choices), len(_SIDES) - 1, 1, *rules)
        for _ in range(_ROUNDS):
            numbers = self._hunt.least(drawing, lambda numbers: self._fails(self._setting(numbers)), shortest)
            if numbers is None:
                return None
            setting = self._setting(numbers)
            others = [known for known in self._examined.right if known not in self._rivals]
            agreeing = [known for known in others if not self._differs(known, setting)]
            if not agreeing:
                return self._shown(setting)
            self._rivals += agreeing
        return None

    def _setting(self, numbers: tuple[int, ...]) -> _Setting:
        """The setting that the numbers drawn in ``_search`` stand for: each is an index of a tuple to choose from.

        Only the number for the batch is not an index: it is the number of additional images.
        """
        mode, *places, side, extra_images, filters, vectors, pixels = numbers
        values = [choices[place] for choices, place in zip(self._choices, places, strict=True)]
        arguments = Arguments.from_names(dict(zip(self._examined.facts.parameters, values, strict=True)))
        # In the middle of a network an image has a quarter of its height and width, so one pixel is left of 4×4. To
        # train, batch-norm needs more than one value per channel.
        images = 1 + extra_images + (_SIDES[side] == 4)
        shape = (images, arguments.inputs, _SIDES[side], _SIDES[side])
        return _Setting(arguments, shape, _FILTERS[filters], _VECTORS[vectors], _IMAGES[pixels], _MODES[mode])

    def _expected(self, known: Known, setting: _Setting) -> Tensor | None:
        """The output (B, NC, H, W) of a known implementation.

        None if the case is not suitable: it does not run, or the output is too large or too inexact for four decimals.
        """
        try:
            network = Network(known.steps, *setting.arguments.numbers)
            outputs = []
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.copy_(setting.values(tuple(parameter.shape)))
                for dtype in (torch.float32, torch.float64):
                    for buffer in network.buffers():
                        buffer.fill_(float(_STATISTICS.constant))
                    outputs.append(network.to(dtype).train(setting.mode == "train")(setting.image.to(dtype)))
        except (RuntimeError, ValueError):  # batch-norm of a single value
            return None
        single, double = outputs
        # Batch-norm of equal values divides rounding errors by nearly 0. Differences from such outputs mean nothing.
        suitable = float(single.abs().max()) <= _LARGEST and rounding(single, double) <= VISIBLE
        return single if suitable else None

    def _actual(self, setting: _Setting) -> Tensor | None:
        """The network's output; None if it does not run in this setting. Asked once per setting."""
        key = setting, self._calls
        if key not in self._answers:
            self._answers[key] = self._ran(setting)
        return self._answers[key]

    def _ran(self, setting: _Setting, *, shaken: float = 0.0, purpose: str = "smallest") -> Tensor | None:
        """The network's output; None if it does not run. Pixels are changed by up to ``shaken``, up or down."""
        probe = CallNetwork(
            cls=self._examined.facts.cls,
            arguments=setting.arguments.positional(self._examined.facts.parameters),
            filters=setting.filters,
            vectors=setting.vectors,
            buffers=_STATISTICS,
            mode=setting.mode,
            calls=self._calls,
            elements=setting.shape[0] * setting.arguments.colours * setting.shape[2] * setting.shape[3],
        )
        image = setting.image + shaken * pattern(Rule(3, 1, 0), setting.shape)
        reply, outputs = self._hunt.ask(probe, {"input": image}, purpose=purpose)
        return None if isinstance(reply, Trouble) else outputs["output"]

    def _fails(self, setting: _Setting) -> bool:
        """Whether the network's output differs from every rival's, and not by rounding."""
        return all(self._differs(known, setting) for known in self._rivals) and self._steady(setting)

    def _steady(self, setting: _Setting) -> bool:
        """Whether rounding does not change what is printed.

        If all values of a channel are equal, batch-norm divides rounding errors by nearly 0. Then the lines of code
        would print something else on another machine.
        """
        actual, shaken = self._actual(setting), self._ran(setting, shaken=_SHAKEN)
        return actual is not None and shaken is not None and _as_good_as_equal(actual, shaken)

    def _differs(self, known: Known, setting: _Setting) -> bool:
        expected = self._expected(known, setting)
        if expected is None:
            return False
        actual = self._actual(setting)
        if actual is None or (self._same_shape and actual.shape != expected.shape):
            return False
        return differs(expected, actual)

    def _shown(self, setting: _Setting) -> Smallest | None:
        """The case as lines of code, with what they print and what the nearest rival prints."""
        actual = self._actual(setting)
        if actual is None:
            return None
        distances = [(_distance(expected, actual), expected) for expected in self._expectations(setting)]
        _, expected = min(distances, key=lambda pair: pair[0])
        part = telling_part(expected, actual)
        image = "×".join(map(str, setting.shape))
        call = self._examined.call(setting.arguments)
        sentence = (
            f"The smallest case found on which it differs is {call} with a {image} image in "
            f"{'training' if setting.mode == 'train' else 'evaluation'} mode: see the lines of code."
        )
        if self._calls > 1:
            sentence += " Its first call is right: it remembers something from one call to the next."
        if self._drawn_at_random(setting):
            sentence = f"{sentence[:-1]}; its output is drawn at random, so yours will have other numbers."
        return Smallest(
            Snippet(
                code=_network_code(self._examined.facts, setting, self._calls, part),
                expected=str(cut(expected, part)),
                actual=str(cut(actual, part)),
            ),
            sentence,
        )

    def _drawn_at_random(self, setting: _Setting) -> bool:
        """Whether the output is another with another seed."""
        first, second = self._actual(setting), None
        self._hunt.allow(1)
        with contextlib.suppress(Enough):
            second = self._ran(setting, purpose="smallest/again")
        return first is not None and second is not None and not _as_good_as_equal(first, second)

    def _expectations(self, setting: _Setting) -> Iterator[Tensor]:
        """The rivals' outputs (B, NC, H, W)."""
        for known in self._rivals:
            expected = self._expected(known, setting)
            if expected is not None:
                yield expected


def _as_good_as_equal(first: Tensor, second: Tensor) -> bool:
    """Whether two outputs print the same. NaN equals NaN here, and of a shape alone the shape is printed."""
    if first.is_meta or second.is_meta:
        return same(first, second)
    return first.shape == second.shape and torch.allclose(
        first.to(torch.float64), second.to(torch.float64), rtol=0, atol=VISIBLE, equal_nan=True
    )


def _distance(expected: Tensor, actual: Tensor) -> float:
    """The mean distance of two outputs; infinite if their shapes differ."""
    return float((expected - actual.to(torch.float64)).abs().mean()) if expected.shape == actual.shape else float("inf")


def _network_code(facts: NetworkFacts, setting: _Setting, calls: int, part: str) -> str:
    """Lines of Python that build the network and the image, call the network, and print the ``part`` that differs."""
    shape = ", ".join(map(str, setting.shape))
    lines = [
        "import torch",
        "",
        f"model = {facts.cls}({', '.join(map(str, setting.arguments.positional(facts.parameters)))})",
    ]
    if setting.pixels.cycle:
        count = torch.Size(setting.shape).numel()
        formula = f"torch.arange({count}.).reshape({shape}) % {setting.pixels.cycle} - {setting.pixels.offset}"
        lines.append(f"images = {formula.removesuffix(' - 0')}")
    else:
        lines.append(f"images = torch.{'ones' if setting.pixels.constant else 'zeros'}({shape})")
    lines += ["with torch.no_grad():", "    for value in model.parameters():"]
    if setting.filters == setting.vectors:
        lines.append(f"        {_line(setting.filters)}")
    else:
        lines += ["        if value.dim() > 1:  # filters", f"            {_line(setting.filters)}"]
        lines += ["        else:  # biases and batch-norm", f"            {_line(setting.vectors)}"]
    lines += ["    for value in model.buffers():  # running statistics", "        if value.is_floating_point():"]
    lines.append(f"            {_line(_STATISTICS)}")
    lines += [f"    model.{setting.mode}()", *["    model(images + 1)"] * (calls - 1)]
    return "\n".join([*lines, f"    print(model(images){part})"])


def _line(rule: Rule) -> str:
    """A line of code that gives the rule's values to the tensor ``value``."""
    if not rule.cycle:
        return f"value.fill_({rule.constant})"
    return f"value.copy_(torch.arange(value.numel()).reshape(value.shape) % {rule.cycle} - {rule.offset})"
