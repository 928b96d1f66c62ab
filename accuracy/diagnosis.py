"""Known mistakes, written as students would write them: each must be called by its name.

A network's mistake is a list of steps (``reference/known.py``); here it becomes the source of a class. The layer's mistakes
and the faults of construction (a number in place of a parameter, layers that are not registered, …) are written by hand.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch

from accuracy.examining import IMPORTS, Examiner, definitions, right_source
from reference.forms import IN_EVALUATION, OTHER_EPS
from reference.handouts import HANDOUTS, NetworkFacts
from reference.known import Known, right
from reference.mistakes import mistakes
from reference.network import Network
from reference.steps import Step

__all__ = ["Faulty", "Told", "faulty", "pairs", "try_out"]


@dataclass(frozen=True)
class Faulty:
    """A submission with one fault, or two."""

    assignment: str
    thing: str
    """What the fault is in: the first half of its criteria's ids."""
    mistake: str
    """The id that the report must name; two ids joined by ``+`` in either order."""
    told: str
    """The fault in words."""
    source: str
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Told:
    """What a report said of a faulty submission."""

    faulty: Faulty
    named: str
    """``yes``, ``equal`` (by the name of another mistake that is the same function), ``right`` or ``no``."""
    actual: str
    """The mistakes that the report names, with the feedback where it names none."""


_LAYERS = {
    "max": "F.max_pool2d({x}, 2)",
    "overlapping": "F.max_pool2d({x}, 3, 2, 1)",
    "stride-1": "F.max_pool2d({x}, 2, 1)",
    "pool four-fold": "F.max_pool2d({x}, 4)",
    "up four-fold": "F.interpolate({x}, scale_factor=4)",
    "average": "F.avg_pool2d({x}, 2)",
    "nearest": "F.interpolate({x}, scale_factor=2)",
    "bilinear": "F.interpolate({x}, scale_factor=2, mode='bilinear', align_corners=False)",
    "bilinear-corners": "F.interpolate({x}, scale_factor=2, mode='bilinear', align_corners=True)",
}
_ACTIVATIONS = {
    "": "F.relu({x})", "relu": "F.relu({x})", "leaky": "F.leaky_relu({x})", "elu": "F.elu({x})", "gelu": "F.gelu({x})", "tanh": "torch.tanh({x})",
    "sigmoid": "torch.sigmoid({x})", "softmax": "F.softmax({x}, dim=1)", "log-softmax": "F.log_softmax({x}, dim=1)",
    "argmax": "{x}.argmax(dim=1)", "argmax-kept": "{x}.argmax(dim=1, keepdim=True)", "leaky-0.1": "F.leaky_relu({x}, 0.1)",
    "leaky-0.2": "F.leaky_relu({x}, 0.2)", "relu6": "F.relu6({x})", "silu": "F.silu({x})", "over-255": "{x} / 255", "over-256": "{x} / 256",
    "about-zero": "2 * {x} - 1", "less-half": "{x} - 0.5",
}  # fmt: skip
_NORMS = {"": "nn.BatchNorm2d({now})", "instance": "nn.InstanceNorm2d({now})", "group": "nn.GroupNorm(1, {now})",
    "instance-affine": "nn.InstanceNorm2d({now}, affine=True)", "no-affine": "nn.BatchNorm2d({now}, affine=False)",
    **{form: f"nn.BatchNorm2d({{now}}, eps={eps})" for form, eps in OTHER_EPS.items()}, "unassigned": "nn.BatchNorm2d({now})"}  # fmt: skip
_WIDTHS = {"NF": "num_filters", "2NF": "2 * num_filters", "4NF": "4 * num_filters", "NC": "num_colours", "3": "3"}


