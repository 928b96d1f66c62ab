"""Several attempts are one student's, and a picked upload belongs to whom a person named."""

from __future__ import annotations

from pathlib import Path

import pytest
from laid_out import ids, lay

from grader.intake import find, read
from grader.intake.attempts import is_picked


@pytest.mark.parametrize(
    ("names", "students"),
    [
        (["alice_attempt1/a.py", "alice_attempt2/a.py", "bob/a.py"], ["alice", "bob"]),
        (["alice/a.py", "alice (1)/a.py", "bob/a.py"], ["alice", "bob"]),
        (["alice.zip", "alice (1).zip", "alice(2).zip", "bob.zip"], ["alice", "bob"]),
        (["alice (1)/a.py", "alice (2)/a.py", "bob/a.py"], ["alice", "bob"]),
        (["alice-resubmission-2/a.py", "bob/a.py"], ["alice", "bob"]),
        (["alice (1)/a.py", "bob/a.py"], ["alice (1)", "bob"]),
        (["alice2/a.py", "alice/a.py"], ["alice", "alice2"]),
        (["submission_1/a.py", "submission_2/a.py"], ["submission_1", "submission_2"]),
    ],
)
def test_attempts_fold_into_one_student(tmp_path: Path, names: list[str], students: list[str]) -> None:
    assert ids(find([lay(tmp_path, *names)])) == students


def test_what_the_attempts_hold_is_read_with_their_order(tmp_path: Path) -> None:
    lay(tmp_path, "alice_attempt1/a.py", "alice_attempt10/a.py", "alice_attempt10/b.py", "bob/a.py")
    for path in tmp_path.rglob("*.py"):
        path.write_text("class CNN: pass\n")
    alice = read(find([tmp_path]).found[0])
    assert {file.path: file.attempt for file in alice.code} == {
        "alice_attempt1/a.py": (1.0,),
        "alice_attempt10/a.py": (10.0,),
        "alice_attempt10/b.py": (10.0,),
    }


def test_names_that_only_a_browser_numbers_are_flagged(tmp_path: Path) -> None:
    alice, bob = find([lay(tmp_path, "alice/a.py", "alice (1)/a.py", "bob_attempt1/a.py", "bob_attempt2/a.py")]).found
    (flag,) = alice.flags
    assert flag.kind == "attempts" and "alice and alice (1) were taken for hand-ins of one student" in flag.detail
    assert bob.id == "bob"


def test_parts_of_one_submission_are_no_students(tmp_path: Path) -> None:
    folder = lay(tmp_path / "alice", "attempt1/a.py", "attempt2/a.py")
    assert ids(find([folder])) == ["alice"]


def test_a_picked_upload_belongs_to_whom_a_person_named(tmp_path: Path) -> None:
    lay(tmp_path, "carol.zip", "x17.py", "x18.py", "bob/a.py")
    picks = {"alice": ("x17.py",), "bob": ("x18.py",)}
    findings = find([tmp_path], mode="many", picks=picks)
    assert ids(findings) == ["alice", "bob", "carol"]
    assert [source.name for source in findings.found[1].sources] == ["bob", "x18.py"]
    assert findings.strangers == ()


def test_of_two_uploads_the_picked_one_counts(tmp_path: Path) -> None:
    lay(tmp_path, "alice/a.py", "alice.zip", "bob/a.py")
    for name in ("alice", "alice.zip"):
        findings = find([tmp_path], picks={"alice": (name,)})
        assert [source.name for source in findings.found[0].sources] == [name]


def test_who_is_not_there_is_a_stranger(tmp_path: Path) -> None:
    findings = find([lay(tmp_path, "alice/a.py", "bob/a.py")], picks={"ALICE": ("a.py",), "dan": ("a.py",)})
    assert findings.strangers == ("dan",)
    assert [found.picks for found in findings.found] == [("a.py",), ()]


@pytest.mark.parametrize(
    ("path", "pick", "expected"),
    [
        ("a.py", "a.py", True),
        ("a2/src/a.py", "a.py", True),
        ("a2/src/a.py", "src/a.py", True),
        ("a2/src/a.py", "./src\\a.py", True),
        ("a2/src/ba.py", "a.py", False),
        ("a.py", "a2/a.py", False),
    ],
)
def test_a_file_is_picked_by_its_name_or_the_end_of_its_path(path: str, pick: str, expected: bool) -> None:
    assert is_picked(path, pick) is expected


def test_files_of_several_attempts_at_blackboard_know_theirs(tmp_path: Path) -> None:
    first, second = (f"Assignment 2_alice_attempt_2026-03-0{day}-12-00-00" for day in (1, 2))
    lay(tmp_path, f"{first}_final.py", f"{first}_a2.py", f"{second}_a2.py", f"{second}_draft.py", f"{first}.txt")
    lay(tmp_path, "Assignment 2_bob_attempt_2026-03-01-12-00-00_a2.py")
    alice, bob = (read(found) for found in find([tmp_path]).found)
    assert {file.path: file.attempt for file in alice.code} == {
        "a2.py": (20260302120000.0,),
        "draft.py": (20260302120000.0,),
        "final.py": (20260301120000.0,),
    }
    assert [file.path for file in bob.code] == ["a2.py"]
