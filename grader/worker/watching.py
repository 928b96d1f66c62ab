"""The base of our dispatch modes, which look at every operation below autograd, and what they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Watching", "tensors_in"]


class Watching(TorchDispatchMode):
    """A dispatch mode that torch's compiler is not imported for: that takes a second, in every process that uses
    one."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)  # type: ignore[no-untyped-call]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors in the arguments or the outputs of an operation, however deep in lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from tensors_in(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from tensors_in(one)
