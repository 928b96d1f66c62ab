"""Operations are watched below autograd, by whatever name they were called."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from places import ROOT
from torch import nn
from torch.nn import functional as F

from grader.worker.probes.watching import NativeDilation, Poison, tensors_in

IMAGE, WEIGHT = torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: F.conv2d(IMAGE, WEIGHT, dilation=2), ("aten::convolution",)),
        (lambda: nn.Conv2d(1, 1, 3, dilation=(1, 2))(IMAGE), ("aten::convolution",)),
        (lambda: F.unfold(IMAGE, 3, dilation=2), ("aten::im2col",)),
        (lambda: F.conv2d(IMAGE, WEIGHT, dilation=1), ()),
        (lambda: IMAGE[:, :, ::2], ()),
    ],
)
def test_a_dilation_other_than_1_is_noted(call, names):
    with NativeDilation() as native:
        call()
    assert native.names == names


def test_memory_that_was_never_written_is_nan():
    with Poison():
        fresh = [torch.empty(3), torch.empty_like(IMAGE), IMAGE.new_empty(2), torch.empty(3, dtype=torch.int64)]
        written = torch.zeros(3)
    assert [bool(value.isnan().all()) for value in fresh] == [True, True, True, False]
    assert not written.isnan().any()


def test_tensors_are_found_at_any_depth():
    first, second, third = torch.ones(1), torch.ones(2), torch.ones(3)
    assert list(tensors_in([first, (None, {"a": [second], "b": "text"}), 3, third])) == [first, second, third]


@pytest.mark.slow
def test_torchs_compiler_is_not_imported_for_it():
    lines = "import sys, torch", "from grader.worker.probes.watching import Poison", "with Poison(): torch.empty(3)"
    code = "\n".join([*lines, "assert 'torch._dynamo' not in sys.modules"])
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
