"""What our code tells the audit hook: nothing comes of it where no hook listens."""

from __future__ import annotations

import os
import sys

import pytest

from grader.worker.witness import ACCEPT, CHECK, SEEN, ours, seen


def test_a_change_of_ours_is_made_and_its_result_returned():
    assert ours(lambda: 3) == 3
    with pytest.raises(KeyError):
        ours(lambda: {}["x"])


def test_changes_of_ours_stand_between_two_events_and_sights_are_told():
    reading, writing = os.pipe()
    # An audit hook cannot be taken out again: this one ends with the process that it is tried in.
    child = os.fork()
    if child == 0:
        told: list[str] = []
        sys.addaudithook(lambda event, args: told.append(event) if event.startswith("worker.") else None)
        ours(lambda: told.append("change"))
        seen("something")
        os.write(writing, " ".join(told).encode())
        os._exit(0)
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reading, 1000).decode().split() == [CHECK, "change", ACCEPT, SEEN]
    os.close(reading)
