"""One submission at a time has the GPU, and a session that may use it is confined as the others are."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from places import ROOT, TESTS

from grader.cli import grade
from grader.exam.submitted import Submitted
from grader.intake import find
from grader.marking.rubric_file import load as load_rubric
from grader.marking.verdicts import Outcome
from grader.pipeline import Grading, Options
from grader.sandbox import launch
from grader.sandbox.gpu import Gpu, Lease
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.terms import Limits, NoGpu, WorkerFailed
from grader.worker.protocol import Definitions, RunOnDevice, Trace, TraceNetwork, Training, Trouble, reply_to_json
from reference.data import load_horses

HANDLER = TESTS / "exec_handler.py"
RIGHT = ROOT / "fixtures" / "submissions" / "csc321-2018" / "right" / "submission"
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")


@pytest.fixture
def gpu(tmp_path):
    """Its sessions are those for the GPU; on a machine without one they find none."""
    with Gpu(isolation="none", limits=Limits(), lock=tmp_path / "lock") as gpu:
        yield gpu


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """The CPU in the GPU's place: everything but the GPU itself."""
    with Gpu(isolation="none", limits=Limits(), device="cpu", lock=tmp_path_factory.mktemp("lock") / "lock") as gpu:
        gpu.confirm()
        yield gpu


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(isolation="none") as sandbox:
        yield sandbox


def _graded(sandbox: Sandbox, gpu: object, path: Path):
    grading = Grading(load_rubric(ROOT / "rubric.yaml"), load_horses(None), sandbox, Options(seed=7), gpu=gpu)
    (place,) = find([path], mode="one").found
    return grading.grade(place)


def _marks(report) -> dict[str, tuple]:
    return {mark.id: (mark.points, mark.outcome) for mark in report.sheet.marks}


class Broken:
    """A GPU that fails; ``how`` names what it raises or replies."""

    device = name = "cpu"
    layers: ClassVar[dict[str, str]] = {}
    output = ""
    dropped = 0
    spent = 0.0

    def __init__(self, how: str) -> None:
        self.how = how
        self.asked: list[str] = []

    def lease(self):
        return self

    def acquire(self, *, wait):
        return self.how != "busy"

    def open(self):
        if self.how == "no session":
            raise NoGpu("no session can be opened")
        return self

    def ask(self, message, tensors=None, *, seconds, reply_bytes=None):
        self.asked.append(message["do"])
        if self.how == "dies":
            raise WorkerFailed("died", "the driver took it along")
        if self.how == "lost":
            raise NoGpu("killed from outside")
        if self.how == "wrong numbers" and message["do"] == "learn":
            reply = reply_to_json(Training((True,) * 10, ((1,),) * 10))
            return reply, {"losses": torch.ones(len(tensors["batches"]) + 1)}
        if message["do"] == "load":
            return reply_to_json(Definitions()), {}
        return reply_to_json(Trouble("RuntimeError", "CUDA error")), {}

    def close(self):
        pass

    def release(self):
        pass


def test_a_gpu_that_computes_is_named(stand_in):
    assert stand_in.name == "cpu"


@pytest.mark.slow
def test_a_gpu_that_does_not_compute_is_refused_in_a_sentence(gpu: Gpu):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(NoGpu, match=r"cannot be used in a session .*: use --device cpu"):
        gpu.confirm()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["csc321-2018/right", "csc321-2018/cnn-detached"])
def test_verdicts_and_marks_are_those_of_the_cpu(name, sandbox, stand_in):
    path = ROOT / "fixtures" / "submissions" / name / "submission"
    there, here = _graded(sandbox, stand_in, path), _graded(sandbox, None, path)
    assert _marks(there) == _marks(here)
    assert there.run.details["gpu"] == "cpu" and "gpu" not in here.run.details


@pytest.mark.slow
@pytest.mark.parametrize("how", ["busy", "no session", "dies", "lost", "wrong numbers", "errors"])
def test_a_gpu_that_fails_costs_no_mark(how, sandbox):
    gpu = Broken(how)
    report = _graded(sandbox, gpu, RIGHT)
    assert all(outcome is Outcome.PASS for _, outcome in _marks(report).values() if outcome is not Outcome.PENDING)
    assert how in ("busy", "no session") or gpu.asked
    assert (report.run.device == "cpu") and not report.flags


@pytest.mark.slow
def test_training_does_not_wait_for_the_gpu_and_confirming_does(sandbox, stand_in):
    asked = []

    class Lease:
        acquire = staticmethod(lambda *, wait: asked.append(wait) or False)
        release = open = staticmethod(lambda: None)

    class Taken:
        device, name, layers, lease = "cpu", "cpu", {}, staticmethod(Lease)

    _graded(sandbox, Taken, RIGHT)
    assert set(asked) == {True, False}