def _written(kind: NetworkFacts, steps: tuple[Step, ...], my_conv2d: bool, cls: str | None = None) -> str:
    """A list of steps as a class."""
    setup: list[str] = []
    body: list[str] = []
    inputs = "num_in_channels" if "num_in_channels" in kind.parameters else "1"
    widths, names, now, x = {0: inputs}, {0: "x"}, inputs, "x"
    before: dict[int, str] = {}
    for number, step in enumerate(steps):
        new = f"h{number}"
        if step.kind in ("conv", "convt"):
            size, out = "kernel", _WIDTHS[step.width]
            options = ", bias=False" if not step.bias else ""
            half = "kernel // 2" if step.padded else "0"
            if step.kind == "convt":
                beyond = "" if step.form == "no-output-padding" else ", output_padding=1"
                made = f"nn.ConvTranspose2d({now}, {out}, {size}, stride=2, padding={half}{beyond}{options})"
            elif step.form == "gap-1" and not step.padded:
                made = f"nn.Conv2d({now}, {out}, {size}, dilation=2{options})"
            elif step.form == "gap-1":
                made = f"MyDilatedConv2d({now}, {out}, {size}, 1)"
            elif step.form == "stride":
                made = f"nn.Conv2d({now}, {out}, {size}, stride=2, padding={half}{options})"
            elif my_conv2d and not options and step.padded:
                made = f"MyConv2d({now}, {out}, {size})"
            else:
                made = f"nn.Conv2d({now}, {out}, {size}, padding={half}{options})"
            setup.append(f"self.layer{number} = {made}")
            if step.form == "gap-1" and not step.bias:
                setup.append(f"self.layer{number}.bias = None")
            call, now = f"self.layer{number}({x})", out
        elif step.kind == "norm":
            setup.append(f"self.layer{number} = {_NORMS[step.form].format(now=now)}")
            call = f"self.layer{number}({x})"
        elif step.kind == "pool":
            call = _LAYERS.get(f"pool {step.form}", _LAYERS.get(step.form or "max", "")).format(x=x)
        elif step.kind == "up":
            call = _LAYERS.get(f"up {step.form}", _LAYERS.get(step.form or "nearest", "")).format(x=x)
        elif step.form == "prelu":
            setup.append(f"self.layer{number} = nn.PReLU()")
            call = f"self.layer{number}({x})"
        elif step.kind == "act":
            call = _ACTIVATIONS[step.form.removesuffix(IN_EVALUATION)].format(x=x)
            call = f"{x} if self.training else {call}" if step.form.endswith(IN_EVALUATION) else call
        elif step.form == "added":
            call = f"{x} + {names[step.source]}"
        else:
            skipped = (before if step.form == "before-relu" else names)[step.source]
            pair = (skipped, x) if step.first else (x, skipped)
            call, now = f"torch.cat([{pair[0]}, {pair[1]}], dim=1)", f"{now} + {widths[step.source]}"
        body.append(f"{new} = {call}")
        if step.kind == "act":
            before[step.block] = x
        x = x if step.form == "unassigned" else new
        if step.kind != "cat":
            widths[step.block], names[step.block] = now, x
    lines = [
        f"class {cls or kind.cls}(nn.Module):",
        f"    def __init__(self, {', '.join(kind.parameters)}):",
        "        super().__init__()",
    ]
    lines += [f"        {line}" for line in setup] + ["", "    def forward(self, x):"]
    return "\n".join([*lines, *(f"        {line}" for line in body), f"        return {x}", ""])


def _submission(assignment: str, kind: NetworkFacts, text: str) -> str:
    """An otherwise right submission with this class. A DilatedUNet stands for itself, so that a wrong UNet leaves it right."""
    found = definitions(right_source(assignment))
    if kind.cls == "UNet" and "DilatedUNet" in found:
        dilated = next(one for one in HANDOUTS[assignment].networks if one.cls == "DilatedUNet")
        found["DilatedUNet"] = _written(dilated, right(assignment, "DilatedUNet")[0].steps, True)
    return "\n\n".join([IMPORTS, *({**found, kind.cls: text}.values())])


def _fits(kind: NetworkFacts, steps: tuple[Step, ...]) -> bool:
    """Whether the steps can be built and run."""
    named = {"kernel": 3, "num_filters": 4, "num_colours": 5, "num_in_channels": 2}
    numbers = [
        named[name] if name in kind.parameters else fixed
        for name, fixed in (("kernel", 3), ("num_filters", 4), ("num_colours", 3), ("num_in_channels", 1))
    ]
    try:
        network = Network(steps, *numbers)
        with torch.no_grad():
            network(torch.rand(2, numbers[3], 32, 32))
    except (RuntimeError, ValueError, KeyError, IndexError):
        return False
    return True


def _made(assignment: str, kind: NetworkFacts, wrong: Known) -> Faulty | None:
    if not _fits(kind, wrong.steps):
        return None
    source = _submission(assignment, kind, _written(kind, wrong.steps, assignment != "csc413-2023"))
    return Faulty(assignment, kind.thing, wrong.id, f"{wrong.id} {wrong.place}".strip(), source, wrong.steps)


