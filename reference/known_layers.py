"""Mistakes with a name that students make in the dilated layer, each as the function it computes.

Axes: B batch, I and O input and output channels, k kernel, H and W height and width. The handout counts gaps: with gap g a
filter of k×k reaches over (k − 1)(g + 1) + 1 pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor
from torch.nn import functional as F

__all__ = ["FIXED_STEP", "LAYER_MISTAKES", "NO_BIAS", "LayerMistake"]

FIXED_STEP = "fixed-step"
"""The id of the mistake that spreads the filter, but by a number instead of by the dilation."""

NO_BIAS = "bias-missing"
"""The id of the mistake that leaves the bias unused."""

Layer = Callable[[Tensor, Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class LayerMistake:
    """A wrong dilated convolution."""

    id: str
    explanation: str
    look_at: str
    share: Fraction
    """Part of the points of ``dilated.values`` that it keeps."""
    compute: Layer
    """(input (B, I, H, W), weight (O, I, k, k), bias (O), gap) → output."""


def _spread(values: Tensor, gap: int) -> Tensor:
    """(·, ·, h, w) → (·, ·, (h − 1)(gap + 1) + 1, (w − 1)(gap + 1) + 1), zeros between."""
    height, width = ((side - 1) * (gap + 1) + 1 for side in values.shape[2:])
    wide = values.new_zeros(*values.shape[:2], height, width)
    wide[:, :, :: gap + 1, :: gap + 1] = values
    return wide


def _nearest(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    side = (weight.shape[-1] - 1) * (gap + 1) + 1
    return F.conv2d(x, F.interpolate(weight, size=(side, side), mode="nearest"), bias, padding=side // 2)


def _bilinear(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    side = (weight.shape[-1] - 1) * (gap + 1) + 1
    wide = F.interpolate(weight, size=(side, side), mode="bilinear", align_corners=True)
    return F.conv2d(x, wide, bias, padding=side // 2)


def _one_axis(axis: int) -> Layer:
    def compute(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
        size = weight.shape[-1]
        side = (size - 1) * (gap + 1) + 1
        shape = [*weight.shape[:2], size, size]
        shape[2 + axis] = side
        wide = weight.new_zeros(shape)
        if axis == 0:
            wide[:, :, :: gap + 1] = weight
        else:
            wide[:, :, :, :: gap + 1] = weight
        return F.conv2d(x, wide, bias, padding=(wide.shape[2] // 2, wide.shape[3] // 2))

    return compute


def _conv(
    dilation: Callable[[int], int], padding: Callable[[int, int], int], *, bias: bool = True, scale: float = 1.0
) -> Layer:
    def compute(x: Tensor, weight: Tensor, offset: Tensor, gap: int) -> Tensor:
        step = dilation(gap)
        return F.conv2d(
            x, weight * scale, offset if bias else None, dilation=step, padding=padding(weight.shape[-1], gap)
        )

    return compute


def _crop(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    """Every weight repeated, and the filter cut to the width of a dilated one."""
    side = (weight.shape[-1] - 1) * (gap + 1) + 1
    wide = weight.repeat_interleave(gap + 1, 2).repeat_interleave(gap + 1, 3)[:, :, :side, :side]
    return F.conv2d(x, wide, bias, padding=side // 2)


def _fixed_filter(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    """A filter of 5×5 with every second place written, which suits 3×3 weights; a single weight fills all nine."""
    wide = weight.new_zeros(*weight.shape[:2], 5, 5)
    wide[:, :, ::2, ::2] = weight
    return F.conv2d(x, wide, bias, padding=2)


def _same_index(axis: int) -> Layer:
    def compute(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
        diagonal = weight.diagonal(dim1=2, dim2=3).unsqueeze(2 + axis)
        wide = _spread(diagonal.expand_as(weight), gap)
        return F.conv2d(x, wide, bias, padding=wide.shape[-1] // 2)

    return compute


def _rectified(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    return F.relu(F.conv2d(x, weight, bias, dilation=gap + 1, padding=_right_padding(weight.shape[-1], gap)))


def _padded(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    """Zeros after every row and column, the last ones included: the filter sits off centre."""
    side = weight.shape[-1] * (gap + 1)
    wide = weight.new_zeros(*weight.shape[:2], side, side)
    wide[:, :, :: gap + 1, :: gap + 1] = weight
    return F.conv2d(x, wide, bias, padding=side // 2)


def _flipped(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    wide = _spread(weight.flip(2, 3), gap)
    return F.conv2d(x, wide, bias, padding=wide.shape[-1] // 2)


def _transposed(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    wide = _spread(weight.transpose(2, 3), gap)
    return F.conv2d(x, wide, bias, padding=wide.shape[-1] // 2)


def _dilated_input(x: Tensor, weight: Tensor, bias: Tensor, gap: int) -> Tensor:
    """Zeros put between the pixels of the image instead of the filter's."""
    wide = _spread(x, gap)
    return F.conv2d(wide, weight, bias, padding=weight.shape[-1] // 2)


def _right_padding(k: int, gap: int) -> int:
    return (k // 2) * (gap + 1)


_HALF, _QUARTER, _NONE = Fraction(1, 2), Fraction(1, 4), Fraction(0)

LAYER_MISTAKES: tuple[LayerMistake, ...] = (
    LayerMistake("dilation-ignored", "The layer is an ordinary convolution, whatever `dilation` is.",
                 "Spread the filter by `self.dilation` before the convolution.", _NONE, _conv(lambda gap: 1, lambda k, gap: k // 2)),
    LayerMistake("torch-dilation", "The layer counts as PyTorch does, where dilation 1 means no gap; the handout's dilation 1 leaves one gap.",
                 "The step between two weights is dilation + 1.", _HALF, _conv(lambda gap: max(gap, 1), lambda k, gap: (k // 2) * max(gap, 1))),
    LayerMistake("padding-unscaled", "The padding does not grow with the dilation, so the output shrinks.",
                 "Pad by (kernel_size // 2) * (dilation + 1).", _HALF, _conv(lambda gap: gap + 1, lambda k, gap: k // 2)),
    LayerMistake("torch-dilation+padding-unscaled", "The layer counts as PyTorch does, where dilation 1 means no gap, and the padding does not grow with the dilation.",
                 "The step between two weights is dilation + 1, and the padding (kernel_size // 2) * (dilation + 1).", _QUARTER,
                 _conv(lambda gap: max(gap, 1), lambda k, gap: k // 2)),
    LayerMistake("torch-dilation", "The layer counts as PyTorch does, where dilation 1 means no gap; the handout's dilation 1 leaves one gap and its dilation 0 leaves none, but with dilation 0 the layer fails.",
                 "The step between two weights is dilation + 1.", _HALF, _conv(lambda gap: gap, lambda k, gap: (k // 2) * gap)),
    LayerMistake("torch-dilation+padding-unscaled", "The layer counts as PyTorch does, where dilation 1 means no gap, and the padding does not grow with the dilation; with dilation 0 the layer fails.",
                 "The step between two weights is dilation + 1, and the padding (kernel_size // 2) * (dilation + 1).", _QUARTER,
                 _conv(lambda gap: gap, lambda k, gap: k // 2)),
    LayerMistake("torch-dilation+padding-scaled", "The weights are `dilation` places apart instead of dilation + 1, and the padding is that of the wider filter, so the output grows; with dilation 0 the layer fails.",
                 "The step between two weights is dilation + 1.", _QUARTER, _conv(lambda gap: gap, lambda k, gap: (k // 2) * (gap + 1))),
    LayerMistake("padding-unscaled", "The padding is (kernel_size // 2) * dilation, one step too small, so the output shrinks.",
                 "Pad by (kernel_size // 2) * (dilation + 1).", _HALF, _conv(lambda gap: gap + 1, lambda k, gap: (k // 2) * gap)),
    *(
        LayerMistake(FIXED_STEP, f"The weights are {step} places apart, whatever `dilation` is: a number is written where dilation + 1 belongs.",
                     "The step between two weights is self.dilation + 1.", _QUARTER,
                     _conv(lambda gap, step=step: step, lambda k, gap, step=step: (k // 2) * step))  # type: ignore[misc]
        for step in (2, 3, 4)
    ),
    LayerMistake(FIXED_STEP, "The filter is 5×5 and its weights are 2 places apart, whatever `kernel_size` and `dilation` are.",
                 "It is (kernel_size − 1)(dilation + 1) + 1 wide, and the step between two weights is self.dilation + 1.", _QUARTER, _fixed_filter),
    LayerMistake("gaps-too-wide", "There is one gap too many between neighbouring weights.", "The step between two weights is dilation + 1.", _HALF,
                 _conv(lambda gap: gap + 2, lambda k, gap: (k // 2) * (gap + 2))),
    LayerMistake("no-padding", "The layer does not pad at all, so the output shrinks.", "Pad by (kernel_size // 2) * (dilation + 1).", _HALF,
                 _conv(lambda gap: gap + 1, lambda k, gap: 0)),
    LayerMistake("stretched", "The filter is stretched by repeating its weights; a dilated filter has zeros in the gaps.",
                 "Start from torch.zeros and write the weights at every (dilation + 1)th place.", _QUARTER, _nearest),
    LayerMistake("stretched", "The filter is stretched by interpolation; a dilated filter has zeros in the gaps.",
                 "Start from torch.zeros and write the weights at every (dilation + 1)th place.", _QUARTER, _bilinear),
    LayerMistake("stretched", "The filter is stretched by repeating its weights, and then cut off; a dilated filter has zeros in the gaps.",
                 "Start from torch.zeros and write the weights at every (dilation + 1)th place.", _QUARTER, _crop),
    LayerMistake("relu-inside", "A ReLU follows the convolution inside the layer.", "Return the result of the convolution: the ReLU comes later in the network.", _HALF, _rectified),
    LayerMistake("diagonal-weights", "Only the weights whose row and column have the same number are used: weight[:, :, i, i] is written where weight[:, :, i, j] belongs.",
                 "Copy weight[:, :, i, j] to row i and column j of the spread filter.", _QUARTER, _same_index(0)),
    LayerMistake("diagonal-weights", "Only the weights whose row and column have the same number are used: weight[:, :, j, j] is written where weight[:, :, i, j] belongs.",
                 "Copy weight[:, :, i, j] to row i and column j of the spread filter.", _QUARTER, _same_index(1)),
    LayerMistake("one-axis", "The filter is spread over the height only.", "Step over both axes: wide[:, :, ::step, ::step].", _HALF, _one_axis(0)),
    LayerMistake("one-axis", "The filter is spread over the width only.", "Step over both axes: wide[:, :, ::step, ::step].", _HALF, _one_axis(1)),
    LayerMistake(NO_BIAS, "The bias is not added.", "Pass self.bias to F.conv2d.", _HALF,
                 _conv(lambda gap: gap + 1, _right_padding, bias=False)),
    LayerMistake("off-centre", "There are zeros after the last row and column of the filter as well, so the filter is off centre and the output grows.",
                 "The spread filter is (kernel_size − 1)(dilation + 1) + 1 wide.", _HALF, _padded),
    LayerMistake("filter-flipped", "The filter is mirrored.", "Copy the weights in their own order.", _HALF, _flipped),
    LayerMistake("axes-swapped", "Height and width of the filter are swapped.", "Copy the weights in their own order.", _HALF, _transposed),
    LayerMistake("input-spread", "The gaps were put between the pixels of the image; the handout asks to spread the filter.",
                 "Leave the input unchanged, and build a wider filter.", _NONE, _dilated_input),
)  # fmt: skip
