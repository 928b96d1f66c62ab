"""One convolution layer: what it puts out, its gradients, and what it says when it is called again."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grader.worker.probes.answer import answer
from grader.worker.probes.layer import fitted
from grader.worker.protocol import LayerRun, RunLayer, Trouble

TENSORS = {
    "input": torch.arange(32.0).reshape(2, 1, 4, 4),
    "weight": torch.ones(2, 1, 3, 3),
    "bias": torch.tensor([1.0, 2.0]),
    "upstream": torch.ones(2, 2, 4, 4),
}


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, 1, 3, 3))
        self.bias = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, padding=1)


def ran(made):
    return answer(RunLayer(cls="Layer"), TENSORS, {"Layer": made})


def test_output_and_gradients_are_those_of_the_examiners_values():
    reply, outputs = ran(Layer)
    source = TENSORS["input"].clone().requires_grad_()
    expected = F.conv2d(source, TENSORS["weight"], TENSORS["bias"], padding=1)
    assert isinstance(reply, LayerRun) and reply.output.shape == (2, 2, 4, 4) and reply.later is None
    torch.testing.assert_close(outputs["output"], expected.detach())
    torch.testing.assert_close(outputs["gradient.input"], torch.autograd.grad(expected.sum(), source)[0])
    assert outputs["gradient.bias"].tolist() == [32, 32]
    assert {"again", "eval", "eval.again"} <= outputs.keys()


def test_a_gradient_that_is_cut_does_not_exist():
    class Cut(Layer):
        def forward(self, x):
            return F.conv2d(x, self.weight.data, self.bias, padding=1)

    assert {name for name in ran(Cut)[1] if name.startswith("gradient")} == {"gradient.input", "gradient.bias"}


@pytest.mark.parametrize("call", ["again", "eval", "eval.again"])
def test_a_later_call_that_fails_is_told_beside_the_first(call):
    class Fails(Layer):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls > ["again", "eval", "eval.again"].index(call) + 1:
                raise ValueError("not again")
            return super().forward(x)

    reply, outputs = ran(Fails)
    assert isinstance(reply, LayerRun) and reply.later is not None and reply.later.text == "not again"
    assert "output" in outputs and call not in outputs


def test_a_native_dilation_is_seen_under_any_name():
    class Dilates(Layer):
        def forward(self, x):
            return torch.ops.aten.convolution(x, self.weight, self.bias, [1, 1], [2, 2], [2, 2], False, [0, 0], 1)

    assert ran(Dilates)[0].native == ("aten::convolution", "aten::convolution_backward")
    assert ran(Layer)[0].native == ()


def test_weight_and_bias_are_found_under_other_names_and_are_needed():
    class Renamed(nn.Module):
        def __init__(self):
            super().__init__()
            self.filters = nn.Parameter(torch.zeros(2, 1, 3, 3))
            self.offsets = nn.Parameter(torch.zeros(2))

        def forward(self, x):
            return F.conv2d(x, self.filters, self.offsets, padding=1)

    torch.testing.assert_close(ran(Renamed)[1]["output"], ran(Layer)[1]["output"])
    reply, _ = ran(nn.Identity)
    assert isinstance(reply, Trouble) and "no parameters where one weight (out, in, k, k)" in reply.text


def test_the_gradient_of_an_output_of_another_shape_repeats():
    upstream = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert fitted(upstream, (2, 2)) is upstream
    assert fitted(upstream, (1, 6)).tolist() == [[1, 2, 3, 4, 1, 2]]
