"""The warm parent: it has imported torch, runs no code of any submission, and forks a confined child per session.

    warm parent ──fork──► doorway ──fork──► keeper ──fork──► session
    (torch, once)         enters new        first process    the student's code
                          namespaces,       of its PID
                          leaves            namespace

Because of the *keeper*, the session is an ordinary process: signals end it as they end any other, and the keeper, which
waits for it, knows how it ended. The keeper ends when the session does, or when the trusted side hangs up. The kernel
then kills everything in its namespace. Without namespaces the keeper kills the descendants that it can find.

The trusted side sends lines of JSON to the parent on a control socket. With each request for a session it passes three
descriptors: the channel for frames (see ``serve``), the pipe for output, and the status socket. Three reports come back
on the status socket:

1. The keeper sends a descriptor of its process, and one of the session's, by which its processor time is known.
2. The session says that it is confined, or why not, before it has received any code of a submission. It then closes the
   status socket.
3. The keeper says how the session ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import io
import json
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from . import confine
from .audit import watch
from .serve import Handles, serve
from .tables import Compared, compared, watched

__all__ = ["main"]


_WORKER = __name__.removesuffix(".session.warm")
"""The package of all modules of ours in this process: ``worker`` in a sandbox."""
_OURS = 3
"""Processes of a session that are ours: keeper, session, and the doorway until it is waited for."""
_KERNEL_COUNTS_PER_NAMESPACE = (5, 14)
"""The first version of Linux that counts the processes of each user namespace apart."""
_CHANNEL, _STATUS = 3, 4
"""The session's descriptors: 0 empty, 1 and 2 output, 3 the channel, 4 the status until it is confined."""


def main(argument: str) -> NoReturn:
    """Serve the control socket until the trusted side hangs up. ``argument`` is JSON: see ``grader.sandbox``."""
    settings = json.loads(argument)
    control = socket.socket(fileno=settings["control"])
    if settings["user"] is not None:
        _become(settings["user"])
    try:
        warm = _warm_up(settings["handler"])
    except Exception as exc:  # an import may raise anything; the trusted side makes an error of its own from it
        _tell(control, {"failed": f"{type(exc).__name__}: {exc}"})
        os._exit(1)
    if sys.platform == "linux":
        confine.be_subreaper()
    _tell(control, {"ready": True})
    while True:
        if not select.select([control], [], [], 0.5)[0]:
            _reap()
            continue
        request, descriptors = _listen(control)
        if request is None:
            if not settings["confined"]:
                _kill_descendants()
            os._exit(0)
        gpu = settings["devices"] is not None
        held = _held("VmData" if gpu else "VmSize")
        try:
            child = os.fork()
        except OSError as exc:
            _tell(control, {"failed": f"no process can be started: {exc}"})
        else:
            if child == 0:
                control.close()
                _doorway({**request, **settings}, descriptors, warm, confined=settings["confined"], held=held)
            _tell(control, {"forked": True})
        for descriptor in descriptors:
            os.close(descriptor)
        _reap()


