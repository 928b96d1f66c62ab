"""The terms of the sandbox: isolation, limits, and the failures, ours and the submission's. A leaf."""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass
from typing import Literal

from grader.worker.session import frames

__all__ = ["GIB", "KIB", "MIB", "Isolation", "Limits", "NoGpu", "Reason", "SandboxError", "WorkerFailed", "readable"]


Isolation = Literal["auto", "bubblewrap", "none"]
Reason = Literal["timeout", "died", "memory", "protocol"]

GIB, MIB, KIB = 2**30, 2**20, 2**10


@dataclass(frozen=True)
class Limits:
    """What one session may use. The defaults are for one submission on a laptop."""

    seconds: float = 60.0
    """Time of all requests to the session together: its processor time first; see ``allowance``."""
    cpu_seconds: int = 120
    """CPU time of the session's process, all threads together."""
    memory: int = 4 * GIB
    """Bytes of address space above what importing torch takes."""
    processes: int = 32
    """Processes and threads besides the first; isolated sessions may only start threads."""
    open_files: int = 128
    """Descriptors open at once."""
    file_bytes: int = 64 * MIB
    """Bytes of one file."""
    scratch_bytes: int = 128 * MIB
    """Bytes of all files together; needs isolation."""
    scratch_files: int = 4096
    """Files and folders together; needs isolation."""
    output_bytes: int = 64 * KIB
    """Bytes of stdout and stderr together that are kept, from the beginning; the rest is read and dropped."""
    frame_bytes: int = frames.FRAME_BYTES
    """Bytes of one message in either direction, tensors included."""


class SandboxError(Exception):
    """Our failure: no session could be opened. Its one sentence names the layer, and what to install or which option
    to use."""


class NoGpu(Exception):
    """No GPU can be used for this submission, which is never the submission's fault; the text is one sentence."""


class WorkerFailed(Exception):
    """The submission's failure: its session is over, and why."""

    def __init__(self, kind: Reason, detail: str, killed: bool = False) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        """``timeout``, ``died``, ``memory`` or ``protocol``."""
        self.detail = detail
        """One sentence, plain text, for the student."""
        self.killed = killed
        """Ended by SIGKILL, which may have come from a system that ran out of memory: worth a second try."""


def readable(source: socket.socket | int, seconds: float) -> bool:
    """Wait until ``source`` has something to read or has ended, for ``seconds`` at most; whether it has."""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))
