"""The stem forks processes with limits; how one of them ended is told, and none outlives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from places import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

_PROGRAM = """
import json, os, resource, socket, sys, threading
from pathlib import Path
from grader.sandbox.stem import Stem, StemLost, Work, allow_seconds, can_fork

def work(channel):
    deed = channel.recv(100).decode()
    if deed == "compute":
        allow_seconds(1)
        while True:
            pass
    if deed == "take memory":
        try:
            bytearray(2**28)
        except MemoryError:
            channel.sendall(b"refused")
    if deed == "say":
        channel.sendall(f"{prepared} {os.getpgid(0) == os.getpgid(os.getppid())}".encode())

prepared = []
stem = Stem({"deed": Work(work, 2**27)}, prepare=lambda: prepared.append("in the stem"))

def deed(name):
    pid, channel = stem.fork("deed")
    channel.sendall(name.encode())
    reply = channel.makefile("rb").read().decode()  # up to the end of the process
    ended = stem.end(pid)
    return reply, ended.signal, ended.memory > 0, Path(f"/proc/{pid}").exists()
"""


def told(body: str) -> Any:
    """What a program says that begins as above."""
    command = [sys.executable, "-c", f"{_PROGRAM}\n{body}"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, check=True, timeout=60
    )
    return json.loads(done.stdout)


def test_a_process_has_what_was_prepared_and_ends_with_its_work() -> None:
    said, *ended = told("print(json.dumps(deed('say')))")
    assert said.startswith("['in the stem']")
    assert ended == [None, True, False]


@pytest.mark.slow
def test_processor_time_is_limited() -> None:
    assert told("print(json.dumps(deed('compute')))") == ["", 24, True, False]


def test_memory_is_limited() -> None:
    assert told("print(json.dumps(deed('take memory')))")[0] == "refused"


def test_none_of_its_processes_outlives_it() -> None:
    body = "pids = [stem.fork('deed')[0] for _ in range(3)]; stem.close()\n"
    body += "print(json.dumps([Path(f'/proc/{pid}').exists() for pid in pids]))"
    assert told(body) == [False, False, False]


def test_a_stem_that_was_killed_is_told() -> None:
    body = "os.kill(stem._pid, 9)\ntry: stem.fork('deed')\nexcept StemLost as lost: print(json.dumps(str(lost)))"
    assert "run again" in told(body)


def test_a_process_with_threads_is_not_forked() -> None:
    body = "stop = threading.Event(); threading.Thread(target=stop.wait).start()\n"
    body += "print(json.dumps(can_fork())); stop.set()"
    assert told(body) is False
