"""Faults, written as students would write them. The report must name each of them, and two in one submission.

A network's mistake is a list of steps (``reference/mistakes.py``); ``writing.py`` makes the source of a class of it, each
time in another way. Faults of the layer, of construction (a number instead of a parameter, parameters in another order)
and those that are seen in the text alone are written by hand, as edits of a right source.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from accuracy.examining import IMPORTS, Examiner, definitions, right_source
from accuracy.writing import written
from reference.arguments import Arguments
from reference.handouts import HANDOUTS, NetworkFacts
from reference.known import Known, narrowed, right
from reference.mistakes import mistakes, stopping
from reference.network import Network, state_shapes
from reference.steps import Steps

__all__ = ["Diagnosis", "Faulty", "faulty", "pair", "try_out"]


@dataclass(frozen=True)
class Faulty:
    """A submission with one fault, or two."""

    assignment: str
    thing: str
    """What the fault is in: the first half of its criteria's ids."""
    mistake: str
    """The ids that the report must name, joined by ``+``."""
    description: str
    """The fault in words."""
    source: str
    steps: Steps = ()


@dataclass(frozen=True)
class Diagnosis:
    """What a report says of a faulty submission."""

    faulty: Faulty
    named: str
    """``yes``, ``equal`` (by the names of other mistakes that are the same function), ``right`` or ``no``."""
    actual: str
    """The mistakes that the report names, with the feedback where it names none."""


def _has_my_conv2d(assignment: str) -> bool:
    return "my-conv2d" in HANDOUTS[assignment].layer_things


def _class(assignment: str, kind: NetworkFacts, steps: Steps, drawn: random.Random) -> str:
    """A list of steps as a class of a student of this assignment."""
    return written(kind, steps, _has_my_conv2d(assignment) and kind.filled_in, drawn)


def _submission(assignment: str, kind: NetworkFacts, text: str) -> str:
    """An otherwise right submission with this class. What extends the class is written out, so that it stays right."""
    source = definitions(right_source(assignment))
    for network in HANDOUTS[assignment].networks:
        if network.extends == kind.thing:
            source[network.cls] = written(network, network.steps, True, random.Random(0))
    return "\n\n".join([IMPORTS, *({**source, kind.cls: text}.values())])


def _arguments(kind: NetworkFacts, kernel: int) -> Arguments:
    """A small configuration of a network."""
    named = Arguments(kernel, filters=4, colours=5, inputs=2).named(kind.parameters)
    return Arguments.from_names(named)


def _drawn(assignment: str, kind: NetworkFacts, what: str) -> random.Random:
    """What decides how a submission is written."""
    return random.Random(f"{assignment}/{kind.cls}/{what}")


def _made(assignment: str, kind: NetworkFacts, wrong: Known) -> Faulty | None:
    """None where a skip connection comes from a block that is missing: nobody can write that."""
    description = f"{wrong.id} {wrong.place}".strip()
    try:
        text = _class(assignment, kind, wrong.steps, _drawn(assignment, kind, f"{description} {wrong.explanation}"))
    except KeyError:
        return None
    return Faulty(assignment, kind.thing, wrong.id, description, _submission(assignment, kind, text), wrong.steps)


def faulty(assignment: str) -> Iterator[Faulty]:
    """Every known mistake in every network of an assignment, and those of the layer, of construction and of the text."""
    for kind in HANDOUTS[assignment].networks:
        seen = set()
        known = right(assignment, kind.cls)[0]
        for wrong in (*narrowed(assignment, kind.cls)[:1], *mistakes(known), *stopping(known)):
            if wrong.steps not in seen and _is_one(kind, wrong, known):
                seen.add(wrong.steps)
                made = _made(assignment, kind, wrong)
                if made is not None:
                    yield made
        if not kind.extends:
            plain = _class(assignment, kind, known.steps, _drawn(assignment, kind, "construction"))
            yield from (
                Faulty(assignment, kind.thing, mistake, description, _submission(assignment, kind, text))
                for mistake, description, text in (*_of_construction(kind, plain), *_of_the_text(kind, plain))
            )
    if any(layer.dilated for layer in HANDOUTS[assignment].layers):
        for mistake, description, body in _IN_THE_LAYER:
            text = _DILATED.format(body="\n        ".join(body))
            source = {**definitions(right_source(assignment)), "MyDilatedConv2d": text}
            yield Faulty(assignment, "dilated", mistake, description, "\n\n".join([IMPORTS, *source.values()]))


