"""A folder of reports is recognised by what the grader wrote into it, and never waited for or followed elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.reports_folder import CACHE, LOCK, RUN, is_reports
from grader.store.folder import Store

WRITTEN = '{"schema": "grade-run/1", "seed": 1}'


def _folder(top: Path, run: str | bytes | None, *beside: str) -> Path:
    for name in beside:
        (top / name).touch()
    if run is not None:
        (top / RUN).write_bytes(run.encode() if isinstance(run, str) else run)
    return top


def test_a_folder_that_a_run_wrote_is_one_of_reports(tmp_path: Path) -> None:
    with Store(tmp_path / "reports") as store:
        store.record_seed(1)
    assert is_reports(tmp_path / "reports")


@pytest.mark.parametrize("beside", [LOCK, CACHE])
@pytest.mark.parametrize("run", [WRITTEN, '{"schema": "grade-run/2"}'])
def test_reports_of_another_version_are_reports_too(tmp_path: Path, beside: str, run: str) -> None:
    assert is_reports(_folder(tmp_path, run, beside))


@pytest.mark.parametrize(
    ("run", "beside"),
    [
        (WRITTEN, ()),
        (None, (LOCK, CACHE)),
        ("", (LOCK,)),
        ("[]", (LOCK,)),
        ('"grade-run/1"', (LOCK,)),
        ("{}", (LOCK,)),
        ('{"schema": "another/1"}', (LOCK,)),
        ("[" * 50_000, (LOCK,)),
        (b"\xff\xfe", (LOCK,)),
        (" " * 100_000 + WRITTEN, (LOCK,)),
    ],
    ids=["no lock", "no run.json", "empty", "a list", "a text", "no schema", "another", "deep", "no UTF-8", "too long"],
)
def test_what_a_student_may_hand_in_is_not_taken_for_reports(
    tmp_path: Path, run: str | bytes | None, beside: tuple[str, ...]
) -> None:
    assert not is_reports(_folder(tmp_path, run, *beside))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_text(WRITTEN)
    (tmp_path / "reports").mkdir()
    _folder(tmp_path / "reports", None, LOCK)
    (tmp_path / "reports" / RUN).symlink_to(tmp_path / "elsewhere.json")
    assert not is_reports(tmp_path / "reports")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    _folder(tmp_path, None, LOCK)
    os.mkfifo(tmp_path / RUN)
    assert not is_reports(tmp_path)


def test_a_folder_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert not is_reports(tmp_path / "gone")
