"""A folder of reports: for one run at a time, each report whole or absent, found again by its key."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import report_sample as sample
from cohort_sample import hand_in, names
from places import ROOT
from store_sample import ALICE, made

from grader.report.files import RenderedReport
from grader.store.files import StoreError
from grader.store.folder import Store
from grader.store.rows import Rows
from grader.store.run_file import seed_for
from grader.store.signature import signature


def test_reports_have_the_permissions_that_the_user_gives_files(tmp_path: Path) -> None:
    usual = os.umask(0o027)
    try:
        with Store(tmp_path / "reports") as store:
            store.save(ALICE, made(), None)
    finally:
        os.umask(usual)
    assert (tmp_path / "reports" / "alice" / "report.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("call", ["fsync", "open", "replace"])
@pytest.mark.parametrize("successes", [0, 1, 2])
def test_where_writing_fails_the_old_files_stay_or_none_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, successes: int
) -> None:
    with Store(tmp_path / "reports") as store:
        store.save(ALICE, made(), None)
        before = {path.name: path.read_bytes() for path in (tmp_path / "reports" / "alice").iterdir()}
        place, original = (Path, Path.replace) if call == "replace" else (os, getattr(os, call))
        left = successes

        def full(*arguments, **named):
            nonlocal left
            if call == "open" and not arguments[1] & os.O_CREAT:
                return original(*arguments, **named)
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return original(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(place, call, full)
            with pytest.raises(StoreError, match=r"alice cannot be written \(No space left on device\).*--out"):
                store.save(ALICE, made(page=b"new page", score=1), None)
        after = {path.name: path.read_bytes() for path in (tmp_path / "reports" / "alice").iterdir()}
    # Renaming needs no room; should it fail all the same, the submission counts as not graded.
    assert after == before if call != "replace" else "report.json" not in after
    assert not [name for name in after if name.endswith(".tmp")]


def test_what_a_killed_run_left_is_swept_and_what_is_being_written_stays(tmp_path: Path) -> None:
    out = tmp_path / "reports"
    (out / "alice").mkdir(parents=True)
    leftovers = [out / f".gradebook.csv.{'0' * 16}.tmp", out / "alice" / f".report.json.{'a1' * 8}.tmp"]
    others = [out / "alice" / "manual.yaml", out / "alice" / ".hidden.tmp", out / "notes.tmp"]
    for path in (*leftovers, *others):
        path.write_text("text")
    busy = out / f".index.html.{'1' * 16}.tmp"
    with busy.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with Store(out):
            pass
        assert busy.exists()
    assert not any(path.exists() for path in leftovers)
    assert all(path.exists() for path in others)
    with Store(out):
        pass
    assert not busy.exists()


def test_the_lock_does_not_outlive_its_process(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from grader.store.folder import Store\n"
        "store = Store(Path(sys.argv[1])); print('locked', flush=True); signal.pause()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, str(tmp_path / "reports")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(StoreError, match=rf"another run of the grader \(process {process.pid}\): wait"):
            Store(tmp_path / "reports")
        process.kill()
    with Store(tmp_path / "reports"):
        pass


def test_a_file_in_place_of_the_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("text")
    for use in (Store, lambda out: seed_for(out, None, fresh=False), lambda out: Rows(out, print)):
        with pytest.raises(StoreError, match=r"reports is a file, not a folder for reports: .*--out"):
            use(tmp_path / "reports")
    assert (tmp_path / "reports").read_text() == "text"


def test_a_folder_below_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("text")
    with pytest.raises(StoreError, match=r"notes/reports cannot be written"):
        Store(tmp_path / "notes" / "reports")


def test_a_folder_that_may_not_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments, **named):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=r"reports cannot be written \(Permission denied\).*--out"):
        Store(tmp_path / "reports")


FOREIGN = ["{}", "[]", "", "{", '{"schema": "grade-run/2", "seed": 1}', '{"schema": "grade-run/1", "seed": "1"}']


@pytest.mark.parametrize("content", FOREIGN)
def test_a_folder_of_another_version_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    for use in (Store, lambda out: seed_for(out, None, fresh=False), lambda out: Rows(out, print)):
        with pytest.raises(StoreError, match=r"run\.json was not written by this version of the grader: .*--out"):
            use(tmp_path)
    assert names(tmp_path) == ["run.json"]
    assert (tmp_path / "run.json").read_text() == content


def test_an_unchanged_submission_is_not_read_and_a_changed_one_is(tmp_path: Path, an_hour_later: None) -> None:
    found = hand_in(tmp_path / "submissions", "alice")
    reads: list[str] = []

    def content_hash() -> str:
        reads.append(found.id)
        return sample.SHA

    with Store(tmp_path / "reports") as store:
        store.save(found, valid_report("a key"), signature(found.sources))
        assert store.find(found, lambda sha256, assignment: ["a key"], content_hash) is not None
        assert reads == []
        (tmp_path / "submissions" / "alice" / "notes.txt").write_text("text")
        for _ in range(3):
            assert store.find(found, lambda sha256, assignment: ["a key"], content_hash) is not None
        assert reads == ["alice"]
        assert store.find(found, lambda sha256, assignment: ["another"], content_hash) is None


def valid_report(key: str) -> RenderedReport:
    """A report with this key, and without a criterion in error."""
    document = json.loads(made().files["report.json"])
    document["run"]["details"]["key"] = key
    document["criteria"][4]["outcome"] = "pass"
    return made(run=document["run"], criteria=document["criteria"])


def test_saving_says_which_edited_files_were_kept(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        assert store.save(ALICE, made(), None) == []
        (tmp_path / "alice" / "feedback.md").write_text("Well done.")
        (sentence,) = store.save(ALICE, made(score=1), None)
    assert sentence.endswith("feedback.md was changed since the grader wrote it: what was in it is kept as "
                             "feedback.edited-1.md; if marks were typed into it, 'gradebook marks' takes them from "
                             "there")  # fmt: skip
    assert (tmp_path / "alice" / "feedback.edited-1.md").read_text() == "Well done."
