"""The roster names the students of reports, brings its own columns, and says who handed nothing in."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import report_sample as sample
from gradebook_sample import fill, problems_of, read, report

from grader.gradebook.lateness import Lateness, due_time
from grader.gradebook.lists import Student, read_roster
from grader.marking.late import LateRule

ROSTER = (
    Student("bob", "=Bob", "bob@example.org"),
    Student("ALICE", "Alice", "alice@example.org"),
    Student("nobody", "@Nobody", ""),
)


def test_the_roster_gives_names_and_says_who_handed_nothing_in(tmp_path: Path) -> None:
    fill(tmp_path, [(id, report(id)) for id in ("alice", "bob", "stranger")])
    assert problems_of(tmp_path, roster=ROSTER) == ["1 of 3 reports match nobody on the roster and stay without a name"]
    assert [(row["id"], row["name"], row["status"], row["score"]) for row in read(tmp_path)] == [
        ("alice", "Alice", "graded", "1"),
        ("bob", "'=Bob", "graded", "1"),
        ("stranger", "", "graded", "1"),
        ("nobody", "'@Nobody", "missing", ""),
    ]
    page = (tmp_path / "index.html").read_text()
    assert "Handed nothing in" in page
    assert "nobody @Nobody" in page


def test_what_a_platform_calls_a_student_is_kept_in_the_report_and_meets_roster_and_list(tmp_path: Path) -> None:
    run = dataclasses.replace(sample.report().run, details={"known_as": ["exampalice", "12345"]})
    fill(tmp_path, [("exampalice_12345", report("exampalice_12345", run=run)), ("bob", report("bob"))])
    roster = (Student("12345", "Alice Example", "", ("aexample",)), Student("bob", "Bob", ""))
    lateness = Lateness({"aexample": Fraction(2)}, LateRule(percent_a_day=Fraction(10)))
    assert problems_of(tmp_path, roster=roster, lateness=lateness) == []
    assert [(row["id"], row["name"], row["late_hours"]) for row in read(tmp_path)] == [
        ("bob", "Bob", ""),
        ("exampalice_12345", "Alice Example", "2"),
    ]


def test_an_id_that_differs_in_case_matches_only_where_there_is_no_doubt(tmp_path: Path) -> None:
    fill(tmp_path, [("alice", report("alice"))])
    twins = (Student("ALICE", "One", ""), Student("Alice", "Another", ""))
    problems_of(tmp_path, roster=twins)
    assert [(row["id"], row["name"]) for row in read(tmp_path)] == [
        ("alice", ""),
        ("ALICE", "One"),
        ("Alice", "Another"),
    ]


def test_a_roster_brings_its_own_columns_for_those_who_are_there_and_those_who_are_not(tmp_path: Path) -> None:
    out = fill(tmp_path / "reports", [("exampalice_100", report("exampalice_100")), ("stranger", report("stranger"))])
    (tmp_path / "roster.csv").write_text(
        'Student,ID,SIS Login ID,Section,Old mark\n"Example, Alice",100,aex,=L1,7\n"Sample, Bob",101,bob,L2,8\n'
    )
    roster = read_roster(tmp_path / "roster.csv")
    run = dataclasses.replace(sample.report().run, details={"known_as": ["exampalice", "100"]})
    fill(out, [("exampalice_100", report("exampalice_100", run=run))])
    problems_of(out, roster=roster)
    columns = ("id", "roster_id", "name", "Student", "ID", "SIS Login ID", "Section", "status", "score")
    assert [tuple(row[column] for column in columns) for row in read(out)] == [
        ("exampalice_100", "100", "Example, Alice", "Example, Alice", "100", "aex", "'=L1", "graded", "1"),
        ("stranger", "", "", "", "", "", "", "graded", "1"),
        ("101", "101", "Sample, Bob", "Sample, Bob", "101", "bob", "L2", "missing", ""),
    ]
    assert "Old mark" not in read(out)[0]


GITHUB = '"identifier","github_username","github_id","name"\n"alice@example.org","alice-ex","1",""\n"b","bob","2",""\n'


def test_clones_of_github_classroom_meet_its_roster_and_a_list_of_lateness(tmp_path: Path) -> None:
    out = fill(tmp_path / "reports", [(id, report(id)) for id in ("a2-alice-ex", "a2-bob", "a2-carol")])
    (tmp_path / "roster.csv").write_text(GITHUB)
    lateness = Lateness({"alice-ex": Fraction(2), "carol": Fraction(3)}, LateRule())
    problems_of(out, roster=read_roster(tmp_path / "roster.csv"), lateness=lateness)
    columns = ("id", "roster_id", "identifier", "github_username", "late_hours")
    assert [tuple(row[column] for column in columns) for row in read(out)] == [
        ("a2-alice-ex", "alice@example.org", "alice@example.org", "alice-ex", "2"),
        ("a2-bob", "b", "b", "bob", ""),
        ("a2-carol", "", "", "", "3"),
    ]


def test_two_submissions_that_claim_one_student_are_both_shown_and_neither_is_taken(tmp_path: Path) -> None:
    fill(tmp_path, [(id, report(id)) for id in ("bob", "a2_bob", "alice")])
    lateness = Lateness({"bob": Fraction(30), "alice": Fraction(30)}, LateRule(percent_a_day=Fraction(10)))
    say = "say it with 'grade --pick ID=FILE', or with 'gradebook choose' where somebody is in two of them"
    assert problems_of(tmp_path, roster=ROSTER, lateness=lateness) == [
        "2 of 3 reports match nobody on the roster and stay without a name",
        f"whose these reports are is in doubt, and nothing on the roster goes with them: bob (a2_bob, bob); {say}",
        "whose these reports are is in doubt, and nothing on the list of lateness goes with them: bob (a2_bob, bob)"
        f"; {say}",
    ]
    assert [(row["id"], row["name"], row["late_hours"], row["status"]) for row in read(tmp_path)] == [
        ("a2_bob", "", "", "graded"),
        ("alice", "Alice", "30", "graded"),
        ("bob", "", "", "graded"),
        ("bob", "'=Bob", "", "doubtful"),
        ("nobody", "'@Nobody", "", "missing"),
    ]
    page = (tmp_path / "index.html").read_text()
    assert "bob =Bob: a2_bob, bob" in page
    assert page.count("=Bob?") == 2


def test_a_person_chooses_between_two_submissions_that_claim_one_student(tmp_path: Path) -> None:
    fill(tmp_path, [(id, report(id)) for id in ("bob", "a2_bob", "alice")])
    (tmp_path / "picks.csv").write_text("id,file\nBob,bob.zip\n")
    problems_of(tmp_path, roster=ROSTER, lateness=Lateness({"bob": Fraction(30)}, LateRule()))
    assert [(row["id"], row["roster_id"], row["late_hours"], row["status"]) for row in read(tmp_path)] == [
        ("a2_bob", "", "", "graded"),
        ("alice", "ALICE", "", "graded"),
        ("bob", "bob", "30", "graded"),
        ("nobody", "nobody", "", "missing"),
    ]


def test_a_folder_named_for_the_assignment_and_a_student_is_the_students(tmp_path: Path) -> None:
    fill(tmp_path, [(id, report(id)) for id in ("alice", "a2_bob")])
    assert problems_of(tmp_path, roster=ROSTER) == []
    assert [(row["id"], row["roster_id"]) for row in read(tmp_path)][:2] == [("a2_bob", "bob"), ("alice", "ALICE")]


def test_a_hand_in_that_lost_zeros_is_blamed_and_not_the_roster(tmp_path: Path) -> None:
    fill(tmp_path, [(id, report(id)) for id in ("429", "bob")])
    told = problems_of(tmp_path, roster=(Student("0429", "Alice", ""), Student("bob", "Bob", "")))
    assert any("names of reports seem to have lost zeros that the roster has: 429 may be 0429" in one for one in told)
    assert not any("changed by a spreadsheet" in one for one in told)


def test_ids_that_a_spreadsheet_changed_are_named_with_the_student_they_may_be(tmp_path: Path) -> None:
    fill(tmp_path, [(id, report(id)) for id in ("0429", "mar1")])
    roster = (Student("429", "Alice", ""), Student("01-Mar", "Bob", ""), Student("1.00123E+18", "", ""))
    lateness = Lateness({"429": Fraction(2)}, LateRule(percent_a_day=Fraction(10)))
    remedy = "; write them again, in a column that is formatted as text"
    changed = [sentence for sentence in problems_of(tmp_path, roster=roster, lateness=lateness) if remedy in sentence]
    assert changed == [
        "ids on the roster seem changed by a spreadsheet: 429 of Alice may be 0429 (report 0429), 01-Mar of Bob may be "
        f"mar1 (report mar1), 1.00123E+18 is none that anybody has{remedy}",
        f"ids on the list of lateness seem changed by a spreadsheet: 429 may be 0429 (report 0429){remedy}",
    ]


def test_the_platforms_times_are_held_against_the_deadline_unless_the_list_says_more(tmp_path: Path) -> None:
    times = {"alice": "2026-03-01T17:00:00Z", "bob": "2026-03-02 12:30:00 +0000", "carol": "2026-03-02T01:00:00"}
    for id in ("alice", "bob", "carol", "dan", "eve"):
        run = dataclasses.replace(sample.report().run, details={"submitted": times.get(id, times["bob"])})
        fill(tmp_path, [(id, report(id, run=run) if id != "dan" else report(id))])
    rule = LateRule(percent_a_day=Fraction(10))
    lateness = Lateness({"eve": Fraction(0)}, rule, due=due_time("2026-03-01T12:00:00-05:00"))
    assert problems_of(tmp_path, lateness=lateness) == [
        "1 of 5 reports have no time of submission: put those that were late on a list for --late: dan"
    ]
    assert [(row["id"], row["late_hours"], row["late_penalty"]) for row in read(tmp_path)] == [
        ("alice", "0", "0"),
        ("bob", "19.5", "0.1"),
        ("carol", "13", "0.1"),
        ("dan", "", "0"),
        ("eve", "0", "0"),
    ]


def test_lateness_without_a_rule_says_that_nothing_is_taken_off(tmp_path: Path) -> None:
    fill(tmp_path, [("alice", report("alice"))])
    nothing = (
        "nothing is taken off for lateness in csc413-2020: the rubric has no rule for it; add 'late' there, or give "
        "--percent-a-day to 'gradebook summary'"
    )
    for rule in (LateRule(), LateRule(percent_a_day=Fraction(10), cap_percent=Fraction(0))):
        assert problems_of(tmp_path, lateness=Lateness({"alice": Fraction(30)}, rule)) == [nothing]
        assert "Lateness costs nothing." in (tmp_path / "index.html").read_text()
    ruled = Lateness({"alice": Fraction(30)}, LateRule(), {"csc413-2020": LateRule(percent_a_day=Fraction(10))})
    assert problems_of(tmp_path, lateness=ruled) == []
    assert "Each begun day of 24 hours after the deadline costs 10 %" in (tmp_path / "index.html").read_text()
