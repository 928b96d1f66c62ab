"""What all forms of the report share: marks grouped by part, and the words for outcomes and states."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from grader.display import display, display_block
from grader.marking.points import total
from grader.marking.sheet import Mark
from grader.marking.verdicts import Outcome, sentences
from grader.report import Report, numbers

__all__ = [
    "OUTCOMES",
    "STAGES",
    "STATES",
    "Look",
    "PartSummary",
    "block",
    "bonus_sentence",
    "bounded",
    "is_manual",
    "look",
    "marked",
    "open_names",
    "parts",
    "pending_sentence",
    "reason",
    "score_line",
    "skipped_sentence",
    "state_line",
    "to_look_at",
    "which_files",
]


@dataclass(frozen=True)
class Look:
    """A symbol and a word for an outcome, because not everyone sees its colour."""

    symbol: str
    word: str


OUTCOMES = {
    Outcome.PASS: Look("✓", "passed"),
    Outcome.PARTIAL: Look("~", "partly"),
    Outcome.FAIL: Look("✗", "not passed"),
    Outcome.SKIPPED: Look("–", "skipped"),
    Outcome.ERROR: Look("!", "grader error"),
    Outcome.PENDING: Look("…", "to be marked"),
}

UNMARKED = Look("·", "not marked")
"""For a question that a person reads and that has no points."""

STATES = {
    "graded": "",
    "needs_review": "Needs review",
    "ungradable": "Could not be examined",
}
"""Words for ``MarkSheet.status``, how the examination went; none where nothing is to be said."""
STAGES = {"examined": "Examined", "marked": "Marked", "final": "Final"}
"""Words for how far the marking is."""

OPEN = (Outcome.PENDING, Outcome.ERROR)
"""Outcomes whose points are still open."""


@dataclass(frozen=True)
class PartSummary:
    """One part of the handout, with its marks."""

    id: str
    title: str
    marks: tuple[Mark, ...]
    points: Fraction
    """Points awarded so far."""
    max_points: Fraction
    open_points: Fraction
    """Points that are pending, or of criteria that ended in our error."""
    bonus: bool
    """Whether every mark of the part is a bonus."""


def parts(report: Report) -> tuple[PartSummary, ...]:
    """The marks by part, in the order in which the parts first appear."""
    grouped: dict[str, list[Mark]] = {}
    for mark in report.sheet.marks:
        grouped.setdefault(mark.part, []).append(mark)
    return tuple(
        PartSummary(
            id=part,
            title=report.part_titles.get(part, part),
            marks=tuple(members),
            points=total(mark.points for mark in members),
            max_points=total(mark.max_points for mark in members),
            open_points=total(mark.max_points for mark in members if mark.outcome in OPEN),
            bonus=all(mark.bonus for mark in members),
        )
        for part, members in grouped.items()
    )


def marked(mark: Mark) -> str:
    """The points of one mark: ``1.25 / 2``; ``– / 2`` while they are open; ``no points`` where none can be earned."""
    if mark.max_points == 0 and mark.points == 0:
        return "no points"
    if mark.outcome in OPEN:
        return f"– / {numbers.points(mark.max_points)}"
    return numbers.out_of(mark.points, mark.max_points)


def is_manual(mark: Mark) -> bool:
    """Whether a person marks it, and never the grader."""
    return mark.id.startswith("manual.")


def look(mark: Mark) -> Look:
    """Symbol and word of a mark's outcome. A question without points does not wait for any."""
    if is_manual(mark) and mark.outcome is Outcome.PENDING and mark.max_points == 0:
        return UNMARKED
    return OUTCOMES[mark.outcome]


def to_look_at(report: Report) -> tuple[Mark, ...]:
    """The marks that lost points or ended in our error: what a reader wants to see first."""
    wrong = (Outcome.FAIL, Outcome.PARTIAL, Outcome.ERROR)
    return tuple(mark for mark in report.sheet.marks if mark.outcome in wrong)


def skipped_sentence(report: Report) -> str:
    """How many criteria were skipped; empty if none."""
    count = sum(mark.outcome is Outcome.SKIPPED for mark in report.sheet.marks)
    if count == 0:
        return ""
    return (
        "1 criterion was skipped; its feedback says why."
        if count == 1
        else f"{count} criteria were skipped; their feedback says why."
    )


def reason(mark: Mark) -> str:
    """The first sentence of a mark's feedback, on one line of at most 200 characters. Hostile text is made visible."""
    first = next((line.strip() for line in mark.feedback[:4_000].splitlines() if line.strip()), "")
    return display(sentences(first)[0], limit=200)


def open_names(report: Report) -> tuple[str, ...]:
    """Names of what has open points: questions as the handout names them, other criteria by their id."""
    waiting = [mark for mark in report.sheet.marks if mark.outcome in OPEN and mark.max_points]
    return tuple(_question(mark) if is_manual(mark) else mark.id for mark in waiting)


def _question(mark: Mark) -> str:
    """``C2`` of ``C2. Why do skip connections help?``. Where a title has no such start, the end of the id."""
    label = mark.title.partition(". ")[0]
    return label if len(label) <= 8 else mark.id.partition(".")[2]


def bonus_sentence(report: Report) -> str:
    """Why score and open points can add up to more than the maximum; empty if there is no bonus."""
    bonus = total(mark.max_points for mark in report.sheet.marks if mark.bonus)
    if bonus == 0:
        return ""
    unit = "bonus point counts" if bonus == 1 else "bonus points count"
    whole = report.sheet.max_score
    return (
        f"{numbers.points(bonus)} {unit} in the score but not in the maximum of {numbers.points(whole)}, "
        f"so the score can reach {numbers.points(whole + bonus)}."
    )


_MOST_FILES = 10
"""Files that are named in one sentence."""


def which_files(report: Report) -> tuple[str, ...]:
    """Which files were examined, and why these where others compete with them; nothing where there was no code."""
    if not report.code_files:
        return report.choice
    named = ", ".join(display(path, limit=100) for path in report.code_files[:_MOST_FILES])
    more = len(report.code_files) - _MOST_FILES
    return (f"Examined: {named}{f' and {more} more' if more > 0 else ''}.", *report.choice)


def state_line(report: Report) -> str:
    """``Examined``, or ``Examined, needs review``."""
    state = STATES[report.sheet.status]
    return ", ".join(filter(None, (STAGES[report.sheet.stage], state[:1].lower() + state[1:])))


def score_line(report: Report) -> str:
    """``14.25 / 20``."""
    return numbers.out_of(report.sheet.score, report.sheet.max_score)


def pending_sentence(report: Report) -> str:
    """How many points a person has still to mark; empty if none."""
    pending = report.sheet.pending_points
    if pending == 0:
        return ""
    unit = "point is" if pending == 1 else "points are"
    return f"{numbers.points(pending)} {unit} still to be marked by a person."


def bounded(text: str, limit: int) -> str:
    """``text`` if it has at most ``limit`` characters; else its beginning and end, with a note of what is left out."""
    if len(text) <= limit:
        return text
    tail = limit // 4
    head = limit - tail
    return f"{text[:head]}\n… {len(text) - limit:,} characters left out …\n{text[len(text) - tail :]}"


def block(text: str, limit: int) -> str:
    """Hostile text of several lines, made visible; at most ``limit`` of its characters."""
    # An escape takes at most ten characters (\\U0010ffff): with these bounds nothing is cut a second time.
    return display_block(bounded(text, limit), lines=limit + 3, limit=10 * limit)
