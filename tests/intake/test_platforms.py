"""The names that Canvas, Moodle and Gradescope give to what was handed in, and to whom it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
from archive_makers import a_zip
from laid_out import ids, lay

from grader.intake import find

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


def test_a_canvas_name_has_lateness_the_files_own_name_and_the_user(tmp_path: Path) -> None:
    (submission,) = find([lay(tmp_path, "aliceexample_LATE_12345_678_a2-code-2.ipynb")]).found
    assert (submission.id, submission.late, submission.names) == ("aliceexample_12345", True, ("a2-code.ipynb",))
    assert submission.known_as == ("aliceexample", "12345")
    assert [flag.kind for flag in submission.flags] == ["late"]


def test_the_newest_of_several_uploads_on_canvas_counts_and_a_flag_says_so(tmp_path: Path) -> None:
    names = ["alice_12345_678_a2.py", "alice_12345_690_a2-1.py", "alice_12345_691_a2-2.py", "alice_12345_678_helper.py"]
    findings = find([lay(tmp_path, *names)])
    (submission,) = findings.found
    assert [source.name for source in submission.sources] == ["alice_12345_691_a2-2.py", "alice_12345_678_helper.py"]
    assert submission.names == ("a2.py", "helper.py")
    (flag,) = submission.flags
    assert flag.kind == "two-uploads"
    assert "alice_12345_691_a2-2.py is the newest" in flag.detail
    assert sorted(skipped.path.name for skipped in findings.skipped) == names[:2]


def test_text_and_files_of_a_moodle_student_are_one_submission(tmp_path: Path) -> None:
    lay(tmp_path, "Alice_1_assignsubmission_file_/a2.py", "Alice_1_assignsubmission_onlinetext_/onlinetext.html")
    (submission,) = find([tmp_path]).found
    assert len(submission.sources) == 2
    assert submission.flags == ()


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


RECEIPT = """\
Name: Alice Example (alice_e)
Assignment: HW 2
Date Submitted: Friday, February 10, 2023 12:30:00 PM EST
Current Grade: Needs Grading

Submission Field:
Name: Bob Example (bob)
"""


@pytest.mark.parametrize("packed", [False, True])
def test_a_receipt_of_blackboard_has_the_name_and_says_where_the_login_begins(tmp_path: Path, packed: bool) -> None:
    start, other = "HW_2_alice_e_attempt_2023-02-10-12-30-00", "HW_2_bob_attempt_2023-02-11-00-00-09"
    files = {f"{start}.txt": RECEIPT, f"{start}_a2.py": "x = 1\n", f"{other}_a2.py": "x = 1\n"}
    place = tmp_path / "download.zip" if packed else tmp_path / "download"
    if packed:
        place.write_bytes(a_zip(*((name, text.encode()) for name, text in files.items())))
    for name, text in files.items():
        lay(tmp_path / "download", name, content=text)
    findings = find([place])
    alice, bob = findings.found
    assert (alice.id, alice.known_as, alice.names) == ("alice_e", ("alice_e", "Alice Example"), ("a2.py",))
    assert (bob.id, bob.known_as) == ("bob", ("bob",))
    assert (alice.submitted, bob.submitted) == ("2023-02-10T12:30:00", "2023-02-11T00:00:09")
    assert findings.skipped == ()


def test_an_attempt_on_blackboard_without_a_file_is_a_submission_of_its_receipt(tmp_path: Path) -> None:
    lay(tmp_path, "A2_alice_attempt_2023-02-10-12-30-00.txt", "A2_bob_attempt_2023-02-10-12-30-00_a2.py")
    assert [(found.id, found.names) for found in find([tmp_path]).found] == [
        ("alice", ("receipt.txt",)),
        ("bob", ("a2.py",)),
    ]


def test_a_receipt_whose_login_is_not_that_of_its_name_says_nothing(tmp_path: Path) -> None:
    for login in ("carl", "dan"):
        lay(tmp_path, f"A2_{login}_attempt_2023-02-10-12-30-00.txt", content="Name: Bob Example (bob)\n")
        lay(tmp_path, f"A2_{login}_attempt_2023-02-10-12-30-00_a2.py")
    assert [(found.id, found.known_as) for found in find([tmp_path]).found] == [("carl", ("carl",)), ("dan", ("dan",))]


@pytest.mark.parametrize(
    ("names", "students"),
    [
        (
            ["alice_12345_678_x_22345_assignsubmission_file_a2.py", "bob_22345_679_a2.py"],
            ["alice_12345", "bob_22345"],
        ),
        (
            ["Alice_123_assignsubmission_file_x_124_assignsubmission_file_a.py", "Bob_124_assignsubmission_file_a.py"],
            ["Alice_123", "Bob_124"],
        ),
        (
            [
                "A2_alice_attempt_2023-02-10-12-30-00_A2_bob_attempt_2023-02-11-12-30-00_a2.py",
                "A2_bob_attempt_2023-02-10-12-30-00_bob_22345_679_a2.py",
            ],
            ["alice", "bob"],
        ),
        (
            [f"CSC_413_2023_{login}_attempt_2023-02-10-12-30-00_a2.py" for login in ("alice", "bob")],
            ["alice", "bob"],
        ),
        (["alice_12345_678_x_bob_attempt_2023-02-10-12-30-00_a2.py"], ["alice_12345"]),
        (["alice_12345_678_Bob B - a2.py", "carol_32345_680_a2.py"], ["alice_12345", "carol_32345"]),
    ],
    ids=["Canvas", "Moodle", "Blackboard", "Blackboard with numbers", "one file on Canvas", "a title on Canvas"],
)
def test_what_stands_after_the_platforms_own_fields_is_a_file_name(
    tmp_path: Path, names: list[str], students: list[str]
) -> None:
    assert ids(find([lay(tmp_path, *names)])) == students
    assert ids(find(sorted(tmp_path.iterdir()))) == students


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


def test_the_larger_number_is_the_newer_of_two_gradescope_uploads(tmp_path: Path) -> None:
    entry = "submission_{}:\n  :submitters:\n  - :name: Alice\n    :sid: '7'\n"
    lay(tmp_path, "submission_9/a2.py", "submission_10/a2.py")
    lay(tmp_path, "submission_metadata.yml", content=entry.format(9) + entry.format(10))
    (submission,) = find([tmp_path]).found
    assert [source.name for source in submission.sources] == ["submission_10"]


def test_a_group_on_gradescope_is_one_submission(tmp_path: Path) -> None:
    people = "  - :name: Alice\n    :sid: '1'\n  - :name: Bob\n    :sid: '2'\n"
    lay(tmp_path, "submission_9/a2.py")
    lay(tmp_path, "submission_metadata.yml", content="submission_9:\n  :submitters:\n" + people)
    (submission,) = find([tmp_path]).found
    assert (submission.id, submission.known_as) == ("1+2", ("Alice", "1", "Bob", "2"))
