"""What stands for a module that was not handed in and is not installed here, so that nothing in it fails.

A student's file should not be lost because it says ``import cv2`` for a plot. So an absent module becomes a StandIn,
and its attributes are StandIns too. A StandIn can be called, subclassed, used as a decorator or a context manager, and
indexed; to iterate over it gives nothing. An attribute that has an exact modern equivalent is that (``equivalents``).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from torch import nn

from .equivalents import equivalent

__all__ = ["StandIn"]


class _StandInBase:
    """What a class derives from when its base is a stand-in: takes any arguments, has any attribute."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{type(self).__name__}.{name}")


class _StandInModule(nn.Module):
    """What a network derives from when its base is a stand-in called ``…Module``, as of PyTorch Lightning.

    It is an nn.Module; what such bases add to one does nothing.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__()

    def __getattr__(self, name: str) -> Any:
        return StandIn(f"{type(self).__name__}.{name}") if name in _ADDED_TO_MODULES else super().__getattr__(name)


_ADDED_TO_MODULES = frozenset(
    {"save_hyperparameters", "hparams", "log", "log_dict", "logger", "trainer", "print", "optimizers", "lr_schedulers"}
    | {"manual_backward", "all_gather", "current_epoch", "global_step", "example_input_array"}
)


class StandIn:
    """An object, or a module, that is not here: every use of it is harmless and yields nothing."""

    # Star imports ask for it, and take nothing.
    __all__: Sequence[str] = ()

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self.__qualname__ = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            # Protocols are found on the class; claiming them all would make this a tensor, an array and a coroutine.
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        modern = equivalent(full)
        value = modern.value if modern is not None else _absent_attribute(full, name)
        # Kept, so that the same name is the same object each time.
        self.__dict__[name] = value
        return value

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if len(arguments) == 1 and not keywords and isinstance(arguments[0], types.FunctionType | type):
            # As a decorator it leaves what it decorates as it is.
            return arguments[0]
        return StandIn(f"{self.__name__}()")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        absent = [base for base in bases if isinstance(base, StandIn)]
        present = [base for base in bases if isinstance(base, type)]
        if next((base for base in absent if base._is_network), absent[0]) is not self:
            return ()
        if self._is_network and not any(issubclass(base, nn.Module) for base in present):
            return (_StandInModule,)
        return () if present else (_StandInBase,)

    @property
    def _is_network(self) -> bool:
        return self.__name__.endswith("Module")

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __subclasscheck__(self, subclass: type) -> bool:
        return False

    def __reduce__(self) -> tuple[Callable[[str], StandIn], tuple[str]]:
        return _named, (self.__name__,)

    def __repr__(self) -> str:
        return f"<{self.__name__}: not available here>"

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __next__(self) -> NoReturn:
        raise StopIteration

    def __contains__(self, item: object) -> bool:
        return False

    def __getitem__(self, key: object) -> StandIn:
        return StandIn(f"{self.__name__}[]")

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __delitem__(self, key: object) -> None:
        pass

    def __delattr__(self, name: str) -> None:
        self.__dict__.pop(name, None)

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __int__(self) -> int:
        return 0

    def __index__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __hash__(self) -> int:
        return hash(self.__name__)

    def __eq__(self, other: object) -> bool:
        return self is other


def _named(name: str) -> StandIn:
    return StandIn(name)


# Python's messages name the classes of values, and students read them.
for _class, _shown in ((StandIn, "placeholder"), (_StandInBase, "Base"), (_StandInModule, "Module")):
    _class.__name__ = _class.__qualname__ = _shown
    _class.__module__ = "placeholders"


def _absent_attribute(full: str, name: str) -> Any:
    """An exception, which can be caught, if it is called like one; else a stand-in."""
    is_exception = name == "error" or name.endswith(("Error", "Exception", "Warning"))
    return type(name, (Exception,), {}) if is_exception else StandIn(full)


def _nothing(name: str) -> Callable[..., StandIn]:
    def operation(self: StandIn, *others: object) -> StandIn:
        return StandIn(self.__name__)

    operation.__name__ = name
    return operation


def _never(self: StandIn, other: object) -> bool:
    return False


_OPERATORS = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
    *("and", "or", "xor", "lshift", "rshift"),
)
for _operator in _OPERATORS:
    for _prefix in ("", "r"):
        setattr(StandIn, f"__{_prefix}{_operator}__", _nothing(_operator))
for _operator in ("neg", "pos", "abs", "invert", "round"):
    setattr(StandIn, f"__{_operator}__", _nothing(_operator))
for _operator in ("lt", "le", "gt", "ge"):
    setattr(StandIn, f"__{_operator}__", _never)
