"""A list of steps as the class that a student would write, in many ways of writing.

The ways differ in what is an attribute and what a function, in how layers are grouped, called and joined, and in names.
All of them are the same function of the same parameters.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from reference.forms import TAKEN_BEFORE, acts_in_evaluation_only, form_of
from reference.handouts import NetworkFacts
from reference.steps import Step, Steps, by_block

__all__ = ["written"]

_WIDTHS = {
    "NF": "num_filters", "2NF": "2 * num_filters", "4NF": "4 * num_filters", "NF/2": "num_filters // 2",
    "NC": "num_colours", "NIC": "num_in_channels", "3": "3",
}  # fmt: skip
_PADDINGS = ("kernel // 2", "(kernel - 1) // 2", "int(kernel / 2)")
_NAMES = (
    ("downconv1", "downconv2", "rfconv", "upconv1", "upconv2", "finalconv"),
    ("conv1", "conv2", "conv3", "conv4", "conv5", "conv6"),
    ("enc1", "enc2", "middle", "dec2", "dec1", "head"),
    ("block_a", "block_b", "block_c", "block_d", "block_e", "block_f"),
)
_MODULES = {
    ("pool", ""): ("nn.MaxPool2d(2)", "nn.MaxPool2d(kernel_size=2, stride=2)"),
    ("pool", "average"): ("nn.AvgPool2d(2)",),
    ("pool", "overlapping"): ("nn.MaxPool2d(3, stride=2, padding=1)",),
    ("pool", "four-fold"): ("nn.MaxPool2d(4)",),
    ("pool", "stride-1"): ("nn.MaxPool2d(2, stride=1)",),
    ("up", ""): ("nn.Upsample(scale_factor=2)", "nn.UpsamplingNearest2d(scale_factor=2)"),
    ("up", "four-fold"): ("nn.Upsample(scale_factor=4)",),
    ("up", "bilinear"): ("nn.Upsample(scale_factor=2, mode='bilinear')",),
    ("up", "bilinear-corners"): ("nn.UpsamplingBilinear2d(scale_factor=2)",),
    ("up", "bicubic"): ("nn.Upsample(scale_factor=2, mode='bicubic')",),
    ("act", ""): ("nn.ReLU()",),
    ("act", "leaky"): ("nn.LeakyReLU()",),
    ("act", "leaky-0.1"): ("nn.LeakyReLU(0.1)",),
    ("act", "elu"): ("nn.ELU()",),
    ("act", "gelu"): ("nn.GELU()",),
    ("act", "silu"): ("nn.SiLU()",),
    ("act", "relu6"): ("nn.ReLU6()",),
    ("act", "tanh"): ("nn.Tanh()",),
    ("act", "sigmoid"): ("nn.Sigmoid()",),
    ("act", "softmax"): ("nn.Softmax(dim=1)",),
}  # fmt: skip
"""Layers without parameters that PyTorch has as a module; the others are written as functions."""


class _Writer:
    def __init__(self, kind: NetworkFacts, steps: Steps, my_conv2d: bool, drawn: random.Random) -> None:
        self._kind, self._steps, self._my_conv2d, self._drawn = kind, steps, my_conv2d, drawn
        self._names = drawn.choice(_NAMES)
        self._padding = drawn.choice(_PADDINGS)
        self._grouped, self._keywords, self._fresh = (drawn.random() < share for share in (0.6, 0.3, 0.4))
        self._definitions: list[str] = []
        self._setup: list[str] = []
        self._body: list[str] = []
        self._image = self._x = drawn.choice(("x", "images", "input"))
        self._count = 0
        self._needed = {(step.source, TAKEN_BEFORE.get(step.form, "")) for step in steps if step.kind == "cat"}
        self._kept = {(0, ""): self._x}
        self._made: dict[tuple[str, int], str] = {}

    def text(self) -> str:
        channels = "num_in_channels" if "num_in_channels" in self._kind.parameters else "1"
        widths = {0: channels}
        for number, block in by_block(self._steps).items():
            joins = [step for step in block if step.kind == "cat"]
            rest = [step for step in block if step.kind != "cat"]
            for step in joins:
                channels = self._join(step, channels, widths)
            channels = self._block(number, rest, channels)
            if rest:
                widths[number] = channels
                self._keep((number, ""))
        head = [
            f"class {self._kind.cls}(nn.Module):",
            f"    def __init__(self, {', '.join(self._kind.parameters)}):",
            "        super().__init__()",
        ]
        lines = [*head, *(f"        {line}" for line in self._setup), "", f"    def forward(self, {self._image}):"]
        lines += [*(f"        {line}" for line in self._body), f"        return {self._x}", ""]
        return "\n".join([*dict.fromkeys(self._definitions), *lines])

    # -- forward -------------------------------------------------------------------------------------------------------

    def _assign(self, value: str) -> None:
        """The next value, in the same variable where nothing needs the old one and the style is so."""
        self._count += 1
        if self._fresh or self._x in self._kept.values():
            self._x = f"h{self._count}"
        self._body.append(f"{self._x} = {value}")

    def _keep(self, key: tuple[int, str]) -> None:
        """Remember the present value for a skip connection that needs it."""
        if key in self._needed:
            self._kept[key] = self._x

    def _join(self, step: Step, channels: str, widths: dict[int, str]) -> str:
        skipped = self._kept[step.source, TAKEN_BEFORE.get(step.form, "")]
        first, second = (skipped, self._x) if step.first else (self._x, skipped)
        self._keep((step.block, "cat"))
        self._assign(form_of(step).source.format(x=first, skipped=second))
        if step.form in ("added", "unexpected"):
            return channels
        return f"{channels} + {widths[step.source]}"

    def _block(self, number: int, block: list[Step], channels: str) -> str:
        name = self._names[number - 1] if 0 < number <= len(self._names) else f"extra{number}"
        inside = any(source == number and kind for source, kind in self._needed)
        shared = any(step.kind == kind and step.block == other for step in block for kind, other in self._shared())
        if self._grouped and not inside and not shared and all(map(_is_module, block)) and len(block) > 1:
            layers = []
            for step in block:
                made, channels = self._layer(step, channels)
                layers.append(made)
            self._setup.append(f"self.{name} = nn.Sequential({', '.join(layers)})")
            self._assign(f"self.{name}({self._x})" if self._drawn.random() < 0.8 else f"self.{name}.forward({self._x})")
            return channels
        for place, step in enumerate(block):
            self._keep((number, step.kind))
            channels = self._one(f"{name}_{step.kind}{place}", step, channels)
        return channels

    def _shared(self) -> set[tuple[str, int]]:
        return {(step.kind, step.shared) for step in self._steps if step.shared}

    def _one(self, name: str, step: Step, channels: str) -> str:
        """One layer by itself: an attribute, or a function."""
        form = form_of(step)
        if step.shared or form.module is not None or (_is_module(step) and self._drawn.random() < 0.5):
            if step.shared:
                call, channels = f"{self._made[step.kind, step.shared]}({self._x})", _WIDTHS.get(step.width, channels)
            else:
                made, channels = self._layer(step, channels)
                self._setup.append(f"self.{name} = {made}")
                self._made.setdefault((step.kind, step.block), f"self.{name}")
                call = f"self.{name}({self._x})"
        else:
            call = form.source.format(x=self._x)
        if not form.output_used:
            self._body.append(call)
        elif acts_in_evaluation_only(step):
            self._assign(f"{self._x} if self.training else {call}")
        else:
            self._assign(call)
        return channels

    # -- layers --------------------------------------------------------------------------------------------------------

    def _layer(self, step: Step, channels: str) -> tuple[str, str]:
        """The layer as an expression, and the number of channels after it."""
        form = form_of(step)
        if form.module is None:
            return self._drawn.choice(_MODULES[step.kind, step.form]), channels
        taken = _WIDTHS[step.takes] if step.takes else channels
        out = _WIDTHS.get(step.width, taken)
        if form.definition:
            self._definitions.append(form.definition)
        made = self._convolution(step, taken, out) if step.width else form.source.format(channels=taken)
        return made, (out if step.width else channels)

    def _convolution(self, step: Step, channels: str, out: str) -> str:
        """Of the course's own classes where they can be it."""
        kernel = str(step.side or "kernel")
        plain = (step.bias, step.padding, step.side) == (True, "zeros", 0)
        if step.form == "gap-1" and plain:
            return f"MyDilatedConv2d({channels}, {out}, kernel, 1)"
        if self._my_conv2d and step.kind == "conv" and step.form == "" and plain:
            if self._keywords:
                return f"MyConv2d(in_channels={channels}, out_channels={out}, kernel_size=kernel)"
            return f"MyConv2d({channels}, {out}, kernel)"
        options = "" if step.bias else ", bias=False"
        options += f", padding_mode='{step.padding}'" if step.padding not in ("zeros", "") else ""
        padding = str(step.side // 2) if step.side else self._padding
        source = form_of(step).source.replace("kernel,", f"{kernel},")
        return source.format(channels=channels, out=out, padding=padding if step.padding else "0", options=options)


def _is_module(step: Step) -> bool:
    form = form_of(step)
    if acts_in_evaluation_only(step) or not form.output_used or step.shared:
        return False
    return form.module is not None or (step.kind, step.form) in _MODULES


def written(kind: NetworkFacts, steps: Iterable[Step], my_conv2d: bool, drawn: random.Random) -> str:
    """A network as a class, with what it needs. ``my_conv2d``: whether it is made of the handout's own layer.

    Raises KeyError where a layer needs what no step makes, such as a skip connection from a block that is missing.
    """
    return _Writer(kind, tuple(steps), my_conv2d, drawn).text()
