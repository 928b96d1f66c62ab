"""Start, limit, ask and kill the processes that run a submission's code.

Theory of operation
===================

One *warm parent* is started per run. It has torch imported and runs nothing of any submission; for every session it
forks a child, which is confined further and then runs the submission (see ``worker/warm.py``). From the outside in:

bubblewrap, around the parent (``launch.py``)
    Own PID, mount, IPC, network, UTS and cgroup namespaces, and a user namespace; where the grader runs as root the
    parent becomes the user ``nobody`` instead, because root's processes are not counted. No environment, no capability.
    The file system is an empty one, read-only, with: the Python installation without its site-packages, the system's
    shared libraries, the files of torch, numpy and of what they depend on, ``grader/worker`` by itself,
    ``/dev/null``, ``zero``, ``random`` and ``urandom``. There is no home directory, project, reference, rubric, report
    or other submission to be read, because none is mounted; a submission's own files come as messages.
namespaces, around each session
    All of them once more, nested: sessions share no process, memory, network or file with each other. A scratch tmpfs
    of limited size is the only place to write to. ``/proc`` is empty; with the graphics card it shows the session's own
    processes.
privileges, Landlock, seccomp (``worker/confine.py``)
    No capability in any set, no way to regain one; files and system calls refused a second time, by other means.
limits
    CPU seconds, address space (with a graphics card: data), processes, threads, open files, file size, by the kernel;
    wall seconds, output and the size of every message by this module, which never waits without a deadline nor reads
    without a bound.
death
    A session's processes die with their PID namespace, whatever they forked, ignored or detached. Everything dies with
    this process (``--die-with-parent``; every process below also watches its connection to here).

What comes out of a session is one kind of thing, a frame (``worker/frames.py``), in reply to a request whose serial
number the session could not know in advance, and ahead of it what the interpreter has seen the submission do
(``worker/audit.py``). A submission can take hold of the channel and write to it; it can then misreport what it would
have been free to compute wrongly, and nothing else.

*Our* failure and *theirs* never mix. ``SandboxError`` is ours: a layer is missing, the parent does not start, or the
session was killed by something that no submission can reach from inside. ``WorkerFailed`` is theirs: hang, death,
excess, broken frames; it is raised only once the session was confined and the code could run. ``isolation="none"``
keeps the limits, the parent and the fork, and promises nothing against intent.
"""

from __future__ import annotations

import os
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from grader.sandbox import cores, launch
from grader.sandbox.parent import Parent, ParentDied
from grader.sandbox.session import DEATH_SECONDS, Pipes, Session
from grader.sandbox.terms import Limits, SandboxError

if TYPE_CHECKING:
    from grader.sandbox.terms import Isolation

__all__ = ["Sandbox"]

_DEATH_SECONDS_WITH_GPU = 30.0
"""The same with a graphics card: its driver lets no process go before the card has stopped."""
_STARTS = 3
"""Warm parents in a row that may die before a session could be opened."""


class Sandbox:
    """A warm parent and the sessions forked from it. Starts a process; ``close`` it, or use it as a context manager.

    Returns at once: torch is imported in the background, and ``open`` waits for it. Safe to share between threads.
    ``isolation`` is ``bubblewrap``, ``none``, or ``auto``, which is ``bubblewrap`` or a SandboxError. ``handler`` is a
    Python file with a class ``Handler`` to answer requests in place of ``worker/handler.py``. ``gpu`` lets sessions use
    the graphics card, which no other session sees; CUDA starts in the session, never in the parent.
    """

    def __init__(
        self,
        *,
        isolation: Isolation = "auto",
        limits: Limits | None = None,
        handler: Path | None = None,
        gpu: bool = False,
    ) -> None:
        if isolation not in ("auto", "bubblewrap", "none"):
            raise ValueError(f"isolation was {isolation!r}: use 'auto', 'bubblewrap' or 'none'")
        self.limits = limits or Limits()
        self.isolation: Literal["bubblewrap", "none"] = "none" if isolation == "none" else "bubblewrap"
        """The isolation in force."""
        self._handler = handler
        self._gpu = gpu
        self._lock = threading.Lock()
        self._layers: dict[str, str] = {}
        self._closed = False
        self._failures = 0
        self._parent: Parent | None = self._start()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    @property
    def layers(self) -> dict[str, str]:
        """Layer → ``in force``, with details, or why not. Opens and closes a session when none was opened yet."""
        if not self._layers:
            self.open().close()
        return dict(self._layers)

    def open(self, limits: Limits | None = None) -> Session:
        """A new session, confined and waiting for its first request; ``limits`` are the sandbox's, unless given.

        Starts a process, on the cores that the calling thread may use. A dead parent is replaced without a word.
        Raises SandboxError when that fails repeatedly, or when a layer cannot be put in force.
        """
        limits = limits or self.limits
        scratch = Path(tempfile.mkdtemp(prefix="grade-")) if self.isolation == "none" else None
        pipes = Pipes.make()
        patience = _DEATH_SECONDS_WITH_GPU if self._gpu else DEATH_SECONDS
        session = Session(pipes, limits, scratch, death_seconds=patience)
        request = {
            "scratch": str(scratch or launch.SCRATCH),
            "limits": asdict(limits),
            "cores": cores.available(),
        }
        try:
            try:
                self._fork(request, pipes.theirs)
            finally:
                pipes.close_theirs()
            session._confirm()
        except BaseException:
            session.close()
            raise
        self._layers = {**self._describe(), **session._layers}
        return session

    def close(self) -> None:
        """End the parent, and with it every session. Idempotent."""
        with self._lock:
            self._closed = True
            if self._parent is not None:
                self._parent.close()
                self._parent = None

    def _start(self) -> Parent:
        return Parent(isolated=self.isolation == "bubblewrap", handler=self._handler, gpu=self._gpu)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        with self._lock:
            while True:
                if self._closed:
                    raise SandboxError("the sandbox is closed: open a session before that")
                if self._parent is None:
                    self._parent = self._start()
                try:
                    self._parent.fork(request, descriptors)
                except ParentDied as exc:
                    self._parent.close()
                    self._parent = None
                    self._failures += 1
                    if exc.final or self._failures >= _STARTS:
                        raise SandboxError(str(exc)) from exc
                else:
                    self._failures = 0
                    return

    def _describe(self) -> dict[str, str]:
        card = {"graphics card": "within reach: its devices, its driver, /proc"} if self._gpu else {}
        if self.isolation == "none":
            off = "switched off by --isolation none"
            return {"bubblewrap": off, "namespaces": off}
        return card | {
            "bubblewrap": f"in force, as {'the user nobody' if os.geteuid() == 0 else 'the calling user'}",
            "namespaces": "in force: user, PID, mount, IPC, network, UTS, cgroup",
        }
