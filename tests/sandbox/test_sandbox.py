"""What a submission can do to the grader, its host and the other submissions: nothing."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from places import TESTS

from grader.sandbox import launch
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.session import Pipes, Session
from grader.sandbox.terms import Limits, SandboxError, WorkerFailed
from grader.worker.session.frames import FrameError

HANDLER = TESTS / "exec_handler.py"
PATIENCE = 30.0
"""Seconds that no test needs, on however busy a machine."""
LIMITS = Limits(seconds=60, memory=2**28, scratch_bytes=2**22, file_bytes=2**20, output_bytes=1000, frame_bytes=2**24)


@pytest.fixture(scope="module")
def isolated() -> Iterator[Sandbox]:
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        pytest.skip("isolation needs Linux with bubblewrap")
    with Sandbox(isolation="bubblewrap", limits=LIMITS, handler=HANDLER) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def plain() -> Iterator[Sandbox]:
    with Sandbox(isolation="none", limits=LIMITS, handler=HANDLER) as sandbox:
        yield sandbox


@pytest.fixture(scope="module", params=["bubblewrap", "none"])
def either(request: pytest.FixtureRequest) -> Sandbox:
    sandbox: Sandbox = request.getfixturevalue({"bubblewrap": "isolated", "none": "plain"}[request.param])
    return sandbox


@pytest.fixture
def session(isolated: Sandbox) -> Iterator[Session]:
    with isolated.open() as session:
        yield session


def run(session: Session, source: str, seconds: float = PATIENCE) -> Any:
    """What ``source`` left in ``value``, or the text of its exception."""
    reply, _ = session.ask({"source": source}, seconds=seconds)
    return reply["failure"]["detail"] if "failure" in reply else reply["value"]


def test_a_session_finds_no_module_of_ours(either: Sandbox) -> None:
    ours = "name.partition('.')[0] in ('worker', 'grader')"
    source = f"import sys; value = sorted(name for name in sys.modules if {ours})"
    with either.open() as session:
        assert run(session, source) == []


def failure(session: Session, source: str, seconds: float = PATIENCE) -> WorkerFailed:
    with pytest.raises(WorkerFailed) as caught:
        run(session, source, seconds)
    return caught.value


# --- asking -----------------------------------------------------------------------------------------------------------


def test_tensors_come_back_as_they_were_sent(either: Sandbox) -> None:
    sent = {
        "floats": torch.arange(6.0).reshape(2, 3),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "yes": torch.tensor([True, False]),
        "none": torch.empty(0, 4, dtype=torch.int64),
        "scalar": torch.tensor(7, dtype=torch.int32),
    }
    with either.open() as session:
        _, back = session.ask({"source": "tensors = sent"}, sent, seconds=PATIENCE)
    assert back.keys() == sent.keys()
    for name, tensor in sent.items():
        assert back[name].dtype == tensor.dtype and torch.equal(back[name], tensor)


def test_a_session_remembers_and_the_next_one_knows_nothing_of_it(either: Sandbox) -> None:
    spoil = "import torch, builtins; torch.relu = 5; builtins.mine = 1; open('left.txt', 'w').close(); x = 1"
    with either.open() as first:
        run(first, spoil)
        assert run(first, "import os; value = [x, torch.relu, os.listdir()]") == [1, 5, ["left.txt"]]
    with either.open() as second:
        source = "import builtins, os, torch; value = [callable(torch.relu), hasattr(builtins, 'mine'), os.listdir()]"
        assert run(second, source) == [True, False, []]


def test_a_request_may_carry_a_large_source(either: Sandbox) -> None:
    with either.open() as session:
        assert run(session, "value = 1\n" + "#" * (6 * 2**20)) == 1
        with pytest.raises(FrameError):
            run(session, "#" * 2**24)
        assert run(session, "value = 2") == 2


def test_two_sessions_at_once_do_not_see_or_hurt_each_other(isolated: Sandbox) -> None:
    with isolated.open() as first, isolated.open() as second:
        run(first, "open('mine', 'w').close()")
        assert run(second, "import os; value = os.listdir()") == []
        assert failure(first, "import os; os._exit(3)").kind == "died"
        assert run(second, "value = 1 + 1") == 2


def test_many_threads_open_sessions_of_one_sandbox(isolated: Sandbox) -> None:
    def work(number: int) -> Any:
        with isolated.open() as session:
            return run(session, f"value = {number} ** 2")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == [number**2 for number in range(8)]


def test_layers_say_what_is_in_force(isolated: Sandbox, plain: Sandbox) -> None:
    assert {layer: text.startswith("in force") for layer, text in isolated.layers.items() if layer != "Landlock"} == {
        "bubblewrap": True, "namespaces": True, "limits": True, "capabilities": False, "seccomp": True,
    }  # fmt: skip
    assert isolated.layers["capabilities"].startswith("none")
    assert plain.layers["namespaces"] == "switched off by --isolation none"


# --- deaths -----------------------------------------------------------------------------------------------------------


DEAF = """import signal
for n in range(1, 65):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
"""


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("while True: pass", "timeout", "within 0.5 seconds"),
        ("import time; time.sleep(1000)", "timeout", "within 0.5 seconds"),
        (DEAF + "while True: pass", "timeout", "within 0.5 seconds"),
        ("import os; os._exit(0)", "died", "exit status 0 (os._exit"),
        ("import os; os._exit(7)", "died", "exit status 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "died", "SIGTERM"),
        ("import os; os.kill(os.getpid(), 9)", "died", "SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "died", "SIGSEGV"),
        ("import os; os.abort()", "died", "SIGABRT"),
        ("import os; os.closerange(0, 100)", "died", "exit status 1"),
    ],
)  # fmt: skip
def test_a_session_that_ends_says_how(either: Sandbox, source: str, kind: str, words: str) -> None:
    with either.open() as session:
        caught = failure(session, source, 0.5 if kind == "timeout" else PATIENCE)
        assert caught.kind == kind and words in caught.detail
        assert caught.killed == (words == "SIGKILL")
        assert failure(session, "value = 1") is caught
    with either.open() as session:
        assert run(session, "value = 1") == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("x = bytearray(10**12)", "MemoryError"),
        ("x = []\nwhile True: x.append(bytearray(2**24))", "MemoryError"),
        ("import torch; torch.empty(10**13)", "memory"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("class E(Exception):\n    def __str__(self): raise SystemExit\nraise E", "text cannot be shown"),
        ("value = float('nan')", "FrameError"),
        ("value = object()", "FrameError"),
        ("import torch; tensors = {'x': torch.ones(2, dtype=torch.complex64)}", "FrameError"),
        ("import torch; tensors = {'x': torch.ones(2**23)}", "FrameError"),
        ("value = 'x' * 5 * 2**20", "FrameError"),
    ],
)
def test_what_the_code_raises_is_a_reply_and_the_session_goes_on(either: Sandbox, source: str, words: str) -> None:
    with either.open() as session:
        assert words in run(session, source)
        assert run(session, "x = None; value = 2") == 2


def test_time_is_counted_for_the_whole_session_too(either: Sandbox) -> None:
    with either.open(replace(LIMITS, seconds=0.4)) as session:
        caught = failure(session, "while True: pass")
    assert caught.kind == "timeout" and "whole submission" in caught.detail


@pytest.mark.parametrize("ignore", ["", "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"])
def test_processor_time_is_limited_whatever_signals_are_ignored(isolated: Sandbox, ignore: str) -> None:
    with isolated.open(replace(LIMITS, cpu_seconds=1)) as session:
        caught = failure(session, ignore + "while True: pass")
    assert caught.kind == "timeout" and "processor time" in caught.detail


# --- limits -----------------------------------------------------------------------------------------------------------


def test_threads_are_limited_and_processes_refused(isolated: Sandbox) -> None:
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
def test_a_full_disk_and_too_many_files_are_the_codes_own_errors(session: Session, source: str) -> None:
    assert "OSError" in run(session, source) or "PermissionError" in run(session, source)
    assert run(session, "files = None; value = 3") == 3


def test_a_flood_of_prints_neither_blocks_nor_fills_memory(session: Session) -> None:
    assert run(session, "for _ in range(2 * 10**5): print('x' * 50)\nvalue = 1") == 1
    assert session.output.startswith("xxxx") and len(session.output) < LIMITS.output_bytes + 100
    assert "dropped" in session.output


def test_output_survives_the_session(either: Sandbox) -> None:
    with either.open() as session:
        run(session, "import sys; print('out \\ud800'); print('err', file=sys.stderr)")
        failure(session, "import os; os.write(1, b'last \\xff'); os._exit(0)")
        assert session.output == "out \\ud800\nerr\nlast �"


# --- the channel ------------------------------------------------------------------------------------------------------

FRAME = """import os, json, struct
def frame(m):
    t = json.dumps(m).encode()
    return struct.pack('>II', len(t), 0) + t