def faulty(assignment: str) -> Iterator[Faulty]:
    """Every known mistake in every network of an assignment that it fits, and every one of the layer's and of construction."""
    for kind in HANDOUTS[assignment].networks:
        seen = set()
        for wrong in mistakes(right(assignment, kind.cls)[0]):
            if wrong.steps not in seen:
                seen.add(wrong.steps)
                made = _made(assignment, kind, wrong)
                if made is not None:
                    yield made
        yield from _of_construction(assignment, kind)
    if "2018" in assignment:
        for mistake, told, body in _IN_THE_LAYER:
            text = _DILATED.format(body="\n        ".join(body))
            found = {**definitions(right_source(assignment)), "MyDilatedConv2d": text}
            yield Faulty(assignment, "dilated", mistake, told, "\n\n".join([IMPORTS, *found.values()]))


def pairs(assignment: str, number: int, seed: int) -> Iterator[Faulty]:
    """Some networks with two mistakes at two places."""
    drawn = random.Random(f"{assignment}/{seed}")
    kinds = [kind for kind in HANDOUTS[assignment].networks if kind.cls not in ("DilatedUNet", "RegressionCNN")]
    made = 0
    while made < number:
        kind = drawn.choice(kinds)
        first = drawn.choice([one for one in mistakes(right(assignment, kind.cls)[0]) if not one.alone])
        second = drawn.choice(list(mistakes(first)))
        one = _made(assignment, kind, second)
        # Undoing a mistake, or making it worse, is one mistake and not two.
        if one is not None and not any(_same(kind, second.steps, known.steps) for known in _simpler(assignment, kind)):
            made += 1
            yield one


def _simpler(assignment: str, kind: NetworkFacts) -> Iterator[Known]:
    for known in right(assignment, kind.cls):
        yield known
        if known.steps == right(assignment, kind.cls)[0].steps:
            yield from mistakes(known)


def _same(kind: NetworkFacts, one: tuple[Step, ...], other: tuple[Step, ...]) -> bool:
    """Whether two lists of steps are the same function of the same parameters; told in double precision."""
    if one == other:
        return True
    outputs = []
    for steps in (one, other):
        try:
            named = {
                "kernel": 5 if kind.odd_kernels else 3,
                "num_filters": 4,
                "num_colours": 5 if "num_colours" in kind.parameters else 3,
            }
            network = Network(steps, *named.values(), 2 if "num_in_channels" in kind.parameters else 1).double()
        except (RuntimeError, ValueError, KeyError):
            return False
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for value in network.parameters():
                value.copy_(torch.randn(value.shape, generator=generator))
            image = torch.rand(
                2, 2 if "num_in_channels" in kind.parameters else 1, 32, 32, generator=generator, dtype=torch.float64
            )
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
    if kind.cls == "DilatedUNet":
        return
    plain = _written(kind, right(assignment, kind.cls)[0].steps, assignment != "csc413-2023")
    head, rest = plain.split("super().__init__()\n", 1)

    def made(mistake: str, told: str, text: str) -> Faulty:
        return Faulty(assignment, kind.thing, mistake, told, _submission(assignment, kind, text))

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
    if kind.cls != "RegressionCNN":
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


def try_out(one: Faulty, examiner: Examiner) -> Told:
    """Grade, and see whether the fault is named."""
    verdicts = examiner.verdicts(one.assignment, one.source, [one.thing])
    told = {id: verdict.mistake for id, verdict in verdicts.items() if verdict.mistake}
    wanted = sorted(one.mistake.split("+"))
    if one.mistake in told.values() or any(sorted(mistake.split("+")) == wanted for mistake in told.values()):
        return Told(one, "yes", "")
    feedback = " ".join(verdict.feedback for verdict in verdicts.values())
    if all(verdict.share == 1 for verdict in verdicts.values()):
        return Told(one, "right", feedback)
    actual = (
        f"{told or 'nothing'}: "
        + next((verdict.feedback for verdict in verdicts.values() if verdict.share < 1), "")[:300]
    )
    return Told(one, "equal" if one.steps and _named_equal(one, set(told.values()), feedback) else "no", actual)


def _named_equal(one: Faulty, told: set[str], feedback: str) -> bool:
    """Whether a mistake that the report names instead is the same function."""
    kind = HANDOUTS[one.assignment].things[one.thing]
    known = right(one.assignment, kind.cls)[0]
    for wrong in mistakes(known):
        candidates = [wrong] if "+" not in one.mistake else [wrong, *mistakes(wrong)]
        for other in candidates:
            if other.id in told and other.explanation in feedback and _same(kind, other.steps, one.steps):
                return True
    return False
