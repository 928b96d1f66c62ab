"""Import statements of the submission: its own files first, then what is installed, then placeholders for the rest.

A file of the submission is found

1. beside the file that imports it,
2. in the folders above that one, the nearest first,
3. anywhere in the submission, since files that were handed in have often left their folders,
4. under a name that contains the module's, since files that were handed in have often been renamed (``siblings``).

A file with the name of an installed module is not imported where that module is loaded already and has all the names
that are imported from it: a student's ``math.py`` must not take the place of ``math``.
"""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..source.siblings import sibling
from ..trouble import here
from ..witness import seen
from .absences import STAND_IN
from .equivalents import conventional
from .files import OURS, File
from .findings import Findings
from .installed import ALWAYS_REAL, real_or_stand_in, with_added
from .registry import is_registered, register
from .standins import StandIn
from .statements import names_read

__all__ = ["Finder", "Importer"]


_ALWAYS_INSTALLED = frozenset(module.partition(".")[0] for module in ALWAYS_REAL)
_NOT_FOR_SUBMISSIONS = frozenset({OURS, "grader", "reference"})


@dataclass(frozen=True)
class _Import:
    """An import statement that is being run."""

    module: str
    """``a.b`` of ``import a.b`` and of ``from a.b import c``, without leading dots; empty in ``from . import c``."""
    names: tuple[str, ...]
    """The names after ``import`` in ``from a.b import c``; none in ``import a.b``."""
    importer: File | None
    """The file that the statement stands in; None if a library imports."""
    place: tuple[str, int]
    """File name and line of the code that imports."""

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


