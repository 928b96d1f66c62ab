"""Statements that raise because something is absent here: a file, a network, a GPU, an argument of the command line.

Such a failure says nothing about the student's networks: whoever wrote the line had the file beside it. A class or a
function can be defined without the part that failed; a placeholder takes the part's place.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Container
from types import TracebackType
from typing import TypeVar

from ..trouble import bounded

__all__ = ["STAND_IN", "around", "failing_line", "is_absence"]


STAND_IN = "<placeholder>"
"""The name that ``around`` puts in the place of what fails; it is a built-in name of the submission's code."""

_Node = TypeVar("_Node", bound=ast.AST)
_ABSENT = (OSError, ImportError, EOFError, SystemExit, MemoryError)
_LISTINGS = frozenset({"glob", "iglob", "rglob", "listdir", "scandir", "iterdir", "walk"})
_NOTHING_THERE = (LookupError, StopIteration, ValueError)


def is_absence(error: BaseException, mentioned: Container[str]) -> bool:
    """Whether a statement that mentions these names raised because something is absent."""
    kind = type(error)  # isinstance would ask the student's object
    if issubclass(kind, _ABSENT):
        return True
    if issubclass(kind, RuntimeError | AssertionError):
        return re.search(r"\b(?:CUDA|NVIDIA|MPS|XLA|HIP)\b", bounded(error), re.IGNORECASE) is not None
    if issubclass(kind, KeyError) and _raised_in(error.__traceback__) in (os.__file__, "<frozen os>"):
        return True  # a variable of the environment is absent
    return issubclass(kind, _NOTHING_THERE) and any(name in mentioned for name in _LISTINGS)


def _raised_in(place: TracebackType | None) -> str:
    """The file of the innermost frame."""
    name = ""
    while place is not None:
        name, place = place.tb_frame.f_code.co_filename, place.tb_next
    return name


def failing_line(error: BaseException, file: str) -> int | None:
    """The line in the body of the class in ``file`` that was being defined; None if no class was."""
    place, lines = error.__traceback__, []
    while place is not None:
        if place.tb_frame.f_code.co_filename == file:
            lines.append(place.tb_lineno)
        place = place.tb_next
    return lines[1] if len(lines) > 1 else None


def around(statement: ast.stmt, line: int | None) -> ast.stmt | None:
    """A class without the part that stands on ``line``, or a function; None if there is no part to replace.

    The defaults of a function's arguments become STAND_IN unless they are constants, and so do the values that the part
    of a class binds.
    """
    if isinstance(statement, ast.ClassDef):
        changed: list[ast.stmt] = []
        for part in statement.body:
            fails = line is not None and part.lineno <= line <= (part.end_lineno or part.lineno)
            changed.append((_placeholder_for(part) or part) if fails else part)
        if all(new is old for new, old in zip(changed, statement.body, strict=True)):
            return None
        return _like(statement, body=changed)
    return _placeholder_for(statement)


def _placeholder_for(part: ast.stmt) -> ast.stmt | None:
    """A statement that binds the same names; None for a function whose defaults are constants."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        before = part.args
        defaults = [_constant(value) for value in before.defaults]
        keyword_defaults = [None if value is None else _constant(value) for value in before.kw_defaults]
        if defaults == before.defaults and keyword_defaults == before.kw_defaults:
            return None
        return _like(part, args=_like(before, defaults=defaults, kw_defaults=keyword_defaults))
    names = sorted(
        {node.id for node in ast.walk(part) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    )
    targets: list[ast.expr] = [ast.Name(id=name, ctx=ast.Store()) for name in names]
    new: ast.stmt = ast.Assign(targets=targets, value=_stand_in()) if targets else ast.Pass()
    return ast.fix_missing_locations(ast.copy_location(new, part))


def _constant(value: ast.expr) -> ast.expr:
    return value if isinstance(value, ast.Constant) else ast.copy_location(_stand_in(), value)


def _stand_in() -> ast.expr:
    return ast.Name(id=STAND_IN, ctx=ast.Load())


def _like(node: _Node, **changes: object) -> _Node:
    return ast.copy_location(type(node)(**{**dict(ast.iter_fields(node)), **changes}), node)
