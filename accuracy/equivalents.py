"""Right submissions, each written in a different way. They must lose no points.

A submission is generated from choices, which are drawn from a recorded seed: names, how blocks are built, functions or
modules, the order of a cat, the place of an upsampling, how a filter is spread, a script, a notebook or several files.
Every choice leaves the function unchanged, or is accepted by the rulings.
"""

from __future__ import annotations

import json
import random
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings, strategies
from hypothesis import seed as seed_of_hypothesis

from accuracy.examining import Examiner
from grader.marking.verdicts import Outcome
from grader.report import Report
from reference.arguments import Arguments
from reference.handouts import HANDOUTS

__all__ = ["Equivalent", "drawn", "lost_points", "try_out"]

T = TypeVar("T")


@dataclass(frozen=True)
class Equivalent:
    """A right submission."""

    assignment: str
    number: int
    """Its place among those of its seed."""
    files: dict[str, str]
    choices: tuple[str, ...] = field(default=())
    """The choices that are worth naming."""


@cache
def drawn(assignment: str, seed: int, count: int) -> tuple[Equivalent, ...]:
    """``count`` right submissions, drawn by Hypothesis from a seed: the same for the same seed and count."""
    submissions: list[Equivalent] = []

    @seed_of_hypothesis(f"{assignment}/{seed}")
    @settings(
        max_examples=6 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=HealthCheck,
    )
    @given(strategies.randoms(use_true_random=False))
    def collect(choices: random.Random) -> None:
        writer = _Writer(assignment, choices)
        files = writer.files()
        if len(submissions) < count and all(files != other.files for other in submissions):
            submissions.append(Equivalent(assignment, len(submissions), files, tuple(writer.choices)))

    collect()
    if len(submissions) < count:
        raise ValueError(f"only {len(submissions)} of {count} submissions to {assignment} could be drawn")
    return tuple(submissions)


def try_out(equivalent: Equivalent, examiner: Examiner) -> tuple[dict[str, str], Report]:
    """The criteria that lost points, with their feedback (empty if none did), and the report."""
    report = examiner.report(equivalent.assignment, equivalent.files)
    return lost_points(report), report


def lost_points(report: Report) -> dict[str, str]:
    """The criteria of code that lost points, with their feedback."""
    return {
        line.id: f"{line.outcome.value}: {line.feedback}"
        for line in report.sheet.marks
        if not line.id.startswith("manual.") and line.id != "files.writeup" and line.outcome is not Outcome.PASS
    }


