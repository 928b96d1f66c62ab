"""Grades hostile submissions as a cohort, beside an honest neighbour and canaries, and says what came of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cases import HONEST, Case

__all__ = ["Outcome", "fight", "reports_of"]

ROOT = Path(__file__).resolve().parents[2]
RUBRIC = Path(__file__).with_name("rubric.yaml")
NEIGHBOUR = "honest-neighbour"
SECRET = "canary-d41d8cd98f00"
SECONDS = 12.0
"""``--timeout`` of the cohort: a submission, loading to last probe, without what its hangs waste."""
MEMORY = 1.0
"""``--memory``, GiB."""


@dataclass
class Outcome:
    """What came of a cohort."""

    status: int
    out: str
    err: str
    reports: Path
    canaries: dict[Path, str] = field(default_factory=dict)
    """Files that nobody may read or change, with their contents."""
    left: list[str] = field(default_factory=list)
    """Processes and files that the run left behind."""

    def report(self, name: str) -> dict[str, Any]:
        return json.loads((self.reports / name / "report.json").read_text("utf-8"))  # type: ignore[no-any-return]


def fight(cases: Sequence[Case], folder: Path, *, jobs: int = 2, isolation: str = "auto") -> Outcome:
    """Grade ``cases`` and the honest neighbour in one run of the command, in ``folder``, which is empty."""
    cohort, home, temporary = folder / "submissions", folder / "home", folder / "tmp"
    for each in (cohort, home, temporary, cohort / NEIGHBOUR):
        each.mkdir()
    (cohort / NEIGHBOUR / "colourization.py").write_text(HONEST, "utf-8")
    canaries = {
        home / ".ssh" / "id_ed25519": SECRET,
        home / "notes.txt": SECRET,
        temporary / "somebody-elses.txt": SECRET,
        folder / "exam.txt": SECRET,
    }
    for path, content in canaries.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8")
    for case in cases:
        (cohort / case.name).mkdir()
        case.make(cohort / case.name)
    return grade([cohort], folder, home=home, temporary=temporary, canaries=canaries, jobs=jobs, isolation=isolation, many=True)


def grade(
    paths: Iterable[Path], folder: Path, *, home: Path, temporary: Path, canaries: dict[Path, str], jobs: int = 1, isolation: str = "auto", many: bool = False
) -> Outcome:
    """Run the command as a user would; ``folder / "reports"`` is where the reports go."""
    before = _processes()
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary), "GRADE_CANARY": SECRET, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "grader", *map(str, paths), "--out", str(folder / "reports"), "--rubric", str(RUBRIC), "--seed", "7"]
    command += ["--timeout", str(SECONDS), "--memory", str(MEMORY), "--jobs", str(jobs), "--assignment", "csc321-2018", "--isolation", isolation]
    command += ["--many"] if many else []
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, cwd=folder, timeout=900)
    left = [f"process {pid}: {what}" for pid, what in (_processes().items() - before.items()) if "multiprocessing" not in what]
    left += [str(path) for path in temporary.iterdir() if path not in canaries]
    return Outcome(done.returncode, done.stdout, done.stderr, folder / "reports", canaries, left)


def _processes() -> dict[int, str]:
    """Workers and bubblewraps now running, by number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        # what a dead parent leaves goes to the first process, or to a reaper; other runs of the grader have theirs
        if ("worker" in command and "bwrap" in command) or ("runpy" in command and "/packages" in command):
            if parent in (0, 1):
                found[int(folder.name)] = command[:80]
    return found
