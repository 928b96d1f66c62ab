"""The student's feedback as GitHub Markdown.

Every text is escaped, so it reads as it was written and never becomes a heading, a link, a table or HTML. Code is in
spans and fences that are longer than any run of backticks inside. Source: the GitHub Flavored Markdown specification,
version 0.29.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from grader.display import display
from grader.marking.evidence import Snippet
from grader.marking.sheet import Mark
from grader.marking.verdicts import Outcome
from grader.report import Report, numbers, summary
from grader.report.summary import block

__all__ = ["to_markdown"]


TEXT = 4_000
"""Most characters shown of one text."""
OUTPUT = 8_000
"""Most characters shown of what the student's code printed."""
ROWS = 100
"""Most rows shown of one list."""


def to_markdown(report: Report) -> str:
    """``feedback.md``: the score, the criteria of each part with their feedback, and what was skipped or replaced.

    Of the evidence, it has the smallest failing input alone. The rest is for the marker.
    """
    before = [_head(report), _to_look_at(report), _overview(report)]
    after = [_left_out(report), _remarks(report), _output(report)]
    return "\n\n".join([*filter(None, [*before, *_parts(report), *after]), _foot(report)]) + "\n"


def _head(report: Report) -> str:
    lines = [
        f"# {_line(report.assignment_title)}: {_line(report.submission_id)}",
        f"**{summary.score_line(report)} points** · {_line(summary.state_line(report))}",
        summary.pending_sentence(report),
        summary.bonus_sentence(report),
        *(_opening(_line(sentence)) for sentence in summary.which_files(report)),
    ]
    return "\n\n".join(filter(None, lines))


def _to_look_at(report: Report) -> str:
    """The criteria that lost points, each with its reason, where it has one, and a link to more."""
    rows = []
    for mark in summary.to_look_at(report):
        title = f"{summary.look(mark).symbol} {_line(mark.title)}"
        reason = _line(summary.reason(mark))
        rows.append(f"- [{title}](#{_anchor(mark)}) ({summary.marked(mark)}){f': {reason}' if reason else ''}")
    if not rows:
        return ""
    return "\n\n".join(filter(None, ["## To look at", "\n".join(rows), summary.skipped_sentence(report)]))


def _anchor(mark: Mark) -> str:
    """The fragment that GitHub and GitLab give to a criterion's heading: only letters, digits, ``_`` and ``-``."""
    heading = f"{summary.look(mark).symbol} {display(mark.title, limit=TEXT)}".lower()
    return re.sub(r"[^a-z0-9_ -]", "", heading).replace(" ", "-")


def _overview(report: Report) -> str:
    rows = [
        f"| {_line(part.title)} | {'bonus ' if part.bonus else ''}{numbers.out_of(part.points, part.max_points)} | "
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
    snippet = mark.evidence.snippet
    if snippet is not None and mark.outcome in (Outcome.FAIL, Outcome.PARTIAL):
        pieces.append(_snippet(snippet))
    return "\n\n".join(filter(None, pieces))


def _snippet(snippet: Snippet) -> str:
    shown = [
        ("The smallest input that shows the difference:", snippet.code, "python"),
        ("expected:", snippet.expected, "text"),
        ("actual:", snippet.actual, "text"),
    ]
    return "\n\n".join(f"{title}\n\n{_fence(text, language)}" for title, text, language in shown)


def _left_out(report: Report) -> str:
    if not report.left_out:
        return ""
    rows = [f"- {_code(item.where)}: {_code(item.what)} – {_line(item.why)}" for item in report.left_out[:ROWS]]
    title = (
        "## Skipped or replaced\n\nThese lines were not run, or were run in another form. "
        "All other lines were run as they are.\n\n"
    )
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
    return f"---\n\nExamined by version {_line(report.run.version)}. {_line(report.detected)}"


def _more(count: int) -> list[str]:
    return [f"- … and {count - ROWS:,} more"] if count > ROWS else []


def _line(text: str) -> str:
    """Prose on one line, escaped."""
    return _escaped(display(text, limit=TEXT))


def _paragraphs(text: str) -> str:
    """Prose that keeps its line breaks; each line is a paragraph of its own."""
    lines = (line.strip() for line in block(text, TEXT).split("\n"))
    return "\n\n".join(_opening(_escaped(line)) for line in lines if line)


def _code(text: str) -> str:
    """A code span, on one line, so that it can stand in a list or a paragraph."""
    shown = display(text, limit=TEXT).strip() or " "
    ticks = "`" * (_longest(shown) + 1)
    # One space on both sides is not shown. It keeps a backtick at the edge from joining the delimiter.
    room = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{ticks}{room}{shown}{room}{ticks}"


def _fence(text: str, language: str, limit: int = TEXT) -> str:
    shown = block(text, limit)
    ticks = "`" * max(3, _longest(shown) + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


# What feedback quotes between backticks, and names such as ``__init__``. A bar would separate the cells of a table.
# What could be markup stays prose, which is escaped: not every Markdown reader understands code spans.
_QUOTED = re.compile(r"(?<!`)`(?=[^`|<>&]*`)(?=\s*[^`|<>&\s])([^`|<>&]+)`(?!`)|(?<!\w)(_\w+|\w+_)(?!\w)")


def _escaped(text: str) -> str:
    """Prose that renders as itself, and code within it as code."""
    text = text.strip()
    out, done, after_code = "", 0, False
    for quotation in _QUOTED.finditer(text):
        before = text[done : quotation.start()]
        # Two code spans that touch would become one.
        is_code = bool(before) or not after_code
        out += _disarmed(before) + (_code(quotation[1] or quotation[2]) if is_code else _disarmed(quotation[0]))
        done, after_code = quotation.end(), is_code
    return out + _disarmed(text[done:])


def _disarmed(text: str) -> str:
    """Prose in which no character is markup.

    A backslash disarms each mark. Readers look for mentions, e-mail addresses and references after they have undone
    the escapes, so there an invisible word joiner is put between the sign and the name.
    """
    text = re.sub(r"[\\`*\[\]<>&|~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\\g<0>", text)
    text = re.sub(r"(?i)(:)(?=//)|(?<=www)(\.)", r"\\\g<0>", text)
    return re.sub(r"@(?=\S)|#(?=\d)", "\\g<0>\u2060", text)


def _opening(text: str) -> str:
    """Escaped prose for the start of a block, where ``1.`` or a dash would begin a list; ``0.5`` would not."""
    return re.sub(r"^(\d{0,9})([-+=)]|\.(?!\d))", r"\1\\\2", text)
