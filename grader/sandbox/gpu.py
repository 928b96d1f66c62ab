"""The GPU: a sandbox whose sessions may use it, and the lease by which one submission at a time does.

The GPU is for training, and for the check that finds what ties a network to a device. Every other probe is answered on
the CPU, in a session that cannot use the GPU. CUDA starts only in a session that may use the GPU: a CUDA context cannot
be forked, and none is made in the process that marks. Such a session is also where it is tried whether the GPU works.

Who waits. A context costs a second and hundreds of MB, so the GPU is a bottleneck as soon as several submissions are
under way. *Training never waits*: while another submission has the GPU, training runs on the CPU. The verdict is the
same, because a network that fails a check on the GPU is checked again on the CPU and that result counts. *Confirming
waits*: only the GPU can do it, and whether it is done must not depend on other submissions. No submission waits
forever: a lease ends with its submission, or as soon as its session hangs or dies, and every probe has a deadline that
the process that marks enforces. The lease is a lock on a file: it holds between runs and nodes on one machine too, and
it ends with its process.
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

__all__ = ["Gpu", "Lease"]

_CONFIRM_SECONDS = 60.0
"""How long CUDA may take to start, the first time on a machine."""
_LEASE_SECONDS = 600.0
"""How long to wait for the lease. Leases in a row are shorter than that; after it the GPU counts as absent."""
_POLL_SECONDS = 0.05
"""Between two tries to lock the file."""
_CUDA_MEMORY = 8 * 2**30
"""Bytes of data that CUDA itself may take in a session, beside what the submission may."""
_CUDA_FILES = 1024
"""Descriptors that CUDA itself may open."""


class Gpu:
    """The GPU of this machine. Starts a process; ``close`` it, or use it as a context manager.

    ``device`` is torch's name for it, ``lock`` the file that every user of the GPU locks.
    """

    def __init__(self, *, isolation: Isolation, limits: Limits, device: str = "cuda", lock: Path | None = None) -> None:
        self.device = device
        self.name = device
        """The name that the GPU gives itself, once it is confirmed; until then, torch's."""
        self._lock = lock or Path(tempfile.gettempdir(), f"grade-gpu-{os.getuid()}.lock")
        self._turn = threading.Lock()
        limits = replace(limits, memory=limits.memory + _CUDA_MEMORY, open_files=limits.open_files + _CUDA_FILES)
        self.sandbox = Sandbox(isolation=isolation, limits=limits, gpu=True)
        """Whose sessions may use it."""

    @classmethod
    def confirmed(cls, *, isolation: Isolation, limits: Limits) -> Gpu:
        """The GPU, after a session has computed on it. Raises NoGpu: what is missing, and what to do."""
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
        self.sandbox.close()

    @property
    def layers(self) -> dict[str, str]:
        """As ``Sandbox.layers``."""
        return self.sandbox.layers

    def confirm(self) -> None:
        """Let a session compute on the GPU, and keep the GPU's name. Raises NoGpu with one sentence."""
        advice = "use --device cpu" if self.sandbox.isolation == "none" else "use --device cpu, or --isolation none"
        lease = self.lease()
        try:
            if not lease.acquire(wait=True):
                raise NoGpu("the GPU is taken by another run: wait for it, or use --device cpu")
            with self.sandbox.open() as session:
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
        """A lease for one submission, not yet acquired."""
        return Lease(self._lock, self._turn, self.sandbox, self.device)


class Lease:
    """One submission's right to the GPU. Used by one thread; ``release`` it."""

    def __init__(self, lock: Path, turn: threading.Lock, sandbox: Sandbox, device: str) -> None:
        self.device = device
        self._lock = lock
        self._turn = turn
        self._sandbox = sandbox
        self._lock_file: int | None = None
        """The descriptor that holds the lock; None while the lease is not held."""

    def acquire(self, *, wait: bool) -> bool:
        """Whether this submission has the GPU now; with ``wait``, after ten minutes at most. Idempotent.

        Raises NoGpu where the lock cannot be made.
        """
        if self._lock_file is not None:
            return True
        deadline = time.monotonic() + (_LEASE_SECONDS if wait else 0)
        # First come the threads of this run, which are woken in turn; then other processes, whose lock is polled.
        if not self._turn.acquire(timeout=_LEASE_SECONDS if wait else 0):
            return False
        try:
            while not self._locked():
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_POLL_SECONDS)
        finally:
            if self._lock_file is None:
                self._turn.release()
        return True

    def _locked(self) -> bool:
        try:
            # Not through a link that somebody else has put there.
            file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise NoGpu(f"the lock of the GPU, {self._lock}, cannot be opened ({exc.strerror}): remove it") from exc
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._lock_file = file
        return True

    def release(self) -> None:
        """Give the GPU back. Its session must be closed before. Idempotent."""
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None
            self._turn.release()

    def open(self) -> GpuSession:
        """A session that may use the GPU. Raises NoGpu."""
        if self._lock_file is None:
            raise ValueError("the lease is not held: acquire it first")
        try:
            return GpuSession(self._sandbox.open())
        except SandboxError as exc:
            raise NoGpu(str(exc)) from exc


class GpuSession:
    """A session that may use the GPU. Our failure only means that there is no GPU, because the CPU can do the same."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(
        self,
        message: Mapping[str, Any],
        tensors: Mapping[str, Tensor] | None = None,
        *,
        seconds: float,
        reply_bytes: int | None = None,
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """As ``Session.ask``, but NoGpu in place of SandboxError."""
        try:
            return self._session.ask(message, tensors, seconds=seconds, reply_bytes=reply_bytes)
        except SandboxError as exc:
            raise NoGpu(str(exc)) from exc

    def close(self) -> None:
        """As ``Session.close``. Raises SandboxError: what cannot be killed goes on using the GPU."""
        self._session.close()

    @property
    def output(self) -> str:
        return self._session.output

    @property
    def dropped(self) -> int:
        return self._session.dropped

    @property
    def spent(self) -> float:
        """As ``Session.spent``."""
        return self._session.spent
