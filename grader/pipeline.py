"""From a folder to a report: the steps of grading one submission, on one page.

    read → outline → detect → load → check each criterion → mark → report

A ``Grading`` is what the submissions of one run share: the rubric, the exams with the reference's evidence, and the
sandbox. Several threads may use it; each submission has a worker of its own. Where jobs are processes, each has a copy.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from grader import intake
from grader.checks import run_check
from grader.checks.sitting import Sitting
from grader.checks.trust import THREADS, doubts, witnessed
from grader.choice import Choice, choose
from grader.detect import Detected, detect, named
from grader.exam.exam import Ask, Exam
from grader.exam.submitted import Submitted, Unexaminable
from grader.examined import Earlier, Examined, from_the_platform, report_on, run_record
from grader.intake import Found, Submission, read
from grader.marking.evidence import Evidence, Json
from grader.marking.needs import decided
from grader.marking.rubric import Assignment, Criterion, Rubric
from grader.marking.verdicts import Flag, Outcome, Verdict
from grader.odd_files import appearance_flags, not_python, unreadable_flags
from grader.remarks import best_first, change_flags, code_left_out, conflict_flags, remarks_on
from grader.report import Report
from grader.sandbox.floor import Floor, FloorOfThreads
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.terms import SandboxError, WorkerFailed
from grader.worker.protocol import Cell, CodeFile, DataFile, Definitions, Outline, Trouble
from reference.data import Horses
from reference.handouts import HANDOUTS, LAYER_CLASSES

if TYPE_CHECKING:
    from grader.sandbox.gpu import Gpu

__all__ = ["Grading", "Options", "Progress"]


Progress = Callable[[str], None]
"""Called with what is examined next: ``reading``, ``loading``, or a criterion's id. It may raise, to stop the grading.
"""


@dataclass(frozen=True)
class Options:
    """What the command line says about how to grade."""

    assignment: str | None = None
    """Assignment id; None to detect it."""
    seed: int = 0
    device: str = "cpu"
    quick: bool = False
    """True: no training."""
    seconds: float = 120.0
    """Time per submission: processor time first; see ``sandbox/allowance.py``."""
    probe_seconds: float = 10.0
    """The same per probe."""


@dataclass
class Grading:
    """What the submissions of one run share."""

    rubric: Rubric
    horses: Horses
    sandbox: Sandbox
    options: Options
    gpu: Gpu | None = None
    """The GPU, if one is used. Whoever made it has confirmed that it works."""
    check: Callable[[str, Sitting, str], Verdict] = run_check
    """Decides a criterion, given the name of its check, the sitting and the criterion's id."""
    floor: Floor = field(default_factory=FloorOfThreads)
    """Where submissions are at work, beside each other or alone."""
    ask: Ask | None = None
    """Asks the examiner of a run for the reference's evidence, where there is one."""
    _exams: dict[str, Exam] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def exam(self, assignment: str) -> Exam:
        """The exam of an assignment, made when it is first needed."""
        with self._lock:
            if assignment not in self._exams:
                about = self.rubric.assignments[assignment]
                self._exams[assignment] = Exam(about, self.options.seed, self.horses, ask=self.ask)
            return self._exams[assignment]

    def grade(
        self,
        found: Found | Submission,
        *,
        progress: Progress = lambda step: None,
        earlier: Earlier = Earlier(),  # noqa: B008 (frozen)
    ) -> Report:
        """The report on one submission, which may have been read already. What ``earlier`` has is not examined again.

        Raises only for failures of the grader itself: SandboxError, or a defect. What ``progress`` raises passes
        through.
        """
        started, clock = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
        progress("reading")
        submission = found if isinstance(found, Submission) else read(found)
        candidate = Submitted(
            self.sandbox.open,
            WorkerFailed,
            seconds=self.options.seconds,
            probe_seconds=self.options.probe_seconds,
            gpu=self.gpu.lease() if self.gpu else None,
            floor=self.floor,
        )
        try:
            examined = _Examination(self, submission, candidate, progress, earlier).examined()
        finally:
            candidate.close()
        run = run_record(
            rubric=self.rubric,
            seed=self.options.seed,
            device=self.gpu.device if self.gpu and candidate.used_gpu else "cpu",
            isolation=self.sandbox.isolation,
            started=started,
            seconds=time.monotonic() - clock,
            details=self._details(submission),
        )
        return report_on(submission, examined, rubric=self.rubric, run=run, output=earlier.output or candidate.output)

    def _details(self, submission: Submission) -> dict[str, Json]:
        """What ``run.details`` says in the report, as JSON."""
        return {
            "isolation_layers": self.sandbox.layers,
            "quick": self.options.quick,
            "data": self.horses.name,
            **({"gpu": self.gpu.name, "gpu_isolation_layers": self.gpu.layers} if self.gpu else {}),
            **from_the_platform(submission),
        }