def _become(user: int) -> None:
    """Change from root, to which no limit on processes applies, to an ordinary user without any capability."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


class _Warm(NamedTuple):
    """What is ready before sessions are forked."""

    make: Callable[[Path], Handles]
    """Makes the handler of a session."""
    compared: Compared
    """What the examiner rests on, as no submission has seen it."""


def _warm_up(handler: str | None) -> _Warm:
    """Import what sessions need, before they are forked. Nothing is computed, which would start a pool of threads."""
    name = f"{_WORKER}.handler"
    if handler is not None:
        spec = importlib.util.spec_from_file_location(name, handler)
        if spec is None or spec.loader is None:
            raise ImportError(f"{handler} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(name)
    made: Callable[[Path], Handles] = module.Handler

    import numpy  # noqa: F401
    import torch
    import torch.nn.functional

    torch.set_num_threads(1)
    # Both read /proc, which a session does not have: the first is made to do so now, the second is switched off.
    torch.backends.cpu.get_cpu_capability()
    torch.backends.nnpack.set_flags(False)  # type: ignore[no-untyped-call]
    threads = _status_field("Threads")
    if threads is not None and threads != 1:
        raise RuntimeError(f"the warm parent has {threads} threads where one was expected: it cannot be forked safely")
    ready = _Warm(made, compared(watched(_WORKER)))
    gc.collect()
    # The collector leaves alone what exists now, so that children share its pages.
    gc.freeze()
    if sys.platform == "linux":
        confine.use_large_pages()
    return ready


def _status_field(name: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)


def _held(name: str) -> int | None:
    """Bytes of address space (VmSize) or of data (VmData) that this process has."""
    kibibytes = _status_field(name)
    return None if kibibytes is None else kibibytes * 1024


def _tell(connection: socket.socket, report: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    line = json.dumps(report).encode() + b"\n"
    try:
        if descriptors:
            socket.send_fds(connection, [line], descriptors)
        else:
            connection.sendall(line)
    except OSError:
        # The other side is gone. That is noticed where something depends on it.
        return


def _listen(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next request and its descriptors; None when the trusted side has hung up."""
    line = b""
    descriptors: list[int] = []
    while not line.endswith(b"\n"):
        piece, passed, _, _ = socket.recv_fds(control, 65536, 8)
        if not piece:
            return None, descriptors
        line += piece
        descriptors += passed
    return json.loads(line), descriptors


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


# --- doorway, keeper, session: each function ends its process ---------------------------------------------------------


def _doorway(
    request: dict[str, Any],
    descriptors: list[int],
    warm: _Warm,
    *,
    confined: bool,
    held: int | None,
) -> NoReturn:
    channel, output, status_descriptor = descriptors
    status = socket.socket(fileno=status_descriptor)
    try:
        gc.disable()
        if sys.platform == "linux":
            # The examiner may use other cores by now than when the parent started.
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, request["cores"])
        if confined:
            confine.enter_namespaces()
            limits = request["limits"]
            confine.mount_scratch(Path(request["scratch"]), size=limits["scratch_bytes"], files=limits["scratch_files"])
            if request["devices"] is None:
                confine.hide_processes()
        if os.fork() == 0:
            if confined and request["devices"] is not None:
                confine.show_own_processes()
            _keeper(request, channel, output, status, warm, confined=confined, held=held)
    except (confine.Unconfined, OSError) as exc:
        _tell(status, {"unconfined": str(exc)})
    os._exit(0)


