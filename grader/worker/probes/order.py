"""The order in which a network's layers, parameters and buffers are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..protocol import ClassProbe, Tensors
from .modules import Refusal, parameters_of, requires_grad, seed, state, train
from .outputs import forward
from .watching import Watching, note_classes, tensors_in

__all__ = ["as_vector", "put", "statistics_of", "tensors_used"]

_Origin = tuple[str, ...] | frozenset[Hashable]
"""What a tensor is computed from: the names of parameters and buffers (a tuple), or data (a frozenset), which has
passed through these convolutions."""


class _FirstUse(Watching):
    """Notes in which order parameters and buffers first meet what is computed from the input.

    It works below modules and hooks, so ``block.forward(x)``, functional calls and layers in lists are all seen.
    What is computed from the input is data. What is computed from parameters and buffers alone carries their names,
    until an operation takes it together with data: that is their use. It does not matter how often they were read
    before, so a bias may be prepared before its filter. A view or the ``.data`` of a tensor lies in the same storage,
    and counts as the same tensor. Data carries the convolutions that it has passed through.
    """

    def __init__(self, interesting: Mapping[str, Tensor], data: Tensor) -> None:
        super().__init__()
        self.met: dict[str, int] = {}
        """Each name, with the number of the operation in which it first met data."""
        self.touched: dict[str, int] = {}
        """Each name, with the number of the operation that first read it."""
        self.normalising: Counter[str] = Counter()
        """The names that were given to a batch-norm as its running statistics, and how often."""
        self._clock = 0
        self._spans: dict[int, list[tuple[int, int, str]]] = {}
        # A forward pass may give a parameter other memory, as double() does. No other tensor must get the old memory.
        self._originals = [value.detach() for value in interesting.values()]
        for name, value in interesting.items():
            start = value.data_ptr()
            span = (start, start + max(1, value.numel() * value.element_size()), name)
            self._spans.setdefault(value.untyped_storage().data_ptr(), []).append(span)
        self._filters = {name for name, value in interesting.items() if _can_be_filter(value)}
        self._own_filters: list[Tensor] = []
        """Filters that are computed from no parameter. They are kept, so that no two have one storage in turn."""
        self._made: dict[int, _Origin] = {}
        """What each storage is computed from. A weak reference keeps its key from being reused."""
        self._mark(data, frozenset())

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)
        for key in self._made:
            torch.UntypedStorage._free_weak_ref(key)  # type: ignore[no-untyped-call]
        self._made.clear()
        self._originals.clear()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        arguments = [
            (argument, value)
            for place, argument in enumerate(func._schema.arguments)
            for value in tensors_in(args[place] if place < len(args) else kwargs.get(argument.name))
        ]
        note_classes(value for _, value in arguments)
        name = func._schema.name.removeprefix("aten::")
        if name.startswith(_ADDEND_FIRST):
            arguments.append(arguments.pop(0))
        made_of = self._read(arguments, overwritten=name == "copy_")
        if isinstance(made_of, frozenset):
            made_of |= self._convolutions(name, arguments)
        outputs = func(*args, **kwargs)
        if name.startswith("new_") or name.endswith("_like"):  # These take only the shape of their first argument.
            made_of = ()
        for argument, value in arguments:
            if argument.alias_info is not None and argument.alias_info.is_write:
                self._mark(value, made_of)
        known = {_storage(value) for _, value in arguments}
        for value in tensors_in(outputs):
            if _storage(value) not in known:
                self._mark(value, made_of)
        return outputs

    def passed_through(self, output: Tensor) -> frozenset[Hashable]:
        """The different convolutions between the data and an output."""
        made_of = self._made_of(output)
        return made_of if isinstance(made_of, frozenset) else frozenset()

    def _convolutions(self, name: str, arguments: list[tuple[Any, Tensor]]) -> frozenset[Hashable]:
        """The convolutions that an operation on data makes: those with the same filter are one.

        A convolution that is written as products counts too, if its filter is a parameter with the axes of a filter.
        """
        others = [(argument.name, value, self._made_of(value)) for argument, value in arguments]
        filters = [(each, value, names) for each, value, names in others if isinstance(names, tuple)]
        if "conv" in name:
            own = next(((value, names) for each, value, names in filters if each == "weight"), None)
            if own is None:
                return frozenset()
            if own[1]:
                return frozenset([own[1]])
            self._own_filters.append(own[0])
            return frozenset([_storage(own[0])])
        if name.strip("_") not in _PRODUCTS:
            return frozenset()
        return frozenset(names for _, _, names in filters if self._filters.intersection(names))

    def _read(self, arguments: list[tuple[Any, Tensor]], *, overwritten: bool) -> _Origin:
        """What the outputs of an operation are computed from. Side effect: notes the names that the operation uses.

        ``overwritten``: the first argument is written and not read.
        """
        self._clock += 1
        names: dict[str, None] = {}
        data: frozenset[Hashable] | None = None
        for place, (argument, value) in enumerate(arguments):
            made_of = self._made_of(value)
            if isinstance(made_of, frozenset):
                data = made_of | (data or frozenset())
            elif not (overwritten and place == 0 and self._own(value)):
                names.update(dict.fromkeys(made_of))
                if argument.name.startswith("running_"):
                    self.normalising.update(made_of)
        for name in names:
            self.touched.setdefault(name, self._clock)
            if data is not None:
                self.met.setdefault(name, self._clock)
        return tuple(names) if data is None else data

    def _made_of(self, value: Tensor) -> _Origin:
        key = _storage(value)
        return self._made[key] if key in self._made else self._own(value)

    def _own(self, value: Tensor) -> tuple[str, ...]:
        try:
            start, spans = value.data_ptr(), self._spans.get(value.untyped_storage().data_ptr(), [])
        except (RuntimeError, NotImplementedError):  # A tensor without storage.
            return ()
        return tuple(name for first, last, name in spans if first <= start < last)

    def _mark(self, value: Tensor, made_of: _Origin) -> None:
        key = _storage(value)
        if key is None or (isinstance(made_of, tuple) and self._own(value)):
            return
        if key not in self._made:
            value.untyped_storage()._weak_ref()
        self._made[key] = made_of


_ADDEND_FIRST = ("addmm", "addmv", "addbmm", "baddbmm", "addcmul")
"""Operations whose first argument is added to the product of the others: it is a bias, and comes before its weight."""
_PRODUCTS = frozenset(
    {"mm", "bmm", "mv", "dot", "mul", "matmul", "linear", "addmm", "addmv", "addbmm", "baddbmm", "addcmul"}
)
"""Operations that multiply two tensors."""


def _can_be_filter(value: Tensor) -> bool:
    """Whether a tensor has the axes of a filter, which a vector in a shape for broadcasting has not."""
    return value.dim() >= 3 and sum(size > 1 for size in value.shape) >= 2


def _storage(value: Tensor) -> int | None:
    try:
        return int(value.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):  # A tensor without storage.
        return None


@dataclass(frozen=True)
class _Used:
    """The names of the tensors that a network uses."""

    parameters: tuple[str, ...]
    """Parameters that take part, in the order in which layers run."""
    statistics: tuple[str, ...]
    """Buffers in which normalisations keep their running statistics, in the same order."""
    constants: tuple[str, ...]
    """Parameters that take part and are only fixed numbers, such as a mask or the filter of an upsampling."""
    updates: tuple[int, ...]
    """How often each of these buffers was given to a batch-norm."""
    convolutions: int
    """The number of different convolutions between the input and the output."""


def tensors_used(probe: ClassProbe[Any], model: nn.Module, batch: Tensor, again: Callable[[], nn.Module]) -> _Used:
    """What a forward pass of ``batch`` (B, C_in, H, W) in training mode uses. Side effect: it updates the statistics.

    A buffer holds statistics if a batch-norm is given it, or if the pass changes it by what it computes; any other
    buffer is a constant. A parameter is a constant if it does not require gradients and is the same in every network
    that ``again`` makes. Vectors are never constants here, since the scales of a frozen batch-norm are all ones.
    """
    parameters, buffers = state(model)
    before = {name: value.detach().clone() for name, value in buffers.items()}
    train(model, True)
    data = batch.clone()
    with _FirstUse({**parameters, **buffers}, data) as use, torch.no_grad():
        convolutions = len(use.passed_through(forward(model, data)))
    # What goes through numpy is not seen. For each parameter that was only read, try whether it changes the output.
    hidden = [name for name in use.touched if name in parameters and name not in use.met]
    taken = {**use.met, **{name: use.touched[name] for name in hidden if _matters(probe, model, name, batch)}}
    order = sorted(taken, key=taken.__getitem__)
    after = state(model)[1]
    fixed = [name for name in order if name in parameters and _is_fixed(parameters[name])]
    if fixed:
        seed(probe.seed + 1)
        twin = parameters_of(again())
        fixed = [name for name in fixed if name in twin and torch.equal(parameters[name], twin[name])]
        seed(probe.seed)
    statistics = tuple(
        name
        for name in order
        if name in after and (name in use.normalising or not torch.equal(before[name], after[name]))
    )
    return _Used(
        tuple(name for name in order if name in parameters and name not in fixed),
        statistics,
        tuple(fixed),
        tuple(use.normalising[name] for name in statistics),
        convolutions,
    )


def _is_fixed(value: Tensor) -> bool:
    return not requires_grad(value) and value.dim() != 1


def _matters(probe: ClassProbe[Any], model: nn.Module, name: str, batch: Tensor) -> bool:
    """Whether the output depends on a parameter. In training mode, batch-norm would cancel a constant."""
    value = parameters_of(model)[name]
    original = value.detach().clone()
    outputs = []
    train(model, False)
    with torch.no_grad():
        for more in (0, 1):
            value.add_(more)
            seed(probe.seed)
            outputs.append(forward(model, batch.clone()).clone())
        value.copy_(original)
    train(model, True)
    return not torch.equal(*outputs)


def put(
    probe: ClassProbe[Any], tensors: Tensors, batch: Tensor, model: nn.Module, again: Callable[[], nn.Module]
) -> tuple[list[Tensor], tuple[str, ...]]:
    """Copy ``parameter.i`` and ``buffer.i`` into the model, in the order in which layers run.

    Returns the parameters, and the names of the buffers, since a forward pass may replace a buffer. ``batch``
    (B, C_in, H, W) is run to find the order; that changes the running statistics, which are overwritten afterwards.
    Other buffers stay as they were. Raises Refusal if the order is another one than in the trace.
    """
    parameters = parameters_of(model)
    used = tensors_used(probe, model, batch, again)
    buffers = state(model)[1]
    used_parameters: list[Tensor] = [parameters[name] for name in used.parameters]
    for kind, values in (("parameter", used_parameters), ("buffer", [buffers[name] for name in used.statistics])):
        for index, value in enumerate(values):
            drawn = tensors[f"{kind}.{index}"]
            if drawn.shape != as_vector(value, model).shape:
                raise Refusal(
                    f"{kind} {index} changed its shape from {list(drawn.shape)} to {list(value.shape)} between two runs"
                )
            with torch.no_grad():
                value.copy_(drawn.reshape(value.shape))
    return used_parameters, used.statistics


def statistics_of(model: nn.Module, names: Sequence[str]) -> Tensors:
    """``buffer.i``: the present values of the running statistics."""
    buffers = state(model)[1]
    return {f"buffer.{index}": as_vector(buffers[name], model).clone() for index, name in enumerate(names)}


def as_vector(value: Tensor, model: nn.Module) -> Tensor:
    """A vector that is stored in a shape for broadcasting, such as a scale (1, C, 1, 1), as (C); any other tensor as it
    is.

    In a network with 1×1 filters only, every tensor stays as it is, since a filter can have such a shape there.
    """
    broadcasts = value.dim() > 1 and [size > 1 for size in value.shape].count(True) == 1
    flat = broadcasts and any(each.dim() == 4 and each.shape[-1] > 1 for each in parameters_of(model).values())
    return value.detach().flatten() if flat else value.detach()
