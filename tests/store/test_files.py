"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort_sample import names

from grader.store.files import atomic_file


def test_a_file_appears_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    with atomic_file(path) as file:
        file.write(b"id\n")
        assert not path.exists()
    assert path.read_bytes() == b"id\n"
    assert names(tmp_path) == ["gradebook.csv"]


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["gradebook.csv"]