def _keeper(
    request: dict[str, Any],
    channel: int,
    output: int,
    status: socket.socket,
    warm: _Warm,
    *,
    confined: bool,
    held: int | None,
) -> NoReturn:
    if sys.platform == "linux":
        confine.hide_from_others()
    if not confined and sys.platform == "linux":
        confine.be_subreaper()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    session = os.fork()
    if session == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _session(request, channel, output, status, warm, confined=confined, held=held)
    os.close(channel)
    os.close(output)
    if confined:
        confine.drop_privileges()
    processes = (os.getpid(), session) if hasattr(os, "pidfd_open") else ()
    descriptors = tuple(os.pidfd_open(process) for process in processes)
    _tell(status, {"keeper": os.getpid(), "session": session}, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    while True:
        ready, _, _ = select.select([status.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 512)
        ended = _wait_for(session)
        if ended is not None:
            _tell(status, ended)
        if ended is not None or status.fileno() in ready:
            if not confined:
                _kill_descendants(session)
            os._exit(0)


def _wait_for(session: int) -> dict[str, Any] | None:
    """How the session ended, once it has; reaps every other child on the way."""
    ended = None
    try:
        while True:
            child, code, usage = os.wait4(-1, os.WNOHANG)
            if child == 0:
                return ended
            if child == session:
                how = {"signal": os.WTERMSIG(code)} if os.WIFSIGNALED(code) else {"exit": os.WEXITSTATUS(code)}
                # A forked process begins with its parent's memory, which is not its own use.
                own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                memory = (usage.ru_maxrss - own) * (1 if sys.platform == "darwin" else 1024)
                used = {"cpu_seconds": usage.ru_utime + usage.ru_stime, "memory": memory}
                ended = {"ended": {**how, **used}}
    except ChildProcessError:
        return ended


def _kill_descendants(session: int | None = None) -> None:
    """Without a PID namespace: kill the session's group, then for 5 seconds each process that becomes our child."""
    if session is not None:
        for kill in (os.killpg, os.kill):
            try:
                kill(session, signal.SIGKILL)
            except OSError:
                continue
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for child in _children():
            try:
                os.kill(child, signal.SIGKILL)
            except OSError:
                continue
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            return


def _children() -> list[int]:
    own = os.getpid()
    children = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # "pid (name) state parent …"; the name may contain spaces and brackets.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == own:
            children.append(int(folder.name))
    return children


def _session(
    request: dict[str, Any],
    channel: int,
    output: int,
    status: socket.socket,
    warm: _Warm,
    *,
    confined: bool,
    held: int | None,
) -> NoReturn:
    try:
        os.setsid()
        _keep_only(channel, output, status.detach())
        report = socket.socket(fileno=_STATUS)
        scratch = Path(request["scratch"])
        limits, devices = request["limits"], request["devices"]
        try:
            os.chdir(scratch)
            os.umask(0o077)
            os.environ.clear()
            os.environ.update(request["environment"], HOME=str(scratch), TMPDIR=str(scratch))
            # The parent looked for its own folder; the session must look again.
            tempfile.tempdir = None
            layers = confine.limit(
                cpu_seconds=limits["cpu_seconds"],
                memory=limits["memory"] if held is not None else None,
                held=held or 0,
                processes=_process_limit(limits["processes"], confined=confined),
                open_files=limits["open_files"],
                file_bytes=limits["file_bytes"],
                gpu=devices is not None,
            )
            if confined:
                confine.drop_privileges()
                layers["capabilities"] = "none, in any set; no_new_privs"
                layers["Landlock"] = confine.restrict_files(scratch, devices or ())
                layers["seccomp"] = confine.restrict_system_calls(gpu=devices is not None)
            handler = warm.make(scratch)
        except Exception as exc:
            _tell(report, {"unconfined": str(exc) or type(exc).__name__})
            os._exit(1)
        _tell(report, {"confined": layers})
        report.close()
        gc.enable()
        # A session is short, and seldom makes garbage that only a search finds.
        gc.set_threshold(10_000)
        _out_of_reach()
        check = watch(_CHANNEL, warm.compared)
        serve(handler, _CHANNEL, frame_bytes=limits["frame_bytes"], check=check)
    except BaseException:  # the channel is gone or spoilt; no exception may reach the parent's loop
        os._exit(1)
    os._exit(0)


def _out_of_reach() -> None:
    """Take our modules and our main program out of ``sys.modules``, before any code of a submission runs."""
    for name in [name for name in sys.modules if name == _WORKER or name.startswith(f"{_WORKER}.")]:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")


def _keep_only(channel: int, output: int, status: int) -> None:
    """Make descriptors 0 to 4 the empty input, twice the output, the channel and the status, and close all others."""
    # They are moved to high numbers first, so that no copy overwrites a descriptor that is still to be copied.
    high = [os.dup2(descriptor, 100 + place) for place, descriptor in enumerate((channel, output, status))]
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(high[1], 1)
    os.dup2(high[1], 2)
    os.dup2(high[0], _CHANNEL, inheritable=False)
    os.dup2(high[2], _STATUS, inheritable=False)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.closerange(_STATUS + 1, max(soft, 256) if soft != resource.RLIM_INFINITY else 2**20)
    # The parent's streams were made for its own descriptors.
    sys.stdout = _text_stream(1)
    sys.stderr = _text_stream(2)


def _text_stream(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _process_limit(beside: int, *, confined: bool) -> int | None:
    """RLIMIT_NPROC for ``beside`` more processes and threads, or None where the kernel counts other things as well."""
    if sys.platform != "linux" or not confined:
        return None
    release = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])
    return beside + _OURS if release >= _KERNEL_COUNTS_PER_NAMESPACE else None
