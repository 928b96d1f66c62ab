"""What is shown during a run: one line per submission in a log, a bar on a terminal."""

from __future__ import annotations

from fractions import Fraction
from io import StringIO

from rich.console import Console

from grader.cohort.events import Line
from grader.cohort.progress import Lines, LiveBar

ALICE = Line("alice", "csc321-2018", Fraction(1), Fraction(4), Fraction(2), Fraction(50), "needs_review", 0.61, False)


def console(*, terminal: bool) -> tuple[Console, StringIO]:
    file = StringIO()
    return Console(file=file, force_terminal=terminal, width=100, color_system=None), file


def test_a_line_has_the_marks_and_the_seconds_of_a_submission() -> None:
    into, file = console(terminal=False)
    with Lines(into, 2) as lines:
        lines.started("alice")
        lines.stage("alice", "loading")
        lines.finished(ALICE)
    assert file.getvalue() == "[1/2] alice: csc321-2018, 1 / 4, 2 pending, needs review, 0.6 s\n"


def test_a_report_that_is_resumed_says_so_in_place_of_the_seconds() -> None:
    into, file = console(terminal=False)
    with Lines(into, 1) as lines:
        lines.finished(Line("bob", "csc321-2018", Fraction(2), Fraction(4), Fraction(0), None, "graded", 0.5, True))
    assert file.getvalue() == "[1/1] bob: csc321-2018, 2 / 4, examined, as before\n"


def test_hostile_ids_and_markup_are_shown_as_text() -> None:
    into, file = console(terminal=False)
    with Lines(into, 1) as lines:
        lines.problem("[red]\x1b[31m", "it [b]failed[/b]")
        lines.problem("", "two assignments")
    assert file.getvalue() == "[red]\\x1b[31m: it [b]failed[/b]\ntwo assignments\n"


def test_the_bar_shows_the_mean_and_the_submissions_that_have_run_longest() -> None:
    into, file = console(terminal=True)
    with LiveBar(into, 6) as bar:
        for id in ("alice", "bob", "carol", "dan", "eve"):
            bar.started(id)
            bar.stage(id, f"loading {id}")
        bar.finished(ALICE)
        into.print(bar._shown())
    text = file.getvalue()
    assert "1/6" in text and "mean mark so far 50 % of the decided points" in text
    assert "bob: loading bob, 0 s" in text and "dan: loading dan" in text
    assert "eve: loading eve" not in text
