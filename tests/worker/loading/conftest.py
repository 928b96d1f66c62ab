"""Loading a few files as a submission."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from code_files import code_files

from grader.worker.loading.loader import Loaded, load
from grader.worker.protocol import to_json


@pytest.fixture
def loading(tmp_path: Path) -> Callable[..., Loaded]:
    """Load files given as path → source (a script) or list of sources (a notebook's cells)."""

    def run(files: Mapping[str, str | Sequence[str]], *wanted: str, seconds: float = 4.0) -> Loaded:
        loaded = load(code_files(files), folder=tmp_path, wanted=wanted or ("CNN", "UNet"), seconds=seconds)
        records = [*loaded.skipped, *loaded.failures, *loaded.replacements, *loaded.conflicts, *loaded.notes]
        assert json.dumps([loaded.chosen, *map(to_json, records)], allow_nan=False)
        return loaded

    return run
