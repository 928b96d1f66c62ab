"""The report for a terminal, as a string that the caller prints: what a student reads after ``grade .``.

No text is taken for rich's markup, and control characters are shown and not obeyed.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.display import display
from grader.marking.evidence import Snippet
from grader.marking.sheet import Mark
from grader.marking.verdicts import Outcome
from grader.report import Report, numbers, summary
from grader.report.summary import PartSummary, block

__all__ = ["to_terminal"]


TEXT = 1_500
"""Most characters shown of one text."""
ROWS = 20
"""Most rows shown of one list. The other forms of the report show more."""
NARROWEST = 30
"""Fewest columns to which lines are fitted."""

STYLES = {
    Outcome.PASS: "green",
    Outcome.PARTIAL: "yellow",
    Outcome.FAIL: "red",
    Outcome.SKIPPED: "dim",
    Outcome.ERROR: "magenta",
    Outcome.PENDING: "cyan",
}
STATE_STYLES = {"graded": "green", "needs_review": "yellow", "ungradable": "red"}


def to_terminal(report: Report, *, width: int, colour: bool) -> str:
    """The report in lines of at most ``width`` columns (at least 30), with ANSI colours or without escape sequences."""
    text = StringIO()
    # Every setting is given, so the environment and the caller's stdout have no influence.
    console = Console(
        file=text,
        width=max(width, NARROWEST),
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        force_interactive=False,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for piece in _pieces(report):
        console.print(piece)
    return "\n".join(line.rstrip() for line in text.getvalue().split("\n")).rstrip() + "\n"


def _pieces(report: Report) -> Iterator[RenderableType]:
    yield _head(report)
    if report.flags:
        flags = [
            Text.assemble("  ! ", (_line(flag.kind), "bold"), f": {_line(flag.detail)}") for flag in report.flags[:ROWS]
        ]
        yield Group(_heading("For a person to look at"), *flags, *_more(len(report.flags)))
    wrong = summary.to_look_at(report)
    if wrong:
        grid = _grid()
        for mark in wrong:
            grid.add_row(*_row(mark, _body(mark)))
        skipped = summary.skipped_sentence(report)
        yield Group(_heading("To look at"), grid, *([Text(skipped, style="dim")] if skipped else []))
    for part in summary.parts(report):
        yield _part(part)
    if report.left_out:
        lines = [
            Text.assemble("  ", (_line(item.where), "bold"), f": {_line(item.what)} – {_line(item.why)}")
            for item in report.left_out[:ROWS]
        ]
        yield Group(_heading("Skipped or replaced"), *lines, *_more(len(report.left_out)))
    if report.remarks:
        remarks = [_indented(Text(_line(remark)), 2) for remark in report.remarks[:ROWS]]
        yield Group(_heading("Remarks"), *remarks, *_more(len(report.remarks)))
    if report.output:
        yield Group(
            _heading("What the code printed"), _indented(Text(block(report.output.rstrip("\n"), TEXT), style="dim"), 2)
        )
    yield _foot(report)


def _head(report: Report) -> RenderableType:
    sheet = report.sheet
    title = Text.assemble((_line(report.submission_id), "bold"), "  ", (_line(report.assignment_title), "dim"))
    state = STATE_STYLES.get(sheet.status, "")
    score = Text.assemble(
        (f"{summary.score_line(report)} points", "bold"),
        "  ",
        (_line(summary.state_line(report)), state),
    )
    lines = [Text(line, style="cyan") for line in (_pending(report), summary.bonus_sentence(report)) if line]
    files = [Text(_line(sentence), style="dim") for sentence in summary.which_files(report)]
    return Group(title, score, *lines, *files)


def _pending(report: Report) -> str:
    """The pending points on one line, with the questions that they are for."""
    sentence, names = summary.pending_sentence(report), summary.open_names(report)
    if not sentence or not names:
        return sentence
    shown = ", ".join(_line(name) for name in names[:ROWS]) + (", …" if len(names) > ROWS else "")
    return f"{sentence} {len(names)} {'is' if len(names) == 1 else 'are'} open: {shown}."


def _grid() -> Table:
    """Symbol, text and points."""
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(width=1, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    return grid


def _row(mark: Mark, body: RenderableType) -> tuple[RenderableType, ...]:
    return Text(summary.look(mark).symbol, style=STYLES[mark.outcome]), body, summary.marked(mark)


def _part(part: PartSummary) -> RenderableType:
    """One line per criterion. The head of the report has the reasons for lost points, and what a person marks."""
    grid = _grid()
    for mark in part.marks:
        if not summary.is_manual(mark) or mark.outcome is not Outcome.PENDING:
            grid.add_row(*_row(mark, _title(mark) if mark.outcome is not Outcome.SKIPPED else _body(mark)))
    bonus = " (bonus)" if part.bonus else ""
    heading = Table.grid(expand=True)
    heading.add_column(ratio=1, overflow="fold")
    heading.add_column(justify="right", no_wrap=True)
    heading.add_row(
        Text(f"{_line(part.title)}{bonus}", style="bold"),
        Text.assemble(_bar(part), "  ", (numbers.out_of(part.points, part.max_points), "bold")),
    )
    return Group(Text(), heading, *([grid] if grid.row_count else []))


def _bar(part: PartSummary) -> Text:
    """A bar of ten columns: earned, still open, not earned."""
    if part.max_points <= 0:
        return Text()
    earned = min(10, int(10 * part.points / part.max_points))
    still = min(10 - earned, round(10 * part.open_points / part.max_points))
    return Text.assemble(("━" * earned, "green"), ("╌" * still, "cyan"), ("·" * (10 - earned - still), "dim"))


def _title(mark: Mark) -> Text:
    title = Text(_line(mark.title))
    title.append(f"  {_line(mark.id)}", style="dim")
    if mark.bonus:
        title.append("  bonus", style="dim")
    return title


def _body(mark: Mark) -> RenderableType:
    """The title, and what there is to say about lost points."""
    pieces: list[RenderableType] = [_title(mark), Text(summary.look(mark).word, style=STYLES[mark.outcome])]
    if mark.feedback:
        pieces.append(Text(block(mark.feedback, TEXT)))
    snippet = mark.evidence.snippet
    if snippet is not None and mark.outcome in (Outcome.FAIL, Outcome.PARTIAL):
        pieces.append(_snippet(snippet))
    return Group(*pieces)


def _snippet(snippet: Snippet) -> RenderableType:
    shown = (
        ("smallest input that shows the difference", snippet.code),
        ("expected", snippet.expected),
        ("actual", snippet.actual),
    )
    pieces: list[RenderableType] = []
    for title, text in shown:
        pieces += [Text(f"{title}:", style="dim"), _indented(Text(block(text, TEXT)), 2)]
    return Group(*pieces)


def _foot(report: Report) -> RenderableType:
    run = report.run
    facts = (
        f"{_line(report.detected)} Grader {_line(run.version)}, torch {_line(run.torch)} on {_line(run.device)}, "
        f"isolation {_line(run.isolation)}, seed {run.seed}, {numbers.seconds(run.seconds)}."
    )
    return Group(Text(), Text(facts, style="dim"))


def _heading(title: str) -> RenderableType:
    return Group(Text(), Text(title, style="bold"))


def _more(count: int) -> list[Text]:
    return [Text(f"  … and {count - ROWS:,} more", style="dim")] if count > ROWS else []


def _indented(text: RenderableType, columns: int) -> Padding:
    return Padding(text, (0, 0, 0, columns))


def _line(text: str) -> str:
    return display(text, limit=400)
