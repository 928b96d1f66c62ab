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

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from grader import cores, launch
from grader.worker import frames

if TYPE_CHECKING:
    import torch

__all__ = ["Limits", "Sandbox", "SandboxError", "Session", "WorkerFailed"]

Isolation = Literal["auto", "bubblewrap", "none"]
_Reason = Literal["timeout", "died", "memory", "protocol"]

_GIB, _MIB, _KIB = 2**30, 2**20, 2**10
_START_SECONDS = 180.0
"""How long the warm parent may take to import torch, on a slow disk."""
_FORK_SECONDS = 30.0
"""How long a session may take from the request to being confined, on a busy machine."""
_MOST_SEEN = 100
"""Frames that may come ahead of a reply."""
_DEATH_SECONDS = 5.0
"""How long a killed session may take to be gone, and a dead one to be accounted for."""
_DEATH_SECONDS_WITH_GPU = 30.0
"""The same with a graphics card: its driver lets no process go before the card has stopped."""
_STARTS = 3
"""Warm parents in a row that may die before a session could be opened."""


@dataclass(frozen=True)
class Limits:
    """What one session may use. The defaults are for one submission on a laptop."""

    seconds: float = 60.0
    """Wall time of the whole session, from open to close."""
    cpu_seconds: int = 120
    """CPU time of the session's process, all threads together."""
    memory: int = 4 * _GIB
    """Bytes of address space above what importing torch takes."""
    processes: int = 32
    """Processes and threads beside the first; isolated sessions may only start threads."""
    open_files: int = 128
    """Descriptors open at once."""
    file_bytes: int = 64 * _MIB
    """Bytes of one file."""
    scratch_bytes: int = 128 * _MIB
    """Bytes of all files together; needs isolation."""
    scratch_files: int = 4096
    """Files and folders together; needs isolation."""
    output_bytes: int = 64 * _KIB
    """Bytes of stdout and stderr that are kept, from the beginning; the rest is read and dropped."""
    frame_bytes: int = frames.FRAME_BYTES
    """Bytes of one message in either direction, tensors included."""


class SandboxError(Exception):
    """Our failure: no session could be opened. One sentence says which layer, and what to install or which option."""


class WorkerFailed(Exception):
    """The submission's failure: its session is over, and why."""

    def __init__(self, kind: _Reason, detail: str, killed: bool = False) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        """``timeout``, ``died``, ``memory`` or ``protocol``."""
        self.detail = detail
        """One sentence, plain text, for the student."""
        self.killed = killed
        """Ended by SIGKILL, which may have come from a system that ran out of memory: worth a second try."""


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
        self._parent: _Parent | None = self._start()

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
        pipes = _Pipes.make()
        patience = _DEATH_SECONDS_WITH_GPU if self._gpu else _DEATH_SECONDS
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

    def _start(self) -> _Parent:
        return _Parent(isolated=self.isolation == "bubblewrap", handler=self._handler, gpu=self._gpu)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        with self._lock:
            while True:
                if self._closed:
                    raise SandboxError("the sandbox is closed: open a session before that")
                if self._parent is None:
                    self._parent = self._start()
                try:
                    self._parent.fork(request, descriptors)
                except _ParentDied as exc:
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


# --- one session ------------------------------------------------------------------------------------------------------


