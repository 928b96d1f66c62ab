"""The handouts' two convolutions, against torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from reference.layers import MyConv2d, MyDilatedConv2d

# Values are of order 1 and sums have at most a few hundred terms, so float64 leaves some 1e-14.
CLOSE = {"rtol": 1e-11, "atol": 1e-11}

sizes = st.fixed_dictionaries(
    {
        "images": st.integers(1, 3),
        "inputs": st.integers(1, 3),
        "outputs": st.integers(1, 3),
        "kernel": st.sampled_from([1, 2, 3, 4, 5]),
        "dilation": st.integers(0, 3),
        "height": st.integers(8, 13),
        "width": st.integers(8, 13),
    }
)


def pictures(size: dict[str, int]) -> torch.Tensor:
    shape = (size["images"], size["inputs"], size["height"], size["width"])
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def assert_same_with_gradients(layer: MyConv2d, images: torch.Tensor, expected: torch.Tensor) -> None:
    actual = layer(images)
    torch.testing.assert_close(actual, expected, **CLOSE)
    weights = torch.randn_like(expected)
    leaves = (images, layer.weight, layer.bias)
    expected_gradients = torch.autograd.grad((expected * weights).sum(), leaves)
    for gradient, expected_gradient in zip(
        torch.autograd.grad((actual * weights).sum(), leaves), expected_gradients, strict=True
    ):
        torch.testing.assert_close(gradient, expected_gradient, **CLOSE)


@given(sizes)
def test_my_conv2d_is_a_convolution_of_stride_one_with_half_the_kernel_as_padding(size):
    torch.manual_seed(1)
    layer = MyConv2d(size["inputs"], size["outputs"], size["kernel"]).double()
    images = pictures(size)
    expected = F.conv2d(images, layer.weight, layer.bias, padding=size["kernel"] // 2)
    assert_same_with_gradients(layer, images, expected)


@pytest.mark.parametrize(("padding", "side"), [(None, 9), (0, 7), (1, 9), (4, 15)])
def test_my_conv2d_takes_a_padding(padding, side):
    assert MyConv2d(2, 5, 3, padding)(torch.zeros(4, 2, 9, 9)).shape == (4, 5, side, side)


def test_the_parameters_start_uniform_within_one_over_the_root_of_the_inputs_of_a_filter():
    torch.manual_seed(2)
    layer = MyConv2d(6, 50, 5)
    bound = 1 / math.sqrt(6 * 25)
    assert {name: tuple(value.shape) for name, value in layer.named_parameters()} == {
        "weight": (50, 6, 5, 5),
        "bias": (50,),
    }
    for values in (layer.weight, layer.bias):
        assert values.abs().max() <= bound
        # Uniform values have the standard deviation bound / √3; of 50 it is known to within a third.
        assert abs(values.std().item() * math.sqrt(3) / bound - 1) <= 1 / 3


@given(sizes)
def test_the_dilated_layer_leaves_gaps_as_torchs_dilation_of_one_more_does(size):
    torch.manual_seed(3)
    kernel, step = size["kernel"], size["dilation"] + 1
    layer = MyDilatedConv2d(size["inputs"], size["outputs"], kernel, size["dilation"]).double()
    images = pictures(size)
    expected = F.conv2d(images, layer.weight, layer.bias, padding=(kernel // 2) * step, dilation=step)
    assert_same_with_gradients(layer, images, expected)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("dilation", [0, 1, 3])
def test_the_dilated_layer_keeps_the_size_and_the_number_of_weights(kernel, dilation):
    layer = MyDilatedConv2d(2, 4, kernel, dilation)
    assert layer(torch.zeros(1, 2, 16, 20)).shape == (1, 4, 16, 20)
    assert sum(value.numel() for value in layer.parameters()) == 4 * 2 * kernel**2 + 4


@pytest.mark.parametrize(("kernel", "dilation", "field"), [(3, 0, 3), (5, 0, 5), (3, 1, 5), (3, 3, 9)])
def test_one_output_pixel_sees_the_handouts_receptive_field(kernel, dilation, field):
    layer = MyDilatedConv2d(1, 1, kernel, dilation)
    image = torch.zeros(1, 1, 15, 15, requires_grad=True)
    layer(image)[0, 0, 7, 7].backward()
    rows, columns = torch.nonzero(image.grad[0, 0], as_tuple=True)
    assert rows.max() - rows.min() + 1 == field
    assert columns.max() - columns.min() + 1 == field
    assert len(rows) == kernel**2


def test_the_dilated_layer_has_one_gap_unless_told_otherwise():
    assert MyDilatedConv2d(1, 1, 3).dilation == 1


class Convolutions(TorchDispatchMode):
    """Notes the dilation of every convolution that torch itself runs."""

    def __init__(self):
        super().__init__()
        self.dilations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.convolution.default:
            self.dilations.append(list(args[5]))
        return function(*args, **(kwargs or {}))


@pytest.mark.slow
def test_the_dilated_layer_uses_no_native_dilation():
    layer, image = MyDilatedConv2d(1, 2, 3, 2), torch.zeros(1, 1, 9, 9)
    with Convolutions() as seen:
        layer(image)
    assert seen.dilations == [[1, 1]]
    with Convolutions() as seen:
        F.conv2d(image, layer.weight, dilation=3)
    assert seen.dilations == [[3, 3]]


def test_an_optimizer_moves_the_dilated_layers_own_weight():
    torch.manual_seed(4)
    layer = MyDilatedConv2d(1, 1, 3)
    weight, before = layer.weight, layer.weight.detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 1, 8, 8)).sum().backward()
    optimizer.step()
    assert layer.weight is weight
    assert bool((weight != before).all())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dilated_layer_follows_its_dtype(dtype):
    layer = MyDilatedConv2d(2, 3, 3).to(dtype)
    assert layer(torch.zeros(1, 2, 8, 8, dtype=dtype)).dtype == dtype


def test_the_dilated_layer_follows_its_device():
    layer = MyDilatedConv2d(2, 3, 3).to("meta")
    output = layer(torch.zeros(1, 2, 8, 8, device="meta"))
    assert output.device.type == "meta"
    assert output.shape == (1, 3, 8, 8)
