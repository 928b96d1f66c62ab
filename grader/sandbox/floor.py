"""The floor on which sessions work: many side by side, or one alone.

What ends at a limit may have been slowed down by other jobs of the same run. It is tried once more with none beside it.
"""

from __future__ import annotations

import fcntl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["Floor", "FloorOfProcesses", "FloorOfThreads"]


class Floor(Protocol):
    """Shared by all jobs of a run."""

    def shared(self) -> AbstractContextManager[None]:
        """Work beside others."""

    def alone(self) -> AbstractContextManager[None]:
        """Work once the others have come to a stop, and let none of them go on meanwhile."""


class FloorOfThreads:
    """A floor for jobs that are threads of one process."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._working = 0
        self._waiting = 0
        """Those that wait to work alone. No other work begins before they are done."""
        self._taken = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Work beside others."""
        with self._change:
            self._change.wait_for(lambda: not self._taken and not self._waiting)
            self._working += 1
        try:
            yield
        finally:
            with self._change:
                self._working -= 1
                self._change.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work once the others have come to a stop, and let none of them go on meanwhile."""
        with self._change:
            self._waiting += 1
            self._change.wait_for(lambda: not self._taken and not self._working)
            self._waiting -= 1
            self._taken = True
        try:
            yield
        finally:
            with self._change:
                self._taken = False
                self._change.notify_all()


_GATE, _PLACE = 0, 1
"""The bytes of the file that are locked: first the gate, then the floor behind it."""


class FloorOfProcesses:
    """A floor for jobs that are processes, forked from the one that makes it. Each uses it in one thread at a time.

    The locks are on an open file that has no name. The system gives them back when a process dies. Whoever works alone
    keeps the gate shut from the moment when it waits, so others do not keep it waiting without end.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (open until ``close``)

    def close(self) -> None:
        """Once nobody is at work on it any more. Idempotent."""
        self._file.close()

    def fileno(self) -> int:
        """The descriptor of the file, which a process must keep open."""
        return self._file.fileno()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Work beside others."""
        self._lock(fcntl.LOCK_SH, _GATE)
        self._lock(fcntl.LOCK_SH, _PLACE)
        self._lock(fcntl.LOCK_UN, _GATE)
        try:
            yield
        finally:
            self._lock(fcntl.LOCK_UN, _PLACE)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work once the others have come to a stop, and let none of them go on meanwhile."""
        self._lock(fcntl.LOCK_EX, _GATE)
        self._lock(fcntl.LOCK_EX, _PLACE)
        try:
            yield
        finally:
            self._lock(fcntl.LOCK_UN, _PLACE)
            self._lock(fcntl.LOCK_UN, _GATE)

    def _lock(self, how: int, place: int) -> None:
        fcntl.lockf(self._file, how, 1, place)
