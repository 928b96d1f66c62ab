"""One line per student: groups, extensions, two hand-ins of one student, and marks that outlive what they were for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import report_sample as sample
from gradebook_sample import fill, problems_of, read, report

from grader.gradebook.final import finals_of
from grader.gradebook.lateness import Lateness
from grader.gradebook.lists import Student
from grader.marking.late import LateRule
from grader.marks.events import Entry, Kind, Marks, Version

TEN_A_DAY = LateRule(percent_a_day=Fraction(10))


def decide(out: Path, *entries: Entry) -> None:
    with Marks(out) as marks:
        marks.add(entries, by="ann")


def marked(subject: str, points: str = "2", **changes: object) -> Entry:
    version = Version(sample.SHA, "", Fraction(5, 2))
    return Entry(Kind.POINTS, subject, "manual.a1", Fraction(points), version=version, **changes)  # type: ignore[arg-type]


def table(out: Path, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in read(out)]


@pytest.mark.parametrize("roster", [(), (Student("alice", "Alice", "a@x.org"), Student("b7", "Bob", "", ("bob",)))])
def test_a_group_has_a_row_for_each_member_from_one_hand_in(tmp_path: Path, roster: tuple[Student, ...]) -> None:
    out = fill(tmp_path, [("alice+bob", report("alice+bob"))])
    decide(out, marked("alice+bob"), Entry(Kind.EXTENSION, "alice", points=Fraction(24)))
    lateness = Lateness({"alice": Fraction(30), "bob": Fraction(50)}, TEN_A_DAY)
    assert problems_of(out, roster=roster, lateness=lateness) == []
    bob = roster[1].id if roster else "bob"
    columns = ("id", "hand_in", "score", "late_hours", "extension", "late_penalty", "mark", "stage")
    assert table(out, *columns) == [
        ("alice", "alice+bob", "3", "30", "24", "0.3", "2.7", "marked"),
        (bob, "alice+bob", "3", "50", "", "0.9", "2.1", "marked"),
    ]
    if roster:
        assert table(out, "roster_id", "name", "email") == [("alice", "Alice", "a@x.org"), ("b7", "Bob", "")]


def test_a_member_of_a_group_whom_the_roster_does_not_have_has_a_row_too(tmp_path: Path) -> None:
    out = fill(tmp_path, [("alice+eve", report("alice+eve"))])
    problems_of(out, roster=[Student("alice", "Alice", "")])
    assert table(out, "id", "roster_id", "name") == [("alice", "alice", "Alice"), ("eve", "", "")]


@pytest.mark.parametrize("id", ["c++", "alice+a2@example.org"])
def test_a_plus_does_not_make_a_group(tmp_path: Path, id: str) -> None:
    out = fill(tmp_path, [("x", report(id))])
    problems_of(out)
    assert table(out, "hand_in") == [(id,)]


@pytest.mark.parametrize("roster", [(), (Student("alice", "Alice", ""), Student("bob", "Bob", ""))])
def test_who_is_in_two_hand_ins_is_shown_with_both_until_a_person_chooses(
    tmp_path: Path, roster: tuple[Student, ...]
) -> None:
    out = fill(tmp_path, [("alice+bob", report("alice+bob")), ("alice", report("alice"))])
    problems_of(out, roster=roster)
    assert table(out, "id", "hand_in", "status") == [
        ("alice", "alice", "graded"),
        ("bob", "alice+bob", "graded"),
        ("alice", "alice, alice+bob", "doubtful"),
    ]
    decide(out, Entry(Kind.HAND_IN, "alice", value="alice+bob"))
    problems_of(out, roster=roster)
    assert table(out, "id", "hand_in", "status")[1:] == [
        ("alice", "alice+bob", "graded"),
        ("bob", "alice+bob", "graded"),
    ]


def test_staff_are_not_missing(tmp_path: Path) -> None:
    out = fill(tmp_path, [("alice", report("alice"))])
    problems_of(out, roster=[Student("tom", "Tom", "", role="Teaching assistant"), Student("bob", "Bob", "")])
    assert table(out, "id", "status") == [("alice", "graded"), ("bob", "missing")]


def test_a_mark_for_an_earlier_hand_in_is_told_and_counts(tmp_path: Path) -> None:
    out = fill(tmp_path, [("alice", report("alice"))])
    decide(out, marked("alice"))
    assert problems_of(out) == []
    fill(out, [("alice", report("alice", sha256="ab" * 32))])
    assert problems_of(out) == [
        "1 mark was given for an earlier hand-in (alice manual.a1): look at each, and confirm it with 'gradebook "
        "confirm'"
    ]
    assert table(out, "score", "manual.a1", "stage", "mark") == [("3", "2", "examined", "")]


def test_marks_of_a_hand_in_that_was_renamed_are_kept_and_told(tmp_path: Path) -> None:
    out = fill(tmp_path, [("alice", report("alice")), ("bob", report("bob"))])
    decide(out, marked("alice"))
    for path in (out / "alice").iterdir():
        path.unlink()
    (out / "alice").rmdir()
    assert problems_of(out) == [
        "people have marked 1 hand-in of which there is no report any more (alice): these marks are kept, and count "
        "again when the report is there"
    ]
    fill(out, [("elsewhere", report("alice"))])
    assert problems_of(out) == []
    assert table(out, "id", "manual.a1") == [("bob", ""), ("alice", "2")]


def test_lines_can_be_read_again_and_again(tmp_path: Path) -> None:
    out = fill(tmp_path, [("alice", report("alice")), ("bob", report("bob"))])
    with finals_of(out, lambda sentence: None) as finals:
        assert [line.hand_in for line in finals] == [line.hand_in for line in finals] == ["alice", "bob"]
        assert [line.late for line in finals] == [None, None]
