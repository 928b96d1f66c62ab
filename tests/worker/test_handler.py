"""What a session answers, message by message."""

from __future__ import annotations

from typing import TypeVar

import pytest
import torch
from code_files import script

from grader.exam.replies import read_reply
from grader.worker.handler import Handler
from grader.worker.protocol import LoadDefinitions, Probe, RunLayer, Several, Tensors, Trouble, probe_to_json

R = TypeVar("R")

LAYER = """
import torch
import torch.nn as nn
import torch.nn.functional as F

KEPT = []


class MyConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, input):
        output = F.conv2d(input, self.weight, self.bias, padding=self.weight.size(2) // 2)
        {afterwards}
        return output
"""


def asked(handler: Handler, probe: Probe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
    message, outputs = handler.handle(probe_to_json(probe), tensors)
    return read_reply(probe, message), outputs


@pytest.fixture
def handler(tmp_path):
    def make(afterwards: str) -> Handler:
        handler = Handler(tmp_path)
        files = (script(LAYER.format(afterwards=afterwards)),)
        reply, _ = asked(handler, LoadDefinitions(files=files, wanted=("MyConv2d",)), {})
        assert reply.classes == ("MyConv2d",)
        return handler

    return make


def _question(outputs: int) -> tuple[RunLayer, Tensors]:
    generator = torch.Generator().manual_seed(outputs)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator)

    tensors = {"input": drawn(2, 1, 6, 5), "weight": drawn(outputs, 1, 3, 3)}
    tensors |= {"bias": drawn(outputs), "upstream": drawn(2, outputs, 6, 5)}
    return RunLayer(cls="MyConv2d", arguments=(1, outputs, 3)), tensors


OVERWRITES = """KEPT.append(output.detach())
        for kept in KEPT:
            if kept.shape != output.shape:
                kept.fill_(7)"""


@pytest.mark.parametrize("afterwards", ["pass", OVERWRITES])
def test_several_probes_are_answered_as_each_would_be_alone(handler, afterwards):
    questions = [_question(outputs) for outputs in (1, 2, 3)]
    alone = [asked(handler("pass"), *question) for question in questions]
    tensors = {f"{place}/{name}": value for place, (_, own) in enumerate(questions) for name, value in own.items()}
    reply, out = asked(handler(afterwards), Several(probes=tuple(probe for probe, _ in questions)), tensors)
    assert reply.replies == tuple(each for each, _ in alone)
    expected = {f"{place}/{name}": value for place, (_, own) in enumerate(alone) for name, value in own.items()}
    assert out.keys() == expected.keys()
    assert all(torch.equal(out[name], expected[name]) for name in out)


DOUBLE_LATER = "output = output if self.training else output.double()"
OTHER_LATER = "self.bias = nn.Parameter(self.bias + 1)"


@pytest.mark.parametrize(
    ("afterwards", "said"),
    [
        ("pass", ["again", "eval", "eval.again", "output"]),
        (DOUBLE_LATER, ["again", "eval", "output"]),
        (OTHER_LATER, ["again", "output"]),
    ],
)
def test_a_layer_is_asked_until_it_says_something_else(handler, afterwards, said):
    reply, out = asked(handler(afterwards), *_question(2))
    assert sorted(name for name in out if not name.startswith("gradient")) == said
    assert reply.later is None


@pytest.mark.parametrize(
    ("statement", "has_gradients"), [("KEPT = []", True), ("torch.set_grad_enabled(False)", False)]
)
def test_gradients_stay_off_where_the_file_switches_them_off(tmp_path, statement, has_gradients):
    handler = Handler(tmp_path)
    text = LAYER.format(afterwards="pass").replace("KEPT = []", statement)
    asked(handler, LoadDefinitions(files=(script(text),), wanted=("MyConv2d",)), {})
    _, out = asked(handler, *_question(2))
    assert ("gradient.weight" in out) is has_gradients
    torch.set_grad_enabled(True)
