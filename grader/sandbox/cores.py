"""Which of the machine's cores a job works on.

Jobs that share all cores get in each other's way: a thread that wakes up is put on the core where it or its waker was
last, and waits there for another job's worker while a core next to it is idle. So each job has cores of its own, for
the thread that examines and for the sessions that it opens.
"""

from __future__ import annotations

import contextlib
import os
import sys

__all__ = ["available", "keep_to_share", "share"]


def available() -> list[int]:
    """The cores that this thread may use, by their numbers in rising order."""
    if sys.platform == "linux":
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def share(cores: list[int], job: int, jobs: int) -> list[int]:
    """The cores of one of ``jobs`` jobs, counted from 0: equal shares, or all of them where there are too few."""
    if jobs > len(cores):
        return cores
    return cores[job * len(cores) // jobs : (job + 1) * len(cores) // jobs]


def keep_to_share(job: int, jobs: int) -> None:
    """Let the calling thread, and what it starts from now on, run on its share of the cores alone."""
    if sys.platform == "linux":
        # a container's cores may be other ones by now; then all are used, as without this
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, share(available(), job, jobs))