def _is_one(kind: NetworkFacts, wrong: Known, known: Known) -> bool:
    """Whether a network that stops has other widths than a right one: a layer may be made for the width that it gets."""
    arguments = _arguments(kind, kernel=3).numbers
    return wrong.steps != known.steps and not (
        any(step.takes for step in wrong.steps)
        and state_shapes(wrong.steps, *arguments) == state_shapes(known.steps, *arguments)
    )


def pair(assignment: str, number: int, seed: int) -> Faulty:
    """A network with two faults, drawn: two mistakes at two places, or one and a fault of construction or of the text."""
    drawn = random.Random(f"{assignment}/{seed}/{number}")
    kinds = [kind for kind in HANDOUTS[assignment].networks if kind.filled_in]
    while True:
        kind = drawn.choice(kinds)
        known = right(assignment, kind.cls)[0]
        first = _one_of(drawn, list(mistakes(known)))
        if drawn.random() < 0.25 and _runs(kind, first.steps):
            plain = _class(assignment, kind, first.steps, drawn)
            others = [*_of_construction(kind, plain), *_of_the_text(kind, plain)]
            mistake, description, text = drawn.choice(others)
            return Faulty(
                assignment,
                kind.thing,
                f"{first.id}+{mistake}",
                f"{first.id} {first.place}, {description}",
                _submission(assignment, kind, text),
            )
        second = _one_of(drawn, list(mistakes(first)))
        # Where the second edit undoes the first, or only makes it worse, there is one mistake and not two.
        made = _made(assignment, kind, second)
        simpler = _simpler(assignment, kind.cls) if made and _runs(kind, second.steps) else ()
        if made and not any(_same(kind, second.steps, steps) for steps in simpler):
            return made


def _one_of(drawn: random.Random, known: list[Known]) -> Known:
    """Each kind of mistake is as likely as another, however many places and forms it has."""
    ids = sorted({each.id for each in known})
    chosen = drawn.choice(ids)
    return drawn.choice([each for each in known if each.id == chosen])


@cache
def _simpler(assignment: str, cls: str) -> tuple[Steps, ...]:
    """The right answers, and all networks with one mistake."""
    answers = right(assignment, cls)
    return tuple(dict.fromkeys(known.steps for known in (*answers, *mistakes(answers[0]))))


def _same(kind: NetworkFacts, first: Steps, second: Steps) -> bool:
    """Whether two lists of steps are the same function of the same parameters, in double precision."""
    if first == second:
        return True
    arguments = _arguments(kind, kernel=5 if kind.odd_kernels else 3)
    if state_shapes(first, *arguments.numbers) != state_shapes(second, *arguments.numbers):
        return False
    ours, theirs = _outcome(kind, first), _outcome(kind, second)
    if isinstance(ours, str) or isinstance(theirs, str):
        return ours == theirs
    return all(a.shape == b.shape and torch.allclose(a, b, rtol=1e-9) for a, b in zip(ours, theirs, strict=True))


def _runs(kind: NetworkFacts, steps: Steps) -> bool:
    return not isinstance(_outcome(kind, steps), str)


@lru_cache(maxsize=1000)
def _outcome(kind: NetworkFacts, steps: Steps) -> tuple[Tensor, Tensor] | str:
    """The output in training and in evaluation mode, for the same parameters and image; or what stops the network."""
    arguments = _arguments(kind, kernel=5 if kind.odd_kernels else 3)
    generator = torch.Generator().manual_seed(0)
    try:
        network = Network(steps, *arguments.numbers).double()
        with torch.no_grad():
            for value in network.parameters():
                value.copy_(torch.randn(value.shape, generator=generator))
            image = torch.rand(2, arguments.inputs, 32, 32, generator=generator, dtype=torch.float64)
            return network.train()(image), network.eval()(image)
    except (RuntimeError, ValueError, KeyError, IndexError) as stop:
        return str(stop)


