"""The gradebook: one line a submission, safe to open in a spreadsheet; and the command that makes it."""

from __future__ import annotations

import csv
import dataclasses
import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import pytest
import report_sample as sample
from places import ROOT

from grader.cli.gradebook import main
from grader.gradebook.lateness import Lateness
from grader.gradebook.lists import Student, read_roster
from grader.gradebook.summary import summarise
from grader.intake import Found
from grader.marking.late import LateRule
from grader.marking.verdicts import Flag, Outcome
from grader.report.as_json import to_json
from grader.store.files import StoreError
from grader.store.folder import Store


def fill(out: Path, reports: Iterable[tuple[str, object]]) -> Path:
    """A folder with these reports, by folder."""
    with Store(out) as store:
        for folder, report in reports:
            files = {"report.html": b"page", "report.json": to_json(report).encode()}  # type: ignore[arg-type]
            store.save(Found(folder, folder, ()), files, None)
    return out


def report(id: str, points: str = "1", **changes: object):
    marks = [
        sample.mark("cnn.shapes", points=Fraction(points), max_points=Fraction(2)),
        sample.mark("manual.a1", Outcome.PENDING, max_points=Fraction(5, 2)),
    ]
    return sample.report(marks, submission_id=id, **changes)


def read(out: Path) -> list[dict[str, str]]:
    with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def told(out: Path, **how: object) -> list[str]:
    """Make the gradebook; the problems that were told."""
    problems: list[str] = []
    summarise(out, problem=problems.append, **how)  # type: ignore[arg-type]
    return problems


# The CSV.


def test_a_line_has_the_marks_of_a_submission(tmp_path: Path) -> None:
    flags = (Flag("late", "Late."), Flag("two-files", "Two."))
    assert told(fill(tmp_path, [("alice", report("alice", "1.25", flags=flags))])) == []
    assert read(tmp_path) == [
        {
            "id": "alice",
            "assignment": "csc413-2020",
            "status": "graded",
            "score": "1.25",
            "max_score": "4.5",
            "pending_points": "2.5",
            "flags": "2",
            "cnn.shapes": "1.25",
            "cnn.shapes:outcome": "pass",
            "manual.a1": "",
            "manual.a1:outcome": "pending",
            "seconds": "1.234",
        }
    ]


def test_a_script_finds_the_first_heading_without_knowing_of_byte_order_marks(tmp_path: Path) -> None:
    told(fill(tmp_path, [("alice", report("alice"))]))
    assert (tmp_path / "gradebook.csv").read_bytes().startswith(b"id,assignment,status,score,max_score,")


def test_several_assignments_share_the_columns_of_what_they_share(tmp_path: Path) -> None:
    other = sample.report(
        [sample.mark("cnn.shapes"), sample.mark("unet.device", Outcome.ERROR)],
        submission_id="bob",
        assignment_id="csc413-2023",
    )
    told(fill(tmp_path, [("alice", report("alice")), ("bob", other)]))
    alice, bob = read(tmp_path)
    assert [column for column in alice if ":" not in column][-4:] == [
        "cnn.shapes",
        "manual.a1",
        "unet.device",
        "seconds",
    ]
    assert (alice["unet.device"], alice["unet.device:outcome"]) == ("", "")
    assert (bob["cnn.shapes"], bob["manual.a1:outcome"], bob["unet.device"]) == ("1", "", "")
    assert bob["unet.device:outcome"] == "error"


def test_hostile_names_stay_in_their_cells(tmp_path: Path) -> None:
    ids = ["=cmd|' /C calc'!A0", 'a",b\n"c', "alice\r\nbob,1", "\ud800"]
    told(fill(tmp_path, [(f"s{place}", report(id)) for place, id in enumerate(ids)]))
    assert [row["id"] for row in read(tmp_path)] == ["'=cmd|' /C calc'!A0", 'a",b "c', "alice  bob,1", "\\ud800"]
    assert {row["assignment"] for row in read(tmp_path)} == {"csc413-2020"}


