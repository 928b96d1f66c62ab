"""Whether a busy machine gives other marks: a cohort with endless loops, many jobs on few cores beside busy loops.

    python -m bench.busy [--quick]

The same submissions are graded by one job alone with the same seed; all outcomes, points and feedback are compared.
Exits with 1 where one differs. The run by one job is that of a quiet machine only if the machine is quiet.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.submissions import BASES, FIXTURES, ROOT, cohort

__all__ = ["main"]

SEED = 20_261
SUBMISSIONS, JOBS, CORES, LOOPS = 60, 16, 2, 8
_JOINED = "        self.out5 = self.upconv2(torch.cat((self.out4, self.out1), dim=1))"
ENDLESS = (
    (_JOINED, f"        while True:\n            pass\n{_JOINED}"),
    ("class UNet(", "FOREVER = sum(iter(int, 1))\n\n\nclass UNet("),
    (
        "        super(CNN, self).__init__()",
        "        super(CNN, self).__init__()\n        while True:\n            pass",
    ),
)
"""What makes a right submission endless: in forward, at the top level, in a constructor."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.busy", description="Compare marks of a busy and a quiet run."
    )
    parser.add_argument("--quick", action="store_true", help="few submissions, for development")
    submissions = 8 if parser.parse_args().quick else SUBMISSIONS
    with tempfile.TemporaryDirectory(prefix="busy-") as name:
        place = Path(name)
        cohort(place / "in", submissions - len(ENDLESS), bases=tuple(base for base in BASES if base != "right"))
        for number, (old, new) in enumerate(ENDLESS):
            _make_endless(place / "in" / f"endless{number}", old, new)
        cores = sorted(os.sched_getaffinity(0))[:CORES]
        with _busy_loops(LOOPS, cores):
            beside = _grade(place / "in", place / "busy", JOBS, cores)
        alone = _grade(place / "in", place / "quiet", 1, cores)
        differing = [*_differences(place / "quiet", place / "busy")]
        endless = [_document(place / "busy" / f"endless{number}") for number in range(len(ENDLESS))]
    print(f"{submissions} submissions, {len(ENDLESS)} of them endless, on {len(cores)} cores:")
    print(f"  one job alone: {alone:.0f} s; {JOBS} jobs beside {LOOPS} busy loops: {beside:.0f} s")
    print(f"  scores of the endless ones: {', '.join(str(document['score']) for document in endless)}")
    print(f"  {len(differing)} criteria differ")
    for line in differing:
        print(f"    {line}")
    return 1 if differing else 0


def _make_endless(folder: Path, old: str, new: str) -> None:
    folder.mkdir()
    for path in (FIXTURES / "right" / "submission").iterdir():
        content = path.read_bytes()
        if path.suffix == ".py":
            text = content.decode()
            if old not in text:
                raise ValueError(f"the right submission must have the line {old!r}")
            content = text.replace(old, new, 1).encode()
        (folder / path.name).write_bytes(content)


@contextlib.contextmanager
def _busy_loops(count: int, cores: list[int]) -> Iterator[None]:
    """So many processes that compute without end on these cores."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        for loop in loops:
            os.sched_setaffinity(loop.pid, cores)
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _grade(folder: Path, out: Path, jobs: int, cores: list[int]) -> float:
    """Grade by the command, on these cores. Returns the seconds it took; exits with a sentence if it fails."""
    command = [sys.executable, "-m", "grader", "--many", "--seed", str(SEED), "--jobs", str(jobs)]
    begin = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"}
    with subprocess.Popen(
        [*command, "--out", str(out), str(folder)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        os.sched_setaffinity(process.pid, cores)
        _, errors = process.communicate()
    if process.returncode:
        sys.exit(f"grade ended with {process.returncode}: {errors.decode(errors='replace')[-2000:]}")
    return time.monotonic() - begin


def _document(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "report.json").read_bytes()))


def _differences(expected: Path, actual: Path) -> Iterator[str]:
    """Every criterion in which a report differs from that of the same submission elsewhere."""
    for folder in sorted(path.parent for path in expected.glob("*/report.json")):
        ours, theirs = _document(folder), _document(actual / folder.name)
        for first, second in zip(ours["criteria"], theirs["criteria"], strict=True):
            for key in ("outcome", "points", "mistake", "feedback"):
                if first[key] != second[key]:
                    yield f"{folder.name}, {first['id']}, {key}: {first[key]!r}, beside others {second[key]!r}"
        if ours["status"] != theirs["status"]:
            yield f"{folder.name}, status: {ours['status']}, beside others {theirs['status']}"


if __name__ == "__main__":
    sys.exit(main())
