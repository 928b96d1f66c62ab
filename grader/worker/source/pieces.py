"""The records of parsed source: files, their pieces, and what is to be said of single lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from ..trouble import bounded

__all__ = ["Note", "Piece", "Problem", "Source", "walk"]


@dataclass(frozen=True)
class Note:
    """A line that is not read as it is written."""

    line: int
    what: str
    """The line itself, or the first of several."""
    why: str


@dataclass(frozen=True)
class Problem:
    """A statement that is not Python and is lost."""

    line: int
    text: str
    """The source line that Python complains of."""
    message: str
    stands_in: str | None
    """The top-level class or function that is lost with it; None if it defines nothing."""


@dataclass(frozen=True)
class Piece:
    """A script or one cell: what of it parses, with the original line numbers."""

    name: str
    """``models.py`` or ``a2.ipynb, cell 7 under "Part A"``: the file name that tracebacks show."""
    number: int | None
    """1-based position of the cell in its notebook; None for a script."""
    text: str
    """As handed in, with ``\\n`` between lines."""
    body: tuple[ast.stmt, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()
    heading: str | None = None
    """What people call the cell."""

    def line(self, number: int) -> str:
        """The source line of that 1-based number, stripped and bounded; empty past the end."""
        return bounded(self._lines[number - 1].strip()) if 0 < number <= len(self._lines) else ""

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")


@dataclass(frozen=True)
class Source:
    """One file of code."""

    path: str
    pieces: tuple[Piece, ...]
    python2: bool = False
    """Whether it was written for Python 2: removed built-in names are to be offered, integers divide to integers."""
    flags: int = 0
    """Compiler flags of its ``from __future__`` imports."""
    written_by: str | None = None
    """The notebook whose ``%%writefile`` cell holds this file; None for a file that was handed in."""
    web_page: bool = False
    """Whether it was handed in as a web page. The pieces hold the code alone."""

    @property
    def body(self) -> Iterator[tuple[Piece, ast.stmt]]:
        """All statements in document order, each with its piece."""
        return ((piece, statement) for piece in self.pieces for statement in piece.body)

    @cached_property
    def nodes(self) -> tuple[tuple[Piece, ast.AST], ...]:
        """Every node of the syntax trees except operators and contexts, with its piece, in the source's order."""
        return tuple((piece, node) for piece, statement in self.body for node in walk(statement))


def walk(tree: ast.AST) -> list[ast.AST]:
    """Every node of a tree except operators and contexts, in the source's order; ``ast.walk`` takes twice the time."""
    nodes: list[ast.AST] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        for name in _last_to_first(type(node)):  # type: ignore[arg-type]
            value = getattr(node, name, None)
            if isinstance(value, list):
                waiting += [part for part in reversed(value) if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)
    return nodes


_WITHOUT_NODES = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "module", "level", "kind", "type_comment"})


@cache
def _last_to_first(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes other than operators and contexts."""
    return tuple(name for name in reversed(kind._fields) if name not in _WITHOUT_NODES)
