"""``gradebook export``: from a folder of reports and people's marks to the files that platforms take."""

from __future__ import annotations

import base64
import csv
import json
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from canvas_server import TOKEN, FakeCanvas, serving
from gradebook_sample import fill, report

from grader.cli.gradebook import main
from grader.export.targets import TARGETS
from grader.marks.events import Entry, Kind, Marks
from grader.report import Report

WORKSHEET = (
    "Identifier,Full name,Grade,Maximum Grade,Last modified (grade)\r\n"
    "Participant 7,Alice Example,,4.50,-\r\nParticipant 8,Bob Sample,,4.50,-\r\n"
)
GRADEBOOK = "Student,ID,Section,Homework (12)\n    Points Possible,,,4.50\nAlice Example,7,1,\nBob Sample,8,1,\n"
BLACKBOARD = (
    "Username\tFirst Name\tLast Name\tHomework [Total Pts: 4.5 Score] |12\n"
    "alice\tAlice\tExample\t\nbob\tBob\tSample\t\n"
)
FILES = {"moodle": WORKSHEET, "canvas": GRADEBOOK, "blackboard": BLACKBOARD}


def reports(folder: Path, *, group: bool = False) -> Path:
    """Alice and Bob, with a roster; what is marked by hand has its points."""
    made: list[tuple[str, Report]] = [("alice", report("alice")), ("bob", report("bob", "2"))]
    if group:
        made = [("pair", report("alice+bob"))]
    fill(folder / "reports", made)
    (folder / "roster.csv").write_text("id,name,email\nalice,Alice Example,alice@example.org\nbob,Bob Sample,\n")
    assert main(["summary", str(folder / "reports"), "--roster", str(folder / "roster.csv")]) == 0
    with Marks(folder / "reports") as marks:
        marks.add([Entry(Kind.POINTS, each.submission_id, "manual.a1", Fraction(2)) for _, each in made], by="carol")
    return folder / "reports"


def exported(folder: Path, target: str, *options: str) -> Path:
    """What the command wrote."""
    out = folder / "out"
    filled = []
    if target in FILES:
        (folder / "in.csv").write_bytes(FILES[target].encode())
        filled = ["--fill", str(folder / "in.csv")]
    assert main(["export", str(folder / "reports"), "--to", target, "--out", str(out), *filled, *options]) == 0
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one sentence with which the command ends."""
    capsys.readouterr()
    assert main(["export", *map(str, arguments)]) == 2
    out_text, error_text = capsys.readouterr()
    assert out_text == "" and error_text.count("\n") == 1 and error_text.startswith("gradebook: ")
    return error_text


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_writes_the_marks_of_people_and_grader(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    reports(tmp_path)
    capsys.readouterr()
    out = exported(tmp_path, target)
    out_text, error_text = capsys.readouterr()
    assert "Written: " in out_text
    assert error_text.count("\n") == (target == "github")  # which counts hundredths here
    assert {path.name for path in tmp_path.iterdir()} <= {"reports", "roster.csv", "in.csv", "out"}
    if target == "moodle":
        assert out.read_bytes() == WORKSHEET.replace("Example,,", "Example,3,").replace("le,,", "le,4,").encode()
    elif target == "canvas":
        assert out.read_text() == GRADEBOOK.replace("7,1,", "7,1,3").replace("8,1,", "8,1,4")
    elif target == "blackboard":
        assert out.read_text() == BLACKBOARD.replace("Example\t", "Example\t3").replace("Sample\t", "Sample\t4")
    elif target in ("csv", "nbgrader"):
        rows = rows_of(out)
        assert [row["mark" if target == "csv" else "score"] for row in rows] == ["3", "4"]
    elif target == "gradescope":
        assert {path.name: json.loads(path.read_text())["score"] for path in out.iterdir()} == {
            "alice.json": 3,
            "bob.json": 4,
        }
    elif target == "github":
        made = json.loads(base64.b64decode((out / "alice.txt").read_bytes()))
        assert sum(test["score"] for test in made["tests"]) == 300 and made["max_score"] == 450
    elif target == "junit":
        assert len(ElementTree.parse(out).getroot()) == 2
    elif target == "markus":
        assert (out / "criteria.csv").read_text().splitlines()[2] == "alice,1,2"
    else:
        assert out.read_bytes().startswith(b"PK")


@pytest.mark.parametrize("target", ["moodle", "canvas"])
def test_a_group_becomes_a_row_for_each_member(tmp_path: Path, target: str) -> None:
    reports(tmp_path, group=True)
    text = exported(tmp_path, target).read_text()
    assert text.count("3") == 2


def test_marks_that_are_not_complete_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "reports", [("alice", report("alice"))])
    exported(tmp_path, "csv")
    assert "1 of 1 marks are not complete" in capsys.readouterr().err


def test_bad_input_ends_with_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out, file = reports(tmp_path), tmp_path / "out", tmp_path / "in.csv"
    file.write_text(GRADEBOOK)
    (tmp_path / "empty").mkdir()
    for sentence, arguments in (
        ("--out is missing", [folder, "--to", "csv"]),
        ("--fill", [folder, "--to", "canvas", "--out", out]),
        ("--fill is for", [folder, "--to", "csv", "--out", out, "--fill", file]),
        ("no column of identifiers", [folder, "--to", "moodle", "--out", out, "--fill", file]),
        ("cannot be read", [folder, "--to", "moodle", "--out", out, "--fill", tmp_path / "absent"]),
        ("there is no folder", [tmp_path / "absent", "--to", "csv", "--out", out]),
        ("there are no reports in", [tmp_path / "empty", "--to", "csv", "--out", out]),
        ("no reports of 'other'", [folder, "--to", "csv", "--out", out, "--assignment", "other"]),
        ("would be lost", [folder, "--to", "canvas", "--out", file, "--fill", file]),
        ("--push sends to Canvas alone", [folder, "--to", "csv", "--out", out, "--push"]),
        ("--push needs CANVAS_API_URL", [folder, "--to", "canvas", "--push"]),
    ):
        assert sentence in refused(capsys, *arguments)
        assert not out.exists() and file.read_text() == GRADEBOOK


def test_reports_of_two_assignments_need_to_know_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "reports", [("alice", report("alice")), ("bob", report("bob", assignment_id="csc321-2018"))])
    arguments = [tmp_path / "reports", "--to", "csv", "--out", tmp_path / "out"]
    assert "--assignment with one of csc321-2018, csc413-2020" in refused(capsys, *arguments)
    out = exported(tmp_path, "csv", "--assignment", "csc321-2018")
    assert [row["id"] for row in rows_of(out)] == ["bob"]


def test_marks_are_sent_to_canvas_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("canvasapi", reason="canvasapi is not installed: it comes with the extra 'canvas'")
    reports(tmp_path)
    canvas = FakeCanvas(states=["completed"])
    with serving(canvas):
        monkeypatch.setenv("CANVAS_API_URL", canvas.url)
        monkeypatch.setenv("CANVAS_API_KEY", TOKEN)
        exported(tmp_path, "canvas")
        assert canvas.requests == []
        arguments = ["export", str(tmp_path / "reports"), "--to", "canvas", "--push", "--course", "1"]
        assert main([*arguments, "--column", "Assignment 2"]) == 0
    assert canvas.grades == {"501": "3", "502": "4"}
    assert "Sent to Canvas: 2 marks" in capsys.readouterr().out
