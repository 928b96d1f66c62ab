"""Marks of people from the command line: taken in, shown with their history, taken back, confirmed, copied."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import report_sample as sample
from cohort_sample import RUBRIC
from gradebook_sample import fill, read

from grader.cli.gradebook import main
from grader.marking.verdicts import Flag, Outcome
from grader.marks.database import MARKS
from grader.marks.events import Marks

FLAG = Flag("late", "Handed in late.")


def one(id: str, sha256: str = sample.SHA, most: str = "2", **changes: object) -> tuple[str, object]:
    marks = [
        sample.mark("unet.shapes", Outcome.PARTIAL, points=Fraction(1, 2), share=Fraction(1, 2)),
        sample.mark("manual.a1", Outcome.PENDING, max_points=Fraction(most)),
    ]
    sheet = sample.sheet(marks, "needs_review" if changes.get("flags") else "graded")
    return id, sample.report(submission_id=id, sha256=sha256, sheet=sheet, **changes)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return fill(tmp_path / "reports", [one("alice"), one("bob")])  # type: ignore[list-item]


def marks(out: Path, text: str, *options: str) -> int:
    path = out.parent / "marks.csv"
    path.write_text(f"id,criterion,points,comment,reason\n{text}")
    return main(["marks", str(out), str(path), "--by", "ann", *options])


def column(out: Path, name: str) -> list[str]:
    return [row[name] for row in read(out)]


def test_marks_are_in_the_gradebook_once_they_are_taken(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert marks(out, "alice,manual.a1,1.5,well put,\nbob,unet.shapes,1,,the slip is small\n") == 0
    assert capsys.readouterr() == (
        "Taken: 2 new entries for 2 hand-ins, 1 of them in place of the grader's points; 0 cells say what is known.\n",
        "",
    )
    assert column(out, "score") == ["2", "1"]
    assert column(out, "by_hand") == ["1.5", "1"]
    assert column(out, "stage") == ["marked", "examined"]
    assert column(out, "mark") == ["2", ""]


def test_a_dry_run_takes_nothing(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert marks(out, "alice,manual.a1,1.5,,\n", "--dry-run") == 0
    assert capsys.readouterr().out.startswith("Would take 1 new entry for 1 hand-in;")
    assert not (out / MARKS).exists()


def test_of_a_file_with_one_wrong_line_nothing_is_taken(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert marks(out, "alice,manual.a1,1.5,,\neve,manual.a1,1,,\nbob,manual.a1,9,,\n") == 2
    errors = capsys.readouterr().err.splitlines()
    assert [line.partition("marks.csv, ")[2][:6] for line in errors] == ["line 3", "line 4"]
    assert all(line.startswith("gradebook: ") for line in errors)
    assert not (out / MARKS).exists()


def test_a_mark_keeps_its_history_over_a_regrade_another_rubric_and_an_override(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks(out, "alice,manual.a1,2,good,\n")
    marks(out, "alice,unet.shapes,1,,the slip is small\n")
    # The student hands in again, and the rubric gives less for the question.
    fill(out, [one("alice", "ab" * 32, most="1")])  # type: ignore[list-item]
    capsys.readouterr()
    assert main(["summary", str(out)]) == 0
    told = capsys.readouterr().err
    assert "1 mark was given for an earlier hand-in (alice unet.shapes)" in told
    assert "1 mark is above what the rubric gives now (alice manual.a1)" in told
    assert column(out, "stage")[0] == "examined"
    assert column(out, "score")[0] == "3"
    assert main(["confirm", str(out), "alice", "--by", "bea"]) == 0
    assert capsys.readouterr() == ("Confirmed: 2 marks.\n", "")
    assert column(out, "stage")[0] == "marked"
    assert main(["history", str(out), "alice"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("Z ")[1] for line in lines] == [
        'ann: alice manual.a1 = 2 of 2 points for hand-in 3f3f3f3f "good"',
        "ann: alice unet.shapes = 1 of 1 point for hand-in 3f3f3f3f because: the slip is small",
        "bea: alice unet.shapes = 1 of 1 point (confirms what ann gave) for hand-in abababab "
        "because: the slip is small",
        'bea: alice manual.a1 = 2 of 1 point (confirms what ann gave) for hand-in abababab "good"',
    ]


def test_what_was_decided_can_be_taken_back_and_brought_back(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks(out, "alice,manual.a1,1.5,,\n")
    assert main(["undo", str(out), "1", "--by", "bea", "--reason", "the wrong student"]) == 0
    assert column(out, "manual.a1") == ["", ""]
    assert main(["undo", str(out), "2", "--by", "bea"]) == 0
    assert column(out, "manual.a1") == ["1.5", ""]
    capsys.readouterr()
    assert main(["undo", str(out), "7", "--by", "bea"]) == 2
    assert (
        capsys.readouterr().err == "gradebook: there is no event 7: 'gradebook history' lists them with their numbers\n"
    )
    main(["history", str(out)])
    history = capsys.readouterr().out.splitlines()
    assert "manual.a1 = 1.5 of 2 points" in history[0]
    assert ["[undone]" in line for line in history] == [False, True, False]
    assert "undoes 1 because: the wrong student" in history[1]


def test_a_flag_is_resolved_with_a_word_and_can_be_opened_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = fill(tmp_path / "reports", [one("alice", flags=(FLAG,)), one("bob", flags=(FLAG,))])  # type: ignore[list-item]
    marks(out, "alice,manual.a1,1,,\nbob,manual.a1,1,,\n")
    assert column(out, "stage") == ["examined", "examined"]
    assert main(["flag", str(out), "alice", "--resolve", "ill, with a note", "--by", "ann"]) == 0
    assert (column(out, "stage"), column(out, "flags")) == (["marked", "examined"], ["0", "1"])
    assert main(["flag", str(out), "--kind", "late", "--resolve", "all settled", "--by", "ann"]) == 0
    assert column(out, "stage") == ["marked", "marked"]
    assert main(["flag", str(out), "alice", "--reopen", "--by", "ann"]) == 0
    assert column(out, "stage") == ["examined", "marked"]
    capsys.readouterr()
    assert main(["flag", str(out), "--kind", "lost", "--resolve", "x", "--by", "ann"]) == 2
    assert capsys.readouterr().err == "gradebook: there is no flag of the kind 'lost': the flags are late\n"


def test_only_what_has_an_open_flag_needs_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = fill(tmp_path / "reports", [one("alice", flags=(FLAG,)), one("bob", flags=(FLAG,))])  # type: ignore[list-item]
    marks(out, "alice,manual.a1,1,,\nbob,manual.a1,1,,\n")

    def said() -> tuple[list[str], int]:
        """What the summary counts, and how often the page says that something needs review."""
        capsys.readouterr()
        assert main(["summary", str(out)]) == 0
        page = (out / "index.html").read_text("utf-8").partition("</style>")[2]
        everyone = page.partition('id="everyone"')[2]
        return capsys.readouterr().out.splitlines()[3:5], everyone.count("Needs review")

    assert said() == (["2 examined, 2 need review", "Not in these figures: 2 with open points or flags."], 2)
    assert main(["flag", str(out), "alice", "--resolve", "ill, with a note", "--by", "ann"]) == 0
    assert said() == (["1 examined, 1 marked, 1 needs review", "Not in these figures: 1 with open points or flags."], 1)
    assert main(["flag", str(out), "bob", "--resolve", "settled", "--by", "ann"]) == 0
    (counts, after), times = said()
    assert (counts, after.startswith("Written"), times, column(out, "status")) == ("2 marked", True, 0, ["graded"] * 2)
    assert "<dt>to be reviewed</dt><dd>0</dd>" in (out / "index.html").read_text("utf-8")


def test_a_person_chooses_between_two_hand_ins_of_a_student(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = fill(tmp_path / "reports", [one("alice"), one("alice+bob")])  # type: ignore[list-item]
    assert main(["choose", str(out), "alice", "alice+bob", "--by", "ann"]) == 0
    assert capsys.readouterr().out == "For alice counts alice+bob.\n"
    assert column(out, "id")[1:] == ["alice", "bob"]
    assert main(["choose", str(out), "alice", "alice", "--by", "ann"]) == 0
    assert column(out, "id") == ["alice", "bob"]
    assert main(["choose", str(out), "bob", "alice", "--by", "ann"]) == 2
    assert "'bob' is not in several hand-ins, so there is nothing to choose" in capsys.readouterr().err


def test_a_backup_is_whole(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", str(out)]) == 2
    assert "there are no marks of people yet" in capsys.readouterr().err
    marks(out, "alice,manual.a1,1,,\n")
    capsys.readouterr()
    copy = tmp_path / "copy"
    copy.mkdir()
    assert main(["backup", str(out), "--out", str(copy / MARKS)]) == 0
    assert capsys.readouterr().out.endswith("with 1 event, and checked.\n")
    with Marks(copy) as database:
        assert [event.subject for event in database.history()] == ["alice"]


def test_another_rubric_gives_its_own_totals_and_leaves_the_marks(tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.yaml"
    question = "          - {id: manual.a1, title: A1. Why, points: 2, look_for: A word.}\n"
    start, head, end = RUBRIC.partition("  csc413-2020:\n")
    rubric.write_text(
        start + head + end.replace("points: 1\n        criteria", "points: 3\n        criteria") + question
    )
    out = fill(tmp_path / "reports", [one("alice", assignment_id="csc413-2020")])  # type: ignore[list-item]
    assert marks(out, "alice,manual.a1,1.25,,\n") == 0
    rubric.write_text(rubric.read_text().replace(head, f"{head}    round: 0.5 up\n"))
    assert main(["summary", str(out), "--rubric", str(rubric)]) == 0
    assert (column(out, "manual.a1"), column(out, "score"), column(out, "mark")) == (["1.25"], ["1.75"], ["2"])


def test_a_folder_that_is_none_of_reports_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["marks", str(tmp_path), "x.csv"], ["history", str(tmp_path)], ["backup", str(tmp_path)]):
        assert main(command) == 2
        assert "there are no reports in" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []
