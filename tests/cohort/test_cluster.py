"""Grading on other machines: the same marks, whatever happens to a node, and a sentence where it cannot be done."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cohort_sample import Heard, horses, options
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from grader.cli.grade import main
from grader.cohort import cluster as cluster_module
from grader.cohort.batch import run as run_cohort
from grader.cohort.cluster import Cluster, Settings, grade_there, pack, unpack
from grader.cohort.events import Line, RunError
from grader.intake import Cell, CodeFile, StoredFile, Submission, find
from grader.marking.rubric_file import load
from grader.marking.verdicts import Flag
from grader.pipeline import Grading, Options
from grader.sandbox.terms import Limits
from reference.data import load_horses
from reference.shipped import shipped

COHORT = ROOT / "fixtures" / "cohort"

# What Dask warns of is its own: threads and sockets of a client whose scheduler was killed are closed by the collector.
pytestmark = pytest.mark.filterwarnings("default")


# What travels.

texts = st.text(alphabet=st.characters(codec=None), max_size=30)
submissions = st.builds(
    Submission,
    id=texts,
    folder=texts,
    files=st.lists(st.builds(StoredFile, texts, st.integers(0, 2**40), texts), max_size=3).map(tuple),
    code=st.lists(
        st.builds(
            CodeFile,
            texts,
            st.lists(st.builds(Cell, st.none() | st.integers(1, 99), texts), max_size=3).map(tuple),
            st.none() | texts,
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
        ),
        max_size=3,
    ).map(tuple),
    sha256=texts,
    flags=st.lists(st.builds(Flag, texts, texts), max_size=3).map(tuple),
)


@given(submissions)
def test_a_submission_arrives_as_it_was_sent(submission: Submission) -> None:
    assert unpack(pack(submission)) == submission


@pytest.mark.parametrize("content", [b"", b"nonsense", zlib.compress(b"[]")[:-3], zlib.compress(b" " * (65 << 20))])
def test_what_was_not_packed_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no packed submission|breaks off, or is too large"):
        unpack(content)


def test_code_beyond_the_bound_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "_LARGEST", 1_000)
    file = CodeFile("colourization.py", (Cell(None, "x" * 1_000),))
    with pytest.raises(ValueError, match=r"1,\d{3} bytes, and at most 1,000"):
        pack(Submission("alice", "alice", (), (file,), "0" * 64, ()))


def test_a_node_with_another_version_says_so() -> None:
    about = {"grader": "0.0.1"}
    settings = Settings(b"", options(), horses(), "none", Limits(), about)
    kind, why = grade_there("a run", settings, b"", {})
    assert kind == "unfit"
    assert "grader is" in why and "there and 0.0.1 here: install the same on both" in why
    assert grade_there("a run", None, b"", {}) == ("settings", None)


def test_without_dask_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main([str(COHORT), "--cluster", "tcp://127.0.0.1:1", "--out", str(tmp_path / "reports")]) == 2
    said = capsys.readouterr().err
    assert "pip install 'colour-grade[cluster]'" in said and len(said.splitlines()) == 1
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
    """All that a report says, but for times and places."""
    told = {}
    for path in sorted(out.glob("*/report.json")):
        report = json.loads(path.read_text("utf-8"))
        for criterion in report["criteria"]:
            criterion["seconds"] = criterion["evidence"].pop("seconds", None) and 0
        report["run"] |= {"started": "", "seconds": 0}
        told[path.parent.name] = report
    return told


def test_other_machines_give_the_same_reports(
    start, handed_in: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, _ = start(2)
    out = tmp_path / "there"
    assert main([str(handed_in), "--out", str(out), "--cluster", address, *HOW]) == 0
    assert marks(out) == marks(here)
    assert "4 reports written, 0 as before: 3 graded, 1 to be reviewed" in capsys.readouterr().out
    # Either machine goes on from the other's reports.
    assert main([str(handed_in), "--out", str(out), *HOW]) == 0
    assert "0 reports written, 4 as before" in capsys.readouterr().out


def grading(cluster: Cluster) -> Grading:
    how = Options(seed=5, quick=True, seconds=120.0, probe_seconds=10.0)
    return Grading(load(shipped("rubric.yaml")), load_horses(None), cluster, how)  # type: ignore[arg-type]


def test_a_node_that_is_killed_costs_nothing(start, handed_in: Path, here: Path, tmp_path: Path) -> None:
    address, (_, victim, *_) = start(2)

    class Killing(Heard):
        def finished(self, line: Line) -> None:
            super().finished(line)
            # From here on half of what is under way is lost.
            victim.send_signal(signal.SIGKILL)

    events = Killing()
    found = find([handed_in]).found
    with Cluster(address, isolation="none", limits=Limits(memory=4 << 30)) as cluster:
        run = grading(cluster)
        cluster.ready(run, notify=lambda sentence: None)
        summary = run_cohort(run, found, tmp_path / "out", jobs=4, events=events, elsewhere=cluster)
    assert victim.wait() == -signal.SIGKILL
    assert (summary.graded, summary.failed, summary.left, events.problems) == (4, (), 0, [])
    assert marks(tmp_path / "out") == marks(here)


def test_a_scheduler_that_is_killed_ends_the_run_and_this_machine_goes_on(
    start, handed_in: Path, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "_CONNECT_SECONDS", 3)
    address, (scheduler, *_) = start(1)

    class Killing(Heard):
        def finished(self, line: Line) -> None:
            super().finished(line)
            scheduler.send_signal(signal.SIGKILL)

    found = find([handed_in]).found
    with Cluster(address, isolation="none", limits=Limits(memory=4 << 30)) as cluster:
        run = grading(cluster)
        cluster.ready(run, notify=lambda sentence: None)
        with pytest.raises(RunError, match=r"was lost.*start it again; reports .* are whole"):
            run_cohort(run, found, tmp_path / "out", jobs=2, events=Killing(), elsewhere=cluster)
    begun = set(marks(tmp_path / "out"))
    assert begun and begun < set(marks(here))
    assert main([str(handed_in), "--out", str(tmp_path / "out"), *HOW]) == 0
    assert marks(tmp_path / "out") == marks(here)


def test_a_scheduler_that_is_not_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'colour-grade[cluster]'")
    monkeypatch.setattr(cluster_module, "_CONNECT_SECONDS", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense://", "127.0.0.1:port", "scheduler"):
        assert main([str(COHORT), "--cluster", address, "--out", str(tmp_path / "reports")]) == 2
        gc.collect()
        said = capsys.readouterr().err
        assert f"answers at {address}" in said and len(said.splitlines()) == 1
    assert not (tmp_path / "reports").exists()


def test_a_scheduler_of_another_version_is_a_sentence(
    start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = "lambda name: '2020.1.0' if name == 'distributed' else version(name)"
    address, _ = start(
        0, before=f"from importlib import metadata; version = metadata.version; metadata.version = {older}"
    )
    assert main([str(COHORT), "--cluster", address, "--out", str(tmp_path / "reports")]) == 2
    said = capsys.readouterr().err
    assert f"the scheduler at {address} has distributed 2020.1.0, here is" in said and len(said.splitlines()) == 1
    assert not (tmp_path / "reports").exists()
