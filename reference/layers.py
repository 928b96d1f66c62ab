"""The two convolutions that students see from the inside: an ordinary one, and one with gaps in its filter.

Axes: B images, I input channels, O output channels, H × W pixels, k filter side.
Sources: the starter code's MyConv2d, as the handouts of 2018 to 2020 describe it; the 2018 handout, part G; Yu and
Koltun, "Multi-scale context aggregation by dilated convolutions", 2015, whose dilation is one more than the handout's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["MyConv2d", "MyDilatedConv2d"]


class MyConv2d(nn.Module):
    """A convolution with stride 1: ``(B, I, H, W)`` to ``(B, O, H, W)`` for an odd filter side and the usual padding.

    ``padding=None`` means ``kernel_size // 2``, which keeps the size. ``weight`` is ``(O, I, k, k)`` and ``bias`` is
    ``(O,)``; both start uniform between ±1/√(I·k²).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, padding: int | None = None) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.padding = kernel_size // 2 if padding is None else padding

        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))  # (O, I, k, k)
        self.bias = nn.Parameter(torch.empty(out_channels))  # (O,)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw both parameters anew from torch's global generator."""
        bound = 1 / math.sqrt(self.in_channels * self.kernel_size**2)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, I, H, W)`` to ``(B, O, H + 2·padding − k + 1, W + 2·padding − k + 1)``."""
        return F.conv2d(images, self.weight, self.bias, padding=self.padding)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, padding={self.padding}"


class MyDilatedConv2d(MyConv2d):
    """A convolution that leaves ``dilation`` gaps between neighbouring weights: ``(B, I, H, W)`` to ``(B, O, H, W)``.

    The handout counts gaps: 0 is the ordinary filter, and ``dilation=d`` is torch's ``dilation=d + 1``. It still has k²
    weights a channel, and sees k + (k − 1)·d pixels a side.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, dilation: int = 1) -> None:
        # An ordinary convolution keeps the size with k // 2 pixels of padding; with the weights `dilation + 1` pixels
        # apart it takes as many times more.
        super().__init__(in_channels, out_channels, kernel_size, padding=(kernel_size // 2) * (dilation + 1))
        self.dilation = dilation

    def forward(self, images: Tensor) -> Tensor:
        """``(B, I, H, W)`` to ``(B, O, H, W)`` for an odd filter side."""
        step = self.dilation + 1
        side = self.kernel_size + (self.kernel_size - 1) * self.dilation

        # new_zeros, so that the filter has the weight's device and dtype. Writing into a slice is an operation that
        # autograd records, so the gradient flows back through it to self.weight; through self.weight.data it would not.
        spread = self.weight.new_zeros(self.out_channels, self.in_channels, side, side)  # (O, I, side, side)
        spread[:, :, ::step, ::step] = self.weight
        return F.conv2d(images, spread, self.bias, padding=self.padding)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}"