"""
EVERYWHERE = (
    FRAME
    + """
for fd in range(3, 100):
    try: os.write(fd, frame({'serial': '0' * 32, 'reply': {'value': 'mine'}}))
    except OSError: pass
"""
)


@pytest.mark.parametrize(
    "source",
    [
        EVERYWHERE,
        FRAME + "os.write(3, b'\\xff' * 100)",
        FRAME + "os.write(3, struct.pack('>II', 2**31, 2**31))",
        FRAME + "os.write(3, struct.pack('>II', 2, 2**23) + b'{}' + struct.pack('<Q', 2**60))",
        FRAME + "os.write(3, frame([1, 2]))",
        FRAME + "os.write(3, frame({}))",
        FRAME + "os.write(3, frame({'serial': None, 'reply': None}))",
    ],
)  # fmt: skip
def test_frames_that_the_code_writes_end_its_session(session: Session, source: str) -> None:
    assert failure(session, source).kind == "protocol"


def test_a_reply_in_advance_fits_no_request(session: Session) -> None:
    later = "import threading; threading.Timer(0.0, lambda: os.write(3, frame({'serial': 'x', 'reply': {}}))).start()"
    with pytest.raises(WorkerFailed) as caught:
        run(session, FRAME + later)
        while True:
            run(session, "value = 1")
    assert caught.value.kind == "protocol"


def test_a_frame_that_breaks_off_is_a_death(session: Session) -> None:
    assert failure(session, FRAME + "os.write(3, frame({'x': 1})[:-2]); os._exit(0)").kind == "died"


def test_a_reply_that_never_ends_is_late(session: Session) -> None:
    assert failure(session, FRAME + "os.write(3, struct.pack('>II', 100, 0))\nwhile True: pass", 0.5).kind == "timeout"


def test_what_is_in_the_channel_is_not_taken_after_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.send(b"late")
        session = Session(Pipes(ours, ours, -1, theirs, theirs, -1), Limits(), None)
        with pytest.raises(TimeoutError):
            session._receive(4, time.monotonic() - 1)
        with pytest.raises(TimeoutError):
            session._send(b"late", time.monotonic() - 1)
        assert session._receive(4, time.monotonic() + PATIENCE) == b"late"


# --- what can be seen and reached -------------------------------------------------------------------------------------


def test_the_file_system_holds_what_torch_needs_and_nothing_else(session: Session) -> None:
    assert set(run(session, "import os; value = os.listdir('/')")) <= {
        "dev", "handler.py", "lib", "lib64", "packages", "proc", "python", "sys", "tmp", "usr", "worker",
    }  # fmt: skip
    assert run(session, "value = [os.listdir('/proc'), os.getcwd(), os.listdir()]") == [[], "/tmp", []]
    assert set(run(session, "value = os.listdir('/packages')")) == set(launch.packages())
    assert set(run(session, "value = os.listdir('/usr')")) <= {"lib", "lib64"}
    source = "value = [os.path.join(p, n) for p, _, names in os.walk('/') for n in names]"
    # torch, numpy and the others by themselves are more names than a frame takes
    names = run(session, source + "\nvalue = [n for n in value if not n.startswith(('/packages/', '/python/lib/py'))]")
    ours = {"rubric.yaml", "reference", "fixtures", "student_template", "tests", "home", "passwd", "shadow", "hosts"}
    assert len(names) > 10 and not [name for name in names if ours & set(Path(name).parts)]
    assert (
        run(session, "value = [p for p, _, n in os.walk('/') if p.endswith(('site-packages', 'dist-packages')) and n]")
        == []
    )


def test_neither_the_grader_nor_the_reference_can_be_imported(session: Session) -> None:
    for name in ("grader", "reference", "yaml", "hypothesis", "pytest"):
        assert "ModuleNotFoundError" in run(session, f"import {name}")


@pytest.mark.parametrize("name", ["python", "packages", "usr", "lib64", "worker", "dev", "proc", ""])
def test_nothing_but_the_scratch_can_be_written(session: Session, name: str) -> None:
    assert "Error" in run(session, f"open('/{name}/new', 'w')")
    assert run(session, "open('/tmp/new', 'w').close(); value = 1") == 1


def test_the_environment_is_empty_and_the_user_nobody_in_particular(session: Session, monkeypatch: Any) -> None:
    source = "import os, socket; value = [dict(os.environ), os.getppid(), socket.gethostname(), os.getuid()]"
    environment, parent, host, user = run(session, source)
    assert environment == {"HOME": "/tmp", "TMPDIR": "/tmp"}
    assert (parent, host) == (1, "sandbox")
    assert user == (65534 if os.geteuid() == 0 else os.geteuid())


def test_no_process_can_be_seen_signalled_or_traced(isolated: Sandbox, session: Session) -> None:
    with isolated.open() as other:
        assert run(session, "import os; value = [os.getpid(), os.getppid()]") == [2, 1]
        assert "ProcessLookupError" in run(session, "os.kill(3, 0)")
        # its own first process does not even hear
        run(session, "import signal\ntry: os.kill(1, signal.SIGKILL)\nexcept OSError: pass")
        run(session, "try: os.kill(-1, signal.SIGKILL)\nexcept OSError: pass")
        assert run(session, "value = 1") == 1
        assert run(other, "value = 1") == 1


REFUSED = [
    ("ptrace", "0, 0, 0, 0"), ("mount", "0, 0, 0, 0, 0"), ("unshare", "0x10000000"), ("setns", "0, 0"),
    ("process_vm_readv", "1, 0, 0, 0, 0, 0"), ("bpf", "0, 0, 0"), ("keyctl", "0, 0, 0, 0, 0"), ("socket", "1, 1, 0"),
    ("perf_event_open", "0, 0, 0, 0, 0"), ("userfaultfd", "0"), ("io_uring_setup", "1, 0"), ("chroot", "0"),
    ("kexec_load", "0, 0, 0, 0"), ("init_module", "0, 0, 0"), ("shmget", "0, 4096, 0o1600"), ("execve", "0, 0, 0"),
    ("personality", "0"), ("splice", "0, 0, 0, 0, 0, 0"), ("inotify_init1", "0"), ("seccomp", "0, 0, 0"),
    ("prlimit64", "1, 7, 0, 0"), ("clone", "17, 0, 0, 0, 0"),
    ("clone", "0x10010f00, 0, 0, 0, 0"),
]  # fmt: skip


def test_system_calls_that_a_network_never_needs_are_refused(session: Session) -> None:
    from grader.worker.session import confine

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


def test_there_is_no_network(session: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
        assert "PermissionError" in run(session, source)


def test_with_a_card_a_session_sees_and_names_its_own_processes_and_no_others(
    isolated: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "gpu_devices", lambda: ["/dev/null"])
    with (
        Sandbox(isolation="bubblewrap", limits=LIMITS, handler=HANDLER, gpu=True) as sandbox,
        sandbox.open() as session,
        isolated.open(),
    ):
        processes = "import os; value = [name for name in os.listdir('/proc') if name.isdigit()]"
        assert run(session, processes) == ["1", "2"]
        assert run(session, "value = os.listdir('/whole-proc') if os.path.exists('/whole-proc') else []") == []
        # what CUDA does to name its threads, and to have a place of its own by that number
        name = "open('/proc/self/task/2/comm', 'w').write('named'); value = open('/proc/self/comm').read()"
        assert run(session, name) == "named\n"
        listen = (
            "import socket; at = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); at.bind('\\0x'); at.listen()"
        )
        assert run(session, f"{listen}; value = 1") == 1
        for refused in (
            "socket.socket(socket.AF_UNIX).connect('\\0x')",
            "socket.socket(socket.AF_INET)",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
            "open('/proc/1/mem', 'rb')",
            "open('/proc/sys/kernel/hostname', 'w')",
        ):
            assert "PermissionError" in run(session, refused), refused


def test_without_a_card_the_driver_of_one_is_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libcuda.so.1.2").touch()
    (tmp_path / "libcuda.so.1").symlink_to("libcuda.so.1.2")
    monkeypatch.setattr(launch, "_library_folders", lambda: [tmp_path])
    for gpu in (False, True):
        command = launch.isolated_command("bwrap", 3, None, gpu=gpu)
        covered = [target for source, target in itertools.pairwise(command) if source == "/dev/null"]
        assert (str(tmp_path / "libcuda.so.1.2") in covered) is not gpu


def test_nothing_survives_the_session_without_isolation_either(plain: Sandbox) -> None:
    source = """
