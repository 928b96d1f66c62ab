"""Each test of the worker leaves the interpreter as it was before: what is loaded patches torch and the importing."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from grader.worker.loading import legacy


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    meta_path, path = sys.meta_path[:], sys.path[:]
    yield
    legacy.uninstall()
    sys.meta_path[:], sys.path[:] = meta_path, path