_WORDS = {
    "kernel": ("kernel", "k", "kernel_size", "ksize"),
    "num_filters": ("num_filters", "nf", "n_filters", "width"),
    "num_colours": ("num_colours", "num_colors", "nc", "n_classes"),
    "num_in_channels": ("num_in_channels", "nic", "in_ch", "channels"),
}
_SPREADS = {
    "slices": """
        wide = torch.zeros(o, i, side, side, dtype={w}.dtype, device={w}.device)
        wide[:, :, ::step, ::step] = {w}""",
    "new_zeros": """
        wide = {w}.new_zeros(o, i, side, side)
        wide[..., ::step, ::step] += {w}""",
    "loops": """
        wide = torch.zeros(o, i, side, side).to({w})
        for a in range(k):
            for b in range(k):
                wide[:, :, a * step, b * step] = {w}[:, :, a, b]""",
    "kron": """
        unit = torch.zeros(step, step, device={w}.device, dtype={w}.dtype)
        unit[0, 0] = 1
        wide = torch.kron({w}, unit)[:, :, :side, :side]""",
    "einsum": """
        place = torch.zeros(k, side, dtype={w}.dtype, device={w}.device)
        place[torch.arange(k), torch.arange(k) * step] = 1
        wide = torch.einsum("oiab,ay,bx->oiyx", {w}, place, place)""",
    "matmul": """
        place = torch.zeros(side, k, dtype={w}.dtype, device={w}.device)
        for a in range(k):
            place[a * step, a] = 1
        wide = place.matmul({w}).matmul(place.t())""",
    "conv_transpose": """
        one = torch.ones(1, 1, 1, 1, dtype={w}.dtype, device={w}.device)
        wide = F.conv_transpose2d({w}.reshape(o * i, 1, k, k), one, stride=step).reshape(o, i, side, side)""",
    "pads": """
        wide = 0
        for a in range(k):
            for b in range(k):
                y, x = a * step, b * step
                wide = wide + F.pad({w}[:, :, a:a + 1, b:b + 1], (x, side - 1 - x, y, side - 1 - y))""",
    "interpolate": """
        wide = F.interpolate({w}, scale_factor=step)
        mask = torch.zeros_like(wide)
        mask[:, :, ::step, ::step] = 1
        wide = (wide * mask)[:, :, :side, :side]""",
    "stack": """
        zeros = torch.zeros_like({w})
        wide = torch.stack([{w}] + [zeros] * (step - 1), dim=4).reshape(o, i, k, k * step)
        wide = torch.stack([wide] + [torch.zeros_like(wide)] * (step - 1), dim=3).reshape(o, i, k * step, k * step)
        wide = wide[:, :, :side, :side]""",
    "scatter": """
        at = torch.arange(k, device={w}.device) * step
        index = (at[:, None] * side + at[None, :]).reshape(1, 1, k * k).expand(o, i, k * k)
        wide = {w}.new_zeros(o, i, side * side).scatter(2, index, {w}.reshape(o, i, k * k)).reshape(o, i, side, side)""",
    "index_put": """
        at = torch.arange(k) * step
        wide = torch.zeros((o, i, side, side), device={w}.device, dtype={w}.dtype)
        wide[:, :, at[:, None], at[None, :]] = {w}""",
    "cat": """
        rows = []
        for a in range(k):
            columns = []
            for b in range(k):
                columns.append({w}[:, :, a:a + 1, b:b + 1])
                if b < k - 1:
                    columns.append({w}.new_zeros(o, i, 1, step - 1))
            rows.append(torch.cat(columns, 3))
            if a < k - 1:
                rows.append({w}.new_zeros(o, i, step - 1, side))
        wide = torch.cat(rows, dim=2)""",
}
_TRAINING = """
def train(model, xs, ys, epochs=25):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        loss = criterion(model(xs), ys)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print("epoch", epoch, loss.item())
    return model
"""
_CLUTTER = (
    "import numpy as np\nimport matplotlib.pyplot as plt\n",
    "import os, sys, time\nfrom collections import OrderedDict\n",
    'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")\n',
    "from torch.autograd import Variable\n",
    "torch.manual_seed(17)\nprint(torch.__version__)\n",
    "def count(model):\n    return sum(p.numel() for p in model.parameters())\n",
    "class Residual(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.a = nn.Linear(3, 3)\n    def forward(self, x):\n        return x + self.a(x)\n",
    "NUM_FILTERS = 32\nKERNEL = 3\nBATCH = 100\n",
)
_STARTS = ("", "kaiming_normal_", "xavier_uniform_", "xavier_normal_", "uniform_", "normal_")


