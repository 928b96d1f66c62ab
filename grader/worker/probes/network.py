"""The probes of a network: build, trace, run, run once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..trouble import describe
from .modules import (
    EVERY_MY_CONV2D,
    NATIVE,
    Classes,
    Message,
    Tensors,
    construct,
    contiguous,
    forward,
    modules,
    mro,
    numel,
    parameters_of,
    requires_grad,
    shape_of,
    state,
    table_of,
    train,
)
from .order import as_vector, put, statistics_of, tensors_used
from .watching import NativeDilation, Poison

__all__ = ["build", "once", "pattern", "run", "trace"]


def build(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """Construct, count parameters, run each input (B, C_in, H, W) once; the outputs' shapes and dtypes come back.

    ``image`` is the shape of what lazy layers are called with before they are counted.
    Also whether an optimizer is given what was counted: ``listed``, by ``model.parameters()``; ``trainable_after``: a
    forward pass may have made or frozen more.
    """
    model = construct(probe, classes, dtype, probe["image"])
    trainable, frozen = _counts(model)
    evidence: Message = {
        "trainable": trainable,
        "frozen": frozen,
        "listed": {id(value) for value in model.parameters()} == {id(value) for value in parameters_of(model).values()},
        "outputs": [],
    }
    train(model, True)
    for shape in probe["inputs"]:
        # The values do not matter here; different ones keep batch-norm away from 0/0.
        batch = torch.linspace(0, 1, int(torch.tensor(shape).prod())).reshape(shape)
        with Poison():
            evidence["outputs"].append(_attempt(lambda batch=batch: shape_of(forward(model, batch))))  # type: ignore[misc]
    evidence["trainable_after"], _ = _counts(model)
    return evidence, {}


def _counts(model: nn.Module) -> tuple[int, int]:
    """Numbers of parameters that require gradients, and that don't."""
    sizes = [(requires_grad(value), numel(value)) for value in parameters_of(model).values()]
    trainable = sum(size for trains, size in sizes if trains)
    return trainable, sum(size for _, size in sizes) - trainable


def _attempt(action: Callable[[], Message]) -> Message:
    try:
        return action()
    except BaseException as trouble:  # as in answer()
        return {"trouble": describe(trouble)}


def trace(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """The parameters and buffers that a forward pass uses, in the order in which layers run."""
    image = tensors["input"].shape
    model = construct(probe, classes, dtype, image)
    parameters, buffers = state(model)
    holders, mine = _holders(model), classes.get(EVERY_MY_CONV2D, (classes.get("MyConv2d"),))
    used = tensors_used(probe, model, tensors["input"], lambda: construct(probe, classes, dtype, image))

    def line(name: str, value: Tensor) -> Message:
        kinds = _telling(holders.get(id(value), []), mine)
        return {
            "name": name[:200],
            "shape": list(as_vector(value, model).shape),
            "owner": [NATIVE.get(kind) or f"{kind.__module__}.{kind.__qualname__}"[:200] for kind in kinds[:12]],
            "my_conv2d": _is_one_of(mine, kinds),
        }

    return {
        "parameters": [line(name, parameters[name]) for name in used.parameters],
        "buffers": [line(name, buffers[name]) for name in used.statistics],
        "constants": [line(name, parameters[name]) for name in used.constants][:100],
        "unused": [
            line(name, value) for name, value in parameters.items() if name not in used.parameters + used.constants
        ][:100],
    }, {}


def _is_one_of(mine: tuple[Any, ...], kinds: tuple[type, ...]) -> bool:
    """By identity: isinstance asks the class, and a class may lie, about its name as well."""
    return any(kind is one for kind in kinds for one in mine)


def _holders(model: nn.Module) -> dict[int, list[tuple[type, ...]]]:
    """The classes, each with its bases, of all modules that hold a parameter or buffer, by the tensor's identity."""
    holders: dict[int, list[tuple[type, ...]]] = {}
    for _, module in modules(model):
        for _, value in [*table_of(module, "_parameters"), *table_of(module, "_buffers")]:
            holders.setdefault(id(value), []).append(mro(type(module)))
    return holders


def _telling(holders: list[tuple[type, ...]], mine: tuple[Any, ...]) -> tuple[type, ...]:
    """The class, with its bases, that says most of what a tensor is for: a convolution of torch's before MyConv2d."""
    native = (kinds for kinds in holders if any(kind in NATIVE for kind in kinds))
    handmade = (kinds for kinds in holders if _is_one_of(mine, kinds))
    return next(native, None) or next(handmade, None) or (holders[0] if holders else (object,))


def run(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """The function a network computes: with the examiner's parameters, in evaluation mode, then in training mode.

    Tensors in: ``input`` (B, C_in, H, W), ``parameter.i``, ``buffer.i``. Out: ``eval`` and ``train`` (B, C_out, H, W),
    ``alone`` (1, C_out, H, W), the first image evaluated by itself, and ``buffer.i`` after the training pass. Only
    ``eval`` is computed with gradients on, so that a function that depends on them shows as well. ``native``:
    operations that were given a dilation.
    """
    image = tensors["input"].shape
    model = construct(probe, classes, dtype, image)
    _, statistics = put(probe, tensors, tensors["input"], model, lambda: construct(probe, classes, dtype, image))
    outputs: Tensors = {}

    def note(name: str, batch: Tensor) -> None:
        outputs[name] = forward(model, batch.clone()).detach().clone()

    with NativeDilation() as native, Poison():
        train(model, False)
        note("eval", tensors["input"])
        with torch.no_grad():
            note("alone", tensors["input"][:1])
            train(model, True)
            note("train", tensors["input"])
    return {"native": sorted(set(native.seen))[:10]}, contiguous(outputs | statistics_of(model, statistics))


def once(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """What a new network prints where a student pastes the lines of a report: nothing runs before the call that counts.

    ``fill``: for parameters of several axes, for vectors and for buffers, the place modulo a cycle less an offset, or
    a constant where the cycle is 0. ``mode``: ``eval`` or ``train``; ``calls``: how many, of which the last one counts,
    and those before it see the images plus 1.
    Tensors in: ``input`` (B, C_in, H, W). Out: ``output``.
    """
    model = construct(probe, classes, dtype, tensors["input"].shape)
    parameters, buffers = state(model)
    filters, vectors, statistics = probe["fill"]
    with torch.no_grad():
        for value in parameters.values():
            value.copy_(pattern(filters if value.dim() > 1 else vectors, value.shape))
        for value in buffers.values():
            value.copy_(pattern(statistics, value.shape))
        model.train(probe["mode"] == "train")
        for _ in range(probe["calls"] - 1):
            forward(model, tensors["input"] + 1)
        return {}, contiguous({"output": forward(model, tensors["input"].clone())})


def pattern(rule: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Values from a shape alone, by a rule of cycle, offset and constant."""
    cycle, offset, constant = rule
    if cycle == 0:
        return torch.full(tuple(shape), float(constant))
    place = torch.arange(int(torch.Size(shape).numel()))
    return (place % cycle - offset).to(torch.float32).reshape(tuple(shape))
