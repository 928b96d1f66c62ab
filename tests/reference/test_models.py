"""The networks, against the handouts' tables and an implementation that shares nothing with them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reference import models
from reference.layers import MyConv2d, MyDilatedConv2d
from reference.models import model_classes

NETWORKS = ("CNN", "UNet", "RegressionCNN", "PoolUpsampleNet", "ConvTransposeNet", "UNet2023")

# kernel, filters, colours, input channels → parameters of each of NETWORKS
PARAMETERS = {
    (3, 32, 24, 1): (86_784, 112_344, 75_549, 49_728, 49_728, 56_856),
    (3, 16, 24, 1): (27_600, 35_880, 19_389, 18_288, 18_288, 21_960),
    (3, 8, 16, 3): (8_488, 11_224, None, 6_136, 6_136, 7_720),
    (5, 32, 24, 1): (239_872, 310_872, 208_813, 137_280, 137_280, 157_080),
}
AS_MANY_AS = {"CNN2019": "CNN", "UNet2019": "UNet", "DilatedUNet": "UNet", "RegressionCNN2019": "RegressionCNN"}


def build(name: str, size: tuple[int, int, int, int]) -> nn.Module:
    return getattr(models, name)(*(size[:2] if name.startswith("RegressionCNN") else size))


COUNTS = [
    (name, size, count)
    for size, counts in PARAMETERS.items()
    for name in [*NETWORKS, *AS_MANY_AS]
    if (count := counts[NETWORKS.index(AS_MANY_AS.get(name, name))]) is not None
]


@pytest.mark.parametrize(("name", "size", "expected"), COUNTS)
def test_the_number_of_parameters_is_the_handouts(name, size, expected):
    assert sum(value.numel() for value in build(name, size).parameters() if value.requires_grad) == expected


# The layers of each network, block by block, and where its skip connections start (0 is the picture) and end.
POOL_FIRST = ["conv pool norm relu"] * 2 + ["conv norm relu"] + ["conv up norm relu"] * 2 + ["conv"]
POOL_LAST = ["conv norm relu pool"] * 2 + ["conv norm relu"] + ["conv norm relu up"] * 2 + ["conv"]
STRIDES = ["stride norm relu"] * 2 + ["transpose norm relu"] * 2 + ["conv"]
DILATED = [*POOL_FIRST[:2], "dilated norm relu", *POOL_FIRST[3:]]
SKIPS = {4: 2, 5: 1, 6: 0}
LAYERS = {
    "RegressionCNN": (POOL_FIRST, {}),
    "CNN": (POOL_FIRST, {}),
    "UNet": (POOL_FIRST, SKIPS),
    "DilatedUNet": (DILATED, SKIPS),
    "RegressionCNN2019": (POOL_LAST, {}),
    "CNN2019": (POOL_LAST, {}),
    "UNet2019": (POOL_LAST, SKIPS),
    "PoolUpsampleNet": ([*POOL_FIRST[:2], *POOL_FIRST[3:]], {}),
    "ConvTransposeNet": (STRIDES, {}),
    "UNet2023": (STRIDES, {4: 1, 5: 0}),
}


def handout(name: str, parameters: list[torch.Tensor], kernel: int, images: torch.Tensor) -> torch.Tensor:
    """The network computed in training mode from its list of layers, taking parameters in order."""
    blocks, skips = LAYERS[name]
    left = iter(parameters)
    half = kernel // 2
    steps = {
        "conv": lambda x: F.conv2d(x, next(left), next(left), padding=half),
        "dilated": lambda x: F.conv2d(x, next(left), next(left), padding=2 * half, dilation=2),
        "stride": lambda x: F.conv2d(x, next(left), next(left), stride=2, padding=half),
        "transpose": lambda x: F.conv_transpose2d(x, next(left), next(left), stride=2, padding=half, output_padding=1),
        "norm": lambda x: F.batch_norm(x, None, None, next(left), next(left), training=True),
        "relu": lambda x: x.clamp(min=0),
        "pool": lambda x: x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax(dim=(3, 5)),
        "up": lambda x: x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3),
    }
    outputs = [images]
    for number, block in enumerate(blocks, start=1):
        x = outputs[-1]
        if number in skips:
            x = torch.cat([x, outputs[skips[number]]], dim=1)
        for step in block.split():
            x = steps[step](x)
        outputs.append(x)
    assert next(left, None) is None
    return outputs[-1]


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("name", LAYERS)
def test_a_network_computes_what_its_handout_draws(name, kernel):
    torch.manual_seed(5)
    channels = 1 if name.startswith("RegressionCNN") else 3
    network = build(name, (kernel, 4, 6, channels)).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # scales of both signs, so that pool and batch-norm do not commute
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    images = torch.randn(3, channels, 16, 24, dtype=torch.float64)
    expected = handout(name, list(network.parameters()), kernel, images)
    # float64, values of order 1 to 10, five normalised layers deep
    torch.testing.assert_close(network.train()(images), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("assignment", ["csc321-2018", "cse891-2018", "csc2516-2019", "csc413-2020", "csc413-2023"])
@pytest.mark.parametrize("size", [(3, 5, 16, 1), (5, 4, 24, 1), (3, 6, 7, 3)])
@pytest.mark.parametrize("side", [32, 64])
def test_every_network_scores_every_pixel(assignment, size, side):
    for name, network in model_classes(assignment).items():
        if name in ("MyConv2d", "MyDilatedConv2d"):
            continue
        regression = name == "RegressionCNN"
        model = network(*(size[:2] if regression else size))
        channels, colours = (1, 3) if regression else (size[3], size[2])
        assert model(torch.zeros(2, channels, side, side)).shape == (2, colours, side, side), name


NAMES = {
    "csc321-2018": {"MyConv2d", "MyDilatedConv2d", "RegressionCNN", "CNN", "UNet", "DilatedUNet"},
    "cse891-2018": {"MyConv2d", "MyDilatedConv2d", "RegressionCNN", "CNN", "UNet", "DilatedUNet"},
    "csc2516-2019": {"MyConv2d", "RegressionCNN", "CNN", "UNet"},
    "csc413-2020": {"MyConv2d", "CNN", "UNet"},
    "csc413-2023": {"PoolUpsampleNet", "ConvTransposeNet", "UNet"},
}


@pytest.mark.parametrize("assignment", NAMES)
def test_classes_go_by_the_names_students_use(assignment):
    assert set(model_classes(assignment)) == NAMES[assignment]


def test_an_unknown_assignment_is_refused_with_the_ids_of_all():
    with pytest.raises(ValueError, match=r"no assignment 'csc999'.*csc413-2023"):
        model_classes("csc999")


@pytest.mark.parametrize("name", ["CNN", "UNet", "DilatedUNet"])
def test_the_networks_of_2018_keep_their_activations(name):
    network = build(name, (3, 4, 6, 1))
    output = network(torch.zeros(2, 1, 32, 32))
    shapes = [tuple(getattr(network, f"out{number}").shape) for number in range(1, 6)]
    assert shapes == [(2, 4, 16, 16), (2, 8, 8, 8), (2, 8, 8, 8), (2, 4, 16, 16), (2, 6, 32, 32)]
    assert network.out_final is output


@pytest.mark.parametrize("name", ["CNN", "UNet", "DilatedUNet", "CNN2019", "UNet2019"])
def test_the_handouts_own_convolution_is_used_throughout(name):
    network = build(name, (3, 4, 6, 1))
    assert not any(isinstance(module, nn.Conv2d) for module in network.modules())
    assert sum(isinstance(module, MyConv2d) for module in network.modules()) == 6
    assert sum(isinstance(module, MyDilatedConv2d) for module in network.modules()) == (name == "DilatedUNet")
