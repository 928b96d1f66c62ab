"""Matching reports with lists: whatever a platform calls a student, and never on a guess."""

from __future__ import annotations

import pytest

from grader.gradebook.lists import Student
from grader.gradebook.matching import Matching, shared_prefix

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


def test_the_surer_of_two_reports_is_a_students_own() -> None:
    matching = Matching([ALICE, BOB])
    for id, known_as in (("aliceexample_7", ("aliceexample", "7")), ("1001234", ()), ("bob", ())):
        matching.meet(id, known_as)
    assert [matching.of(id) for id in ("aliceexample_7", "1001234", "bob")] == [(), (ALICE,), (BOB,)]
    assert matching.unmatched == matching.doubtful == ()


def test_a_name_that_two_students_or_two_reports_have_matches_nobody() -> None:
    twins = Matching([Student("1", "Alice Example", ""), Student("2", "Example Alice", "")])
    twins.meet("Alice Example_7", ("Alice Example", "7"))
    assert twins.of("Alice Example_7") == ()
    reports = Matching([ALICE])
    for number in ("7", "8"):
        reports.meet(f"Alice Example_{number}", ("Alice Example", number))
    assert reports.of("Alice Example_7") == reports.of("Alice Example_8") == ()
    assert (reports.unmatched, reports.doubtful) == ((), (ALICE,))


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