class Importer:
    """``__import__`` for the code of one submission."""

    def __init__(self, files: Sequence[File], findings: Findings, run: Callable[[File, Iterable[str]], None]) -> None:
        """``run`` runs a file's definitions and whatever else the given names need."""
        self._findings = findings
        self._run = run
        self._by_key: dict[str, File] = {}
        for file in sorted(files, key=lambda file: file.path.suffix.lower() == ".ipynb"):  # a script before a notebook
            self._by_key.setdefault(file.key, file)
        self._folders = {str(parent) for file in files for parent in file.path.parents} - {"."}
        self._packages: dict[str, types.ModuleType] = {}
        self._by_globals = {id(vars(file.module)): file for file in files}
        self.builtins = {**vars(builtins), "__import__": self._import, "exit": sys.exit, "quit": sys.exit}
        self.builtins["getattr"] = _getattr
        """The built-in names of the submission's code."""
        self.builtins[STAND_IN] = StandIn("a value that needs what is not here")

    def module_named(self, name: str) -> types.ModuleType | None:
        """The submission's module of that name, for code that imports by other means than the statement."""
        folder = self._folder_of(name, None)
        return None if folder is None else self._module("/".join([*folder, *name.split(".")]), ())

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """What an import statement binds or reads from; the parameters are those of ``__import__``."""
        frame = sys._getframe(1)
        statement = _Import(
            module=name,
            names=tuple(fromlist or ()),
            importer=self._by_globals.get(id(globals)),
            place=(frame.f_code.co_filename, frame.f_lineno),
        )
        if level:
            return self._relative(statement, level)
        folder = self._folder_of(name, statement.importer)
        if folder is None:
            return self._from_elsewhere(statement)
        if _means_installed(statement):
            why = f"the submission's own file is not imported: {statement.top} is the installed module"
            self._findings.skip(here() or "", statement.top, why)
            return self._from_elsewhere(statement)
        return self._from_submission(statement, folder)

    def _relative(self, statement: _Import, level: int) -> Any:
        """``from .models import CNN``, with ``level`` dots.

        A submission that was taken out of its package still says so; its module is then looked for by name.
        """
        importer = statement.importer
        parts = list(importer.path.parent.parts) if importer else []
        base = parts[: len(parts) - (level - 1)]
        folder: list[str] | None = []
        if self._exists("/".join([*base, *(statement.module.split(".") if statement.module else [])])):
            folder = base
        elif statement.module:
            folder = self._folder_of(statement.module, importer)
        if folder is None:
            return self._from_elsewhere(statement)
        return self._from_submission(replace(statement, names=statement.names or ("*",)), folder)

    # ---------------------------------------------------------------------------------------- the submission's own

    def _exists(self, key: str) -> bool:
        return key in self._by_key or key in self._folders

    def _folder_of(self, module: str, importer: File | None) -> list[str] | None:
        """The parts of the folder in which the submission has ``module``, by the rules above; None if it has not."""
        tail = module.replace(".", "/")
        beside = list(importer.path.parent.parts) if importer else []
        for length in range(len(beside), -1, -1):
            key = "/".join([*beside[:length], tail])
            if self._exists(key) and self._by_key.get(key) is not importer:
                return beside[:length]
        for key in [*self._by_key, *sorted(self._folders)]:
            if key.endswith("/" + tail) and self._by_key.get(key) is not importer:
                return key.split("/")[: -len(tail.split("/"))]
        return None if importer is None else self._renamed(module, importer)

    def _renamed(self, module: str, importer: File) -> list[str] | None:
        """As ``_folder_of``, for a file that has been renamed; from now on it has the module's name as well."""
        files = {file.path.stem: file for file in reversed(self._by_key.values()) if file is not importer}
        stem = sibling(module.rpartition(".")[2], files)
        if stem is None:
            return None
        self._by_key[module.replace(".", "/")] = files[stem]
        self._findings.replace(module, f"the submission's own {files[stem].path} is taken for it")
        return []

    def _from_submission(self, statement: _Import, folder: list[str]) -> types.ModuleType:
        """The submission's module that the statement names, below ``folder``; the first of its parts without names."""
        wanted = statement.importer.mentions if statement.importer else set()
        parts = statement.module.split(".") if statement.module else []
        keys = ["/".join([*folder, *parts[: length + 1]]) for length in range(len(parts))]
        modules = [self._module(key, wanted) for key in keys]
        for parent, child, part in zip(modules, modules[1:], parts[1:], strict=False):
            setattr(parent, part, child)
        if not statement.names:
            return modules[0]
        key = "/".join([*folder, *parts])
        module = modules[-1] if modules else self._module(key, wanted)
        return with_added(module, self._added(statement, key, module, wanted))

    def _added(
        self, statement: _Import, key: str, module: types.ModuleType, wanted: Iterable[str]
    ) -> dict[str, StandIn]:
        """Placeholders for the imported names that the submission's ``module`` should have, and has not.

        A name that is a module inside a package becomes an attribute of the package.
        """
        file = self._by_key.get(key)
        added: dict[str, StandIn] = {}
        for name in statement.names:
            if name == "*" or hasattr(module, name):
                continue
            inner = f"{key}/{name}".lstrip("/")
            if self._exists(inner):
                setattr(module, name, self._module(inner, wanted))
            elif file is not None and not file.is_running and name in file.bound | file.lost:
                full = f"{statement.module}.{name}"
                added[name] = StandIn(full)
                why = f"not defined when {file.source.path} is loaded; replaced by a placeholder"
                self._findings.replace(full, why)
        return added

    def _module(self, key: str, wanted: Iterable[str]) -> types.ModuleType:
        """The module of a file, whose definitions are run first, or of a folder."""
        file = self._by_key.get(key)
        if file is not None:
            if not file.is_running:
                self._run(file, wanted)
            return file.module
        if key not in self._packages:
            self._packages[key] = types.ModuleType(key.replace("/", ".") or "submission")
            self._packages[key].__path__ = []
        return self._packages[key]

    # ------------------------------------------------------------------------------- what the submission does not have

    def _from_elsewhere(self, statement: _Import) -> Any:
        """What is installed, or a placeholder for it. Our own modules are never given.

        An import whose failure the student catches does fail.
        """
        if statement.top in _NOT_FOR_SUBMISSIONS:
            self._findings.replace(statement.module, "not available here; replaced by a placeholder")
            module: Any = StandIn(statement.module if statement.names else statement.top)
        elif statement.importer is not None and statement.place in statement.importer.caught_imports:
            module = builtins.__import__(statement.module, fromlist=statement.names)
        else:
            module = real_or_stand_in(statement.module, statement.names, self._findings.replace)
        if "*" in statement.names and isinstance(module, StandIn) and statement.importer is not None:
            self._fill(statement.importer, statement.module)
        return module

    def _fill(self, file: File, module: str) -> None:
        """Bind the names that only a star import from the absent ``module`` can have defined."""
        namespace = vars(file.module)
        read: set[str] = set()
        for unit in file.units:
            with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                read |= names_read(file.compiled(unit))
        for name in sorted(read - file.bound - set(self.builtins) - set(namespace)):
            known = conventional(name)
            namespace[name] = known.value if known else StandIn(f"{module}.{name}")
            if known is None:
                why = f"only the star import from {module} can define `{name}`; replaced by a placeholder"
                self._findings.replace(f"{module}.{name}", why)


_TELLING = frozenset(
    {"__globals__", "__closure__", "__code__", "__builtins__", "__subclasses__", "__kwdefaults__", "cell_contents"}
    | {"f_back", "f_code", "f_globals", "f_locals", "f_builtins", "tb_frame", "gi_frame", "cr_frame", "ag_frame"}
)
"""Names that lead to the insides of functions, and that reading the source does not find where they are computed."""


def _getattr(thing: Any, name: str, *default: Any) -> Any:
    """``getattr`` for the code of a submission."""
    # A class of the submission's own may have an equality of its own. A loop over dir() of a module has __builtins__.
    plain = str.__add__("", name) if isinstance(name, str) else ""
    if plain in _TELLING and type(thing) is not types.ModuleType:
        seen(f"….{plain}")
    return getattr(thing, name, *default)


def _means_installed(statement: _Import) -> bool:
    """Whether a module that is loaded already, and is not the submission's, is what the statement means."""
    if statement.top in _ALWAYS_INSTALLED:
        return True
    installed = sys.modules.get(statement.module)
    if is_registered(statement.top) or statement.top == OURS or installed is None:
        return False
    return all(name == "*" or hasattr(installed, name) for name in statement.names)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The submission's modules for ``importlib`` and ``pickle``."""

    def __init__(self, module_named: Callable[[str], types.ModuleType | None]) -> None:
        self._module_named = module_named

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> Any:
        module = self._module_named(fullname)
        return None if module is None else importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        register(spec.name)
        return self._module_named(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: the module's definitions ran when it was found."""
