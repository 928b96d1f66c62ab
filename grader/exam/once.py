"""Values that are computed once and then shared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

__all__ = ["Once"]

Value = TypeVar("Value")


class Once:
    """Values by key, each computed when it is first asked for. Safe to use from several threads."""

    def __init__(self) -> None:
        self._values: dict[Hashable, object] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def value(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """``make()``, called by one thread, the first time that this key is asked for.

        All who ask for one key have to give a ``make`` of the same type: it decides the type of the value.
        """
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._values:
                self._values[key] = make()
            return cast("Value", self._values[key])

    def forget(self, key: Hashable) -> None:
        """Free the value of a key; it is computed anew when it is asked for again."""
        with self._lock:
            self._locks.pop(key, None)
            self._values.pop(key, None)
