"""The processor time that what one student handed in may take of the process that reads it.

A reader looks at its budget in every loop over what somebody else made. The time is that of the thread, so it counts
the same beside other submissions and in a process of its own. What no loop of ours goes over, such as a single text
that a library parses, is bounded by its size.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["MOST_SECONDS", "CpuBudget", "CpuUsedUp"]

MOST_SECONDS = 10.0
"""Seconds for all files of a submission: several times what 200 MB of honest data take on a slow machine."""


class CpuUsedUp(Exception):
    """A submission takes more processor time than it may; the text is a clause that follows a name."""


class CpuBudget:
    """Processor time of the thread that makes it and looks at it."""

    def __init__(self, seconds: float = MOST_SECONDS, *, clock: Callable[[], float] = time.thread_time) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def look(self) -> None:
        """Raises CpuUsedUp when the time is used up."""
        if self._clock() >= self._end:
            raise CpuUsedUp(
                f"takes more than the {self._seconds:g} seconds of processor time that a submission is read for: "
                "leave out data, and pack it once"
            )
