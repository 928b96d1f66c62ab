"""A file of the submission as a module, and its top-level statements as units that are run one by one."""

from __future__ import annotations
import __future__

import ast
import sys
import types
import warnings
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..source.names import Aliases, dotted
from ..source.outline import is_empty
from ..source.pieces import Piece, Source
from .changes import ANY, DEFAULT_TYPES, GRADIENTS_OFF, GRADIENTS_ON, NOTHING, Change, Reader
from .registry import is_registered
from .statements import Names, Scope, is_main_guard, names_mentioned, names_of, names_read

__all__ = ["OURS", "File", "Unit", "why_not_run"]


OURS = __name__.partition(".")[0]
"""The package that all our modules are in: ``worker`` in a sandbox."""
_ONLY_AS_PROGRAM = "runs only when the file is the program"
_OF_ITS_PARTS = Names()
"""What ``if __name__ == "__main__"`` does to names: its statements are units of their own."""


@dataclass
class Unit:
    """A top-level statement, or one inside ``if __name__ == "__main__"``."""

    piece: Piece
    statement: ast.stmt
    why: str | None
    """Why it is skipped unless it is needed; None if it only defines something."""
    guarded: bool
    """Whether it stands inside ``if __name__ == "__main__"``."""
    names: Names
    """What it does to the names of the module."""
    settled: bool = False
    """Whether it was run, or found to fail."""
    missing: str | None = None
    """A name of the file that it stopped at, because the name is not defined so far."""
    ran: bool = False
    """Whether it ran to its end, with all that it changes."""
    left_change: bool = False
    """Whether a part of it was left out that changes something."""
    change: Change = NOTHING
    """What of the file, and of what it imports, it changes."""
    torch: frozenset[str] = frozenset()
    """Full names of what it changes in torch for the classes that are examined."""

    @property
    def where(self) -> str:
        return f"{self.piece.name}, line {self.statement.lineno}"

    @property
    def what(self) -> str:
        """Its first line."""
        return self.piece.line(self.statement.lineno)


