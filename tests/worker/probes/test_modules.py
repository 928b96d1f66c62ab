"""The inside of a module is read without asking methods that its class may override."""

from __future__ import annotations

import torch
from torch import nn

from grader.worker.probes.modules import construct, modules, named_tensors, parameters_of, state
from grader.worker.protocol import TraceNetwork

PROBE = TraceNetwork(cls="Network")


class Lies(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = nn.Sequential(nn.BatchNorm1d(2), self.first)
        self.same = self.first.weight
        self.none = None

    def named_parameters(self, *arguments, **keywords):
        return iter(())

    parameters = named_modules = modules = children = buffers = state_dict = named_parameters

    def forward(self, x):
        return self.second(x)


def test_modules_and_tensors_are_listed_once_whatever_the_class_says():
    model = Lies()
    assert [name for name, _ in modules(model)] == ["", "first", "second", "second.0"]
    assert set(parameters_of(model)) == {"same", "first.bias", "second.0.weight", "second.0.bias"}
    assert set(named_tensors(model, "_buffers")) >= {"second.0.running_mean", "second.0.num_batches_tracked"}
    assert set(state(model)[1]) == {"second.0.running_mean", "second.0.running_var"}


def test_a_model_is_made_in_the_precision_asked_for_with_its_lazy_layers_made():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.LazyConv2d(3, 3)

        def forward(self, x):
            return self.conv(x)

    model = construct(PROBE, {"Network": Lazy}, torch.float64, (1, 2, 8, 8))
    assert parameters_of(model)["conv.weight"].shape == (3, 2, 3, 3)
    assert parameters_of(model)["conv.weight"].dtype == torch.float64
    assert model.training
