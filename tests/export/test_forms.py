"""The final report: what a student is told, and what a marker sees."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import report_sample as sample
from export_sample import HOSTILE, line, marked, points, report_of

from grader.examined import BEFORE_LATENESS
from grader.export.forms import marker_form, student_form
from grader.marking.verdicts import Flag
from grader.marks.line import Deduction, FinalLine, Student
from grader.report import Report


def student(one: FinalLine, report: Report) -> tuple[str, str]:
    """Page and feedback."""
    files = student_form(one, report)
    assert set(files) == {"report.html", "feedback.md"}
    return files["report.html"].decode(), files["feedback.md"].decode()


def shown(page: str) -> str:
    """The text that a browser shows."""
    texts: list[str] = []
    parser = HTMLParser()
    parser.handle_data = texts.append  # type: ignore[method-assign]
    parser.feed(page.partition("</style>")[2])
    return " ".join(" ".join(texts).split())


def test_a_student_sees_the_points_that_count_the_comments_and_how_the_mark_follows() -> None:
    one = line(
        Student("0012", "Alice Example"),
        points("manual.a1", "3", comment="Say why."),
        points("cnn.architecture", "2"),
        hand_in="alice",
        late="1/5",
    )
    one = replace(
        one, deductions=(Deduction("neatness", Fraction(1, 2), "bob", "Name the axes."),), comment="Well done."
    )
    page, feedback = student(one, report_of("alice"))
    for text in (shown(page), feedback.replace("\\", "")):
        for part in (
            *("Alice Example", "Final", "2 / 2", "3 / 4", "Say why.", "Well done.", "5.6", "8"),
            *("The points add up to 7.", "0.5 points off for neatness: Name the axes.", "2 hours count"),
        ):
            assert part in text, part
        for hidden in ("bob", "A person marks this", "still to be marked"):
            assert hidden not in text


def test_a_student_sees_nothing_that_is_for_markers_alone() -> None:
    """Flags, reasons, seeds, expected curves and what was tried."""
    report = replace(sample.everything(), flags=(Flag("two-files", "STAFF-NOTE"), *sample.everything().flags))
    one = line("alice", replace(points("manual.c2", "1"), reason="STAFF-REASON"), report=report)
    for text in student(one, report):
        for hidden in (
            "STAFF-NOTE",
            "STAFF-REASON",
            "20261",
            "20,261",
            "239,872",
            "two-files",
            "tolerance",
            sample.SHA,
        ):
            assert hidden not in text, hidden
        assert "print(network(torch.ones(1, 1, 4, 4)).sum())" in text.replace("&#40;", "(")


def test_a_marker_sees_who_gave_what_in_place_of_what_and_why() -> None:
    report = report_of("alice", flags=(Flag("late", "Handed in late."),))
    override = replace(points("cnn.architecture", "2", by="bob"), reason="Right in another way.")
    ((name, content),) = marker_form(line("alice", override, report=report), report).items()
    text = shown(content.decode())
    assert name == "marker.html"
    for part in (
        "bob gave 2 points in place of the grader's 1.25: Right in another way.",
        "Handed in late.",
        "4 points",
    ):
        assert part in text, part
    assert "This mark was given for an earlier hand-in" not in text
    earlier = replace(override, version=replace(override.version, sha256="00"))
    ((_, content),) = marker_form(line("alice", earlier, report=report), report).items()
    assert "This mark was given for an earlier hand-in: confirm it" in shown(content.decode())


def test_no_form_says_that_lateness_is_still_to_be_taken_off() -> None:
    report = report_of("alice", remarks=(BEFORE_LATENESS, "Both orders are accepted."))
    for late in (None, "1/5"):
        one = marked("alice", report=report, late=late)
        for text in (*student(one, report), marker_form(one, report)["marker.html"].decode()):
            assert "Both orders are accepted" in text and "before it" not in text


def test_hostile_text_shows_as_text_in_both_forms() -> None:
    one = line(Student(HOSTILE, HOSTILE), points("cnn.shapes", "1", comment=HOSTILE, by=HOSTILE), hand_in="alice")
    one = replace(one, comment=HOSTILE)
    report = report_of("alice")
    for text in (*student(one, report), marker_form(one, report)["marker.html"].decode()):
        assert "\x1b" not in text and "\u202e" not in text and "<b>" not in text


def test_a_criterion_that_only_the_rubric_has_is_shown_by_its_id(tmp_path: Path) -> None:
    one = marked("alice")
    one = replace(one, criteria=(*one.criteria, replace(one.criteria[0], id="new.criterion")))
    page, feedback = student(one, report_of("alice"))
    assert "new.criterion" in page and "new.criterion" in feedback
