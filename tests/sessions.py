"""Sessions for tests: the code that they are sent is run by ``exec_handler.py``."""

from __future__ import annotations

from typing import Any

import pytest
from places import TESTS

from grader.sandbox.session import Session
from grader.sandbox.terms import Limits, WorkerFailed

__all__ = ["HANDLER", "LIMITS", "PATIENCE", "failure", "run"]

HANDLER = TESTS / "exec_handler.py"
PATIENCE = 30.0
"""Seconds that no test needs, on however busy a machine."""
LIMITS = Limits(seconds=60, memory=2**28, scratch_bytes=2**22, file_bytes=2**20, output_bytes=1000, frame_bytes=2**24)


def run(session: Session, source: str, seconds: float = PATIENCE) -> Any:
    """What ``source`` leaves in ``value``, or the text of its exception."""
    reply, _ = session.ask({"source": source}, seconds=seconds)
    return reply["failure"]["detail"] if "failure" in reply else reply["value"]


def failure(session: Session, source: str, seconds: float = PATIENCE) -> WorkerFailed:
    """How the session fails that ``source`` is run in."""
    with pytest.raises(WorkerFailed) as caught:
        run(session, source, seconds)
    return caught.value
