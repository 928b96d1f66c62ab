"""An output is an ordinary tensor, or refused in a sentence; of one that is much too large the shape is kept."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from grader.worker.probes.answer import answer
from grader.worker.probes.modules import Refusal
from grader.worker.probes.outputs import contiguous, forward, kept, output_of
from grader.worker.protocol import CallNetwork, Rule, RunLayer, RunNetwork

ONES = torch.ones(1, 2, 3, 3)
PROBE = RunNetwork(cls="Network", elements=100)


class Odd(Tensor):
    @property
    def shape(self):
        return torch.Size((7, 7))

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        raise ValueError("no")


def returning(output):
    class Network(nn.Module):
        def __init__(self, *arguments):
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.ones(1, 1, 1, 1)), nn.Parameter(torch.ones(1))

        def forward(self, x):
            return output

    return Network


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: None, "no return"),
        (lambda: 3, "a int, not a tensor"),
        (lambda: (), "a tuple"),
        (lambda: ONES.to_sparse(), "layout torch.sparse_coo"),
        (lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]), "a nested tensor"),
        (lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.jagged), "a NestedTensor"),
        (lambda: ONES.to("meta"), "device meta"),
        (lambda: torch.quantize_per_tensor(ONES, 0.1, 0, torch.qint8), r"quantized tensor \(torch.qint8\)"),
        (lambda: torch.complex(ONES, ONES), r"complex numbers \(torch.complex64\)"),
        (lambda: ONES.to(torch.int8), "type torch.int8"),
        (lambda: ONES[(None,) * 9], "13 axes"),
        (lambda: torch.zeros(1).expand(2**30, 2**30), "2 axes and 1,152,921,504,606,846,976 elements"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # torch warns of most of these kinds
def test_what_is_no_ordinary_tensor_is_refused(make, told):
    with pytest.raises(Refusal, match=rf"^forward returned .*{told}"):
        forward(returning(make())(), ONES)


def test_a_refusal_says_where_it_is_only_in_evaluation_mode():
    with pytest.raises(Refusal, match=r"^in evaluation mode, forward returned a tuple"):
        forward(returning(())().eval(), ONES)


def test_a_tensor_of_another_class_is_taken_as_the_plain_tensor_that_it_is():
    output = forward(returning(ONES.as_subclass(Odd))(), ONES)
    assert type(output) is Tensor and torch.equal(output, ONES)
    assert output_of(output, PROBE).shape == (1, 2, 3, 3)


def test_a_large_output_is_kept_as_its_shape_and_takes_no_memory():
    output = torch.zeros(1).expand(10**6, 10**6)
    assert kept(ONES, PROBE).device.type == "cpu"
    large = contiguous({"large": kept(output, PROBE)})["large"]
    assert large.is_meta and large.shape == (10**6, 10**6)
    assert output_of(output, PROBE).shape == (10**6, 10**6)


@pytest.mark.parametrize(
    ("probe", "tensors"),
    [
        (RunNetwork(cls="Network", elements=100), {"input": ONES}),
        (
            CallNetwork(
                cls="Network",
                elements=100,
                filters=Rule(0, 0, 1),
                vectors=Rule(0, 0, 1),
                buffers=Rule(0, 0, 1),
                mode="eval",
            ),
            {"input": ONES},
        ),
        (
            RunLayer(cls="Network", elements=100),
            {"input": ONES, "weight": torch.ones(1, 1, 1, 1), "bias": torch.ones(1), "upstream": ONES},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_probe_keeps_of_a_large_output_the_shape(probe, tensors):
    _, outputs = answer(probe, tensors, {"Network": returning(torch.zeros(101))})
    assert outputs and all(value.is_meta and value.shape == (101,) for value in outputs.values())
    _, outputs = answer(probe, tensors, {"Network": returning(torch.zeros(100))})
    assert outputs and not any(value.is_meta for value in outputs.values())
