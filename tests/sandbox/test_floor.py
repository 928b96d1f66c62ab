"""On the floor many work side by side, or one alone."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator

import pytest
from sessions import PATIENCE

from grader.sandbox.floor import FloorOfProcesses, FloorOfThreads


def test_many_work_side_by_side() -> None:
    floor, meeting = FloorOfThreads(), threading.Barrier(3, timeout=PATIENCE)

    def work() -> None:
        with floor.shared():
            meeting.wait()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    meeting.wait()
    for thread in threads:
        thread.join(PATIENCE)
    assert not meeting.broken


def test_whoever_works_alone_waits_for_the_others_and_they_for_him() -> None:
    floor, begun, go_on = FloorOfThreads(), threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with floor.shared():
            begun.set()
            go_on.wait(PATIENCE)
            order.append("first ends")

    def alone() -> None:
        with floor.alone():
            order.append("alone begins")
            order.append("alone ends")
        with floor.shared():
            order.append("beside others again")

    threads = [threading.Thread(target=target) for target in (first, alone)]
    threads[0].start()
    assert begun.wait(PATIENCE)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert order == ["first ends", "alone begins", "alone ends", "beside others again"]


def test_no_two_work_alone_at_the_same_time() -> None:
    floor, inside = FloorOfThreads(), []

    def work(number: int) -> None:
        for _ in range(50):
            with floor.alone():
                inside.append(number)
                assert inside == [number]
                inside.clear()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert inside == []


@pytest.fixture
def floor() -> Iterator[FloorOfProcesses]:
    floor = FloorOfProcesses()
    yield floor
    floor.close()


def test_processes_work_side_by_side_or_one_alone(floor: FloorOfProcesses) -> None:
    order, tell = os.pipe()
    begun, begin = os.pipe()
    with floor.shared():
        child = os.fork()
        if child == 0:
            with floor.shared():
                os.write(begin, b"1")  # beside the other
            with floor.alone():
                os.write(tell, b"alone")
            os._exit(0)
        assert os.read(begun, 1) == b"1"
        assert not select.select([order], [], [], 0)[0]
    assert os.read(order, 100) == b"alone"
    os.waitpid(child, 0)


def test_a_process_that_dies_leaves_the_floor(floor: FloorOfProcesses) -> None:
    begun, begin = os.pipe()
    child = os.fork()
    if child == 0:
        with floor.alone():
            os.write(begin, b"1")
            signal.pause()
    assert os.read(begun, 1) == b"1"
    os.kill(child, signal.SIGKILL)
    with floor.alone():
        pass
    os.waitpid(child, 0)
