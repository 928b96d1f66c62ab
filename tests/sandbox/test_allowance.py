"""A session's time is its own processor time; wall time counts where it makes no progress, and as a far bound."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from grader.sandbox.allowance import OUTER, Allowance, cpu_seconds


class Process:
    """A process that gets a share of a core, on a clock that is moved by hand."""

    def __init__(self, share: float | None) -> None:
        self.now = 0.0
        self._share = share

    def clock(self) -> float:
        return self.now

    def cpu(self) -> float | None:
        return None if self._share is None else self.now * self._share


def ended(process: Process, seconds: float = 10) -> float:
    """The wall time at which the process ends."""
    time_left = Allowance(seconds, process.cpu, clock=process.clock)
    try:
        while True:
            process.now += time_left.look()
    except TimeoutError:
        return process.now


@pytest.mark.parametrize(
    ("share", "wall"),
    [(1.0, 10), (0.5, 20), (0.25, 40), (0.1, 10 * OUTER), (0.0, 10), (4.0, 2.5), (None, 10)],
    ids=["a whole core", "half a core", "a quarter", "hardly any", "asleep", "several cores", "not known"],
)
def test_a_process_ends_by_its_processor_time_or_where_it_makes_no_progress(share: float | None, wall: float) -> None:
    assert wall <= ended(Process(share)) <= wall + 1


def test_a_process_that_sleeps_after_its_work_ends_after_both_together() -> None:
    process = Process(1.0)
    time_left = Allowance(10, process.cpu, clock=process.clock)
    for _ in range(3):
        process.now += 1
        time_left.look()
    process.cpu = lambda: 3.0  # type: ignore[method-assign]
    stopped = Allowance(10, process.cpu, clock=process.clock)
    assert time_left.used() == 3
    process.now += 4
    time_left.look()
    assert time_left.used() == 7
    assert stopped.used() == 0  # no look has shown that it sleeps


def looks(seconds: float) -> Iterator[float]:
    process = Process(0.0)
    time_left = Allowance(seconds, process.cpu, clock=process.clock)
    while process.now < seconds / 2:
        wait = time_left.look()
        process.now += wait
        yield wait


@pytest.mark.parametrize("seconds", [0.5, 10, 600])
def test_it_is_looked_at_often_enough(seconds: float) -> None:
    assert all(0 < wait <= min(1, seconds / 4) for wait in looks(seconds))


def test_no_time_is_over_at_once() -> None:
    with pytest.raises(TimeoutError):
        Allowance(0, lambda: 0.0).look()


@pytest.mark.skipif(sys.platform != "linux", reason="the processor time of another process is known on Linux alone")
def test_the_processor_time_of_another_process_is_known_until_it_is_gone() -> None:
    source = "import time\nwhile time.process_time() < 0.05: pass\nprint('done', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        pidfd = os.pidfd_open(process.pid)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"done\n"
            used = cpu_seconds(pidfd)
            assert used is not None and used >= 0.05
            process.communicate(b"\n")
            assert cpu_seconds(pidfd) is None
        finally:
            os.close(pidfd)


def test_of_what_is_no_process_nothing_is_known() -> None:
    with open(os.devnull) as file:  # noqa: PTH123
        assert cpu_seconds(file.fileno()) is None
