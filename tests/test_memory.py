"""What the trusted process holds for a submission is bounded, whatever the submission answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from places import ROOT, TESTS

from .adversarial.cases import HONEST, code
from .adversarial.delays import CASES as DELAYS
from .adversarial.outputs import CASES

MOST = 300 * 2**20
"""Bytes over what a right submission takes."""
_MEASURED = """
import resource, sys
from pathlib import Path
from grader.cli.grade import main
from grader.cohort.jobs import Jobs

peaks = []


class Measured(Jobs):
    def _end(self, process):
        ended = super()._end(process)
        peaks.append(ended.memory)
        return ended

    def close(self):
        for process in self._processes:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peaks.extend(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
        super().close()


import grader.cohort.jobs
grader.cohort.jobs.Jobs = Measured
status = main(sys.argv[1:])
assert peaks, "no process was measured"
print('peak', max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, *peaks), status)
"""
"""The command, which prints the peak of its own process and of its jobs'."""


def peak(makers: dict[str, Callable[[Path], None]], folder: Path) -> int:
    """The most memory that a process of ours had while these submissions were graded one after the other, in bytes.

    The sessions in which their code runs are other processes.
    """
    cohort = folder / "submissions"
    for name, make in makers.items():
        (cohort / name).mkdir(parents=True)
        make(cohort / name)
    shutil.copytree(cohort / next(iter(makers)), cohort / "zzz")  # of one alone, the command makes no job
    done = subprocess.run(
        [
            *(sys.executable, "-c", _MEASURED, str(cohort), "--many", "--jobs", "1", "--seed", "7"),
            *("--out", str(folder / "reports"), "--rubric", str(TESTS / "adversarial" / "rubric.yaml")),
            *("--assignment", "csc321-2018", "--memory", "1"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=True,
    )
    word, size, status = done.stdout.splitlines()[-1].split()
    assert (word, status) == ("peak", "0"), done.stdout + done.stderr
    return int(size)


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_no_output_takes_much_more_memory_than_a_right_one(tmp_path: Path) -> None:
    right = peak({"right": code(HONEST)}, tmp_path / "right")
    assert peak({case.name: case.make for case in CASES}, tmp_path / "outputs") <= right + MOST


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_no_files_take_much_more_memory_to_read_than_right_ones(tmp_path: Path) -> None:
    right = peak({"right": code(HONEST)}, tmp_path / "right")
    shapes = [case for case in DELAYS if any(word in case.name for word in ("notebook", "1-MB", "zip-in-zip", "signs"))]
    assert len(shapes) >= 10
    assert peak({case.name: case.make for case in shapes}, tmp_path / "shapes") <= right + MOST
