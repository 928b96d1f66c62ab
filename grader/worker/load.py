"""A submission's definitions, run; the rest of its top level, left out.

Examining a class needs what the file *defines*: imports, classes, functions, plain values. It does not need the
25-epoch training run, the download or the plots that stand between them. So each top-level statement is run on its own
if it only defines something, and left out with a reason if it does something. A statement that does something is run
all the same where a wanted class reads, directly or through others, a name that it binds. An exception costs the
statement it comes from.

Files import one another as modules, by the same rules; what is neither handed in nor installed is stood in for.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import dis
import functools
import importlib.abc
import importlib.machinery
import inspect
import signal
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from . import legacy
from .beside import lay_out
from .outline import Aliases, dotted, is_empty
from .source import DIVIDE, DIVIDE_IN_PLACE, Piece, Source, read
from .standins import ALWAYS_REAL, StandIn, conventional, fill_missing, real_or_stand_in
from .surroundings import STAND_IN, around, failing_line, is_absence
from .trouble import bounded, describe, here, remember

__all__ = ["Loaded", "load"]

_SECONDS = 4.0
"""Longest that the first endless statement may take before it is given up, and each further one half as long as the one
before: neither one nor several may use up the time for loading, which is the examiner's to set."""
_OWN = __name__.partition(".")[0]


@dataclass(frozen=True)
class Loaded:
    """What loading a submission came to. All but ``classes`` and ``namespaces`` are JSON values."""

    classes: dict[str, type]
    """The wanted classes that there are."""
    namespaces: dict[str, dict[str, Any]]
    """Names of each file that was run, by its path."""
    left_out: list[dict[str, str]]
    """``where``, ``what`` and ``why`` of statements not run, or not as they stand."""
    failed: list[dict[str, Any]]
    """``where`` and ``what`` of definitions that raised, the ``names`` that they should have bound, and ``type``,
    ``text`` and ``frames`` of the exception."""
    stood_in: list[dict[str, str]]
    """``module`` and ``why`` of imports that something stands in for."""
    chosen: dict[str, str]
    """Path of the file that each wanted class is taken from."""
    conflicts: list[dict[str, Any]]
    """``name`` and ``paths`` of wanted classes that several unrelated files define differently."""
    notes: list[dict[str, str]]
    """Remarks on removed and old functions that the code uses (``where``, ``what``, ``why``); grows while it runs."""
    every: dict[str, tuple[type, ...]]
    """All classes that had each wanted name in any file, at any time: one may be defined twice, and copied."""


def load(files: Iterable[Mapping[str, Any]], *, folder: Path, wanted: Sequence[str], sparing: bool = False) -> Loaded:
    """Run the definitions of the files that hold the ``wanted`` classes, best file first.

    ``files`` are as for ``outline``, or have ``data`` (base64), which is laid out for the code to read; ``folder`` is
    where their text lies, for ``__file__``; ``sparing`` leaves out what the wanted classes do not need, imports apart.
    Side effects: the working directory is that of the best file where there is data; the modules
    are registered in ``sys.modules`` until the next call, and old functions of torch are made to work (``legacy``).
    Never raises for what the code does.
    """
    files = list(files)
    code = [file for file in files if "data" not in file]
    if len(code) < len(files):
        lay_out(files, folder, (folder / code[0]["path"]).parent if code else folder)
    return _Loader(read(code), folder, wanted, sparing).load()


# ------------------------------------------------------------------------------------- what a statement is and does

