"""Submissions graded on this machine."""

from __future__ import annotations

from functools import partial

from grader.cohort.grader import KeyOf, Settings, Watch
from grader.cohort.job import ForkSession
from grader.exam.exam import Ask, Exam
from grader.examined import Earlier
from grader.intake import Found
from grader.pipeline import Grading
from grader.report.files import RenderedReport, rendered
from grader.sandbox import cores
from grader.sandbox.floor import Floor
from grader.sandbox.launch import SCRATCH
from grader.sandbox.parent import SessionRequest
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.terms import SandboxError

__all__ = ["ThisMachine"]


class ThisMachine:
    """A ``Grader`` with a sandbox of its own. See ``cohort.grader.Grader``."""

    def __init__(self, grading: Grading) -> None:
        self._grading = grading
        self.settings = Settings(
            rubric=grading.rubric,
            horses=grading.horses,
            options=grading.options,
            limits=grading.sandbox.limits,
            isolation=grading.sandbox.isolation,
        )

    @property
    def jobs(self) -> int:
        """One per core that this process may use."""
        return len(cores.available())

    def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
        """The report on one submission, from a session of its own in the sandbox."""
        report = self._grading.grade(found, progress=watch.stage, earlier=earlier)
        return rendered(report, key=key_of(report.sha256, report.assignment_id), folder=found.folder)

    def stop(self) -> None:
        """Close the sandbox, and with it every session."""
        self._grading.sandbox.close()

    # -- in jobs that are processes, see ``cohort.job.Forkable`` --

    def fork_session(self, gpu: bool, scratch: str, cores: list[int], descriptors: list[int]) -> None:
        """For a job that has asked for it, with the limits of this run. Raises SandboxError."""
        sandbox = self._sandbox(gpu)
        scratch = SCRATCH if sandbox.isolation == "bubblewrap" else scratch
        sandbox.fork(SessionRequest(scratch=scratch, limits=sandbox.limits, cores=cores), descriptors)

    def move_into_job(self, fork_session: ForkSession, floor: Floor, ask: Ask) -> None:
        """Have sessions forked by ``fork_session``, as this process has no sandbox of its own."""
        self._grading.floor, self._grading.ask = floor, ask
        for gpu in (False, True) if self._grading.gpu else (False,):
            self._sandbox(gpu).leave_parent(partial(fork_session, gpu))

    def exam(self, assignment: str) -> Exam:
        """The exam of an assignment."""
        return self._grading.exam(assignment)

    def _sandbox(self, gpu: bool) -> Sandbox:
        if not gpu:
            return self._grading.sandbox
        if self._grading.gpu is None:
            raise SandboxError("this run has no GPU: use --device cpu")
        return self._grading.gpu.sandbox
