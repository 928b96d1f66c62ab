"""Known mistakes, written as students would write them. The report must name each of them.

A network's mistake is a list of steps (``reference/mistakes.py``); here it becomes the source of a class. The layer's
mistakes and the faults of construction (a number instead of a parameter, parameters in another order) are written by hand.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch

from accuracy.examining import IMPORTS, Examiner, definitions, right_source
from reference.arguments import Arguments
from reference.forms import acts_in_evaluation_only, form_of
from reference.handouts import HANDOUTS, NetworkFacts
from reference.known import Known, right
from reference.mistakes import mistakes
from reference.network import Network
from reference.steps import Step, Steps

__all__ = ["Diagnosis", "Faulty", "faulty", "pairs", "try_out"]


@dataclass(frozen=True)
class Faulty:
    """A submission with one fault, or two."""

    assignment: str
    thing: str
    """What the fault is in: the first half of its criteria's ids."""
    mistake: str
    """The id that the report must name; two ids joined by ``+`` in either order."""
    description: str
    """The fault in words."""
    source: str
    steps: Steps = ()


@dataclass(frozen=True)
class Diagnosis:
    """What a report says of a faulty submission."""

    faulty: Faulty
    named: str
    """``yes``, ``equal`` (by the name of another mistake that is the same function), ``right`` or ``no``."""
    actual: str
    """The mistakes that the report names, with the feedback where it names none."""


_WIDTHS = {"NF": "num_filters", "2NF": "2 * num_filters", "4NF": "4 * num_filters", "NC": "num_colours", "3": "3"}


def _written(kind: NetworkFacts, steps: Steps, my_conv2d: bool) -> str:
    """A list of steps as a class. ``my_conv2d``: whether it is made of the handout's own layer where that fits."""
    setup: list[str] = []
    body: list[str] = []
    channels, x = "num_in_channels" if "num_in_channels" in kind.parameters else "1", "x"
    # By block: channels and name of the output, and the name of what came before the ReLU.
    widths, outputs, before_relu = {0: channels}, {0: x}, {}
    for number, step in enumerate(steps):
        form = form_of(step)
        if step.kind == "act":
            before_relu[step.block] = x
        if form.module is not None:
            setup += _layer(f"self.layer{number}", step, channels, my_conv2d)
            call = f"self.layer{number}({x})"
        elif step.kind == "cat":
            skipped = (before_relu if step.form == "before-relu" else outputs)[step.source]
            first, second = (skipped, x) if step.first else (x, skipped)
            call = form.source.format(x=first, skipped=second)
        else:
            call = form.source.format(x=x)
        if acts_in_evaluation_only(step):
            call = f"{x} if self.training else {call}"
        body.append(f"h{number} = {call}")
        x = f"h{number}" if form.output_used else x
        if step.width:
            channels = _WIDTHS[step.width]
        elif step.kind == "cat" and step.form != "added":
            channels = f"{channels} + {widths[step.source]}"
        if step.kind != "cat":
            widths[step.block], outputs[step.block] = channels, x
    lines = [
        f"class {kind.cls}(nn.Module):",
        f"    def __init__(self, {', '.join(kind.parameters)}):",
        "        super().__init__()",
        *(f"        {line}" for line in setup),
        "",
        "    def forward(self, x):",
        *(f"        {line}" for line in body),
        f"        return {x}",
        "",
    ]
    return "\n".join(lines)


def _layer(name: str, step: Step, channels: str, my_conv2d: bool) -> list[str]:
    """The lines of ``__init__`` that make a layer, of the course's own classes where they can be it."""
    out = _WIDTHS.get(step.width, channels)
    if step.form == "gap-1" and step.padded:
        made = f"{name} = MyDilatedConv2d({channels}, {out}, kernel, 1)"
        return [made] if step.bias else [made, f"{name}.bias = None"]
    if my_conv2d and (step.kind, step.form, step.bias, step.padded) == ("conv", "", True, True):
        return [f"{name} = MyConv2d({channels}, {out}, kernel)"]
    padding, bias = "kernel // 2" if step.padded else "0", "" if step.bias else ", bias=False"
    source = form_of(step).source.format(channels=channels, out=out, padding=padding, bias=bias)
    return [f"{name} = {source}"]


