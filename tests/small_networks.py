"""A small network, and what the probes say of it, for tests."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.worker.probes.answer import answer
from grader.worker.protocol import NetworkRun, RunNetwork, Trace, TraceNetwork

__all__ = ["IMAGE", "Hides", "Plain", "run", "trace_of", "traced"]

IMAGE = torch.rand(2, 1, 6, 6)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(2, 1, 3, 3))
        self.bias = nn.Parameter(torch.rand(2))
        self.norm = nn.BatchNorm2d(2)

    def forward(self, x):
        return self.norm(F.conv2d(x, self.weight, self.bias, padding=1))


class Hides(Plain):
    def parameters(self, recurse=True):
        return iter(list(super().parameters(recurse))[1:])


def trace_of(made: type[nn.Module]) -> Trace:
    trace, _ = answer(TraceNetwork(cls="Network"), {"input": IMAGE}, {"Network": made})
    assert isinstance(trace, Trace), trace
    return trace


def traced(made: type[nn.Module]) -> dict[str, list[str]]:
    """The names of its tensors, by the part they have in a forward pass."""
    trace = trace_of(made)
    return {
        kind: [tensor.name for tensor in getattr(trace, kind)]
        for kind in ("parameters", "buffers", "constants", "unused")
    }


def run(made: type[nn.Module]) -> dict[str, Tensor]:
    """Its outputs with parameters and buffers that depend on their order of use."""
    used = traced(made)
    shapes = {
        name: value.shape for name, value in {**dict(made().named_parameters()), **dict(made().named_buffers())}.items()
    }
    drawn = torch.Generator().manual_seed(1)
    state = {
        f"{kind}.{index}": torch.rand(shapes[name].numel(), generator=drawn).reshape(
            shapes[name] if name == "weight" else (-1,)
        )
        + 0.5
        for kind in ("parameter", "buffer")
        for index, name in enumerate(used[f"{kind}s"])
    }
    reply, outputs = answer(RunNetwork(cls="Network"), {"input": IMAGE, **state}, {"Network": made})
    assert isinstance(reply, NetworkRun), reply
    return outputs
