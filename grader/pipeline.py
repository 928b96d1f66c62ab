"""From a folder to a report: the sequence of verbs, on one page.

    read → outline → detect → load → check each criterion → mark → report

A ``Grading`` is what one run shares: rubric, exams with the reference's evidence, the sandbox. It may be used from
several threads; each submission has its own worker.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import torch

from grader import __version__, intake
from grader.checks import run_check
from grader.checks.sitting import Sitting
from grader.checks.trust import THREADS, doubts, witnessed
from grader.detect import Detected, detect
from grader.exam.exam import Exam
from grader.exam.submitted import Submitted, Unexaminable
from grader.intake import Found, Submission, read
from grader.marking.evidence import Evidence
from grader.marking.rubric import Assignment, Criterion, Rubric
from grader.marking.sheet import mark
from grader.marking.verdicts import Flag, Outcome, Verdict
from grader.remarks import Examined, best_first, code_left_out, conflict_flags, remarks_on
from grader.report import Report, Run
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.terms import WorkerFailed
from grader.worker.protocol import Cell, CodeFile, DataFile, Definitions, Outline, Trouble
from reference.data import Horses
from reference.handouts import HANDOUTS, LAYER_CLASSES

if TYPE_CHECKING:
    from grader.sandbox.gpu import Gpu

__all__ = ["Grading", "Options"]


@dataclass(frozen=True)
class Options:
    """What the command line says of how to grade."""

    assignment: str | None = None
    """Assignment id; None to detect it."""
    seed: int = 0
    device: str = "cpu"
    quick: bool = False
    """True: no training."""
    seconds: float = 120.0
    """Wall time for one submission."""
    probe_seconds: float = 10.0
    """Wall time for one probe."""


@dataclass
class Grading:
    """One run of the grader. ``progress`` is called with the submission's id and what is being looked at."""

    rubric: Rubric
    horses: Horses
    sandbox: Sandbox
    options: Options
    progress: Callable[[str, str], None] = lambda id, what: None
    on_report: Callable[[Report], None] = lambda report: None
    """Gets each report as it is made, from the thread that made it."""
    gpu: Gpu | None = None
    """The graphics card, where one is used; whoever made it has confirmed it."""
    _exams: dict[str, Exam] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def exam(self, assignment: str) -> Exam:
        """The exam of an assignment, made when it is first needed."""
        with self._lock:
            if assignment not in self._exams:
                self._exams[assignment] = Exam(self.rubric.assignments[assignment], self.options.seed, self.horses)
            return self._exams[assignment]

    def grade(self, found: Found | Submission) -> Report:
        """One submission's report; it may have been read already. Raises only for faults of ours: SandboxError, or a
        defect."""
        started, clock = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
        self.progress(found.id, "reading")
        submission = found if isinstance(found, Submission) else read(found)
        files = [_as_sent(file) for file in submission.code if file.cells]
        candidate = Submitted(
            self.sandbox.open,
            WorkerFailed,
            seconds=self.options.seconds,
            probe_seconds=self.options.probe_seconds,
            card=self.gpu.lease() if self.gpu else None,
        )
        try:
            examined = self._examine(submission, files, candidate)
        finally:
            candidate.close()
        report = self._report(submission, examined, candidate, started, time.monotonic() - clock)
        self.on_report(report)
        return report

    def _examine(self, submission: Submission, files: list[CodeFile], candidate: Submitted) -> Examined:
        paths = [file.path for file in submission.files]
        try:
            outline = candidate.outline(files) if files else Outline()
        except Unexaminable as why:
            outline, files = Outline(), []
            unreadable: tuple[Flag, ...] = (Flag("unreadable", str(why)),)
        else:
            unreadable = ()
        detected = self._assignment(paths, outline, submission.assignment)
        flags = unreadable if detected.sure else (*unreadable, Flag("assignment-guessed", detected.sentence))
        assignment = self.rubric.assignments[detected.assignment]
        if not files:
            sitting = Sitting(self.exam(assignment.id), submission, candidate, outline, Definitions())
            verdicts = self._verdicts_on_files(assignment, sitting)
            return Examined(detected, verdicts, outline, Definitions(), flags, gradable=False)
        self.progress(submission.id, "loading")
        ordered = best_first(assignment, files, outline)
        wanted = sorted({network.cls for network in HANDOUTS[assignment.id].networks} | LAYER_CLASSES)
        data = [DataFile(file.path, file.content) for file in submission.data]
        reply = candidate.load(ordered, wanted, data)
        stopped = reply if isinstance(reply, Trouble) else None
        loading = Definitions() if isinstance(reply, Trouble) else reply
        card = self.gpu.device if self.gpu else None
        sitting = Sitting(self.exam(assignment.id), submission, candidate, outline, loading, stopped, card)
        verdicts = self._verdicts(assignment, sitting)
        threads = (THREADS,) if candidate.threaded else ()
        doubted = (*doubts(outline), *witnessed(candidate.seen), *threads)
        conflicts = conflict_flags(assignment, submission, loading)
        return Examined(detected, verdicts, outline, loading, (*flags, *conflicts, *doubted), stopped)

    def _assignment(self, paths: list[str], outline: Outline, cohorts: str | None) -> Detected:
        if self.options.assignment is not None:
            return Detected(self.options.assignment, f"{self.options.assignment}, as the command line says.", True)
        return detect(self.rubric.assignments, paths, outline, cohorts=cohorts)

    def _verdicts(self, assignment: Assignment, sitting: Sitting) -> list[Verdict]:
        criteria = {criterion.id: criterion for criterion in assignment.criteria}
        verdicts: dict[str, Verdict] = {}

        def decide(criterion: Criterion) -> Verdict | None:
            if criterion.check is None or (self.options.quick and criterion.check == "training"):
                return None
            if criterion.id not in verdicts:
                for need in criterion.needs:
                    needed = decide(criteria[need])
                    if needed is not None and _holds_up(criteria[need], needed):
                        told = f"Skipped: it depends on {need}, which {_ENDED[needed.outcome]}."
                        verdicts[criterion.id] = Verdict(criterion.id, Outcome.SKIPPED, told)
                        break
                else:
                    verdicts[criterion.id] = self._check(criterion, sitting)
            return verdicts[criterion.id]

        for criterion in assignment.criteria:
            if decide(criterion) is None and criterion.check is not None:
                told = "Not examined: the grader was called with --quick, without training."
                verdicts[criterion.id] = Verdict(criterion.id, Outcome.PENDING, told)
        return list(verdicts.values())

    def _verdicts_on_files(self, assignment: Assignment, sitting: Sitting) -> list[Verdict]:
        """Without code, the files themselves are all that can be examined."""
        return [
            self._check(criterion, sitting)
            if criterion.check in ("code", "writeup")
            else Verdict(criterion.id, Outcome.SKIPPED, "Skipped: there is no code to examine.")
            for criterion in assignment.criteria
            if criterion.check is not None
        ]

    def _check(self, criterion: Criterion, sitting: Sitting) -> Verdict:
        self.progress(sitting.submission.id, criterion.id)
        clock = time.monotonic()
        try:
            verdict = run_check(str(criterion.check), sitting, criterion.id)
        except Exception as fault:  # ours: the student's are evidence by now
            told = "The grader itself failed on this criterion. It costs no points yet; a person will look at it."
            evidence = Evidence(facts={"fault": f"{type(fault).__name__}: {str(fault)[:300]}", "at": _place(fault)})
            verdict = Verdict(criterion.id, Outcome.ERROR, told, evidence=evidence)
        return _timed(verdict, time.monotonic() - clock)

    def _report(
        self,
        submission: Submission,
        examined: Examined,
        candidate: Submitted,
        started: datetime.datetime,
        seconds: float,
    ) -> Report:
        assignment = self.rubric.assignments[examined.detected.assignment]
        flags = (*submission.flags, *examined.flags, *(flag for verdict in examined.verdicts for flag in verdict.flags))
        chosen = tuple(dict.fromkeys(examined.loading.chosen.values()))
        return Report(
            submission_id=submission.id,
            sha256=submission.sha256,
            files=submission.files,
            assignment_id=assignment.id,
            assignment_title=assignment.title,
            detected=examined.detected.sentence,
            code_files=chosen,
            sheet=mark(assignment, examined.verdicts, flags, gradable=examined.gradable),
            flags=flags,
            left_out=code_left_out(examined.outline, examined.loading),
            remarks=remarks_on(submission, examined),
            output=candidate.output,
            part_titles={part.id: part.title for part in assignment.parts},
            run=Run(
                version=__version__,
                seed=self.options.seed,
                device=self.gpu.device if self.gpu and candidate.used_card else "cpu",
                isolation=self.sandbox.isolation,
                torch=torch.__version__,
                seconds=seconds,
                started=started.isoformat(timespec="seconds"),
                rubric_sha256=self.rubric.sha256,
                details={
                    "isolation_layers": self.sandbox.layers,
                    "quick": self.options.quick,
                    "data": self.horses.name,
                    **({"gpu": self.gpu.name, "gpu_isolation_layers": self.gpu.layers} if self.gpu else {}),
                    **({"known_as": submission.known_as} if submission.known_as else {}),
                },
            ),
        )


_ENDED = {
    Outcome.FAIL: "failed",
    Outcome.PARTIAL: "passed only in part",
    Outcome.SKIPPED: "was skipped",
    Outcome.ERROR: "could not be examined",
}


def _holds_up(need: Criterion, verdict: Verdict) -> bool:
    """Whether what depends on a criterion with this verdict is skipped.

    A mistake that keeps a share of its points is a mistake all the same, and what is built on it is not judged a second
    time. Shapes that are right in part are another matter: the rest is judged where the class fits.
    """
    return verdict.outcome in _ENDED and not (verdict.outcome is Outcome.PARTIAL and need.check == "shapes")


def _as_sent(file: intake.CodeFile) -> CodeFile:
    """A file of the submission as it is sent to the worker."""
    return CodeFile(file.path, tuple(Cell(cell.number, cell.source) for cell in file.cells))


def _timed(verdict: Verdict, seconds: float) -> Verdict:
    from dataclasses import replace

    return replace(verdict, seconds=seconds)


def _place(fault: Exception) -> str:
    """File and line of ours where a defect showed, for whoever mends it."""
    frame = fault.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return "" if frame is None else f"{PurePosixPath(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
