"""``make bench``: measure, and write BENCHMARKS.md. ``--quick`` takes two minutes, and prints instead of writing.

Every figure is a ratio or a difference of figures from one run on one machine. The command itself grades the cohorts,
in processes of their own, as for a TA. ``bench/inside.py`` measures what only the inside of a process shows.
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
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.figures import Figures, Limit, Machine, Run, Sizes, to_page
from bench.marks import STUDENTS, measure_marks, to_text
from bench.others import by_nbgrader
from bench.submissions import ASSIGNMENT, BASES, FIXTURES, cohort

ROOT = Path(__file__).resolve().parent.parent
GRADE = [sys.executable, "-m", "grader", "--seed", "1"]
GRADEBOOK = [sys.executable, "-m", "grader.cli.gradebook", "summary"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
JOBS = 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure how long grading takes.")
    parser.add_argument("--quick", action="store_true", help="few submissions, for development")
    parser.add_argument("--out", type=Path, help="file to write (default: BENCHMARKS.md, with --quick the terminal)")
    parser.add_argument("--marks", action="store_true", help="only the marks of people, which takes a minute")
    options = parser.parse_args()
    if options.marks:
        print(to_text(measure_marks(300 if options.quick else STUDENTS)), end="")
        return
    text = to_page(measure(Sizes(25, 100, 300, 10, 2) if options.quick else Sizes()))
    if options.out or not options.quick:
        (options.out or ROOT / "BENCHMARKS.md").write_text(text, encoding="utf-8")
    print(text)


def measure(sizes: Sizes) -> Figures:
    """Measure everything, one thing after the other. Exits with a sentence if the command fails."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        place = Path(name)
        _say("the limit")
        limit = Limit(**inside("limit", sizes.cohort))

        _say(f"{sizes.cohort} submissions, {JOBS} jobs")
        bases = cohort(place / "cohort", sizes.cohort)
        whole = grade(place / "cohort", "--many", "--out", place / "reports", "--jobs", JOBS)

        _say(f"a changed rubric, {sizes.cohort} reports")
        remarked = _remark(place, "Their colouring")
        pages = _remark(place, "Our colouring", "--pages")

        _say(f"{sizes.cohort} submissions, one job")
        alone = grade(place / "cohort", "--many", "--out", place / "by-one", "--jobs", 1)

        _say("one submission, cold")
        cold = min(
            (grade(FIXTURES / "right" / "submission", "--out", place / f"cold{number}") for number in range(3)),
            key=lambda run: run.seconds,
        )

        _say(f"memory, {sizes.many} submissions")
        cohort(place / "small", sizes.cohort, bases=("starter",))
        small = grade(place / "small", "--many", "--quick", "--out", place / "small-reports", "--jobs", JOBS)
        cohort(place / "large", sizes.many, bases=("starter",))
        large = grade(place / "large", "--many", "--quick", "--out", place / "large-reports", "--jobs", JOBS)

        _say(f"nothing to do, {sizes.resumed} submissions")
        cohort(place / "resumed", sizes.resumed, bases=("starter",))
        inside("reports", place / "resumed", place / "resumed-reports")
        resumed = grade(place / "resumed", "--many", "--quick", "--out", place / "resumed-reports", "--jobs", JOBS)

        _say("nbgrader")
        scripts = [min(found) for base in BASES if (found := list((FIXTURES / base / "submission").glob("*.py")))]
        nbgrader = by_nbgrader(scripts[: sizes.others])

        _say("where the time goes")
        stages: dict[str, float] = inside("profile", sizes.profile)
    return Figures(
        machine=_machine(load_before),
        sizes=sizes,
        assignment=ASSIGNMENT,
        jobs=JOBS,
        bases=len(BASES),
        limit=limit,
        limit_of_the_cohort=sum(limit.seconds[base] for base in bases),
        cohort=whole,
        cohort_alone=alone,
        cold=cold,
        small=small,
        large=large,
        resumed=resumed,
        remarked=remarked,
        pages=pages,
        nbgrader=nbgrader,
        stages=stages,
    )


def _machine(load_before: float) -> Machine:
    return Machine(
        system=platform.system(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        torch=version("torch"),
        load_before=load_before,
        load_after=os.getloadavg()[0],
    )


def _remark(place: Path, title: str, *options: str) -> Run:
    """Mark the cohort's reports by a rubric with other titles of the assignments and another share of a mistake."""
    rubric = (ROOT / "rubric.yaml").read_text("utf-8").replace("title: Colouring", f"title: {title}")
    (place / "rubric.yaml").write_text(rubric.replace("mistakes: {}", "mistakes: {skip-missing: 0.2}", 1), "utf-8")
    return _run([*GRADEBOOK, str(place / "reports"), "--rubric", str(place / "rubric.yaml"), *options])


def grade(*arguments: object) -> Run:
    """Run ``grade`` with these arguments. Exits with a sentence if it fails."""
    return _run([*GRADE, *map(str, arguments)])


def _run(command: list[str]) -> Run:
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    errors = b""
    while True:
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        errors = (errors + (process.stderr.read() or b""))[-2_000:]
        if pid:
            break
        peak = max(peak, _peak(process.pid))
        time.sleep(0.02)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {errors.decode(errors='replace')}")
    return Run(seconds, peak)


def _peak(pid: int) -> int:
    """The most bytes that a process had in memory so far; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def inside(*arguments: object) -> Any:
    """The JSON that ``bench/inside.py`` prints for these arguments. Raises CalledProcessError if it fails."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.inside", *map(str, arguments)]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _say(step: str) -> None:
    print(f"bench: {step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
