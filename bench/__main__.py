"""``make bench``: measure, and write BENCHMARKS.md. ``--quick`` measures little, in two minutes, and writes elsewhere.

Every figure is a ratio or a difference of figures of one run on one machine. Cohorts are graded by the command
itself, in
processes of their own, as a TA would; ``bench/inside.py`` measures what has to be seen from inside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.others import by_nbgrader
from bench.submissions import ASSIGNMENT, BASES, FIXTURES, cohort

ROOT = Path(__file__).resolve().parent.parent
GRADE = [sys.executable, "-m", "grader", "--seed", "1"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Ran:
    """One call of the command."""

    seconds: float
    peak: int
    """Most bytes that the trusted process had in memory."""


def grade(*arguments: object) -> Ran:
    """Run ``grade``; SystemExit where it fails."""
    before = time.perf_counter()
    command = [*GRADE, *map(str, arguments)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    said = b""
    while True:
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        said = (said + (process.stderr.read() or b""))[-2_000:]
        if pid:
            break
        peak = max(peak, _peak(process.pid))
        time.sleep(0.02)
    seconds = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {said.decode(errors='replace')}")
    return Ran(seconds, peak)


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def inside(*arguments: object) -> Any:
    """What ``bench/inside.py`` measures."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.inside", *map(str, arguments)]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@dataclass(frozen=True)
