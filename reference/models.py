"""The networks of the five handouts.

Axes: B images, NIC input channels (1 grey, 3 colour), NF filters, NC colours, H × W pixels (multiples of 4; 32 × 32 in
CIFAR-10), k filter side. A shape in a comment is what the line leaves.

All are hourglasses: two blocks that halve the picture, one in the middle (not in 2023), two that double it again, and
a last convolution that scores every colour at every pixel. A UNet hands each level's picture across to the other side.

The handouts disagree on the order inside a block. Their figures of 2018, 2020 and 2023 pool (or enlarge) first:
convolution, pool, batch-norm, ReLU. That of 2019 pools last: convolution, batch-norm, ReLU, pool. Pooling commutes
with ReLU but not with batch-norm, which sees other statistics and may turn the sign, so these are different networks.

Sources: the handouts' text and figures; Ronneberger, Fischer and Brox, "U-Net", 2015, for the skip connections;
the layouts of the course's own trained weights for the names and positions of the layers.
"""

from __future__ import annotations

from importlib import import_module

import torch
from torch import Tensor, nn

from reference.handouts import HANDOUTS
from reference.layers import MyConv2d, MyDilatedConv2d

__all__ = [
    "CNN",
    "CNN2019",
    "ConvTransposeNet",
    "DilatedUNet",
    "MyConv2d",
    "MyDilatedConv2d",
    "PoolUpsampleNet",
    "RegressionCNN",
    "RegressionCNN2019",
    "UNet",
    "UNet2019",
    "UNet2023",
    "model_classes",
]


def _conv(channels: int, filters: int, kernel: int) -> nn.Conv2d:
    """``(B, channels, H, W)`` to ``(B, filters, H, W)``, for an odd filter side."""
    return nn.Conv2d(channels, filters, kernel, padding=kernel // 2)


def _halve(conv: nn.Module, channels: int) -> nn.Sequential:
    """``(B, ·, H, W)`` to ``(B, channels, H/2, W/2)``, pool first."""
    return nn.Sequential(conv, nn.MaxPool2d(2), nn.BatchNorm2d(channels), nn.ReLU())


def _keep(conv: nn.Module, channels: int) -> nn.Sequential:
    """``(B, ·, H, W)`` to ``(B, channels, H, W)``; also a whole block where the convolution itself changes the size."""
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())


def _double(conv: nn.Module, channels: int) -> nn.Sequential:
    """``(B, ·, H, W)`` to ``(B, channels, 2H, 2W)``, enlarge first."""
    return nn.Sequential(conv, nn.Upsample(scale_factor=2), nn.BatchNorm2d(channels), nn.ReLU())


def _halve_last(conv: nn.Module, channels: int) -> nn.Sequential:
    """``(B, ·, H, W)`` to ``(B, channels, H/2, W/2)``, pool last (2019)."""
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2))


def _double_last(conv: nn.Module, channels: int) -> nn.Sequential:
    """``(B, ·, H, W)`` to ``(B, channels, 2H, 2W)``, enlarge last (2019)."""
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU(), nn.Upsample(scale_factor=2))


# 2018 and 2020 --------------------------------------------------------------------------------------------------------


