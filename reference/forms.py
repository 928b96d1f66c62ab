"""Every form that a layer of a network can have, plain or changed: one row per form.

A row has the form in each notation that is needed: as a module of PyTorch, as a function of given parameters, as the
shapes of its parameters, and as the line of source that a student would write.

Axes: B images, C channels, H × W pixels, k filter side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.known_layers import LAYER_MISTAKES, LayerMistake
from reference.steps import Step

__all__ = [
    "FORMS",
    "IN_EVALUATION",
    "OTHER_EPS",
    "TAKEN_BEFORE",
    "WRONG_LAYER",
    "Form",
    "acts_in_evaluation_only",
    "form_of",
    "wrong_layer",
]


@dataclass(frozen=True)
class Form:
    """One form of a layer.

    A form with a module has parameters or running statistics; the others are functions of their input alone.
    """

    source: str
    """As a student writes it: the module where there is one, else the call. ``{x}`` stands for the input, ``{skipped}``
    for what a skip connection brings, ``{channels}`` and ``{out}`` for the number of channels before and after,
    ``{padding}`` for half the kernel, and ``{options}`` for ``, bias=False`` or the like."""
    compute: Callable[..., Tensor]
    """(step, input (B, C, H, W), *tensors) → output, in evaluation mode. The tensors are the parameters in their order
    and then the running mean and variance (C,); for ``cat``, what the skip connection brings."""
    module: Callable[[Step, int, int, int], nn.Module] | None = None
    """(step, channels before, channels after, k) → the layer."""
    parameters: tuple[str, ...] = ()
    """What each parameter is: ``filter`` (after, before, k, k), ``turned filter`` (before, after, k, k), ``bias``
    (after), ``channel`` (before) or ``one`` (1)."""
    statistics: bool = False
    """Whether it has a running mean and a running variance."""
    output_used: bool = True
    """False: the layer runs, and the next one gets its input instead of its output."""
    definition: str = ""
    """A class that ``source`` calls, where PyTorch has none."""


# -- convolutions -----------------------------------------------------------------------------------------------------


def _padding(step: Step, kernel: int) -> int:
    return kernel // 2 if step.padding else 0


def _convolved(
    step: Step, x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, spacing: int = 1
) -> Tensor:
    """``spacing``: distance between neighbouring weights, 1 in an ordinary filter."""
    padding = _padding(step, weight.shape[-1]) * spacing
    if step.padding not in ("zeros", ""):
        x, padding = F.pad(x, [padding] * 4, mode=step.padding), 0
    return F.conv2d(x, weight, bias, stride=stride, padding=padding, dilation=spacing)


def _convolution(source: str, *, stride: int = 1, spacing: int = 1) -> Form:
    def module(step: Step, before: int, after: int, kernel: int) -> nn.Module:
        return nn.Conv2d(
            before,
            after,
            kernel,
            stride=stride,
            padding=_padding(step, kernel) * spacing,
            dilation=spacing,
            bias=step.bias,
            padding_mode=step.padding or "zeros",  # type: ignore[arg-type]  # one of its literals
        )

    return Form(source, partial(_convolved, stride=stride, spacing=spacing), module, ("filter", "bias"))


class _Turned(nn.Conv2d):
    """A convolution whose filters are turned before they are used."""

    def __init__(self, turn: Callable[[Tensor], Tensor], step: Step, before: int, after: int, kernel: int) -> None:
        super().__init__(before, after, kernel, bias=step.bias)
        self._turn, self._step = turn, step

    def forward(self, x: Tensor) -> Tensor:
        return _convolved(self._step, x, self._turn(self.weight), self.bias)


def _turned(written: str, turn: Callable[[Tensor], Tensor]) -> Form:
    """``written``: what a student writes after ``self.weight``."""
    return Form(
        "Turned({channels}, {out}, kernel, padding={padding}{options})",
        lambda step, x, weight, *bias: _convolved(step, x, turn(weight), *bias),
        lambda step, before, after, kernel: _Turned(turn, step, before, after, kernel),
        ("filter", "bias"),
        definition=_TURNED.format(turned=f"self.weight.{written}"),
    )


_TURNED = """\
class Turned(nn.Conv2d):
    def forward(self, x):
        return self._conv_forward(x, {turned}, self.bias)
