"""The cache is bounded, and goes on after a line that was torn."""

from __future__ import annotations

from pathlib import Path

import pytest
import report_sample as sample
from store_sample import ALICE, made

from grader.intake import Found
from grader.store.folder import Store
from grader.store.rows import Rows


@pytest.mark.slow
def test_the_cache_does_not_grow_with_the_number_of_runs(tmp_path: Path) -> None:
    for score in range(30):
        with Store(tmp_path) as store:
            for number in range(10):
                id = f"student{number}"
                store.save(Found(id, id, ()), made(id, score=score), None)
    line = len((tmp_path / ".resume.jsonl").read_bytes().split(b"\n")[1])
    assert (tmp_path / ".resume.jsonl").stat().st_size < 140 * (line + 10)
    with Rows(tmp_path, print) as rows:
        assert [row.score for row in rows] == [29] * 10


def test_after_a_torn_line_the_cache_goes_on(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.save(ALICE, made(), None)
    cache = tmp_path / ".resume.jsonl"
    cache.write_bytes(cache.read_bytes()[:-40])
    with Store(tmp_path) as store:
        store.save(Found("bob", "bob", ()), made("bob", score=3), None)
    with Rows(tmp_path, print) as rows:
        assert [(row.folder, row.score) for row in rows] == [("alice", sample.everything().sheet.score), ("bob", 3)]
    assert cache.read_bytes().count(b'["bob",') == 1
