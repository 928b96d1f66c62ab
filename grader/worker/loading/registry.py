"""The submission's modules in the interpreter's tables, from one loading until the next."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.abc import MetaPathFinder

__all__ = ["add_finder", "forget_last", "is_registered", "register"]


_names: set[str] = set()
_finders: list[MetaPathFinder] = []


def register(name: str) -> None:
    """Note that ``sys.modules[name]`` is, or is about to be, a module of the submission."""
    _names.add(name)


def is_registered(name: str) -> bool:
    """Whether the module of that name in ``sys.modules`` belongs to the submission that was loaded last."""
    return name in _names


def add_finder(finder: MetaPathFinder) -> None:
    """Ask ``finder`` for modules from now on. It is asked last, so that it cannot hide an installed module."""
    _finders.append(finder)
    sys.meta_path.append(finder)


def forget_last() -> None:
    """Take the submission that was loaded last out of ``sys.modules`` and ``sys.meta_path``."""
    for name in _names:
        sys.modules.pop(name, None)
    _names.clear()
    while _finders:
        with suppress(ValueError):  # the submission may have removed it
            sys.meta_path.remove(_finders.pop())
