"""What all forms of the report share: parts, points, reasons, and texts cut to size."""

from __future__ import annotations

from fractions import Fraction

import pytest
import report_sample as sample
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.marking.verdicts import Outcome
from grader.report import summary
from grader.report.as_html import to_html
from grader.report.as_markdown import to_markdown
from grader.report.as_terminal import to_terminal


@pytest.mark.parametrize(
    ("feedback", "reason"),
    [
        ("The bias is missing. Leave out bias=False.", "The bias is missing."),
        ("It has 8.5 of v1.2 at line 3, e.g. this one.", "It has 8.5 of v1.2 at line 3, e.g. this one."),
        ("\n\n First line\nsecond line", "First line"),
        ("", ""),
        ("x" * 300, "x" * 199 + "…"),
        ("a\x1b[31m\u202e b", "a\\x1b[31m\\u202e b"),
    ],
)
def test_a_reason_is_the_first_sentence_on_one_line(feedback: str, reason: str) -> None:
    assert summary.reason(sample.mark(feedback=feedback)) == reason


def test_only_what_lost_points_or_ended_in_our_error_is_to_look_at() -> None:
    marks = [sample.mark(outcome.value, outcome) for outcome in Outcome]
    assert [mark.id for mark in summary.to_look_at(sample.report(marks))] == ["partial", "fail", "error"]


@pytest.mark.parametrize(
    ("bonus", "sentence"),
    [
        (0, ""),
        (4, "1 bonus point counts in the score but not in the maximum of 1, so the score can reach 2."),
        (2, "0.5 bonus points count in the score but not in the maximum of 1, so the score can reach 1.5."),
    ],
)
def test_a_bonus_is_explained_where_there_is_one(bonus: int, sentence: str) -> None:
    extra = sample.mark("dilated.values", bonus=True, points=Fraction(0), max_points=sample.quarters(bonus))
    assert summary.bonus_sentence(sample.report([sample.mark(), extra])) == sentence


def test_marks_are_grouped_by_part_in_order() -> None:
    report = sample.everything()
    parts = summary.parts(report)
    assert [part.title for part in parts] == list(report.part_titles.values())
    assert [mark for part in parts for mark in part.marks] == list(report.sheet.marks)
    assert sum(part.points for part in parts) == report.sheet.score
    assert sum(part.max_points for part in parts if not part.bonus) == report.sheet.max_score
    assert sum(part.open_points for part in parts) == report.sheet.pending_points


def test_a_part_without_a_title_is_shown_by_its_id() -> None:
    assert summary.parts(sample.report([sample.mark(part="d")]))[0].title == "d"


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        (sample.mark(), "1 / 1"),
        (sample.mark(outcome=Outcome.PENDING), "– / 1"),
        (sample.mark(outcome=Outcome.ERROR), "– / 1"),
        (sample.mark(outcome=Outcome.SKIPPED), "0 / 1"),
        (sample.mark(points=Fraction(0), max_points=Fraction(0)), "no points"),
    ],
)
def test_a_mark_shows_its_points(mark: sample.Mark, text: str) -> None:
    assert summary.marked(mark) == text


@settings(derandomize=True, max_examples=100)
@given(st.text(max_size=60), st.integers(1, 50))
def test_a_cut_text_keeps_both_ends_and_counts_what_is_missing(text: str, limit: int) -> None:
    cut = summary.bounded(text, limit)
    if len(text) <= limit:
        assert cut == text
    else:
        head, note, tail = cut.rpartition(f"\n… {len(text) - limit:,} characters left out …\n")
        assert note and len(head) + len(tail) == limit
        assert text.startswith(head) and text.endswith(tail)


def test_every_form_says_which_files_were_examined_and_why_these():
    report = sample.everything()
    examined, why = summary.which_files(report)
    assert examined == "Examined: a2-cnn.ipynb, parts/preprocessing.py." and why == report.choice[0]
    forms = [to_html(report), to_markdown(report), " ".join(to_terminal(report, width=110, colour=False).split())]
    for form in forms:
        assert "Examined: a2-cnn.ipynb, parts/preprocessing.py." in form
        assert "a2-cnn.ipynb counts, and not a2-old.ipynb" in form
    assert summary.which_files(sample.report(code_files=(), choice=())) == ()
