"""The tensors that a network uses, the order in which it does so, and which of them the examiner fills."""

from __future__ import annotations

import pytest
import torch
from small_networks import Plain, run, trace_of, traced
from torch import nn
from torch.nn import functional as F


class BiasFirst(Plain):
    def forward(self, x):
        return self.norm(self.bias.view(1, -1, 1, 1) + F.conv2d(x, self.weight, padding=1))


class BiasInPlace(Plain):
    def forward(self, x):
        out = self.bias.view(1, -1, 1, 1).expand(len(x), 2, *x.shape[2:]).clone()
        out += F.conv2d(x, self.weight, padding=1)
        return self.norm(out)


class TapsOnTheBias(Plain):
    def forward(self, x):
        height, width = x.shape[2:]
        wide = x.new_zeros(len(x), 1, height + 2, width + 2)
        wide[:, :, 1:-1, 1:-1] = x
        out = x.new_zeros(len(x), 2, height, width) + self.bias.view(1, -1, 1, 1)
        for i in range(3):
            for j in range(3):
                tap = wide[:, :, i : i + height, j : j + width]
                out = out + torch.einsum("oi,bihw->bohw", self.weight[:, :, i, j], tap)
        return self.norm(out)


class LooksFirst(Plain):
    def forward(self, x):
        self.size = sum((value**2).sum() for value in reversed(list(self.parameters())))
        assert torch.isfinite(self.norm.running_mean).all()
        return super().forward(x)


class Flat(Plain):
    def forward(self, x):
        columns = F.unfold(x, 3, padding=1).transpose(1, 2)
        out = torch.stack([torch.addmm(self.bias, one, self.weight.flatten(1).t()) for one in columns])
        return self.norm(out.transpose(1, 2).reshape(len(x), 2, *x.shape[2:]))


class ThroughNumpy(Plain):
    def forward(self, x):
        weight = torch.tensor(self.weight.detach().numpy().tolist())
        return self.norm(F.conv2d(x, weight, self.bias, padding=1))


class WithGradients(BiasFirst):
    def forward(self, x):
        with torch.enable_grad():
            return super().forward(x)


class Masked(Plain):
    """With constants of all kinds."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.tensor([1.0, 0.0, 1.0]).repeat(2, 1, 3, 1))
        self.register_buffer("calls", torch.zeros(()))
        self.up = nn.Parameter(torch.ones(1, 1, 2, 2), requires_grad=False)

    def forward(self, x):
        self.calls += 1
        x = F.conv_transpose2d(x, self.up, stride=2)
        return self.norm(F.conv2d(x, self.weight * self.mask, self.bias, padding=1))


class HandmadeNorm(Plain):
    def __init__(self):
        super().__init__()
        del self.norm
        self.scale, self.shift = nn.Parameter(torch.ones(1, 2, 1, 1)), nn.Parameter(torch.zeros(2))
        self.register_buffer("mean", torch.zeros(2, 1, 1))
        self.register_buffer("variance", torch.ones(2))

    def forward(self, x):
        x = F.conv2d(x, self.weight, self.bias, padding=1)
        mean, variance = self.mean, self.variance
        if self.training:
            mean, variance = x.mean((0, 2, 3))[:, None, None], x.var((0, 2, 3), unbiased=False)
            count = x.numel() // 2
            self.mean = 0.9 * self.mean + 0.1 * mean.detach()
            self.variance = 0.9 * self.variance + 0.1 * variance.detach() * count / (count - 1)
        x = (x - mean) / (variance[:, None, None] + 1e-5).sqrt()
        return self.shift[:, None, None] + self.scale * x


class Frozen(Plain):
    def __init__(self):
        super().__init__()
        self.requires_grad_(False)


class Unused(Plain):
    def __init__(self):
        super().__init__()
        self.left_over = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        assert self.left_over.weight.sum() != 1
        return super().forward(x)


@pytest.mark.parametrize(
    "made", [BiasFirst, BiasInPlace, TapsOnTheBias, LooksFirst, Flat, ThroughNumpy, WithGradients, Frozen, HandmadeNorm]
)
def test_parameters_are_filled_in_the_order_in_which_they_meet_the_input(made):
    expected = run(Plain)
    for name, value in run(made).items():
        torch.testing.assert_close(value, expected[name], msg=name)


class Doubles(Plain):
    def forward(self, x):
        self.double()
        return super().forward(x.double())


class Moves(Plain):
    def forward(self, x):
        for value in 20 * list(self.parameters())[::-1]:
            value.data = value.data.clone()
        return super().forward(x)


@pytest.mark.parametrize("made", [Doubles, Moves])
def test_parameters_that_are_given_other_memory_in_forward_are_still_told_apart(made):
    assert traced(made) == traced(Plain)
    expected = run(Plain)
    for name, value in run(made).items():
        torch.testing.assert_close(value, expected[name], check_dtype=False, msg=name)


def test_parameters_are_those_in_use_and_buffers_those_that_normalise():
    ours = ["weight", "bias", "norm.weight", "norm.bias"]
    statistics = ["norm.running_mean", "norm.running_var"]
    assert traced(Plain) == {"parameters": ours, "buffers": statistics, "constants": [], "unused": []}
    assert traced(Masked) == {"parameters": ours, "buffers": statistics, "constants": ["up"], "unused": []}
    left_over = ["left_over.weight", "left_over.bias"]
    assert traced(Unused) == {"parameters": ours, "buffers": statistics, "constants": [], "unused": left_over}
    assert traced(Frozen)["parameters"] == ours


def test_constants_keep_their_values():
    class Expected(Plain):
        def forward(self, x):
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            return self.norm(F.conv2d(x, self.weight * torch.tensor([1.0, 0.0, 1.0]), self.bias, padding=1))

    expected = run(Expected)
    for name, value in run(Masked).items():
        torch.testing.assert_close(value, expected[name], msg=name)


def _network(forward):
    """A network with three convolutions that keep the size, and this forward."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
            self.turned = nn.ConvTranspose2d(2, 2, 3, padding=1)
            self.scale = nn.Parameter(torch.ones(1, 2, 6, 6))
            self.plain = torch.rand(2, 2, 3, 3)

        def forward(self, x):
            return forward(self, x)

    return Network


