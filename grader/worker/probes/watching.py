"""Dispatch modes of torch that watch every operation below autograd, and what they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import GetSetDescriptorType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.utils._python_dispatch import TorchDispatchMode

from ..witness import seen

__all__ = ["NativeDilation", "Poison", "Watching", "note_classes", "tensors_in"]

# Taken before any code of a candidate runs; see modules.py.
_grad_fn = torch._C.TensorBase.__dict__["grad_fn"].__get__


class Watching(TorchDispatchMode):
    """A dispatch mode for which torch does not import its compiler. That would take a second in every process.

    torch looks the methods of a mode up on the object, where an attribute hides them. Nobody but a submission would
    put one there, so it is reported.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)  # type: ignore[no-untyped-call]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)  # type: ignore[no-untyped-call]
        for name in object.__getattribute__(self, "__dict__"):
            if any(name in vars(kind) for kind in type(self).__mro__):
                seen(f"{name} of what watches operations = …")


_TENSORS = frozenset({Tensor, nn.Parameter, UninitializedParameter, UninitializedBuffer})
"""The classes of honest tensors. torch has the last two for lazy layers."""


def note_classes(tensors: Iterable[Tensor]) -> None:
    """Report tensors of other classes, which may take part in every operation on them."""
    for value in tensors:
        if type(value) not in _TENSORS:
            seen(f"an operation on a tensor of the class {type.__dict__['__name__'].__get__(type(value))[:100]}")


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors in the arguments or the outputs of an operation, at any depth of lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


class NativeDilation(Watching):
    """Notes every operation that is given a ``dilation`` other than 1, whatever its name was in Python."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the first ten of these operations, sorted, each once."""
        return tuple(sorted(set(self.seen))[:10])

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        note_classes(value for value in args if isinstance(value, Tensor))
        for place, argument in enumerate(func._schema.arguments):
            if argument.name == "dilation":
                value = args[place] if place < len(args) else kwargs.get("dilation", 1)
                if not _is_one(value):
                    self.seen.append(str(func._schema.name))
        return func(*args, **kwargs)

    def look_back(self, output: Tensor) -> None:
        """Note which operations autograd remembers to have been given a dilation, if none was seen when it ran."""
        remembered = set(_dilating(output)) if not self.seen else set()
        if remembered:
            seen("a dilation that was given where nothing watches")
            self.seen += remembered


def _is_one(value: Any) -> bool:
    return all(step == 1 for step in (value if isinstance(value, (tuple, list)) else [value]))


def _dilating(output: Tensor) -> Iterator[str]:
    """The operations of an output's graph that keep a dilation other than 1 for their gradient."""
    waiting, known = [_grad_fn(output)], set[Any]()
    while waiting and len(known) < _MOST_NODES:
        node = waiting.pop()
        if node is None or node in known:
            continue
        known.add(node)
        waiting += [inner for inner, _ in node.next_functions]
        # Of a function of the submission's own, this is whatever it likes.
        kept = vars(type(node)).get("_saved_dilation")
        if isinstance(kept, GetSetDescriptorType) and not _is_one(kept.__get__(node)):
            yield type(node).__name__


_MOST_NODES = 2000


class Poison(Watching):
    """Fills uninitialised memory with NaN, so that its use shows. Otherwise it often holds zeros by chance."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        fresh = func(*args, **(kwargs or {}))
        if func in _UNINITIALISED and fresh.is_floating_point():
            fresh.fill_(float("nan"))
        return fresh


_UNINITIALISED = frozenset(
    {
        torch.ops.aten.empty.memory_format,
        torch.ops.aten.empty_like.default,
        torch.ops.aten.empty_strided.default,
        torch.ops.aten.new_empty.default,
        torch.ops.aten.new_empty_strided.default,
    }
)
