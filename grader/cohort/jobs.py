"""Submissions graded on this machine, each by a job in a process of its own.

    this process                                       job's process
    next submission ─────────────────────────────────► read, outline, choose, probe, compare, mark, render
    sandbox ◄── a session, please ─────────────────────  │
    store, gradebook ◄── files, row ─────────────────── ◄┘

                         examiner ──── evidence ────► ┘

This process hands out submissions and writes what comes back; so one of it is enough for many cores. A job's process
takes one submission after the other, and holds what it has computed of the reference. Its processor time and memory are
limited for each submission. When it dies, the submission is graded once more, alone and by a new process. When that one
dies too, the submission gets a report that says so, and no other submission notices.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType

from grader.cohort.examiner import answer_jobs, pass_on
from grader.cohort.grader import KeyOf, RunError, Told, Undone, Watch
from grader.cohort.job import Forkable, JobLimits, serve
from grader.cohort.wire import Channel, Done, Failed, Forked, HungUp, NewSession, Stage, Task, ToJob, ToRun
from grader.examined import Earlier
from grader.intake import Found
from grader.report.files import FILES, RenderedReport
from grader.sandbox.cores import available
from grader.sandbox.floor import FloorOfProcesses
from grader.sandbox.stem import Ended, Stem, StemLost, Work
from grader.sandbox.terms import SandboxError

__all__ = ["Jobs"]


_JOB, _EXAMINER = "job", "examiner"
_EXAMINERS_MEMORY = 2**30
"""Bytes of data that the examiner may have beyond what it is forked with."""


class Jobs:
    """A ``Grader`` whose submissions are graded by processes forked from this one. A context manager.

    ``grader`` is what grades, in each of these processes. ``prepare`` runs once before they are forked. This process
    must have one thread when this is made; see ``sandbox/stem.py``.
    """

    def __init__(
        self,
        grader: Forkable,
        *,
        limits: JobLimits = JobLimits(),  # noqa: B008 (frozen)
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = grader.settings
        self._grader = grader
        self._limits = limits
        self._floor = FloorOfProcesses()
        works = {
            _JOB: Work(partial(serve, grader, self._floor, limits), limits.memory),
            _EXAMINER: Work(partial(answer_jobs, grader.exam), _EXAMINERS_MEMORY),
        }
        self._stem = Stem(works, prepare=prepare, keep=(self._floor.fileno(),))
        _, self._examiner = self._stem.fork(_EXAMINER)
        self._thread = threading.local()
        """Each thread has a job's process of its own."""
        self._mutex = threading.Lock()
        self._processes: set[_Process] = set()
        self._stopped = False

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all processes. Idempotent."""
        self._hang_up()
        self._stem.close()
        self._examiner.close()
        self._floor.close()
        for process in self._processes:
            process.channel.close()

    @property
    def jobs(self) -> int:
        """As many as the grader takes for itself."""
        return self._grader.jobs

    def stop(self) -> None:
        """End what is under way."""
        self._hang_up()
        self._grader.stop()

    def _hang_up(self) -> None:
        with self._mutex:
            self._stopped = True
            for process in self._processes:
                process.channel.hang_up()

    def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
        """The report on one submission. Raises Undone where its process dies, and again with nothing beside it."""
        end = ""
        for alone in (False, True):
            ended = self._graded(Task(found, earlier, available(), alone), watch)
            if isinstance(ended, RenderedReport):
                return ended
            if ended.signal == signal.SIGXCPU:
                seconds = f"{self._limits.cpu_seconds:.0f} seconds of processor time"
                raise Undone(f"reading it and comparing its answers took the grader more than {seconds}")
            end = _end_of(ended)
        raise Undone(f"the grader's own process for it {end}, also when no other submission was graded beside it")

    def _graded(self, task: Task, watch: Watch) -> RenderedReport | Ended:
        """The report; or how the process ended that was to make it."""
        process = self._process()
        try:
            report = self._reply(process.channel, task, watch)
        except HungUp:
            return self._end(process)
        except BaseException:
            self._end(process)
            raise
        return report

    def _reply(self, channel: Channel[ToJob, ToRun], task: Task, watch: Watch) -> RenderedReport:
        channel.send(task)
        while True:
            message, descriptors = channel.receive()
            try:
                match message:
                    case Stage(what):
                        watch.stage(what)
                    case NewSession(gpu, scratch, cores):
                        channel.send(self._new_session(gpu, scratch, cores, descriptors))
                    case Failed(reason):
                        raise Told(reason)
                    case Done(files, row, last):
                        if last:
                            self._end(self._thread.process)
                        return RenderedReport({name: files[name] for name in FILES}, row)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)

    def _new_session(self, gpu: bool, scratch: str, cores: list[int], descriptors: list[int]) -> Forked:
        try:
            self._grader.fork_session(gpu, scratch, cores, descriptors)
        except SandboxError as failure:
            return Forked(str(failure))
        return Forked()

    def _process(self) -> _Process:
        """The process of the calling thread's job; a new one if it has none."""
        process: _Process | None = getattr(self._thread, "process", None)
        if process is None:
            ours, theirs = socket.socketpair()
            try:
                pid, connection = self._stem.fork(_JOB, theirs)
                pass_on(self._examiner, ours)
            except StemLost as lost:
                raise RunError(f"{lost}; reports written so far are whole, and the same command goes on") from lost
            finally:
                ours.close()
                theirs.close()
            process = self._thread.process = _Process(pid, Channel(connection, ToRun))
            with self._mutex:
                self._processes.add(process)
                if self._stopped:
                    process.channel.hang_up()
        return process

    def _end(self, process: _Process) -> Ended:
        """End the process of the calling thread's job."""
        self._thread.process = None
        with self._mutex:
            self._processes.discard(process)
        process.channel.close()
        try:
            return self._stem.end(process.pid)
        except StemLost:  # and its processes with it
            return Ended(None, 0)


class _Process:
    """A job's process, seen from here."""

    def __init__(self, pid: int, channel: Channel[ToJob, ToRun]) -> None:
        self.pid = pid
        self.channel = channel


def _end_of(ended: Ended) -> str:
    """How a process ended, as a clause."""
    size = f"when it had {ended.memory / 2**20:.0f} MiB of memory"
    if ended.signal is None:
        return f"stopped by itself {size}"
    known = {each.value: each.name for each in signal.Signals}
    return f"was ended by the signal {known.get(ended.signal, ended.signal)} {size}"
