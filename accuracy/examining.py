"""Sources of submissions, and their verdicts: in the sandbox, as students are graded, or in this process, which is
faster.

Only sources that we wrote ourselves are run in this process.
"""

from __future__ import annotations

import ast
import json
import re
import resource
import signal
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from grader.checks import run_check
from grader.checks.sitting import Sitting
from grader.exam.exam import Exam
from grader.exam.submitted import Session, Submitted
from grader.intake import Cell, CodeFile, Found, Submission
from grader.marking.rubric import Criterion
from grader.marking.rubric_file import load as load_rubric
from grader.marking.verdicts import Verdict
from grader.pipeline import Grading, Options
from grader.report import Report
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.terms import Limits, WorkerFailed
from grader.worker import protocol
from grader.worker.handler import Handler
from reference.data import load_horses
from reference.handouts import HANDOUTS, LAYER_CLASSES
from reference.shipped import shipped

__all__ = [
    "ASSIGNMENTS",
    "DIFFERENT",
    "IMPORTS",
    "Examiner",
    "InThisProcess",
    "bound_memory",
    "classes_of",
    "definitions",
    "reference_source",
    "right_source",
]

ASSIGNMENTS = tuple(HANDOUTS)
DIFFERENT = tuple({(each.networks, each.layers): each.id for each in reversed(HANDOUTS.values())}.values())[::-1]
"""One assignment for each set of networks: those of the two handouts of 2018 are the same, and are marked alike."""
IMPORTS = (
    "import math\n\nimport torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nfrom torch import Tensor\n"
)
_ROOT = Path(__file__).resolve().parent.parent


def definitions(text: str) -> dict[str, str]:
    """Top-level classes and functions of a source by name, in its order."""
    lines = text.splitlines()
    return {
        node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.parse(text).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }


def classes_of(assignment: str) -> tuple[str, ...]:
    """Networks and layers of an assignment by class name, the layers first."""
    handout = HANDOUTS[assignment]
    # MyDilatedConv2d extends MyConv2d, so it comes after it.
    layers = sorted(handout.layers, key=lambda layer: layer.dilated)
    return (*(layer.cls for layer in layers), *(network.cls for network in handout.networks))


@cache
def right_source(assignment: str) -> str:
    """The definitions of the fixture ``right``: written out block by block, as most students write."""
    folder = _ROOT / "fixtures" / "submissions" / assignment / "right" / "submission"
    classes: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py":
            cells = [path.read_text("utf-8")]
        elif path.suffix == ".ipynb":
            notebook = json.loads(path.read_text("utf-8"))
            cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
        else:
            continue
        for cell in cells:
            if "class " in cell:
                classes |= definitions(cell)
    wanted = [name for name in classes if name in classes_of(assignment)]
    return "\n\n".join([IMPORTS, *(classes[name] for name in sorted(wanted, key=classes_of(assignment).index))])


@cache
def reference_source(assignment: str) -> str:
    """The model answer as a submission: every class under the name that students use, helpers and all."""
    handout = HANDOUTS[assignment]
    texts = [(_ROOT / "reference" / f"{name}.py").read_text("utf-8") for name in ("layers", "models")]
    written = definitions("\n".join(texts))
    names = {facts.model: facts.cls for facts in handout.networks}
    chosen = {name: text for name, text in written.items() if name.startswith("_") or name in LAYER_CLASSES}
    for model, name in names.items():
        base = re.match(r"class \w+\((\w+)\)", written[model])
        if base is not None and base[1] == name != model:
            # It extends the class of another handout that has the name it is to get.
            chosen[f"{name}Base"] = written[name].replace(f"class {name}(", f"class {name}Base(")
            chosen[name] = written[model].replace(f"class {model}({name})", f"class {name}({name}Base)")
        else:
            chosen[name] = written[model].replace(f"class {model}(", f"class {name}(")
    return "\n\n".join([IMPORTS, *chosen.values()])