_BUILTINS = frozenset(
    {"abs", "all", "any", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod", "enumerate", "filter"}
    | {"float", "format", "frozenset", "getattr", "hasattr", "hash", "int", "isinstance", "issubclass", "iter", "len"}
    | {"list", "map", "max", "min", "object", "ord", "pow", "property", "range", "repr", "reversed", "round", "set"}
    | {"slice", "sorted", "staticmethod", "classmethod", "str", "sum", "super", "tuple", "type", "zip"}
    | {"xrange", "long", "unicode", DIVIDE, DIVIDE_IN_PLACE}
)
_MODULES = frozenset(
    {"math", "functools", "itertools", "operator", "collections", "typing", "enum", "string", "copy", "os.path"}
    | {"re", "random", "numpy", "datetime", "time", "torch.nn.functional", "torch.nn.init"}
    | {"dataclasses", "pathlib", "types", "abc", "fractions", "decimal", "numpy.random", "logging"}
)
_FUNCTIONS = frozenset(
    {"os.getcwd", "os.environ.get", "os.getenv", "torch.cuda.is_available", "torch.cuda.device_count"}
    | {"torch.backends.mps.is_available", "torch.autograd.Variable", "torch.backends.cudnn.is_available"}
    | {
        f"torch.{name}"
        for name in (
            *(
                "device",
                "tensor",
                "as_tensor",
                "from_numpy",
                "zeros",
                "ones",
                "empty",
                "full",
                "eye",
                "arange",
                "range",
            ),
            *("linspace", "rand", "randn", "randint", "zeros_like", "ones_like", "Tensor", "FloatTensor", "LongTensor"),
            *("ByteTensor", "DoubleTensor", "Size", "cat", "stack", "sqrt", "Generator", "finfo", "is_tensor"),
        )
    }
)
_UNSAFE = frozenset({"numpy.load", "numpy.save", "numpy.loadtxt", "numpy.genfromtxt", "time.sleep", "numpy.fromfile"})
_METHODS = frozenset(
    {"format", "split", "rsplit", "join", "strip", "lstrip", "rstrip", "replace", "lower", "upper", "startswith"}
    | {"endswith", "copy", "items", "keys", "values", "get", "count", "index", "astype", "reshape", "view", "float"}
    | {
        "long",
        "int",
        "unsqueeze",
        "squeeze",
        "size",
        "dim",
        "tolist",
        "item",
        "transpose",
        "permute",
        "encode",
        "decode",
    }
)


@dataclass(frozen=True)
class _Scope:
    """What reading a file has told about its names."""

    aliases: Aliases
    own: frozenset[str]
    """Names that the file binds by anything but an import."""

    def harmless(self, node: ast.AST | None) -> str | None:
        """None if evaluating ``node`` only computes a value; else the call that may do more."""
        waiting: list[ast.AST] = [node] if node is not None else []
        while waiting:
            inner = waiting.pop()
            if isinstance(inner, ast.Lambda):
                waiting += [*inner.args.defaults, *(value for value in inner.args.kw_defaults if value is not None)]
                continue
            if isinstance(inner, ast.Await | ast.Yield | ast.YieldFrom):
                return "await" if isinstance(inner, ast.Await) else "yield"
            if isinstance(inner, ast.Call) and not self._pure(inner.func):
                return f"{dotted(inner.func) or '…'}()"
            waiting += ast.iter_child_nodes(inner)
        return None

    def _pure(self, function: ast.expr) -> bool:
        name = dotted(function)
        if name is not None and name.partition(".")[0] not in self.own:
            full = self.aliases.resolve(name)
            module, _, last = full.rpartition(".")
            if full in _UNSAFE:
                return False
            if full in _BUILTINS or full in _FUNCTIONS or module in _MODULES:
                return True
            if module.startswith(("torch.nn", "numpy", "collections")) and "." in full:
                # Layers and dtypes; torch.nn.utils and the like do things.
                return last[:1].isupper() or module.partition(".")[0] == "collections"
        # A method of a plain value; of a module it would have been known above.
        return (
            isinstance(function, ast.Attribute)
            and function.attr in _METHODS
            and (name is None or name.partition(".")[0] not in self.aliases.imports)
        )

    def why_not(self, statement: ast.stmt) -> str | None:
        """None if the statement only defines something; else why it is left out. Blocks are judged by their parts."""
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return None
            case ast.Pass() | ast.Global() | ast.Expr(value=ast.Constant()):
                return None
            case ast.Assign(targets=targets, value=value):
                return self._why_not_assigned(targets, value)
            case ast.AnnAssign(target=target, value=value):
                return self._why_not_assigned([target], value)
            case ast.AugAssign(target=target, value=value):
                return self._why_not_assigned([target], value)
            case ast.If(test=test) if _is_main_guard(test):
                return "runs only when the file is the program"
            case ast.If(test=test, body=body, orelse=orelse):
                culprit = self.harmless(test)
                if culprit is not None:
                    return f"its condition calls {culprit}"
                return self._why_no_part([*body, *orelse])
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                inner = [part for handler in handlers for part in handler.body]
                return self._why_no_part([*body, *inner, *orelse, *final])
            case ast.For() | ast.While() | ast.AsyncFor():
                return "training loop at the top level" if _trains(statement) else "loop at the top level"
            case ast.With() | ast.AsyncWith():
                return "with block at the top level"
            case ast.Expr(value=ast.Call(func=function)):
                return f"calls {dotted(function) or '…'}() at the top level"
            case ast.Expr():
                return "expression at the top level"
            case _ if type(statement).__name__ == "TypeAlias":
                return None
        return f"{type(statement).__name__.lower()} at the top level"

    def _why_not_assigned(self, targets: Sequence[ast.expr], value: ast.expr | None) -> str | None:
        for target in targets:
            changed = _root(target)
            if changed is not None and changed in self.aliases.imports and changed not in self.own:
                module = self.aliases.resolve(changed)
                if _is_module(module):
                    return f"changes the module {module}"
            if self.harmless(target) is not None:
                return f"calls {self.harmless(target)} at the top level"
        culprit = self.harmless(value)
        return None if culprit is None else f"calls {culprit} at the top level"

    def _why_no_part(self, parts: Sequence[ast.stmt]) -> str | None:
        reasons = [self.why_not(part) for part in parts if not isinstance(part, ast.Pass)]
        if not reasons or None in reasons:
            return None
        return reasons[0]


def _is_module(name: str) -> bool:
    return name in sys.modules or name.partition(".")[0] in sys.stdlib_module_names


def _root(target: ast.expr) -> str | None:
    """Name whose object an attribute or item assignment changes; None for a plain name."""
    if not isinstance(target, ast.Attribute | ast.Subscript):
        return None
    node: ast.expr = target
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_main_guard(test: ast.expr) -> bool:
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    texts = {node.value for node in ast.walk(test) if isinstance(node, ast.Constant)}
    return "__name__" in names and "__main__" in texts


def _trains(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in ("backward", "step") for node in ast.walk(statement))


_NEW_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def _binds(statement: ast.stmt) -> tuple[set[str], set[str], set[str]]:
    """Names that a statement binds in the module, names whose objects it may change, and those bound by imports.

    ``d["k"] = 1`` and ``d.f()`` change ``d``.
    """
    bound: set[str] = set()
    imported: set[str] = set()
    changed: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                imported |= {alias.asname or alias.name.partition(".")[0] for alias in names}
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                changed.add(_root(node) or "")
            case ast.Expr(value=ast.Call(func=ast.Attribute() as function)):
                changed.add(_root(function) or "")
        if not isinstance(node, _NEW_SCOPE):
            waiting += ast.iter_child_nodes(node)
    return bound | imported, changed, imported


_GLOBAL_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})


