"""Which of the machine's cores a job works on.

Jobs that share all cores slow each other down: the system puts a thread that wakes up on the core where it, or the
thread that woke it, ran last. There it waits for another job's worker, while the core beside it is idle. So each job
has cores of its own, for the thread that examines and for the sessions that it opens.
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
    """The cores of number ``job`` of ``jobs`` jobs, counted from 0: an equal share, or all cores if there are fewer
    than jobs."""
    if jobs > len(cores):
        return cores
    return cores[job * len(cores) // jobs : (job + 1) * len(cores) // jobs]


def keep_to_share(job: int, jobs: int) -> None:
    """Let the calling thread, and what it starts from now on, run only on its share of the cores."""
    if sys.platform == "linux":
        # The cores of a container can change meanwhile. Then the thread goes on as it is.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, share(available(), job, jobs))