"""


def _transposed(source: str, *, stride: int = 2, output_padding: int = 0) -> Form:
    def compute(step: Step, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        padding = _padding(step, weight.shape[-1])
        return F.conv_transpose2d(x, weight, bias, stride=stride, padding=padding, output_padding=output_padding)

    def module(step: Step, before: int, after: int, kernel: int) -> nn.Module:
        padding = _padding(step, kernel)
        return nn.ConvTranspose2d(
            before, after, kernel, stride=stride, padding=padding, output_padding=output_padding, bias=step.bias
        )

    return Form(source, compute, module, ("turned filter", "bias"))


_CONVOLUTIONS = {
    "": _convolution("nn.Conv2d({channels}, {out}, kernel, padding={padding}{options})"),
    "gap-1": _convolution(
        "nn.Conv2d({channels}, {out}, kernel, padding=2 * ({padding}), dilation=2{options})", spacing=2
    ),
    "stride": _convolution("nn.Conv2d({channels}, {out}, kernel, stride=2, padding={padding}{options})", stride=2),
    "axes-swapped": _turned("transpose(2, 3)", lambda weight: weight.transpose(2, 3)),
    "flipped": _turned("flip(2, 3)", lambda weight: weight.flip(2, 3)),
}
_TRANSPOSED = {
    "": _transposed(
        "nn.ConvTranspose2d({channels}, {out}, kernel, stride=2, padding={padding}, output_padding=1{options})",
        output_padding=1,
    ),
    "no-output-padding": _transposed(
        "nn.ConvTranspose2d({channels}, {out}, kernel, stride=2, padding={padding}{options})"
    ),
    "stride-1": _transposed("nn.ConvTranspose2d({channels}, {out}, kernel, padding={padding}{options})", stride=1),
}

# -- normalisations ---------------------------------------------------------------------------------------------------

OTHER_EPS = {"eps-1e-3": 1e-3, "eps-1e-2": 1e-2, "eps-0.1": 0.1}
"""What batch-norm gets in place of 1e-5, by form; the first is the default of another library."""


def _batch_norm(source: str, eps: float = 1e-5, *, output_used: bool = True) -> Form:
    def compute(step: Step, x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return F.batch_norm(x, mean, variance, scale, shift, eps=eps) if output_used else x

    def module(step: Step, before: int, after: int, kernel: int) -> nn.Module:
        return nn.BatchNorm2d(before, eps=eps)

    return Form(source, compute, module, ("channel", "channel"), statistics=True, output_used=output_used)


_NORMALISATIONS = {
    "": _batch_norm("nn.BatchNorm2d({channels})"),
    **{form: _batch_norm(f"nn.BatchNorm2d({{channels}}, eps={eps})", eps) for form, eps in OTHER_EPS.items()},
    "unassigned": _batch_norm("nn.BatchNorm2d({channels})", output_used=False),
    "no-affine": Form(
        "nn.BatchNorm2d({channels}, affine=False)",
        lambda step, x, mean, variance: F.batch_norm(x, mean, variance),
        lambda step, before, after, kernel: nn.BatchNorm2d(before, affine=False),
        statistics=True,
    ),
    "no-statistics": Form(
        "nn.BatchNorm2d({channels}, track_running_stats=False)",
        lambda step, x, scale, shift: F.batch_norm(x, None, None, scale, shift, training=True),
        lambda step, before, after, kernel: nn.BatchNorm2d(before, track_running_stats=False),
        ("channel", "channel"),
    ),
    "instance": Form(
        "nn.InstanceNorm2d({channels})",
        lambda step, x: F.instance_norm(x),
        lambda step, before, after, kernel: nn.InstanceNorm2d(before),
    ),
    "instance-affine": Form(
        "nn.InstanceNorm2d({channels}, affine=True)",
        lambda step, x, scale, shift: F.instance_norm(x, weight=scale, bias=shift),
        lambda step, before, after, kernel: nn.InstanceNorm2d(before, affine=True),
        ("channel", "channel"),
    ),
    "group": Form(
        "nn.GroupNorm(1, {channels})",
        lambda step, x, scale, shift: F.group_norm(x, 1, scale, shift),
        lambda step, before, after, kernel: nn.GroupNorm(1, before),
        ("channel", "channel"),
    ),
}

# -- functions without parameters -------------------------------------------------------------------------------------


def _function(source: str, function: Callable[[Tensor], Tensor]) -> Form:
    return Form(source, lambda step, x: function(x))


_POOLS = {
    "": _function("F.max_pool2d({x}, 2)", lambda x: F.max_pool2d(x, 2)),
    "average": _function("F.avg_pool2d({x}, 2)", lambda x: F.avg_pool2d(x, 2)),
    "overlapping": _function("F.max_pool2d({x}, 3, 2, 1)", lambda x: F.max_pool2d(x, 3, 2, 1)),
    "four-fold": _function("F.max_pool2d({x}, 4)", lambda x: F.max_pool2d(x, 4)),
    "stride-1": _function("F.max_pool2d({x}, 2, 1)", lambda x: F.max_pool2d(x, 2, 1)),
}
_UPSAMPLINGS = {
    "": _function(
        "F.interpolate({x}, scale_factor=2)",
        partial(F.interpolate, scale_factor=2, mode="nearest"),
    ),
    "four-fold": _function(
        "F.interpolate({x}, scale_factor=4)",
        partial(F.interpolate, scale_factor=4, mode="nearest"),
    ),
    "bilinear": _function(
        "F.interpolate({x}, scale_factor=2, mode='bilinear', align_corners=False)",
        partial(F.interpolate, scale_factor=2, mode="bilinear", align_corners=False),
    ),
    "bilinear-corners": _function(
        "F.interpolate({x}, scale_factor=2, mode='bilinear', align_corners=True)",
        partial(F.interpolate, scale_factor=2, mode="bilinear", align_corners=True),
    ),
    "bicubic": _function(
        "F.interpolate({x}, scale_factor=2, mode='bicubic', align_corners=False)",
        partial(F.interpolate, scale_factor=2, mode="bicubic", align_corners=False),
    ),
    "bicubic-corners": _function(
        "F.interpolate({x}, scale_factor=2, mode='bicubic', align_corners=True)",
        partial(F.interpolate, scale_factor=2, mode="bicubic", align_corners=True),
    ),
    "tiled": _function("{x}.repeat(1, 1, 2, 2)", lambda x: x.repeat(1, 1, 2, 2)),
}
_ACTIVATIONS = {
    "": _function("F.relu({x})", F.relu),
    "relu": _function("F.relu({x})", F.relu),
    "leaky": _function("F.leaky_relu({x})", F.leaky_relu),
    "leaky-0.1": _function("F.leaky_relu({x}, 0.1)", lambda x: F.leaky_relu(x, 0.1)),
    "leaky-0.2": _function("F.leaky_relu({x}, 0.2)", lambda x: F.leaky_relu(x, 0.2)),
    "elu": _function("F.elu({x})", F.elu),
    "gelu": _function("F.gelu({x})", F.gelu),
    "silu": _function("F.silu({x})", F.silu),
    "relu6": _function("F.relu6({x})", F.relu6),
    "tanh": _function("torch.tanh({x})", torch.tanh),
    "sigmoid": _function("torch.sigmoid({x})", torch.sigmoid),
    "softmax": _function("F.softmax({x}, dim=1)", lambda x: F.softmax(x, dim=1)),
    "log-softmax": _function("F.log_softmax({x}, dim=1)", lambda x: F.log_softmax(x, dim=1)),
    "argmax": _function("{x}.argmax(dim=1)", lambda x: x.argmax(dim=1)),
    "argmax-kept": _function("{x}.argmax(dim=1, keepdim=True)", lambda x: x.argmax(dim=1, keepdim=True)),
    "over-255": _function("{x} / 255", lambda x: x / 255),
    "over-256": _function("{x} / 256", lambda x: x / 256),
    "about-zero": _function("2 * {x} - 1", lambda x: 2 * x - 1),
    "less-half": _function("{x} - 0.5", lambda x: x - 0.5),
    "prelu": Form(
        "nn.PReLU()",
        lambda step, x, slope: F.prelu(x, slope),
        lambda step, before, after, kernel: nn.PReLU(),
        ("one",),
    ),
}


def _joined(step: Step, x: Tensor, skipped: Tensor) -> Tensor:
    return torch.cat((skipped, x) if step.first else (x, skipped), dim=1)


TAKEN_BEFORE = {"before-relu": "act", "before-norm": "norm", "before-pool": "pool"}
"""Forms of a skip connection that brings what some layer of the other block gets: the form, and that layer's kind."""
_SKIPS = {
    "": Form("torch.cat([{x}, {skipped}], dim=1)", _joined),
    **{form: Form("torch.cat([{x}, {skipped}], dim=1)", _joined) for form in TAKEN_BEFORE},
    "added": Form("{x} + {skipped}", lambda step, x, skipped: x + skipped),
    # The next convolution is made for both tensors and gets one, or the other way round.
    "expected": Form("{x}", lambda step, x, skipped: x),
    "unexpected": Form("torch.cat([{x}, {skipped}], dim=1)", _joined),
}

