"""The floor on which sessions work: many side by side, or one alone.

What ends at a limit may have been slowed down by other jobs of the same run. It is tried once more with none beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Floor"]


class Floor:
    """Shared by all jobs of a run."""

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
