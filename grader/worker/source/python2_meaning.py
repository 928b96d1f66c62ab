"""What a file written for Python 2 means: the syntax tree in the terms of Python 3, and the names to run it with.

A file is Python 2 if it had to be translated, or uses a name that only Python 2 has, and if it uses nothing that only
Python 3 has. In such a file

- ``/`` divides integers to an integer, unless the file imports ``division`` from the future;
- ``d.has_key(k)`` is ``k in d``, and ``d.iteritems()`` is ``d.items()``; the same for ``iterkeys`` and ``itervalues``;
- ``range``, ``map``, ``filter`` and ``zip`` return lists, and ``xrange``, ``unicode``, ``raw_input`` and others exist.

Source: PEP 238 (division), PEP 3100 (what Python 3 removed).
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .pieces import Source
from .python2_syntax import PYTHON_2

__all__ = ["DIVIDE", "DIVIDE_IN_PLACE", "GONE", "PYTHON_2_NAMES", "Python2", "is_python2"]


DIVIDE = "__divide_as_python_2__"
DIVIDE_IN_PLACE = "__divide_in_place_as_python_2__"
"""Names of the functions that ``/`` and ``/=`` become; the namespace must have them."""


# ------------------------------------------------------------------------------------------- whether it is Python 2

GONE = re.compile(r"\b(?:xrange|raw_input|unicode|basestring|has_key|iteritems|itervalues|iterkeys)\b")
"""Names of functions and methods that only Python 2 has."""
_GONE_NAMES = {"xrange", "raw_input", "unicode", "basestring"}
_RENAMED_METHODS = {"iteritems": "items", "itervalues": "values", "iterkeys": "keys"}


def is_python2(source: Source) -> bool:
    """Whether the file was written for Python 2, by the rule above."""
    is_translated = any(note.why == PYTHON_2 for piece in source.pieces for note in piece.notes)
    if not is_translated and not any(GONE.search(piece.text) for piece in source.pieces):
        return False
    nodes = [node for _, node in source.nodes]
    if any(map(_is_only_python3, nodes)):
        return False
    return is_translated or _uses_gone(nodes)


def _is_only_python3(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return (node.func.id == "super" and not node.args) or (node.func.id == "print" and _has_new_keyword(node))
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.MatMult)
    return isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.Nonlocal | ast.AsyncFunctionDef | ast.NamedExpr)


def _has_new_keyword(call: ast.Call) -> bool:
    """Whether ``print`` has a keyword that the translation does not write; it writes ``file=`` and ``end=' '``."""
    return any(
        word.arg in ("sep", "flush") or (word.arg == "end" and getattr(word.value, "value", None) != " ")
        for word in call.keywords
    )


def _uses_gone(nodes: list[ast.AST]) -> bool:
    """Whether a name or a method is used that only Python 2 has, and that the file does not define itself."""
    gone = _GONE_NAMES - _bound(nodes)
    return any(
        (isinstance(node, ast.Name) and node.id in gone)
        or (isinstance(node, ast.Attribute) and (node.attr in _RENAMED_METHODS or node.attr == "has_key"))
        for node in nodes
    )


def _bound(nodes: list[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
    return names


# ---------------------------------------------------------------------------------------------- what its tree means


@dataclass
class Python2(ast.NodeTransformer):
    """Writes what Python 2 meant by ``/``, ``has_key`` and ``iteritems`` in the terms of Python 3."""

    divide: bool
    """Whether ``/`` divides integers to an integer."""

    def all(self, body: Iterable[ast.stmt]) -> tuple[ast.stmt, ...]:
        """The statements transformed; one that is nested too deeply stays as it is."""
        out: list[ast.stmt] = []
        for statement in body:
            try:
                out.append(ast.fix_missing_locations(self.visit(statement)))
            except RecursionError:
                out.append(statement)
        return tuple(out)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if self.divide and isinstance(node.op, ast.Div):
            return ast.copy_location(_call(DIVIDE, node.left, node.right), node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if self.divide and isinstance(node.op, ast.Div):
            read = ast.parse(ast.unparse(node.target), mode="eval").body
            value = _call(DIVIDE_IN_PLACE, read, node.value)
            return ast.copy_location(ast.Assign(targets=[node.target], value=value), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "has_key" and len(node.args) == 1 and not node.keywords:
                inside = ast.Compare(left=node.args[0], ops=[ast.In()], comparators=[node.func.value])
                return ast.copy_location(inside, node)
            node.func.attr = _RENAMED_METHODS.get(node.func.attr, node.func.attr)
        return node


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=list(arguments), keywords=[])


# ---------------------------------------------------------------------------------------------- the names it runs with


def _divide(left: Any, right: Any) -> Any:
    """``left / right``, where integers divide to an integer."""
    return left // right if _are_integers(left, right) else left / right


def _divide_in_place(left: Any, right: Any) -> Any:
    if _are_integers(left, right):
        return left // right
    left /= right
    return left


def _are_integers(*values: Any) -> bool:
    return all(isinstance(value, int) for value in values)


def _as_list(function: Callable[..., Any]) -> Callable[..., list[Any]]:
    def listed(*arguments: Any) -> list[Any]:
        return list(function(*arguments))

    return listed


PYTHON_2_NAMES: dict[str, Any] = {
    DIVIDE: _divide,
    DIVIDE_IN_PLACE: _divide_in_place,
    "xrange": range,
    "raw_input": input,
    "unicode": str,
    "basestring": str,
    "long": int,
    "unichr": chr,
    "reduce": functools.reduce,
    "file": open,
    **{function.__name__: _as_list(function) for function in (range, map, filter, zip)},
}
"""Built-in functions of Python 2 that are gone, or that returned something else."""
