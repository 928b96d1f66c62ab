"""Grading on other machines: the same marks, whatever happens to a node, and a sentence where it cannot be done."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cohort_sample import Heard
from places import ROOT

from grader.cli.grade import main
from grader.cohort.batch import run
from grader.cohort.cluster import Cluster, ClusterError, ClusterGrader
from grader.cohort.events import Line
from grader.cohort.grader import RunError, Settings
from grader.intake import find
from grader.marking.rubric_file import load
from grader.pipeline import Options
from grader.sandbox.terms import Limits
from reference.data import load_horses
from reference.shipped import shipped

COHORT = ROOT / "fixtures" / "cohort"

# What Dask warns of is its own: threads and sockets of a client whose scheduler was killed are closed by the collector.
pytestmark = pytest.mark.filterwarnings("default")


def test_without_dask_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main([str(COHORT), "--cluster", "tcp://127.0.0.1:1", "--out", str(tmp_path / "reports")]) == 2
    sentence = capsys.readouterr().err
    assert "pip install 'colour-grade[cluster]'" in sentence and len(sentence.splitlines()) == 1
    assert not (tmp_path / "reports").exists()


@pytest.fixture(autouse=True)
def no_waiting_for_ever() -> Iterator[None]:
    """A run without nodes waits for some; a test must not."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError("the test waited for three minutes")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(180)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


# A scheduler and two nodes, as they would be started by hand.


@pytest.fixture(scope="module")
def start(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., tuple[str, list[subprocess.Popen[bytes]]]]]:
    """A scheduler and nodes in processes of their own: its address, and all processes, the scheduler first.

    All tests share them, and what one of them has killed is started anew; ``before`` is a scheduler of its own.
    """
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'colour-grade[cluster]'")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    local = ["--dashboard-address", "127.0.0.1:0", "--host", "127.0.0.1"]
    with ExitStack() as ending:

        def process(command: list[str]) -> subprocess.Popen[bytes]:
            started = subprocess.Popen([sys.executable, *command], **quiet)  # type: ignore[call-overload]
            ending.callback(started.wait)
            ending.callback(started.kill)
            return started

        shared: list[subprocess.Popen[bytes]] = []
        home = tmp_path_factory.mktemp("scheduler")

        def cluster(nodes: int, before: str = "") -> tuple[str, list[subprocess.Popen[bytes]]]:
            nonlocal shared, home
            processes = [] if before else [one for one in shared if one.poll() is None]
            if not processes or processes[0] is not shared[0]:
                home = tmp_path_factory.mktemp("scheduler")
                run = f"{before}\nfrom distributed.cli.dask_scheduler import main; main()"
                processes = [process(["-c", run, "--port", "0", "--scheduler-file", str(home / "place.json"), *local])]
            place = home / "place.json"
            one = ["--nworkers", "1", "--nthreads", "1", "--no-nanny", "--local-directory", str(home)]
            node = ["-m", "distributed.cli.dask_worker", "--scheduler-file", str(place), *one, *local]
            processes += [process(node) for _ in range(nodes + 1 - len(processes))]
            if not before:
                shared = processes
            waiting = """
import sys, pathlib, time
place = pathlib.Path(sys.argv[1])
while not place.exists():
    time.sleep(0.05)
from distributed import Client
client = Client(scheduler_file=str(place), timeout=60)
if int(sys.argv[2]):
    client.wait_for_workers(int(sys.argv[2]), timeout=60)
print(client.scheduler.address)
client.close()
"""
            command = [sys.executable, "-W", "ignore", "-c", waiting, str(place), str(nodes)]
            address = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=120).stdout
            return address.decode().strip(), processes

        yield cluster


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Right and wrong ones, an archive, and one with a link that is refused and flagged."""
    place = tmp_path_factory.mktemp("handed-in")
    for name in ("bob", "student08", "student11"):
        shutil.copytree(COHORT / name, place / name)
    shutil.copy(COHORT / "student07.zip", place)
    (place / "bob" / "shadow").symlink_to("/etc/shadow")
    return place


@pytest.fixture(scope="module")
def here(handed_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of this machine."""
    out = tmp_path_factory.mktemp("here") / "reports"
    assert main([str(handed_in), "--out", str(out), *HOW]) == 0
    return out


HOW = ["--seed", "5", "--quick", "--isolation", "none"]


