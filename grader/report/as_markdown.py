"""The student's feedback as GitHub Markdown.

Every text is escaped so that it reads as it was written and never becomes a heading, a link, a table or HTML; code
stands in spans and fences longer than any run of backticks within. Source: the GitHub Flavored Markdown specification,
0.29.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from grader.display import display
from grader.marking.sheet import Mark
from grader.marking.verdicts import Outcome
from grader.report import Report, evidence, numbers, summary
from grader.report.evidence import Snippet
from grader.report.summary import STATES, block

__all__ = ["to_markdown"]


TEXT = 4_000
"""Most characters shown of one text."""
OUTPUT = 8_000
"""Most characters shown of what the student's code printed."""
ROWS = 100
"""Most rows shown of one list."""


def to_markdown(report: Report) -> str:
    """``feedback.md``: the score, each part's criteria with their feedback, and what was left out.

    Of the evidence it has the smallest failing input alone; the rest is for the marker.
    """
    before = [_head(report), _to_look_at(report), _overview(report)]
    after = [_left_out(report), _remarks(report), _output(report)]
    return "\n\n".join([*filter(None, [*before, *_parts(report), *after]), _foot(report)]) + "\n"


def _head(report: Report) -> str:
    sheet = report.sheet
    lines = [
        f"# {_line(report.assignment_title)}: {_line(report.submission_id)}",
        f"**{summary.score_line(report)} points** · {_line(STATES.get(sheet.status, sheet.status))}",
        summary.pending_sentence(report),
        summary.bonus_sentence(report),
    ]
    return "\n\n".join(filter(None, lines))


def _to_look_at(report: Report) -> str:
    """What was lost, each with its reason and a link to more."""
    rows = []
    for mark in summary.to_look_at(report):
        title = f"{summary.look(mark).symbol} {_line(mark.title)}"
        rows.append(f"- [{title}](#{_anchor(mark)}) ({summary.marked(mark)}): {_line(summary.reason(mark))}")
    if not rows:
        return ""
    return "\n\n".join(filter(None, ["## To look at", "\n".join(rows), summary.skipped_sentence(report)]))


def _anchor(mark: Mark) -> str:
    """The fragment that GitHub and GitLab give to a criterion's heading: letters, digits, ``_`` and ``-`` alone."""
    heading = f"{summary.look(mark).symbol} {display(mark.title, limit=TEXT)}".lower()
    return re.sub(r"[^a-z0-9_ -]", "", heading).replace(" ", "-")


def _overview(report: Report) -> str:
    rows = [
        f"| {_line(part.title)} | {'bonus ' if part.bonus else ''}{numbers.of(part.points, part.max_points)} | "
        f"{numbers.points(part.open_points) if part.open_points else ''} |"
        for part in summary.parts(report)
    ]
    return "\n".join(["| part | points | still open |", "|---|---:|---:|", *rows]) if rows else ""


def _parts(report: Report) -> Iterable[str]:
    for part in summary.parts(report):
        yield f"## {_line(part.title)}"
        for mark in part.marks:
            yield _criterion(mark)


def _criterion(mark: Mark) -> str:
    look = summary.look(mark)
    bonus = " · bonus" if mark.bonus else ""
    pieces = [
        f"### {look.symbol} {_line(mark.title)}",
        f"**{summary.marked(mark)}** · {look.word}{bonus} · {_code(mark.id)}",
        "" if look is summary.UNMARKED else _paragraphs(mark.feedback),
    ]
    seen = evidence.read(mark.evidence)
    if seen.snippet is not None and mark.outcome in (Outcome.FAIL, Outcome.PARTIAL):
        pieces.append(_snippet(seen.snippet))
    return "\n\n".join(filter(None, pieces))


def _snippet(snippet: Snippet) -> str:
    shown = [
        ("The smallest input that shows it:", snippet.code, "python"),
        ("expected:", snippet.expected, "text"),
        ("actual:", snippet.actual, "text"),
    ]
    return "\n\n".join(f"{title}\n\n{_fence(text, language)}" for title, text, language in shown)


def _left_out(report: Report) -> str:
    if not report.left_out:
        return ""
    rows = [f"- {_code(item.where)}: {_code(item.what)} – {_line(item.why)}" for item in report.left_out[:ROWS]]
    title = "## Left out or stood in for\n\nThese lines were not run, or not as they stand. Everything else was.\n\n"
    return title + "\n".join([*rows, *_more(len(report.left_out))])


def _remarks(report: Report) -> str:
    if not report.remarks:
        return ""
    rows = [f"- {_opening(_line(remark))}" for remark in report.remarks[:ROWS]]
    return "## Remarks\n\n" + "\n".join([*rows, *_more(len(report.remarks))])


def _output(report: Report) -> str:
    if not report.output:
        return ""
    return "## What your code printed\n\n" + _fence(report.output.rstrip("\n"), "text", OUTPUT)


def _foot(report: Report) -> str:
    return f"---\n\nGraded by version {_line(report.run.version)}. {_line(report.detected)}"


def _more(count: int) -> list[str]:
    return [f"- … and {count - ROWS:,} more"] if count > ROWS else []


def _line(text: str) -> str:
    """One line of prose, escaped."""
    return _escaped(display(text, limit=TEXT))


def _paragraphs(text: str) -> str:
    """Prose that keeps its line breaks, each line a paragraph of its own."""
    lines = (line.strip() for line in block(text, TEXT).split("\n"))
    return "\n\n".join(_opening(_escaped(line)) for line in lines if line)


def _code(text: str) -> str:
    """A code span. Within a list or paragraph, on one line."""
    shown = display(text, limit=TEXT).strip() or " "
    ticks = "`" * (_longest(shown) + 1)
    # One space on both sides is not shown, and keeps a backtick at the edge from joining the delimiter.
    room = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{ticks}{room}{shown}{room}{ticks}"


def _fence(text: str, language: str, limit: int = TEXT) -> str:
    shown = block(text, limit)
    ticks = "`" * max(3, _longest(shown) + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


# What feedback quotes between backticks, and names such as ``__init__``. A bar would part the cells of a table.
# What could be markup stays prose, which is escaped: not every reader of Markdown takes code spans as code.
_QUOTED = re.compile(r"(?<!`)`([^`|<>&]*[^`|<>&\s][^`|<>&]*)`(?!`)|(?<!\w)(_\w+|\w+_)(?!\w)")


def _escaped(text: str) -> str:
    """Prose that renders as itself, and code within it as code."""
    text = text.strip()
    out, done, after_code = "", 0, False
    for found in _QUOTED.finditer(text):
        before = text[done : found.start()]
        # Two code spans that touch would become one.
        is_code = bool(before) or not after_code
        out += _disarmed(before) + (_code(found[1] or found[2]) if is_code else _disarmed(found[0]))
        done, after_code = found.end(), is_code
    return out + _disarmed(text[done:])


def _disarmed(text: str) -> str:
    """Prose without a mark in it.

    Backslashes disarm all marks. Mentions, e-mail addresses and references are looked for after escapes are undone:
    there an invisible word joiner stands between the sign and the name.
    """
    text = re.sub(r"[\\`*\[\]<>&|~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\\g<0>", text)
    text = re.sub(r"(?i)(:)(?=//)|(?<=www)(\.)", r"\\\g<0>", text)
    return re.sub(r"@(?=\S)|#(?=\d)", "\\g<0>\u2060", text)


def _opening(text: str) -> str:
    """Escaped prose at the start of a block, where a number or a dash would begin a list."""
    return re.sub(r"^(\d{0,9})([-+=.)])", r"\1\\\2", text)
