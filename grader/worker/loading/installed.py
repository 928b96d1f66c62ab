"""Modules that are installed here, and what replaces those that are not, or names that they no longer have.

torch, numpy and math are never replaced: what is examined must not rest on a stand-in.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import types
from collections.abc import Callable, Sequence
from typing import Any

from ..witness import ours
from .equivalents import equivalent
from .standins import StandIn

__all__ = ["ALWAYS_REAL", "real_or_stand_in", "with_added"]


ALWAYS_REAL = frozenset({"torch", "torch.nn", "torch.nn.functional", "numpy", "math"})
"""Modules whose missing attributes stay missing."""
_EQUIVALENT_USED = "replaced by its modern equivalent"

Remark = Callable[[str, str], None]
"""Called with the dotted name that is missing and what was done about it."""


def real_or_stand_in(name: str, fromlist: Sequence[str], remark: Remark) -> Any:
    """What ``import name`` (no ``fromlist``: the top-level module) or ``from name import …`` binds or reads from.

    The real module where there is one. Raises ImportError only for names that ALWAYS_REAL modules do not have.
    """
    try:
        module = builtins.__import__(name, fromlist=fromlist)
    except Exception as error:
        # Installed libraries can fail in any way while they are imported, not with ImportError alone.
        if name in ALWAYS_REAL:
            raise
        why = "not available here" if isinstance(error, ImportError) else "cannot be imported here"
        return _absent(name, fromlist, remark, why)
    if not fromlist or name in ALWAYS_REAL:
        return module
    added: dict[str, Any] = {}
    for wanted in fromlist:
        if wanted == "*" or hasattr(module, wanted):
            continue
        full = f"{name}.{wanted}"
        modern = equivalent(full)
        remark(full, _EQUIVALENT_USED if modern else "no longer exists; replaced by a placeholder")
        added[wanted] = modern.value if modern else StandIn(full)
    return with_added(module, added)


def _absent(name: str, fromlist: Sequence[str], remark: Remark, why: str) -> Any:
    """The stand-in for ``name``, made an attribute of its nearest parent that is really here."""
    modern = equivalent(name)
    remark(name, _EQUIVALENT_USED if modern else f"{why}; replaced by a placeholder")
    parts = name.split(".")
    if fromlist or len(parts) == 1:
        return modern.value if modern else StandIn(name)
    for length in range(len(parts) - 1, 0, -1):
        try:
            parent = importlib.import_module(".".join(parts[:length]))
        except Exception:
            continue
        missing = ".".join(parts[: length + 1])
        if not hasattr(parent, parts[length]):
            value = modern.value if modern and missing == name else StandIn(missing)
            ours(functools.partial(setattr, parent, parts[length], value))
        return importlib.import_module(parts[0])
    return StandIn(parts[0])


def with_added(module: types.ModuleType, added: dict[str, Any]) -> types.ModuleType:
    """``module`` as one import statement should see it, with the names in ``added`` as well; it stays as it is."""
    return _View(module, added) if added else module


class _View(types.ModuleType):
    """A module with names added."""

    def __init__(self, module: types.ModuleType, added: dict[str, Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__["_module"] = module
        self.__dict__.update(added)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)
