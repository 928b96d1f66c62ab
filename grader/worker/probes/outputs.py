"""What forward returns, made into evidence: an ordinary tensor, and of one that is much too large the shape alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..protocol import MOST_AXES, ClassProbe, Output, Tensors
from ..session.frames import DTYPES
from .modules import Refusal, numel

__all__ = ["contiguous", "forward", "is_too_large", "kept", "output_of"]

# Taken before any code of a candidate runs; see modules.py.
_as_subclass, _tensor_cpu, _empty = Tensor.as_subclass, Tensor.cpu, torch.empty


def forward(model: nn.Module, batch: Tensor) -> Tensor:
    """The output for a batch (B, C_in, H, W), as a plain Tensor. Raises Refusal if there is no ordinary tensor."""
    actual = model(batch)
    kind = _kind(actual)
    if kind is not None:
        mode = "" if model.training else "in evaluation mode, "
        raise Refusal(f"{mode}forward returned {kind}")
    return actual if _is_plain(actual) else _as_subclass(actual, Tensor)


def _is_plain(value: object) -> bool:
    return type(value) in (Tensor, nn.Parameter)


def _kind(actual: object) -> str | None:
    """What was returned in place of an ordinary tensor; None if it is one, whose values can be sent and compared."""
    if actual is None:
        return "nothing (None): forward has no return"
    if not isinstance(actual, Tensor):
        return f"a {type(actual).__name__}, not a tensor"
    try:
        value = actual if _is_plain(actual) else _as_subclass(actual, Tensor)
    except Exception:  # such a class has operations of its own
        return f"a {type(actual).__name__}, {_EXPECTED}"
    kinds = {
        "a nested tensor": value.is_nested,
        f"a tensor in the layout {value.layout}": value.layout != torch.strided,
        "a tensor on the device meta, without values": value.is_meta,
        f"a quantized tensor ({value.dtype})": value.is_quantized,
        f"complex numbers ({value.dtype})": value.is_complex(),
        f"numbers of the type {value.dtype}": str(value.dtype).removeprefix("torch.") not in DTYPES,
    }
    kind = next((kind for kind, fits in kinds.items() if fits), None)
    if kind is None and (value.dim() > MOST_AXES or math.prod(max(1, size) for size in value.shape) > _MOST_ELEMENTS):
        kind = f"a tensor with {value.dim()} axes and {numel(value):,} elements"
    return None if kind is None else f"{kind}, {_EXPECTED}"


_MOST_ELEMENTS = 2**40
"""Elements of an output, where an axis of size 0 counts as 1."""
_EXPECTED = "expected an ordinary tensor of torch.float32"


def is_too_large(value: Tensor, probe: ClassProbe[object]) -> bool:
    """Whether an output has so many elements that the probe asks for its shape alone."""
    return numel(value) > probe.elements


def kept(value: Tensor, probe: ClassProbe[object]) -> Tensor:
    """A copy of an output, without gradients; if it is too large, its shape, as a tensor on the device meta."""
    if is_too_large(value, probe):
        return _empty(value.shape, dtype=value.dtype, device="meta")
    return value.detach().clone()


def output_of(value: Tensor, probe: ClassProbe[object]) -> Output:
    """The form of an output. The elements of one that is too large are not looked at."""
    finite = is_too_large(value, probe) or bool(torch.isfinite(value).all())
    return Output(tuple(value.shape), str(value.dtype), finite)


def contiguous(tensors: Tensors) -> Tensors:
    """Copies on the CPU, without gradients, as they can be sent; what is a shape alone stays so."""
    return {
        name: value if value.is_meta else _tensor_cpu(value.detach()).contiguous().clone()
        for name, value in tensors.items()
    }