class File:
    """One file of the submission as a module whose definitions can be run."""

    def __init__(self, source: Source, folder: Path) -> None:
        """``folder`` is where the submission's text lies, for ``__file__``."""
        self.source = source
        self.path = PurePosixPath(source.path)
        self.key = _key(self.path)
        """The path by which other files import it: without its ending, and without ``__init__``."""
        self.aliases = Aliases(source)
        self.module = types.ModuleType(_module_name(self.key))
        self.module.__file__ = str(folder / self.path)
        self.units = _units(source)
        self.reader = Reader([statement for _, statement in source.body], self.aliases)
        names = [unit.names for unit in self.units]
        self.scope = Scope(self.aliases, frozenset().union(*(each.bound - each.imported for each in names)))
        self._judge()
        self.bound: frozenset[str] = frozenset().union(*(each.bound for each in names))
        """Names that the file binds."""
        self.lost = {problem.stands_in for piece in source.pieces for problem in piece.problems} - {None}
        """Classes and functions that are lost with statements that are not Python."""
        self.caught_imports = _caught_imports(source)
        """File name and line of imports whose failure the student catches."""
        self.meant: Mapping[str, str] = {}
        """Names of modules that no file has → the name of the file that is meant."""
        self.has_started = False
        """Whether its definitions have been run, or are being run."""
        self.is_running = False
        self.needed: set[str] = set()
        """Names that the wanted classes need, directly or through other definitions."""
        self.mentions: set[str] = set()
        """Names that the needed definitions mention: what they may want from the modules they import."""

    def _judge(self) -> None:
        """Say of each unit why it is skipped, if it does more than define something."""
        for unit in self.units:
            if unit.why is None:
                try:
                    unit.why = self.scope.why_not(unit.statement)
                except RecursionError:
                    unit.why = "nested too deeply"

    def find_changes(self, wanted: Container[str]) -> None:
        """Say of each unit what it changes. ``wanted`` are the classes that are examined."""
        for unit in self.units:
            if unit.names is not _OF_ITS_PARTS:
                self.reader.read(unit.statement)
                unit.change = self.reader.change(unit.statement)
        defining = [place for place, unit in enumerate(self.units) if any(name in wanted for name in unit.names.bound)]
        is_off = False
        for place, unit in enumerate(self.units):
            switches = {GRADIENTS_ON} if is_off else set()
            if not defining or place < defining[-1]:
                # Later, gradients are switched off to evaluate what was trained.
                switches.add(GRADIENTS_OFF)
            unit.torch = unit.change.torch - ({GRADIENTS_ON, GRADIENTS_OFF} - switches)
            is_off = GRADIENTS_OFF in unit.torch or (is_off and GRADIENTS_ON not in unit.torch)

    def compiled(self, unit: Unit, statement: ast.stmt | None = None, *, annotated: bool = True) -> types.CodeType:
        """The code of the unit, or of ``statement`` in its place; annotations are evaluated only if ``annotated``."""
        flags = self.source.flags | (0 if annotated else __future__.annotations.compiler_flag)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.Module([statement or unit.statement], [])
            code: types.CodeType = compile(tree, unit.piece.name, "exec", flags=flags, dont_inherit=True)
        return code

    # ------------------------------------------------------------------------------------------- what is needed of it

    def need(self, names: Iterable[str]) -> None:
        """Mark ``names``, and all that their definitions read, as needed."""
        waiting = [name for name in names if name not in self.needed]
        definers = self._definers() if waiting else {}
        visited: set[int] = set()
        if waiting and not self.needed:
            waiting += {name for unit in self.units if unit.torch for name in self._read_by(unit)}
        while waiting:
            name = waiting.pop()
            if name in self.needed:
                continue
            self.needed.add(name)
            for unit in definers.get(name, ()):
                if isinstance(unit.statement, ast.Import | ast.ImportFrom):
                    # Of ``from train import Layer, cnn`` only what is used may be asked of the other file.
                    aliases = unit.statement.names
                    self.mentions |= {alias.name for alias in aliases if name in (alias.asname, alias.name)}
                elif id(unit) not in visited:
                    visited.add(id(unit))
                    waiting += self._read_by(unit)

    def _definers(self) -> dict[str, list[Unit]]:
        """The units that bind each name, or change its object."""
        definers: dict[str, list[Unit]] = {}
        for unit in self.units:
            for name in unit.names.bound | (unit.names.changed & self.scope.own) | unit.change.names:
                definers.setdefault(name, []).append(unit)
        return definers

    def _read_by(self, unit: Unit) -> set[str]:
        """Global names that the unit reads; what it mentions is added to ``mentions``."""
        try:
            code = self.compiled(unit)
            reads, mentions = names_read(code), names_mentioned(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return set()  # running it reports the error
        self.mentions |= mentions
        return reads

    def is_needed(self, unit: Unit) -> bool:
        return not self.needed.isdisjoint(unit.names.bound) or not self.needed.isdisjoint(
            unit.names.changed & self.scope.own
        )

    def changed_by(self, unit: Unit) -> list[str]:
        """What the wanted classes need and the unit changes, sorted: names of the file, and full names in torch."""
        return [*sorted(self._changed_by(unit.change)), *sorted(unit.torch)]

    def _changed_by(self, change: Change) -> set[str]:
        return self.needed & (self.scope.own if ANY in change.names else change.names)

    def is_changing(self, statement: ast.stmt, unit: Unit) -> bool:
        """Whether a statement of the unit's block changes what the wanted classes need."""
        change = self.reader.change(statement)
        return bool(self._changed_by(change) or change.torch & unit.torch)

    def is_to_run(self, statement: ast.stmt, unit: Unit) -> bool:
        """Whether it is run for what it changes."""
        change = self.reader.change(statement)
        return self.is_changing(statement, unit) and not why_not_run(change)

    # ---------------------------------------------------------------------------------------------- what it contains

    def class_statement(self, name: str) -> ast.ClassDef | None:
        """The last ``class`` statement of that name at the top level, in blocks as well."""
        last = None
        for unit in self.units:
            if name not in unit.names.bound:
                continue
            if isinstance(unit.statement, ast.ClassDef):
                last = unit.statement
                continue
            for node in ast.walk(unit.statement):
                if isinstance(node, ast.ClassDef) and node.name == name:
                    last = node
        return last

    def is_to_do(self, name: str) -> bool:
        """Whether its class of that name has a ``forward`` that does nothing, as in the handout."""
        statement = self.class_statement(name)
        return statement is not None and any(
            isinstance(part, ast.FunctionDef) and part.name == "forward" and is_empty(part) for part in statement.body
        )

    def imports(self, other: File) -> bool:
        """Whether it imports a module with the name of the other file, or by another name that means it."""
        names = {module.rpartition(".")[2] for module in self.aliases.modules}
        return other.path.stem in names or other.path.stem in {self.meant.get(name) for name in names}

    @property
    def parsed_text(self) -> str:
        """Its text, in which the lines are blank that belong to no statement that was read."""
        return "\n".join(_parsed_text(piece) for piece in self.source.pieces)


def why_not_run(change: Change) -> str:
    """Why a statement is not run for what it changes, or would not have its effect; empty if it is run."""
    if not change.followed:
        return "it hands a class to code that was not handed in"
    if change.torch & DEFAULT_TYPES:
        return "networks are examined in numbers of 32 bits"
    return "it trains a network" if change.trains else ""


def _key(path: PurePosixPath) -> str:
    parts = [*path.parent.parts, path.stem]
    return "/".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _module_name(key: str) -> str:
    """The file's name, with an ending if that of an installed module, or of ours, is the same."""
    stem = (key.rpartition("/")[2] or "submission").replace(".", "_")
    is_taken = stem in sys.stdlib_module_names or (stem in sys.modules and not is_registered(stem)) or stem == OURS
    return f"{stem}_py" if is_taken else stem


def _units(source: Source) -> list[Unit]:
    units: list[Unit] = []
    for piece, statement in source.body:
        if isinstance(statement, ast.If) and is_main_guard(statement.test):
            # The block as a whole is never run; single statements in it may still be needed.
            units.append(Unit(piece, statement, _ONLY_AS_PROGRAM, False, _OF_ITS_PARTS))
            units += [Unit(piece, inner, _ONLY_AS_PROGRAM, True, names_of(inner)) for inner in statement.body]
        else:
            units.append(Unit(piece, statement, None, False, names_of(statement)))
    return units


_CATCH_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _caught_imports(source: Source) -> set[tuple[str, int]]:
    places: set[tuple[str, int]] = set()
    for piece, node in source.nodes:
        if not isinstance(node, ast.Try):
            continue
        caught = {dotted(kind) for handler in node.handlers for kind in _caught_by(handler)}
        if not caught.isdisjoint(_CATCH_IMPORTS):
            parts = (part for statement in node.body for part in ast.walk(statement))
            places |= {(piece.name, part.lineno) for part in parts if isinstance(part, ast.Import | ast.ImportFrom)}
    return places


def _caught_by(handler: ast.ExceptHandler) -> list[ast.expr]:
    """The exception classes that the handler names; without any it catches all."""
    if handler.type is None:
        return [ast.Name(id="BaseException", ctx=ast.Load())]
    return handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]


def _parsed_text(piece: Piece) -> str:
    if not piece.problems and not piece.notes:
        return piece.text
    lines = piece.text.split("\n")
    parsed = [""] * len(lines)
    for statement in piece.body:
        first = min([statement.lineno, *(node.lineno for node in getattr(statement, "decorator_list", ()))])
        part = slice(first - 1, statement.end_lineno)
        with suppress(SyntaxError, ValueError):
            ast.parse("\n".join(lines[part]))
            parsed[part] = lines[part]
    return "\n".join(parsed)
