"""Which cores a job works on, and that a session stays on them."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import HANDLER

from grader.sandbox.cores import available, keep_to_share, share
from grader.sandbox.sandbox import Sandbox

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a thread choose its cores")


@given(st.sets(st.integers(0, 500), min_size=1, max_size=200).map(sorted), st.integers(1, 300))
def test_shares_are_as_equal_as_can_be_and_use_every_core(cores: list[int], jobs: int) -> None:
    shares = [share(cores, job, jobs) for job in range(jobs)]
    if jobs > len(cores):
        assert shares == [cores] * jobs
    else:
        assert [core for part in shares for core in part] == cores
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
        assert min(map(len, shares)) >= 1


@linux
def test_only_the_thread_that_asks_keeps_to_its_share() -> None:
    before = available()
    with ThreadPoolExecutor(1) as other:
        other.submit(keep_to_share, 0, len(before)).result()
        assert other.submit(available).result() == before[:1]
    assert available() == before


@pytest.mark.slow
@linux
@pytest.mark.parametrize("isolation", [pytest.param("bubblewrap", marks=pytest.mark.bubblewrap), "none"])
def test_a_session_runs_on_the_cores_of_the_thread_that_opens_it(isolation: str) -> None:
    last = len(available()) - 1

    def cores_of_a_session() -> list[int]:
        keep_to_share(last, last + 1)
        with sandbox.open() as session:
            reply, _ = session.ask({"source": "import os; value = sorted(os.sched_getaffinity(0))"}, seconds=30)
        return list(reply["value"])

    with Sandbox(isolation=isolation, handler=HANDLER) as sandbox, ThreadPoolExecutor(1) as other:
        sandbox.open().close()  # the parent starts here, on all of them
        assert other.submit(cores_of_a_session).result() == [sorted(os.sched_getaffinity(0))[last]]
