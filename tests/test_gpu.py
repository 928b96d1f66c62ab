"""One submission at a time has the graphics card, and a session that has it is confined as the others are."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from grader.candidate import NoGpu
from grader.gpu import Gpu, Lease
from grader.sandbox import Limits, Sandbox

HANDLER = Path(__file__).with_name("exec_handler.py")


@pytest.fixture
def gpu(tmp_path):
    """Its sessions are made as those with a card are; without one they find none."""
    with Gpu(isolation="none", limits=Limits(), lock=tmp_path / "lock") as gpu:
        yield gpu


def test_the_lease_is_one_submissions_until_it_is_released(gpu: Gpu):
    first, second = gpu.lease(), gpu.lease()
    assert first.acquire(wait=False) and first.acquire(wait=False)
    assert not second.acquire(wait=False)
    first.release()
    first.release()
    assert second.acquire(wait=True)
    second.release()


def test_another_run_on_the_same_machine_has_to_wait(gpu: Gpu, tmp_path):
    import threading

    theirs = Lease(tmp_path / "lock", threading.Lock(), gpu._sandbox, "cuda")
    assert theirs.acquire(wait=False)
    ours = gpu.lease()
    assert not ours.acquire(wait=False)
    theirs.release()
    assert ours.acquire(wait=False)
    ours.release()


def test_a_lock_that_is_a_link_is_refused_in_a_sentence(gpu: Gpu, tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoGpu, match="remove it"):
        gpu.lease().acquire(wait=False)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("bwrap") is None, reason="isolation needs bubblewrap")
def test_an_isolated_session_for_the_card_has_what_cuda_needs_and_says_so():
    with Sandbox(isolation="bubblewrap", handler=HANDLER, gpu=True) as sandbox, sandbox.open() as session:
        source = "import os; value = [os.path.exists('/proc/self/maps'), dict(os.environ)]"
        there, environment = session.ask({"source": source}, seconds=30)[0]["value"]
        assert there
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
        assert environment["CUDA_VISIBLE_DEVICES"] == first and environment["HOME"] == "/tmp"
        assert "data alone" in sandbox.layers["limits"] and "graphics card" in sandbox.layers


def test_a_session_without_isolation_sees_no_card_unless_it_is_given_one():
    with Sandbox(isolation="none", handler=HANDLER) as sandbox, sandbox.open() as session:
        source = "import os; value = os.environ['CUDA_VISIBLE_DEVICES']"
        assert session.ask({"source": source}, seconds=30)[0]["value"] == ""