class _Writer:
    """Writes one submission; every decision is drawn from ``random``."""

    def __init__(self, assignment: str, random: random.Random) -> None:
        self.assignment = assignment
        self.random = random
        self.choices: list[str] = []
        self.old_super = self.random.random() < 0.4
        self.names = {name: self.choose(words) for name, words in _WORDS.items()}
        self.handout = HANDOUTS[assignment]
        self.strided = not self.handout.layers
        self.spreads = any(layer.dilated for layer in self.handout.layers)
        self.helpers: dict[str, str] = {}
        # Only what the course calls MyConv2d where it is asked for.
        self.plain = not self.handout.only_my_conv2d and self.often(1 if self.strided else 0.3)

    def choose(self, options: Iterable[T]) -> T:
        return self.random.choice(list(options))

    def often(self, share: float) -> bool:
        return self.random.random() < share

    def files(self) -> dict[str, str]:
        definitions = {}
        if not self.strided:
            definitions["MyConv2d"] = self.my_conv2d()
        if self.spreads:
            definitions["MyDilatedConv2d"] = self.dilated()
        for network in self.handout.networks:
            if not network.extends:
                definitions[network.cls] = self.network(network.cls)
        if self.spreads:
            definitions["DilatedUNet"] = self.dilated_unet()
        return self.pack(definitions)

    # -- layers

    def init(self, cls: str, arguments: str = "") -> str:
        return f"super({cls}, self).__init__({arguments})" if self.old_super else f"super().__init__({arguments})"

    def my_conv2d(self) -> str:
        start = self.choose(_STARTS)
        self.start = start
        fill = {
            "": "bound = 1 / math.sqrt(self.in_channels * self.kernel_size ** 2)\n        self.weight.data.uniform_(-bound, bound)\n        self.bias.data.uniform_(-bound, bound)",
            "uniform_": "self.weight.data.uniform_(0, 1)\n        self.bias.data.zero_()",
            "normal_": "nn.init.normal_(self.weight, 0, 0.05)\n        nn.init.zeros_(self.bias)",
        }.get(start, f"nn.init.{start}(self.weight)\n        self.bias.data.fill_(0)")
        if start:
            self.choices.append(f"start {start or 'as given'}")
        forward = self.choose(
            [
                "F.conv2d(input, self.weight, self.bias, padding=self.padding)",
                "F.conv2d(input, self.weight, self.bias, stride=1, padding=self.padding, dilation=1)",
                "torch.nn.functional.conv2d(input, weight=self.weight, bias=self.bias, padding=(self.padding, self.padding))",
                "F.conv2d(F.pad(input, [self.padding] * 4), self.weight, self.bias)",
                "F.conv2d(input, self.weight, padding=self.padding) + self.bias.view(1, -1, 1, 1)",
            ]
        )
        allocate = self.choose(["torch.empty", "torch.Tensor", "torch.randn"])
        return f"""class MyConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, padding=None):
        {self.init("MyConv2d")}
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.padding = kernel_size // 2 if padding is None else padding
        self.weight = nn.Parameter({allocate}(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.parameter.Parameter({allocate}(out_channels))
        self.reset_parameters()

    def reset_parameters(self):
        {fill}

    def forward(self, input):
        return {forward}
"""

    def dilated(self) -> str:
        name = self.choose(_SPREADS)
        self.choices.append(f"filter spread by {name}")
        last = self.choose(
            [
                "F.conv2d(input, wide, self.bias, padding=(k // 2) * step)",
                "F.conv2d(input, wide, bias=self.bias, padding=side // 2)",
                "F.conv2d(F.pad(input, (side // 2,) * 4), wide, self.bias)",
            ]
        )
        body = textwrap.dedent(_SPREADS[name].format(w="self.weight")).strip("\n")
        return f"""class MyDilatedConv2d(MyConv2d):
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        {self.init("MyDilatedConv2d", "in_channels, out_channels, kernel_size")}
        self.dilation = dilation

    def forward(self, input):
        o, i, k = self.out_channels, self.in_channels, self.kernel_size
        step = self.dilation + 1
        side = k + (k - 1) * self.dilation
{textwrap.indent(body, " " * 8)}
        return {last}
"""

    def dilated_unet(self) -> str:
        k, nf, nc = (self.names[name] for name in ("kernel", "num_filters", "num_colours"))
        if self.rfconv_name is None:
            # The forward of this style uses no attribute of that name, so the convolution itself is exchanged.
            return f"""class DilatedUNet(UNet):
    def __init__(self, {k}, {nf}, {nc}):
        {self.init("DilatedUNet", f"{k}, {nf}, {nc}")}
        {self.middle_conv} = MyDilatedConv2d({nf} * 2, {nf} * 2, {k}, dilation=1)
"""
        return f"""class DilatedUNet(UNet):
    def __init__(self, {k}, {nf}, {nc}):
        {self.init("DilatedUNet", f"{k}, {nf}, {nc}")}
        self.{self.rfconv_name} = nn.Sequential(
            MyDilatedConv2d({nf} * 2, {nf} * 2, {k}, dilation=1),
            nn.BatchNorm2d({nf} * 2),
            nn.ReLU())
"""

    # -- networks

    def plan(self, cls: str) -> list[dict[str, str]]:
        """The blocks: input and output widths as source, what resizes, and where a skip comes from."""
        nf, nc, nic = self.names["num_filters"], self.names["num_colours"], self.names["num_in_channels"]
        two = self.choose([f"2 * {nf}", f"{nf} * 2", f"{nf} + {nf}"])
        facts = self.handout.network(cls)
        nic = nic if "num_in_channels" in facts.parameters else "1"
        nc = nc if "num_colours" in facts.parameters else "3"
        if self.strided:
            down, up = ("pool", "up") if cls == "PoolUpsampleNet" else ("stride", "convt")
            widths = [(nic, nf, down), (nf, two, down), (two, nf, up), (nf, nc, up), (nc, nc, "")]
            skips = {3: (nf, 1), 4: (nic, 0)} if cls == "UNet" else {}
        else:
            widths = [
                (nic, nf, "pool"),
                (nf, two, "pool"),
                (two, two, ""),
                (two, nf, "up"),
                (nf, nc, "up"),
                (nc, nc, ""),
            ]
            skips = {3: (two, 2), 4: (nf, 1), 5: (nic, 0)} if cls == "UNet" else {}
            if facts.narrow_fifth_block == "accepted" and self.often(0.2):
                self.choices.append(f"{cls}: narrow fifth block")
                widths[4], widths[5] = (nf, "3", "up"), ("3", nc, "")
        blocks = []
        for index, (width, out, size) in enumerate(widths):
            skip, source = skips.get(index, ("", -1))
            blocks.append(
                {
                    "in": f"{width} + {skip}" if skip else width,
                    "out": out,
                    "size": size,
                    "source": str(source),
                    "last": str(index == len(widths) - 1),
                }
            )
        return blocks

    def conv(self, cls: str, block: dict[str, str], kernel: str) -> str:
        given = cls == "RegressionCNN" and block["last"] == "False"
        if block["size"] == "convt":
            padding = self.choose([f"{kernel} // 2", "1"])
            return f"nn.ConvTranspose2d({block['in']}, {block['out']}, {kernel}, stride=2, padding={padding}, output_padding=1)"
        if block["size"] == "stride":
            return f"nn.Conv2d({block['in']}, {block['out']}, kernel_size={kernel}, stride=2, padding={self.choose([f'{kernel} // 2', '1'])})"
        if self.plain or given:
            padding = self.choose(
                [f"{kernel} // 2", '"same"', f"int(({kernel} - 1) / 2)", f"({kernel} // 2, {kernel} // 2)"]
            )
            return f"nn.Conv2d({block['in']}, {block['out']}, {kernel}, padding={padding})"
        return self.choose(
            [
                f"MyConv2d({block['in']}, {block['out']}, {kernel})",
                f"MyConv2d({block['in']}, {block['out']}, {kernel}, {kernel} // 2)",
                f"MyConv2d(in_channels={block['in']}, out_channels={block['out']}, kernel_size={kernel}, padding={kernel} // 2)",
            ]
        )

    def order(self, size: str) -> list[str]:
        """Layers after the convolution, in an order that is accepted."""
        if size == "pool":
            norm_first = self.often(0.85 if self.handout.norm_first else 0.15)
            if norm_first:
                return self.choose([["norm", "act", "size"], ["norm", "size", "act"]])
            return ["size", "norm", "act"]
        if size == "up":
            return self.choose([["size", "norm", "act"], ["norm", "act", "size"], ["norm", "size", "act"]])
        return ["norm", "act"]

    def network(self, cls: str) -> str:
        style = self.choose(["sequential", "attributes", "list", "helper", "block", "one list", "ordered"])
        if cls == "UNet" and style == "one list":
            style = "list"
        if cls == "RegressionCNN":
            style = "sequential"
        self.choices.append(f"{cls} as {style}")
        k = self.names["kernel"]
        blocks = self.plan(cls)
        parameters = [self.names[name] for name in self.handout.network(cls).parameters]
        call = self.choose(["{}({})", "{}.forward({})", "{}({})"])
        if call == "{}.forward({})":
            self.choices.append("forward called by name")
        setup: list[str] = []
        calls: list[str] = []
        names = self.choose(
            [
                ["downconv1", "downconv2", "rfconv", "upconv1", "upconv2", "finalconv"],
                ["conv1", "conv2", "conv3", "conv4", "conv5", "conv6"],
                ["a", "b", "c", "d", "e", "f"],
                ["layer_one", "layer_two", "layer_three", "layer_four", "layer_five", "layer_six"],
                ["enc1", "enc2", "middle", "dec1", "dec2", "out"],
            ]
        )
        middle = names[2]
        conv_of: list[str] = []
        for index, block in enumerate(blocks):
            conv = self.conv(cls, block, k)
            name = names[index]
            if block["last"] == "True":
                setup.append(f"self.{name} = {conv}")
                calls.append(f"self.{name}")
                conv_of.append(f"self.{name}")
                continue
            order = self.order(block["size"]) if block["size"] in ("pool", "up") else ["norm", "act"]
            if style == "attributes":
                calls.append(self.attributes(name, conv, block, order, setup))
                conv_of.append(f"self.{name}")
            else:
                layers = [conv, *(self.module(kind, block) for kind in order)]
                calls.append(f"self.{name}")
                if style == "helper":
                    key = "make_" + "_".join([block["size"] or "plain", *order])
                    maker = self.helpers.setdefault(key, self.maker(key, block["size"], order))
                    assert maker
                    setup.append(f"self.{name} = {key}({conv}, {block['out']})")
                    conv_of.append(f"self.{name}[0]")
                elif style == "block":
                    self.helpers.setdefault(
                        "Block", _BLOCK if not self.old_super else _BLOCK.replace("super()", "super(Block, self)")
                    )
                    setup.append(f"self.{name} = Block({', '.join(layers)})")
                    conv_of.append(f"self.{name}.layers[0]")
                elif style == "ordered":
                    steps = ", ".join(
                        f'("{kind}{place}", {layer})'
                        for place, (kind, layer) in enumerate(zip(["conv", *order], layers, strict=True))
                    )
                    setup.append(f"self.{name} = nn.Sequential(collections.OrderedDict([{steps}]))")
                    conv_of.append(f"self.{name}.conv0")
                else:
                    setup.append(f"self.{name} = nn.Sequential({', '.join(layers)})")
                    conv_of.append(f"self.{name}[0]")
        if cls == "UNet":
            self.rfconv_name = None if style == "attributes" else middle
            self.middle_conv = conv_of[2]
            if style == "list":
                self.rfconv_name = None
                self.middle_conv = "self.blocks[2][0]"
        return self.written(cls, style, parameters, blocks, setup, calls, call, names)

    def module(self, kind: str, block: dict[str, str]) -> str:
        if kind == "norm":
            return self.choose(
                [
                    f"nn.BatchNorm2d({block['out']})",
                    f"nn.BatchNorm2d(num_features={block['out']})",
                    f"nn.BatchNorm2d({block['out']}, eps=1e-5, momentum=0.1)",
                ]
            )
        if kind == "act":
            return self.choose(["nn.ReLU()", "nn.ReLU(inplace=True)", "nn.ReLU(True)"])
        if block["size"] == "pool":
            return self.choose(
                ["nn.MaxPool2d(2)", "nn.MaxPool2d(kernel_size=2)", "nn.MaxPool2d(2, stride=2)", "nn.MaxPool2d((2, 2))"]
            )
        return self.choose(
            [
                "nn.Upsample(scale_factor=2)",
                "nn.Upsample(scale_factor=2, mode='nearest')",
                "nn.UpsamplingNearest2d(scale_factor=2)",
            ]
        )

    def function(self, kind: str, block: dict[str, str], x: str) -> str:
        if kind == "act":
            return self.choose(
                [f"F.relu({x})", f"torch.relu({x})", f"({x}).clamp(min=0)", f"F.relu({x}, inplace=True)"]
            )
        if block["size"] == "pool":
            return self.choose(
                [f"F.max_pool2d({x}, 2)", f"F.max_pool2d({x}, kernel_size=2, stride=2)", f"torch.max_pool2d({x}, 2)"]
            )
        return self.choose(
            [
                f"F.interpolate({x}, scale_factor=2)",
                f"F.interpolate({x}, scale_factor=2, mode='nearest')",
                f"({x}).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)",
                f"F.upsample({x}, scale_factor=2)",
            ]
        )

    def attributes(self, name: str, conv: str, block: dict[str, str], order: list[str], setup: list[str]) -> str:
        """Separate attributes; what follows the convolution is written into forward. The call as a format string."""
        setup.append(f"self.{name} = {conv}")
        setup.append(f"self.{name}_bn = {self.module('norm', block)}")
        x = f"self.{name}(§)"
        for kind in order:
            x = f"self.{name}_bn({x})" if kind == "norm" else self.function(kind, block, x)
        return x

    def maker(self, key: str, size: str, order: list[str]) -> str:
        block = {"size": size, "out": "width"}
        layers = ", ".join(["conv", *(self.module(kind, block) for kind in order)])
        return f"def {key}(conv, width):\n    layers = [{layers}]\n    return nn.Sequential(*layers)\n"

    def written(
        self,
        cls: str,
        style: str,
        parameters: list[str],
        blocks: list[dict[str, str]],
        setup: list[str],
        calls: list[str],
        call: str,
        names: list[str],
    ) -> str:
        lines = [
            f"class {cls}(nn.Module):",
            f"    def __init__(self, {', '.join(parameters)}):",
            f"        {self.init(cls)}",
        ]
        if style in ("list", "one list"):
            made = [line.split(" = ", 1)[1] for line in setup]
            holder = "nn.ModuleList([" if style == "list" else "nn.Sequential(*["
            lines.append(f"        self.blocks = {holder}")
            lines += [f"            {block}," for block in made]
            lines.append("        ])")
            calls = [f"self.blocks[{index}]" for index in range(len(made))]
        else:
            if self.often(0.2):
                # The order in which layers are made is not the order in which they run.
                self.random.shuffle(setup)
            lines += [f"        {line}" for line in setup]
        x = self.choose(["x", "input", "img"])
        lines += ["", f"    def forward(self, {x}):"]
        if style == "one list":
            lines.append(f"        return self.blocks({x})")
            return "\n".join(lines) + "\n"
        keep = self.spreads and self.often(0.5)
        out = [f"self.out{n + 1}" if keep else f"h{n + 1}" for n in range(len(blocks))]
        for index, block in enumerate(blocks):
            now = x if index == 0 else out[index - 1]
            if block["source"] != "-1":
                source = int(block["source"])
                pair = [now, x if source == 0 else out[source - 1]]
                if self.often(0.4):
                    pair.reverse()
                    self.choices.append(f"{cls}: cat {index + 1} the other way round")
                # Widths are sums, which are the same either way.
                now = self.choose(
                    [
                        f"torch.cat([{pair[0]}, {pair[1]}], dim=1)",
                        f"torch.cat(({pair[0]}, {pair[1]}), 1)",
                        f"torch.cat([{pair[0]}, {pair[1]}], axis=1)",
                        f"torch.concat([{pair[0]}, {pair[1]}], dim=-3)",
                    ]
                )
            made = calls[index].replace("§", now) if "§" in calls[index] else call.format(calls[index], now)
            lines.append(f"        {out[index]} = {made}")
        lines.append(f"        return {out[-1]}")
        return "\n".join(lines) + "\n"

    # -- files

    def pack(self, definitions: dict[str, str]) -> dict[str, str]:
        imports = (
            "import collections\nimport math\nimport torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
        )
        clutter = [text for text in _CLUTTER if self.often(0.3)]
        helpers = list(self.helpers.values())
        end = []
        if self.often(0.5):
            cls = self.choose([name for name in definitions if not name.startswith("My")])
            values = Arguments(kernel=3, filters=8, colours=24, inputs=1).positional(
                self.handout.network(cls).parameters
            )
            arguments = ", ".join(map(str, values))
            end = [
                _TRAINING,
                f"model = train({cls}({arguments}), torch.rand(100, 1, 32, 32), torch.zeros(100, 32, 32).long())\nprint(model)\n",
            ]
            if self.often(0.5):
                end[1] = "if __name__ == '__main__':\n" + textwrap.indent(end[1], "    ")
            else:
                self.choices.append("trains at top level")
        order = list(definitions)
        if self.often(0.3):
            first = [name for name in order if name.startswith("My")]
            rest = [name for name in order if not name.startswith("My") and name != "DilatedUNet"]
            self.random.shuffle(rest)
            order = first + rest + [name for name in order if name == "DilatedUNet"]
        form = self.choose(["script", "notebook", "split"])
        self.choices.append(form)
        name = PurePosixPath(self.handout.code[0].replace("*", "alice")).stem
        classes = [definitions[key] for key in order]
        if form == "script":
            return {f"{name}.py": "\n\n".join([imports, *clutter, *helpers, *classes, *end])}
        if form == "split":
            layers = [definitions[key] for key in order if key.startswith("My")]
            models = [definitions[key] for key in order if not key.startswith("My")]
            main = "\n".join(
                [
                    imports,
                    f"from nets import {', '.join(key for key in order if not key.startswith('My'))}\n",
                    *clutter,
                    *end,
                ]
            )
            files = {
                f"{name}.py": main,
                "nets.py": "\n\n".join([imports, "from layers import *" if layers else "", *helpers, *models]),
            }
            if layers:
                files["layers.py"] = "\n\n".join([imports, *layers])
            return files
        cells = [imports, *clutter, *helpers, *classes, *end]
        if self.often(0.3):
            cells.insert(1, "%matplotlib inline\n!pip install torchvision")
        nodes = [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"c{n}",
                "metadata": {},
                "outputs": [],
                "source": cell.splitlines(True),
            }
            for n, cell in enumerate(cells)
        ]
        return {f"{name}.ipynb": json.dumps({"cells": nodes, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})}


_BLOCK = """class Block(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
"""