# -- all of them ------------------------------------------------------------------------------------------------------

FORMS: Mapping[tuple[str, str], Form] = MappingProxyType(
    {
        (kind, name): form
        for kind, forms in (
            ("conv", _CONVOLUTIONS),
            ("convt", _TRANSPOSED),
            ("norm", _NORMALISATIONS),
            ("pool", _POOLS),
            ("up", _UPSAMPLINGS),
            ("act", _ACTIVATIONS),
            ("cat", _SKIPS),
        )
        for name, form in forms.items()
    }
)
"""By kind and form of a step."""

IN_EVALUATION = "-in-evaluation"
"""Ending of an activation's form where it acts in evaluation mode only; it has no row of its own."""


def form_of(step: Step) -> Form:
    """The row of a step. Raises KeyError where there is none."""
    if step.form.startswith(WRONG_LAYER):
        return _of_wrong_layer(step.form)
    return FORMS[step.kind, step.form.removesuffix(IN_EVALUATION)]


WRONG_LAYER = "wrong-layer"
"""Beginning of a convolution's form where it is a wrong dilated layer with one gap; see ``wrong_layer``."""


def wrong_layer(mistake: LayerMistake | None, cut: Collection[str]) -> str:
    """The form of a wrong dilated layer.

    ``mistake`` is what is wrong with its values, if anything is; ``cut`` is what gets no gradient, of ``input``,
    ``weight`` and ``bias``.
    """
    place = "right" if mistake is None else LAYER_MISTAKES.index(mistake)
    return " ".join([WRONG_LAYER, str(place), *sorted(cut)])


class _WrongLayer(nn.Conv2d):
    """A wrong dilated layer; only what it computes is not a convolution's."""

    def __init__(self, form: Form, step: Step, before: int, after: int, kernel: int) -> None:
        super().__init__(before, after, kernel, bias=step.bias)
        self._form, self._step = form, step

    def forward(self, x: Tensor) -> Tensor:
        return self._form.compute(self._step, x, self.weight, self.bias)


@cache
def _of_wrong_layer(form: str) -> Form:
    _, place, *cut = form.split(" ")

    def compute(step: Step, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        named = {"input": x, "weight": weight, "bias": weight.new_zeros(len(weight)) if bias is None else bias}
        named |= {name: named[name].detach() for name in cut}
        if place == "right":
            return _CONVOLUTIONS["gap-1"].compute(step, *named.values())
        return LAYER_MISTAKES[int(place)].compute(named["input"], named["weight"], named["bias"], 1)

    plain = Form("", compute, parameters=("filter", "bias"))
    return replace(plain, module=partial(_WrongLayer, plain))


def acts_in_evaluation_only(step: Step) -> bool:
    """Whether the layer does nothing in training mode."""
    return step.form.endswith(IN_EVALUATION)
