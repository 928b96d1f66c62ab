"""A submission's definitions, run; the rest of its top level, left out.

Examining a class needs what the file *defines*: imports, classes, functions, plain values. It does not need the
25-epoch training run, the download or the plots that stand between them. So each top-level statement is run on its own
if it only defines something, and left out with a reason if it does something. A statement that does something is run
all the same where a wanted class reads, directly or through others, a name that it binds. An exception costs the
statement it comes from.

Files import one another as modules, by the same rules; what is neither handed in nor installed is stood in for.
"""

from __future__ import annotations

import ast
import builtins
import signal
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocol import CodeFile, Conflict, DataFile, Failure, Remark, Replacement
from ..source.pieces import Source
from ..source.python2 import PYTHON_2_NAMES
from ..source.reading import read
from ..trouble import bounded, describe, here, remember
from . import legacy
from .absences import STAND_IN, around, failing_line, is_absence
from .data_files import lay_out
from .files import OWN, File, Unit, class_statement, imports, is_annotation, is_to_do, parsed_lines, registered, same
from .importing import Finder, finders, forget_last
from .standins import ALWAYS_REAL, StandIn, conventional, fill_missing, real_or_stand_in
from .statements import NEW_SCOPE, binds, names_mentioned, names_read, reads_now, trains

__all__ = ["Loaded", "Loader", "load"]


_SECONDS = 4.0
"""Longest that the first endless statement may take before it is given up, and each further one half as long as the one
before: neither one nor several may use up the time for loading, which is the examiner's to set."""


@dataclass(frozen=True)
class Loaded:
    """What loading a submission came to."""

    classes: dict[str, type]
    """The wanted classes that there are."""
    namespaces: dict[str, dict[str, Any]]
    """Names of each file that was run, by its path."""
    left_out: list[Remark]
    """Statements that were not run, or not as they are written."""
    failed: list[Failure]
    """Definitions that raised."""
    stood_in: list[Replacement]
    """Imports that something stands in for."""
    chosen: dict[str, str]
    """Path of the file that each wanted class is taken from."""
    conflicts: list[Conflict]
    """Wanted classes that several unrelated files define differently."""
    notes: list[Remark]
    """Removed and old functions that the code uses; grows while it runs."""
    every: dict[str, tuple[type, ...]]
    """All classes that had each wanted name in any file, at any time: one may be defined twice, and copied."""


def load(
    files: Sequence[CodeFile],
    data: Sequence[DataFile] = (),
    *,
    folder: Path,
    wanted: Sequence[str],
    sparing: bool = False,
) -> Loaded:
    """Run the definitions of the files that hold the ``wanted`` classes, best file first.

    ``data`` is laid out for the code to read; ``folder`` is where their text lies, for ``__file__``; ``sparing`` leaves
    out what the wanted classes do not need, imports apart.
    Side effects: the working directory is that of the best file where there is data; the modules
    are registered in ``sys.modules`` until the next call, and old functions of torch are made to work (``legacy``).
    Never raises for what the code does.
    """
    lay_out(data, folder, (folder / files[0].path).parent if files else folder)
    return Loader(read(files), folder, wanted, sparing).load()


_MOST_ENTRIES = 500
_MOST_ROUNDS = 10
"""Parts of one class that are stood in for, one after another."""


class _OutOfTime(BaseException):
    """A statement ran longer than it may; no ``except Exception`` of the student's stops it."""


class Loader:
    """Runs what is wanted of one submission."""

    def __init__(self, sources: list[Source], folder: Path, wanted: Sequence[str], sparing: bool) -> None:
        forget_last()
        self.sparing = sparing
        self.wanted = list(wanted)
        self.files = [File(source, folder) for source in sources]
        self.by_key: dict[str, File] = {}
        for file in sorted(self.files, key=lambda file: file.path.suffix.lower() == ".ipynb"):
            self.by_key.setdefault(file.key, file)
        self.folders = {str(parent) for file in self.files for parent in file.path.parents} - {"."}
        self.packages: dict[str, types.ModuleType] = {}
        self.by_globals = {id(vars(file.module)): file for file in self.files}
        self.running: list[File] = []
        self.patience = _SECONDS
        self.left_out: list[Remark] = []
        self.failed: list[Failure] = []
        self.notes: list[Remark] = []
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
        finder = Finder(self.named)
        finders.append(finder)
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
            stood_in=[Replacement(module, reason) for module, reason in self.stood_in.items()],
            chosen=chosen,
            conflicts=[conflict for name in self.wanted if (conflict := self._conflict(name, chosen)) is not None],
            notes=self.notes,
            every={name: tuple(kinds) for name, kinds in self.every.items()},
        )

    def _definers(self, name: str) -> list[File]:
        """Files that may hold the class: completed ``class`` statements, then ones still to do, then assigned names."""
        holding = [file for file in self.files if class_statement(file, name) is not None]
        # The starter beside the solution is no candidate, whatever it is called.
        holding.sort(key=lambda file: is_to_do(file, name))
        return holding + [file for file in self.files if file not in holding and name in file.scope.own]

    def _conflict(self, name: str, chosen: Mapping[str, str]) -> Conflict | None:
        """Files whose class of that name differs from the chosen one and that neither import nor are imported by it."""
        first = next((file for file in self.files if file.source.path == chosen.get(name)), None)
        if first is None or len(self.files) == 1 or (kept := class_statement(first, name)) is None:
            return None
        paths = [first.source.path]
        for file in self.files:
            other = class_statement(file, name)
            if other is None or file is first or is_to_do(file, name) or imports(first, file) or imports(file, first):
                continue
            if not same(other, kept):
                paths.append(file.source.path)
        return Conflict(name, tuple(paths)) if len(paths) > 1 else None

    def run(self, file: File, names: Iterable[str]) -> None:
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

    def _settle_late(self, file: File) -> None:
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

    def _prepare(self, file: File) -> None:
        namespace = vars(file.module)
        namespace["__builtins__"] = self.builtins
        if file.source.python2:
            namespace.update(PYTHON_2_NAMES)
        notebook = file.path.suffix.lower() == ".ipynb"
        if notebook:
            namespace.update(get_ipython=StandIn("get_ipython"), display=StandIn("display"))
        for piece in file.source.pieces:
            remember(piece.name, piece.text)
        # inspect looks a class up in the file of its module, and a function under its own file name.
        remember(str(file.module.__file__), "\n".join(parsed_lines(piece) for piece in file.source.pieces))
        sys.modules[file.module.__name__] = file.module
        registered.add(file.module.__name__)

    def _settle(self, file: File, unit: Unit, first: bool) -> None:
        if unit.why is not None:
            if not file.is_needed(unit) or trains(unit.statement):
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

    def _attempt(self, file: File, unit: Unit) -> None:
        unit.missing = None
        try:
            statement = unit.statement if unit.why else self._trimmed(file, unit, unit.statement)
            try:
                self._execute(file, file.compiled(unit, statement))
            except NameError as error:
                if not is_annotation(statement, error):
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

    def _got_round(self, file: File, unit: Unit, error: BaseException) -> bool:
        """Stand in for what a statement would have bound, had it not failed for want of what is not here."""
        statement: ast.stmt | None = unit.statement
        what = describe(error)
        try:
            if not self._wants(file, unit, error):
                return False
            for _ in range(_MOST_ROUNDS if isinstance(statement, NEW_SCOPE) else 0):
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
                if isinstance(statement, NEW_SCOPE):
                    return False
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        namespace = vars(file.module)
        for name in unit.bound - set(namespace):
            namespace[name] = StandIn(name)
        self._note(unit.where, unit.what, f"needs what is not here ({what.type}: {what.text}): stood in for")
        return True

    def _wants(self, file: File, unit: Unit, error: BaseException) -> bool:
        """Whether a statement failed because something is not here: a file, a module, a network, a card."""
        kind = type(error)
        if not issubclass(kind, Exception) and (kind is not SystemExit or isinstance(unit.statement, NEW_SCOPE)):
            return False  # a command line that is not there is the only reason to leave
        if kind is NameError and error.name in file.bound:  # type: ignore[attr-defined]
            return False
        code, namespace = file.compiled(unit), vars(file.module)
        # By type, since isinstance asks the student's objects.
        return any(type(namespace.get(name)) is StandIn for name in reads_now(code)) or is_absence(
            error, names_mentioned(code)
        )

    def _execute(self, file: File, code: types.CodeType) -> None:
        try:
            with _within(self.patience):
                exec(code, vars(file.module))
        except _OutOfTime:
            self.patience /= 2
            raise

    def _failed(self, file: File, unit: Unit, error: BaseException) -> None:
        missing = error.name if type(error) is NameError and type(error.name) is str else None
        if missing in file.bound and missing not in vars(file.module):
            unit.missing = missing
        elif len(self.failed) < _MOST_ENTRIES:
            self.failed.append(Failure(unit.where, unit.what, tuple(sorted(unit.bound)[:20]), describe(error)))

    def _trimmed(self, file: File, unit: Unit, statement: ast.stmt) -> ast.stmt:
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

    def _kept(self, file: File, unit: Unit, block: list[ast.stmt]) -> list[ast.stmt]:
        kept: list[ast.stmt] = []
        for part in block:
            why = file.scope.why_not(part)
            if why is None:
                kept.append(self._trimmed(file, unit, part))
            elif file.needed.isdisjoint(binds(part)[0]) or trains(part):
                kept.append(ast.copy_location(ast.Pass(), part))
                self._leave_out(f"{unit.piece.name}, line {part.lineno}", unit.piece.line(part.lineno), why)
            else:
                kept.append(part)
        return kept

    def _leave_out(self, where: str, what: str, why: str) -> None:
        entry = Remark(where, what, why)
        if len(self.left_out) < _MOST_ENTRIES and entry not in self.left_out:
            self.left_out.append(entry)

    def _note(self, where: str, what: str, why: str) -> None:
        if len(self.notes) < _MOST_ENTRIES:
            self.notes.append(Remark(where, what, why))

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
        if top in registered or top == OWN or real is None:
            return False
        return all(wanted == "*" or hasattr(real, wanted) for wanted in fromlist)

    def _not_own(self, name: str, fromlist: Sequence[str], importer: File | None, place: tuple[str, int]) -> Any:
        """What is installed, or a stand-in for what is not; a failure that the student catches stays one."""
        if name.partition(".")[0] in (OWN, "grader", "reference"):
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

    def _fill(self, file: File, module: str) -> None:
        """Bind the names that only a star import from an absent module can have defined."""
        namespace = vars(file.module)
        free: set[str] = set()
        for unit in file.units:
            with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                free |= names_read(file.compiled(unit))
        for name in sorted(free - file.bound - set(self.builtins) - set(namespace)):
            known, value = conventional(name)
            namespace[name] = value if known else StandIn(f"{module}.{name}")
            if not known:
                self._remark(f"{module}.{name}", f"no import defines `{name}` but the one of {module}: stood in for")

    def _exists(self, key: str) -> bool:
        return key in self.by_key or key in self.folders

    def _find(self, name: str, importer: File | None) -> list[str] | None:
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

    def _own_module(self, prefix: list[str], name: str, fromlist: Sequence[str], importer: File | None) -> Any:
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
