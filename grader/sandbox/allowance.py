"""The time that a session may take for one request: its own processor time first, wall time as a far bound.

On a busy machine a process waits for a core, and that is not its fault. So what is counted is the processor time that
the session's process uses, and wall time only as long as it makes no progress, such as while it sleeps. A process that
can run but gets hardly any processor time ends at a wall time of ``OUTER`` times as much.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

__all__ = ["OUTER", "Allowance", "cpu_seconds"]


OUTER = 5
"""The wall time that a request may take, as a multiple of the time that counts."""
_LONGEST_LOOK = 1.0
_LOOKS = 4
"""In how many looks the time is divided at least, and how many seconds there are at most between two of them."""


class Allowance:
    """So many seconds for one request. ``cpu`` is the processor time of its process; None where it is not known."""

    def __init__(
        self, seconds: float, cpu: Callable[[], float | None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._cpu = cpu
        self._clock = clock
        self._between = min(_LONGEST_LOOK, seconds / _LOOKS)
        self._start = self._last_look = clock()
        self._last_cpu = cpu()
        self._counted = 0.0

    def look(self) -> float:
        """Look whether there is time left. Returns the seconds until the next look. Raises TimeoutError."""
        now = self._clock()
        passed = now - self._last_look
        if passed >= self._between:
            self._count(now)
            passed = 0.0
        # A process uses several cores at most for a moment, so it is over soon after the time that is left.
        left = min(self._seconds - self._counted, OUTER * self._seconds - (now - self._start))
        if left <= 0:
            raise TimeoutError
        return max(min(self._between - passed, left), 0.001)

    def used(self) -> float:
        """The seconds that count so far."""
        cpu = self._cpu()
        if cpu is None or self._last_cpu is None:
            return self._counted + self._clock() - self._last_look
        return self._counted + cpu - self._last_cpu

    def _count(self, now: float) -> None:
        """Count the time since the last look: processor time, or wall time if there was none."""
        cpu = self._cpu()
        progress = None if cpu is None or self._last_cpu is None else cpu - self._last_cpu
        self._counted += progress or now - self._last_look
        self._last_look, self._last_cpu = now, cpu


_OF_A_PROCESS = 2
"""The clock of a whole process; see CPUCLOCK_SCHED in the kernel's ``posix-timers.h``."""


def cpu_seconds(pidfd: int) -> float | None:
    """The processor time of a process so far, all threads together; None where the system does not say.

    The process is given by a descriptor, because a number can come to mean another process.
    """
    if sys.platform != "linux":
        return None
    try:
        with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as file:  # noqa: PTH123 (asked often)
            pid = next((int(line.split()[1]) for line in file if line.startswith("Pid:")), -1)
        # clock_getcpuclockid(3), which Python does not have.
        return time.clock_gettime((~pid << 3) | _OF_A_PROCESS) if pid > 0 else None
    except (OSError, ValueError, IndexError):
        return None