class Sizes:
    """Submissions in each measurement."""

    cohort: int = 300
    many: int = 3_000
    resumed: int = 10_000
    profile: int = 25
    others: int = 10
    """Graded by nbgrader as well."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure how long grading takes.")
    parser.add_argument("--quick", action="store_true", help="few submissions, for development")
    parser.add_argument("--out", type=Path, help="file to write (default: BENCHMARKS.md, with --quick the terminal)")
    options = parser.parse_args()
    sizes = Sizes(25, 100, 300, 10, 2) if options.quick else Sizes()
    load = os.getloadavg()[0]
    text = report(sizes, load)
    if options.out or not options.quick:
        (options.out or ROOT / "BENCHMARKS.md").write_text(text, encoding="utf-8")
    print(text)


def report(sizes: Sizes, load: float) -> str:
    """Measure everything; the text of BENCHMARKS.md."""
    jobs = 2
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        place = Path(name)
        _say("the limit")
        known = inside("limit", sizes.cohort)
        limit: dict[str, float] = known["limit"]

        _say(f"{sizes.cohort} submissions, {jobs} jobs")
        bases = cohort(place / "cohort", sizes.cohort)
        whole = grade(place / "cohort", "--many", "--out", place / "reports", "--jobs", jobs)
        tensor = sum(limit[base] for base in bases)

        _say(f"{sizes.cohort} submissions, one job")
        one = grade(place / "cohort", "--many", "--out", place / "by-one", "--jobs", 1)

        _say("one submission, cold")
        cold = min(
            (grade(FIXTURES / "right" / "submission", "--out", place / f"cold{n}") for n in range(3)),
            key=lambda ran: ran.seconds,
        )

        _say(f"memory, {sizes.many} submissions")
        cohort(place / "small", sizes.cohort, bases=("starter",))
        small = grade(place / "small", "--many", "--quick", "--out", place / "small-reports", "--jobs", jobs)
        cohort(place / "large", sizes.many, bases=("starter",))
        large = grade(place / "large", "--many", "--quick", "--out", place / "large-reports", "--jobs", jobs)

        _say(f"nothing to do, {sizes.resumed} submissions")
        cohort(place / "resumed", sizes.resumed, bases=("starter",))
        inside("there", place / "resumed", place / "there")
        resumed = grade(place / "resumed", "--many", "--quick", "--out", place / "there", "--jobs", jobs)

        _say("nbgrader")
        scripts = [
            FIXTURES / base / "submission" for base in BASES if list((FIXTURES / base / "submission").glob("*.py"))
        ]
        others = by_nbgrader([min(folder.glob("*.py")) for folder in scripts[: sizes.others]])

        _say("where the time goes")
        stages: dict[str, float] = inside("profile", sizes.profile)
    inner = Counter[str]()
    for verbs in known["verbs"].values():
        inner.update(verbs)
    in_process = {verb: seconds / len(BASES) for verb, seconds in inner.items()}
    mean = tensor / sizes.cohort
    overhead = (whole.seconds * jobs - tensor) / sizes.cohort
    overhead_alone = (one.seconds - tensor) / sizes.cohort
    after = os.getloadavg()[0]
    grown = (large.peak - small.peak) / 2**20
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench`: {platform.system()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, torch "
        f"{_version('torch')} on the CPU, one thread a submission; the load of the machine was "
        f"{load:.1f} before it began and {after:.1f} in the end. "
        "Times compare with each other and not with those of another machine.",
        "",
        f"The cohort is {sizes.cohort} submissions of `{ASSIGNMENT}`: {len(BASES)} fixtures, right and faulty, in "
        "turn, with "
        "training. The *limit* is what their probes cost with nothing else done: definitions loaded and probes "
        "answered one "
        "after the other in one warm process, while everything that is computed once in a run is there; the mean over "
        "the same "
        f"{sizes.cohort} submissions. Overhead is all the rest: wall time × jobs − limit. All of it needs a quiet "
        "machine.",
        "",
        "| figure | measured | wanted |",
        "|---|---|---|",
        f"| limit of a submission, mean | {mean:.2f} s | – |",
        f"| overhead of a submission, {sizes.cohort} at 2 jobs ({whole.seconds:.0f} s) | {overhead:.2f} s | at "
        "most 0.15 s |",
        f"| overhead of a submission, {sizes.cohort} at 1 job ({one.seconds:.0f} s) | {overhead_alone:.2f} s | – |",
        f"| 2 jobs over 1, {sizes.cohort} submissions | {one.seconds / whole.seconds:.2f} | at least 1.85 |",
        f"| first submission, from command to report, less its limit ({cold.seconds:.2f} s in all) | "
        f"{cold.seconds - limit['right']:.2f} s | at most 2.5 s |",
        f"| peak memory of the marking process, {sizes.many:,} submissions less {sizes.cohort:,} "
        f"({small.peak / 2**20:.0f} MB) | {grown:+.1f} MB | within 20 MB |",
        f"| {sizes.resumed:,} reports already there | {resumed.seconds:.1f} s | 10 s for 10,000 |",
        "| the same checks by nbgrader, a submission, one at a time | "
        + (
            "not installed |"
            if others is None
            else f"{others:.1f} s, {others / (one.seconds / sizes.cohort):.0f} times ours |"
        )
        + " – |",
        "",
        "Memory is measured with `--quick` on copies of the untouched starter, which take the least time; the "
        "reports already "
        "there are written by the store from one report, each with its own submission's key.",
        "",
        "## Where a submission's time goes",
        "",
        f"Mean of {sizes.profile} submissions, one at a time, in the sandbox, once everything is warm; beside it "
        "the same work "
        "in the worker alone, in process.",
        "",
        "| stage | seconds | of it in the worker |",
        "|---|---|---|",
        *(
            f"| {_STAGES.get(stage, f'probes: {stage}')} | {seconds:.4f} | {_or_dash(in_process.get(stage))} |"
            for stage, seconds in stages.items()
        ),
        f"| all | {sum(stages.values()):.4f} | {sum(in_process.values()):.4f} |",
        "",
    ]
    return "\n".join(lines)


_STAGES = {
    "reading": "reading the files",
    "opening the session": "opening the session (fork, confine)",
    "outline": "outline (parse)",
    "load": "load (run the definitions)",
    "closing the session": "closing the session",
    "comparing": "asking, comparing and marking",
    "rendering": "rendering the report",
    "writing": "writing it",
}


def _or_dash(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.4f}"


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
