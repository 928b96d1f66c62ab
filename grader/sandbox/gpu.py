"""The graphics card: a sandbox whose sessions may use it, and the lease by which one submission at a time does.

The card is for training and for what ties a network to a device; every other probe is answered on the CPU, in a session
without one. CUDA starts in a session that is given the card and nowhere else: a context cannot be forked, and none
is made in the process that marks. Whether the card can be used is asked where it is to be used, in such a session.

Who waits. A context costs a second and hundreds of MB, so that the card is a bottleneck as soon as several submissions
are under way. *Training never waits*: where the card is taken it runs on the CPU, which gives the same verdict, because
what the card has against a submission is for the CPU to decide. *Confirming waits*, since only the card can
do it, and whether it is done must not depend on others. Nobody starves: a tenure ends with its submission, or
as soon as its session hangs or dies, and every probe has its deadline, kept by the process that marks. The lease is a
lock on a file, so that it holds between runs and nodes on one machine too, and goes with its process.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch

from grader.sandbox import launch
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.session import Session
from grader.sandbox.terms import Limits, NoGpu, SandboxError, WorkerFailed
from grader.worker.protocol import NameDevice, probe_to_json

if TYPE_CHECKING:
    from torch import Tensor

    from grader.sandbox.terms import Isolation

__all__ = ["Gpu", "Lease", "NoGpu"]


_CONFIRM_SECONDS = 60.0
"""How long CUDA may take to start, the first time on a machine."""
_PATIENCE = 600.0
"""Seconds to wait for the lease, which no sequence of tenures takes: after that the card is as good as absent."""
_POLL_SECONDS = 0.05
_CUDA_MEMORY = 8 * 2**30
"""Bytes of data that CUDA itself may take in a session, beside what the submission may."""
_CUDA_FILES = 1024
"""Descriptors that CUDA itself may open."""


class Gpu:
    """The card of this machine. Starts a process; ``close`` it, or use it as a context manager.

    ``device`` is torch's name for it, ``lock`` the file that whoever uses the card locks.
    """

    def __init__(self, *, isolation: Isolation, limits: Limits, device: str = "cuda", lock: Path | None = None) -> None:
        self.device = device
        self.name = device
        """What the card calls itself, once it is confirmed."""
        self._lock = lock or Path(tempfile.gettempdir(), f"grade-gpu-{os.getuid()}.lock")
        self._turn = threading.Lock()
        limits = replace(limits, memory=limits.memory + _CUDA_MEMORY, open_files=limits.open_files + _CUDA_FILES)
        self._sandbox = Sandbox(isolation=isolation, limits=limits, gpu=True)

    @classmethod
    def confirmed(cls, *, isolation: Isolation, limits: Limits) -> Gpu:
        """The card, seen to work. Raises NoGpu with one sentence: what is missing, and what to do."""
        if not launch.gpu_devices():
            raise NoGpu("there is no GPU of NVIDIA here (no /dev/nvidia*): use --device cpu, or auto")
        if torch.version.cuda is None:
            raise NoGpu("this torch was built without CUDA: install one with CUDA, or use --device cpu")
        try:
            gpu = cls(isolation=isolation, limits=limits)
        except SandboxError as exc:
            raise NoGpu(str(exc)) from exc
        try:
            gpu.confirm()
        except BaseException:
            gpu.close()
            raise
        return gpu

    def __enter__(self) -> Gpu:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox, and with it every session. Idempotent."""
        self._sandbox.close()

    @property
    def layers(self) -> dict[str, str]:
        """As ``Sandbox.layers``."""
        return self._sandbox.layers

    def confirm(self) -> None:
        """See that a session can compute on the card, and learn its name. Raises NoGpu with one sentence."""
        advice = "use --device cpu" if self._sandbox.isolation == "none" else "use --device cpu, or --isolation none"
        lease = self.lease()
        try:
            if not lease.acquire(wait=True):
                raise NoGpu("the GPU is taken by another run: wait for it, or use --device cpu")
            with self._sandbox.open() as session:
                reply, _ = session.ask(probe_to_json(NameDevice(device=self.device)), seconds=_CONFIRM_SECONDS)
        except SandboxError as exc:
            raise NoGpu(f"no session can be given the GPU ({exc}): {advice}") from exc
        except WorkerFailed as exc:
            raise NoGpu(f"the GPU cannot be used in a session ({exc.detail}): {advice}") from exc
        finally:
            lease.release()
        match reply:
            case {"evidence": {"name": str(name)}}:
                self.name = name[:100]
            case _:
                failure = reply.get("failure")
                detail = failure.get("detail") if isinstance(failure, dict) else None
                why = " ".join(str(detail or "no reason given").split())[:300]
                raise NoGpu(f"the GPU cannot be used in a session ({why.rstrip('.')}): {advice}")

    def lease(self) -> Lease:
        """For one submission; not yet taken."""
        return Lease(self._lock, self._turn, self._sandbox, self.device)


class Lease:
    """One submission's right to the card. Used by one thread; ``release`` it."""

    def __init__(self, lock: Path, turn: threading.Lock, sandbox: Sandbox, device: str) -> None:
        self.device = device
        self._lock = lock
        self._turn = turn
        self._sandbox = sandbox
        self._held: int | None = None

    def acquire(self, *, wait: bool) -> bool:
        """Whether the card is this submission's now; ``wait`` until it is, for ten minutes at most. Idempotent.

        Raises NoGpu where the lock cannot be made.
        """
        if self._held is not None:
            return True
        deadline = time.monotonic() + (_PATIENCE if wait else 0)
        # threads of this run first, who are woken in turn; then other processes, who can only be asked again
        if not self._turn.acquire(timeout=_PATIENCE if wait else 0):
            return False
        try:
            while not self._locked():
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_POLL_SECONDS)
        finally:
            if self._held is None:
                self._turn.release()
        return True

    def _locked(self) -> bool:
        try:
            # not through a link that somebody else put there
            file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise NoGpu(f"the lock of the GPU, {self._lock}, cannot be opened ({exc.strerror}): remove it") from exc
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._held = file
        return True

    def release(self) -> None:
        """Give the card back. Its session must be closed by then. Idempotent."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
            self._turn.release()

    def open(self) -> OnGpu:
        """A session that may use the card. Raises NoGpu."""
        if self._held is None:
            raise ValueError("the lease is not held: acquire it first")
        try:
            return OnGpu(self._sandbox.open())
        except SandboxError as exc:
            raise NoGpu(str(exc)) from exc


class OnGpu:
    """A session on the card. What would be our failure elsewhere only means that there is no card: the CPU is there."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(
        self, message: Mapping[str, Any], tensors: Mapping[str, Tensor] | None = None, *, seconds: float
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """As ``Session.ask``, but NoGpu in place of SandboxError."""
        try:
            return self._session.ask(message, tensors, seconds=seconds)
        except SandboxError as exc:
            raise NoGpu(str(exc)) from exc

    def close(self) -> None:
        """As ``Session.close``. Raises SandboxError: what cannot be killed goes on using the card."""
        self._session.close()

    @property
    def output(self) -> str:
        return self._session.output