def _has_my_conv2d(assignment: str) -> bool:
    return "my-conv2d" in HANDOUTS[assignment].layer_things


def _submission(assignment: str, kind: NetworkFacts, text: str) -> str:
    """An otherwise right submission with this class. What extends the class is written out, so that it stays right."""
    source = definitions(right_source(assignment))
    for network in HANDOUTS[assignment].networks:
        if network.extends == kind.thing:
            source[network.cls] = _written(network, network.steps, True)
    return "\n\n".join([IMPORTS, *({**source, kind.cls: text}.values())])


def _fits(kind: NetworkFacts, steps: Steps) -> bool:
    """Whether the steps can be built and run."""
    arguments = _arguments(kind, kernel=3)
    try:
        network = Network(steps, *arguments.numbers)
        with torch.no_grad():
            network(torch.rand(2, arguments.inputs, 32, 32))
    except (RuntimeError, ValueError, KeyError, IndexError):
        return False
    return True


def _arguments(kind: NetworkFacts, kernel: int) -> Arguments:
    """A small configuration of a network."""
    named = Arguments(kernel, filters=4, colours=5, inputs=2).named(kind.parameters)
    return Arguments.from_names(named)


def _made(assignment: str, kind: NetworkFacts, wrong: Known) -> Faulty | None:
    if not _fits(kind, wrong.steps):
        return None
    source = _submission(assignment, kind, _written(kind, wrong.steps, _has_my_conv2d(assignment)))
    return Faulty(assignment, kind.thing, wrong.id, f"{wrong.id} {wrong.place}".strip(), source, wrong.steps)


def faulty(assignment: str) -> Iterator[Faulty]:
    """Every known mistake in every network of an assignment that it fits, and every mistake of the layer and of construction."""
    for kind in HANDOUTS[assignment].networks:
        seen = set()
        for wrong in mistakes(right(assignment, kind.cls)[0]):
            if wrong.steps not in seen:
                seen.add(wrong.steps)
                made = _made(assignment, kind, wrong)
                if made is not None:
                    yield made
        yield from _of_construction(assignment, kind)
    if any(layer.dilated for layer in HANDOUTS[assignment].layers):
        for mistake, description, body in _IN_THE_LAYER:
            text = _DILATED.format(body="\n        ".join(body))
            source = {**definitions(right_source(assignment)), "MyDilatedConv2d": text}
            yield Faulty(assignment, "dilated", mistake, description, "\n\n".join([IMPORTS, *source.values()]))


def pairs(assignment: str, number: int, seed: int) -> Iterator[Faulty]:
    """Some networks with two mistakes at two places."""
    drawn = random.Random(f"{assignment}/{seed}")
    kinds = [kind for kind in HANDOUTS[assignment].networks if kind.filled_in]
    made = 0
    while made < number:
        kind = drawn.choice(kinds)
        first = drawn.choice([wrong for wrong in mistakes(right(assignment, kind.cls)[0]) if not wrong.alone])
        second = drawn.choice(list(mistakes(first)))
        pair = _made(assignment, kind, second)
        # Where the second edit undoes the first, or only makes it worse, there is one mistake and not two.
        if pair is not None and not any(_same(kind, second.steps, known.steps) for known in _simpler(assignment, kind)):
            made += 1
            yield pair


def _simpler(assignment: str, kind: NetworkFacts) -> Iterator[Known]:
    for known in right(assignment, kind.cls):
        yield known
        if known.steps == right(assignment, kind.cls)[0].steps:
            yield from mistakes(known)


def _same(kind: NetworkFacts, first: Steps, second: Steps) -> bool:
    """Whether two lists of steps are the same function of the same parameters, in double precision."""
    if first == second:
        return True
    arguments = _arguments(kind, kernel=5 if kind.odd_kernels else 3)
    outputs = []
    for steps in (first, second):
        try:
            network = Network(steps, *arguments.numbers).double()
        except (RuntimeError, ValueError, KeyError):
            return False
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for value in network.parameters():
                value.copy_(torch.randn(value.shape, generator=generator))
            image = torch.rand(2, arguments.inputs, 32, 32, generator=generator, dtype=torch.float64)
            shapes = [value.shape for value in network.parameters()]
            try:
                outputs.append((shapes, network.train()(image), network.eval()(image)))
            except (RuntimeError, KeyError):
                return False
    (shapes, *expected), (others, *actual) = outputs
    return shapes == others and all(
        a.shape == b.shape and torch.allclose(a, b, rtol=1e-9) for a, b in zip(expected, actual, strict=True)
    )


def _of_construction(assignment: str, kind: NetworkFacts) -> Iterator[Faulty]:
    """Faults that are not in the function: numbers in place of parameters, layers that are not registered, another constructor."""
    if kind.extends:
        return
    plain = _written(kind, right(assignment, kind.cls)[0].steps, _has_my_conv2d(assignment))
    head, rest = plain.split("super().__init__()\n", 1)

    def made(mistake: str, description: str, text: str) -> Faulty:
        return Faulty(assignment, kind.thing, mistake, description, _submission(assignment, kind, text))

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
            yield made(
                f"hard-coded-{name}",
                f"{value} for {name}",
                head + "super().__init__()\n" + re.sub(rf"\b{name}\b", str(value), rest),
            )
    if kind.odd_kernels:
        for number in range(1, rest.count(", kernel") + 1):
            yield made(
                "hard-coded-kernel",
                f"3 for kernel in convolution {number}",
                head + "super().__init__()\n" + _nth(rest, ", kernel", ", 3", number),
            )
        if "padding=kernel // 2" in rest:
            yield made(
                "hard-coded-padding",
                "padding=1",
                head + "super().__init__()\n" + rest.replace("padding=kernel // 2", "padding=1"),
            )
    for first, second in pairwise(kind.parameters):
        signature = ", ".join(kind.parameters)
        swapped = signature.replace(f"{first}, {second}", f"{second}, {first}")
        yield made("constructor-order", f"{first} after {second}", plain.replace(signature, swapped, 1))
    if "num_colours" in kind.parameters:
        both = re.sub(r"\bnum_colours\b", "24", re.sub(r"\bnum_filters\b", "32", rest))
        yield made("hard-coded-num_filters-num_colours", "32 and 24 written in", head + "super().__init__()\n" + both)


def _nth(text: str, old: str, new: str, number: int) -> str:
    """``text`` with the ``number``-th ``old`` replaced, and what stands for it in the same line's padding."""
    parts = text.split(old)
    return (
        old.join(parts[:number])
        + new
        + re.sub(r"kernel // 2", "3 // 2", parts[number], count=1)
        + "".join(old + part for part in parts[number + 1 :])
    )


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
    wanted = sorted(faulty.mistake.split("+"))
    if faulty.mistake in named.values() or any(sorted(mistake.split("+")) == wanted for mistake in named.values()):
        return Diagnosis(faulty, "yes", "")
    feedback = " ".join(verdict.feedback for verdict in verdicts.values())
    if all(verdict.share == 1 for verdict in verdicts.values()):
        return Diagnosis(faulty, "right", feedback)
    actual = (
        f"{named or 'nothing'}: "
        + next((verdict.feedback for verdict in verdicts.values() if verdict.share < 1), "")[:300]
    )
    equal = faulty.steps and _named_equal(faulty, set(named.values()), feedback)
    return Diagnosis(faulty, "equal" if equal else "no", actual)


def _named_equal(faulty: Faulty, named: set[str], feedback: str) -> bool:
    """Whether a mistake that the report names instead is the same function."""
    kind = HANDOUTS[faulty.assignment].things[faulty.thing]
    known = right(faulty.assignment, kind.cls)[0]
    for wrong in mistakes(known):
        candidates = [wrong] if "+" not in faulty.mistake else [wrong, *mistakes(wrong)]
        for other in candidates:
            if other.id in named and other.explanation in feedback and _same(kind, other.steps, faulty.steps):
                return True
    return False
