"""Attributes that are computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["lazy"]


T = TypeVar("T")


class lazy(Generic[T]):
    """An attribute computed once an object.

    Before Python 3.12 ``functools.cached_property`` holds one lock for all objects of a class while it computes: what
    hangs in one submission would keep all others waiting. This one holds none; an object is used by one thread.
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
        # found before this descriptor from now on
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
