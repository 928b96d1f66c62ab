"""A run whose jobs are processes, as a program of its own: only a process without threads can be forked.

``python jobs_sample.py SUBMISSIONS OUT JOBS`` grades every folder in SUBMISSIONS, by the rubric that lies there, and
prints as JSON what the run said. A submission that names one of ``DEEDS`` does that to the process that grades it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cohort_sample import FakeGrader, Heard, horses, options
from places import ROOT, TESTS

from grader.cohort.batch import run
from grader.cohort.grader import Settings
from grader.cohort.job import ForkSession, JobLimits
from grader.cohort.jobs import Jobs
from grader.exam.exam import Ask, Exam
from grader.intake import Found
from grader.marking.rubric_file import load
from grader.sandbox.floor import Floor
from grader.sandbox.terms import Limits, SandboxError

__all__ = ["grade_by_processes"]


def _die(home: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _die_once(home: Path) -> None:
    mark = home.parent / f"{home.name}.died"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _compute(home: Path) -> None:
    while True:
        pass


def _take_memory(home: Path) -> None:
    bytearray(2**30)


def _fail(home: Path) -> None:
    raise RuntimeError("a defect")


def _look_around(home: Path) -> None:
    kinds = []
    for path in sorted(Path("/proc/self/fd").iterdir()):
        if int(path.name) > 2 and path.is_symlink():
            kinds.append("socket" if str(path.readlink()).startswith("socket:") else "file")
    (home.parent / "descriptors.json").write_text(json.dumps(sorted(kinds)))


DEEDS: dict[str, Callable[[Path], None]] = {
    "# die always": _die,
    "# die once": _die_once,
    "# compute without end": _compute,
    "# take memory": _take_memory,
    "# fail": _fail,
    "# look around": _look_around,
}


class _Fork(FakeGrader):
    """A grader whose submissions can be graded by processes."""

    def fork_session(self, gpu: bool, scratch: str, cores: list[int], descriptors: list[int]) -> None:
        raise SandboxError("there is no sandbox")

    def move_into_job(self, fork_session: ForkSession, floor: Floor, ask: Ask) -> None: ...
    def exam(self, assignment: str) -> Exam:
        raise NotImplementedError("nothing is examined")


def grade_by_processes(submissions: Path, out: Path, jobs: int = 2) -> dict[str, Any]:
    """What a run says: ``problems`` by id, ``graded``, ``failed``, ``stages`` and ``processes``, which are left."""
    command = [sys.executable, str(TESTS / "jobs_sample.py"), str(submissions), str(out), str(jobs)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{TESTS}", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=120)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def main(submissions: Path, out: Path, jobs: int) -> None:
    found = [Found(home.name, home.name, (home,)) for home in sorted(submissions.iterdir()) if home.is_dir()]
    settings = Settings(load(submissions / "rubric.yaml"), horses(), options(), Limits(memory=2**30), "none")
    heard, ids = Heard(), {home.id: home.sources[0] for home in found}

    def act(id: str) -> None:
        text = (ids[id] / "colourization.py").read_text()
        for words, deed in DEEDS.items():
            if words in text:
                deed(ids[id])

    with Jobs(_Fork(settings, act), limits=JobLimits(cpu_seconds=1, memory=2**28)) as made:
        summary = run(made, found, out, jobs=jobs, events=heard)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    said = {
        "problems": dict(heard.problems),
        "graded": summary.graded,
        "failed": [failure.id for failure in summary.failed],
        "stages": heard.stages,
        "processes": children,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
