"""What a session answers, message by message."""

from __future__ import annotations

import pytest
import torch

from grader.worker.handler import Handler
from grader.worker.loading import legacy

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


@pytest.fixture
def handler(tmp_path):
    def make(afterwards: str) -> Handler:
        handler = Handler(tmp_path)
        cells = [{"number": None, "source": LAYER.format(afterwards=afterwards)}]
        message = {"do": "load", "files": [{"path": "a.py", "cells": cells}], "wanted": ["MyConv2d"], "sparing": False}
        assert handler.handle(message, {})[0]["classes"] == ["MyConv2d"]
        return handler

    yield make
    legacy.uninstall()


def _asked(outputs: int) -> tuple[dict, dict]:
    generator = torch.Generator().manual_seed(outputs)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator)

    tensors = {"input": drawn(2, 1, 6, 5), "weight": drawn(outputs, 1, 3, 3)}
    tensors |= {"bias": drawn(outputs), "upstream": drawn(2, outputs, 6, 5)}
    return {"do": "layer", "cls": "MyConv2d", "args": [1, outputs, 3], "rng": 0}, tensors


OVERWRITES = """KEPT.append(output.detach())
        for kept in KEPT:
            if kept.shape != output.shape:
                kept.fill_(7)"""


@pytest.mark.parametrize("afterwards", ["pass", OVERWRITES])
def test_several_probes_are_answered_as_each_would_be_alone(handler, afterwards):
    asked = [_asked(outputs) for outputs in (1, 2, 3)]
    alone = [handler("pass").handle(*one) for one in asked]
    message = {"do": "several", "cls": "MyConv2d", "probes": [probe for probe, _ in asked]}
    tensors = {f"{place}/{name}": value for place, (_, own) in enumerate(asked) for name, value in own.items()}
    reply, out = handler(afterwards).handle(message, tensors)
    assert [{**one, "threads": True} for one in reply["replies"]] == [{**one, "threads": True} for one, _ in alone]
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
    reply, out = handler(afterwards).handle(*_asked(2))
    assert sorted(name for name in out if not name.startswith("gradient")) == said
    assert "later" not in reply