def marks(out: Path) -> dict[str, object]:
    """All that the reports in a folder say, but for times and places."""
    documents = {}
    for path in sorted(out.glob("*/report.json")):
        report = json.loads(path.read_text("utf-8"))
        for criterion in report["criteria"]:
            criterion["seconds"] = criterion["evidence"].pop("seconds", None) and 0
        report["run"] |= {"started": "", "seconds": 0}
        documents[path.parent.name] = report
    return documents


@pytest.mark.slow
def test_other_machines_give_the_same_reports(
    start, handed_in: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, _ = start(2)
    out = tmp_path / "there"
    assert main([str(handed_in), "--out", str(out), "--cluster", address, *HOW]) == 0
    assert marks(out) == marks(here)
    assert "4 reports written, 0 as before: 3 examined, 1 to be reviewed" in capsys.readouterr().out
    # Either machine goes on from the other's reports.
    assert main([str(handed_in), "--out", str(out), *HOW]) == 0
    assert "0 reports written, 4 as before" in capsys.readouterr().out


def grader(cluster: Cluster) -> ClusterGrader:
    how = Options(seed=5, quick=True, seconds=120.0, probe_seconds=10.0)
    limits = Limits(memory=4 << 30)
    settings = Settings(load(shipped("rubric.yaml")), load_horses(None), how, limits, "none")
    return ClusterGrader(cluster, settings, isolation="none")


@pytest.mark.slow
def test_a_node_that_is_killed_costs_nothing(start, handed_in: Path, here: Path, tmp_path: Path) -> None:
    address, (_, victim, *_) = start(2)

    class Killing(Heard):
        def finished(self, line: Line) -> None:
            super().finished(line)
            # From here on half of what is under way is lost.
            victim.send_signal(signal.SIGKILL)

    events = Killing()
    found = find([handed_in]).found
    with Cluster(address) as cluster:
        summary = run(grader(cluster), found, tmp_path / "out", jobs=4, events=events)
    assert victim.wait() == -signal.SIGKILL
    assert (summary.graded, summary.failed, summary.left, events.problems) == (4, (), 0, [])
    assert marks(tmp_path / "out") == marks(here)


@pytest.mark.slow
def test_a_scheduler_that_is_killed_ends_the_run_and_this_machine_goes_on(
    start, handed_in: Path, here: Path, tmp_path: Path
) -> None:
    address, (scheduler, *_) = start(1)

    class Killing(Heard):
        def finished(self, line: Line) -> None:
            super().finished(line)
            scheduler.send_signal(signal.SIGKILL)

    found = find([handed_in]).found
    lost = pytest.raises(RunError, match=r"was lost.*start it again; reports .* are whole")
    with Cluster(address, connect_seconds=3) as cluster, lost:
        run(grader(cluster), found, tmp_path / "out", jobs=2, events=Killing())
    begun = set(marks(tmp_path / "out"))
    assert begun and begun < set(marks(here))
    assert main([str(handed_in), "--out", str(tmp_path / "out"), *HOW]) == 0
    assert marks(tmp_path / "out") == marks(here)


@pytest.mark.slow
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://", "127.0.0.1:port", "scheduler"])
def test_a_scheduler_that_does_not_exist_is_a_sentence(address: str) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'colour-grade[cluster]'")
    with pytest.raises(ClusterError) as refusal:
        Cluster(address, connect_seconds=1)
    assert f"answers at {address}" in str(refusal.value) and "\n" not in str(refusal.value)
    gc.collect()


def test_a_scheduler_that_cannot_be_used_ends_the_command_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'colour-grade[cluster]'")
    assert main([str(COHORT), "--cluster", "nonsense://", "--out", str(tmp_path / "reports")]) == 2
    gc.collect()
    sentence = capsys.readouterr().err
    assert "answers at nonsense://" in sentence and len(sentence.splitlines()) == 1
    assert not (tmp_path / "reports").exists()


@pytest.mark.slow
def test_a_scheduler_of_another_version_is_a_sentence(
    start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = "lambda name: '2020.1.0' if name == 'distributed' else version(name)"
    address, _ = start(
        0, before=f"from importlib import metadata; version = metadata.version; metadata.version = {older}"
    )
    assert main([str(COHORT), "--cluster", address, "--out", str(tmp_path / "reports")]) == 2
    sentence = capsys.readouterr().err
    assert f"the scheduler at {address} has distributed 2020.1.0, here is" in sentence
    assert len(sentence.splitlines()) == 1
    assert not (tmp_path / "reports").exists()
