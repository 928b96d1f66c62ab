"""The gradebook: one line per submission, what is odd in sentences, and nothing lost."""

from __future__ import annotations

import errno
import os
from fractions import Fraction
from pathlib import Path

import pytest
import report_sample as sample
from gradebook_sample import fill, problems_of, read, report

from grader.gradebook.lateness import Lateness
from grader.marking.late import LateRule
from grader.marking.verdicts import Flag, Outcome
from grader.store.files import StoreError


def test_a_line_has_the_marks_of_a_submission(tmp_path: Path) -> None:
    flags = (Flag("late", "Late."), Flag("two-files", "Two."))
    assert problems_of(fill(tmp_path, [("alice", report("alice", "1.25", flags=flags))])) == []
    assert read(tmp_path) == [
        {
            "id": "alice",
            "hand_in": "alice",
            "assignment": "csc413-2020",
            "status": "graded",
            "stage": "examined",
            "score": "1.25",
            "automatic": "1.25",
            "by_hand": "0",
            "max_score": "4.5",
            "pending_points": "2.5",
            "neatness": "",
            "mark": "",
            "flags": "2",
            "comment": "",
            "cnn.shapes": "1.25",
            "cnn.shapes:outcome": "pass",
            "manual.a1": "",
            "manual.a1:outcome": "pending",
            "seconds": "1.234",
        }
    ]


def test_a_script_finds_the_first_heading_without_knowing_of_byte_order_marks(tmp_path: Path) -> None:
    problems_of(fill(tmp_path, [("alice", report("alice"))]))
    assert (tmp_path / "gradebook.csv").read_bytes().startswith(b"id,hand_in,assignment,status,stage,score,")


def test_several_assignments_share_the_columns_of_what_they_share(tmp_path: Path) -> None:
    other = sample.report(
        [sample.mark("cnn.shapes"), sample.mark("unet.device", Outcome.ERROR)],
        submission_id="bob",
        assignment_id="csc413-2023",
    )
    problems_of(fill(tmp_path, [("alice", report("alice")), ("bob", other)]))
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
    problems_of(fill(tmp_path, [(f"s{place}", report(id)) for place, id in enumerate(ids)]))
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
        problems_of(tmp_path)
    assert (tmp_path / name).read_text() == "before"
    assert not list(tmp_path.glob(".*.tmp"))


def test_lateness_stands_beside_the_score_it_was_taken_from(tmp_path: Path) -> None:
    fill(tmp_path, [("alice", report("alice", "1.5")), ("bob", report("bob", "2"))])
    lateness = Lateness({"Alice": Fraction(30), "carol": Fraction(1)}, LateRule(percent_a_day=Fraction(10)))
    assert problems_of(tmp_path, lateness=lateness) == ["1 on the list of lateness have no report: carol"]
    columns = ("score", "late_hours", "late_penalty", "max_score")
    assert [[row[column] for column in columns] for row in read(tmp_path)] == [
        ["1.5", "30", "0.3", "4.5"],
        ["2", "", "0", "4.5"],
    ]
    problems_of(tmp_path)
    assert ["late_hours" in row for row in read(tmp_path)] == [False, False]


def test_each_assignment_has_its_own_rule_for_lateness(tmp_path: Path) -> None:
    other = sample.report(
        [sample.mark("cnn.shapes", points=Fraction(2), max_points=Fraction(2))],
        submission_id="bob",
        assignment_id="csc413-2023",
    )
    fill(tmp_path, [("alice", report("alice", "2")), ("bob", other)])
    rules = {"csc413-2023": LateRule(percent_a_day=Fraction(50))}
    problems_of(tmp_path, lateness=Lateness(dict.fromkeys(("alice", "bob"), Fraction(2)), LateRule(), rules))
    assert [row["late_penalty"] for row in read(tmp_path)] == ["0", "1"]


def test_a_report_that_was_changed_by_hand_is_told(tmp_path: Path) -> None:
    out = fill(tmp_path, [("alice", report("alice"))])
    path = out / "alice" / "report.json"
    assert problems_of(out) == []
    path.write_text(path.read_text().replace('"score": 1', '"score": 3'))
    (problem,) = problems_of(out)
    assert problem.endswith("alice/report.json was changed by hand: 'grade' makes it again")


def test_reports_of_several_assignments_are_told(tmp_path: Path) -> None:
    other = report("bob", assignment_id="csc413-2023")
    (problem,) = problems_of(fill(tmp_path, [("alice", report("alice")), ("bob", other)]))
    assert "of several assignments (csc413-2020, csc413-2023)" in problem and "--out" in problem
