"""The probes of a network: construct it, trace its tensors, run it, call it as a student would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..protocol import (
    BuildNetwork,
    CallNetwork,
    Construction,
    NetworkCall,
    NetworkRun,
    Output,
    Rule,
    RunNetwork,
    Tensors,
    Trace,
    TracedTensor,
    TraceNetwork,
    Trouble,
)
from ..trouble import describe
from .modules import (
    EVERY_MY_CONV2D,
    NATIVE,
    Classes,
    construct,
    modules,
    mro,
    numel,
    parameters_of,
    requires_grad,
    state,
    table_of,
    train,
)
from .order import as_vector, put, statistics_of, tensors_used
from .outputs import contiguous, forward, kept, output_of
from .watching import NativeDilation, Poison

__all__ = ["build_network", "call_network", "pattern", "run_network", "trace_network"]


def build_network(
    probe: BuildNetwork, tensors: Tensors, classes: Classes, dtype: torch.dtype | None
) -> tuple[Construction, Tensors]:
    """Construct the network, count its parameters, and run each input (B, C_in, H, W) once.

    The parameters are counted again at the end, since a forward pass may make or freeze some.
    """
    model = construct(probe, classes, dtype, probe.image)
    trainable, frozen = _counts(model)
    listed = {id(value) for value in model.parameters()} == {id(value) for value in parameters_of(model).values()}
    train(model, True)
    outputs: list[Output] = []
    stopped: Trouble | None = None
    for shape in probe.inputs:
        # The values do not matter; they differ because batch-norm would divide 0 by 0 otherwise.
        batch = torch.linspace(0, 1, int(torch.tensor(shape).prod())).reshape(shape)
        with Poison():
            output = _attempt(probe, model, batch)
        if isinstance(output, Output):
            outputs.append(output)
        else:
            stopped = stopped or output
    return Construction(trainable, frozen, listed, _counts(model)[0], tuple(outputs), stopped), {}


def _counts(model: nn.Module) -> tuple[int, int]:
    """The number of elements of the parameters that require gradients, and of those that do not."""
    sizes = [(requires_grad(value), numel(value)) for value in parameters_of(model).values()]
    trainable = sum(size for trains, size in sizes if trains)
    return trainable, sum(size for _, size in sizes) - trainable


def _attempt(probe: BuildNetwork, model: nn.Module, batch: Tensor) -> Output | Trouble:
    try:
        return output_of(forward(model, batch), probe)
    except BaseException as trouble:  # As in answer().
        return describe(trouble)


def trace_network(
    probe: TraceNetwork, tensors: Tensors, classes: Classes, dtype: torch.dtype | None
) -> tuple[Trace, Tensors]:
    """The parameters and buffers that a forward pass uses, in the order in which layers run.

    Tensors in: ``input`` (B, C_in, H, W).
    """
    image = tensors["input"].shape
    model = construct(probe, classes, dtype, image)
    parameters, buffers = state(model)
    holders, mine = _holders(model), classes.get(EVERY_MY_CONV2D, (classes.get("MyConv2d"),))
    used = tensors_used(probe, model, tensors["input"], lambda: construct(probe, classes, dtype, image))

    def traced(names: Iterable[str], tensors: Mapping[str, Tensor]) -> tuple[TracedTensor, ...]:
        return tuple(
            _traced(name, tensors[name], model, _telling(holders.get(id(tensors[name]), []), mine), mine)
            for name in names
        )

    unused = [name for name in parameters if name not in used.parameters + used.constants]
    return Trace(
        parameters=traced(used.parameters, parameters),
        buffers=traced(used.statistics, buffers),
        constants=traced(used.constants[:_MOST_LISTED], parameters),
        unused=traced(unused[:_MOST_LISTED], parameters),
        updates=used.updates,
        convolutions=used.convolutions,
    ), {}


def _traced(name: str, value: Tensor, model: nn.Module, kinds: tuple[type, ...], mine: tuple[Any, ...]) -> TracedTensor:
    """``kinds``: the class that holds the tensor, and its bases; ``mine``: the classes called MyConv2d."""
    return TracedTensor(
        name=name[:200],
        shape=tuple(as_vector(value, model).shape),
        owner=tuple(NATIVE.get(kind) or f"{kind.__module__}.{kind.__qualname__}"[:200] for kind in kinds[:12]),
        my_conv2d=_is_one_of(mine, kinds),
    )


def _is_one_of(mine: tuple[Any, ...], kinds: tuple[type, ...]) -> bool:
    """Compared by identity: isinstance asks the class, and a class may lie about that and about its name."""
    return any(kind is one for kind in kinds for one in mine)


def _holders(model: nn.Module) -> dict[int, list[tuple[type, ...]]]:
    """For each parameter and buffer, by the identity of the tensor: the class of each module that holds it, with its
    bases."""
    holders: dict[int, list[tuple[type, ...]]] = {}
    for _, module in modules(model):
        for _, value in [*table_of(module, "_parameters"), *table_of(module, "_buffers")]:
            holders.setdefault(id(value), []).append(mro(type(module)))
    return holders


def _telling(holders: list[tuple[type, ...]], mine: tuple[Any, ...]) -> tuple[type, ...]:
    """The class, with its bases, that says most about what a tensor is for.

    A convolution of torch comes before MyConv2d, and MyConv2d before any other class.
    """
    native = (kinds for kinds in holders if any(kind in NATIVE for kind in kinds))
    handmade = (kinds for kinds in holders if _is_one_of(mine, kinds))
    return next(native, None) or next(handmade, None) or (holders[0] if holders else (object,))


def run_network(
    probe: RunNetwork, tensors: Tensors, classes: Classes, dtype: torch.dtype | None
) -> tuple[NetworkRun, Tensors]:
    """Run the network with the examiner's parameters, in evaluation mode and then in training mode.

    Tensors in: ``input`` (B, C_in, H, W), ``parameter.i``, ``buffer.i``. Tensors out: ``eval`` and ``train``
    (B, C_out, H, W); ``alone`` (1, C_out, H, W), the first image by itself in evaluation mode; ``buffer.i`` after the
    training pass; ``image``, what the network made of its input in evaluation mode, where it changed it in place.
    Gradients are enabled for ``eval`` only, so that a network which depends on that shows it.
    """
    image = tensors["input"].shape
    model = construct(probe, classes, dtype, image)
    _, statistics = put(probe, tensors, tensors["input"], model, lambda: construct(probe, classes, dtype, image))
    outputs: Tensors = {}

    def note(name: str, batch: Tensor) -> Tensor:
        given = batch.clone()
        output = forward(model, given)
        native.look_back(output)
        outputs[name] = kept(output, probe)
        return given

    with NativeDilation() as native, Poison():
        train(model, False)
        given = note("eval", tensors["input"])
        if not torch.equal(given, tensors["input"]):
            outputs["image"] = kept(given, probe)
        with torch.no_grad():
            note("alone", tensors["input"][:1])
            train(model, True)
            note("train", tensors["input"])
    return NetworkRun(native.names), contiguous(outputs | statistics_of(model, statistics))


def call_network(
    probe: CallNetwork, tensors: Tensors, classes: Classes, dtype: torch.dtype | None
) -> tuple[NetworkCall, Tensors]:
    """Call a new network as often as the probe says, as the lines of code in a report do; nothing runs before that.

    Tensors in: ``input`` (B, C_in, H, W). Tensors out: ``output`` (B, C_out, H, W), of the last call.
    """
    model = construct(probe, classes, dtype, tensors["input"].shape)
    parameters, buffers = state(model)
    with torch.no_grad():
        for value in parameters.values():
            value.copy_(pattern(probe.filters if value.dim() > 1 else probe.vectors, value.shape))
        for value in buffers.values():
            value.copy_(pattern(probe.buffers, value.shape))
        model.train(probe.mode == "train")
        for _ in range(probe.calls - 1):
            forward(model, tensors["input"] + 1)
        return NetworkCall(), contiguous({"output": kept(forward(model, tensors["input"].clone()), probe)})


def pattern(rule: Rule, shape: Sequence[int]) -> Tensor:
    """A tensor of this shape whose values follow the rule."""
    if rule.cycle == 0:
        return torch.full(tuple(shape), float(rule.constant))
    place = torch.arange(int(torch.Size(shape).numel()))
    return (place % rule.cycle - rule.offset).to(torch.float32).reshape(tuple(shape))


_MOST_LISTED = 100
"""The number of constants, and of unused parameters, in a trace."""
