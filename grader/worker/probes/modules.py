"""The inside of a torch module, read without calling methods that the submission may have overridden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..protocol import ClassProbe

__all__ = [
    "EVERY_MY_CONV2D",
    "NATIVE",
    "Classes",
    "Refusal",
    "construct",
    "modules",
    "mro",
    "named_tensors",
    "numel",
    "parameters_of",
    "requires_grad",
    "seed",
    "state",
    "table_of",
    "tensor_to",
    "train",
]


Classes = Mapping[str, Any]

# Taken before any code of a candidate runs: a candidate that replaces them, or overrides them in a class, changes
# nothing here.
train = nn.Module.train
numel = Tensor.numel
# Not torch.manual_seed, which also records a stack trace for every kind of accelerator that is absent.
seed = torch.default_generator.manual_seed
_module_to, tensor_to = nn.Module.to, Tensor.to
requires_grad = Tensor.requires_grad.__get__  # type: ignore[attr-defined]
mro = type.__dict__["__mro__"].__get__
NATIVE = {
    kind: f"torch.nn.modules.conv.{name}"
    for name, kind in vars(nn.modules.conv).items()
    if isinstance(kind, type) and issubclass(kind, nn.modules.conv._ConvNd)
}

"""The convolutions of torch, with their full names."""
EVERY_MY_CONV2D = "every MyConv2d"
"""The name under which ``classes`` holds a tuple of all classes that a submission calls MyConv2d; each file may have a
copy."""


class Refusal(Exception):
    """The candidate's class did something that a network or a layer must not do. The text is for the student."""


def construct(probe: ClassProbe[Any], classes: Classes, dtype: torch.dtype | None, image: Sequence[int]) -> nn.Module:
    """The class of the probe, constructed, in the precision ``dtype`` and on the probe's device.

    ``image`` is the shape (B, C_in, H, W) that lazy layers learn their sizes from. Raises Refusal, and whatever the
    constructor raises.
    """
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
    """Call the model once, which lazy layers need before anything else is done (``torch.nn.modules.lazy``)."""
    modes = [(module, module.training) for _, module in modules(model)]
    train(model, False)
    with torch.no_grad():
        model(batch)
    for module, training in modes:
        module.training = training


def modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The name of each module and the module, once each, in the order of ``named_modules``.

    No method is called that a class may override.
    """
    seen: set[int] = set()
    waiting: list[tuple[str, nn.Module]] = [("", model)]
    while waiting:
        name, module = waiting.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield name, module
            children = [(key, child) for key, child in table_of(module, "_modules") if child is not None]
            waiting += [(f"{name}.{key}" if name else key, child) for key, child in reversed(children)]


def table_of(module: nn.Module, name: str) -> list[tuple[str, Any]]:
    """The entries of ``_modules``, ``_parameters`` or ``_buffers``."""
    table = object.__getattribute__(module, "__dict__").get(name)
    return [] if table is None else list(dict.items(table))


def named_tensors(model: nn.Module, table: str) -> dict[str, Any]:
    """The tensors of a table in all modules, by full name. A tensor under two names is listed once."""
    tensors: dict[int, tuple[str, Tensor]] = {}
    for prefix, module in modules(model):
        for key, value in table_of(module, table):
            if value is not None:
                tensors.setdefault(id(value), (f"{prefix}.{key}" if prefix else key, value))
    return dict(tensors.values())


def parameters_of(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters by full name."""
    return named_tensors(model, "_parameters")


def state(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters, and the floating-point buffers, by full name."""
    buffers = {name: value for name, value in named_tensors(model, "_buffers").items() if value.is_floating_point()}
    return dict(parameters_of(model)), buffers