def _reads(code: types.CodeType) -> set[str]:
    """Global names that running ``code``, and the functions and classes in it, looks up."""
    names: set[str] = set()
    waiting = [code]
    while waiting:
        inner = waiting.pop()
        names |= {str(step.argval) for step in dis.get_instructions(inner) if step.opname in _GLOBAL_READS}
        waiting += [constant for constant in inner.co_consts if isinstance(constant, types.CodeType)]
    return names


def _reads_now(code: types.CodeType) -> set[str]:
    """Global names that running ``code`` looks up at once, in bodies of classes as well; functions do so later."""
    names = {str(step.argval) for step in dis.get_instructions(code) if step.opname in _GLOBAL_READS}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType) and not constant.co_flags & inspect.CO_OPTIMIZED:
            names |= _reads_now(constant)
    return names


def _mentions(code: types.CodeType) -> set[str]:
    """Every name in ``code`` that is not a local variable: globals, attributes, imported names."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _mentions(constant)
    return names


# ------------------------------------------------------------------------------------------------- files as modules


@dataclass
class _Unit:
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


class _File:
    """One file of the submission as a module whose definitions can be run."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self.path = PurePosixPath(source.path)
        self.aliases = Aliases(source)
        parts = [*self.path.parent.parts, self.path.stem]
        self.key = "/".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        stem = (self.key.rpartition("/")[2] or "submission").replace(".", "_")
        taken = stem in sys.stdlib_module_names or (stem in sys.modules and stem not in _registered)
        self.module = types.ModuleType(f"{stem}_handed_in" if taken or stem == _OWN else stem)
        self.module.__file__ = str(folder / self.path)
        self.units = self._units()
        self.bound = {name for unit in self.units for name in unit.bound}
        self.lost = {lost.stands_in for piece in source.pieces for lost in piece.problems} - {None}
        self.prepared_for = _caught_imports(source)
        self.started = False
        self.needed: set[str] = set()
        self.mentions: set[str] = set()
        """Names that the needed definitions mention: what they may want from modules they import."""

    def _units(self) -> list[_Unit]:
        reason = "runs only when the file is the program"
        units: list[_Unit] = []
        for piece, statement in self.source.body:
            if isinstance(statement, ast.If) and _is_main_guard(statement.test):
                # The guard itself stays closed; single statements behind it may still be needed.
                units.append(_Unit(piece, statement, reason, False, set(), set(), set()))
                units += [_Unit(piece, inner, reason, True, *_binds(inner)) for inner in statement.body]
            else:
                units.append(_Unit(piece, statement, None, False, *_binds(statement)))
        self.scope = _Scope(self.aliases, frozenset(name for unit in units for name in unit.bound - unit.imported))
        for unit in units:
            if unit.why is None:
                try:
                    unit.why = self.scope.why_not(unit.statement)
                except RecursionError:
                    unit.why = "nested too deeply"
        return units

    def compiled(self, unit: _Unit, statement: ast.stmt | None = None, *, annotated: bool = True) -> types.CodeType:
        """The statement's code; its annotations are not evaluated unless ``annotated``."""
        flags = self.source.flags | (0 if annotated else __future__.annotations.compiler_flag)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.Module([statement or unit.statement], [])
            code: types.CodeType = compile(tree, unit.piece.name, "exec", flags=flags, dont_inherit=True)
        return code

    def need(self, names: Iterable[str]) -> None:
        """Mark ``names``, and all that their definitions read, as needed."""
        definers: dict[str, list[_Unit]] = {}
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
                    reads, mentions = _reads(code), _mentions(code)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    # Running it will say so.
                    continue
                self.mentions |= mentions
                waiting += reads

    def is_needed(self, unit: _Unit) -> bool:
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

