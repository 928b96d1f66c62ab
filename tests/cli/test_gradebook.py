"""The ``gradebook`` command: a table and two files, and one sentence for input that cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import report_sample as sample
from cohort_sample import RUBRIC, Course, rubric
from gradebook_sample import fill, read, report
from places import ROOT

from grader.cli.gradebook import main
from grader.marking.verdicts import Flag, Outcome
from grader.report import Report
from grader.store.folder import Store


def test_summary_makes_both_files_and_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "reports", [("alice", report("alice")), ("bob", report("bob", "2"))])
    (tmp_path / "roster.csv").write_text("id,name\nalice,Alice\nbob,Bob\ncarol,Carol\n")
    (tmp_path / "late.csv").write_text("id,hours_late\nbob,2\n")
    lists = ["--roster", str(tmp_path / "roster.csv"), "--late", str(tmp_path / "late.csv"), "--percent-a-day", "50"]
    assert main(["summary", str(tmp_path / "reports"), *lists]) == 0
    out_text, error_text = capsys.readouterr()
    assert error_text == ""
    assert out_text.splitlines()[:5] == [
        "assignment        hand-ins   marked     mean   median   passed",
        "csc413-2020              2        0        –        –        –",
        "Mean, median and share of passes are over the 0 students whose marking is done.",
        "2 examined, 1 handed nothing in",
        "Not in these figures: 2 with open points or flags.",
    ]
    assert [(row["id"], row["name"], row["score"], row["late_penalty"]) for row in read(tmp_path / "reports")] == [
        ("alice", "Alice", "1", "0"),
        ("bob", "Bob", "2", "1"),
        ("carol", "Carol", "", ""),
    ]
    assert (tmp_path / "reports" / "index.html").exists()


def test_the_figures_are_over_the_students_of_the_roster_whose_marking_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def done(id: str, points: str, **changes: object) -> tuple[str, Report]:
        mark = sample.mark("cnn.shapes", Outcome.PARTIAL, points=Fraction(points), max_points=Fraction(4))
        return id, sample.report([mark], submission_id=id, **changes)

    flagged = done("flagged", "4", flags=(Flag("late", "Late."),))
    broken = ("broken", sample.report([sample.mark("cnn.shapes", Outcome.ERROR)], submission_id="broken"))
    reports = [done("alice", "1"), done("bob", "2"), done("carol", "4"), done("ta", "4"), done("stranger", "4")]
    out = fill(tmp_path / "reports", [*reports, flagged, broken])
    names = ["alice", "bob", "carol", "flagged", "broken", "absent"]
    rows = "".join(f"{name},{name.title()},student\n" for name in names)
    (tmp_path / "roster.csv").write_text(f"id,name,role\n{rows}ta,Tom,Teaching Assistant\nprof,Pat,Instructor\n")
    assert main(["summary", str(out), "--roster", str(tmp_path / "roster.csv")]) == 0
    assert capsys.readouterr().out.splitlines()[1:5] == [
        "csc413-2020              7        3   58.3 %   50.0 %   66.7 %",
        "Mean, median and share of passes are over the 3 students whose marking is done.",
        "2 examined, 5 marked, 1 with a grader error, 1 handed nothing in",
        "Not in these figures: 1 with open points or flags, 1 that the grader could not mark, 1 of staff, 1 of nobody "
        "on the roster.",
    ]


def test_summary_speaks_of_lateness_only_where_it_takes_points_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = fill(tmp_path / "reports", [("alice", report("alice", "2"))])
    (tmp_path / "late.csv").write_text("id,hours_late\nalice,30\n")
    for options, said in (
        (["--late", str(tmp_path / "late.csv")], False),
        (["--percent-a-day", "10", "--grace", "48"], False),
        (["--percent-a-day", "10"], True),
    ):
        assert main(["summary", str(out), *options]) == 0
        assert ("show the marks before." in capsys.readouterr().out) == said, options


def test_a_rule_that_was_given_stays_and_goes_with_its_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = fill(tmp_path / "reports", [("alice", report("alice", "2"))])
    (tmp_path / "late.csv").write_text("id,hours_late\nalice,30\n")

    def scores(*arguments: str) -> list[str | None]:
        assert main(["summary", str(out), *arguments]) == 0
        return [row.get("late_penalty") for row in read(out)]

    rule = ["--percent-a-day", "10", "--grace", "7", "--cap", "15.5"]
    assert scores() == [None]
    assert capsys.readouterr().err == ""
    assert scores("--late", str(tmp_path / "late.csv")) == ["0"]
    assert "nothing is taken off for lateness in csc413-2020" in capsys.readouterr().err
    assert scores(*rule) == ["0.2"]
    assert scores() == ["0.2"]
    assert scores("--percent-a-day", "50") == ["2"]
    assert scores("--late", "none") == [None]
    assert capsys.readouterr().err == ""
    assert scores("--late", str(tmp_path / "late.csv")) == ["0"]
    assert "nothing is taken off" in capsys.readouterr().err
    (out / "late-rule.json").write_text('{"grace_hours": "1/0", "percent_a_day": "1", "cap_percent": "1"}')
    assert main(["summary", str(out)]) == 2
    assert "late-rule.json was not written by 'gradebook summary': delete it" in capsys.readouterr().err


def test_notes_for_markers_are_those_of_the_rubric_that_was_graded_by(tmp_path: Path) -> None:
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
    out_text, error_text = capsys.readouterr()
    assert out_text == "" and error_text.count("\n") == 1
    assert "there are no reports in" in error_text
    assert {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()} == mine


def test_what_was_typed_into_the_gradebook_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = fill(tmp_path / "reports", [("alice", report("alice"))])
    assert main(["summary", str(out)]) == 0
    typed = (out / "gradebook.csv").read_text().replace("pending", "2.5", 1)
    (out / "gradebook.csv").write_text(typed)
    capsys.readouterr()
    for edited in (True, False):
        assert main(["summary", str(out)]) == 0
        assert ("is kept as gradebook.edited-1.csv" in capsys.readouterr().err) == edited
    assert (out / "gradebook.edited-1.csv").read_text() == typed
    (out / ".written.json").write_text("[]")
    (out / "gradebook.csv").write_text("of an older version")
    assert main(["summary", str(out)]) == 0
    assert "gradebook.edited-2.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gone"], "there is no folder gone"),
        (["file"], "file is a file, not a folder for reports"),
        (["reports", "--roster", "gone.csv"], "gone.csv cannot be read"),
        (["reports", "--roster", "file"], "line 1: one column must be the id"),
        (["reports", "--late", "file"], "line 1: the columns must be id and hours_late"),
        (["reports", "--due", "noon"], "the deadline must be a time in ISO 8601 with its time zone, was 'noon'"),
        (["reports", "--due", "2026-11-21T23:59:00"], "with its time zone, was '2026-11-21T23:59:00'"),
        (["reports", "--grace", "1"], "add --late FILE"),
        (["reports", "--grace", "1", "--due", "none"], "add --late FILE or --due TIME"),
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
    out_text, error_text = capsys.readouterr()
    assert out_text == ""
    assert error_text.startswith("gradebook: ")
    assert sentence in error_text
    assert error_text.count("\n") == 1


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


DEAR = RUBRIC.replace("points: 4", "points: 6").replace("shape, points: 1", "shape, points: 3", 1)


def marks(course: Course) -> tuple[list[tuple[str, str]], list[float]]:
    """Scores as the gradebook has them, and the maximum as the reports have it."""
    scores = [(row["score"], row["max_score"]) for row in course.gradebook()]
    return scores, [course.report(row["id"])["max_score"] for row in course.gradebook()]


def test_another_rubric_marks_the_reports_that_are_there_and_is_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = Course(tmp_path)
    course.grade(course.cohort(2))
    other = tmp_path / "other.yaml"
    other.write_text(DEAR)
    assert main(["summary", str(course.out), "--rubric", str(other)]) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "gradebook: the reports are marked by another rubric than before; 2 differences:",
        "gradebook: csc321-2018, part a: points 4 → 6",
        "gradebook: csc321-2018, cnn.shapes: points 1 → 3",
    ]
    assert "2 reports show the marks of the rubric before" in said.out
    assert marks(course) == ([("3", "6"), ("4", "6")], [4, 4])
    other.unlink()
    assert main(["summary", str(course.out), "--pages"]) == 0
    said = capsys.readouterr()
    assert said.err == "" and "2 reports were made again" in said.out and "before" not in said.out
    assert marks(course) == ([("3", "6"), ("4", "6")], [6, 6])
    assert course.grade(course.cohort(2), course.grader(DEAR)).summary.resumed == 2


def test_a_remembered_rubric_that_was_edited_is_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = Course(tmp_path)
    course.grade(course.cohort(2))
    (course.out / "rubric.yaml").write_text(DEAR)
    assert main(["summary", str(course.out)]) == 0
    assert "cnn.shapes: points 1 → 3" in capsys.readouterr().err
    assert marks(course)[0] == [("3", "6"), ("4", "6")]


@pytest.mark.parametrize("edited", [False, True])
def test_a_rubric_with_a_share_for_no_known_mistake_is_refused_and_nothing_is_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edited: bool
) -> None:
    course = Course(tmp_path)
    course.grade(course.cohort(1))
    assert main(["summary", str(course.out)]) == 0
    capsys.readouterr()
    before = (course.out / "gradebook.csv").read_bytes()
    other = course.out / "rubric.yaml" if edited else tmp_path / "other.yaml"
    other.write_text(DEAR.replace("    parts:", "    mistakes: {unet-skip-mising: 0.5}\n    parts:"))
    assert main(["summary", str(course.out), *([] if edited else ["--rubric", str(other)])]) == 2
    assert "'unet-skip-mising' under mistakes of 'csc321-2018' is not a known mistake" in capsys.readouterr().err
    assert (course.out / "gradebook.csv").read_bytes() == before


def test_what_must_be_examined_again_is_open_until_then_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = Course(tmp_path)
    course.grade(course.cohort(2))
    other = tmp_path / "other.yaml"
    other.write_text(RUBRIC.replace("check: parameters", "check: training"))
    assert main(["summary", str(course.out), "--rubric", str(other), "--pages"]) == 0
    said = capsys.readouterr()
    assert "by number of reports: cnn.parameters in 2." in said.out
    assert "0 reports were made again" in said.out
    assert [(row["score"], row["pending_points"]) for row in course.gradebook()] == [("1", "3"), ("1", "3")]


def test_a_remembered_rubric_that_is_damaged_is_refused_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = Course(tmp_path)
    course.grade(course.cohort(1))
    (course.out / "rubric.yaml").write_text("nonsense")
    assert main(["summary", str(course.out)]) == 2
    assert "or none for the one that comes with the grader" in capsys.readouterr().err
    assert main(["summary", str(course.out), "--rubric", "none"]) == 0
