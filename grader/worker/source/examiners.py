"""Which modules the examiner rests on: what is changed in them may change what the examiner sees."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["CORE", "EXAMINERS", "SETTINGS", "below"]


CORE = ("torch", "builtins", "json", "sys", "inspect", "importlib", "gc", "worker")
"""Modules that the examiner relies on most: to add an attribute to one counts as changing it."""
EXAMINERS = (
    *CORE,
    *("contextlib", "unittest", "struct", "linecache", "dis", "ast", "types", "functools", "signal", "abc", "enum"),
    *("collections", "dataclasses", "re", "textwrap", "operator", "ctypes", "typing", "os"),
)
"""Modules that the examiner works with: to change one of their attributes is to change the examiner."""
SETTINGS = (
    *("torch.backends", "torch.random", "os.environ"),
    *("sys.path", "sys.argv", "sys.stdout", "sys.stderr", "sys.stdin"),
)
"""Attributes of these modules that programs are meant to change."""


def below(full: str, names: Container[str]) -> bool:
    """Whether ``full`` is one of the dotted names, or something in one of them."""
    while full not in names:
        full, dot, _ = full.rpartition(".")
        if not dot:
            return False
    return True
