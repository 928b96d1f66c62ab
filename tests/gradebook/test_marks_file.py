"""A file of marks is taken whole or not at all, and every problem has its line."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import report_sample as sample
from gradebook_sample import fill, problems_of, read, report

from grader.gradebook.final import finals_of
from grader.gradebook.lists import ListError, Student
from grader.gradebook.marks_file import MarksFileError, Taken, read_marks
from grader.marking.rubric import Assignment
from grader.marks.events import Entry, Kind, Marks, standing_in
from grader.report import Run

HEAD = "id,criterion,points,comment,reason\n"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    run = sample.report().run
    known = Run(**{**vars(run), "details": {"known_as": ["carolc", "4711"]}})
    reports = [(id, report(id)) for id in ("alice", "0429", "bob+dave")]
    return fill(tmp_path / "reports", [*reports, ("carol_4711", report("carol_4711", run=known))])


def taken(out: Path, text: str, name: str = "marks.csv", **how: Any) -> Taken:
    path = out.parent / name
    path.write_text(text, "utf-8")
    return taken_from(out, path, **how)


def taken_from(out: Path, path: Path, *, reason: str = "", assignments: dict[str, Assignment] | None = None) -> Taken:
    with finals_of(out, lambda sentence: None, assignments=assignments) as finals:
        return read_marks(path, finals, reason=reason)


def put(out: Path, made: Taken) -> None:
    with Marks(out) as marks:
        marks.add(made.entries, by="ann")


def problems(out: Path, text: str, **how: Any) -> list[str]:
    with pytest.raises(MarksFileError) as refusal:
        taken(out, text, **how)
    return [problem.partition("marks.csv, ")[2] or problem for problem in refusal.value.problems]


def brief(entry: Entry) -> tuple[object, ...]:
    return entry.kind, entry.subject, entry.criterion, entry.points, entry.comment


@pytest.mark.parametrize("id", ["alice", "ALICE"])
@pytest.mark.parametrize("criterion", ["manual.a1", "Manual.A1", "A1", "a1"])
def test_a_mark_goes_to_the_hand_in_and_the_criterion_it_names(out: Path, id: str, criterion: str) -> None:
    (entry,) = taken(out, f"{HEAD}{id},{criterion},1.5,well put,\n").entries
    assert brief(entry) == (Kind.POINTS, "alice", "manual.a1", Fraction("1.5"), "well put")
    assert (entry.version.sha256, entry.version.maximum, entry.seen) == (sample.SHA, Fraction(5, 2), None)


@pytest.mark.parametrize("id", ["carol_4711", "carolc", "4711"])
def test_a_student_may_be_named_by_whatever_the_platform_knows(out: Path, id: str) -> None:
    assert [entry.subject for entry in taken(out, f"{HEAD}{id},manual.a1,1,,\n").entries] == ["carol_4711"]


@pytest.mark.parametrize("id", ["bob", "dave", "bob+dave"])
def test_a_mark_of_a_member_is_the_groups(out: Path, id: str) -> None:
    assert [entry.subject for entry in taken(out, f"{HEAD}{id},manual.a1,1,,\n").entries] == ["bob+dave"]


def test_members_of_a_group_may_say_the_same_but_not_differ(out: Path) -> None:
    assert len(taken(out, f"{HEAD}bob,manual.a1,1,,\ndave,manual.a1,1,,\n").entries) == 1
    assert problems(out, f"{HEAD}bob,manual.a1,1,,\ndave,manual.a1,2,,\n") == [
        "line 3: manual.a1 of 'bob+dave' is something else here than in "
        f"{out.parent / 'marks.csv'}, line 2: keep one of them"
    ]


@pytest.mark.parametrize(
    ("text", "points"), [("1.5", "3/2"), ("1,5", "3/2"), ("1/3", "1/3"), ("0", "0"), ("2.5", "5/2")]
)
def test_points_are_exact(out: Path, text: str, points: str) -> None:
    (entry,) = taken(out, f'{HEAD}alice,manual.a1,"{text}",,\n').entries
    assert entry.points == Fraction(points)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("alic,manual.a1,1,,", "no report is of 'alic': did you mean 'alice'?"),
        ("429,manual.a1,1,,", "no report is of '429', which may be '0429' changed by a spreadsheet: mend it"),
        (",manual.a1,1,,", "the id is empty: fill it in or remove the line"),
        ("alice,manual.a9,1,,", "csc413-2020 has no criterion 'manual.a9': did you mean 'manual.a1'?"),
        ("alice,manual.a1,2.51,,", "manual.a1 of 'alice' must be 0 to 2.5, was 2.51"),
        ("alice,manual.a1,-1,,", "points must be a number of at least 0 such as 1.5 or 3/4, not '-1'"),
        ("alice,extension,-3,,", "extension must be a number of at least 0 such as 1.5 or 3/4, not '-3'"),
        ("alice,tokens,two,,", "tokens must be a number of at least 0 such as 1.5 or 3/4, not 'two'"),
        ("alice,neatness,some,,", "neatness must be a number of at least 0 such as 1.5 or 3/4, not 'some'"),
        ("alice,manual.a1,80%,,", "points must be a number of at least 0 such as 1.5 or 3/4, not '80%'"),
        ("alice,manual.a1,1e3,,", "points must be a number of at least 0 such as 1.5 or 3/4, not '1e3'"),
        ("alice,manual.a1,nan,,", "points must be a number of at least 0 such as 1.5 or 3/4, not 'nan'"),
        ("alice,manual.a1,1/0,,", "points must be a number of at least 0 such as 1.5 or 3/4, not '1/0'"),
        ("alice,manual.a1,٣,,", "points must be a number of at least 0 such as 1.5 or 3/4, not '٣'"),
        (
            "alice,manual.a1,01-May,,",
            "'01-May' is a date that a spreadsheet made of a number: write the number as text",
        ),
        ("alice,tokens,1.5,,", "tokens must be a whole number, was 1.5"),
        ("bob+dave,extension,5,,", "extension is each student's own: name the student and not the group"),
        (
            "alice,neatness,0.46,,",
            "neatness of 'alice' may cost at most 0.45 points (10 % of 4.5), was 0.46",
        ),
        (
            "alice,cnn.shapes,2,,",
            "cnn.shapes of 'alice' has 1 by the grader and 2 here: say why, in a column 'cnn.shapes:reason' (or "
            "'reason', in a list of marks) or with --reason",
        ),
    ],
)
def test_a_line_that_is_wrong_is_told(out: Path, line: str, sentence: str) -> None:
    assert problems(out, f"{HEAD}alice,manual.a1,1,,\n{line}\n") == [f"line 3: {sentence}"]


def test_all_problems_are_told_and_nothing_is_taken(out: Path) -> None:
    wrong = "".join(f"nobody{place},manual.a1,1,,\n" for place in range(30))
    with pytest.raises(MarksFileError) as refusal:
        taken(out, f"{HEAD}{wrong}")
    assert len(refusal.value.problems) == 30
    assert str(refusal.value).splitlines()[-1] == "and 10 more"


@pytest.mark.parametrize("source", ["a column", "the command"])
def test_points_in_place_of_the_graders_have_a_reason(out: Path, source: str) -> None:
    in_line = "the slip is small" if source == "a column" else ""
    made = taken(out, f"{HEAD}alice,cnn.shapes,0.5,,{in_line}\n", reason="" if in_line else "the slip is small")
    (entry,) = made.entries
    assert (entry.points, entry.reason, made.replacing) == (Fraction(1, 2), "the slip is small", 1)


def test_the_very_gradebook_can_be_filled_in_and_says_nothing_new_afterwards(out: Path) -> None:
    problems_of(out)
    rows = read(out)
    for row in rows:
        if row["id"] in ("alice", "dave"):
            row |= {"manual.a1": "1,5" if row["id"] == "alice" else "2", "comment": "=1+1 \u202ex <b>"}
    path = out / "filled.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    made = taken_from(out, path)
    assert {brief(entry) for entry in made.entries} == {
        (Kind.POINTS, "alice", "manual.a1", Fraction("1.5"), ""),
        (Kind.COMMENT, "alice", "", None, "=1+1 \u202ex <b>"),
        (Kind.POINTS, "bob+dave", "manual.a1", Fraction(2), ""),
        (Kind.COMMENT, "bob+dave", "", None, "=1+1 \u202ex <b>"),
    }
    put(out, made)
    problems_of(out)
    assert [row["comment"] for row in read(out) if row["id"] == "alice"] == ["'=1+1 \\u202ex <b>"]
    assert taken_from(out, out / "gradebook.csv").entries == ()
    assert standing_in(out).of("alice")[Kind.COMMENT, ""].comment == "=1+1 \u202ex <b>"


def test_a_mark_of_a_third_is_not_rounded_by_the_gradebook_that_shows_it(out: Path) -> None:
    put(out, taken(out, f"{HEAD}alice,manual.a1,1/3,,\n"))
    problems_of(out)
    assert next(row["manual.a1"] for row in read(out) if row["id"] == "alice") == "0.33"
    assert taken_from(out, out / "gradebook.csv").entries == ()


def test_wide_columns_may_have_comments_and_reasons(out: Path) -> None:
    text = "id,manual.a1,manual.a1:comment,cnn.shapes,cnn.shapes:reason,Section\nalice,1,hm,2,a slip,L01\nbob,,,,,L02\n"
    made = taken(out, text)
    assert [(entry.criterion, entry.points, entry.comment, entry.reason) for entry in made.entries] == [
        ("manual.a1", 1, "hm", ""),
        ("cnn.shapes", 2, "", "a slip"),
    ]
    assert made.ignored == ("Section",)


@pytest.mark.parametrize(
    ("heading", "sentence"),
    [
        ("id,manual.a11", "line 1: no criterion is called 'manual.a11': did you mean 'manual.a1'?"),
        ("id,manual.a1:coment", "line 1: after 'manual.a1:' must stand comment or reason, was 'coment'"),
        ("id,manual.a1,A1", "line 1: the column 'A1' is there twice"),
        (
            "id,quality",
            "line 1: no column is a criterion, were id, quality: name them by their ids, or give the columns "
            "id, criterion and points",
        ),
        (
            "who,manual.a1",
            "line 1: one column must be the student's id, were who, manual.a1: name it 'id' in that line",
        ),
        ("id,criterion", "line 1: a column must be 'points' or 'comment': name it in the first line"),
    ],
)
def test_headings_that_cannot_be_used_are_told(out: Path, heading: str, sentence: str) -> None:
    assert problems(out, f"{heading}\nalice,1\n") == [sentence]


def test_a_comment_may_come_without_points_and_points_without_a_comment(out: Path) -> None:
    made = taken(out, f"{HEAD}alice,manual.a1,,think again,\n0429,manual.a1,2,,\nalice,comment,,on the whole good,\n")
    assert [brief(entry)[0::2] for entry in made.entries] == [
        (Kind.COMMENT, "manual.a1", "think again"),
        (Kind.POINTS, "manual.a1", ""),
        (Kind.COMMENT, "", "on the whole good"),
    ]


def test_extensions_tokens_and_neatness_are_taken(out: Path) -> None:
    text = f"{HEAD}dave,extension,24,ill,\nalice,tokens,2,,\nalice,neatness,-0.4,not typed,\n"
    assert [brief(entry) for entry in taken(out, text).entries] == [
        (Kind.EXTENSION, "dave", "", 24, "ill"),
        (Kind.TOKENS, "alice", "", 2, ""),
        (Kind.DEDUCTION, "alice", "neatness", Fraction(2, 5), "not typed"),
    ]


def test_what_somebody_else_decided_meanwhile_is_not_replaced(out: Path) -> None:
    made = taken(out, f"{HEAD}alice,manual.a1,1,,\n")
    put(out, taken(out, f"{HEAD}alice,manual.a1,2,,\n"))
    with pytest.raises(Exception, match="is not as it was shown: ann has decided it"):
        put(out, made)
    assert standing_in(out).of("alice")[Kind.POINTS, "manual.a1"].points == 2


def test_a_student_without_a_hand_in_cannot_be_marked(out: Path) -> None:
    path = out.parent / "marks.csv"
    path.write_text(f"{HEAD}eve,manual.a1,1,,\n")
    roster = [Student("eve", "Eve", ""), Student("alice", "Alice", "alice@example.org")]
    with finals_of(out, lambda sentence: None, roster=roster) as finals:
        with pytest.raises(ListError, match="'eve' has handed nothing in, so there is nothing to mark"):
            read_marks(path, finals)
        path.write_text(f"{HEAD}alice@example.org,manual.a1,1,,\n")
        assert read_marks(path, finals).hand_ins == 1


def test_a_filled_report_is_taken(out: Path) -> None:
    path = out / "alice" / "feedback.md"
    path.write_text(path.read_text().replace("**– / 2.5**", "**2 / 2.5**"))
    assert [brief(entry)[:4] for entry in taken_from(out, path).entries] == [(Kind.POINTS, "alice", "manual.a1", 2)]
    document = json.loads((out / "alice" / "report.json").read_text())
    document["criteria"][1]["points"] = 1
    (out / "report.edited-1.json").write_text(json.dumps(document))
    made = taken_from(out, out / "report.edited-1.json")
    assert [brief(entry)[:4] for entry in made.entries] == [(Kind.POINTS, "alice", "manual.a1", 1)]


def test_what_was_typed_into_the_gradebook_is_offered(out: Path) -> None:
    problems_of(out)
    path = out / "gradebook.csv"
    path.write_text(path.read_text().replace(",,pending", ",2,pending", 2))
    (sentence,) = problems_of(out)
    assert sentence.endswith(
        "what was in it is kept as gradebook.edited-1.csv; 2 marks were typed into it: 'gradebook marks' takes them "
        "from that copy"
    )
    assert len(taken_from(out, out / "gradebook.edited-1.csv").entries) == 2
