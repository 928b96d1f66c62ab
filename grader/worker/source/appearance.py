"""Whether a text that should be Python looks like Python at all."""

from __future__ import annotations

import ast
import re

from .pieces import Source

__all__ = ["looks_like_python"]

_HEADER = re.compile(
    r"^[ \t]*(?:class[ \t]+\w+[ \t]*(?:\([^\n]*)?:|(?:async[ \t]+)?def[ \t]+\w+[ \t]*\([^\n]*[,(:][ \t]*(?:#.*)?$)",
    re.MULTILINE,
)
"""The first line of a class or a function, as no other language writes it."""
_LEAST = 0.5
"""The share of its lines that belong to statements of Python."""


def looks_like_python(source: Source) -> bool:
    """Whether a file has a class or a function of Python, or is made of its statements for the most part.

    Prose, numbers and JSON parse as Python here and there: as names, tuples and dictionaries. They state nothing.
    """
    if any(_HEADER.search(piece.text) for piece in source.pieces):
        return True
    lines = sum(_is_code(line) for piece in source.pieces for line in piece.text.split("\n"))
    stated: set[tuple[str, int]] = set()
    for piece, statement in source.body:
        if _states(statement):
            stated |= {(piece.name, line) for line in range(statement.lineno, (statement.end_lineno or 0) + 1)}
    return bool(stated) and len(stated) >= _LEAST * lines


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _states(statement: ast.stmt) -> bool:
    """Whether a statement does something at the top level of a file."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call | ast.Await)
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None
    return not isinstance(statement, ast.Return)
