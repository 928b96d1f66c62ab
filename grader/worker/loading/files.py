"""The submission's files as units to run, in their order."""

from __future__ import annotations
import __future__

import ast
import sys
import types
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..source.names import Aliases, dotted
from ..source.outline import is_empty
from ..source.pieces import Piece, Source
from .statements import NEW_SCOPE, Scope, binds, is_main_guard, names_mentioned, names_read

__all__ = [
    "OWN",
    "File",
    "Unit",
    "class_statement",
    "imports",
    "is_annotation",
    "is_to_do",
    "parsed_lines",
    "registered",
    "same",
]

OWN = __name__.partition(".")[0]


# ------------------------------------------------------------------------------------------------- files as modules


@dataclass
class Unit:
    """A top-level statement, or one inside ``if __name__ == "__main__"``."""

    piece: Piece
    statement: ast.stmt
    why: str | None
    """Why it is left out; None if it is a definition."""
    guarded: bool
    bound: set[str]
    changed: set[str]
    imported: set[str]
    """Those of ``bound`` that its imports bind."""
    settled: bool = False
    """Run, or found to fail."""
    missing: str | None = None
    """A name of the file's that it stopped at because it is not defined so far."""

    @property
    def where(self) -> str:
        return f"{self.piece.name}, line {self.statement.lineno}"

    @property
    def what(self) -> str:
        return self.piece.line(self.statement.lineno)


class File:
    """One file of the submission as a module whose definitions can be run."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self.path = PurePosixPath(source.path)
        self.aliases = Aliases(source)
        parts = [*self.path.parent.parts, self.path.stem]
        self.key = "/".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        stem = (self.key.rpartition("/")[2] or "submission").replace(".", "_")
        taken = stem in sys.stdlib_module_names or (stem in sys.modules and stem not in registered)
        self.module = types.ModuleType(f"{stem}_handed_in" if taken or stem == OWN else stem)
        self.module.__file__ = str(folder / self.path)
        self.units = self._units()
        self.bound = {name for unit in self.units for name in unit.bound}
        self.lost = {lost.stands_in for piece in source.pieces for lost in piece.problems} - {None}
        self.prepared_for = _caught_imports(source)
        self.started = False
        self.needed: set[str] = set()
        self.mentions: set[str] = set()
        """Names that the needed definitions mention: what they may want from modules they import."""

    def _units(self) -> list[Unit]:
        reason = "runs only when the file is the program"
        units: list[Unit] = []
        for piece, statement in self.source.body:
            if isinstance(statement, ast.If) and is_main_guard(statement.test):
                # The guard itself stays closed; single statements behind it may still be needed.
                units.append(Unit(piece, statement, reason, False, set(), set(), set()))
                units += [Unit(piece, inner, reason, True, *binds(inner)) for inner in statement.body]
            else:
                units.append(Unit(piece, statement, None, False, *binds(statement)))
        self.scope = Scope(self.aliases, frozenset(name for unit in units for name in unit.bound - unit.imported))
        for unit in units:
            if unit.why is None:
                try:
                    unit.why = self.scope.why_not(unit.statement)
                except RecursionError:
                    unit.why = "nested too deeply"
        return units

    def compiled(self, unit: Unit, statement: ast.stmt | None = None, *, annotated: bool = True) -> types.CodeType:
        """The statement's code; its annotations are not evaluated unless ``annotated``."""
        flags = self.source.flags | (0 if annotated else __future__.annotations.compiler_flag)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.Module([statement or unit.statement], [])
            code: types.CodeType = compile(tree, unit.piece.name, "exec", flags=flags, dont_inherit=True)
        return code

    def need(self, names: Iterable[str]) -> None:
        """Mark ``names``, and all that their definitions read, as needed."""
        definers: dict[str, list[Unit]] = {}
        plain = self.scope.own
        for unit in self.units:
            for name in unit.bound | {changed for changed in unit.changed if changed in plain}:
                definers.setdefault(name, []).append(unit)
        waiting = [name for name in names if name not in self.needed]
        visited: set[int] = set()
        while waiting:
            name = waiting.pop()
            if name in self.needed:
                continue
            self.needed.add(name)
            for unit in definers.get(name, ()):
                if isinstance(unit.statement, ast.Import | ast.ImportFrom):
                    # Of ``from train import Layer, cnn`` only what is used may be asked of the other file.
                    named = unit.statement.names
                    self.mentions |= {alias.name for alias in named if name in (alias.asname, alias.name)}
                    continue
                if id(unit) in visited:
                    continue
                visited.add(id(unit))
                try:
                    code = self.compiled(unit)
                    reads, mentions = names_read(code), names_mentioned(code)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    # Running it will say so.
                    continue
                self.mentions |= mentions
                waiting += reads

    def is_needed(self, unit: Unit) -> bool:
        return not self.needed.isdisjoint(unit.bound) or not self.needed.isdisjoint(unit.changed & self.scope.own)


