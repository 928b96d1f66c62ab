"""The inside of a torch module, read without asking the submission's own methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..protocol import ClassProbe, Output, Tensors

__all__ = [
    "EVERY_MY_CONV2D",
    "NATIVE",
    "Classes",
    "Refusal",
    "construct",
    "contiguous",
    "forward",
    "held",
    "modules",
    "mro",
    "numel",
    "output_of",
    "parameters_of",
    "requires_grad",
    "seed",
    "state",
    "table_of",
    "tensor_to",
    "train",
]


Classes = Mapping[str, Any]

# Taken before any candidate's code runs, so that replacing them, or overriding them in a class, changes nothing here.
train = nn.Module.train
numel = Tensor.numel
# torch.manual_seed also notes a stack trace for every kind of accelerator that is not there.
seed = torch.default_generator.manual_seed
_module_to, tensor_to, _tensor_cpu = nn.Module.to, Tensor.to, Tensor.cpu
requires_grad = Tensor.requires_grad.__get__  # type: ignore[attr-defined]
mro = type.__dict__["__mro__"].__get__
NATIVE = {
    kind: f"torch.nn.modules.conv.{name}"
    for name, kind in vars(nn.modules.conv).items()
    if isinstance(kind, type) and issubclass(kind, nn.modules.conv._ConvNd)
}


EVERY_MY_CONV2D = "every MyConv2d"
"""The name under which ``classes`` has a tuple of all that a submission calls MyConv2d: each file may hold a copy."""


class Refusal(Exception):
    """The candidate's class did something that no network or layer may do; the text is for the student."""


def construct(probe: ClassProbe[Any], classes: Classes, dtype: torch.dtype | None, image: Sequence[int]) -> nn.Module:
    """A model in the probe's precision and on its device. ``image`` is (B, C_in, H, W), of which lazy layers learn
    their sizes."""
    model = classes[probe.cls](*probe.arguments)
    if not isinstance(model, nn.Module):
        raise Refusal(f"{probe.cls}(…) made a {type(model).__name__}, not an nn.Module: let the class extend nn.Module")
    if dtype is not None:
        model = model.to(dtype)
    if probe.device is not None:
        _module_to(model, probe.device)
    if any(is_lazy(value) for value in parameters_of(model).values()):
        _run_dry(model, torch.zeros(tuple(image), dtype=dtype, device=probe.device))
    return model


def _run_dry(model: nn.Module, batch: Tensor) -> None:
    """One call, as lazy layers ask for before anything is done with them (``torch.nn.modules.lazy``)."""
    modes = [(module, module.training) for _, module in modules(model)]
    train(model, False)
    with torch.no_grad():
        model(batch)
    for module, training in modes:
        module.training = training


def forward(model: nn.Module, batch: Tensor) -> Tensor:
    actual = model(batch)
    if not isinstance(actual, Tensor):
        kind = "nothing (None): forward has no return" if actual is None else f"a {type(actual).__name__}, not a tensor"
        raise Refusal(f"forward returned {kind}")
    return actual


def modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module, each once, in the order of ``named_modules``; no method that a class may override is asked."""
    seen: set[int] = set()
    waiting: list[tuple[str, nn.Module]] = [("", model)]
    while waiting:
        name, module = waiting.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield name, module
            inner = [one for one in table_of(module, "_modules") if one[1] is not None]
            waiting += [(f"{name}.{key}" if name else key, child) for key, child in reversed(inner)]


def table_of(module: nn.Module, name: str) -> list[tuple[str, Any]]:
    """Entries of ``_modules``, ``_parameters`` or ``_buffers``."""
    table = object.__getattribute__(module, "__dict__").get(name)
    return [] if table is None else list(dict.items(table))


def held(model: nn.Module, table: str) -> dict[str, Any]:
    """Tensors of a table in all modules, by full name, each once, even if registered under two names."""
    found: dict[int, tuple[str, Tensor]] = {}
    for prefix, module in modules(model):
        for key, value in table_of(module, table):
            if value is not None:
                found.setdefault(id(value), (f"{prefix}.{key}" if prefix else key, value))
    return dict(found.values())


def parameters_of(model: nn.Module) -> dict[str, nn.Parameter]:
    return held(model, "_parameters")


def state(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and floating buffers by name."""
    buffers = {name: value for name, value in held(model, "_buffers").items() if value.is_floating_point()}
    return dict(parameters_of(model)), buffers


def output_of(value: Tensor) -> Output:
    return Output(tuple(value.shape), str(value.dtype), bool(torch.isfinite(value).all()))


def contiguous(tensors: Tensors) -> Tensors:
    return {name: _tensor_cpu(value.detach()).contiguous().clone() for name, value in tensors.items()}
