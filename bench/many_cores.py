"""What one coordinating process can keep busy, without a machine of many cores; and what it costs in a real run.

    python -m bench.many_cores [--quick]

In the first measure each job is a stub: its process hands back a finished report after 0.4 s. So 64 jobs need no cores,
and what is measured is handing out, writing and the gradebook. In the second, the command grades a small and a larger
cohort. The difference of the processor time of its own process is that of the submissions between them, and the memory
of all processes is looked at meanwhile.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.submissions import BASES, FIXTURES, ROOT, cohort
from grader.cohort.batch import run
from grader.cohort.grader import KeyOf, Settings, Watch
from grader.cohort.job import ForkSession
from grader.cohort.jobs import Jobs
from grader.exam.exam import Ask, Exam
from grader.examined import Earlier
from grader.intake import Found, find
from grader.marking.rubric_file import load
from grader.pipeline import Options
from grader.report.files import FILES, RenderedReport, from_files
from grader.sandbox.floor import Floor
from grader.sandbox.terms import Limits, SandboxError
from reference.data import load_horses
from reference.shipped import shipped

__all__ = ["main"]

SEED = 1
JOBS = 64
SECONDS = 0.4
"""After which a stub hands back its report."""
MEASURE = """
import sys, time
from grader.cli.grade import main
status = main(sys.argv[1:])
print(time.process_time(), file=sys.stderr)
sys.exit(status)
"""
"""The command, which says at the end how much processor time its own process took."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.many_cores", description="Measure the coordinating process.")
    parser.add_argument("--quick", action="store_true", help="few submissions, for development")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="many-cores-") as name:
        place = Path(name)
        _stubs(place, 300 if quick else 2_000)
        _real(place, *((8, 24) if quick else (50, 200)))


def _stubs(place: Path, submissions: int) -> None:
    """Print how many submissions a second go through this process, where the jobs take no time of the processor."""
    _grade(FIXTURES / "right" / "submission", place / "one", "--one")
    files = {name: next((place / "one").glob(f"*/{name}")).read_bytes() for name in FILES}
    cohort(place / "stubs", submissions, bases=("right",))
    found = find([place / "stubs"], mode="many").found
    with Jobs(_Stub(from_files(files, folder=""))) as jobs:
        begin, used = time.perf_counter(), time.process_time()
        run(jobs, found, place / "stub-reports", jobs=JOBS, events=_Silent())
        seconds, used = time.perf_counter() - begin, time.process_time() - used
    print(f"{JOBS} jobs whose processes hand back a finished report after {SECONDS} s, {submissions:,} submissions:")
    print(f"  {submissions / seconds:.0f} submissions a second; at most {JOBS / SECONDS:.0f} are possible")
    print(f"  {1000 * used / submissions:.1f} ms of processor time a submission in the coordinating process")


class _Stub:
    """Grades nothing: every submission has the same report, under its own name."""

    def __init__(self, report: RenderedReport) -> None:
        self._report = report
        options, limits = Options(seed=SEED), Limits()
        self.settings = Settings(load(shipped("rubric.yaml")), load_horses(None), options, limits, "none")
        self.jobs = JOBS

    def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
        for criterion in self._report.row.criteria:
            watch.stage(criterion.id)
        time.sleep(SECONDS)
        return replace(self._report, row=replace(self._report.row, id=found.id, folder=found.folder))

    def stop(self) -> None: ...
    def fork_session(self, gpu: bool, scratch: str, cores: list[int], descriptors: list[int]) -> None:
        raise SandboxError("a stub needs no session")

    def move_into_job(self, fork_session: ForkSession, floor: Floor, ask: Ask) -> None: ...
    def exam(self, assignment: str) -> Exam:
        raise NotImplementedError("nothing is examined")


class _Silent:
    """Events of a run that nobody sees."""

    def started(self, id: str) -> None: ...
    def stage(self, id: str, what: str) -> None: ...
    def finished(self, line: object) -> None: ...
    def problem(self, id: str, sentence: str) -> None:
        print(f"{id}: {sentence}", file=sys.stderr)


def _real(place: Path, few: int, many: int) -> None:
    """Print what a submission costs the coordinating process in a run of the command, and the memory of all."""
    jobs = len(os.sched_getaffinity(0))
    runs = []
    for count in (few, many):
        cohort(place / f"cohort{count}", count, bases=BASES)
        arguments = ("--many", "--jobs", str(jobs))
        runs.append(_grade(place / f"cohort{count}", place / f"reports{count}", *arguments))
    each = (runs[1].cpu_seconds - runs[0].cpu_seconds) / (many - few)
    print(f"{many} submissions, {jobs} jobs, {runs[1].seconds:.0f} s:")
    print(f"  {1000 * each:.1f} ms of processor time a submission in the coordinating process")
    print(f"  {runs[1].memory / 2**20:.0f} MB of memory (PSS) in all processes together, at most")


@dataclass(frozen=True)
class _Run:
    seconds: float
    cpu_seconds: float
    """Of the command's own process."""
    memory: int
    """The most bytes (PSS) that all of its processes had together."""


def _grade(folder: Path, out: Path, *options: str) -> _Run:
    """Grade by the command. Exits with a sentence if it fails."""
    command = [sys.executable, "-c", MEASURE, "--seed", str(SEED), "--device", "cpu", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begin, memory = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [*command, "--out", str(out), str(folder)], env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        while process.poll() is None:
            memory = max(memory, _memory_of_all(process.pid))
            time.sleep(0.5)
        errors.seek(0)
        lines = errors.read().splitlines()
    if process.returncode:
        sys.exit(f"grade ended with {process.returncode}: {' '.join(lines[-3:])}")
    return _Run(time.perf_counter() - begin, float(lines[-1]), memory)


def _memory_of_all(pid: int) -> int:
    """The bytes (PSS) of a process and all below it. One that ends meanwhile counts for nothing."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    own = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return own + sum(_memory_of_all(int(child)) for child in children)


if __name__ == "__main__":
    main()
