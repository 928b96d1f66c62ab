"""What the tests of the store share."""

from __future__ import annotations

import time

import pytest


@pytest.fixture
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the grader, files that are written now are an hour old. The time of an inode's change cannot be set."""
    time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: time_ns() + 3_600_000_000_000)
