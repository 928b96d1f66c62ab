"""The base of our dispatch modes, which look at every operation below autograd."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Watching"]


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
