"""Whether time grows faster than what is handed in: ``python -m bench.linear``; ``--quick`` takes every other shape.

Each shape of ``bench/shapes.py`` is made at five sizes, each twice the one before, and examined in the sandbox as the
command would. What is measured is the processor time of this process, the trusted one, and that of the session that
parses the source. The exponent is that of the bytes handed in: 1 where twice the bytes take twice the time. What any
submission costs is taken off first, and times too short to be measured are left out. Beside it stand the largest report
and the memory that reading took.

``--pace`` measures the neighbours instead: nine honest submissions alone, and again with three attackers among them.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from bench.shapes import SHAPES, Shape
from bench.submissions import FIXTURES
from grader.intake import find, read
from grader.marking.rubric_file import load
from grader.pipeline import Grading, Options
from grader.report.files import rendered
from grader.report.size import MOST_BYTES
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.terms import Limits
from reference.data import load_horses
from reference.shipped import shipped

__all__ = ["Measured", "exponent", "main"]

DOUBLINGS = 4
MOST_EXPONENT = 1.2
_LEAST_SECONDS = 0.05
"""Over what any submission costs; less is lost among it."""
_ATTACKERS = ("zip of zips", "script: short lines", "notebook: broken cells")
"""Shapes that take much time of the trusted process, of the session's, and of both."""
_BOUNDED = ("too-large", "unreadable", "damaged", "more")
"""Kinds of flags by which a bound says that it was reached."""


@dataclass(frozen=True)
class Measured:
    """One shape at one size."""

    bytes: int
    reading: float
    """Seconds of processor time of the trusted process, to read the files."""
    rest: float
    """Its seconds for everything else: from the outline to the report."""
    session: float
    """The processor time of the session."""
    report: int
    """Bytes of the report's three files."""
    memory: int
    """Bytes that reading took at its peak, over what was there before."""
    stopped: bool
    """Whether a bound was reached, and a sentence says so."""


def exponent(points: Sequence[tuple[float, float]], *, least: float = _LEAST_SECONDS) -> float | None:
    """The slope of the times over the sizes, both as logarithms; None where fewer than two times can be measured."""
    logs = [(math.log(size), math.log(seconds)) for size, seconds in points if seconds >= least and size > 0]
    if len(logs) < 2:
        return None
    middle = [sum(values) / len(logs) for values in zip(*logs, strict=True)]
    across = sum((x - middle[0]) ** 2 for x, _ in logs)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in logs) / across if across else None


def measure(shape: Shape, size: int, grading: Grading, sandbox: Sandbox) -> Measured:
    """Examine one shape at one size."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name) / "submission"
        folder.mkdir()
        handed_in = shape.make(folder, size) + sum(len(path.name) for path in folder.rglob("*"))
        (found,) = find([folder], mode="one").found
        resident = _memory("VmRSS")
        _forget_the_peak()
        begin = time.process_time()
        submission = read(found)
        reading, memory = time.process_time() - begin, _memory("VmHWM") - resident
        spent = _Spent(sandbox)
        grading.sandbox = spent  # type: ignore[assignment]
        begin = time.process_time()
        report = rendered(grading.grade(submission), key="key", folder="submission")
        rest = time.process_time() - begin
    flags = report.report.flags if report.report is not None else ()
    remarks = report.report.remarks if report.report is not None else ()
    stopped = any(flag.kind in _BOUNDED for flag in flags) or any("did not finish" in text for text in remarks)
    length = sum(map(len, report.files.values()))
    return Measured(handed_in, reading, rest, spent.seconds, length, max(0, memory), stopped)


class _Spent:
    """A sandbox that adds up the processor time of its sessions."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._sessions: list[object] = []
        self.isolation, self.layers = sandbox.isolation, sandbox.layers

    def open(self) -> object:
        session = self._sandbox.open()
        self._sessions.append(session)
        return session

    @property
    def seconds(self) -> float:
        return sum(getattr(session, "spent", 0.0) for session in self._sessions)


