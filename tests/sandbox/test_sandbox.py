"""What sessions of one sandbox can do to the grader, its host and each other: nothing."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sessions import LIMITS, failure, run

from grader.sandbox.sandbox import Sandbox
from grader.sandbox.session import Session
from grader.worker.session import confine


@pytest.mark.slow
def test_a_session_finds_no_module_of_ours(either: Sandbox) -> None:
    ours = "name.partition('.')[0] in ('worker', 'grader')"
    source = f"import sys; value = sorted(name for name in sys.modules if {ours})"
    with either.open() as session:
        assert run(session, source) == []


@pytest.mark.bubblewrap
def test_two_sessions_at_once_neither_see_nor_hurt_each_other(isolated: Sandbox) -> None:
    with isolated.open() as first, isolated.open() as second:
        run(first, "open('mine', 'w').close()")
        assert run(second, "import os; value = os.listdir()") == []
        assert failure(first, "import os; os._exit(3)").kind == "died"
        assert run(second, "value = 1 + 1") == 2


@pytest.mark.bubblewrap
def test_many_threads_open_sessions_of_one_sandbox(isolated: Sandbox) -> None:
    def work(number: int) -> Any:
        with isolated.open() as session:
            return run(session, f"value = {number} ** 2")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == [number**2 for number in range(8)]


@pytest.mark.bubblewrap
def test_layers_say_what_is_in_force(isolated: Sandbox, plain: Sandbox) -> None:
    assert {layer: text.startswith("in force") for layer, text in isolated.layers.items() if layer != "Landlock"} == {
        "bubblewrap": True, "namespaces": True, "limits": True, "capabilities": False, "seccomp": True,
    }  # fmt: skip
    assert isolated.layers["capabilities"].startswith("none")
    assert plain.layers["namespaces"] == "switched off by --isolation none"


@pytest.mark.bubblewrap
def test_no_process_can_be_seen_signalled_or_traced(isolated: Sandbox, session: Session) -> None:
    with isolated.open() as other:
        assert run(session, "import os; value = [os.getpid(), os.getppid()]") == [2, 1]
        assert "ProcessLookupError" in run(session, "os.kill(3, 0)")
        # its own first process does not even hear
        run(session, "import signal\ntry: os.kill(1, signal.SIGKILL)\nexcept OSError: pass")
        run(session, "try: os.kill(-1, signal.SIGKILL)\nexcept OSError: pass")
        assert run(session, "value = 1") == 1
        assert run(other, "value = 1") == 1


@pytest.mark.bubblewrap
def test_there_is_no_network(session: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
        assert "PermissionError" in run(session, source)


@pytest.mark.slow
@pytest.mark.bubblewrap
@pytest.mark.parametrize("ignore", ["", "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"])
def test_processor_time_is_limited_whatever_signals_are_ignored(isolated: Sandbox, ignore: str) -> None:
    with isolated.open(replace(LIMITS, cpu_seconds=1)) as session:
        caught = failure(session, ignore + "while True: pass")
    assert caught.kind == "timeout" and "processor time" in caught.detail


@pytest.mark.bubblewrap
def test_threads_are_limited_and_processes_are_refused(isolated: Sandbox) -> None:
    source = """
import threading
stop, threads = threading.Event(), []
try:
    while len(threads) < 1000:
        thread = threading.Thread(target=stop.wait)
        thread.start()
        threads.append(thread)
except RuntimeError: pass
value = len(threads)
stop.set()
"""
    # a thread reserves room for its stack and its heap, which counts as memory
    with isolated.open(replace(LIMITS, memory=2**33)) as session:
        assert LIMITS.processes <= run(session, source) <= LIMITS.processes + 1
        for start in ("os.fork()", "subprocess.run(['/python/bin/python3'])", "os.execv('/python/bin/python3', ['x'])"):
            assert "PermissionError" in run(session, f"import os, subprocess; {start}")


@pytest.mark.bubblewrap
@pytest.mark.parametrize(
    "source",
    [
        "open('f', 'wb').write(bytes(2**21))",
        "for n in range(100): open(f'f{n}', 'wb').write(bytes(2**19))",
        "for n in range(10**5): open(f'f{n}', 'wb').close()",
        "files = [open('/dev/null') for _ in range(1000)]",
        "import os; os.truncate(os.open('f', os.O_CREAT | os.O_RDWR), 2**40)",
        "import os; os.memfd_create('f')",
    ],
)
def test_a_full_disk_and_too_many_files_are_errors_in_the_code(session: Session, source: str) -> None:
    assert "OSError" in run(session, source) or "PermissionError" in run(session, source)
    assert run(session, "files = None; value = 3") == 3


REFUSED = [
    ("ptrace", "0, 0, 0, 0"), ("mount", "0, 0, 0, 0, 0"), ("unshare", "0x10000000"), ("setns", "0, 0"),
    ("process_vm_readv", "1, 0, 0, 0, 0, 0"), ("bpf", "0, 0, 0"), ("keyctl", "0, 0, 0, 0, 0"), ("socket", "1, 1, 0"),
    ("perf_event_open", "0, 0, 0, 0, 0"), ("userfaultfd", "0"), ("io_uring_setup", "1, 0"), ("chroot", "0"),
    ("kexec_load", "0, 0, 0, 0"), ("init_module", "0, 0, 0"), ("shmget", "0, 4096, 0o1600"), ("execve", "0, 0, 0"),
    ("personality", "0"), ("splice", "0, 0, 0, 0, 0, 0"), ("inotify_init1", "0"), ("seccomp", "0, 0, 0"),
    ("prlimit64", "1, 7, 0, 0"), ("clone", "17, 0, 0, 0, 0"),
    ("clone", "0x10010f00, 0, 0, 0, 0"),
]  # fmt: skip


@pytest.mark.bubblewrap
def test_system_calls_that_a_network_never_needs_are_refused(session: Session) -> None:
    column = confine._MACHINES[os.uname().machine][0]
    own = {"prlimit64": confine._PRLIMIT, "clone": confine._CLONE}
    run(session, "import ctypes; libc = ctypes.CDLL(None, use_errno=True)")
    for name, arguments in REFUSED:
        number = (own.get(name) or confine._REFUSED[name])[column]
        source = f"value = [libc.syscall({number}, {arguments}), ctypes.get_errno()]"
        assert run(session, source) == [-1, 1], name
    # what is newer than the list, or of another numbering of the same machine, does not exist
    for number in (435, 463, 500, 0x40000000 + 39):
        assert run(session, f"value = [libc.syscall({number}, 0, 0, 0), ctypes.get_errno()]") == [-1, 38]


@pytest.mark.bubblewrap
def test_no_capability_is_left_and_none_can_be_had(session: Session) -> None:
    source = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
sets = (ctypes.c_uint32 * 6)()
libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), sets)
bounding = [libc.prctl(23, n, 0, 0, 0) for n in range(41)]
value = [list(sets), max(bounding), libc.prctl(39, 0, 0, 0, 0)]
"""
    assert run(session, source) == [[0] * 6, 0, 1]
