"""What all tests share: one thread, repeatable properties, and the course's own files where they are at hand."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# A shell that starts a command in the background has it ignore Ctrl-C, which some tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, and no clock: a slow machine must not turn a property red.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs bubblewrap where that is absent."""
    if sys.platform == "linux" and shutil.which("bwrap") is not None:
        return
    for item in items:
        if item.get_closest_marker("bubblewrap") is not None:
            item.add_marker(pytest.mark.skip(reason="needs Linux with bubblewrap: apt install bubblewrap"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the course's data, weights and handouts, which do not belong to this project."""
    folder = os.environ.get("GRADE_SHARED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("the course's own files are absent: set GRADE_SHARED to the folder that has them")
    return Path(folder)
