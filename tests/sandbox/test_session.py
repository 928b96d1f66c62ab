"""What can come out of a session: replies, deaths, output, and nothing that was not asked for."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sessions import LIMITS, PATIENCE, failure, run

from grader.sandbox.allowance import Allowance
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.session import Pipes, Session
from grader.sandbox.terms import Limits, WorkerFailed
from grader.worker.session.frames import FrameError


@pytest.mark.slow
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


def test_a_reply_larger_than_is_left_for_it_ends_the_session_as_memory_and_accuses_nobody(either: Sandbox) -> None:
    with either.open() as session:
        source = "import torch; tensors = {'x': torch.zeros(1000)}"
        _, back = session.ask({"source": source}, seconds=PATIENCE, reply_bytes=5000)
        assert back["x"].shape == (1000,)
        with pytest.raises(WorkerFailed, match="take more memory than one submission may have") as failed:
            session.ask({"source": source}, seconds=PATIENCE, reply_bytes=4000)
        assert failed.value.kind == "memory"


DEAF = """import signal
for n in range(1, 65):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
"""


@pytest.mark.slow
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
def test_how_a_session_ended_is_said_and_later_questions_fail_in_the_same_way(
    either: Sandbox, source: str, kind: str, words: str
) -> None:
    with either.open() as session:
        caught = failure(session, source, 0.5 if kind == "timeout" else PATIENCE)
        assert caught.kind == kind and words in caught.detail
        assert caught.killed == (words == "SIGKILL")
        assert failure(session, "value = 1") is caught
    with either.open() as session:
        assert run(session, "value = 1") == 1


@pytest.mark.slow
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
        ("import torch; tensors = {'x': torch.ones(2**23)}", "FrameTooLong"),
        ("value = 'x' * 5 * 2**20", "FrameError"),
    ],
)
def test_what_the_code_raises_is_a_reply_and_the_session_goes_on(either: Sandbox, source: str, words: str) -> None:
    with either.open() as session:
        assert words in run(session, source)
        assert run(session, "x = None; value = 2") == 2


def test_the_time_of_the_whole_session_is_limited_too(either: Sandbox) -> None:
    with either.open(replace(LIMITS, seconds=0.4)) as session:
        caught = failure(session, "while True: pass")
    assert caught.kind == "timeout" and "whole submission" in caught.detail


@pytest.mark.bubblewrap
def test_a_flood_of_prints_neither_blocks_nor_fills_memory(session: Session) -> None:
    assert run(session, "for _ in range(2 * 10**5): print('x' * 50)\nvalue = 1") == 1
    assert session.output.startswith("xxxx") and len(session.output) < LIMITS.output_bytes + 100
    assert len(session.output) + session.dropped == 2 * 10**5 * 51


def test_output_survives_the_session(either: Sandbox) -> None:
    with either.open() as session:
        run(session, "import sys; print('out \\ud800'); print('err', file=sys.stderr)")
        failure(session, "import os; os.write(1, b'last \\xff'); os._exit(0)")
        assert session.output == "out \\ud800\nerr\nlast �"


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


@pytest.mark.bubblewrap
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


@pytest.mark.bubblewrap
def test_a_reply_in_advance_fits_no_request(session: Session) -> None:
    later = "import threading; threading.Timer(0.0, lambda: os.write(3, frame({'serial': 'x', 'reply': {}}))).start()"
    with pytest.raises(WorkerFailed) as caught:
        run(session, FRAME + later)
        while True:
            run(session, "value = 1")
    assert caught.value.kind == "protocol"


@pytest.mark.bubblewrap
def test_a_frame_that_breaks_off_is_a_death(session: Session) -> None:
    assert failure(session, FRAME + "os.write(3, frame({'x': 1})[:-2]); os._exit(0)").kind == "died"


@pytest.mark.bubblewrap
def test_a_reply_that_never_ends_is_a_timeout(session: Session) -> None:
    assert failure(session, FRAME + "os.write(3, struct.pack('>II', 100, 0))\nwhile True: pass", 0.5).kind == "timeout"


def test_what_is_in_the_channel_is_not_taken_after_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.send(b"late")
        session = Session(Pipes(ours, ours, -1, theirs, theirs, -1), Limits(), None)
        over, patient = (Allowance(seconds, lambda: None) for seconds in (0, PATIENCE))
        with pytest.raises(TimeoutError):
            session._receive(4, over)
        with pytest.raises(TimeoutError):
            session._send(b"late", over)
        assert session._receive(4, patient) == b"late"


@pytest.mark.slow
def test_what_a_session_spends_is_its_processor_time_or_the_time_in_which_it_makes_no_progress(either: Sandbox) -> None:
    with either.open() as session:
        run(session, "value = 1")
        nothing = session.spent
        run(session, "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass")
        computing = session.spent
        run(session, "time.sleep(2.5)")
        sleeping = session.spent
    assert 0 <= nothing < 0.5 <= computing
    assert sleeping - computing >= 1


def test_without_isolation_too_nothing_survives_a_session(plain: Sandbox) -> None:
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


@pytest.mark.bubblewrap
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
    tree = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree
