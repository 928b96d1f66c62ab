"""Right answers written in other ways. The examiner has them sit each question before it puts the question.

A right submission may add in another order than the model answer, so its rounding is another one. ``ByHand`` is such an
answer: its convolutions have the channels in the other order, as another order of ``torch.cat`` has them, and the other
layers are computed from elementary operations.

Rounding matters most at a kink. A ReLU has one at 0, and a max-pooling where the two largest values of a window are
equal: there the gradient jumps. Where a value lies nearer to a kink than rounding reaches, either side is right.
``OtherSide`` takes the other side in all these places at once, so it shows what they do together.

Axes: B images, C and I channels, O output channels, H × W pixels, k filter side.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.layers import MyConv2d, MyDilatedConv2d
from reference.network import Network
from reference.steps import Step, Steps

__all__ = ["ByHand", "MyConv2dByHand", "MyDilatedConv2dByHand", "OtherSide"]

_SPACING = torch.finfo(torch.float32).eps
_DOUBTFUL = {"act": 16 * _SPACING, "pool": 8 * _SPACING}
"""How near to a kink a value is doubtful, as a share of the tensor's largest value.

Measured over the networks of the handouts and four ways to write them, the rounding of a value reaches 12 spacings of
single precision at the largest value before a ReLU. Before a pooling it reaches 5, and 1 or 2 is usual; a choice
between two values has the rounding of both.
"""


class ByHand(Network):
    """A network whose plain layers are written in another way; layers of other forms stay as they are."""

    def through(self, step: Step, layer: nn.Module, x: Tensor) -> Tensor:
        """What one step makes of ``x`` (B, C, H, W)."""
        if isinstance(layer, nn.ConvTranspose2d):
            how = {name: getattr(layer, name) for name in ("stride", "padding", "output_padding")}
            return F.conv_transpose2d(x.flip(1), layer.weight.flip(0), layer.bias, **how)
        if type(layer) is nn.Conv2d and layer.padding_mode == "zeros":
            how = {name: getattr(layer, name) for name in ("stride", "padding", "dilation")}
            return _convolved(x, layer.weight, layer.bias, **how)
        if isinstance(layer, nn.BatchNorm2d) and layer.affine and layer.track_running_stats:
            return _normalised(x, layer)
        if (step.kind, step.form) == ("act", ""):
            return x * (x > 0)
        if (step.kind, step.form) == ("pool", ""):
            return _windows(x).amax(dim=4)
        if (step.kind, step.form) == ("up", ""):
            return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return super().through(step, layer, x)


class OtherSide(Network):
    """A network that takes the other side at doubtful kinks. Its outputs change by no more than rounding.

    ``inactive``: a ReLU in doubt passes nothing on. ``active``: it passes everything on, and a pooling in doubt takes
    the second largest value.
    """

    def __init__(self, doubtful: Literal["inactive", "active"], steps: Steps, *numbers: int) -> None:
        super().__init__(steps, *numbers)
        self.active = doubtful == "active"

    def through(self, step: Step, layer: nn.Module, x: Tensor) -> Tensor:
        """What one step makes of ``x`` (B, C, H, W)."""
        if (step.kind, step.form) == ("act", ""):
            reach = _reach(step, x)
            return x * (x > (-reach if self.active else reach))
        if (step.kind, step.form) == ("pool", "") and self.active:
            first, second = _windows(x).topk(2, dim=4).values.unbind(dim=4)
            return torch.where(first - second < _reach(step, x), second, first)
        return super().through(step, layer, x)


def _reach(step: Step, x: Tensor) -> Tensor:
    """How near to a kink a value of ``x`` is doubtful, a scalar."""
    return _DOUBTFUL[step.kind] * x.detach().abs().max()


class MyConv2dByHand(MyConv2d):
    """MyConv2d with its channels in the other order: ``(B, I, H, W)`` to ``(B, O, H', W')``."""

    def forward(self, images: Tensor) -> Tensor:
        return _convolved(images, self.weight, self.bias, padding=self.padding)


class MyDilatedConv2dByHand(MyDilatedConv2d):
    """MyDilatedConv2d by torch's own dilation, its channels in the other order: as above, of the same size."""

    def forward(self, images: Tensor) -> Tensor:
        return _convolved(images, self.weight, self.bias, padding=self.padding, dilation=self.dilation + 1)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, **how: Any) -> Tensor:
    """``(B, I, H, W)`` and ``(O, I, k, k)`` to ``(B, O, H', W')``: the last channel is added first."""
    return F.conv2d(x.flip(1), weight.flip(1), bias, **how)


def _normalised(x: Tensor, layer: nn.BatchNorm2d) -> Tensor:
    """Batch-norm; in training mode it leaves its running statistics behind."""
    running_mean, running_variance = _buffer(layer.running_mean), _buffer(layer.running_var)
    mean, variance = running_mean, running_variance
    if layer.training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        momentum, count = float(layer.momentum or 0), x.numel() // x.shape[1]
        with torch.no_grad():
            running_mean.mul_(1 - momentum).add_(momentum * mean)
            running_variance.mul_(1 - momentum).add_(momentum * variance * count / (count - 1))
    scale = layer.weight / (variance + layer.eps).sqrt()
    return (x - mean[:, None, None]) * scale[:, None, None] + layer.bias[:, None, None]


def _buffer(value: Any) -> Tensor:
    """A running statistic (C,); it is never missing here."""
    if not isinstance(value, Tensor):
        raise TypeError("a batch-norm without running statistics")
    return value


def _windows(x: Tensor) -> Tensor:
    """``(B, C, H, W)`` to ``(B, C, H // 2, W // 2, 4)``: the four values of each window of a pooling."""
    batch, channels, height, width = (*x.shape[:2], *(size // 2 for size in x.shape[2:]))
    windows = x[:, :, : 2 * height, : 2 * width].reshape(batch, channels, height, 2, width, 2)
    return windows.transpose(3, 4).flatten(4)