_registered: set[str] = set()
"""Names in ``sys.modules`` that belong to the submission loaded last."""
_finders: list[importlib.abc.MetaPathFinder] = []
_MOST_ENTRIES = 500
_MOST_ROUNDS = 10
"""Parts of one class that are stood in for, one after another."""


class _OutOfTime(BaseException):
    """A statement ran longer than it may; no ``except Exception`` of the student's stops it."""


class _Loader:
    """Runs what is wanted of one submission."""

    def __init__(self, sources: list[Source], folder: Path, wanted: Sequence[str], sparing: bool) -> None:
        _forget_last()
        self.sparing = sparing
        self.wanted = list(wanted)
        self.files = [_File(source, folder) for source in sources]
        self.by_key: dict[str, _File] = {}
        for file in sorted(self.files, key=lambda file: file.path.suffix.lower() == ".ipynb"):
            self.by_key.setdefault(file.key, file)
        self.folders = {str(parent) for file in self.files for parent in file.path.parents} - {"."}
        self.packages: dict[str, types.ModuleType] = {}
        self.by_globals = {id(vars(file.module)): file for file in self.files}
        self.running: list[_File] = []
        self.patience = _SECONDS
        self.left_out: list[dict[str, str]] = []
        self.failed: list[dict[str, Any]] = []
        self.notes: list[dict[str, str]] = []
        self.stood_in: dict[str, str] = {}
        self.every: dict[str, list[type]] = {}
        self.builtins = {**vars(builtins), "__import__": self._import, "exit": sys.exit, "quit": sys.exit}
        self.builtins[STAND_IN] = StandIn("a value that needs what is not here")
        names: set[str] = set()
        for file in self.files:
            if file.module.__name__ in names:
                file.module.__name__ = file.key.replace("/", "_").replace(".", "_") + file.path.suffix.replace(".", "_")
            names.add(file.module.__name__)

    def load(self) -> Loaded:
        legacy.install(self._note)
        # Arguments of a program that was started by itself; ours are not the submission's.
        sys.argv[:] = [str(self.files[0].module.__file__)] if self.files else [""]
        # What lies in the folder is imported by the rules of this module, or not at all.
        sys.path[:] = [entry for entry in sys.path if entry not in ("", ".")]
        finder = _Finder(self)
        _finders.append(finder)
        sys.meta_path.append(finder)
        classes: dict[str, type] = {}
        chosen: dict[str, str] = {}
        for name in self.wanted:
            for file in self._definers(name):
                self.run(file, self.wanted)
                value = vars(file.module).get(name)
                if isinstance(value, type):
                    classes[name], chosen[name] = value, file.source.path
                    break
        return Loaded(
            classes=classes,
            namespaces={file.source.path: vars(file.module) for file in self.files if file.started},
            left_out=self.left_out,
            failed=self.failed,
            stood_in=[{"module": module, "why": why} for module, why in self.stood_in.items()],
            chosen=chosen,
            conflicts=[conflict for name in self.wanted if (conflict := self._conflict(name, chosen)) is not None],
            notes=self.notes,
            every={name: tuple(kinds) for name, kinds in self.every.items()},
        )

    def _definers(self, name: str) -> list[_File]:
        """Files that may hold the class: completed ``class`` statements, then ones still to do, then assigned names."""
        holding = [file for file in self.files if _class_statement(file, name) is not None]
        # The starter beside the solution is no candidate, whatever it is called.
        holding.sort(key=lambda file: _is_to_do(file, name))
        return holding + [file for file in self.files if file not in holding and name in file.scope.own]

    def _conflict(self, name: str, chosen: Mapping[str, str]) -> dict[str, Any] | None:
        """Files whose class of that name differs from the chosen one and that neither import nor are imported by it."""
        first = next((file for file in self.files if file.source.path == chosen.get(name)), None)
        if first is None or len(self.files) == 1 or (kept := _class_statement(first, name)) is None:
            return None
        paths = [first.source.path]
        for file in self.files:
            other = _class_statement(file, name)
            if (
                other is None
                or file is first
                or _is_to_do(file, name)
                or _imports(first, file)
                or _imports(file, first)
            ):
                continue
            if not _same(other, kept):
                paths.append(file.source.path)
        return {"name": name, "paths": paths} if len(paths) > 1 else None

    def run(self, file: _File, names: Iterable[str]) -> None:
        """Run the file's definitions, if that is still to be done, and what else ``names`` need."""
        known = len(file.needed)
        file.need([*self.wanted, *names])
        if file.started and len(file.needed) == known:
            return
        first = not file.started
        if first:
            file.started = True
            self._prepare(file)
        self.running.append(file)
        try:
            for unit in file.units:
                if not unit.settled:
                    self._settle(file, unit, first)
            self._settle_late(file)
        finally:
            self.running.pop()

    def _settle_late(self, file: _File) -> None:
        """Definitions that use what a later cell defines: a notebook's cells are run in any order."""
        namespace = vars(file.module)
        for _ in file.units:
            ready = [
                unit
                for unit in file.units
                # What has been defined since by the same name is the later definition, and counts.
                if unit.missing is not None and unit.missing in namespace and unit.bound.isdisjoint(namespace)
            ]
            if not ready:
                break
            for unit in ready:
                self._attempt(file, unit)
        for unit in file.units:
            if unit.missing is not None:
                self._leave_out(unit.where, unit.what, f"needs `{unit.missing}`, which is left out")

    def _prepare(self, file: _File) -> None:
        namespace = vars(file.module)
        namespace["__builtins__"] = self.builtins
        if file.source.python2:
            namespace.update(_PYTHON_2)
        notebook = file.path.suffix.lower() == ".ipynb"
        if notebook:
            namespace.update(get_ipython=StandIn("get_ipython"), display=StandIn("display"))
        for piece in file.source.pieces:
            remember(piece.name, piece.text)
        # inspect looks a class up in the file of its module, and a function under its own file name.
        remember(str(file.module.__file__), "\n".join(_parsed_lines(piece) for piece in file.source.pieces))
        sys.modules[file.module.__name__] = file.module
        _registered.add(file.module.__name__)

    def _settle(self, file: _File, unit: _Unit, first: bool) -> None:
        if unit.why is not None:
            if not file.is_needed(unit) or _trains(unit.statement):
                if first and not unit.guarded:
                    self._leave_out(unit.where, unit.what, unit.why)
                return
            names = sorted(file.needed & (unit.bound | unit.changed))
            self._leave_out(unit.where, unit.what, f"{unit.why}; run all the same, for `{names[0]}` is needed")
        elif self.sparing and not file.is_needed(unit) and not unit.imported:
            if first:
                self._leave_out(unit.where, unit.what, "not needed, and the file as a whole could not be loaded")
            return
        unit.settled = True
        self._attempt(file, unit)

    def _attempt(self, file: _File, unit: _Unit) -> None:
        unit.missing = None
        try:
            statement = unit.statement if unit.why else self._trimmed(file, unit, unit.statement)
            try:
                self._execute(file, file.compiled(unit, statement))
            except NameError as error:
                if not _is_annotation(statement, error):
                    raise
                # An annotation says nothing about what a network does; Python itself reads them late by now.
                self._note(unit.where, unit.what, f"annotations not evaluated: {bounded(error)}")
                self._execute(file, file.compiled(unit, statement, annotated=False))
        except BaseException as error:
            if not self._got_round(file, unit, error):
                self._failed(file, unit, error)
        for name in unit.bound.intersection(self.wanted):
            kind, known = vars(file.module).get(name), self.every.setdefault(name, [])
            if isinstance(kind, type) and not any(kind is one for one in known):
                known.append(kind)

    def _got_round(self, file: _File, unit: _Unit, error: BaseException) -> bool:
        """Stand in for what a statement would have bound, had it not failed for want of what is not here."""
        statement: ast.stmt | None = unit.statement
        what = describe(error)
        try:
            if not self._wants(file, unit, error):
                return False
            for _ in range(_MOST_ROUNDS if isinstance(statement, _NEW_SCOPE) else 0):
                statement = around(statement, failing_line(error, unit.piece.name)) if statement is not None else None
                if statement is None:
                    return False
                try:
                    self._execute(file, file.compiled(unit, statement))
                    break
                except BaseException as another:
                    error = another
                    if not self._wants(file, unit, error):
                        return False
            else:
                if isinstance(statement, _NEW_SCOPE):
                    return False
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        namespace = vars(file.module)
        for name in unit.bound - set(namespace):
            namespace[name] = StandIn(name)
        self._note(unit.where, unit.what, f"needs what is not here ({what['type']}: {what['text']}): stood in for")
        return True

    def _wants(self, file: _File, unit: _Unit, error: BaseException) -> bool:
        """Whether a statement failed because something is not here: a file, a module, a network, a card."""
        kind = type(error)
        if not issubclass(kind, Exception) and (kind is not SystemExit or isinstance(unit.statement, _NEW_SCOPE)):
            return False  # a command line that is not there is the only reason to leave
        if kind is NameError and error.name in file.bound:  # type: ignore[attr-defined]
            return False
        code, namespace = file.compiled(unit), vars(file.module)
        # By type, since isinstance asks the student's objects.
        return any(type(namespace.get(name)) is StandIn for name in _reads_now(code)) or is_absence(
            error, _mentions(code)
        )

    def _execute(self, file: _File, code: types.CodeType) -> None:
        try:
            with _within(self.patience):
                exec(code, vars(file.module))
        except _OutOfTime:
            self.patience /= 2
            raise

    def _failed(self, file: _File, unit: _Unit, error: BaseException) -> None:
        missing = error.name if type(error) is NameError and type(error.name) is str else None
        if missing in file.bound and missing not in vars(file.module):
            unit.missing = missing
        elif len(self.failed) < _MOST_ENTRIES:
            self.failed.append(
                {"where": unit.where, "what": unit.what, "names": sorted(unit.bound)[:20], **describe(error)}
            )

    def _trimmed(self, file: _File, unit: _Unit, statement: ast.stmt) -> ast.stmt:
        """The statement without those parts of its blocks that do more than define."""
        if not isinstance(statement, ast.If | ast.Try):
            return statement
        changes: dict[str, Any] = {}
        for name, value in ast.iter_fields(statement):
            if name in ("body", "orelse", "finalbody"):
                changes[name] = self._kept(file, unit, value)
            elif name == "handlers":
                changes[name] = [
                    ast.copy_location(
                        ast.ExceptHandler(type=part.type, name=part.name, body=self._kept(file, unit, part.body)), part
                    )
                    for part in value
                ]
            else:
                changes[name] = value
        return ast.copy_location(type(statement)(**changes), statement)

    def _kept(self, file: _File, unit: _Unit, block: list[ast.stmt]) -> list[ast.stmt]:
        kept: list[ast.stmt] = []
        for part in block:
            why = file.scope.why_not(part)
            if why is None:
                kept.append(self._trimmed(file, unit, part))
            elif file.needed.isdisjoint(_binds(part)[0]) or _trains(part):
                kept.append(ast.copy_location(ast.Pass(), part))
                self._leave_out(f"{unit.piece.name}, line {part.lineno}", unit.piece.line(part.lineno), why)
            else:
                kept.append(part)
        return kept

    def _leave_out(self, where: str, what: str, why: str) -> None:
        entry = {"where": where, "what": what, "why": why}
        if len(self.left_out) < _MOST_ENTRIES and entry not in self.left_out:
            self.left_out.append(entry)

    def _note(self, where: str, what: str, why: str) -> None:
        if len(self.notes) < _MOST_ENTRIES:
            self.notes.append({"where": where, "what": what, "why": why})

    # ---------------------------------------------------------------------------------------------------- imports

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """``__import__`` for the submission's code: its own files first, then what is installed, then stand-ins."""
        importer = self.by_globals.get(id(globals))
        wanted = tuple(fromlist or ())
        frame = sys._getframe(1)
        place = (frame.f_code.co_filename, frame.f_lineno)
        if level:
            parts = list(importer.path.parent.parts) if importer else []
            base = parts[: len(parts) - (level - 1)]
            key = "/".join([*base, *(name.split(".") if name else [])])
            # A submission that was taken out of its package still says ``from .models import CNN``.
            prefix = base if self._exists(key) else self._find(name, importer) if name else []
            if prefix is None:
                return self._not_own(name, wanted, importer, place)
            return self._own_module(prefix, name, wanted or ("*",), importer)
        top = name.partition(".")[0]
        prefix = self._find(name, importer)
        if prefix is not None and self._is_taken(name, wanted):
            self._leave_out(
                here() or "", top, f"the submission's own file is not imported: {top} is the installed module"
            )
            prefix = None
        if prefix is not None:
            return self._own_module(prefix, name, wanted, importer)
        return self._not_own(name, wanted, importer, place)

    def _is_taken(self, name: str, fromlist: Sequence[str]) -> bool:
        """Whether a module that is loaded already, and is not the submission's, is what ``name`` means."""
        top = name.partition(".")[0]
        if top in {module.partition(".")[0] for module in ALWAYS_REAL}:
            return True
        real = sys.modules.get(name)
        if top in _registered or top == _OWN or real is None:
            return False
        return all(wanted == "*" or hasattr(real, wanted) for wanted in fromlist)

    def _not_own(self, name: str, fromlist: Sequence[str], importer: _File | None, place: tuple[str, int]) -> Any:
        """What is installed, or a stand-in for what is not; a failure that the student catches stays one."""
        if name.partition(".")[0] in (_OWN, "grader", "reference"):
            # Our own modules are not for the submission.
            self._remark(name, "not here: stood in for")
            module: Any = StandIn(name if fromlist else name.partition(".")[0])
        elif importer is not None and place in importer.prepared_for:
            module = builtins.__import__(name, fromlist=fromlist)
        else:
            module = real_or_stand_in(name, fromlist, self._remark)
        if "*" in fromlist and isinstance(module, StandIn) and importer is not None:
            self._fill(importer, name)
        return module

    def _remark(self, module: str, why: str) -> None:
        if len(self.stood_in) < _MOST_ENTRIES:
            self.stood_in.setdefault(bounded(module), why)

    def _fill(self, file: _File, module: str) -> None:
        """Bind the names that only a star import from an absent module can have defined."""
        namespace = vars(file.module)
        free: set[str] = set()
        for unit in file.units:
            with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                free |= _reads(file.compiled(unit))
        for name in sorted(free - file.bound - set(self.builtins) - set(namespace)):
            known, value = conventional(name)
            namespace[name] = value if known else StandIn(f"{module}.{name}")
            if not known:
                self._remark(f"{module}.{name}", f"no import defines `{name}` but the one of {module}: stood in for")

    def _exists(self, key: str) -> bool:
        return key in self.by_key or key in self.folders

    def _find(self, name: str, importer: _File | None) -> list[str] | None:
        """Folders under which the submission holds the module ``name``: beside the importing file first."""
        tail = name.replace(".", "/")
        near = list(importer.path.parent.parts) if importer else []
        for length in range(len(near), -1, -1):
            key = "/".join([*near[:length], tail])
            if self._exists(key) and self.by_key.get(key) is not importer:
                return near[:length]
        for key in [*self.by_key, *sorted(self.folders)]:
            if key.endswith("/" + tail) and self.by_key.get(key) is not importer:
                return key.split("/")[: -len(tail.split("/"))]
        return None

    def _own_module(self, prefix: list[str], name: str, fromlist: Sequence[str], importer: _File | None) -> Any:
        names = importer.mentions if importer else set()
        parts = name.split(".") if name else []
        modules = [self._module("/".join([*prefix, *parts[: length + 1]]), names) for length in range(len(parts))]
        for parent, child, part in zip(modules, modules[1:], parts[1:], strict=False):
            setattr(parent, part, child)
        if not fromlist:
            return modules[0]
        key = "/".join([*prefix, *parts])
        module = modules[-1] if modules else self._module(key, names)
        file = self.by_key.get(key)
        added: dict[str, Any] = {}
        for wanted in fromlist:
            if wanted == "*" or hasattr(module, wanted):
                continue
            if self._exists(f"{key}/{wanted}".lstrip("/")):
                setattr(module, wanted, self._module(f"{key}/{wanted}".lstrip("/"), names))
            elif file is not None and file not in self.running and wanted in file.bound | file.lost:
                added[wanted] = StandIn(f"{name}.{wanted}")
                self._remark(f"{name}.{wanted}", f"not defined when {file.source.path} is loaded: stood in for")
        return fill_missing(module, added)

    def _module(self, key: str, names: Iterable[str]) -> types.ModuleType:
        file = self.by_key.get(key)
        if file is not None:
            if file not in self.running:
                self.run(file, names)
            return file.module
        if key not in self.packages:
            self.packages[key] = types.ModuleType(key.replace("/", ".") or "submission")
            self.packages[key].__path__ = []
        return self.packages[key]

    def named(self, name: str) -> types.ModuleType | None:
        """The submission's module of that name, for code that imports by other means than the statement."""
        prefix = self._find(name, None)
        return None if prefix is None else self._module("/".join([*prefix, *name.split(".")]), ())


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The submission's modules for ``importlib`` and ``pickle``; asked last, so that it shadows nothing."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> Any:
        module = self._loader.named(fullname)
        return None if module is None else importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        _registered.add(spec.name)
        return self._loader.named(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is left to do: its definitions ran when it was found."""


def _forget_last() -> None:
    """Take the submission loaded before out of the interpreter."""
    for name in _registered:
        sys.modules.pop(name, None)
    _registered.clear()
    while _finders:
        with suppress(ValueError):
            sys.meta_path.remove(_finders.pop())


def _class_statement(file: _File, name: str) -> ast.ClassDef | None:
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


def _is_annotation(statement: ast.stmt, error: NameError) -> bool:
    """Whether the name that is not defined stands in an annotation of a definition."""
    annotations: list[ast.expr | None] = []
    for node in ast.walk(statement) if isinstance(statement, _NEW_SCOPE) else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            annotations.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            annotations.append(node.annotation)
    names = (name for one in annotations if one is not None for name in ast.walk(one) if isinstance(name, ast.Name))
    return any(name.id == error.name for name in names)


def _is_to_do(file: _File, name: str) -> bool:
    """Whether the file's class of that name has a ``forward`` that does nothing, as handed out."""
    statement = _class_statement(file, name)
    return statement is not None and any(
        isinstance(part, ast.FunctionDef) and part.name == "forward" and is_empty(part) for part in statement.body
    )


def _same(one: ast.AST, other: ast.AST) -> bool:
    try:
        return ast.dump(one) == ast.dump(other)
    except RecursionError:
        return False


def _parsed_lines(piece: Piece) -> str:
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


def _imports(file: _File, other: _File) -> bool:
    return any(module.rpartition(".")[2] == other.path.stem for module in file.aliases.modules)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise _OutOfTime in the student's code after ``seconds`` of wall time; only the main thread can."""

    def stop(number: int, frame: object) -> None:
        raise _OutOfTime(f"still running after {seconds:g} seconds")

    try:
        before = signal.signal(signal.SIGALRM, stop)
    except (ValueError, AttributeError):
        yield
        return
    remaining, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining)
        signal.signal(signal.SIGALRM, before)


def _divide(left: Any, right: Any) -> Any:
    """``/`` of Python 2, where integers divide to an integer."""
    return left // right if _are_integers(left, right) else left / right


def _divide_in_place(left: Any, right: Any) -> Any:
    if _are_integers(left, right):
        return left // right
    left /= right
    return left


def _are_integers(*values: Any) -> bool:
    return all(isinstance(value, int) for value in values)


def _listing(function: Callable[..., Any]) -> Callable[..., list[Any]]:
    def listed(*arguments: Any) -> list[Any]:
        return list(function(*arguments))

    return listed


_PYTHON_2: dict[str, Any] = {
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
    **{function.__name__: _listing(function) for function in (range, map, filter, zip)},
}
