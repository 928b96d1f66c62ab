"""Reports on disk: whole or not at all, found again by what they were graded from, one run at a time."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import pytest
import report_sample as sample
from cohort_sample import hand_in
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from grader.intake import Found
from grader.marking.verdicts import Flag
from grader.report.as_json import to_json
from grader.store.cache import signature
from grader.store.files import StoreError, whole
from grader.store.folder import Rows, Store, seed_for
from grader.store.keys import fingerprint, report_key

ALICE = Found("alice", "alice", ())


def contents(**changes: object) -> dict[str, bytes]:
    """A report's files; ``report.json`` with changes."""
    document = {**json.loads(to_json(sample.everything())), **changes}
    return {"report.html": b"page", "feedback.md": b"feedback", "report.json": json.dumps(document).encode()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Whole or not at all.


def test_a_file_appears_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    with whole(path) as file:
        file.write(b"id\n")
        assert not path.exists()
    assert path.read_bytes() == b"id\n"
    assert names(tmp_path) == ["gradebook.csv"]


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.csv"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), whole(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["gradebook.csv"]


def test_reports_have_the_permissions_that_the_user_gives_files(tmp_path: Path) -> None:
    usual = os.umask(0o027)
    try:
        with Store(tmp_path / "reports") as store:
            store.save(ALICE, contents(), None)
    finally:
        os.umask(usual)
    assert (tmp_path / "reports" / "alice" / "report.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("call", ["fsync", "open", "replace"])
@pytest.mark.parametrize("successes", [0, 1, 2])
def test_where_writing_fails_the_old_files_stay_or_none_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, successes: int
) -> None:
    with Store(tmp_path / "reports") as store:
        store.save(ALICE, contents(), None)
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
                store.save(ALICE, {**contents(score=1), "report.html": b"new page"}, None)
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


# One run at a time.


def test_the_lock_does_not_outlive_its_process(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from grader.store import Store\n"
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


# Folders that cannot be used.


def test_a_file_in_place_of_the_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("text")
    for use in (Store, lambda out: seed_for(out, None, False), lambda out: Rows(out, print)):
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
    for use in (Store, lambda out: seed_for(out, None, False), lambda out: Rows(out, print)):
        with pytest.raises(StoreError, match=r"run\.json was not written by this version of the grader: .*--out"):
            use(tmp_path)
    assert names(tmp_path) == ["run.json"]
    assert (tmp_path / "run.json").read_text() == content


def test_a_folder_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*reports"):
        Rows(tmp_path / "reports", print)


# Rows.


def test_rows_come_sorted_and_as_often_as_wanted(tmp_path: Path) -> None:
    told: list[str] = []
    with Store(tmp_path) as store:
        for id in ("carol", "alice", "bob"):
            store.save(Found(id, id, ()), contents(), None)
    (tmp_path / "bob" / "report.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    with Rows(tmp_path, told.append) as rows:
        assert [row.folder for row in rows] == [row.folder for row in rows] == ["alice", "carol"]
        assert len(rows) == 2
    assert len(told) == 1
    assert told[0].endswith("bob/report.json is not a report of this grader, and was left out")


def test_rows_are_those_of_the_reports_whatever_the_cache_says(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.save(ALICE, contents(), None)
    (tmp_path / "alice" / "report.json").write_bytes(contents(score=1.25)["report.json"])
    with Rows(tmp_path, print) as rows:
        assert [row.score for row in rows] == [Fraction(5, 4)]


# The cache.


def test_the_cache_does_not_grow_with_the_number_of_runs(tmp_path: Path) -> None:
    for score in range(30):
        with Store(tmp_path) as store:
            for number in range(10):
                id = f"student{number}"
                store.save(Found(id, id, ()), contents(score=score), None)
    line = len((tmp_path / ".resume.jsonl").read_bytes().split(b"\n")[1])
    assert (tmp_path / ".resume.jsonl").stat().st_size < 140 * (line + 10)
    with Rows(tmp_path, print) as rows:
        assert [row.score for row in rows] == [29] * 10


def test_after_a_torn_line_the_cache_goes_on(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.save(ALICE, contents(), None)
    cache = tmp_path / ".resume.jsonl"
    cache.write_bytes(cache.read_bytes()[:-40])
    with Store(tmp_path) as store:
        store.save(Found("bob", "bob", ()), contents(score=3), None)
    with Rows(tmp_path, print) as rows:
        assert [(row.folder, row.score) for row in rows] == [("alice", sample.everything().sheet.score), ("bob", 3)]
    assert cache.read_bytes().count(b'["bob",') == 1


# What a report was graded from.


def aged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an hour pass since the files were written: the time of an inode's change cannot be set."""
    from time import time_ns

    monkeypatch.setattr("grader.store.folder.time.time_ns", lambda: time_ns() + 3_600_000_000_000)


def test_a_signature_changes_with_any_file_and_needs_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = hand_in(tmp_path, "alice")
    home = tmp_path / "alice"
    aged(monkeypatch)
    monkeypatch.setattr(Path, "read_bytes", None)
    seen = [signature(found.sources)]
    assert seen[0] is not None
    assert signature(found.sources) == seen[0]
    for change in (
        lambda: (home / "more").mkdir(),
        lambda: (home / "more" / "notes.txt").write_text("text"),
        lambda: (home / "more" / "notes.txt").write_text("tent"),
        lambda: os.utime(home / "more" / "notes.txt", (1, 1)),
        lambda: (home / "more" / "notes.txt").rename(home / "more" / "note.txt"),
        lambda: (home / "more" / "note.txt").unlink(),
        lambda: (home / "link").symlink_to("colourization.py"),
    ):
        change()
        seen.append(signature(found.sources))
    assert None not in seen
    assert len(set(seen)) == len(seen)


def test_what_was_changed_just_now_is_not_taken_on_trust(tmp_path: Path) -> None:
    assert signature(hand_in(tmp_path, "alice").sources) is None


def test_sources_that_are_gone_have_no_signature(tmp_path: Path) -> None:
    assert signature((tmp_path / "gone",)) is None


def test_an_unchanged_submission_is_not_read_and_a_changed_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = hand_in(tmp_path / "submissions", "alice")
    aged(monkeypatch)
    reads: list[str] = []

    def content_hash() -> str:
        reads.append(found.id)
        return sample.SHA

    key = "k" * 64
    files = contents()
    document = json.loads(files["report.json"])
    document["run"]["details"]["key"] = key
    document["criteria"][4]["outcome"] = "pass"
    files["report.json"] = json.dumps(document).encode()
    with Store(tmp_path / "reports") as store:
        store.save(found, files, signature(found.sources))
        assert store.find(found, lambda sha256, assignment: [key], content_hash) is not None
        assert reads == []
        (tmp_path / "submissions" / "alice" / "notes.txt").write_text("text")
        for _ in range(3):
            assert store.find(found, lambda sha256, assignment: [key], content_hash) is not None
        assert reads == ["alice"]
        assert store.find(found, lambda sha256, assignment: ["another"], content_hash) is None


@dataclass(frozen=True)
class Record:
    """A record with what rubrics are made of."""

    name: str
    points: Fraction
    shares: dict[str, Fraction]
    needs: tuple[str, ...]


records = st.builds(
    Record, st.text(), st.fractions(), st.dictionaries(st.text(), st.fractions()), st.lists(st.text()).map(tuple)
)


@given(records, records)
def test_two_records_have_one_fingerprint_exactly_when_they_are_equal(first: Record, second: Record) -> None:
    assert (fingerprint(first) == fingerprint(second)) == (first == second)
    turned = dict(reversed(first.shares.items()))
    assert fingerprint(replace(first, shares=turned)) == fingerprint(first)


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_texts_do_not_run_into_each_other(first: list[str], second: list[str]) -> None:
    assert (fingerprint(first) == fingerprint(second)) == (first == second)


def test_a_fingerprint_is_the_same_in_another_process() -> None:
    program = "from grader.store import fingerprint; print(fingerprint({'b': (1, 2.5, None), 'a': {True: 'x'}}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "5"}
    other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == fingerprint({"a": {True: "x"}, "b": (1, 2.5, None)})


def test_what_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a key is made of .*, was set"):
        fingerprint({"a": {1, 2}})


KEY = {"found": ALICE, "sha256": sample.SHA, "assignment": "f" * 64, "settings": "1" * 64}
OTHERS = {
    "id": {"found": replace(ALICE, id="bob")},
    "flags": {"found": replace(ALICE, flags=(Flag("late", "Late."),))},
    "contents": {"sha256": "0" * 64},
    "assignment": {"assignment": "0" * 64},
    "settings": {"settings": "2" * 64},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_a_key_depends_on_everything_that_marks_depend_on(change: dict) -> None:
    assert report_key(**KEY) == report_key(**KEY)
    assert report_key(**{**KEY, **change}) != report_key(**KEY)


def test_a_key_does_not_depend_on_where_the_submission_lies(tmp_path: Path) -> None:
    assert report_key(**{**KEY, "found": replace(ALICE, sources=(tmp_path,))}) == report_key(**KEY)
