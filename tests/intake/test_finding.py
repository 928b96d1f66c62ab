"""One submission or many: every layout in which courses keep what was handed in, and what is skipped with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from archive_makers import a_tar, a_zip

from grader.intake import Findings, SubmissionError, find

GRADESCOPE = """\
---
submission_101:
  :submitters:
  - :name: Alice Example
    :sid: '0042'
    :email: alice@example.org
  :created_at: &1 !ruby/object:ActiveSupport::TimeWithZone
    utc: &2 2026-03-01 17:00:00.000000000 Z
    zone: !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
    time: *2
  :score: 7.0
  :results:
    :tests:
    - :output: "submission_999: not a key"
submission_102:
  :submitters:
  - :name: Bob Example
    :sid:
    :email: bob@example.org
  :created_at: 2026-03-02 09:30:00 Z
submission_103:
  :submitters: [unclosed
"""


def lay(top: Path, *names: str, content: str = "x = 1\n") -> Path:
    """Files of these names below ``top``; a name that ends in ``/`` is an empty folder."""
    for name in names:
        path = top / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    return top


def ids(findings: Findings) -> list[str]:
    return [found.id for found in findings.found]


ONE = {
    "a script": ["model.py"],
    "a notebook in capitals": ["A2.IPYNB"],
    "code beside helper folders": ["a2.ipynb", "helpers/models.py", "more/x.py", "a2-writeup.pdf"],
    "code beside an archive": ["a2.py", "alice.zip", "bob.zip"],
    "one useless folder around it": ["a2/colourization.py"],
    "useless folders within each other": ["a2/final/really/colourization.py"],
    "a folder of code beside its data": ["code/a2.py", "data/horses.npz", "images/a.png", "a2-writeup.pdf"],
    "folders named for parts": ["part1/a.py", "part 2/b.py", "q3/c.py"],
    "scripts with sizes in their names": ["conv_3_64_a.py", "conv_5_32_b.py", "up_3_24_c.py"],
    "a script beside some with sizes in their names": ["a2.py", "conv_3_64_a.py", "up_5_32_b.py"],
    "versions of a script": ["colorization-old.py", "colorization-v2.py", "colorization-final.py"],
    "a script a network": ["colorization-unet.py", "colorization-cnn.py"],
    "a script with its student's id, and a helper": ["colorization-alice.py", "helper.py"],
    "one student's script and write-up": ["colorization-alice.py", "programming-assignment-2-alice.pdf"],
    "a script beside archives of data": ["train.py", "horses.zip", "cifar.tar.gz"],
    "sections of one's work": ["section1/a.py", "section2/b.py"],
    "no code at all": ["a2-writeup.pdf", "figures/loss.png"],
    "a single archive": ["a2.zip"],
    "only version control": [".git/config"],
}


@pytest.mark.parametrize("names", ONE.values(), ids=ONE)
def test_a_folder_of_one_submission_is_one_and_named_as_the_folder(tmp_path: Path, names: list[str]) -> None:
    alice = lay(tmp_path / "alice", *names)
    findings = find([alice])
    assert (ids(findings), findings.many, findings.skipped) == (["alice"], False, ())
    assert findings.found[0].sources == (alice,)
    assert findings.found[0].folder == "alice"


@pytest.mark.parametrize("names", [["a/"], ["a/alice/", "a/bob/"], ["a/b/c/d/"]])
def test_a_folder_without_any_file_is_refused_unless_it_is_said_to_be_a_submission(
    tmp_path: Path, names: list[str]
) -> None:
    empty = lay(tmp_path, *names) / "a"
    with pytest.raises(SubmissionError, match=r"a holds no file: name what was handed in"):
        find([empty])
    assert ids(find([empty], mode="one")) == ["a"]


MANY = {
    "folders": (["alice/a2.py", "bob/a2.py"], ["alice", "bob"]),
    "folders, one without code": (["alice/a2.py", "bob/a2-writeup.pdf"], ["alice", "bob"]),
    "folders, one empty": (["alice/a2.py", "bob/"], ["alice", "bob"]),
    "nested folders": (["alice/a2/a2.py", "bob/x/y/a2.py"], ["alice", "bob"]),
    "a useless folder around them all": (["export/alice/a2.py", "export/bob/a2.py"], ["alice", "bob"]),
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
    assert len({found.folder.casefold() for found in findings.found}) == len(students)


PACKED = {name: case for name, case in MANY.items() if name != "folders, one empty"}  # a zip's empty folder is nobody's


@pytest.mark.parametrize(("names", "students"), PACKED.values(), ids=PACKED)
def test_a_zip_of_submissions_is_many_as_well(tmp_path: Path, names: list[str], students: list[str]) -> None:
    download = tmp_path / "submissions.zip"
    download.write_bytes(a_zip(*((name, b"x = 1\n") for name in names)))
    findings = find([download])
    assert (ids(findings), findings.many) == (students, True)
    assert all(source == download for found in findings.found for source in found.sources)


def test_mode_decides_where_contents_cannot(tmp_path: Path) -> None:
    parts = lay(tmp_path / "alice", "cnn/a.py", "unet/b.py", "src/c.py")
    assert ids(find([parts])) == ["cnn", "unet"]
    assert ids(find([parts], mode="one")) == ["alice"]
    assert ids(find([parts], mode="many")) == ["cnn", "src", "unet"]
    assert [skipped.path.name for skipped in find([parts]).skipped] == ["src"]


def test_many_takes_scripts_side_by_side_for_a_student_each(tmp_path: Path) -> None:
    lay(tmp_path, "alice.py", "bob.ipynb", "notes.txt")
    assert ids(find([tmp_path], mode="many")) == ["alice", "bob"]
    assert ids(find(sorted(tmp_path.glob("*.*")), mode="many")) == ["alice", "bob"]
    assert [skipped.path.name for skipped in find([tmp_path], mode="many").skipped] == ["notes.txt"]


def test_many_takes_a_lone_folder_for_a_cohort_of_one(tmp_path: Path) -> None:
    findings = find([lay(tmp_path, "alice/a2.py")], mode="many")
    assert (ids(findings), findings.many) == (["alice"], True)


@pytest.mark.parametrize("name", ["alice.py", "alice.ipynb", "alice.zip", "alice.tar", "alice.tar.gz", "alice.tgz"])
def test_a_file_of_each_kind_is_one_submission_named_without_its_ending(tmp_path: Path, name: str) -> None:
    findings = find([lay(tmp_path, name) / name])
    assert (ids(findings), findings.many) == (["alice"], False)


def test_files_given_side_by_side_are_one_submission(tmp_path: Path) -> None:
    alice = lay(tmp_path / "alice", "colourization.ipynb", "colour_regression.ipynb", "a2-writeup.pdf")
    findings = find(sorted(alice.iterdir()))
    assert (ids(findings), findings.many) == (["alice"], False)
    assert len(findings.found[0].sources) == 3


def test_folders_given_side_by_side_are_many_and_none_is_taken_twice(tmp_path: Path) -> None:
    lay(tmp_path, "alice/a2.py", "bob/a2.py")
    findings = find([tmp_path / "alice", tmp_path / "bob", tmp_path / "bob" / ".." / "alice"])
    assert (ids(findings), findings.many) == (["alice", "bob"], True)


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "alice/sub/a2.py", "alice/b.py")
    monkeypatch.chdir(tmp_path / "alice")
    assert ids(find([Path()])) == ["alice"]
    monkeypatch.chdir(tmp_path / "alice" / "sub")
    assert ids(find([Path("..")])) == ["alice"]


def test_canvas_tells_lateness_the_own_name_and_the_user(tmp_path: Path) -> None:
    (found,) = find([lay(tmp_path, "aliceexample_LATE_12345_678_a2-code-2.ipynb")]).found
    assert (found.id, found.late, found.names) == ("aliceexample_12345", True, ("a2-code.ipynb",))
    assert found.known_as == ("aliceexample", "12345")
    assert [flag.kind for flag in found.flags] == ["late"]


def test_of_two_uploads_on_canvas_the_newest_counts_and_a_flag_says_so(tmp_path: Path) -> None:
    names = ["alice_12345_678_a2.py", "alice_12345_690_a2-1.py", "alice_12345_691_a2-2.py", "alice_12345_678_helper.py"]
    findings = find([lay(tmp_path, *names)])
    (found,) = findings.found
    assert [source.name for source in found.sources] == ["alice_12345_691_a2-2.py", "alice_12345_678_helper.py"]
    assert found.names == ("a2.py", "helper.py")
    (flag,) = found.flags
    assert flag.kind == "two-uploads"
    assert "alice_12345_691_a2-2.py is the newest" in flag.detail
    assert sorted(skipped.path.name for skipped in findings.skipped) == names[:2]


def test_of_a_folder_and_an_archive_of_one_student_the_newer_counts(tmp_path: Path) -> None:
    lay(tmp_path, "alice/a2.py", "alice.zip", "bob/a2.py")
    for newer, other in (("alice", "alice.zip"), ("alice.zip", "alice")):
        os.utime(tmp_path / other, (1_000_000, 1_000_000))
        os.utime(tmp_path / newer, (2_000_000, 2_000_000))
        findings = find([tmp_path])
        assert ids(findings) == ["alice", "bob"]
        assert findings.found[0].sources == (tmp_path / newer,)
        assert [flag.kind for flag in findings.found[0].flags] == ["two-uploads"]
        assert [skipped.path.name for skipped in findings.skipped] == [other]


def test_text_and_files_of_one_moodle_student_belong_together(tmp_path: Path) -> None:
    lay(tmp_path, "Alice_1_assignsubmission_file_/a2.py", "Alice_1_assignsubmission_onlinetext_/onlinetext.html")
    (found,) = find([tmp_path]).found
    assert len(found.sources) == 2
    assert found.flags == ()


def test_a_moodle_folder_has_the_same_id_alone_and_in_its_cohort(tmp_path: Path) -> None:
    lay(tmp_path, "Alice_1_assignsubmission_file_/a2.py", "Bob_2_assignsubmission_file_/a2.py")
    alone = find([tmp_path / "Alice_1_assignsubmission_file_"]).found[0]
    together = find([tmp_path]).found[0]
    assert (alone.id, alone.folder) == (together.id, together.folder) == ("Alice_1", "Alice_1")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("around", ["", "assignment_7_export/"])
def test_a_gradescope_export_names_its_students(tmp_path: Path, packed: bool, around: str) -> None:
    names = [f"{around}submission_{number}/a2.py" for number in (101, 102, 103)]
    if packed:
        export = tmp_path / "export.zip"
        entries = [(name, b"x = 1\n") for name in names]
        export.write_bytes(a_zip(*entries, (f"{around}submission_metadata.yml", GRADESCOPE.encode())))
    else:
        export = lay(tmp_path, *names)
        lay(tmp_path, f"{around}submission_metadata.yml", content=GRADESCOPE)
    findings = find([export])
    assert (ids(findings), findings.many) == (["0042", "bob@example.org", "submission_103"], True)
    alice, bob, _ = findings.found
    assert alice.known_as == ("Alice Example", "alice@example.org", "0042")
    assert (alice.submitted, bob.submitted) == ("2026-03-01T17:00:00Z", "2026-03-02T09:30:00Z")
    assert any("whose submission_103 is" in skipped.reason for skipped in findings.skipped)


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "submission_101: !!python/object/apply:os.system ['true']",
        "submission_101:\n  :submitters: &a [*a, *a]\n",
        "submission_101:\n  :submitters:\n  - !!python/name:os.system\n",
        "submission_101:\n  :submitters: " + "[" * 5_000,
        "submission_101:\n  :submitters:\n  - ? {a: b}\n    : c\n",
        "\0\x85\u2028",
    ],
)
def test_hostile_metadata_costs_the_names_and_nothing_else(tmp_path: Path, hostile: str) -> None:
    lay(tmp_path, "submission_101/a2.py", "submission_102/a2.py")
    lay(tmp_path, "submission_metadata.yml", content=hostile)
    assert ids(find([tmp_path])) == ["submission_101", "submission_102"]


def test_two_gradescope_uploads_of_one_student_are_told_apart_by_number(tmp_path: Path) -> None:
    one = "submission_{}:\n  :submitters:\n  - :name: Alice\n    :sid: '7'\n"
    lay(tmp_path, "submission_9/a2.py", "submission_10/a2.py")
    lay(tmp_path, "submission_metadata.yml", content=one.format(9) + one.format(10))
    (found,) = find([tmp_path]).found
    assert [source.name for source in found.sources] == ["submission_10"]


def test_a_group_on_gradescope_is_one_submission(tmp_path: Path) -> None:
    people = "  - :name: Alice\n    :sid: '1'\n  - :name: Bob\n    :sid: '2'\n"
    lay(tmp_path, "submission_9/a2.py")
    lay(tmp_path, "submission_metadata.yml", content="submission_9:\n  :submitters:\n" + people)
    (found,) = find([tmp_path]).found
    assert (found.id, found.known_as) == ("1+2", ("Alice", "1", "Bob", "2"))


def test_whatever_is_skipped_is_listed_with_its_reason(tmp_path: Path) -> None:
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


def test_files_that_no_platform_named_are_skipped_in_a_platforms_folder(tmp_path: Path) -> None:
    findings = find([lay(tmp_path, "alice_12345_678_a2.py", "bob_12346_679_a2.py", "solution.py")])
    assert ids(findings) == ["alice_12345", "bob_12346"]
    assert [skipped.path.name for skipped in findings.skipped] == ["solution.py"]


def test_a_link_that_was_given_is_followed(tmp_path: Path) -> None:
    lay(tmp_path, "real/a2.py")
    (tmp_path / "alice").symlink_to(tmp_path / "real")
    (found,) = find([tmp_path / "alice"]).found
    assert (found.id, found.sources) == ("alice", (tmp_path / "real",))


@pytest.mark.parametrize(
    ("name", "said"),
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
def test_a_path_that_cannot_be_graded_is_refused_in_one_sentence(tmp_path: Path, name: str, said: str) -> None:
    lay(tmp_path, "a2-writeup.pdf")
    (tmp_path / "dangling").symlink_to(tmp_path / "absent")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "cohort.tar.gz").write_bytes(a_tar(("alice/a.py", b""), ("bob/a.py", b""), gz=True))
    with pytest.raises(SubmissionError) as refused:
        find([tmp_path / name])
    assert said in str(refused.value)
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


def test_a_damaged_archive_is_found_and_left_to_reading(tmp_path: Path) -> None:
    for name in ("alice.zip", "alice.tar.gz"):
        (tmp_path / name).write_bytes(b"nothing like it")
        assert ids(find([tmp_path / name])) == ["alice"]


def test_thousands_are_listed_without_opening_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    folders = [found.folder for found in find([tmp_path]).found]
    assert len({folder.casefold() for folder in folders}) == 2


def test_names_that_are_no_utf8_are_shown_with_escapes(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"al\xffce")).mkdir()
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")
    lay(tmp_path, "bob/a.py")
    assert ids(find([tmp_path], mode="many")) == ["al\\udcffce", "bob"]


def _closed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As for a user who is not root: these may not be opened, nor looked into."""
    access, stat, scan = os.access, os.stat, os.scandir

    def denied(path: object) -> bool:
        return any(part in names for part in Path(os.fsdecode(path)).parts)  # type: ignore[arg-type]

    def refuse(path: object, here: bool) -> None:
        if denied(path if here else Path(os.fsdecode(path)).parent):  # type: ignore[arg-type]
            raise PermissionError(13, "Permission denied", str(path))

    def scandir(path: object) -> object:
        refuse(path, here=True)
        return scan(path)  # type: ignore[call-overload]

    def status(path: object, **how: object) -> object:
        refuse(path, here=False)
        return stat(path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "access", lambda path, mode: not denied(path) and access(path, mode))
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", status)


@pytest.mark.parametrize("mode", [None, "many"])
@pytest.mark.parametrize("layout", ["{}/a2.py", "cohort/{}/a2.py", "{}.py"])
def test_what_may_not_be_opened_is_skipped_and_the_others_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, mode: str | None
) -> None:
    if layout == "{}.py" and mode is None:
        pytest.skip("scripts side by side are one submission")
    if layout.startswith("cohort") and mode == "many":
        pytest.skip("every folder given is a student's")
    students = ("alice", "bob", "carol")
    lay(tmp_path, *(layout.format(student) for student in students))
    _closed(monkeypatch, "bob", "bob.py")
    found = find([tmp_path], mode=mode)
    assert ids(found) == ["alice", "carol"]
    ((path, reason),) = [(one.path.name, one.reason) for one in found.skipped]
    assert path in ("bob", "bob.py") and reason == "cannot be opened (Permission denied): change its permissions"


def test_a_section_that_may_not_be_opened_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, *(f"LEC010{number}/{student}/a2.py" for number in (1, 2) for student in ("alice", "bob")))
    (tmp_path / "LEC0103").mkdir()
    _closed(monkeypatch, "LEC0103")
    found = find([tmp_path])
    assert {one.path.name for one in found.skipped} >= {"LEC0103"}
    assert ids(found) == ["alice", "bob"]


def test_of_two_of_whom_one_may_not_be_opened_the_other_is_not_taken_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, "alice/a2.py", "bob/a2.py")
    _closed(monkeypatch, "alice")
    found = find([tmp_path])
    assert (ids(found), found.many) == (["bob"], True)


def test_a_folder_that_may_not_be_opened_is_named_and_not_the_one_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, "alice/a2.py")
    _closed(monkeypatch, "alice")
    with pytest.raises(SubmissionError, match=r"/alice cannot be opened \(Permission denied\)"):
        find([tmp_path])
