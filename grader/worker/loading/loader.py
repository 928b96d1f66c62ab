"""A submission's definitions, run; the rest of its top level is skipped.

To examine a class, the examiner needs what the file *defines*: imports, classes, functions, plain values. It does not
need the 25 epochs of training, the download or the plots that stand between them. Loading goes like this:

1. Each file becomes a module, and each of its top-level statements a unit (``files``).
2. For each wanted class, the files that may hold it are run until one of them gives the class.
3. To run a file is to run its units in order, each by itself. A unit is skipped, with a reason, if it does more than
   define something (``statements``). It is run anyway if a wanted class reads, directly or through other definitions,
   a name that it binds, or if it changes what such a class is made of (``changes``); a training loop never is.
4. An exception costs the unit that raises it, and nothing else (``attempts``). A unit that uses a name which a later
   one defines is run again at the end of the file: a notebook's cells are run in any order.
5. Files import one another as modules, by the same rules. What is neither handed in nor installed is replaced by a
   placeholder (``importing``).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocol import CodeFile, Conflict, DataFile, Failure, Remark, Replacement, TopLevelChange
from ..source.pieces import Source
from ..source.python2_meaning import PYTHON_2_NAMES
from ..source.reading import read
from ..source.siblings import meant
from ..trouble import bounded, remember, remember_folder
from ..witness import ours
from . import legacy
from .attempts import Attempts
from .data_files import lay_out
from .files import File, Unit, why_not_run
from .findings import Findings
from .importing import Finder, Importer
from .registry import add_finder, forget_last, register
from .standins import StandIn
from .statements import trains

__all__ = ["Loaded", "Loader", "load"]


_SECONDS = 4.0
"""The longest that the first statement which does not end may take."""
_MOST_SHOWN = 5
"""Names that a reason lists."""


@dataclass(frozen=True)
class Loaded:
    """What loading a submission came to."""

    classes: dict[str, type]
    """The wanted classes that exist."""
    namespaces: dict[str, dict[str, Any]]
    """The names of each file that was run, by its path."""
    skipped: list[Remark]
    """Statements that were not run, or not as they are written."""
    failures: list[Failure]
    """Definitions that raised an exception."""
    replacements: list[Replacement]
    """Imports that a placeholder or an equivalent replaces."""
    chosen: dict[str, str]
    """Path of the file that each wanted class is taken from."""
    conflicts: list[Conflict]
    """Wanted classes that several unrelated files define differently."""
    notes: list[Remark]
    """Removed and old functions that the code uses; grows while the code runs."""
    changes: list[TopLevelChange]
    """Statements outside of classes that change them, or torch, and that a person should read."""
    every: dict[str, tuple[type, ...]]
    """All classes that ever had each wanted name in any file: a class may be defined twice, and copied."""


def load(
    files: Sequence[CodeFile],
    data: Sequence[DataFile] = (),
    *,
    folder: Path,
    wanted: Sequence[str],
    sparing: bool = False,
    seconds: float = _SECONDS,
) -> Loaded:
    """Run the definitions of the files that hold the ``wanted`` classes, best file first.

    ``data`` is laid out for the code to read. ``folder`` is where the text of ``files`` lies, for ``__file__``.
    ``sparing`` skips what the wanted classes do not need, except imports. The first statement that does not end is
    stopped after ``seconds``.

    Side effects: the working directory is that of the best file where there is data; the modules are registered in
    ``sys.modules`` until the next call, and old functions of torch are made to work (``legacy``).
    Never raises for what the code does.
    """
    remember_folder(str(folder))
    lay_out(data, folder, (folder / files[0].path).parent if files else folder)
    return Loader(read(files), folder, wanted, sparing=sparing, seconds=seconds).load()


class Loader:
    """Runs what is wanted of one submission."""

    def __init__(
        self, sources: Sequence[Source], folder: Path, wanted: Sequence[str], *, sparing: bool, seconds: float
    ) -> None:
        """Side effect: the submission that was loaded before is forgotten."""
        forget_last()
        self._wanted = list(wanted)
        self._sparing = sparing
        self._files = [File(source, folder) for source in sources]
        _make_names_unique(self._files)
        self._connect()
        self._findings = Findings()
        self._attempts = Attempts(self._findings, seconds)
        self._importer = Importer(self._files, self._findings, self._run)
        self._every: dict[str, list[type]] = {}

    def _connect(self) -> None:
        """Let the files know one another, and find out what their statements change."""
        modules = [module for file in self._files for module in file.aliases.modules]
        files = {file.path.stem: file for file in reversed(self._files)}
        others = meant(modules, files)
        readers = {name: files[others.get(name, name)].reader for name in (*files, *others)}
        for file in self._files:
            file.meant, file.reader.neighbours = others, readers
        for file in self._files:
            file.find_changes(self._wanted)

    def load(self) -> Loaded:
        """Run the files that may hold the wanted classes, until each class is there or no file is left."""
        self._prepare_interpreter()
        classes: dict[str, type] = {}
        chosen: dict[str, str] = {}
        for name in self._wanted:
            for file in self._candidates(name):
                self._run(file, self._wanted)
                value = vars(file.module).get(name)
                if isinstance(value, type):
                    classes[name], chosen[name] = value, file.source.path
                    break
        self._run_importers(chosen)
        conflicts = [self._conflict(name, path) for name, path in chosen.items()]
        return Loaded(
            classes=classes,
            namespaces={file.source.path: vars(file.module) for file in self._files if file.has_started},
            skipped=self._findings.skipped,
            failures=self._findings.failures,
            replacements=self._findings.replacements,
            chosen=chosen,
            conflicts=[conflict for conflict in conflicts if conflict is not None],
            notes=self._findings.notes,
            changes=list(self._changes(chosen)),
            every={name: tuple(kinds) for name, kinds in self._every.items()},
        )

    def _prepare_interpreter(self) -> None:
        ours(lambda: legacy.install(self._findings.note))
        # The arguments of a program that was started without any; ours are not the submission's.
        sys.argv[:] = [str(self._files[0].module.__file__)] if self._files else [""]
        # What lies in the folder is imported by the rules of this package, or not at all.
        sys.path[:] = [entry for entry in sys.path if entry not in ("", ".")]
        add_finder(Finder(self._importer.module_named))

    # --------------------------------------------------------------------------------- what is changed at the top level

    def _run_importers(self, chosen: Mapping[str, str]) -> None:
        """Run the files that change a class of a file which they import: the program that was handed in."""
        for file in self._files:
            if not file.has_started and self._imported(file, chosen):
                file.need(self._wanted)
                if any(file.changed_by(unit) or self._rebound(file, unit, chosen) for unit in file.units):
                    self._run(file, self._wanted)

    def _changes(self, chosen: Mapping[str, str]) -> Iterator[TopLevelChange]:
        """What a person should read: a change that was not run, that is made elsewhere, or that is one of torch."""
        for file in self._files:
            for unit in file.units if file.has_started else ():
                changed, rebound = file.changed_by(unit), self._rebound(file, unit, chosen)
                is_elsewhere = any(chosen.get(name, file.source.path) != file.source.path for name in changed)
                if rebound or (changed and (not unit.ran or unit.torch or is_elsewhere)):
                    names = tuple(map(bounded, rebound or sorted(unit.torch) or self._telling(changed)))[:_MOST_SHOWN]
                    why = "" if unit.ran else why_not_run(unit.change) or "it did not run to its end"
                    if rebound:
                        why = "it binds the name anew in another file"
                    yield TopLevelChange(unit.where, unit.what, names, bool(unit.torch), not why, why)

    def _telling(self, names: list[str]) -> list[str]:
        """The wanted classes among ``names``; all of them if there is none."""
        return [name for name in names if name in self._wanted] or names

    def _imported(self, file: File, chosen: Mapping[str, str]) -> set[str]:
        """The ``chosen`` classes that lie in files which the file imports."""
        others = {other.source.path for other in self._files if other is not file and file.imports(other)}
        return {name for name, path in chosen.items() if path in others}

    def _rebound(self, file: File, unit: Unit, chosen: Mapping[str, str]) -> list[str]:
        """The classes of files which the file imports, whose names the unit binds anew."""
        return sorted((unit.names.bound - unit.names.imported) & self._imported(file, chosen))

    # ------------------------------------------------------------------------------------------- which file to choose

    def _candidates(self, name: str) -> list[File]:
        """Files that may hold the class: written ``class`` statements, then ones still to do, then assigned names."""
        holding = [file for file in self._files if file.class_statement(name) is not None]
        # The starter beside the solution is not a candidate, whatever it is called.
        holding.sort(key=lambda file: file.is_to_do(name))
        return holding + [file for file in self._files if file not in holding and name in file.scope.own]

    def _conflict(self, name: str, chosen: str) -> Conflict | None:
        """Files whose class of that name differs from the chosen one's, and that are not connected by an import."""
        first = next(file for file in self._files if file.source.path == chosen)
        statement = first.class_statement(name)
        if statement is None or len(self._files) == 1:
            return None
        paths = [chosen]
        for file in self._files:
            other = file.class_statement(name)
            if other is None or file is first or file.is_to_do(name) or first.imports(file) or file.imports(first):
                continue
            if not _is_same(other, statement):
                paths.append(file.source.path)
        return Conflict(name, tuple(paths)) if len(paths) > 1 else None

    # -------------------------------------------------------------------------------------------------- running a file

    def _run(self, file: File, names: Iterable[str]) -> None:
        """Run the file's definitions if that is still to be done, and whatever else the ``names`` need."""
        already_needed = len(file.needed)
        file.need([*self._wanted, *names])
        if file.has_started and len(file.needed) == already_needed:
            return
        is_first_time = not file.has_started
        if is_first_time:
            file.has_started = True
            self._prepare(file)
        file.is_running = True
        try:
            for unit in file.units:
                if not unit.settled:
                    self._settle(file, unit, is_first_time)
            self._settle_waiting(file)
        finally:
            file.is_running = False

    def _prepare(self, file: File) -> None:
        """Give the module its built-in names, and its text for tracebacks and ``inspect``."""
        namespace = vars(file.module)
        namespace["__builtins__"] = self._importer.builtins
        if file.source.python2:
            namespace.update(PYTHON_2_NAMES)
        if file.path.suffix.lower() == ".ipynb":
            namespace.update(get_ipython=StandIn("get_ipython"), display=StandIn("display"))
        for piece in file.source.pieces:
            remember(piece.name, piece.text)
        # inspect looks a class up in the file of its module, and a function under its own file name.
        remember(str(file.module.__file__), file.parsed_text)
        sys.modules[file.module.__name__] = file.module
        register(file.module.__name__)

    def _settle(self, file: File, unit: Unit, is_first_time: bool) -> None:
        """Run the unit, or say why it is skipped. The reason is given once, however often the file is run."""
        if unit.why is not None:
            if file.is_needed(unit) and not trains(unit.statement):
                name = min(file.needed & (unit.names.bound | unit.names.changed))
                self._findings.skip_unit(unit, f"{unit.why}; run anyway, because `{name}` is needed")
            elif file.is_to_run(unit.statement, unit):
                names = ", ".join(
                    f"`{name}`" for name in (sorted(unit.torch) or self._telling(file.changed_by(unit)))[:_MOST_SHOWN]
                )
                self._findings.skip_unit(unit, f"{unit.why}; run anyway, because it changes {names}")
            else:
                if is_first_time and not unit.guarded:
                    self._findings.skip_unit(unit, unit.why)
                return
        elif self._sparing and not unit.names.imported and not (file.is_needed(unit) or file.changed_by(unit)):
            if is_first_time:
                self._findings.skip_unit(unit, "not needed, and the file as a whole could not be loaded")
            return
        unit.settled = True
        self._attempt(file, unit)

    def _settle_waiting(self, file: File) -> None:
        """Run the units again whose missing name a later unit has defined, as long as that defines more names."""
        namespace = vars(file.module)
        for _ in file.units:
            ready = [
                unit
                for unit in file.units
                # What has been defined since by the same name is the later definition, and counts.
                if unit.missing is not None and unit.missing in namespace and unit.names.bound.isdisjoint(namespace)
            ]
            if not ready:
                break
            for unit in ready:
                self._attempt(file, unit)
        for unit in file.units:
            if unit.missing is not None:
                self._findings.skip_unit(unit, f"needs `{unit.missing}`, which is skipped")

    def _attempt(self, file: File, unit: Unit) -> None:
        """Run the unit, and remember the wanted classes that it defines."""
        self._attempts.run(file, unit)
        for name in unit.names.bound.intersection(self._wanted):
            value, earlier = vars(file.module).get(name), self._every.setdefault(name, [])
            if isinstance(value, type) and not any(value is kind for kind in earlier):
                earlier.append(value)


def _make_names_unique(files: Iterable[File]) -> None:
    """Give a module whose name another file has already the name of its whole path."""
    names: set[str] = set()
    for file in files:
        if file.module.__name__ in names:
            file.module.__name__ = file.key.replace("/", "_").replace(".", "_") + file.path.suffix.replace(".", "_")
        names.add(file.module.__name__)


def _is_same(statement: ast.stmt, other: ast.stmt) -> bool:
    """Whether the two are written alike, but for blanks and comments."""
    try:
        return ast.dump(statement) == ast.dump(other)
    except RecursionError:
        return False