import os, signal, time
pids = []
for kind in range(4):
    reader, writer = os.pipe()
    if os.fork() == 0:
        if kind & 1:
            os.setsid()
        for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(n, signal.SIG_IGN)
        if kind & 2 and os.fork():
            os._exit(0)
        os.write(writer, str(os.getpid()).encode())
        while True: time.sleep(1)
    pids.append(int(os.read(reader, 100)))
value = pids
"""
    with plain.open() as session:
        pids = run(session, source)
        assert len(pids) == 4 and all(alive(pid) for pid in pids)
    assert not [pid for pid in pids if alive(pid)]
    with plain.open() as session:
        scratch = Path(run(session, "import os; os.mkdir('d'); os.chmod('d', 0); value = str(scratch)"))
        assert scratch.is_dir()
        pids = [*run(session, source)]
        failure(session, "os._exit(0)")
        assert not scratch.exists()
    assert not [pid for pid in pids if alive(pid)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_closing_kills_the_processes_of_an_isolated_session(isolated: Sandbox) -> None:
    session = isolated.open()
    before = descendants()
    session.close()
    session.close()
    assert len(before - descendants()) >= 2
    with pytest.raises(ValueError, match="closed"):
        session.ask({"source": ""}, seconds=1)


def descendants() -> set[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


# --- our failures -----------------------------------------------------------------------------------------------------


def test_a_dead_parent_is_replaced_by_any_thread_and_its_sessions_are_our_failure(isolated: Sandbox) -> None:
    opened: list[Session] = []
    with isolated.open() as session:
        assert isolated._parent is not None
        isolated._parent._process.kill()
        with pytest.raises(SandboxError, match="killed from outside"):
            run(session, "while True: pass")
    thread = threading.Thread(target=lambda: opened.append(isolated.open()))
    thread.start()
    thread.join()
    # the thread that started the new parent is gone, the parent is not
    with opened[0] as session:
        assert run(session, "value = 1") == 1


def test_a_parent_that_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "handler.py"
    broken.write_text("import no_such_module")
    with (
        Sandbox(isolation="none", limits=LIMITS, handler=broken) as sandbox,
        pytest.raises(SandboxError, match="no_such_module") as caught,
    ):
        sandbox.open()
    assert "\n" not in str(caught.value)


def test_missing_bubblewrap_is_said_with_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxError, match=r"install it .* or use --isolation none"):
        Sandbox(isolation="auto", limits=LIMITS)


def test_bubblewrap_that_does_not_work_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with (
        Sandbox(isolation="auto", limits=LIMITS) as sandbox,
        pytest.raises(SandboxError, match=r"No permissions.*--isolation none"),
    ):
        sandbox.open()


def test_the_filter_of_every_machine_is_a_program_the_kernel_could_load() -> None:
    from grader.worker.session import confine

    assert ctypes.sizeof(ctypes.c_void_p) == 8
    for machine, (column, _) in confine._MACHINES.items():
        numbers = [entry[column] for entry in confine._REFUSED.values() if entry[column] is not None]
        assert len(set(numbers)) == len(numbers) and max(numbers) <= confine._LAST_KNOWN, machine
        for gpu in (False, True):
            assert len(confine._filter(machine, gpu=gpu)) // 8 <= 4096
