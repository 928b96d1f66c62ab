"""Dispatch modes of torch that watch every operation below autograd, and what they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["NativeDilation", "Poison", "Watching", "tensors_in"]


class Watching(TorchDispatchMode):
    """A dispatch mode for which torch does not import its compiler. That would take a second in every process."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)  # type: ignore[no-untyped-call]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


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
        for place, argument in enumerate(func._schema.arguments):
            if argument.name == "dilation":
                value = args[place] if place < len(args) else kwargs.get("dilation", 1)
                if any(step != 1 for step in (value if isinstance(value, (tuple, list)) else [value])):
                    self.seen.append(str(func._schema.name))
        return func(*args, **kwargs)


class Poison(Watching):
    """Fills uninitialised memory with NaN, so that its use shows. Otherwise it often holds zeros by chance."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        fresh = func(*args, **(kwargs or {}))
        if func in _UNINITIALISED and fresh.is_floating_point():
            fresh.fill_(float("nan"))
        return fresh


_UNINITIALISED = {
    torch.ops.aten.empty.memory_format,
    torch.ops.aten.empty_like.default,
    torch.ops.aten.empty_strided.default,
    torch.ops.aten.new_empty.default,
    torch.ops.aten.new_empty_strided.default,
}
