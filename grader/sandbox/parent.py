"""The warm parent process: started once, it forks a session for each submission.

The process runs ``worker/session/warm.py``. This side of it speaks JSON lines over a control socket, and keeps two
promises. The process ends with this one, because the thread that starts it lives as long as it is needed. And every
way in which it can fail is one sentence, that says whether a new parent could do better.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.sandbox import launch
from grader.sandbox.session import DEATH_SECONDS, FORK_SECONDS
from grader.sandbox.terms import KIB, Limits, SandboxError, readable

__all__ = ["Parent", "ParentDied", "SessionRequest"]

_START_SECONDS = 180.0
"""How long the warm parent may take to import torch, on a slow disk."""


class ParentDied(Exception):
    """The warm parent cannot fork; the text is one sentence. ``final``: a new one would fail in the same way."""

    def __init__(self, detail: str, *, final: bool = False) -> None:
        super().__init__(detail)
        self.final = final


@dataclass(frozen=True)
class SessionRequest:
    """What the parent has to know to fork a session; ``warm`` reads the same names."""

    scratch: str
    """The folder that the session may write to."""
    limits: Limits
    cores: list[int]
    """Numbers of the cores that it may run on."""

    def line(self) -> bytes:
        """As a line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


class Parent:
    """The warm parent, seen from here. Used by one thread at a time; ``close`` it."""

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
        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=environment,
                pass_fds=[control],
                cwd="/",
                start_new_session=True,
            )

        # --die-with-parent looks at the thread that started bubblewrap. The main thread lives as long as the process;
        # without another thread beside it the process can be forked.
        if threading.current_thread() is threading.main_thread():
            return start()
        started: list[subprocess.Popen[bytes] | OSError] = []
        known = threading.Event()

        def run() -> None:
            try:
                started.append(start())
            except OSError as exc:
                started.append(exc)
                known.set()
                return
            known.set()
            self._over.wait()

        # Any other thread may end before the parent is needed no more.
        threading.Thread(target=run, name="warm-parent", daemon=True).start()
        known.wait()
        if isinstance(started[0], OSError):
            raise started[0]
        return started[0]

    def fork(self, request: SessionRequest, descriptors: list[int]) -> None:
        """Have a session forked that owns ``descriptors``; the first call waits until torch is imported.

        Raises ParentDied, and SandboxError when the parent is well but cannot start one more process.
        """
        if not self._ready:
            self._await("ready", _START_SECONDS)
            self._ready = True
        try:
            socket.send_fds(self._control, [request.line()], descriptors)
        except OSError as exc:
            raise ParentDied(self._explain()) from exc
        self._await("forked", FORK_SECONDS)

    def _await(self, expected: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n"):
            if not readable(self._control, deadline - time.monotonic()):
                raise ParentDied(f"the worker did not answer within {seconds:g} seconds: run on a less busy machine")
            try:
                piece = self._control.recv(65536)
            except OSError:
                piece = b""
            if not piece:
                raise ParentDied(self._explain())
            line += piece
        report = json.loads(line)
        failed = report.get("failed", "it is out of step")
        if expected not in report and self._ready:
            # The parent is well, and so are the sessions that it has already.
            raise SandboxError(f"no session can be started ({failed}): run fewer at once, with --jobs")
        if expected not in report:
            raise ParentDied(f"the worker cannot start ({failed}): see that torch can be imported", final=True)

    def _explain(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read(64 * KIB).decode("utf-8", "replace").splitlines()]
        last = next((line for line in reversed(lines) if line), "no reason given")[:300]
        advice = "see that bubblewrap and user namespaces work here, or use --isolation none"
        return f"the worker does not run ({last}): {advice if self._site is None else 'see that torch can be imported'}"

    def close(self) -> None:
        """Hang up, and kill it when it does not follow. Idempotent."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Without namespaces it has to kill its descendants first.
            self._process.wait(0.5 if self._site is None else DEATH_SECONDS + 1)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._clean_up()

    def _clean_up(self) -> None:
        self._over.set()
        self._errors.close()
        if self._site is not None:
            shutil.rmtree(self._site, ignore_errors=True)
