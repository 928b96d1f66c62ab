"""Running one top-level statement of a submission, and what happens where it raises.

The cases, in the order in which they are tried:

1. A name is not defined that only an annotation mentions: the statement is run again, annotations unevaluated.
2. Something is absent here (a file, a module, a network, a GPU): a class or a function is defined without the part that
   needs it; what any other statement should have bound is replaced by a placeholder.
3. A name of the same file is not defined so far: the statement waits for it, see ``Unit.missing``.
4. Anything else, running too long included: the statement has failed, and binds nothing.
"""

from __future__ import annotations

import ast
import signal
import types
from collections.abc import Iterator
from contextlib import contextmanager

from ..trouble import bounded, describe
from .absences import around, failing_line, is_absence
from .blocks import definitions_only
from .files import File, Unit
from .findings import Findings
from .standins import StandIn
from .statements import NEW_SCOPE, names_mentioned, reads_now

__all__ = ["Attempts"]


_MOST_ROUNDS = 10
"""Parts of one class that are replaced, one after another."""


class Attempts:
    """Runs the units of one submission."""

    def __init__(self, findings: Findings, seconds: float) -> None:
        """The first statement that does not end is stopped after ``seconds``.

        Each further one is stopped after half the time of the one before. So several of them take at most twice as
        long as one, and the time for loading, which the examiner sets, is not used up.
        """
        self._findings = findings
        self._seconds = seconds

    def run(self, file: File, unit: Unit) -> None:
        """Run the unit in its file's module. Never raises; what the unit comes to is added to the findings."""
        unit.missing, unit.ran, unit.left_change = None, False, False
        try:
            statement = unit.statement
            if unit.why is None:
                statement = definitions_only(statement, file, unit, self._findings)
            self._run_annotated(file, unit, statement)
            unit.ran = not unit.left_change
        except BaseException as error:
            if not self._does_without(file, unit, error):
                self._fail(file, unit, error)

    def _run_annotated(self, file: File, unit: Unit, statement: ast.stmt) -> None:
        try:
            self._execute(file, file.compiled(unit, statement))
        except NameError as error:
            if not _is_annotation(statement, error):
                raise
            # An annotation says nothing about what a network does, and later versions of Python read it late.
            self._findings.note(unit.where, unit.what, f"annotations not evaluated: {bounded(error)}")
            self._execute(file, file.compiled(unit, statement, annotated=False))

    def _execute(self, file: File, code: types.CodeType) -> None:
        try:
            with _time_limit(self._seconds):
                exec(code, vars(file.module))
        except Stopped:
            self._seconds /= 2
            raise

    def _does_without(self, file: File, unit: Unit, error: BaseException) -> bool:
        """Whether the unit raised for want of something absent, and binds its names all the same."""
        try:
            if not _needs_absent(file, unit, error):
                return False
            if isinstance(unit.statement, NEW_SCOPE) and not self._defined_without_parts(file, unit, error):
                return False
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # a changed statement need not compile
            return False
        namespace = vars(file.module)
        for name in unit.names.bound - set(namespace):
            namespace[name] = StandIn(name)
        cause = describe(error)
        why = f"needs what is not available here ({cause.type}: {cause.text}); replaced by a placeholder"
        self._findings.note(unit.where, unit.what, why)
        return True

    def _defined_without_parts(self, file: File, unit: Unit, error: BaseException) -> bool:
        """Whether the class or function could be defined without its parts that need something absent.

        Each round replaces the part that raised ``error`` and runs the statement again.
        """
        statement = unit.statement
        for _ in range(_MOST_ROUNDS):
            shorter = around(statement, failing_line(error, unit.piece.name))
            if shorter is None:
                return False
            statement = shorter
            try:
                self._execute(file, file.compiled(unit, statement))
            except BaseException as further:
                error = further
                if not _needs_absent(file, unit, error):
                    return False
            else:
                return True
        return False

    def _fail(self, file: File, unit: Unit, error: BaseException) -> None:
        name = _undefined_name(error)
        if name in file.bound and name not in vars(file.module):
            unit.missing = name
        else:
            self._findings.fail(unit, error)


def _needs_absent(file: File, unit: Unit, error: BaseException) -> bool:
    """Whether the unit raised ``error`` because something is not here: a file, a module, a network, a GPU.

    That is so if the exception is one of those that mean an absence, or if the unit reads a name that a placeholder
    stands for. A name of the file itself that is not defined is never an absence.
    """
    if not issubclass(type(error), Exception) and not _lacks_argument(unit, error):
        return False
    if _undefined_name(error) in file.bound:
        return False
    code, namespace = file.compiled(unit), vars(file.module)
    # By type: isinstance would ask the student's objects.
    if any(type(namespace.get(name)) is StandIn for name in reads_now(code)):
        return True
    return is_absence(error, names_mentioned(code))


def _lacks_argument(unit: Unit, error: BaseException) -> bool:
    """Whether the unit left the program, as a statement does that misses an argument of the command line.

    A class or a function that leaves the program has failed.
    """
    return type(error) is SystemExit and not isinstance(unit.statement, NEW_SCOPE)


def _undefined_name(error: BaseException) -> str | None:
    """The name that a NameError is about; None for any other exception, and for a name that is not plain text."""
    return error.name if type(error) is NameError and type(error.name) is str else None


def _is_annotation(statement: ast.stmt, error: NameError) -> bool:
    """Whether the name that is not defined stands in an annotation of a definition."""
    annotations: list[ast.expr | None] = []
    for node in ast.walk(statement) if isinstance(statement, NEW_SCOPE) else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            annotations.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            annotations.append(node.annotation)
    nodes = (node for annotation in annotations if annotation is not None for node in ast.walk(annotation))
    return any(node.id == error.name for node in nodes if isinstance(node, ast.Name))


class Stopped(BaseException):
    """A statement ran longer than it may. No ``except Exception`` of the student's stops it.

    Reports know what was ended from outside by this name.
    """


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise Stopped in the student's code after ``seconds`` of wall time; only possible in the main thread."""

    def stop(number: int, frame: object) -> None:
        raise Stopped(f"still running after {seconds:g} seconds")

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
