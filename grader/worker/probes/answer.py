"""Answers to the probes: what a candidate's classes do, as numbers and shapes, never as opinions.

The same functions examine a submission inside the sandbox and the reference in the trusted process, so that the two
sit the same exam. An exception of the candidate's code is evidence too: it comes back as ``Trouble``.

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
from .layer import answer_layer
from .learning import learn
from .modules import Classes, seed, tensor_to
from .network import build, once, run, trace

__all__ = ["answer"]

R = TypeVar("R")

_set_num_threads = torch.set_num_threads
_seed_card = torch.cuda.manual_seed
_set_onednn = torch.backends.mkldnn.set_flags


def answer(
    probe: ClassProbe[R], tensors: Tensors, classes: Classes, dtype: torch.dtype | None = None
) -> tuple[R | Trouble, Tensors]:
    """The reply to one probe.

    ``dtype`` puts model and inputs into another precision; only the reference is asked that. A probe with a ``device``
    is answered there, as exactly as it can be; what comes back lies on the CPU.
    A candidate's exception, SystemExit and KeyboardInterrupt included, comes back as ``Trouble``.
    """
    verb = _ANSWERS[type(probe)]
    # A candidate may raise anything at all, BaseException included, and must not end the exam by it.
    try:
        seed(probe.seed)
        with _own_defaults():
            tensors = _cast(tensors, dtype)
            if probe.device is not None:
                tensors = _prepare(probe, probe.device, tensors)
            reply: tuple[R, Tensors] = verb(probe, tensors, classes, dtype)
            return reply
    except BaseException as trouble:
        return describe(trouble), {}


@contextmanager
def _own_defaults() -> Iterator[None]:
    """Undo what a candidate may have left switched off or changed, for the length of a probe."""
    kept = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    # more threads than a session may have end it
    _set_num_threads(1)
    # oneDNN compiles a kernel for every shape, in every session anew: with tensors this small it never pays
    _set_onednn(False)  # type: ignore[no-untyped-call]
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(kept)


def _prepare(probe: ClassProbe[Any], device: str, tensors: Tensors) -> Tensors:
    """The tensors on the probe's device, which computes in full precision and twice the same from now on."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if torch.device(device).type == "cuda":
        _seed_card(probe.seed)
    return {name: tensor_to(value, device) for name, value in tensors.items()}


def _cast(tensors: Tensors, dtype: torch.dtype | None) -> Tensors:
    if dtype is None:
        return tensors
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in tensors.items()}


_ANSWERS: dict[type[ClassProbe[Any]], Callable[..., Any]] = {
    BuildNetwork: build,
    TraceNetwork: trace,
    RunNetwork: run,
    CallNetwork: once,
    TrainNetwork: learn,
    RunLayer: answer_layer,
}