class RegressionCNN(nn.Module):
    """Grey to red, green and blue, as numbers: ``(B, 1, H, W)`` to ``(B, 3, H, W)``. Given in the 2018 handout."""

    def __init__(self, kernel: int, num_filters: int) -> None:
        super().__init__()
        double = 2 * num_filters
        self.downconv1 = _halve(_conv(1, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.downconv2 = _halve(_conv(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.rfconv = _keep(_conv(double, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.upconv1 = _double(_conv(double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.upconv2 = _double(_conv(num_filters, 3, kernel), 3)  # (B, 3, H, W)
        self.finalconv = MyConv2d(3, 3, kernel)  # (B, 3, H, W)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 1, H, W)`` to ``(B, 3, H, W)``."""
        hidden = self.downconv1(images)  # (B, NF, H/2, W/2)
        hidden = self.downconv2(hidden)  # (B, 2NF, H/4, W/4)
        hidden = self.rfconv(hidden)  # (B, 2NF, H/4, W/4)
        hidden = self.upconv1(hidden)  # (B, NF, H/2, W/2)
        hidden = self.upconv2(hidden)  # (B, 3, H, W)
        output: Tensor = self.finalconv(hidden)  # (B, 3, H, W)
        return output


class CNN(nn.Module):
    """A score for every colour at every pixel: ``(B, NIC, H, W)`` to ``(B, NC, H, W)``.

    The last forward pass stays on the module as ``out1`` … ``out5`` and ``out_final``, for looking at activations.
    """

    def __init__(self, kernel: int, num_filters: int, num_colours: int, num_in_channels: int = 1) -> None:
        super().__init__()
        double = 2 * num_filters
        self.downconv1 = _halve(MyConv2d(num_in_channels, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.downconv2 = _halve(MyConv2d(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.rfconv = _keep(MyConv2d(double, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.upconv1 = _double(MyConv2d(double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.upconv2 = _double(MyConv2d(num_filters, num_colours, kernel), num_colours)  # (B, NC, H, W)
        self.finalconv = MyConv2d(num_colours, num_colours, kernel)  # (B, NC, H, W)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""
        self.out1 = self.downconv1(images)  # (B, NF, H/2, W/2)
        self.out2 = self.downconv2(self.out1)  # (B, 2NF, H/4, W/4)
        self.out3 = self.rfconv(self.out2)  # (B, 2NF, H/4, W/4)
        self.out4 = self.upconv1(self.out3)  # (B, NF, H/2, W/2)
        self.out5 = self.upconv2(self.out4)  # (B, NC, H, W)
        scores: Tensor = self.finalconv(self.out5)  # (B, NC, H, W)
        self.out_final = scores
        return scores


class UNet(nn.Module):
    """CNN with skip connections: ``(B, NIC, H, W)`` to ``(B, NC, H, W)``.

    First block to last but one, second to third last, and the picture itself to the last convolution. The last forward
    pass stays on the module as ``out1`` … ``out5`` and ``out_final``, for looking at activations.
    """

    def __init__(self, kernel: int, num_filters: int, num_colours: int, num_in_channels: int = 1) -> None:
        super().__init__()
        double = 2 * num_filters
        self.downconv1 = _halve(MyConv2d(num_in_channels, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.downconv2 = _halve(MyConv2d(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.rfconv = _keep(MyConv2d(double, double, kernel), double)  # (B, 2NF, H/4, W/4)
        # 2NF from rfconv and 2NF from downconv2; NF from upconv1 and NF from downconv1; NC from upconv2 and the image.
        self.upconv1 = _double(MyConv2d(double + double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.upconv2 = _double(MyConv2d(num_filters + num_filters, num_colours, kernel), num_colours)  # (B, NC, H, W)
        self.finalconv = MyConv2d(num_colours + num_in_channels, num_colours, kernel)  # (B, NC, H, W)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""
        self.out1 = self.downconv1(images)  # (B, NF, H/2, W/2)
        self.out2 = self.downconv2(self.out1)  # (B, 2NF, H/4, W/4)
        self.out3 = self.rfconv(self.out2)  # (B, 2NF, H/4, W/4)
        self.out4 = self.upconv1(torch.cat([self.out3, self.out2], dim=1))  # 4NF in; (B, NF, H/2, W/2)
        self.out5 = self.upconv2(torch.cat([self.out4, self.out1], dim=1))  # 2NF in; (B, NC, H, W)
        scores: Tensor = self.finalconv(torch.cat([self.out5, images], dim=1))  # NC + NIC in; (B, NC, H, W)
        self.out_final = scores
        return scores


class DilatedUNet(UNet):
    """UNet whose middle convolution leaves one gap between its weights: ``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""

    def __init__(self, kernel: int, num_filters: int, num_colours: int, num_in_channels: int = 1) -> None:
        super().__init__(kernel, num_filters, num_colours, num_in_channels)
        double = 2 * num_filters
        self.rfconv = _keep(MyDilatedConv2d(double, double, kernel, dilation=1), double)  # (B, 2NF, H/4, W/4)


# 2019: batch-norm and ReLU before the pool ----------------------------------------------------------------------------


class RegressionCNN2019(RegressionCNN):
    """RegressionCNN in the order of 2019: ``(B, 1, H, W)`` to ``(B, 3, H, W)``."""

    def __init__(self, kernel: int, num_filters: int) -> None:
        super().__init__(kernel, num_filters)
        double = 2 * num_filters
        self.downconv1 = _halve_last(_conv(1, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.downconv2 = _halve_last(_conv(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.upconv1 = _double_last(_conv(double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.upconv2 = _double_last(_conv(num_filters, 3, kernel), 3)  # (B, 3, H, W)


class CNN2019(nn.Module):
    """CNN in the order of 2019: ``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""

    def __init__(self, kernel: int, num_filters: int, num_colours: int, num_in_channels: int = 1) -> None:
        super().__init__()
        double = 2 * num_filters
        self.downconv1 = _halve_last(MyConv2d(num_in_channels, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.downconv2 = _halve_last(MyConv2d(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.rfconv = _keep(MyConv2d(double, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.upconv1 = _double_last(MyConv2d(double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.upconv2 = _double_last(MyConv2d(num_filters, num_colours, kernel), num_colours)  # (B, NC, H, W)
        self.finalconv = MyConv2d(num_colours, num_colours, kernel)  # (B, NC, H, W)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""
        hidden = self.downconv1(images)  # (B, NF, H/2, W/2)
        hidden = self.downconv2(hidden)  # (B, 2NF, H/4, W/4)
        hidden = self.rfconv(hidden)  # (B, 2NF, H/4, W/4)
        hidden = self.upconv1(hidden)  # (B, NF, H/2, W/2)
        hidden = self.upconv2(hidden)  # (B, NC, H, W)
        output: Tensor = self.finalconv(hidden)  # (B, NC, H, W)
        return output


class UNet2019(nn.Module):
    """UNet in the order of 2019: ``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""

    def __init__(self, kernel: int, num_filters: int, num_colours: int, num_in_channels: int = 1) -> None:
        super().__init__()
        double = 2 * num_filters
        self.downconv1 = _halve_last(MyConv2d(num_in_channels, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.downconv2 = _halve_last(MyConv2d(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.rfconv = _keep(MyConv2d(double, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.upconv1 = _double_last(MyConv2d(double + double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.upconv2 = _double_last(MyConv2d(2 * num_filters, num_colours, kernel), num_colours)  # (B, NC, H, W)
        self.finalconv = MyConv2d(num_colours + num_in_channels, num_colours, kernel)  # (B, NC, H, W)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""
        half = self.downconv1(images)  # (B, NF, H/2, W/2)
        quarter = self.downconv2(half)  # (B, 2NF, H/4, W/4)
        hidden = self.rfconv(quarter)  # (B, 2NF, H/4, W/4)
        hidden = self.upconv1(torch.cat([hidden, quarter], dim=1))  # 4NF in; (B, NF, H/2, W/2)
        hidden = self.upconv2(torch.cat([hidden, half], dim=1))  # 2NF in; (B, NC, H, W)
        output: Tensor = self.finalconv(torch.cat([hidden, images], dim=1))  # NC + NIC in; (B, NC, H, W)
        return output


# 2023: no middle block; strides in place of pools ---------------------------------------------------------------------


class PoolUpsampleNet(nn.Module):
    """CNN without its middle block: ``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""

    def __init__(self, kernel: int, num_filters: int, num_colours: int, num_in_channels: int) -> None:
        super().__init__()
        double = 2 * num_filters
        self.conv1 = _halve(_conv(num_in_channels, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.conv2 = _halve(_conv(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.conv3 = _double(_conv(double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.conv4 = _double(_conv(num_filters, num_colours, kernel), num_colours)  # (B, NC, H, W)
        self.conv5 = _conv(num_colours, num_colours, kernel)  # (B, NC, H, W)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""
        hidden = self.conv1(images)  # (B, NF, H/2, W/2)
        hidden = self.conv2(hidden)  # (B, 2NF, H/4, W/4)
        hidden = self.conv3(hidden)  # (B, NF, H/2, W/2)
        hidden = self.conv4(hidden)  # (B, NC, H, W)
        output: Tensor = self.conv5(hidden)  # (B, NC, H, W)
        return output


def _stride_down(channels: int, filters: int, kernel: int) -> nn.Conv2d:
    """``(B, channels, H, W)`` to ``(B, filters, H/2, W/2)``."""
    return nn.Conv2d(channels, filters, kernel, stride=2, padding=kernel // 2)


def _stride_up(channels: int, filters: int, kernel: int) -> nn.ConvTranspose2d:
    """``(B, channels, H, W)`` to ``(B, filters, 2H, 2W)``.

    The handout gives the numbers for k = 3: padding 1, output padding 1. A transposed convolution of stride 2 leaves
    2H − 2 + k − 2·padding + output_padding rows, which is 2H for every odd k when padding is k // 2 and output padding
    is 1. With padding 1 and k = 5 the network would end at 34 × 34 (question 5.4).
    """
    return nn.ConvTranspose2d(channels, filters, kernel, stride=2, padding=kernel // 2, output_padding=1, dilation=1)


class ConvTransposeNet(nn.Module):
    """PoolUpsampleNet with strides in place of pools and upsampling: ``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""

    def __init__(self, kernel: int, num_filters: int, num_colours: int, num_in_channels: int) -> None:
        super().__init__()
        double = 2 * num_filters
        self.conv1 = _keep(_stride_down(num_in_channels, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.conv2 = _keep(_stride_down(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.conv3 = _keep(_stride_up(double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.conv4 = _keep(_stride_up(num_filters, num_colours, kernel), num_colours)  # (B, NC, H, W)
        self.conv5 = _conv(num_colours, num_colours, kernel)  # (B, NC, H, W)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""
        hidden = self.conv1(images)  # (B, NF, H/2, W/2)
        hidden = self.conv2(hidden)  # (B, 2NF, H/4, W/4)
        hidden = self.conv3(hidden)  # (B, NF, H/2, W/2)
        hidden = self.conv4(hidden)  # (B, NC, H, W)
        output: Tensor = self.conv5(hidden)  # (B, NC, H, W)
        return output


class UNet2023(nn.Module):
    """ConvTransposeNet with skip connections: ``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""

    def __init__(self, kernel: int, num_filters: int, num_colours: int, num_in_channels: int) -> None:
        super().__init__()
        double = 2 * num_filters
        self.conv1 = _keep(_stride_down(num_in_channels, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.conv2 = _keep(_stride_down(num_filters, double, kernel), double)  # (B, 2NF, H/4, W/4)
        self.conv3 = _keep(_stride_up(double, num_filters, kernel), num_filters)  # (B, NF, H/2, W/2)
        self.conv4 = _keep(_stride_up(num_filters + num_filters, num_colours, kernel), num_colours)  # (B, NC, H, W)
        self.conv5 = _conv(num_colours + num_in_channels, num_colours, kernel)  # (B, NC, H, W)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, NIC, H, W)`` to ``(B, NC, H, W)``."""
        half = self.conv1(images)  # (B, NF, H/2, W/2)
        quarter = self.conv2(half)  # (B, 2NF, H/4, W/4)
        hidden = self.conv3(quarter)  # (B, NF, H/2, W/2)
        hidden = self.conv4(torch.cat([hidden, half], dim=1))  # 2NF in; (B, NC, H, W)
        output: Tensor = self.conv5(torch.cat([hidden, images], dim=1))  # NC + NIC in; (B, NC, H, W)
        return output


def model_classes(assignment_id: str) -> dict[str, type[nn.Module]]:
    """The classes of one assignment, under the names its students use. Raises ValueError for an unknown id."""
    if assignment_id not in HANDOUTS:
        raise ValueError(f"no assignment '{assignment_id}': there are {', '.join(HANDOUTS)}")
    handout = HANDOUTS[assignment_id]
    module = import_module(handout.module)
    models = {layer.cls: layer.model for layer in handout.layers}
    models |= {network.cls: network.model for network in handout.networks}
    return {cls: getattr(module, model) for cls, model in models.items()}
