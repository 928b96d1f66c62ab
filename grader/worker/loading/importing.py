"""Imports of the submission: its own files, installed modules, and what stands in for the rest."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .files import registered

__all__ = ["Finder", "finders", "forget_last"]

finders: list[importlib.abc.MetaPathFinder] = []


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The submission's modules for ``importlib`` and ``pickle``; asked last, so that it shadows nothing."""

    def __init__(self, named: Callable[[str], types.ModuleType | None]) -> None:
        self._named = named

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> Any:
        module = self._named(fullname)
        return None if module is None else importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        registered.add(spec.name)
        return self._named(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is left to do: its definitions ran when it was found."""


def forget_last() -> None:
    """Take the submission loaded before out of the interpreter."""
    for name in registered:
        sys.modules.pop(name, None)
    registered.clear()
    while finders:
        with suppress(ValueError):
            sys.meta_path.remove(finders.pop())
