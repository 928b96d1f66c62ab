"""A message arrives as it was sent, with its descriptors; what is not a message is refused."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
import report_sample as sample

from grader.cohort.wire import Channel, Done, Forked, HungUp, NewSession, Stage, Task, ToJob, ToRun
from grader.examined import Earlier
from grader.intake import Found
from grader.marking.evidence import Difference, Evidence, Worst
from grader.marking.verdicts import Flag, Outcome, Verdict
from grader.report.as_json import as_document
from grader.report.rows import row_of

FOUND = Found("alice", "alice", (Path("/in/alice"),), flags=(Flag("late", "Late."),), attempts=((1.0, 2.0),))
EVIDENCE = Evidence(
    difference=Difference((1,), (1,), 1, 1, Worst((0,), 0.1, 2.0), float("inf"), 1e-9), facts={"deep": [1, {"b": None}]}
)
VERDICT = Verdict("cnn.shapes", Outcome.PARTIAL, "Half.", Fraction(1, 3), evidence=EVIDENCE)


Channels = tuple[Channel[ToJob, ToRun], Channel[ToRun, ToJob]]


@pytest.fixture
def channels() -> Iterator[Channels]:
    """The run's end and the job's."""
    ours, theirs = socket.socketpair()
    ends = Channel[ToJob, ToRun](ours, ToRun), Channel[ToRun, ToJob](theirs, ToJob)
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def raw() -> Iterator[tuple[Channel[ToJob, ToRun], socket.socket]]:
    """The run's end, and the job's as a socket."""
    ours, theirs = socket.socketpair()
    end = Channel[ToJob, ToRun](ours, ToRun)
    yield end, theirs
    end.close()
    theirs.close()


def test_a_task_arrives_as_it_was_sent(channels: Channels) -> None:
    run, job = channels
    task = Task(FOUND, Earlier({"cnn.shapes": VERDICT}, (Flag("a", "b"),), "printed"), [0, 1], alone=True)
    run.send(task)
    assert job.receive() == (task, [])


def test_a_name_that_is_no_utf_8_arrives_as_it_was_sent(channels: Channels) -> None:
    run, job = channels
    found = replace(FOUND, id="alice\udcff", sources=(Path("/in/alice\udcff"),))
    task = Task(found, Earlier({"cnn.shapes": VERDICT}), [0], alone=False)
    run.send(task)
    assert job.receive() == (task, [])
    row = replace(row_of("alice", as_document(sample.everything())), id="alice\udcff")
    done = Done({"report.html": b"\xff<html>"}, row, last=False)
    job.send(done)
    assert run.receive() == (done, [])


def test_descriptors_come_with_the_message_that_they_were_sent_with(channels: Channels) -> None:
    run, job = channels
    reading, writing = os.pipe()
    job.send(Stage("loading"))
    job.send(NewSession(gpu=False, scratch="/tmp", cores=[0]), [writing])
    assert run.receive() == (Stage("loading"), [])
    message, descriptors = run.receive()
    assert isinstance(message, NewSession)
    os.write(descriptors[0], b"through")
    assert os.read(reading, 7) == b"through"
    for descriptor in (reading, writing, *descriptors):
        os.close(descriptor)


def test_one_that_hangs_up_is_noticed_at_both_ends(channels: Channels) -> None:
    run, job = channels
    run.hang_up()
    with pytest.raises(HungUp):
        job.receive()
    with pytest.raises(HungUp):
        job.send(Stage("loading"))
    with pytest.raises(HungUp):
        run.receive()


@pytest.mark.parametrize(
    ("content", "is_json"),
    [
        (b"\xc1", False),
        (msgspec.msgpack.encode({"type": "Task"}), False),
        (msgspec.msgpack.encode(Forked("")), False),
        (b"{", True),
        (msgspec.json.encode(Forked("")), True),
        (b"[" * 100_000, True),
    ],
    ids=[
        "no MessagePack",
        "no record",
        "of the other direction",
        "no JSON",
        "JSON of the other direction",
        "deep JSON",
    ],
)
def test_what_is_no_message_of_a_job_is_refused(
    raw: tuple[Channel[ToJob, ToRun], socket.socket], content: bytes, is_json: bool
) -> None:
    run, theirs = raw
    theirs.sendall(len(content).to_bytes(4, "big") + bytes([is_json]) + content)
    with pytest.raises(ValueError):
        run.receive()


def test_a_message_is_bounded_before_memory_is_taken(raw: tuple[Channel[ToJob, ToRun], socket.socket]) -> None:
    run, theirs = raw
    theirs.sendall(b"\xff\xff\xff\xff\0")
    with pytest.raises(ValueError, match="bytes"):
        run.receive()