@pytest.mark.parametrize("name", ["gradebook.csv", "index.html"])
def test_a_full_disk_leaves_the_gradebook_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fill(tmp_path, [("alice", report("alice"))])
    (tmp_path / name).write_text("before")
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match=r"cannot be written \(No space left on device\): make room"):
        told(tmp_path)
    assert (tmp_path / name).read_text() == "before"
    assert not list(tmp_path.glob(".*.tmp"))


# Roster and lateness.

ROSTER = (
    Student("bob", "=Bob", "bob@example.org"),
    Student("ALICE", "Alice", "alice@example.org"),
    Student("nobody", "@Nobody", ""),
)


def test_the_roster_gives_names_and_says_who_handed_nothing_in(tmp_path: Path) -> None:
    fill(tmp_path, [(id, report(id)) for id in ("alice", "bob", "stranger")])
    assert told(tmp_path, roster=ROSTER) == ["1 of 3 reports are of nobody on the roster and stay without a name"]
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
    assert told(tmp_path, roster=roster, lateness=lateness) == []
    assert [(row["id"], row["name"], row["late_hours"]) for row in read(tmp_path)] == [
        ("bob", "Bob", ""),
        ("exampalice_12345", "Alice Example", "2"),
    ]


def test_an_id_that_differs_in_case_matches_only_where_there_is_no_doubt(tmp_path: Path) -> None:
    fill(tmp_path, [("alice", report("alice"))])
    twins = (Student("ALICE", "One", ""), Student("Alice", "Another", ""))
    told(tmp_path, roster=twins)
    assert [(row["id"], row["name"]) for row in read(tmp_path)] == [
        ("alice", ""),
        ("ALICE", "One"),
        ("Alice", "Another"),
    ]


def test_lateness_stands_beside_the_score_it_was_taken_from(tmp_path: Path) -> None:
    fill(tmp_path, [("alice", report("alice", "1.5")), ("bob", report("bob", "2"))])
    lateness = Lateness({"Alice": Fraction(30), "carol": Fraction(1)}, LateRule(percent_a_day=Fraction(10)))
    assert told(tmp_path, lateness=lateness) == ["1 on the list of lateness have no report: carol"]
    columns = ("score", "score_before_late", "late_hours", "late_penalty", "max_score")
    assert [[row[column] for column in columns] for row in read(tmp_path)] == [
        ["1.2", "1.5", "30", "0.3", "4.5"],
        ["2", "2", "", "0", "4.5"],
    ]
    told(tmp_path)
    assert [row["score"] for row in read(tmp_path)] == ["1.5", "2"]


def test_a_roster_brings_its_own_columns_for_those_who_are_there_and_those_who_are_not(tmp_path: Path) -> None:
    out = fill(tmp_path / "reports", [("exampalice_100", report("exampalice_100")), ("stranger", report("stranger"))])
    (tmp_path / "roster.csv").write_text(
        'Student,ID,SIS Login ID,Section,Old mark\n"Example, Alice",100,aex,=L1,7\n"Sample, Bob",101,bob,L2,8\n'
    )
    roster = read_roster(tmp_path / "roster.csv")
    run = dataclasses.replace(sample.report().run, details={"known_as": ["exampalice", "100"]})
    fill(out, [("exampalice_100", report("exampalice_100", run=run))])
    told(out, roster=roster)
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
    told(out, roster=read_roster(tmp_path / "roster.csv"), lateness=lateness)
    columns = ("id", "roster_id", "identifier", "github_username", "late_hours")
    assert [tuple(row[column] for column in columns) for row in read(out)] == [
        ("a2-alice-ex", "alice@example.org", "alice@example.org", "alice-ex", "2"),
        ("a2-bob", "b", "b", "bob", ""),
        ("a2-carol", "", "", "", "3"),
    ]


def test_a_bonus_is_left_out_of_the_mean_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks = [sample.mark("cnn.shapes"), sample.mark("unet.device", bonus=True)]
    assert main(["summary", str(fill(tmp_path, [("alice", sample.report(marks))]))]) == 0
    assert "100.0 %, bonus points aside" in capsys.readouterr().out


# The command.


def test_summary_makes_both_files_and_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "reports", [("alice", report("alice")), ("bob", report("bob", "2"))])
    (tmp_path / "roster.csv").write_text("id,name\nalice,Alice\nbob,Bob\ncarol,Carol\n")
    (tmp_path / "late.csv").write_text("id,hours_late\nbob,2\n")
    lists = ["--roster", str(tmp_path / "roster.csv"), "--late", str(tmp_path / "late.csv"), "--percent-a-day", "50"]
    assert main(["summary", str(tmp_path / "reports"), *lists]) == 0
    said, complained = capsys.readouterr()
    assert complained == ""
    assert said.splitlines()[:3] == [
        "assignment       reports     mean",
        "csc413-2020            2   75.0 %",
        "2 graded, 1 handed nothing in",
    ]
    assert [(row["id"], row["name"], row["score"]) for row in read(tmp_path / "reports")] == [
        ("alice", "Alice", "1"),
        ("bob", "Bob", "1"),
        ("carol", "Carol", ""),
    ]
    assert (tmp_path / "reports" / "index.html").exists()


def test_a_rule_that_was_given_stays_and_goes_with_its_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = fill(tmp_path / "reports", [("alice", report("alice", "2"))])
    (tmp_path / "late.csv").write_text("id,hours_late\nalice,30\n")

    def scores(*arguments: str) -> list[str | None]:
        assert main(["summary", str(out), *arguments]) == 0
        return [row.get("late_penalty") for row in read(out)]

    rule = ["--percent-a-day", "10", "--grace", "7", "--cap", "15.5"]
    assert scores() == [None]
    assert scores("--late", str(tmp_path / "late.csv")) == ["0"]
    assert scores(*rule) == ["0.2"]
    assert scores() == ["0.2"]
    assert scores("--percent-a-day", "50") == ["2"]
    assert scores("--late", "none") == [None]
    assert scores("--late", str(tmp_path / "late.csv")) == ["0"]
    assert capsys.readouterr().err == ""
    (out / "late-rule.json").write_text('{"grace_hours": "1/0", "percent_a_day": "1", "cap_percent": "1"}')
    assert main(["summary", str(out)]) == 2
    assert "late-rule.json was not written by 'gradebook summary': delete it" in capsys.readouterr().err


def test_each_assignment_has_its_own_rule_for_lateness(tmp_path: Path) -> None:
    other = sample.report(
        [sample.mark("cnn.shapes", points=Fraction(2), max_points=Fraction(2))],
        submission_id="bob",
        assignment_id="csc413-2023",
    )
    fill(tmp_path, [("alice", report("alice", "2")), ("bob", other)])
    rules = {"csc413-2023": LateRule(percent_a_day=Fraction(50))}
    told(tmp_path, lateness=Lateness(dict.fromkeys(("alice", "bob"), Fraction(2)), LateRule(), rules))
    assert [row["late_penalty"] for row in read(tmp_path)] == ["0", "1"]


def test_notes_for_markers_are_those_of_the_rubric_that_was_graded_by(tmp_path: Path) -> None:
    from cohort_sample import RUBRIC, rubric

    marks = [sample.mark("manual.a1", Outcome.PENDING, max_points=Fraction(2))]
    out = fill(tmp_path / "reports", [("alice", sample.report(marks, assignment_id="csc321-2018"))])
    page = out / "index.html"
    assert main(["summary", str(out)]) == 0
    assert "A table or drawing of six convolutions" in page.read_text()
    rubric(out, RUBRIC.replace("A reason", "Another reason &amp; more"))
    assert main(["summary", str(out)]) == 0
    assert "Another reason &amp;amp; more" in page.read_text()
    assert "A table or drawing" not in page.read_text()
    rubric(tmp_path)
    assert main(["summary", str(out), "--rubric", str(tmp_path / "rubric.yaml")]) == 0
    assert "A reason" in page.read_text()