def _memory(field: str) -> int:
    """Bytes that ``/proc`` says of this process; 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
    except (OSError, StopIteration):
        return 0


def _forget_the_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        logging.getLogger(__name__).warning("the peak of memory cannot be reset here")


def _grading(sandbox: Sandbox) -> Grading:
    options = Options(assignment="csc321-2018", seed=1, quick=True, seconds=40.0, probe_seconds=10.0)
    return Grading(load(shipped("rubric.yaml")), load_horses(None), sandbox, options)


def _right() -> dict[str, bytes]:
    script = next((FIXTURES / "right" / "submission").glob("*.py"))
    return {"colourization.py": script.read_bytes()}


def table(shapes: Sequence[Shape]) -> list[str]:
    """Print the table. Returns the names of shapes that grow too fast or whose report is too long."""
    torch.set_num_threads(1)
    print("| shape | bytes | reading | rest | session | exponent | report | memory | |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---|", flush=True)
    wrong: list[str] = []
    with Sandbox(limits=Limits(memory=4 << 30)) as sandbox:
        grading = _grading(sandbox)
        smallest = Shape("one line", 1, lambda size: {"colourization.py": b"x = 1\n"})
        base = [measure(smallest, 1, grading, sandbox) for _ in range(4)][1:]
        for shape in shapes:
            steps = [shape.smallest * 2**doubling for doubling in range(DOUBLINGS + 1)]
            sizes = [measure(shape, size, grading, sandbox) for size in steps]
            free = [one for one in sizes if not one.stopped]
            found = [
                value
                for off, times in (
                    (0.0, [(one.bytes, one.reading) for one in free]),
                    (median(one.rest for one in base), [(one.bytes, one.rest) for one in free]),
                    (median(one.session for one in base), [(one.bytes, one.session) for one in free]),
                )
                if (value := exponent([(size, seconds - off) for size, seconds in times])) is not None
            ]
            last, largest = sizes[-1], max(one.report for one in sizes)
            worst = max(found, default=None)
            if (worst or 0) > MOST_EXPONENT or largest > MOST_BYTES:
                wrong.append(shape.name)
            print(
                f"| {shape.name} | {last.bytes:,} | {last.reading:.2f} s | {last.rest:.2f} s | {last.session:.2f} s | "
                f"{'–' if worst is None else f'{worst:.2f}'} | {largest // 1000} KB | "
                f"{max(one.memory for one in sizes) >> 20} MB | {'a bound, said' if last.stopped else ''} |",
                flush=True,
            )
    return wrong


def pace() -> tuple[float, float]:
    """Seconds of wall time of an honest neighbour: alone, and with three attackers in a cohort of twelve."""
    attackers = [shape for shape in SHAPES if shape.name in _ATTACKERS]
    found = []
    for hostile in ((), attackers):
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            for number in range(9):
                home = folder / "in" / f"student{number}"
                home.mkdir(parents=True)
                (home / "colourization.py").write_bytes(_right()["colourization.py"] + f"\nN = {number}\n".encode())
            for shape in hostile:
                home = folder / "in" / "".join(filter(str.isalnum, shape.name))
                home.mkdir(parents=True)
                shape.make(home, 16 * shape.smallest)
            command = [sys.executable, "-m", "grader", str(folder / "in"), "--many", "--jobs", "2", "--seed", "1"]
            subprocess.run([*command, "--out", str(folder / "out")], check=True, stdout=subprocess.DEVNULL)
            reports = (folder / "out").glob("student*/report.json")
            found.append(median(json.loads(path.read_bytes())["run"]["seconds"] for path in reports))
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.linear", description="Measure how time grows with bytes.")
    parser.add_argument("--quick", action="store_true", help="every other shape")
    parser.add_argument("--pace", action="store_true", help="honest neighbours beside attackers")
    parser.add_argument("--shape", help="only shapes with this in their name")
    options = parser.parse_args()
    if options.pace:
        alone, beside = pace()
        times = beside / alone
        print(f"An honest neighbour takes {alone:.2f} s alone and {beside:.2f} s beside attackers: {times:.2f} times.")
        raise SystemExit(beside > 1.5 * alone)
    shapes = [shape for shape in SHAPES if (options.shape or "") in shape.name][:: 2 if options.quick else 1]
    if wrong := table(shapes):
        raise SystemExit(f"grows too fast, or has too long a report: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
