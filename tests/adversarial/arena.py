"""Grades hostile submissions as a cohort, beside an honest neighbour and canaries, and says what came of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from grader.intake.names import encodable
from grader.report.size import MOST_BYTES

from .cases import HONEST, Case

__all__ = ["NEIGHBOUR", "Outcome", "fight", "grade"]

ROOT = Path(__file__).resolve().parents[2]
RUBRIC = Path(__file__).with_name("rubric.yaml")
NEIGHBOUR = "honest-neighbour"
SECRET = "canary-d41d8cd98f00"
SECONDS = 28.0
"""``--timeout`` of the cohort: a submission, loading to last probe, without what its hangs waste."""
MOST_SECONDS = 150.0
"""What a submission may take with all its hangs: a class is given up at its second, and probes have a limit of 7 s."""
MEMORY = 1.0
"""``--memory``, GiB."""

_CONTROLS = "[\x00-\x08\x0b\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]"
_TIMES = r"\d{4}-\d\d-\d\d[T ][\d:.+Z]+( UTC)?|\"seconds\": [\d.e-]+|[\d.]+ ?s\b|data-seconds=\"[^\"]*\""
# A backslash before it keeps Markdown from reading it as markup.
_RAW = (r"(?<!\\)<(script>alert|img src=x)", _CONTROLS)


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

    @cached_property
    def _by_id(self) -> dict[str, dict[str, Any]]:
        found = [json.loads(path.read_text("utf-8")) for path in self.reports.glob("*/report.json")]
        return {report["submission"]["id"]: report for report in found}

    def report(self, name: str) -> dict[str, Any] | None:
        """The report of a submission, by the name of its folder."""
        return self._by_id.get(encodable(name))

    def problems(self, case: Case) -> list[str]:
        """What came of a case that must not have; empty if it was held."""
        report = self.report(case.name)
        if report is None:
            return ["no report was written"]
        criteria = {criterion["id"]: criterion for criterion in report["criteria"]}
        flagged = any(flag["kind"] == "untrusted-evidence" for flag in report["flags"])
        found = [f"{id} earned {criteria[id]['points']}" for id in case.lost if criteria[id]["points"] > 0]
        found += [
            f"{id} passed unflagged"
            for id in case.doubted
            if criteria[id]["points"] > 0 and not (flagged and report["status"] == "needs_review")
        ]
        found += [f"{id} was lost: {criteria[id]['feedback'][:200]}" for id in case.kept if criteria[id]["points"] == 0]
        found += [
            f"{one['id']} is an error of ours: {one['evidence']}"
            for one in report["criteria"]
            if one["outcome"] == "error"
        ]
        text = json.dumps(report, ensure_ascii=False)
        if case.said not in text:
            found.append(f"nowhere is it said that {case.said!r}")
        if not all(one["feedback"] for one in report["criteria"]):
            found.append("a criterion has no feedback")
        size = sum(path.stat().st_size for path in self.folder(case.name).iterdir())
        if size > MOST_BYTES:
            found.append(f"the report has {size:,} bytes")
        # 120 %: a session is opened, outlined and closed besides
        if report["run"]["seconds"] > MOST_SECONDS:
            found.append(f"took {report['run']['seconds']} s")
        return found

    @cached_property
    def _folders(self) -> dict[str, Path]:
        found = self.reports.glob("*/report.json")
        return {json.loads(path.read_text("utf-8"))["submission"]["id"]: path.parent for path in found}

    def folder(self, name: str) -> Path:
        """The folder of a submission's report."""
        return self._folders[encodable(name)]

    def without_times(self, name: str) -> str:
        """All files of a submission's report as text, but for how long things took and when."""
        texts = [path.read_text("utf-8") for path in sorted(self.folder(name).iterdir())]
        return re.sub(_TIMES, "…", "\n".join(texts))

    def damage(self) -> list[str]:
        """What was read, changed or left behind, by whichever case."""
        found = list(self.left)
        found += [
            f"{path} was changed"
            for path, content in self.canaries.items()
            if not path.is_file() or path.read_text("utf-8") != content
        ]
        for path in self.reports.rglob("*"):
            if path.is_file() and SECRET.encode() in path.read_bytes():
                found.append(f"a secret stands in {path.name} of {path.parent.name}")
        for path in (*self.reports.rglob("*.html"), *self.reports.rglob("*.md")):
            # in a fence, text of any kind is shown as it is
            text = re.sub(r"(?ms)^(```+|~~~+).*?^\1", "", path.read_text("utf-8"))
            found += [
                f"{where} stands in {path.name} of {path.parent.name}" for where in _RAW if re.search(where, text)
            ]
        if SECRET in self.out + self.err:
            found.append("a secret was printed")
        if re.search(_CONTROLS, self.out + self.err):
            found.append("control characters were printed")
        if "Traceback" in self.out + self.err or self.status:
            found.append(f"the grader ended with {self.status}: {self.err[-500:]}")
        return found


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
    return grade(
        [cohort], folder, home=home, temporary=temporary, canaries=canaries, jobs=jobs, isolation=isolation, many=True
    )


def grade(
    paths: Iterable[Path],
    folder: Path,
    *,
    home: Path,
    temporary: Path,
    canaries: dict[Path, str],
    jobs: int = 1,
    isolation: str = "auto",
    many: bool = False,
) -> Outcome:
    """Run the command as a user would; ``folder / "reports"`` is where the reports go."""
    before = _processes()
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "GRADE_CANARY": SECRET,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    command = [
        sys.executable,
        "-m",
        "grader",
        *map(str, paths),
        "--out",
        str(folder / "reports"),
        "--rubric",
        str(RUBRIC),
        "--seed",
        "7",
    ]
    command += [
        "--timeout",
        str(SECONDS),
        "--memory",
        str(MEMORY),
        "--jobs",
        str(jobs),
        "--assignment",
        "csc321-2018",
        "--isolation",
        isolation,
    ]
    command += ["--many"] if many else []
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=environment, cwd=folder, timeout=900
    )
    left = [
        f"process {pid}: {what}"
        for pid, what in (_processes().items() - before.items())
        if "multiprocessing" not in what
    ]
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
        ours = ("worker" in command and "bwrap" in command) or ("runpy" in command and "/packages" in command)
        if ours and parent in (0, 1):
            found[int(folder.name)] = command[:80]
    return found


HONEST_LOOK = """
import os, socket
def addresses():
    try: return sorted(name for _, name in socket.if_nameindex())
    except OSError as refused: return f"refused ({refused.strerror})"
def inside(folder): return " ".join(sorted(os.listdir(folder))) or "nothing"
value = {folder: inside(folder) for folder in ("/", "/dev", "/proc", "/packages", ".")}
value["environment"] = " ".join(f"{name}={text}" for name, text in os.environ.items())
value["process"] = f"{os.getpid()}, its parent {os.getppid()}, user {os.getuid()}, host {socket.gethostname()}"
value["interfaces"] = addresses()
"""
"""Run in a worker: what is visible from inside."""
