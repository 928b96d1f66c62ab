"""The stem: a process of our own that forks others like it, with everything imported and nothing computed.

What belongs to one submission is done in a process of its own, with limits. It costs milliseconds, because it is forked
from one that has imported torch. Forking is safe only while that one has a single thread and has not computed anything:
whoever computes starts a pool of threads, and a forked child has a copy of their locks and none of the threads. So the
*stem* is forked from the command's process before that computes or starts a thread, and all others are forked from the
stem, which does nothing else.

Unlike the sandbox's processes these run our code alone, with our rights. Their limits are against what a submission's
bytes make our code do. A process holds no descriptor but its own end of a channel to the command's process, and what it
is told to keep: so it reaches neither the sandbox's parent nor the channel of another process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import math
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from grader.sandbox.terms import SandboxError

__all__ = ["Ended", "Stem", "StemLost", "Work", "allow_seconds", "can_fork", "data_bytes", "give_back_memory"]


class StemLost(Exception):
    """The stem has ended, which no submission can cause; the text is one sentence."""


@dataclass(frozen=True)
class Ended:
    """How a process of the stem ended."""

    signal: int | None
    """The number of the signal that ended it; None if it ended by itself."""
    memory: int
    """The most bytes that it had in memory at a time."""


def can_fork() -> bool:
    """Whether this process may be forked safely: it has one thread, and the system says so."""
    return sys.platform == "linux" and _status("Threads") == 1


@dataclass(frozen=True)
class Work:
    """What a process of the stem does."""

    do: Callable[..., None]
    """Called with its end of a channel to the command's process, and of another one if it gets one."""
    memory: int
    """Bytes of data that it may have beyond what it is forked with."""


class Stem:
    """The stem, seen from the process that it is forked from. Several threads may use it; ``close`` it.

    ``works`` is what its processes can do with their ends of channels, by name; a process ends when it is done.
    ``prepare`` runs once in the stem. ``keep`` are descriptors of this process that the others keep.
    """

    def __init__(
        self,
        works: Mapping[str, Work],
        *,
        prepare: Callable[[], None] = lambda: None,
        keep: Collection[int] = (),
    ) -> None:
        if not can_fork():
            raise ValueError("a process with several threads cannot be forked safely")
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        gc.collect()
        # The collector leaves alone what exists now, so that the processes share its pages.
        gc.freeze()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(theirs, works, prepare, keep)
        theirs.close()

    def fork(self, work: str, beside: socket.socket | None = None) -> tuple[int, socket.socket]:
        """A new process that does ``work``: its number, and our end of the channel to it.

        ``beside`` is the end of another channel, which it gets too. Raises StemLost, and SandboxError where the
        system starts no further process."""
        channel, theirs = socket.socketpair()
        try:
            theirs_too = [] if beside is None else [beside.fileno()]
            reply = self._ask({"fork": work}, theirs.fileno(), *theirs_too)
        except BaseException:
            channel.close()
            raise
        finally:
            theirs.close()
        if "failed" in reply:
            channel.close()
            raise SandboxError(f"no process can be started ({reply['failed']}): run fewer at once, with --jobs")
        return reply["pid"], channel

    def end(self, pid: int) -> Ended:
        """End a process, unless it has ended; how it ended. Raises StemLost."""
        reply = self._ask({"end": pid})
        return Ended(reply["signal"], reply["memory"])

    def close(self) -> None:
        """End the stem and all its processes. Idempotent."""
        with self._lock:
            self._control.close()
            if self._pid:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(self._pid, 0)
                self._pid = 0

    def _ask(self, request: dict[str, Any], *descriptors: int) -> dict[str, Any]:
        with self._lock:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode() + b"\n"], descriptors)
                line = b""
                while not line.endswith(b"\n"):
                    piece = self._control.recv(4096)
                    if not piece:
                        raise ConnectionError
                    line += piece
            except OSError as lost:
                raise StemLost("the process that starts jobs has ended: run again") from lost
        reply: dict[str, Any] = json.loads(line)
        return reply


# --- in the stem and in its processes ---------------------------------------------------------------------------------


def _serve(
    control: socket.socket, works: Mapping[str, Work], prepare: Callable[[], None], keep: Collection[int]
) -> NoReturn:
    """What the stem does until the other side hangs up."""
    children: set[int] = set()
    try:
        # Ctrl-C is for the command, which ends what is under way.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _keep_only(control.fileno(), *keep)
        prepare()
        gc.freeze()
        while True:
            select.select([control], [], [])
            line, descriptors, _, _ = socket.recv_fds(control, 4096, 2)
            if not line:
                break
            request = json.loads(line)
            if "end" in request:
                children.discard(request["end"])
                reply = _ended(request["end"])
            else:
                reply = _forked(control, descriptors, works[request["fork"]])
                children.update([reply["pid"]] if "pid" in reply else [])
                for descriptor in descriptors:
                    os.close(descriptor)
            control.sendall(json.dumps(reply).encode() + b"\n")
    except OSError:  # the other side is gone
        pass
    finally:
        for child in children:
            _ended(child)
        os._exit(0)


def _forked(control: socket.socket, descriptors: list[int], work: Work) -> dict[str, Any]:
    try:
        pid = os.fork()
    except OSError as fault:
        return {"failed": str(fault)}
    if pid:
        return {"pid": pid}
    try:
        control.close()
        _limit(work.memory)
        # Open up to the end: whoever sees one closed asks how the process ended.
        channels = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        work.do(*channels)
    finally:
        os._exit(0)


def _ended(pid: int) -> dict[str, Any]:
    """Kill a child, which changes nothing if it has died before, and tell how it ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    return {"signal": number, "memory": usage.ru_maxrss * 1024}


def _keep_only(*descriptors: int) -> None:
    """Close every descriptor but these. Standard input is empty then, and what is printed is dropped."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (numbers)
        if int(name) > 2 and int(name) not in descriptors:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _limit(memory: int) -> None:
    """``memory``: bytes of data beyond what this process has now."""
    with contextlib.suppress(OSError):
        # When the machine runs out of memory, the kernel is to end a job before the command.
        Path("/proc/self/oom_score_adj").write_text("500")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = data_bytes() + memory
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def allow_seconds(seconds: float) -> None:
    """Let this process use so many seconds of processor time from now on; then the signal SIGXCPU ends it."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), most))


def give_back_memory() -> None:
    """Give the system what this process has freed, and the C library keeps."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def data_bytes() -> int:
    """The bytes of data that this process has, as the limit counts them."""
    return (_status("VmData") or 0) * 1024


def _status(name: str) -> int | None:
    """A number of this process, as Linux says it."""
    try:
        lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)
