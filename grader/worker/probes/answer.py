"""Answers to the probes: what the classes of a candidate do, in numbers and shapes, and never as a judgement.

The same functions examine a submission inside the sandbox and the reference in the trusted process, so both sit the
same exam. An exception of the candidate's code is evidence too: it comes back as ``Trouble``.

Axes: B batch, C channels (C_in, C_out), H height, W width, k kernel size, T training steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from ..protocol import (
    BuildNetwork,
    CallNetwork,
    ClassProbe,
    RunLayer,
    RunNetwork,
    Tensors,
    TraceNetwork,
    TrainNetwork,
    Trouble,
)
from ..trouble import describe
from .layer import run_layer
from .learning import train_network
from .modules import Classes, seed, tensor_to
from .network import build_network, call_network, run_network, trace_network

__all__ = ["answer"]

R = TypeVar("R")

_set_num_threads = torch.set_num_threads
_seed_gpu = torch.cuda.manual_seed
_set_onednn = torch.backends.mkldnn.set_flags


def answer(
    probe: ClassProbe[R],
    tensors: Tensors,
    classes: Classes,
    dtype: torch.dtype | None = None,
    *,
    gradients: bool = True,
) -> tuple[R | Trouble, Tensors]:
    """The reply to one probe.

    ``gradients`` is false where the file itself switches them off for all that it defines.

    ``dtype`` puts the model and its inputs into another precision; only the reference is asked for that. A probe with a
    ``device`` is answered on that device, in full precision; the tensors that come back lie on the CPU.
    An exception of the candidate, SystemExit and KeyboardInterrupt included, comes back as ``Trouble``.
    """
    answer_of_its_kind = _ANSWERS[type(probe)]
    # A candidate may raise any BaseException, and must not end the exam by it.
    try:
        seed(probe.seed)
        with _own_defaults(gradients):
            tensors = _cast(tensors, dtype)
            if probe.device is not None:
                tensors = _prepare(probe, probe.device, tensors)
            reply: tuple[R, Tensors] = answer_of_its_kind(probe, tensors, classes, dtype)
            return reply
    except BaseException as trouble:
        return describe(trouble), {}


@contextmanager
def _own_defaults(gradients: bool) -> Iterator[None]:
    """Undo what a candidate may have switched off or changed in another probe, for the length of this one."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    # A session may start few threads, and ends if it starts more.
    _set_num_threads(1)
    # oneDNN compiles a kernel for every shape, and again in every session; that takes longer than these small tensors.
    _set_onednn(False)  # type: ignore[no-untyped-call]
    try:
        with torch.set_grad_enabled(gradients):
            yield
    finally:
        torch.set_default_dtype(default)


def _prepare(probe: ClassProbe[Any], device: str, tensors: Tensors) -> Tensors:
    """The tensors on the device of the probe. From now on it computes in full precision, and the same every time."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if torch.device(device).type == "cuda":
        _seed_gpu(probe.seed)
    return {name: tensor_to(value, device) for name, value in tensors.items()}


def _cast(tensors: Tensors, dtype: torch.dtype | None) -> Tensors:
    if dtype is None:
        return tensors
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in tensors.items()}


_ANSWERS: dict[type[ClassProbe[Any]], Callable[..., Any]] = {
    BuildNetwork: build_network,
    TraceNetwork: trace_network,
    RunNetwork: run_network,
    CallNetwork: call_network,
    TrainNetwork: train_network,
    RunLayer: run_layer,
}