def test_a_damaged_report_is_told_and_the_others_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, [("alice", report("alice")), ("bob", report("bob"))])
    (tmp_path / "bob" / "report.json").write_text(json.dumps({"schema": "grade-report/1", "score": float("1e400")}))
    assert main(["summary", str(tmp_path)]) == 0
    assert "bob/report.json is not a report of this grader, and was left out" in capsys.readouterr().err
    assert [row["id"] for row in read(tmp_path)] == ["alice"]


@pytest.mark.parametrize("other", [None, "notes.txt", "alice/report.json", "alice/colourization.py"])
def test_a_folder_without_reports_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: str | None
) -> None:
    out = tmp_path / "folder"
    mine = {"index.html": "my page", "gradebook.csv": "my marks", "roster.csv": "mine"} | (
        {other: "{}"} if other else {}
    )
    for name, text in mine.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    (tmp_path / "roster.csv").write_text("id,name\nalice,Alice\n")
    assert main(["summary", str(out), "--roster", str(tmp_path / "roster.csv")]) == 2
    said, complained = capsys.readouterr()
    assert said == "" and complained.count("\n") == 1
    assert "there are no reports in" in complained
    assert {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()} == mine


def test_what_was_typed_into_the_gradebook_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = fill(tmp_path / "reports", [("alice", report("alice"))])
    assert main(["summary", str(out)]) == 0
    typed = (out / "gradebook.csv").read_text().replace("pending", "2.5", 1)
    (out / "gradebook.csv").write_text(typed)
    capsys.readouterr()
    for told_of in (True, False):
        assert main(["summary", str(out)]) == 0
        assert ("is kept as gradebook.edited-1.csv" in capsys.readouterr().err) == told_of
    assert (out / "gradebook.edited-1.csv").read_text() == typed
    (out / ".written.json").write_text("[]")
    (out / "gradebook.csv").write_text("of an older version")
    assert main(["summary", str(out)]) == 0
    assert "gradebook.edited-2.csv" in capsys.readouterr().err


def test_a_report_that_was_changed_by_hand_is_told(tmp_path: Path) -> None:
    out = fill(tmp_path, [("alice", report("alice"))])
    path = out / "alice" / "report.json"
    assert told(out) == []
    path.write_text(path.read_text().replace('"score": 1', '"score": 3'))
    (problem,) = told(out)
    assert problem.endswith("alice/report.json was changed by hand: 'grade' makes it again")


def test_reports_of_several_assignments_are_told(tmp_path: Path) -> None:
    other = report("bob", assignment_id="csc413-2023")
    (problem,) = told(fill(tmp_path, [("alice", report("alice")), ("bob", other)]))
    assert "of several assignments (csc413-2020, csc413-2023)" in problem and "--out" in problem


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gone"], "there is no folder gone"),
        (["file"], "file is a file, not a folder for reports"),
        (["reports", "--roster", "gone.csv"], "gone.csv cannot be read"),
        (["reports", "--roster", "file"], "line 1: one column must be the id"),
        (["reports", "--late", "file"], "line 1: the columns must be id and hours_late"),
        (["reports", "--grace", "1"], "add --late FILE"),
        (["reports", "--grace", "1", "--late", "none"], "add --late FILE"),
        (["reports", "--rubric", "gone.yaml"], "there is no rubric at gone.yaml"),
    ],
)
def test_bad_input_is_a_sentence_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments, sentence
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store(Path("reports")) as store:
        store.record_seed(1)
    Path("file").write_text("name,email\nAlice,a\n")
    assert main(["summary", *arguments]) == 2
    said, complained = capsys.readouterr()
    assert said == ""
    assert complained.startswith("gradebook: ")
    assert sentence in complained
    assert complained.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["sumary"], ["summary"], ["summary", ".", "--cap", "101"]])
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "gradebook" in capsys.readouterr().err


def test_the_command_does_without_torch(tmp_path: Path) -> None:
    fill(tmp_path, [("alice", report("alice"))])
    program = "import sys; from grader.cli.gradebook import main; main(['summary', sys.argv[1]]); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, str(tmp_path)]
    loaded = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert "grader.gradebook.as_index" in loaded
    assert {"torch", "numpy", "rich"}.isdisjoint(loaded)