def _of_the_text(kind: NetworkFacts, plain: str) -> Iterator[tuple[str, str, str]]:
    """Mistake, description and text: what is built and never called, and an image that is changed in place."""
    head, _, forward = plain.rpartition("    def forward(")
    image, rest = forward.removeprefix("self, ").split("):\n", 1)
    for description, layer in (
        ("a block that is never called", "nn.Sequential(nn.Conv2d(num_filters, num_filters, kernel), nn.ReLU())"),
        ("a batch-norm that is never called", "nn.BatchNorm2d(2 * num_filters)"),
    ):
        yield (
            "unused-layers",
            description,
            f"{head.rstrip()}\n        self.spare = {layer}\n\n    def forward({forward}",
        )
    for change in ("{} /= 255", "{}.sub_(0.5)", "{} *= 2", "{}.mul_(2).sub_(1)", "F.threshold_({}, 0.5, 0)"):
        line = change.format(image)
        yield "input-changed-in-place", line, f"{head}    def forward(self, {image}):\n        {line}\n{rest}"


def _of_construction(kind: NetworkFacts, plain: str) -> Iterator[tuple[str, str, str]]:
    """Mistake, description and text: numbers in place of parameters, and another order of the constructor's."""
    before, start, rest = plain.rpartition("super().__init__()\n")
    head = before + start

    for name, value in (
        ("num_filters", 32),
        ("num_colours", 24),
        ("num_colours", 10),
        ("num_filters", 64),
        ("num_in_channels", 1),
        ("num_in_channels", 3),
        ("kernel", 3),
    ):
        if name in kind.parameters and (name != "kernel" or kind.odd_kernels):
            yield f"hard-coded-{name}", f"{value} for {name}", head + re.sub(rf"\b{name}\b", str(value), rest)
    if kind.odd_kernels:
        for number, place in enumerate(re.finditer(r"(?<=[ =])kernel(?=[,)])", rest), start=1):
            fixed = rest[: place.start()] + "3" + re.sub(r"kernel // 2", "3 // 2", rest[place.end() :], count=1)
            yield "hard-coded-kernel", f"3 for kernel in convolution {number}", head + fixed
        if "padding=kernel // 2" in rest:
            yield "hard-coded-padding", "padding=1", head + rest.replace("padding=kernel // 2", "padding=1")
    for first, second in pairwise(kind.parameters):
        signature = ", ".join(kind.parameters)
        swapped = signature.replace(f"{first}, {second}", f"{second}, {first}")
        yield "constructor-order", f"{first} after {second}", plain.replace(signature, swapped, 1)
    if "num_colours" in kind.parameters:
        both = re.sub(r"\bnum_colours\b", "24", re.sub(r"\bnum_filters\b", "32", rest))
        yield "hard-coded-num_filters-num_colours", "32 and 24 written in", head + both


