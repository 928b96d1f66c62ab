"""From paths to submissions: what can be named, whose uploads count, and what is refused or skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from archive_makers import a_tar, a_zip
from laid_out import deny, ids, lay

from grader.intake import SubmissionError, find


@pytest.mark.parametrize("names", [["a/"], ["a/alice/", "a/bob/"], ["a/b/c/d/"]])
def test_a_folder_without_any_file_is_refused_unless_the_mode_is_one(tmp_path: Path, names: list[str]) -> None:
    empty = lay(tmp_path, *names) / "a"
    with pytest.raises(SubmissionError, match=r"a holds no file: name what was handed in"):
        find([empty])
    assert ids(find([empty], mode="one")) == ["a"]


@pytest.mark.parametrize("name", ["alice.py", "alice.ipynb", "alice.zip", "alice.tar", "alice.tar.gz", "alice.tgz"])
def test_a_file_of_each_kind_is_one_submission_named_without_its_ending(tmp_path: Path, name: str) -> None:
    findings = find([lay(tmp_path, name) / name])
    assert (ids(findings), findings.many) == (["alice"], False)


def test_files_named_side_by_side_are_one_submission(tmp_path: Path) -> None:
    alice = lay(tmp_path / "alice", "colourization.ipynb", "colour_regression.ipynb", "a2-writeup.pdf")
    findings = find(sorted(alice.iterdir()))
    assert (ids(findings), findings.many) == (["alice"], False)
    assert len(findings.found[0].sources) == 3


def test_folders_named_side_by_side_are_many_and_none_counts_twice(tmp_path: Path) -> None:
    lay(tmp_path, "alice/a2.py", "bob/a2.py")
    findings = find([tmp_path / "alice", tmp_path / "bob", tmp_path / "bob" / ".." / "alice"])
    assert (ids(findings), findings.many) == (["alice", "bob"], True)


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "alice/sub/a2.py", "alice/b.py")
    monkeypatch.chdir(tmp_path / "alice")
    assert ids(find([Path()])) == ["alice"]
    monkeypatch.chdir(tmp_path / "alice" / "sub")
    assert ids(find([Path("..")])) == ["alice"]


def test_the_newer_of_a_students_folder_and_archive_counts(tmp_path: Path) -> None:
    lay(tmp_path, "alice/a2.py", "alice.zip", "bob/a2.py")
    for newer, other in (("alice", "alice.zip"), ("alice.zip", "alice")):
        os.utime(tmp_path / other, (1_000_000, 1_000_000))
        os.utime(tmp_path / newer, (2_000_000, 2_000_000))
        findings = find([tmp_path])
        assert ids(findings) == ["alice", "bob"]
        assert findings.found[0].sources == (tmp_path / newer,)
        assert [flag.kind for flag in findings.found[0].flags] == ["two-uploads"]
        assert [skipped.path.name for skipped in findings.skipped] == [other]


def test_a_link_on_the_command_line_is_followed(tmp_path: Path) -> None:
    lay(tmp_path, "real/a2.py")
    (tmp_path / "alice").symlink_to(tmp_path / "real")
    (submission,) = find([tmp_path / "alice"]).found
    assert (submission.id, submission.sources) == ("alice", (tmp_path / "real",))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent", "does not exist"),
        ("a2-writeup.pdf", "is of a kind that is not graded"),
        ("dangling", "is a link that leads nowhere"),
        ("loop", "cannot be opened"),
        ("pipe", "is neither a folder nor a file"),
        ("cohort.tar.gz", "holds several submissions: unpack it"),
        ("x" * 300, "cannot be opened"),
        ("a2-writeup.pdf/below", "cannot be opened"),
        ("nul\0", "cannot be opened"),
    ],
)
def test_a_path_that_cannot_be_graded_is_refused_in_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    lay(tmp_path, "a2-writeup.pdf")
    (tmp_path / "dangling").symlink_to(tmp_path / "absent")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "cohort.tar.gz").write_bytes(a_tar(("alice/a.py", b""), ("bob/a.py", b""), gz=True))
    with pytest.raises(SubmissionError) as refused:
        find([tmp_path / name])
    assert words in str(refused.value)
    assert str(refused.value).isprintable()


def test_an_empty_cohort_and_no_path_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="holds no submission"):
        find([tmp_path], mode="many")
    with pytest.raises(SubmissionError, match="no path"):
        find([])


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    for mode in (None, "one", "many"):
        with pytest.raises(SubmissionError, match=r"cannot be opened \(Permission denied\)"):
            find([tmp_path], mode=mode)


def test_a_damaged_archive_is_listed_and_reading_says_what_is_wrong(tmp_path: Path) -> None:
    for name in ("alice.zip", "alice.tar.gz"):
        (tmp_path / name).write_bytes(b"nothing like it")
        assert ids(find([tmp_path / name])) == ["alice"]


def test_thousands_of_submissions_are_listed_without_opening_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, *(f"s{number:04}/a2.py" for number in range(2_000)))
    listed: list[object] = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scan(path))
    monkeypatch.setattr("builtins.open", None)
    monkeypatch.setattr(os, "open", None)
    assert len(find([tmp_path]).found) == 2_000
    assert len(listed) == 2  # the cohort, and one student to see that they have code


def test_ids_that_differ_by_case_alone_get_folders_of_their_own(tmp_path: Path) -> None:
    lay(tmp_path, "alice/a.py", "Alice/a.py")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system takes alice and Alice for one folder")
    folders = [submission.folder for submission in find([tmp_path]).found]
    assert len({folder.casefold() for folder in folders}) == 2


def test_names_that_are_not_utf8_are_shown_with_escapes(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"al\xffce")).mkdir()
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")
    lay(tmp_path, "bob/a.py")
    assert ids(find([tmp_path], mode="many")) == ["al\\udcffce", "bob"]


@pytest.mark.parametrize(
    ("layout", "mode"), [("{}/a2.py", None), ("{}/a2.py", "many"), ("cohort/{}/a2.py", None), ("{}.py", "many")]
)
def test_what_cannot_be_opened_is_skipped_and_the_others_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, mode: str | None
) -> None:
    students = ("alice", "bob", "carol")
    lay(tmp_path, *(layout.format(student) for student in students))
    deny(monkeypatch, "bob", "bob.py")
    findings = find([tmp_path], mode=mode)
    assert ids(findings) == ["alice", "carol"]
    ((path, reason),) = [(skipped.path.name, skipped.reason) for skipped in findings.skipped]
    assert path in ("bob", "bob.py") and reason == "cannot be opened (Permission denied): change its permissions"


def test_an_error_names_the_folder_that_cannot_be_opened_and_not_the_one_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, "alice/a2.py")
    deny(monkeypatch, "alice")
    with pytest.raises(SubmissionError, match=r"/alice cannot be opened \(Permission denied\)"):
        find([tmp_path])


def test_an_archive_of_more_folders_than_are_looked_at_is_one_submission(tmp_path: Path) -> None:
    folders = "/".join("abcdefghijklmnopqrstuvwxyz")
    (tmp_path / "alice.zip").write_bytes(a_zip(*((f"{number}/{folders}/a.py", b"") for number in range(4_000))))
    findings = find([tmp_path / "alice.zip"])
    assert [found.id for found in findings.found] == ["alice"]
    assert not findings.many
