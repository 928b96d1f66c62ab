"""One session, seen from outside: the processes that run one submission's code, and the channel to them.

Nothing that a session sends is believed before it is checked, and nothing is awaited without a deadline. Each session
has three connections: the *channel* for frames, which the submission's code can reach; the *output*, stdout and stderr
together; and the *status*, on which only our own code in the worker writes (``worker/session/warm.py``).
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
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from grader.sandbox.allowance import Allowance, cpu_seconds
from grader.sandbox.terms import GIB, KIB, MIB, Reason, SandboxError, WorkerFailed, readable
from grader.worker.session import frames

if TYPE_CHECKING:
    import torch

    from grader.sandbox.terms import Limits

__all__ = ["DEATH_SECONDS", "FORK_SECONDS", "Pipes", "Session"]

FORK_SECONDS = 30.0
"""How long a session may take from the request to being confined, on a busy machine."""
DEATH_SECONDS = 30.0
"""How long a killed session may take until it is gone. No process ends before the GPU that it uses has stopped."""
_REPORT_SECONDS = 10.0
"""How long the keeper may take to report how a session ended."""
_MOST_SEEN = 100
"""Frames that may come ahead of a reply."""


class Session:
    """One submission's processes. Made by ``Sandbox.open``; used by one thread at a time; ``close`` it."""

    def __init__(self, pipes: Pipes, limits: Limits, scratch: Path | None) -> None:
        self._channel = pipes.channel
        self._status = pipes.status
        self._output: int | None = pipes.output
        self._limits = limits
        self._scratch = scratch
        self._spent = 0.0
        self._received = 0
        """Bytes that came on the channel since the last request."""
        self._printed = bytearray()
        self._dropped = 0
        self._reports = b""
        self._keeper: int | None = None
        self._pidfd: int | None = None
        self._worker: int | None = None
        """A descriptor of the process that runs the submission's code; None where the system has none."""
        self._group: int | None = None
        self.layers: dict[str, str] = {}
        """As ``Sandbox.layers``, for those that the session puts in force itself."""
        self._failure: WorkerFailed | None = None
        self._closed = False

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    def await_confinement(self) -> None:
        """Wait until the session reports that it is confined. Raises SandboxError when it is not."""
        deadline = time.monotonic() + FORK_SECONDS
        confined = False
        while not (confined and self._keeper is not None):
            report = self._next_report(deadline)
            if report is None or "ended" in report:
                raise SandboxError("the worker ended before it was confined: run again, or use --isolation none")
            if "unconfined" in report:
                why = report["unconfined"]
                raise SandboxError(f"this system cannot confine a session ({why}): use --isolation none")
            if "confined" in report:
                self.layers = report["confined"]
                confined = True

    @property
    def output(self) -> str:
        """What was printed so far, stdout and stderr in the order they came, bounded. Text to show, never to parse."""
        if not self._closed:
            self._drain()
        text = self._printed.decode("utf-8", "replace")
        # Without a file system of its own, a session works in a folder with a name of ours.
        return text if self._scratch is None else text.replace(f"{self._scratch}/", "")

    @property
    def dropped(self) -> int:
        """At least how many characters were printed beyond ``output``."""
        return self._dropped

    @property
    def spent(self) -> float:
        """The seconds of its time that the session has used for requests; see ``allowance``."""
        return self._spent

    def ask(
        self,
        message: Mapping[str, Any],
        tensors: Mapping[str, torch.Tensor] | None = None,
        *,
        seconds: float,
        reply_bytes: int | None = None,
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """The reply to ``message``, within ``seconds`` and what is left of the session's time. Tensors of any shape.

        ``reply_bytes`` are the most that a reply may have, where that is less than ``frame_bytes`` of the limits. Both
        times are the session's own processor time first; see ``allowance``.

        What the interpreter has seen the submission do (``worker/session/audit.py``) comes ahead of the reply, and is
        added to it as ``seen``.
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
        left = self._limits.seconds - self._spent
        time_left = Allowance(max(0.0, min(seconds, left)), self._cpu_seconds)
        most = limit if reply_bytes is None else min(limit, reply_bytes)
        try:
            self._expect_silence()
            self._received = 0
            self._send(frame, time_left)
            del frame  # it may be as large as what comes back
            envelope, reply_tensors = self._next_frame(time_left, most)
            seen: list[str] = []
            while envelope.keys() == {"seen"} and len(seen) < _MOST_SEEN:
                if self._received > frames.JSON_BYTES:
                    raise frames.FrameError("the frames ahead of a reply are longer than a reply may be")
                seen.append(str(envelope["seen"])[:500])
                envelope, reply_tensors = self._next_frame(time_left, most)
            reply = envelope.get("reply")
            if envelope.get("serial") != serial or not isinstance(reply, dict):
                raise frames.FrameError("a reply came that belongs to no request")
            self._expect_silence()
        except TimeoutError:
            limit_text = "the time for the whole submission" if left < seconds else f"{seconds:g} seconds"
            raise self._fail("timeout", f"the code did not finish within {limit_text}") from None
        except (_HungUp, ConnectionError):
            raise self._fail(*self._cause_of_death()) from None
        except frames.FrameTooLong:
            raise self._fail("memory", "the code's answers take more memory than one submission may have") from None
        except frames.FrameError as exc:
            if self._hung_up():
                # A frame that breaks off is a death in the middle of a reply.
                raise self._fail(*self._cause_of_death()) from exc
            raise self._fail("protocol", f"the code disturbed the channel to the grader: {exc}") from exc
        finally:
            self._spent += time_left.used()
        # ``seen`` is this side's, whatever the reply claims.
        reply = {name: value for name, value in reply.items() if name != "seen"} | ({"seen": seen} if seen else {})
        return reply, reply_tensors

    def _next_frame(self, time_left: Allowance, most: int) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        content = frames.read(lambda count: self._receive(count, time_left), limit=most)
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

    def _send(self, frame: bytes, time_left: Allowance) -> None:
        rest = memoryview(frame)
        while rest:
            time_left.look()
            try:
                rest = rest[self._channel.send(rest[:MIB]) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, time_left)

    def _receive(self, count: int, time_left: Allowance) -> bytes:
        while True:
            # Bytes that have arrived are taken without waiting, so the wait would not look at the time.
            time_left.look()
            try:
                piece = self._channel.recv(count)
            except BlockingIOError:
                self._wait(select.POLLIN, time_left)
            else:
                self._received += len(piece)
                return piece

    def _wait(self, event: int, time_left: Allowance) -> None:
        """Until the channel is ready for ``event``; output is drained meanwhile. Raises TimeoutError, _HungUp."""
        poll = select.poll()
        poll.register(self._channel, event)
        if self._output is not None:
            poll.register(self._output, select.POLLIN)
        while True:
            ready = dict(poll.poll(max(1, time_left.look() * 1000)))
            output = self._output
            if output is not None and output in ready:
                self._drain()
                if self._output is None:
                    poll.unregister(output)
            if ready.get(self._channel.fileno(), 0) & event:
                return
            if ready.get(self._channel.fileno(), 0):
                raise _HungUp

    def _cpu_seconds(self) -> float | None:
        return None if self._worker is None else cpu_seconds(self._worker)

    def _expect_silence(self) -> None:
        """Raises FrameError when something is in the channel that was not asked for, _HungUp when it is closed."""
        try:
            unasked = self._channel.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        if not unasked:
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
        """Read what was printed, a bounded number of pieces, and keep the beginning. Never waits."""
        for _ in range(_PIECES):
            if self._output is None:
                return
            try:
                piece = os.read(self._output, 64 * KIB)
            except BlockingIOError:
                return
            if not piece:
                os.close(self._output)
                self._output = None
                return
            kept = piece[: self._limits.output_bytes - len(self._printed)]
            self._printed += kept
            self._dropped += len(piece[len(kept) :].translate(None, _CONTINUATIONS))

    # -- life and death --

    def _next_report(self, deadline: float) -> dict[str, Any] | None:
        """The next line on the status socket, which only our own code writes; None at its end or at the deadline."""
        while b"\n" not in self._reports:
            left = deadline - time.monotonic()
            if left <= 0 or not readable(self._status, left):
                return None
            try:
                piece, descriptors, _, _ = socket.recv_fds(self._status, 65536, 4)
            except OSError:
                return None
            for descriptor in descriptors:
                # The keeper's process, then the session's. Unlike a number, a descriptor cannot come to mean another.
                if self._pidfd is None:
                    self._pidfd = descriptor
                elif self._worker is None:
                    self._worker = descriptor
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

    def _cause_of_death(self) -> tuple[Reason, str, bool]:
        """Kind, sentence and ``killed`` of a WorkerFailed, after the channel broke.

        Raises SandboxError when nothing inside the session can have caused it.
        """
        deadline = time.monotonic() + _REPORT_SECONDS
        report: dict[str, Any] | None = {}
        while report is not None and "ended" not in report:
            report = self._next_report(deadline)
        if report is None:
            if time.monotonic() >= deadline:
                return "protocol", "the code closed its channel to the grader", False
            if self._scratch is not None:
                return "died", "the code's processes were killed", True
            # The keeper always reports a death, and no submission can reach the keeper.
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
                f"the code used more than the {self._limits.memory / GIB:g} GiB of memory it may have",
                killed,
            )
        hint = ", as by a system that runs out of memory" if killed else ""
        return "died", f"the code's process was ended by the signal {name}{hint}", killed

    def _fail(self, kind: Reason, detail: str, killed: bool = False) -> WorkerFailed:
        self._failure = WorkerFailed(kind, detail, killed)
        self.close()
        return self._failure

    def _kill(self) -> None:
        """Kill the keeper, and its PID namespace dies with it; without one, hang up, and the keeper kills the rest."""
        try:
            if self._pidfd is not None and self._scratch is None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            with contextlib.suppress(OSError):
                self._status.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + DEATH_SECONDS
            while self._next_report(deadline) is not None:
                pass
            if self._scratch is not None and self._group is not None:
                with contextlib.suppress(OSError):
                    os.killpg(self._group, signal.SIGKILL)
            # It becomes readable when every process of the namespace is gone, and not when the keeper's sockets are.
            if self._pidfd is not None and not readable(self._pidfd, DEATH_SECONDS):
                raise SandboxError("a session's processes cannot be killed: look for them before going on")
        finally:
            self._closed = True
            self._channel.close()
            self._status.close()
            for descriptor in (self._pidfd, self._worker, self._output):
                if descriptor is not None:
                    os.close(descriptor)
            self._pidfd = self._worker = None
            self._output = None


_CONTINUATIONS = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that begin no character."""
_PIECES = 64
"""Reads of the output pipe at a time, so that a flood of prints cannot hold this side up."""


class _HungUp(Exception):
    """The session closed its end of the channel."""


def _remove(folder: Path) -> None:
    """Remove a folder, with the folders in it that the code has made unreadable for itself."""
    for path, folders, _ in os.walk(folder):
        for name in folders:
            inside = Path(path, name)
            if not inside.is_symlink():
                with contextlib.suppress(OSError):
                    inside.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Pipes:
    """A session's three connections: our ends, and theirs until the parent has passed them on."""

    channel: socket.socket
    status: socket.socket
    output: int
    their_channel: socket.socket
    their_status: socket.socket
    their_output: int

    @classmethod
    def make(cls) -> Pipes:
        channel, their_channel = socket.socketpair()
        status, their_status = socket.socketpair()
        output, their_output = os.pipe()
        channel.setblocking(False)
        os.set_blocking(output, False)
        return cls(channel, status, output, their_channel, their_status, their_output)

    @property
    def theirs(self) -> list[int]:
        """The descriptors that the session gets, in the order that ``warm`` expects."""
        return [self.their_channel.fileno(), self.their_output, self.their_status.fileno()]

    def close_theirs(self) -> None:
        self.their_channel.close()
        self.their_status.close()
        if self.their_output >= 0:
            os.close(self.their_output)
            self.their_output = -1
