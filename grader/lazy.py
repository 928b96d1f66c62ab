"""Attributes that are computed when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["lazy"]


T = TypeVar("T")


class lazy(Generic[T]):
    """An attribute that is computed once per object.

    Before Python 3.12 ``functools.cached_property`` holds one lock per class while it computes, so a computation that
    hangs for one submission would make all others wait. This class holds no lock; an object must be used by one thread.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> lazy[T] | T:
        if instance is None:
            return self
        # From now on Python finds this value before it finds the descriptor.
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
