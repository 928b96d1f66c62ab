"""Start, limit, ask and kill the processes that run a submission's code.

Theory of operation
===================

One *warm parent* is started per run. It has imported torch and runs nothing of any submission. For every session it
forks a child, which is confined further and then runs the submission (see ``worker/session/warm.py``). This module puts
the two together: ``Sandbox`` starts the parent (``parent.py``) and opens sessions (``session.py``); ``terms.py`` has
the limits and the failures that all of them share. From the outside in, a session is inside:

bubblewrap, around the parent (``launch.py``)
    Own PID, mount, IPC, network, UTS and cgroup namespaces, and a user namespace; where the grader runs as root the
    parent becomes the user ``nobody`` instead, because root's processes are not counted. No environment, no capability.
    The file system is empty and read-only but for: the Python installation without its site-packages, the system's
    shared libraries, the files of torch, of numpy and of what they depend on, ``grader/worker`` by itself,
    ``/dev/null``, ``zero``, ``random`` and ``urandom``. There is no home directory, project, reference, rubric, report
    or other submission to be read, because none is mounted; a submission's own files come as messages.
namespaces, around each session (``worker/session/warm.py``)
    All of them once more, nested: sessions share no process, memory, network or file with each other. A scratch tmpfs
    of limited size is the only place to write to. ``/proc`` is empty; where the session may use the GPU, ``/proc``
    shows the session's own processes.
privileges, Landlock, seccomp (``worker/session/confine.py``)
    No capability in any set, no way to regain one; files and system calls refused a second time, by other means.
limits
    The kernel limits CPU seconds, address space (with a GPU: data), processes, threads, open files and file size.
    ``session.py`` limits wall seconds, output and the size of every message: it never waits without a deadline, and
    never reads without a bound.
death
    A session's processes die with their PID namespace, whatever they forked, ignored or detached. Everything dies with
    this process (``--die-with-parent``; every process below also watches its connection to here).

Only frames come out of a session (``worker/session/frames.py``). Each is the reply to a request, whose serial number
the session could not know in advance; ahead of it come frames with what the interpreter has seen the submission do
(``worker/session/audit.py``). A submission can take hold of the channel and write to it. It can then misreport what it
was free to compute wrongly anyway, and nothing else.

*Our* failure and *theirs* never mix. ``SandboxError`` is ours: a layer is missing, the parent does not start, or the
session was killed by something that no submission can reach from inside. ``WorkerFailed`` is theirs: a hang, a death,
an excess, broken frames. It is raised only after the session was confined and the code could run. With
``isolation="none"`` the limits, the parent and the fork stay, and nothing is promised against intent.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from grader.sandbox import cores, launch
from grader.sandbox.parent import Parent, ParentDied, SessionRequest
from grader.sandbox.session import Pipes, Session
from grader.sandbox.terms import Limits, SandboxError

if TYPE_CHECKING:
    from grader.sandbox.terms import Isolation

__all__ = ["Sandbox"]

_STARTS = 3
"""Warm parents in a row that may die before a session could be opened."""


class Sandbox:
    """A warm parent and the sessions forked from it. Starts a process; ``close`` it, or use it as a context manager.

    Returns at once: torch is imported in the background, and ``open`` waits for it. Safe to share between threads.
    ``isolation`` is ``bubblewrap``, ``none``, or ``auto``, which is ``bubblewrap`` or a SandboxError. ``handler`` is a
    Python file with a class ``Handler`` to answer requests in place of ``worker/handler.py``. ``gpu`` lets sessions use
    the GPU, which sessions of other sandboxes do not see; CUDA starts in the session, never in the parent.
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
        self._fork: Callable[[SessionRequest, list[int]], None] = self.fork
        """Has a session forked: by the parent, or by whoever has it."""

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    @property
    def layers(self) -> dict[str, str]:
        """Layer → ``in force`` with details, or why it is not. Opens and closes a session if none was opened yet."""
        if not self._layers:
            self.open().close()
        return dict(self._layers)

    def open(self, limits: Limits | None = None) -> Session:
        """A new session, confined and waiting for its first request; ``limits`` are the sandbox's, unless given.

        Starts a process, on the cores that the calling thread may use. A parent that has died is replaced. Raises
        SandboxError when that fails repeatedly, or when a layer cannot be put in force.
        """
        limits = limits or self.limits
        scratch = Path(tempfile.mkdtemp(prefix="grade-")) if self.isolation == "none" else None
        pipes = Pipes.make()
        session = Session(pipes, limits, scratch)
        request = SessionRequest(scratch=str(scratch or launch.SCRATCH), limits=limits, cores=cores.available())
        try:
            try:
                self._fork(request, pipes.theirs)
            finally:
                pipes.close_theirs()
            session.await_confinement()
        except BaseException:
            session.close()
            raise
        self._layers = {**self._own_layers(), **session.layers}
        return session

    def close(self) -> None:
        """End the parent, and with it every session. Idempotent."""
        with self._lock:
            self._closed = True
            if self._parent is not None:
                self._parent.close()
                self._parent = None

    def leave_parent(self, fork: Callable[[SessionRequest, list[int]], None]) -> None:
        """In a process forked from this sandbox's: have sessions forked by ``fork``, which raises SandboxError.

        The parent stays with the process that started it.
        """
        self._fork = fork

    def _start(self) -> Parent:
        return Parent(isolated=self.isolation == "bubblewrap", handler=self._handler, gpu=self._gpu)

    def fork(self, request: SessionRequest, descriptors: list[int]) -> None:
        """Have the parent fork a session that owns ``descriptors``. Raises SandboxError.

        For whoever makes the rest of the session elsewhere; see ``open``.
        """
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

    def _own_layers(self) -> dict[str, str]:
        """The layers around every session of this sandbox, as in ``layers``."""
        if self.isolation == "none":
            off = "switched off by --isolation none"
            return {"bubblewrap": off, "namespaces": off}
        gpu = {"GPU": "within reach: its devices, its driver, /proc"} if self._gpu else {}
        return gpu | {
            "bubblewrap": f"in force, as {'the user nobody' if os.geteuid() == 0 else 'the calling user'}",
            "namespaces": "in force: user, PID, mount, IPC, network, UTS, cgroup",
        }