def _in_place(net, x):
    out = x.new_zeros(len(x), 2, 6, 6)
    out[:, :1] = net.first(x)[:, :1]
    out[:, 1:] += net.turned(net.second(net.first(x)))[:, 1:]
    return out


def _under_inference_mode(net, x):
    with torch.inference_mode():
        out = net.second(net.first(x))
    return out.clone()


def _by_unfolding(net, x):
    columns = net.first.weight.flatten(1) @ F.unfold(x, 3, padding=1)
    return net.second(columns.reshape(len(x), 2, 6, 6) + net.first.bias.view(1, -1, 1, 1))


def _by_two_new_filters(net, x):
    x = F.conv2d(x, torch.randn(2, 1, 3, 3), padding=1)
    return F.conv2d(x, torch.randn(2, 2, 3, 3), padding=1)


@pytest.mark.parametrize(
    ("forward", "count"),
    [
        pytest.param(lambda net, x: net.turned(net.second(net.first(x))), 3, id="one after another"),
        pytest.param(lambda net, x: net.first(x) + net.turned(net.second(x.repeat(1, 2, 1, 1))), 3, id="side by side"),
        pytest.param(lambda net, x: torch.cat([x, net.first(x)], dim=1)[:, :2], 1, id="a skip connection"),
        pytest.param(lambda net, x: net.second(net.second(net.first(x))), 2, id="one filter twice"),
        pytest.param(lambda net, x: F.conv2d(net.first(x), net.second.weight.flip(2)), 2, id="a function"),
        pytest.param(lambda net, x: F.conv2d(net.first(x), net.plain), 2, id="a filter that is no parameter"),
        pytest.param(_by_two_new_filters, 2, id="new filters in forward"),
        pytest.param(_in_place, 3, id="written into a tensor"),
        pytest.param(_under_inference_mode, 2, id="under inference mode"),
        pytest.param(_by_unfolding, 2, id="a product with the unfolded image"),
        pytest.param(lambda net, x: x.repeat(1, 2, 1, 1), 0, id="none"),
        pytest.param(lambda net, x: (net.first(x), x.repeat(1, 2, 1, 1))[1], 0, id="an output that is dropped"),
        pytest.param(lambda net, x: net.first(torch.ones_like(x)), 0, id="an input that is not the network's"),
        pytest.param(lambda net, x: x.new_tensor(net.first(x).shape), 0, id="a shape alone"),
        pytest.param(lambda net, x: x + net.scale, 0, id="a bias per pixel"),
    ],
)
def test_convolutions_count_where_they_stand_between_input_and_output(forward, count):
    assert trace_of(_network(forward)).convolutions == count


def test_a_convolution_written_out_as_products_counts():
    assert [trace_of(made).convolutions for made in (Plain, TapsOnTheBias, Flat)] == [1, 1, 1]


class Twice(Plain):
    def forward(self, x):
        super().forward(x)
        return super().forward(x)


def test_it_is_counted_how_often_running_statistics_are_updated():
    assert trace_of(Plain).updates == (1, 1)
    assert trace_of(Twice).updates == (2, 2)
