"""A probe is answered whatever the candidate raises, and in the same state of torch whatever it has left behind."""

from __future__ import annotations

import pytest
import torch
from small_networks import IMAGE, Plain
from torch import nn

from grader.worker.probes.answer import answer
from grader.worker.protocol import LayerRun, RunLayer, TraceNetwork, Trouble


class Odd(BaseException):
    def __str__(self):
        raise SystemExit


@pytest.mark.parametrize("raised", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), Odd(), RecursionError()])
def test_whatever_the_candidate_raises_is_trouble(raised):
    class Raises(nn.Module):
        def __init__(self):
            raise raised

    reply, tensors = answer(TraceNetwork(cls="Network"), {"input": IMAGE}, {"Network": Raises})
    assert isinstance(reply, Trouble) and reply.type == type(raised).__name__ and tensors == {}


def test_a_class_that_is_not_there_is_trouble():
    reply, _ = answer(TraceNetwork(cls="Network"), {"input": IMAGE}, {})
    assert reply == Trouble("KeyError", "'Network'")


def test_torch_is_in_its_usual_state_whatever_was_left_behind():
    seen = []

    class Looks(Plain):
        def forward(self, x):
            seen.append((torch.get_default_dtype(), torch.get_num_threads(), torch.rand(1).item()))
            return super().forward(x)

    default = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        for _ in range(2):
            answer(TraceNetwork(cls="Network", seed=5), {"input": IMAGE}, {"Network": Looks})
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(default)
    first, second = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    assert first == second
    assert {(dtype, threads) for dtype, threads, _ in seen} == {(torch.float32, 1)}


def test_the_reference_can_be_asked_in_another_precision():
    tensors = {
        "input": IMAGE,
        "weight": torch.ones(2, 1, 3, 3),
        "bias": torch.ones(2),
        "upstream": torch.ones(2, 2, 4, 4),
    }
    probe = RunLayer(cls="Layer", arguments=(1, 2, 3))
    reply, outputs = answer(probe, tensors, {"Layer": nn.Conv2d}, torch.float64)
    assert isinstance(reply, LayerRun) and reply.output.dtype == "torch.float64"
    assert {value.dtype for value in outputs.values()} == {torch.float64}