class Session:
    """One submission's processes. Made by ``Sandbox.open``; used by one thread at a time; ``close`` it."""

    def __init__(
        self, pipes: _Pipes, limits: Limits, scratch: Path | None, *, death_seconds: float = _DEATH_SECONDS
    ) -> None:
        self._channel = pipes.channel
        self._status = pipes.status
        self._output: int | None = pipes.output
        self._limits = limits
        self._scratch = scratch
        self._death_seconds = death_seconds
        self._deadline = time.monotonic() + limits.seconds
        self._kept = bytearray()
        self._reports = b""
        self._keeper: int | None = None
        self._pidfd: int | None = None
        self._group: int | None = None
        self._layers: dict[str, str] = {}
        self._failure: WorkerFailed | None = None
        self._closed = False

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    def _confirm(self) -> None:
        """Wait until the session says that it is confined. Raises SandboxError when it is not."""
        deadline = time.monotonic() + _FORK_SECONDS
        confined = False
        while not (confined and self._keeper is not None):
            report = self._next_report(deadline)
            if report is None or "ended" in report:
                raise SandboxError("the worker ended before it was confined: run again, or use --isolation none")
            if "unconfined" in report:
                why = report["unconfined"]
                raise SandboxError(f"this system cannot confine a session ({why}): use --isolation none")
            if "confined" in report:
                self._layers = report["confined"]
                confined = True
        # the session's own time starts now that it can work
        self._deadline = time.monotonic() + self._limits.seconds

    @property
    def output(self) -> str:
        """What was printed so far, stdout and stderr as they came; bounded; text to show, never to parse."""
        if not self._closed:
            self._drain()
        text = self._kept.decode("utf-8", "replace")
        return text + "\n[more output was dropped]" if len(self._kept) >= self._limits.output_bytes else text

    def ask(
        self, message: Mapping[str, Any], tensors: Mapping[str, torch.Tensor] | None = None, *, seconds: float
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """The reply to ``message``, within ``seconds`` and what is left of the session's time. Tensors of any shape.

        What the interpreter has seen the submission do (``worker/audit.py``) comes ahead of the reply, and stands in it
        as ``seen``.
        Raises WorkerFailed when no such reply comes; the session is over then, and every later call raises the same.
        Raises SandboxError when the session was killed from outside, FrameError for a message that cannot be sent.
        """
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise ValueError("the session is closed: nothing can be asked any more")
        serial = secrets.token_hex(16)
        request = {"serial": serial, "message": message}
        limit = self._limits.frame_bytes
        frame = frames.encode(request, tensors, limit=limit, json_limit=frames.REQUEST_JSON_BYTES)
        deadline = min(time.monotonic() + seconds, self._deadline)
        try:
            self._expect_silence()
            self._send(frame, deadline)
            envelope, reply_tensors = self._next_frame(deadline)
            seen: list[str] = []
            while envelope.keys() == {"seen"} and len(seen) < _MOST_SEEN:
                seen.append(str(envelope["seen"])[:500])
                envelope, reply_tensors = self._next_frame(deadline)
            reply = envelope.get("reply")
            if envelope.get("serial") != serial or not isinstance(reply, dict):
                raise frames.FrameError("a reply came that belongs to no request")
            self._expect_silence()
        except TimeoutError:
            late = "the time for the whole submission" if deadline == self._deadline else f"{seconds:g} seconds"
            raise self._fail("timeout", f"the code did not finish within {late}") from None
        except (_HungUp, ConnectionError):
            raise self._fail(*self._cause_of_death()) from None
        except frames.FrameError as exc:
            if self._hung_up():
                # a frame that breaks off is a death in the middle of a reply
                raise self._fail(*self._cause_of_death()) from exc
            raise self._fail("protocol", f"the code disturbed the channel to the grader: {exc}") from exc
        # this side's word, whatever the reply says
        reply = {name: value for name, value in reply.items() if name != "seen"} | ({"seen": seen} if seen else {})
        return reply, reply_tensors

    def _next_frame(self, deadline: float) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        content = frames.read(lambda count: self._receive(count, deadline), limit=self._limits.frame_bytes)
        if content is None:
            raise _HungUp
        return content

    def close(self) -> None:
        """Kill the session's whole tree, wait until it is gone, and remove its scratch. Idempotent."""
        if self._closed:
            return
        with contextlib.suppress(OSError):
            self._drain()
        try:
            self._kill()
        finally:
            if self._scratch is not None:
                _remove(self._scratch)

    # -- the channel --

    def _send(self, frame: bytes, deadline: float) -> None:
        rest = memoryview(frame)
        while rest:
            _in_time(deadline)
            try:
                rest = rest[self._channel.send(rest[:_MIB]) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)

    def _receive(self, count: int, deadline: float) -> bytes:
        while True:
            # what is there already is taken without a wait, which would have looked at the clock
            _in_time(deadline)
            try:
                return self._channel.recv(count)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)

    def _wait(self, event: int, deadline: float) -> None:
        """Until the channel is ready for ``event``; output is drained meanwhile. Raises TimeoutError, _HungUp."""
        poll = select.poll()
        poll.register(self._channel, event)
        if self._output is not None:
            poll.register(self._output, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            ready = dict(poll.poll(max(1, min(left, 3600) * 1000)))
            output = self._output
            if output is not None and output in ready:
                self._drain()
                if self._output is None:
                    poll.unregister(output)
            if ready.get(self._channel.fileno(), 0) & event:
                return
            if ready.get(self._channel.fileno(), 0):
                raise _HungUp

    def _expect_silence(self) -> None:
        """Nothing may be in the channel that was not asked for."""
        try:
            stray = self._channel.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        if not stray:
            raise _HungUp
        raise frames.FrameError("a frame came that nothing had asked for")

    def _hung_up(self) -> bool:
        try:
            return not self._channel.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _drain(self) -> None:
        """Read what was printed, at most so much at a time; keep the beginning. Never waits."""
        for _ in range(64):
            if self._output is None:
                return
            try:
                piece = os.read(self._output, 64 * _KIB)
            except BlockingIOError:
                return
            if not piece:
                os.close(self._output)
                self._output = None
                return
            self._kept += piece[: self._limits.output_bytes - len(self._kept)]

    # -- life and death --

    def _next_report(self, deadline: float) -> dict[str, Any] | None:
        """The next line on the status socket, written by our own code alone; None at its end or at the deadline."""
        while b"\n" not in self._reports:
            left = deadline - time.monotonic()
            if left <= 0 or not _readable(self._status, left):
                return None
            try:
                piece, descriptors, _, _ = socket.recv_fds(self._status, 65536, 4)
            except OSError:
                return None
            for descriptor in descriptors:
                # the keeper's own process: a descriptor can't come to mean another process, as a number can
                if self._pidfd is None:
                    self._pidfd = descriptor
                else:
                    os.close(descriptor)
            if not piece:
                return None
            self._reports += piece
        line, _, self._reports = self._reports.partition(b"\n")
        report: dict[str, Any] = json.loads(line)
        if "keeper" in report:
            self._keeper, self._group = report["keeper"], report["session"]
        return report

    def _cause_of_death(self) -> tuple[_Reason, str, bool]:
        """After the channel broke. Raises SandboxError when nothing inside the session can have caused it."""
        deadline = time.monotonic() + _DEATH_SECONDS
        report: dict[str, Any] | None = {}
        while report is not None and "ended" not in report:
            report = self._next_report(deadline)
        if report is None:
            if time.monotonic() >= deadline:
                return "protocol", "the code closed its channel to the grader", False
            if self._scratch is not None:
                return "died", "the code's processes were killed", True
            # the keeper always accounts for a death, and no submission can reach the keeper
            self.close()
            raise SandboxError("a session was killed from outside, as a system does that runs out of memory: run again")
        ended = report["ended"]
        if "exit" in ended:
            return "died", f"the code ended its process with exit status {ended['exit']} (os._exit or similar)", False
        try:
            name = signal.Signals(ended["signal"]).name
        except ValueError:
            name = str(ended["signal"])
        if name == "SIGXCPU" or (name == "SIGKILL" and ended["cpu_seconds"] >= self._limits.cpu_seconds):
            return "timeout", f"the code used more than {self._limits.cpu_seconds} seconds of processor time", False
        killed = name == "SIGKILL"
        if name in ("SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS") and ended["memory"] >= self._limits.memory // 2:
            return (
                "memory",
                f"the code used more than the {self._limits.memory / _GIB:g} GiB of memory it may have",
                killed,
            )
        hint = ", as by a system that runs out of memory" if killed else ""
        return "died", f"the code's process was ended by the signal {name}{hint}", killed

    def _fail(self, kind: _Reason, detail: str, killed: bool = False) -> WorkerFailed:
        self._failure = WorkerFailed(kind, detail, killed)
        self.close()
        return self._failure

    def _kill(self) -> None:
        """The keeper is killed, or told to end where there is no PID namespace to take the rest along."""
        try:
            if self._pidfd is not None and self._scratch is None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            with contextlib.suppress(OSError):
                self._status.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + self._death_seconds
            while self._next_report(deadline) is not None:
                pass
            if self._scratch is not None and self._group is not None:
                with contextlib.suppress(OSError):
                    os.killpg(self._group, signal.SIGKILL)
            # readable once every process of the namespace is gone, and not only the keeper's descriptors
            if self._pidfd is not None and not _readable(self._pidfd, self._death_seconds):
                raise SandboxError("a session's processes cannot be killed: look for them before going on")
        finally:
            self._closed = True
            self._channel.close()
            self._status.close()
            for descriptor in (self._pidfd, self._output):
                if descriptor is not None:
                    os.close(descriptor)
            self._pidfd = None
            self._output = None


class _HungUp(Exception):
    """The session closed its end of the channel."""


def _in_time(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise TimeoutError


def _readable(thing: socket.socket | int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(thing, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _remove(folder: Path) -> None:
    """Also what code has taken its own rights away from."""
    for path, folders, _ in os.walk(folder):
        for name in folders:
            inside = Path(path, name)
            if not inside.is_symlink():
                with contextlib.suppress(OSError):
                    inside.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class _Pipes:
    """A session's three connections: our ends, and theirs until the parent has passed them on."""

    channel: socket.socket
    status: socket.socket
    output: int
    their_channel: socket.socket
    their_status: socket.socket
    their_output: int

    @classmethod
    def make(cls) -> _Pipes:
        channel, their_channel = socket.socketpair()
        status, their_status = socket.socketpair()
        output, their_output = os.pipe()
        channel.setblocking(False)
        os.set_blocking(output, False)
        return cls(channel, status, output, their_channel, their_status, their_output)

    @property
    def theirs(self) -> list[int]:
        """In the order that ``warm`` expects."""
        return [self.their_channel.fileno(), self.their_output, self.their_status.fileno()]

    def close_theirs(self) -> None:
        self.their_channel.close()
        self.their_status.close()
        if self.their_output >= 0:
            os.close(self.their_output)
            self.their_output = -1


# --- the warm parent --------------------------------------------------------------------------------------------------


class _ParentDied(Exception):
    """The warm parent cannot fork; the text is one sentence. ``final``: another one would not fare better."""

    def __init__(self, detail: str, *, final: bool = False) -> None:
        super().__init__(detail)
        self.final = final


class _Parent:
    """The process that ``worker/warm.py`` runs in, seen from here."""

    def __init__(self, *, isolated: bool, handler: Path | None, gpu: bool) -> None:
        """Start it and return at once. Raises SandboxError when there is nothing to start."""
        self._ready = False
        self._over = threading.Event()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the parent
        self._site = None if isolated else Path(tempfile.mkdtemp(prefix="grade-worker-"))
        self._control, theirs = socket.socketpair()
        try:
            if self._site is None:
                command = launch.isolated_command(launch.find_bubblewrap(), theirs.fileno(), handler, gpu=gpu)
            else:
                (self._site / "packages").mkdir()
                for name, path in launch.packages().items():
                    (self._site / "packages" / name).symlink_to(path)
                command = launch.plain_command(theirs.fileno(), self._site, handler, gpu=gpu)
            self._process = self._start(command, theirs.fileno(), launch.environment(self._site, gpu=gpu))
        except (launch.Unavailable, OSError) as exc:
            self._control.close()
            self._clean_up()
            raise SandboxError(str(exc)) from exc
        finally:
            theirs.close()

    def _start(self, command: list[str], control: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        started: list[subprocess.Popen[bytes] | OSError] = []
        known = threading.Event()

        def run() -> None:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    env=environment,
                    pass_fds=[control],
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as exc:
                started.append(exc)
                known.set()
                return
            started.append(process)
            known.set()
            self._over.wait()

        # --die-with-parent means the thread that started bubblewrap: that of a caller may end long before the caller
        threading.Thread(target=run, name="warm-parent", daemon=True).start()
        known.wait()
        if isinstance(started[0], OSError):
            raise started[0]
        return started[0]

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Have a session forked that owns ``descriptors``. Waits for torch first. Raises _ParentDied."""
        if not self._ready:
            self._hear("ready", _START_SECONDS)
            self._ready = True
        try:
            socket.send_fds(self._control, [json.dumps(request).encode() + b"\n"], descriptors)
        except OSError as exc:
            raise _ParentDied(self._explain()) from exc
        self._hear("forked", _FORK_SECONDS)

    def _hear(self, expected: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n"):
            if not _readable(self._control, deadline - time.monotonic()):
                raise _ParentDied(f"the worker did not answer within {seconds:g} seconds: run on a less busy machine")
            try:
                piece = self._control.recv(65536)
            except OSError:
                piece = b""
            if not piece:
                raise _ParentDied(self._explain())
            line += piece
        report = json.loads(line)
        failed = report.get("failed", "it is out of step")
        if expected not in report and self._ready:
            # the parent is well, and so are the sessions that it has already
            raise SandboxError(f"no session can be started ({failed}): run fewer at once, with --jobs")
        if expected not in report:
            raise _ParentDied(f"the worker cannot start ({failed}): see that torch can be imported", final=True)

    def _explain(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read(64 * _KIB).decode("utf-8", "replace").splitlines()]
        last = next((line for line in reversed(lines) if line), "no reason given")[:300]
        advice = "see that bubblewrap and user namespaces work here, or use --isolation none"
        return f"the worker does not run ({last}): {advice if self._site is None else 'see that torch can be imported'}"

    def close(self) -> None:
        """Hang up, and kill it when it does not follow. Idempotent."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # without namespaces it has descendants to look after first
            self._process.wait(0.5 if self._site is None else _DEATH_SECONDS + 1)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._clean_up()

    def _clean_up(self) -> None:
        self._over.set()
        self._errors.close()
        if self._site is not None:
            shutil.rmtree(self._site, ignore_errors=True)
