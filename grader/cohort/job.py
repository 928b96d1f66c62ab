"""What a job's process does: it grades one submission after the other, with limits, until nobody asks any more.

Everything that belongs to one submission is done here: reading, outlines, choosing, asking the sandbox, comparing, and
making the report's files. The run hands out submissions, passes on requests for sessions, and writes what comes back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from grader.cohort.examiner import Asking
from grader.cohort.failure import sentence_about
from grader.cohort.grader import Grader
from grader.cohort.keys import ReportKeys
from grader.cohort.wire import Channel, Done, Failed, Forked, HungUp, NewSession, Stage, Task, ToJob, ToRun
from grader.exam.exam import Ask, Exam
from grader.report.files import RenderedReport
from grader.sandbox.cores import available
from grader.sandbox.floor import Floor, FloorOfThreads
from grader.sandbox.parent import SessionRequest
from grader.sandbox.stem import allow_seconds, data_bytes, give_back_memory
from grader.sandbox.terms import SandboxError

__all__ = ["ForkSession", "Forkable", "JobLimits", "serve"]


@dataclass(frozen=True)
class JobLimits:
    """What a job's own process may use; its sessions are not counted."""

    cpu_seconds: float = 30.0
    """Processor time for one submission. A right one takes a tenth of a second."""
    memory: int = 360 * 2**20
    """Bytes of data beyond what the process is forked with. A right submission takes 60 MB."""

    @property
    def kept(self) -> int:
        """With more bytes than that after a submission, the process ends, and another takes the next submission."""
        return self.memory // 3


_BETWEEN_STAGES = 0.3
"""Seconds between two messages about what is examined."""

ForkSession = Callable[[bool, SessionRequest, list[int]], None]
"""Has a session forked, with the GPU or without; its descriptors pass over to it. Raises SandboxError."""


class Forkable(Grader, Protocol):
    """A grader whose submissions can be graded in processes that are forked from its own."""

    def fork_session(self, gpu: bool, scratch: str, cores: list[int], descriptors: list[int]) -> None:
        """In the grader's own process: have its sandbox fork a session. Raises SandboxError."""

    def move_into_job(self, fork_session: ForkSession, floor: Floor, ask: Ask) -> None:
        """In a process forked from it: use this from now on in place of what belongs to the grader's own process.

        ``ask`` asks the examiner.
        """

    def exam(self, assignment: str) -> Exam:
        """In the examiner's process: the exam of an assignment."""


def serve(
    grader: Forkable, floor: Floor, limits: JobLimits, connection: socket.socket, examiner: socket.socket
) -> None:
    """Grade what comes over the channel, until the other side hangs up or this process should not go on."""
    job = _Job(grader, floor, limits, Channel(connection, ToJob), Asking(examiner))
    with contextlib.suppress(HungUp):  # the run is over
        while job.grade_next():
            pass


class _Job:
    """One job, in its own process."""

    def __init__(
        self, grader: Forkable, floor: Floor, limits: JobLimits, channel: Channel[ToRun, ToJob], ask: Ask
    ) -> None:
        self._grader = grader
        self._cpu_seconds = limits.cpu_seconds
        self._floor = floor
        self._channel = channel
        self._keys = ReportKeys(grader.settings)
        self._most_bytes = data_bytes() + limits.kept
        self._ask = ask
        self._stage = ""
        self._next_stage = 0.0
        """When the run may be told of a stage again, by the monotonic clock in seconds."""
        self._is_sending = False
        signal.signal(signal.SIGALRM, self._tell_stage)
        grader.move_into_job(self._fork_session, floor, ask)

    def grade_next(self) -> bool:
        """Grade the next submission; whether this process can take another one after it. Raises HungUp."""
        task, _ = self._channel.receive()
        assert isinstance(task, Task)
        if task.cores != available():
            with contextlib.suppress(OSError):  # the cores of a container can change meanwhile
                os.sched_setaffinity(0, task.cores)
        allow_seconds(self._cpu_seconds)
        self._next_stage = 0.0
        try:
            report = self._alone(task) if task.alone else self._report(task)
        except Exception as fault:  # a failure of ours: what the submission's code raised is a verdict by now
            self._send(Failed(sentence_about(fault)))
            return False
        give_back_memory()
        last = task.alone or data_bytes() > self._most_bytes
        self._send(Done(dict(report.files), report.row, last))
        return not last

    def _send(self, message: ToRun, descriptors: Sequence[int] = ()) -> None:
        """Send a message as a whole. What was to be told of the stage before it is told no more."""
        self._is_sending = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._channel.send(message, descriptors)
        self._is_sending = False

    def _report(self, task: Task) -> RenderedReport:
        found = task.found
        return self._grader.grade(found, lambda sha256, id: self._keys.key(found, sha256, id), self, task.earlier)

    def _alone(self, task: Task) -> RenderedReport:
        """The report on a submission beside which no other is at work. This process takes no further one."""
        with self._floor.alone():
            self._grader.move_into_job(self._fork_session, FloorOfThreads(), self._ask)
            return self._report(task)

    def _fork_session(self, gpu: bool, request: SessionRequest, descriptors: list[int]) -> None:
        self._send(NewSession(gpu, request.scratch, request.cores), descriptors)
        reply, _ = self._channel.receive()
        assert isinstance(reply, Forked)
        if reply.failure:
            raise SandboxError(reply.failure)

    # what the grading of a submission tells the run; see ``cohort.grader.Watch``

    def stage(self, what: str) -> None:
        """Tell the run now, or in a moment unless there is another stage by then: each message costs the run time."""
        self._stage = what
        wait = self._next_stage - time.monotonic()
        if wait <= 0:
            self._tell_stage()
        else:
            signal.setitimer(signal.ITIMER_REAL, wait)

    def _tell_stage(self, *_: object) -> None:
        if not self._is_sending:
            self._next_stage = time.monotonic() + _BETWEEN_STAGES
            self._send(Stage(self._stage))

    def stopped(self) -> bool:
        """A run that is stopped ends this process."""
        return False

    def notice(self, sentence: str) -> None:
        """A job knows nothing of the run as a whole."""
