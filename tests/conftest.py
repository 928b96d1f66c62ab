"""What all tests share: one thread, repeatable properties, and the course's own files where they are at hand."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# The checkout is what is tested, installed or not, and fixtures/ is in no wheel.
sys.path.insert(0, str(ROOT))

torch.set_num_threads(1)

# A shell that starts a command in the background has it ignore Ctrl-C, which some tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, and no clock: a slow machine must not turn a property red.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the course's data, weights and handouts, which do not belong to this project."""
    folder = Path(os.environ.get("GRADE_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"the course's own files are not at {folder}: set GRADE_SHARED to the folder that has them")
    return folder
