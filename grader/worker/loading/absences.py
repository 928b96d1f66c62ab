"""Statements that fail for what is not here (files, a network, a graphics card, a command line), got round.

Such a failure says nothing about the student's networks: whoever wrote the line had the file beside it. What the
statement would have bound is stood in for, so that the classes that mention it can be defined.
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


STAND_IN = "<stand-in>"
"""The name that ``around`` puts in place of what fails; the namespace must offer it."""

_Node = TypeVar("_Node", bound=ast.AST)
_ABSENT = (OSError, ImportError, EOFError, SystemExit, MemoryError)
_LISTINGS = frozenset({"glob", "iglob", "rglob", "listdir", "scandir", "iterdir", "walk"})
_NOTHING_THERE = (LookupError, StopIteration, ValueError)


def is_absence(error: BaseException, mentioned: Container[str]) -> bool:
    """Whether a statement that mentions those names raised for want of something that is not here."""
    kind = type(error)  # isinstance would ask an object of the student's
    if issubclass(kind, _ABSENT):
        return True
    if issubclass(kind, RuntimeError | AssertionError):
        return re.search(r"\b(?:CUDA|NVIDIA|MPS|XLA|HIP)\b", bounded(error), re.IGNORECASE) is not None
    if issubclass(kind, KeyError) and _raised_in(error.__traceback__) in (os.__file__, "<frozen os>"):
        return True  # a variable of the environment
    return issubclass(kind, _NOTHING_THERE) and any(name in mentioned for name in _LISTINGS)


def _raised_in(place: TracebackType | None) -> str:
    name = ""
    while place is not None:
        name, place = place.tb_frame.f_code.co_filename, place.tb_next
    return name


def failing_line(error: BaseException, file: str) -> int | None:
    """The line in the body of the class that was being defined in that file."""
    place, lines = error.__traceback__, []
    while place is not None:
        if place.tb_frame.f_code.co_filename == file:
            lines.append(place.tb_lineno)
        place = place.tb_next
    return lines[1] if len(lines) > 1 else None


def around(statement: ast.stmt, line: int | None) -> ast.stmt | None:
    """A class or function without the part that failed, which ``line`` tells in a class; None if there is no such part.

    Defaults of arguments that are not constants, and values that a class binds, become STAND_IN.
    """
    if isinstance(statement, ast.ClassDef):
        changed: list[ast.stmt] = []
        for part in statement.body:
            fails = line is not None and part.lineno <= line <= (part.end_lineno or part.lineno)
            changed.append((_bound_only(part) or part) if fails else part)
        if all(one is other for one, other in zip(changed, statement.body, strict=True)):
            return None
        return _like(statement, body=changed)
    return _bound_only(statement)


def _bound_only(part: ast.stmt) -> ast.stmt | None:
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
