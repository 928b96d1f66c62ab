"""What ties a layer to a device is found without a GPU, and what follows the input's device is left alone."""

from __future__ import annotations

from typing import TypeVar

import pytest
import torch
from code_files import script

from grader.exam.replies import read_reply
from grader.worker.handler import Handler
from grader.worker.loading.loader import load
from grader.worker.probes.devices import Elsewhere, examine
from grader.worker.protocol import DeviceFindings, LoadDefinitions, Probe, RunOnDevice, Tensors, Trouble, probe_to_json

R = TypeVar("R")
LAYER = """
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable
{top}

class Net(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 3, 3))

    def forward(self, x):
        {make}
        spread[:, :, ::2, ::2] = self.weight
        return F.conv2d(x, spread, padding=2)
"""
SIZE = "self.weight.size(0), 1, 5, 5"
IMAGE = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
FOLLOWS = {
    "a module-level device": (
        f"spread = torch.zeros({SIZE}).to(DEVICE)",
        'DEVICE = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")',
    ),
    "a module-level switch": (
        f"spread = torch.zeros({SIZE}).cuda() if USE else torch.zeros({SIZE})",
        "USE = torch.cuda.is_available()",
    ),
    "is_cuda of the input": (f"spread = torch.zeros({SIZE})\n        if x.is_cuda: spread = spread.cuda()", ""),
    "the type of the input's device": (
        f"spread = torch.zeros({SIZE})\n        if x.device.type == 'cuda': spread = spread.to(x.device)",
        "",
    ),
    "device=": (f"spread = torch.zeros({SIZE}, device=x.device)", ""),
    "new_zeros": (f"spread = x.new_zeros({SIZE})", ""),
    "data.new": (f"spread = self.weight.data.new({SIZE}).zero_()", ""),
    "to(tensor)": (f"spread = torch.zeros({SIZE}).to(x)", ""),
    "type_as": (f"spread = torch.zeros({SIZE}).type_as(self.weight)", ""),
    "a cuda type where the weight is on a GPU": (
        f"spread = (torch.cuda.FloatTensor if self.weight.is_cuda else torch.FloatTensor)({SIZE}).zero_()",
        "",
    ),
    "a type that follows the machine": (
        f"spread = torch.zeros({SIZE}).type(DTYPE)",
        "DTYPE = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor",
    ),
    "the type of the input": (f"spread = torch.zeros({SIZE}).type(x.type())", ""),
    "values that are looked at": (
        f"spread = x.new_zeros({SIZE}); assert 0 < x.max() <= 1 and self.weight.sum().item() == 18, x.max()",
        "",
    ),
    "values that are shown": (
        f"spread = x.new_zeros({SIZE}); assert '0.' in str(x) and x.detach().cpu().numpy().max() > 0",
        "",
    ),
    "a module-level tensor that is looked at": (
        f"spread = x.new_zeros({SIZE}); assert ONES.tolist() == [1, 1]",
        "ONES = torch.ones(2, device='cuda' if torch.cuda.is_available() else 'cpu')",
    ),
    "another size in place": (
        f"spread = torch.zeros_like(self.weight).resize_({SIZE}).zero_(); assert spread.sum() == 0",
        "",
    ),
    "views that are written to": (
        f"spread = x.new_zeros({SIZE}); spread[:, :, 1].fill_(2); assert spread.sum().item() == 20",
        "",
    ),
    "the card's name and its profiler": (
        f"spread = x.new_zeros({SIZE})\n        if torch.cuda.is_available():\n"
        "            torch.cuda.get_device_name(0), torch.cuda.synchronize(), torch.cuda.nvtx.range_push('a')",
        "",
    ),
    "zeros_like": (f"spread = torch.zeros_like(self.weight).repeat(1, 1, 2, 2)[:, :, :5, :5].new_zeros({SIZE})", ""),
}
TIED = {
    "nothing said": f"spread = torch.zeros({SIZE})",
    "cpu said": f"spread = torch.zeros({SIZE}, device='cpu')",
    "numpy": f"spread = torch.from_numpy(np.zeros(({SIZE}), dtype=np.float32))",
    "a Variable": f"spread = Variable(torch.zeros({SIZE}))",
    "cuda said": f"spread = torch.zeros({SIZE}, device='cuda')",
    ".cuda()": f"spread = torch.zeros({SIZE}).cuda()",
    "a cuda type": f"spread = torch.cuda.FloatTensor({SIZE}).zero_()",
    "the input moved": f"x = x.cuda(); spread = x.new_zeros({SIZE})",
    "the output moved": f"spread = x.new_zeros({SIZE}); x = x.cpu()",
    "the type of a CPU's tensor": f"spread = torch.zeros({SIZE}).type(torch.zeros(1).type())",
    **{
        f"{tie} {when}": f"spread = x.new_zeros({SIZE})\n        if {condition}: {line}"
        for when, condition in (
            ("in training mode", "self.training"),
            ("in evaluation mode", "not self.training"),
            ("with gradients", "torch.is_grad_enabled()"),
            ("without gradients", "not torch.is_grad_enabled()"),
            ("in evaluation mode with gradients", "torch.is_grad_enabled() and not self.training"),
        )
        for tie, line in ((".cuda()", "x = x.cuda()"), ("a mask", "x = x * torch.ones(8, 8)"))
    },
    "a hook in the backward pass": (
        f"spread = self.weight.new_zeros({SIZE}); "
        "x = x * self.weight.sum(); x.requires_grad and x.register_hook(lambda grad: grad * torch.ones(8, 8))"
    ),
}


