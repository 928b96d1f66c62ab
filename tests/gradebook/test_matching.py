"""Matching reports with lists: whatever a platform calls a student, and never on a guess."""

from __future__ import annotations

import pytest

from grader.gradebook.lists import Student
from grader.gradebook.matching import Matching, shared_prefix, without_assignment

ALICE = Student("1001234", "Alice Example", "alice@example.org", ("12345",))
BOB = Student("1005678", "Sample, Bob", "b.sample@example.org", ("67890", "bob"))


@pytest.mark.parametrize(
    ("id", "known_as"),
    [
        ("1001234", ()),
        ("alice", ()),
        ("Alice", ()),
        ("ALICE@example.org", ()),
        ("exampalice_12345", ("exampalice", "12345")),
        ("examplealice_999", ("examplealice", "999")),
        ("Alice Example_7", ("Alice Example", "7")),
        ("Example, Álice_7", ("Example, Álice", "7")),
        ("0042", ("Somebody", "alice@example.org", "0042")),
        ("0042", ("Somebody", "Alice@elsewhere.example", "0042")),
    ],
)
def test_a_student_is_known_by_number_login_address_or_name(id: str, known_as: tuple[str, ...]) -> None:
    matching = Matching([BOB, ALICE])
    matching.meet(id, known_as)
    assert matching.of(id) == (ALICE,)
    assert matching.unmatched == (BOB,)


@pytest.mark.parametrize(
    ("id", "known_as"),
    [
        ("aliceexample_7", ("aliceexample", "7")),
        ("alice", ()),
        ("exampalice_12345", ("exampalice", "12345")),
        ("ALICE@EXAMPLE.ORG", ()),
    ],
)
def test_a_student_whom_two_reports_claim_in_whatever_way_has_none(id: str, known_as: tuple[str, ...]) -> None:
    matching = Matching([ALICE, BOB])
    for report, keys in ((id, known_as), ("1001234", ()), ("bob", ())):
        matching.meet(report, keys)
    assert [matching.of(report) for report in (id, "1001234", "bob")] == [(), (), (BOB,)]
    assert matching.doubtful == ((ALICE, (id, "1001234")),)
    assert matching.claimed(id) == (ALICE,)
    assert matching.unmatched == ()


def test_a_report_of_one_that_fits_two_students_is_nobodys() -> None:
    matching = Matching([ALICE, BOB])
    matching.meet("bob_12345", ("bob", "12345"))
    assert matching.of("bob_12345") == ()
    assert matching.doubtful == ((ALICE, ("bob_12345",)), (BOB, ("bob_12345",)))


def test_a_name_that_two_students_or_two_reports_have_matches_nobody() -> None:
    twins = Matching([Student("1", "Alice Example", ""), Student("2", "Example Alice", "")])
    twins.meet("Alice Example_7", ("Alice Example", "7"))
    assert twins.of("Alice Example_7") == ()
    reports = Matching([ALICE])
    for number in ("7", "8"):
        reports.meet(f"Alice Example_{number}", ("Alice Example", number))
    assert reports.of("Alice Example_7") == reports.of("Alice Example_8") == ()
    assert reports.unmatched == ()
    assert reports.doubtful == ((ALICE, ("Alice Example_7", "Alice Example_8")),)


def test_a_number_that_another_student_has_elsewhere_does_not_outdo_the_name() -> None:
    matching = Matching([ALICE, BOB])
    matching.meet("samplebob_12345", ("samplebob", "12345"))
    assert matching.of("samplebob_12345") == ()
    assert matching.unmatched == (ALICE, BOB)


def test_a_group_is_all_of_its_students() -> None:
    matching = Matching([ALICE, BOB])
    matching.meet("1001234+1005678", ("Alice Example", "1001234", "Bob Sample", "1005678"))
    assert matching.of("1001234+1005678") == (ALICE, BOB)
    assert matching.unmatched == ()
    matching.meet("bob")
    assert matching.of("1001234+1005678") == (ALICE,)
    assert matching.doubtful == ((BOB, ("1001234+1005678", "bob")),)


def test_a_participant_of_moodle_is_known_by_the_number_in_any_language() -> None:
    matching = Matching([Student("Teilnehmer/in 123", "", ""), Student("1", "Bob", "", ("Participant 124",))])
    for number in ("123", "124"):
        matching.meet(f"Participant_{number}", ("Participant", number))
    assert [student.id for number in ("123", "124") for student in matching.of(f"Participant_{number}")] == [
        "Teilnehmer/in 123",
        "1",
    ]


def test_ids_that_a_spreadsheet_changed_are_named_with_the_reports_that_show_what_they_were() -> None:
    ids = ("429", "1.00123E+18", "891000", "01-Mar", "01-May", "1002")
    matching = Matching([Student(id, "", "") for id in ids])
    for id in ("0429", "1001234567890123456", "891e3", "mar1", "0430", "1002", "01002"):
        matching.meet(id)
    assert [(id, key, report) for _, id, key, report in matching.spoilt()] == [
        ("429", "0429", "0429"),
        ("1.00123E+18", "1001234567890123456", "1001234567890123456"),
        ("891000", "891e3", "891e3"),
        ("01-Mar", "mar1", "mar1"),
        ("01-May", "", ""),
    ]


def test_an_id_that_only_looks_changed_is_not_named() -> None:
    matching = Matching([Student("7", "", ""), Student("007", "", ""), Student("01-Mar", "", "")])
    for id in ("007", "01-Mar"):
        matching.meet(id)
    assert list(matching.spoilt()) == []


@pytest.mark.parametrize(
    ("id", "student"),
    [
        ("a2_bob", "bob"),
        ("A2-bob", "bob"),
        ("assignment 2 - bob", "bob"),
        ("bob_hw02", "bob"),
        ("bob", "bob"),
        ("a2", "a2"),
        ("a2_", "a2_"),
        ("a2bob", "a2bob"),
    ],
)
def test_the_name_of_an_assignment_is_no_part_of_an_id(id: str, student: str) -> None:
    assert without_assignment(id) == student


@pytest.mark.parametrize(
    ("ids", "prefix"),
    [
        (["a2-alice", "a2-bob"], "a2-"),
        (["a2_alice", "a2_alec"], "a2_"),
        (["a2-alice-ex", "a2-alice-ey"], "a2-alice-"),
        (["alice", "alec"], ""),
        (["a2-alice"], ""),
        (["a2-alice", "bob"], ""),
        ([], ""),
    ],
)
def test_what_all_clones_begin_with_is_no_part_of_a_login(ids: list[str], prefix: str) -> None:
    assert shared_prefix(ids) == prefix