def bound_memory() -> None:
    """Give this process the memory that a session may have, beside what it holds: a mutant may ask for any amount."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + Limits().memory, resource.RLIM_INFINITY))


class InThisProcess:
    """Takes the place of a sandbox and of its sessions; the same handler answers, without a process of its own."""

    isolation = "none"
    layers: Mapping[str, str] = {"in this process": "our own sources only"}
    output = ""
    dropped = 0
    spent = 0.0
    """CPU seconds that count against a limit: none, since the clock bounds our own sources."""

    def __init__(self) -> None:
        # Only named, in __file__: our own sources write nothing.
        self._handler = Handler(Path(tempfile.gettempdir()))

    def open(self) -> Session:
        return InThisProcess()

    def ask(
        self,
        message: Mapping[str, Any],
        tensors: Mapping[str, Tensor] | None = None,
        *,
        seconds: float,
        reply_bytes: int | None = None,
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        def stop(*_: object) -> None:
            raise TimeoutError(f"no reply in {seconds:.0f} s")

        # The handler takes what is raised while the submission's code runs for an exception of that code.
        if message["do"] == "load":
            return self._handler.handle(dict(message), dict(tensors or {}))
        before = signal.signal(signal.SIGALRM, stop)
        # Repeatedly: each of several probes in one message may be endless.
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        try:
            return self._handler.handle(dict(message), dict(tensors or {}))
        except TimeoutError as late:
            raise WorkerFailed("timeout", str(late)) from late
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *why: object) -> None:
        self.close()


@lru_cache(maxsize=2)
def _exams(seed: int) -> dict[str, Exam]:
    """By assignment; filled as they are needed."""
    return {}


class Examiner:
    """Gives verdicts on sources; one seed, so the reference's evidence is computed once."""

    def __init__(self, seed: int, *, sandboxed: bool) -> None:
        torch.set_num_threads(1)
        self.sandbox: Any = Sandbox(isolation="auto", limits=Limits()) if sandboxed else InThisProcess()
        self.rubric = load_rubric(shipped("rubric.yaml"))
        self.horses = load_horses(None)
        # Evidence of the reference is shared by whoever examines with this seed, in the sandbox or not.
        self._exams = _exams(seed)
        self.grading = Grading(self.rubric, self.horses, self.sandbox, Options(seed=seed), _exams=self._exams)
        self._gradings: dict[str, Grading] = {}

    def __enter__(self) -> Examiner:
        return self

    def __exit__(self, *why: object) -> None:
        self.sandbox.close()

    def criteria(self, assignment: str, things: Iterable[str] | None = None) -> list[Criterion]:
        """The criteria that code decides, of some things or of all."""
        chosen = None if things is None else set(things)
        return [
            criterion
            for criterion in self.rubric.assignments[assignment].criteria
            if criterion.check not in (None, "code", "writeup")
            and (chosen is None or criterion.id.split(".")[0] in chosen)
        ]

    def sit(self, assignment: str, text: str) -> Sitting:
        """A source that has been loaded and can be asked; close ``candidate`` afterwards."""
        candidate = Submitted(self.sandbox.open, WorkerFailed, seconds=120, probe_seconds=20)
        files = [protocol.CodeFile("colourization.py", (protocol.Cell(None, text),))]
        outline = candidate.outline(files)
        reply = candidate.load(files, classes_of(assignment))
        stopped = reply if isinstance(reply, protocol.Trouble) else None
        loading = protocol.Definitions() if isinstance(reply, protocol.Trouble) else reply
        submission = Submission("alice", "alice", (), (CodeFile("colourization.py", (Cell(None, text),)),), "", ())
        return Sitting(self.grading.exam(assignment), submission, candidate, outline, loading, stopped)

    def verdicts(
        self, assignment: str, text: str, things: Iterable[str] | None = None, *, until_lost: bool = False
    ) -> dict[str, Verdict]:
        """Verdicts by criterion; what depends on another is examined all the same. ``until_lost``: stop at the first
        loss."""
        sitting = self.sit(assignment, text)
        verdicts: dict[str, Verdict] = {}
        try:
            for criterion in self.criteria(assignment, things):
                verdicts[criterion.id] = run_check(str(criterion.check), sitting, criterion.id)
                if until_lost and verdicts[criterion.id].share < 1:
                    break
        finally:
            sitting.candidate.close()  # type: ignore[attr-defined]
        return verdicts

    def report(self, assignment: str, files: Mapping[str, str]) -> Report:
        """The report on files as a student hands them in, by the whole of the pipeline."""
        if assignment not in self._gradings:
            options = replace(self.grading.options, assignment=assignment)
            self._gradings[assignment] = Grading(self.rubric, self.horses, self.sandbox, options, _exams=self._exams)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "alice"
            folder.mkdir()
            for name, text in files.items():
                (folder / name).write_text(text, "utf-8")
            return self._gradings[assignment].grade(Found("alice", "alice", (folder,)))