_DILATED = """class MyDilatedConv2d(MyConv2d):
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        super().__init__(in_channels, out_channels, kernel_size)
        self.dilation = dilation

    def forward(self, x):
        k, d, w = self.kernel_size, self.dilation, self.weight
        side = k + (k - 1) * d
        {body}
"""
_SPREAD = [
    "wide = torch.zeros(w.shape[0], w.shape[1], side, side, device=w.device)",
    "wide[:, :, ::d + 1, ::d + 1] = w",
]
_IN_THE_LAYER: tuple[tuple[str, str, list[str]], ...] = (
    ("dilation-ignored", "an ordinary convolution", ["return F.conv2d(x, w, self.bias, padding=k // 2)"]),
    ("torch-dilation", "torch's dilation", ["return F.conv2d(x, w, self.bias, dilation=max(d, 1), padding=k // 2 * max(d, 1))"]),
    ("torch-dilation", "torch's count of gaps, by hand", [
        "s = max(d, 1)", "side = (k - 1) * s + 1", "wide = torch.zeros(w.shape[0], w.shape[1], side, side)", "wide[:, :, ::s, ::s] = w",
        "return F.conv2d(x, wide, self.bias, padding=side // 2)"]),
    ("padding-unscaled", "padding of the small filter", [*_SPREAD, "return F.conv2d(x, wide, self.bias, padding=self.padding)"]),
    ("torch-dilation+padding-unscaled", "dilation passed on, padding unscaled", ["return F.conv2d(x, w, self.bias, dilation=max(d, 1), padding=self.padding)"]),
    ("gaps-too-wide", "a gap too many", ["return F.conv2d(x, w, self.bias, dilation=d + 2, padding=k // 2 * (d + 2))"]),
    ("no-padding", "no padding", [*_SPREAD, "return F.conv2d(x, wide, self.bias)"]),
    ("stretched", "nearest neighbours", ["wide = F.interpolate(w, size=(side, side))", "return F.conv2d(x, wide, self.bias, padding=side // 2)"]),
    ("stretched", "bilinear", ["wide = F.interpolate(w, size=(side, side), mode='bilinear', align_corners=True)", "return F.conv2d(x, wide, self.bias, padding=side // 2)"]),
    ("one-axis", "height only", ["wide = torch.zeros(w.shape[0], w.shape[1], side, k)", "wide[:, :, ::d + 1, :] = w", "return F.conv2d(x, wide, self.bias, padding=(side // 2, k // 2))"]),
    ("one-axis", "width only", ["wide = torch.zeros(w.shape[0], w.shape[1], k, side)", "wide[:, :, :, ::d + 1] = w", "return F.conv2d(x, wide, self.bias, padding=(k // 2, side // 2))"]),
    ("bias-missing", "no bias", [*_SPREAD, "return F.conv2d(x, wide, padding=side // 2)"]),
    ("off-centre", "kron, not cut", [
        "one = torch.zeros(d + 1, d + 1)", "one[0, 0] = 1", "wide = torch.kron(w, one)", "return F.conv2d(x, wide, self.bias, padding=wide.shape[2] // 2)"]),
    ("filter-flipped", "mirrored", [*_SPREAD, "return F.conv2d(x, wide.flip(2, 3), self.bias, padding=side // 2)"]),
    ("axes-swapped", "height and width swapped", [*_SPREAD, "return F.conv2d(x, wide.transpose(2, 3), self.bias, padding=side // 2)"]),
    ("input-spread", "gaps in the image", [
        "wide = torch.zeros(x.shape[0], x.shape[1], (x.shape[2] - 1) * (d + 1) + 1, (x.shape[3] - 1) * (d + 1) + 1)",
        "wide[:, :, ::d + 1, ::d + 1] = x", "return F.conv2d(wide, w, self.bias, padding=k // 2)"]),
    ("weight-replaced", "self.weight replaced", [*_SPREAD, "self.weight = nn.Parameter(wide)", "return F.conv2d(x, self.weight, self.bias, padding=side // 2)"]),
    ("uninitialised-memory", "torch.Tensor(...)", [
        "wide = torch.Tensor(w.shape[0], w.shape[1], side, side)", "wide[:, :, ::d + 1, ::d + 1] = w", "return F.conv2d(x, wide, self.bias, padding=side // 2)"]),
    ("gradients-cut", "weight.data", [
        "wide = torch.zeros(w.shape[0], w.shape[1], side, side)", "wide[:, :, ::d + 1, ::d + 1] = w.data", "return F.conv2d(x, wide, self.bias, padding=side // 2)"]),
    ("native-dilation", "the built-in dilation", ["return F.conv2d(x, w, self.bias, dilation=d + 1, padding=k // 2 * (d + 1))"]),
)  # fmt: skip


def try_out(faulty: Faulty, examiner: Examiner) -> Diagnosis:
    """Grade, and see whether the fault is named."""
    verdicts = examiner.verdicts(faulty.assignment, faulty.source, [faulty.thing])
    named = {id: verdict.mistake for id, verdict in verdicts.items() if verdict.mistake}
    names = {name for mistake in named.values() for name in (mistake, *mistake.split("+"))}
    if faulty.mistake in names or set(faulty.mistake.split("+")) <= names:
        return Diagnosis(faulty, "yes", "")
    feedback = " ".join(verdict.feedback for verdict in verdicts.values())
    if all(verdict.share == 1 for verdict in verdicts.values()):
        return Diagnosis(faulty, "right", feedback)
    actual = (
        f"{named or 'nothing'}: "
        + next((verdict.feedback for verdict in verdicts.values() if verdict.share < 1), "")[:300]
    )
    equal = faulty.steps and any(_is_named_equal(faulty, mistake, feedback) for mistake in named.values())
    return Diagnosis(faulty, "equal" if equal else "no", actual)


def _is_named_equal(faulty: Faulty, named: str, feedback: str) -> bool:
    """Whether the mistake, or the two, that the report names instead are the same function."""
    kind = HANDOUTS[faulty.assignment].things[faulty.thing]
    first_id = named.split("+")[0]
    for known in right(faulty.assignment, kind.cls):
        for first in (*mistakes(known), *stopping(known)):
            if first.id == first_id and first.explanation in feedback:
                candidates = [first] if "+" not in named else mistakes(first)
                if any(other.id == named and _same(kind, other.steps, faulty.steps) for other in candidates):
                    return True
    return False
