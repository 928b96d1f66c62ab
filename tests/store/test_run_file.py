"""A folder of reports keeps the seed with which it was begun."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.store.files import StoreError
from grader.store.run_file import read_seed, record_seed, seed_for


def test_a_folder_that_was_not_begun_has_no_seed_and_a_new_one_is_drawn(tmp_path: Path) -> None:
    for out in (tmp_path, tmp_path / "gone", tmp_path / "gone" / "reports"):
        assert read_seed(out) is None
        drawn = {seed_for(out, None, fresh=False) for _ in range(5)}
        assert len(drawn) > 1 and all(0 <= seed < 2**32 for seed in drawn)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1])
def test_the_seed_that_was_recorded_counts_unless_another_is_given(tmp_path: Path, seed: int) -> None:
    record_seed(tmp_path, seed)
    assert read_seed(tmp_path) == seed_for(tmp_path, None, fresh=False) == seed
    assert seed_for(tmp_path, 5, fresh=False) == seed_for(tmp_path, 5, fresh=True) == 5
    assert len({seed_for(tmp_path, None, fresh=True) for _ in range(5)}) > 1
    assert json.loads((tmp_path / "run.json").read_bytes()) == {"schema": "grade-run/1", "seed": seed}


@pytest.mark.parametrize("seed", ["true", "1.0", "null", '"1"', "[1]"])
def test_what_is_no_whole_number_is_no_seed(tmp_path: Path, seed: str) -> None:
    (tmp_path / "run.json").write_text(f'{{"schema": "grade-run/1", "seed": {seed}}}')
    with pytest.raises(StoreError, match=r"run\.json was not written by this version of the grader"):
        read_seed(tmp_path)


def test_only_the_start_of_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(" " * 100_000 + '{"schema": "grade-run/1", "seed": 1}')
    with pytest.raises(StoreError, match="was not written by this version"):
        read_seed(tmp_path)


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(StoreError, match=r"run\.json cannot be read \(Is a directory\): check its permissions"):
        read_seed(tmp_path)


def test_a_seed_that_cannot_be_recorded_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone cannot be written"):
        record_seed(tmp_path / "gone", 1)