def asked(handler: Handler, probe: Probe[R], tensors: Tensors | None = None) -> R | Trouble:
    message, _ = handler.handle(probe_to_json(probe), tensors or {})
    return read_reply(probe, message)


@pytest.fixture
def examined(tmp_path):
    def examine(make: str, top: str = "", device: str | None = None) -> DeviceFindings:
        handler = Handler(tmp_path)
        source = LAYER.format(make=make, top=top)
        files = (script(source, "net.py"),)
        loaded = asked(handler, LoadDefinitions(files=files, wanted=("Net",)))
        assert loaded.classes == ("Net",), loaded
        return asked(handler, RunOnDevice(cls="Net", arguments=(2,), device=device), {"input": IMAGE.clone()})

    return examine


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a machine with a GPU the calls are real")
@pytest.mark.parametrize("name", FOLLOWS)
def test_what_follows_the_device_of_the_input_is_right(name, examined):
    assert examined(*FOLLOWS[name]) == DeviceFindings((), settled=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a machine with a GPU the calls are real")
@pytest.mark.parametrize("name", TIED)
def test_what_is_tied_to_one_device_is_found_with_its_line(name, examined):
    evidence = examined(TIED[name])
    assert evidence.settled and evidence.findings
    assert "net.py, line" in evidence.findings[0].where or "forward" in evidence.findings[0].where


UNREGISTERED = {
    "a layer in a list": "self.layers = [nn.Conv2d(2, 2, 1)]",
    "a parameter in a list": "self.layers = [nn.Parameter(torch.ones(2, 1, 1))]",
    "a tensor": "self.mask = torch.ones(8, 8)",
}


@pytest.mark.parametrize("name", UNREGISTERED)
def test_what_a_network_keeps_unregistered_is_told_from_what_it_makes_in_forward(name, tmp_path):
    source = f"""
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 1)
        {UNREGISTERED[name]}

    def forward(self, x):
        x = self.conv(x)
        return self.layers[0](x) if hasattr(self, "layers") and callable(self.layers[0]) else x * (
            self.layers[0] if hasattr(self, "layers") else self.mask)
"""
    handler = Handler(tmp_path)
    files = (script(source, "net.py"),)
    asked(handler, LoadDefinitions(files=files, wanted=("Net",)))
    evidence = asked(handler, RunOnDevice(cls="Net", arguments=(2,)), {"input": IMAGE.clone()})
    assert evidence.findings[0].kept is True


def test_layers_that_are_not_registered_are_found(examined):
    evidence = examined(
        "self.hidden = [torch.ones(1)] ; spread = x.new_zeros(self.weight.size(0), 1, 5, 5) + torch.ones(5)"
    )
    assert evidence.findings


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a machine with a GPU the calls are real")
def test_definitions_that_mention_cuda_are_loaded_once_more_for_all_networks(tmp_path):
    source = LAYER.format(make=FOLLOWS["a module-level device"][0], top=FOLLOWS["a module-level device"][1])
    source += "SEEN = torch.zeros(2, device=DEVICE).numpy()\n"
    files = (script(source, "net.py"),)
    loads = []

    def loaded():
        loads.append(load(files, folder=tmp_path, wanted=("Net",)))
        return loads[-1]

    elsewhere = Elsewhere(files, loaded)
    here = loaded().classes
    probe = RunOnDevice(cls="Net", arguments=(2,))
    replies = [examine(probe, {"input": IMAGE.clone()}, here, elsewhere) for _ in range(2)]
    assert len(loads) == 2 and replies[0] == replies[1]  # once for each world


# The device itself decides in the second question; here the CPU stands in for it, and meta for the other device.
MET = {
    "another device's tensor": "spread = x.new_zeros({size}); x = x + torch.ones(1, 1, 8, 8, device='meta')",
    "numpy": "spread = x.new_zeros({size}); torch.ones(3, device='meta').numpy()",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MET)
def test_what_stops_a_run_on_the_device_for_being_tied_is_a_finding(name, examined):
    evidence = examined(MET[name].format(size=SIZE), device="cpu")
    assert evidence.settled and "net.py, line" in evidence.findings[0].where


def test_an_output_on_another_device_is_a_finding(examined):
    evidence = examined(f"spread = x.new_zeros({SIZE}); return torch.ones(2, 2, device='meta')", device="cpu")
    assert evidence.settled and "output" in evidence.findings[0].what


@pytest.mark.parametrize("name", FOLLOWS)
def test_a_run_on_the_device_that_succeeds_settles_the_question(name, examined):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    assert examined(*FOLLOWS[name], device=device) == DeviceFindings((), settled=True)


@pytest.mark.parametrize(
    "trouble", ["raise RuntimeError('CUDA error: out of memory')", "x = x @ torch.ones(5, 5)", "raise SystemExit(3)"]
)
def test_any_other_trouble_on_the_device_settles_nothing(trouble, examined):
    evidence = examined(trouble, device="cpu")
    assert evidence.findings == () and not evidence.settled and evidence.reason


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
@pytest.mark.parametrize("name", ["nothing said", "cpu said", "numpy", "a Variable", "the output moved"])
def test_on_a_gpu_what_is_tied_to_the_cpu_is_found(name, examined):
    evidence = examined(TIED[name], device="cuda")
    assert evidence.settled and evidence.findings