_CATCH_IMPORTS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def _caught_imports(source: Source) -> set[tuple[str, int]]:
    """File name and line of imports whose failure the student catches."""
    places: set[tuple[str, int]] = set()
    for piece, node in source.nodes:
        if not isinstance(node, ast.Try):
            continue
        caught = {dotted(kind) for handler in node.handlers for kind in _kinds(handler)}
        if not caught.isdisjoint(_CATCH_IMPORTS):
            inner = (part for block in node.body for part in ast.walk(block))
            places |= {(piece.name, part.lineno) for part in inner if isinstance(part, ast.Import | ast.ImportFrom)}
    return places


def _kinds(handler: ast.ExceptHandler) -> list[ast.expr]:
    if handler.type is None:
        return [ast.Name(id="BaseException", ctx=ast.Load())]
    return handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]


# ----------------------------------------------------------------------------------------------------- running them

registered: set[str] = set()
"""Names in ``sys.modules`` that belong to the submission loaded last."""


def class_statement(file: File, name: str) -> ast.ClassDef | None:
    """The last ``class`` statement of that name at the file's top level, in blocks as well."""
    last = None
    for unit in file.units:
        if name not in unit.bound:
            continue
        if isinstance(unit.statement, ast.ClassDef):
            last = unit.statement
            continue
        for node in ast.walk(unit.statement):
            if isinstance(node, ast.ClassDef) and node.name == name:
                last = node
    return last


def is_annotation(statement: ast.stmt, error: NameError) -> bool:
    """Whether the name that is not defined stands in an annotation of a definition."""
    annotations: list[ast.expr | None] = []
    for node in ast.walk(statement) if isinstance(statement, NEW_SCOPE) else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            annotations.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            annotations.append(node.annotation)
    names = (name for one in annotations if one is not None for name in ast.walk(one) if isinstance(name, ast.Name))
    return any(name.id == error.name for name in names)


def is_to_do(file: File, name: str) -> bool:
    """Whether the file's class of that name has a ``forward`` that does nothing, as handed out."""
    statement = class_statement(file, name)
    return statement is not None and any(
        isinstance(part, ast.FunctionDef) and part.name == "forward" and is_empty(part) for part in statement.body
    )


def same(one: ast.AST, other: ast.AST) -> bool:
    try:
        return ast.dump(one) == ast.dump(other)
    except RecursionError:
        return False


def parsed_lines(piece: Piece) -> str:
    """The piece's text with the lines blank that belong to no statement that was read."""
    if not piece.problems and not piece.notes:
        return piece.text
    lines = piece.text.split("\n")
    kept = [""] * len(lines)
    for statement in piece.body:
        first = min([statement.lineno, *(node.lineno for node in getattr(statement, "decorator_list", ()))])
        part = slice(first - 1, statement.end_lineno)
        with suppress(SyntaxError, ValueError):
            ast.parse("\n".join(lines[part]))
            kept[part] = lines[part]
    return "\n".join(kept)


def imports(file: File, other: File) -> bool:
    return any(module.rpartition(".")[2] == other.path.stem for module in file.aliases.modules)