@dataclass(frozen=True)
class _Examination:
    """One submission, and what is needed to examine it."""

    grading: Grading
    submission: Submission
    candidate: Submitted
    progress: Progress
    earlier: Earlier

    def examined(self) -> Examined:
        """What the examination brings. The submission's code runs in ``candidate`` alone."""
        files = [_as_sent(file) for file in self.submission.code if file.cells]
        flags: list[Flag] = []
        try:
            outline = self.candidate.outline(files) if files else Outline()
        except Unexaminable as why:
            outline, files = Outline(), []
            flags.append(Flag("unreadable", str(why)))
        submission, strange = not_python(self.submission, outline)
        flags += (*strange, *(unreadable_flags(self.submission) if files else ()))
        detected = self._detected(outline)
        if not detected.sure:
            flags.append(Flag("assignment-guessed", detected.sentence))
        assignment = self.grading.rubric.assignments[detected.assignment]
        choice = choose(assignment, submission, outline)
        outline = _without(outline, choice.set_aside | {file.path for file in submission.code if file.problem})
        kept = {entry.path for entry in outline.files}
        files = [file for file in files if file.path in kept]
        loading, stopped = self._loaded(assignment, files, outline, choice) if files else (Definitions(), None)
        gpu = self.grading.gpu
        sitting = Sitting(
            self.grading.exam(assignment.id),
            submission,
            self.candidate,
            outline,
            loading,
            stopped,
            gpu=gpu.device if gpu and files else None,
            elsewhere=choice.elsewhere,
        )
        if files:
            verdicts = self._verdicts(assignment, sitting)
            flags += (*choice.flags, *conflict_flags(assignment, loading))
            flags += appearance_flags(submission.code, outline, _missing(assignment, outline))
            flags += change_flags(outline, loading)
            flags += self._doubts(outline)
        else:
            verdicts = self._verdicts_on_files(assignment, sitting)
        return Examined(
            detected,
            tuple(verdicts),
            tuple(dict.fromkeys((*flags, *self.earlier.flags))),
            gradable=bool(files),
            code_files=tuple(dict.fromkeys(loading.chosen.values())),
            left_out=code_left_out(outline, loading),
            choice=choice.sentences,
            remarks=remarks_on(submission, outline, stopped),
        )

    def _detected(self, outline: Outline) -> Detected:
        """The assignment that the command line names, or else the one that fits best."""
        if self.grading.options.assignment is not None:
            return named(self.grading.options.assignment)
        paths = [file.path for file in self.submission.files]
        headers = [aside.name for file in self.submission.code for aside in file.asides]
        cohorts = self.submission.assignment
        return detect(self.grading.rubric.assignments, paths, outline, headers=headers, cohorts=cohorts)

    def _loaded(
        self, assignment: Assignment, files: list[CodeFile], outline: Outline, choice: Choice
    ) -> tuple[Definitions, Trouble | None]:
        """What the worker reports of running the definitions, and what stopped it altogether, if anything did."""
        self.progress("loading")
        ordered = best_first(assignment, files, outline, choice.winners)
        wanted = sorted({network.cls for network in HANDOUTS[assignment.id].networks} | LAYER_CLASSES)
        data = [DataFile(file.path, file.content) for file in self.submission.data]
        reply = self.candidate.load(ordered, wanted, data)
        return (Definitions(), reply) if isinstance(reply, Trouble) else (reply, None)

    def _doubts(self, outline: Outline) -> tuple[Flag, ...]:
        """Flags for what may have interfered with the examination."""
        threads = (THREADS,) if self.candidate.threaded else ()
        return (*doubts(outline), *witnessed(self.candidate.seen), *threads)

    def _verdicts(self, assignment: Assignment, sitting: Sitting) -> list[Verdict]:
        """A verdict on every criterion with a check."""
        feedback = "Not examined: the grader ran with --quick, which leaves training out."
        left_out = {
            criterion.id: Verdict(criterion.id, Outcome.PENDING, feedback)
            for criterion in assignment.criteria
            if self.grading.options.quick and criterion.check == "training"
        }
        verdicts = decided(assignment, lambda criterion: self._verdict(criterion, sitting), left_out)
        return list(verdicts.values())

    def _verdicts_on_files(self, assignment: Assignment, sitting: Sitting) -> list[Verdict]:
        """Without code, only the presence of the files can be examined."""
        return [
            self._verdict(criterion, sitting)
            if criterion.check in ("code", "writeup")
            else Verdict(criterion.id, Outcome.SKIPPED, "Skipped: there is no code to examine.")
            for criterion in assignment.criteria
            if criterion.check is not None
        ]

    def _verdict(self, criterion: Criterion, sitting: Sitting) -> Verdict:
        """The verdict of a criterion's check, unless there is an earlier one.

        A check that raises is a failure of the grader: the outcome is error.
        """
        if criterion.id in self.earlier.verdicts:
            return self.earlier.verdicts[criterion.id]
        self.progress(criterion.id)
        clock = time.monotonic()
        try:
            verdict = self.grading.check(str(criterion.check), sitting, criterion.id)
        except SandboxError:  # our failure, but a new session may well do better: the whole submission is tried again
            raise
        except Exception as fault:  # a defect of ours: what the student's code raised is evidence by now
            feedback = "The grader itself failed on this criterion. It costs no points yet; a person will look at it."
            evidence = Evidence(facts={"fault": f"{type(fault).__name__}: {str(fault)[:300]}", "at": _place(fault)})
            verdict = Verdict(criterion.id, Outcome.ERROR, feedback, evidence=evidence)
        return replace(verdict, seconds=time.monotonic() - clock)


def _without(outline: Outline, paths: Collection[str]) -> Outline:
    """The outline without these files, and without those that they write."""
    return Outline(tuple(entry for entry in outline.files if (entry.written_by or entry.path) not in paths))


def _missing(assignment: Assignment, outline: Outline) -> set[str]:
    """The classes to be written that no file defines with a ``forward``."""
    whole = {found.name for entry in outline.files for found in entry.classes if "forward" in found.methods}
    return {*HANDOUTS[assignment.id].to_fill_in} - whole


def _as_sent(file: intake.CodeFile) -> CodeFile:
    """A file of code as it is sent to the worker."""
    return CodeFile(file.path, tuple(Cell(cell.number, cell.source, cell.heading) for cell in file.cells))


def _place(fault: Exception) -> str:
    """File and line of the grader where a defect showed, for whoever repairs it."""
    frame = fault.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return "" if frame is None else f"{PurePosixPath(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