def test_waiting_for_the_gpu_does_not_count_as_the_submissions_time():
    now = [0.0]
    opened = []

    class OnCpu:
        output = ""
        dropped = 0
        spent = 0.0

        def ask(self, message, tensors=None, *, seconds, reply_bytes=None):
            now[0] += 20
            self.spent += 20
            return reply_to_json(Trace()), {}

        def close(self):
            pass

    class Slow(Broken):
        def acquire(self, *, wait):
            now[0] += 500
            return False

    candidate = Submitted(
        lambda: opened.append(1) or OnCpu(),
        WorkerFailed,
        seconds=60,
        probe_seconds=10,
        gpu=Slow("busy"),
        clock=lambda: now[0],
    )
    trace = TraceNetwork(cls="CNN")
    assert candidate.answer(trace, {})[0] == Trace()
    assert "busy" in candidate.answer(RunOnDevice(cls="CNN", device="cpu"), {})[0].text
    assert candidate.answer(trace, {})[0] == Trace()
    assert len(opened) == 1  # its session goes on: no time has passed for it
    for _ in range(4):  # the rest of the time, and as much again alone
        assert candidate.answer(trace, {})[0] == Trace()
    assert "time allowed" in candidate.answer(trace, {})[0].text


def test_without_a_gpu_auto_imports_nothing_for_it():
    code = "import sys, argparse\nfrom grader.cli import grade\nfrom grader.sandbox import launch\n"
    code += "launch.gpu_devices = lambda: []\n"
    code += "options = argparse.Namespace(device='auto', isolation='none')\n"
    code += "with grade._gpu(options, None) as gpu: assert gpu is None and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_that_cannot_be_used_is_one_sentence(device, monkeypatch, capsys):
    monkeypatch.setattr(launch, "gpu_devices", lambda: ["/dev/nvidia0"])
    monkeypatch.setattr(torch.version, "cuda", None)
    options = argparse.Namespace(device=device, isolation="none")
    if device == "cuda":
        with pytest.raises(grade._Usage, match="without CUDA: install one with CUDA, or use --device cpu"):
            grade._gpu(options, Limits())
    else:
        with grade._gpu(options, Limits()) as gpu:
            assert gpu is None
        assert "uses the CPU, because this torch was built without CUDA" in capsys.readouterr().err


@needs_gpu
@pytest.mark.parametrize("isolation", ["none", pytest.param("bubblewrap", marks=pytest.mark.bubblewrap)])
def test_a_session_computes_on_the_gpu(isolation, tmp_path):
    with Gpu(isolation=isolation, limits=Limits(), lock=tmp_path / "lock") as gpu:
        gpu.confirm()
        assert gpu.name == torch.cuda.get_device_name(0)


@needs_gpu
@pytest.mark.parametrize("isolation", ["none", pytest.param("bubblewrap", marks=pytest.mark.bubblewrap)])
def test_what_is_right_passes_when_it_is_trained_on_the_gpu(isolation, sandbox, tmp_path):
    with Gpu(isolation=isolation, limits=Limits(), lock=tmp_path / "lock") as gpu:
        report = _graded(sandbox, gpu, RIGHT)
    assert report.run.device == "cuda" and not report.flags
    assert all(outcome is Outcome.PASS for _, outcome in _marks(report).values() if outcome is not Outcome.PENDING)


def test_one_submission_has_the_lease_until_it_is_released(gpu: Gpu):
    first, second = gpu.lease(), gpu.lease()
    assert first.acquire(wait=False) and first.acquire(wait=False)
    assert not second.acquire(wait=False)
    first.release()
    first.release()
    assert second.acquire(wait=True)
    second.release()


def test_another_run_on_the_same_machine_has_to_wait(gpu: Gpu, tmp_path):
    import threading

    theirs = Lease(tmp_path / "lock", threading.Lock(), gpu.sandbox, "cuda")
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


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_an_isolated_session_for_the_gpu_has_what_cuda_needs_and_the_layers_say_so():
    with Sandbox(isolation="bubblewrap", handler=HANDLER, gpu=True) as sandbox, sandbox.open() as session:
        source = "import os; value = [os.path.exists('/proc/self/maps'), dict(os.environ)]"
        there, environment = session.ask({"source": source}, seconds=30)[0]["value"]
        assert there
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
        assert environment["CUDA_VISIBLE_DEVICES"] == first and environment["HOME"] == "/tmp"
        assert "data alone" in sandbox.layers["limits"] and "GPU" in sandbox.layers


@pytest.mark.slow
def test_a_session_without_isolation_sees_no_gpu_unless_it_may_use_one():
    with Sandbox(isolation="none", handler=HANDLER) as sandbox, sandbox.open() as session:
        source = "import os; value = os.environ['CUDA_VISIBLE_DEVICES']"
        assert session.ask({"source": source}, seconds=30)[0]["value"] == ""
