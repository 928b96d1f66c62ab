"""One submission or many: every layout in which courses keep what was handed in, and what is skipped with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from archive_makers import a_zip
from laid_out import deny, ids, lay

from grader.intake import find

ONE = {
    "a script": ["model.py"],
    "a notebook in capitals": ["A2.IPYNB"],
    "code beside helper folders": ["a2.ipynb", "helpers/models.py", "more/x.py", "a2-writeup.pdf"],
    "code beside an archive": ["a2.py", "alice.zip", "a2-writeup.pdf"],
    "helpers beside the handout's file": ["colourization.py", "load_data.py", "kmeansClusters.py", "horses.py"],
    "scripts of one name": ["alice_cnn.py", "alice_unet.py", "utils.py"],
    "versions of one name": ["alice_v1.py", "alice_final.py", "alice (1).py"],
    "parts with titles": ["CNN - final.py", "UNet - final.py"],
    "one student's files with titles": ["Alice A - cnn.py", "Alice A - unet.py"],
    "a folder around it that holds nothing else": ["a2/colourization.py"],
    "folders in folders that hold nothing else": ["a2/final/really/colourization.py"],
    "a folder of code beside its data": ["code/a2.py", "data/horses.npz", "images/a.png", "a2-writeup.pdf"],
    "folders named for parts": ["part1/a.py", "part 2/b.py", "q3/c.py"],
    "scripts with sizes in their names": ["conv_3_64_a.py", "conv_5_32_b.py", "up_3_24_c.py"],
    "a script beside some with sizes in their names": ["a2.py", "conv_3_64_a.py", "up_5_32_b.py"],
    "versions of a script": ["colorization-old.py", "colorization-v2.py", "colorization-final.py"],
    "one script per network": ["colorization-unet.py", "colorization-cnn.py"],
    "a script with its student's id, and a helper": ["colorization-alice.py", "helper.py"],
    "one student's script and write-up": ["colorization-alice.py", "programming-assignment-2-alice.pdf"],
    "a script beside archives of data": ["train.py", "horses.zip", "cifar.tar.gz"],
    "sections of a student's work": ["section1/a.py", "section2/b.py"],
    "no code at all": ["a2-writeup.pdf", "figures/loss.png"],
    "a single archive": ["a2.zip"],
    "only version control": [".git/config"],
}


@pytest.mark.parametrize("names", ONE.values(), ids=ONE)
def test_a_folder_of_one_submission_is_one_and_has_the_folders_name(tmp_path: Path, names: list[str]) -> None:
    alice = lay(tmp_path / "alice", *names)
    findings = find([alice])
    assert (ids(findings), findings.many, findings.skipped) == (["alice"], False, ())
    assert findings.found[0].sources == (alice,)
    assert findings.found[0].folder == "alice"


MANY = {
    "folders": (["alice/a2.py", "bob/a2.py"], ["alice", "bob"]),
    "folders, one without code": (["alice/a2.py", "bob/a2-writeup.pdf"], ["alice", "bob"]),
    "folders, one empty": (["alice/a2.py", "bob/"], ["alice", "bob"]),
    "nested folders": (["alice/a2/a2.py", "bob/x/y/a2.py"], ["alice", "bob"]),
    "a folder around them all": (["export/alice/a2.py", "export/bob/a2.py"], ["alice", "bob"]),
    "GitHub Classroom clones": (
        ["a2-alice/.git/x", "a2-alice/a2.py", "a2-bob/.git/x", "a2-bob/a2.py"],
        ["a2-alice", "a2-bob"],
    ),
    "archives": (["alice.zip", "bob.tar.gz"], ["alice", "bob"]),
    "archives and folders": (["alice.zip", "bob/a2.py"], ["alice", "bob"]),
    "Canvas": (
        [
            "aliceexample_12345_678_a2-code.ipynb",
            "aliceexample_12345_679_a2-writeup.pdf",
            "bobexample_LATE_22345_700_x.py",
        ],
        ["aliceexample_12345", "bobexample_22345"],
    ),
    "Canvas, some numbers short": (
        ["aliceexample_12345_678_a2-code.ipynb", "bobexample_LATE_7_8_a2.py", "bobexample_7_9_a2-writeup.pdf"],
        ["aliceexample_12345", "bobexample_7"],
    ),
    "Canvas, all numbers short": (
        ["aliceexample_1_2_a2.py", "bobexample_LATE_3_4_a2.py", "bobexample_3_5_helper.py"],
        ["aliceexample_1", "bobexample_3"],
    ),
    "sections above the students": (
        ["LEC0101/alice/a2.py", "LEC0101/bob/a2.py", "LEC0201/carol/a2.py"],
        ["alice", "bob", "carol"],
    ),
    "sections of archives": (["section1/alice.zip", "section1/bob.zip", "section2/c.zip"], ["alice", "bob", "c"]),
    "scripts named for their students": (
        ["colorization-alice.py", "colorization-bob.py", "programming-assignment-2-bob.pdf"],
        ["alice", "bob"],
    ),
    "a script beside archives and a folder": (
        ["alice.tar.gz", "bob.tgz", "carl/a2.py", "dan.py"],
        ["alice", "bob", "carl", "dan"],
    ),
    "Canvas, and what was put beside it": (
        ["aliceexample_12345_678_a2.ipynb", "bobexample_22345_700_x.py", "carl/a2.py", "dan.zip"],
        ["aliceexample_12345", "bobexample_22345", "carl", "dan"],
    ),
    "Canvas, one student": (["aliceexample_12345_678_a2-code.ipynb"], ["aliceexample_12345"]),
    "Moodle folders": (
        ["Alice Example_123_assignsubmission_file_/a2.py", "Zoë O'Bob_124_assignsubmission_file_/a2/a2.py"],
        ["Alice Example_123", "Zoë O'Bob_124"],
    ),
    "Moodle folders without code": (["Alice Example_123_assignsubmission_file_/a2.pdf"], ["Alice Example_123"]),
    "Blackboard": (
        [
            "Assignment 2_alice_attempt_2023-02-10-12-30-00.txt",
            "Assignment 2_alice_attempt_2023-02-10-12-30-00_a2.py",
            "Assignment 2_bob_attempt_2023-02-10-12-31-07.txt",
            "Assignment 2_bob_attempt_2023-02-10-12-31-07_a2-writeup.pdf",
            "Assignment 2_bob_attempt_2023-02-10-12-31-07_a2.ipynb",
        ],
        ["alice", "bob"],
    ),
    "titles that begin with the student's name": (
        ["Alice A - a2.py", "Bob O'Hara - colourization - final.ipynb", "Bob O'Hara - a2-writeup.pdf"],
        ["Alice A", "Bob O'Hara"],
    ),
    "MarkUs, by login and by group": (
        ["c5bobsam/colourization.py", "group_0001/colourization.py", "group_0002/a2-writeup.pdf"],
        ["c5bobsam", "group_0001", "group_0002"],
    ),
    "folders that are called as archives": (["a2_alice.zip/a2.py", "a2_bob.zip/a2.py"], ["a2_alice", "a2_bob"]),
    "Canvas, archives that were unpacked under their names": (
        ["alice_12345_678_a2.zip/a2.py", "bob_22345_679_a2.zip/a2.py"],
        ["alice_12345", "bob_22345"],
    ),
    "Canvas without names": (["anon_5bK2x_678_a2.py", "LATE_anon_Zz19q_679_a2.py"], ["anon_5bK2x", "anon_Zz19q"]),
    "Canvas, a name with an underscore": (
        ["alice_a_12345_678_a2.py", "bob_22345_679_a2.py"],
        ["alice_a_12345", "bob_22345"],
    ),
    "Moodle files": (
        [
            "Alice_123_assignsubmission_file_a2.py",
            "Alice_123_assignsubmission_file_w.pdf",
            "Bob_124_assignsubmission_file_a2.py",
        ],
        ["Alice_123", "Bob_124"],
    ),
}


@pytest.mark.parametrize(("names", "students"), MANY.values(), ids=MANY)
def test_a_folder_of_submissions_is_many(tmp_path: Path, names: list[str], students: list[str]) -> None:
    findings = find([lay(tmp_path, *names)])
    assert (ids(findings), findings.many) == (students, True)
    assert len({submission.folder.casefold() for submission in findings.found}) == len(students)


PACKED = {name: case for name, case in MANY.items() if name != "folders, one empty"}  # a zip's empty folder is nobody's


@pytest.mark.parametrize(("names", "students"), PACKED.values(), ids=PACKED)
def test_a_zip_of_many_submissions_is_many_too(tmp_path: Path, names: list[str], students: list[str]) -> None:
    download = tmp_path / "submissions.zip"
    download.write_bytes(a_zip(*((name, b"x = 1\n") for name in names)))
    findings = find([download])
    assert (ids(findings), findings.many) == (students, True)
    assert all(source == download for submission in findings.found for source in submission.sources)


def test_the_mode_decides_where_the_contents_cannot(tmp_path: Path) -> None:
    parts = lay(tmp_path / "alice", "cnn/a.py", "unet/b.py", "src/c.py")
    assert ids(find([parts])) == ["cnn", "unet"]
    assert ids(find([parts], mode="one")) == ["alice"]
    assert ids(find([parts], mode="many")) == ["cnn", "src", "unet"]
    assert [skipped.path.name for skipped in find([parts]).skipped] == ["src"]


def test_with_many_each_script_is_a_students(tmp_path: Path) -> None:
    lay(tmp_path, "alice.py", "bob.ipynb", "notes.txt")
    assert ids(find([tmp_path], mode="many")) == ["alice", "bob"]
    assert ids(find(sorted(tmp_path.glob("*.*")), mode="many")) == ["alice", "bob"]
    assert [skipped.path.name for skipped in find([tmp_path], mode="many").skipped] == ["notes.txt"]


def test_with_many_a_single_folder_is_a_cohort_of_one(tmp_path: Path) -> None:
    findings = find([lay(tmp_path, "alice/a2.py")], mode="many")
    assert (ids(findings), findings.many) == (["alice"], True)


def test_everything_that_is_skipped_is_listed_with_its_reason(tmp_path: Path) -> None:
    lay(tmp_path, "alice/a2.py", "bob/a2.py", "README.md", ".DS_Store", "__MACOSX/x", "data/horses.npz")
    (tmp_path / "carol").symlink_to(tmp_path / "alice")
    os.mkfifo(tmp_path / "pipe")
    findings = find([tmp_path])
    assert ids(findings) == ["alice", "bob"]
    reasons = {skipped.path.name: skipped.reason for skipped in findings.skipped}
    assert sorted(reasons) == [".DS_Store", "README.md", "__MACOSX", "carol", "data", "pipe"]
    assert "symbolic link" in reasons["carol"]
    assert "made by a tool" in reasons[".DS_Store"]
    assert "--many" in reasons["data"]


def test_files_that_the_platform_did_not_name_are_skipped_in_its_download(tmp_path: Path) -> None:
    findings = find([lay(tmp_path, "alice_12345_678_a2.py", "bob_12346_679_a2.py", "solution.py")])
    assert ids(findings) == ["alice_12345", "bob_12346"]
    assert [skipped.path.name for skipped in findings.skipped] == ["solution.py"]


def test_a_section_that_cannot_be_opened_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, *(f"LEC010{number}/{student}/a2.py" for number in (1, 2) for student in ("alice", "bob")))
    (tmp_path / "LEC0103").mkdir()
    deny(monkeypatch, "LEC0103")
    findings = find([tmp_path])
    assert {skipped.path.name for skipped in findings.skipped} >= {"LEC0103"}
    assert ids(findings) == ["alice", "bob"]


def test_where_one_of_two_folders_cannot_be_opened_the_other_is_one_of_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, "alice/a2.py", "bob/a2.py")
    deny(monkeypatch, "alice")
    findings = find([tmp_path])
    assert (ids(findings), findings.many) == (["bob"], True)
