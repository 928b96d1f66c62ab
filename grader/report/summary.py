"""What every form of the report says alike: marks grouped by part, and the words for outcomes and states."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from grader.display import display, display_block
from grader.marking.sheet import Mark
from grader.marking.verdicts import Outcome, sentences
from grader.report import Report, numbers

__all__ = [
    "OUTCOMES",
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
    "to_look_at",
]


@dataclass(frozen=True)
class Look:
    """How an outcome is shown where colour alone would not do."""

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
"""A question that a person reads, and that has no points."""

STATES = {
    "graded": "Graded",
    "needs_review": "Needs review",
    "ungradable": "Could not be graded",
}
"""Words for ``MarkSheet.status``."""

OPEN = (Outcome.PENDING, Outcome.ERROR)
"""Outcomes whose points are neither earned nor lost yet."""


@dataclass(frozen=True)
class PartSummary:
    """One part of the handout with the marks in it."""

    id: str
    title: str
    marks: tuple[Mark, ...]
    points: Fraction
    """Awarded so far."""
    max_points: Fraction
    open_points: Fraction
    """Neither earned nor lost yet: pending, or ended in our error."""
    bonus: bool
    """Every mark of the part is a bonus."""


def parts(report: Report) -> tuple[PartSummary, ...]:
    """Marks by part, parts in the order in which they first appear."""
    grouped: dict[str, list[Mark]] = {}
    for mark in report.sheet.marks:
        grouped.setdefault(mark.part, []).append(mark)
    return tuple(
        PartSummary(
            id=part,
            title=report.part_titles.get(part, part),
            marks=tuple(members),
            points=sum((mark.points for mark in members), Fraction(0)),
            max_points=sum((mark.max_points for mark in members), Fraction(0)),
            open_points=sum((mark.max_points for mark in members if mark.outcome in OPEN), Fraction(0)),
            bonus=all(mark.bonus for mark in members),
        )
        for part, members in grouped.items()
    )


def marked(mark: Mark) -> str:
    """Points of one mark: ``1.25 / 2``; ``– / 2`` while they are open; ``no points`` where there are none to earn."""
    if mark.max_points == 0 and mark.points == 0:
        return "no points"
    if mark.outcome in OPEN:
        return f"– / {numbers.points(mark.max_points)}"
    return numbers.of(mark.points, mark.max_points)


def is_manual(mark: Mark) -> bool:
    """Whether a person marks it, and the grader never does."""
    return mark.id.startswith("manual.")


def look(mark: Mark) -> Look:
    """Symbol and word of a mark's outcome; a question without points is not waiting for any."""
    if is_manual(mark) and mark.outcome is Outcome.PENDING and mark.max_points == 0:
        return UNMARKED
    return OUTCOMES[mark.outcome]


def to_look_at(report: Report) -> tuple[Mark, ...]:
    """What was not passed in full, or ended in our error: what a reader wants to see first."""
    wrong = (Outcome.FAIL, Outcome.PARTIAL, Outcome.ERROR)
    return tuple(mark for mark in report.sheet.marks if mark.outcome in wrong)


def skipped_sentence(report: Report) -> str:
    """How many criteria were skipped, or an empty string."""
    count = sum(mark.outcome is Outcome.SKIPPED for mark in report.sheet.marks)
    if count == 0:
        return ""
    return "1 criterion was skipped; it says why." if count == 1 else f"{count} criteria were skipped; each says why."


def reason(mark: Mark) -> str:
    """The first sentence of a mark's feedback, on one line of at most 200 characters; hostile text made visible."""
    first = next((line.strip() for line in mark.feedback[:4_000].splitlines() if line.strip()), "")
    return display(sentences(first)[0], limit=200)


def open_names(report: Report) -> tuple[str, ...]:
    """What is still to be marked and has points: questions as the handout calls them, others by their criterion."""
    waiting = [mark for mark in report.sheet.marks if mark.outcome in OPEN and mark.max_points]
    return tuple(_question(mark) if is_manual(mark) else mark.id for mark in waiting)


def _question(mark: Mark) -> str:
    """``C2`` of ``C2. Why do skip connections help?``; a title that begins otherwise is left out for the id's end."""
    label = mark.title.partition(". ")[0]
    return label if len(label) <= 8 else mark.id.partition(".")[2]


def bonus_sentence(report: Report) -> str:
    """Why score and open points may add up to more than the maximum, or an empty string."""
    bonus = sum((mark.max_points for mark in report.sheet.marks if mark.bonus), Fraction(0))
    if bonus == 0:
        return ""
    unit = "bonus point counts" if bonus == 1 else "bonus points count"
    whole = report.sheet.max_score
    return (
        f"{numbers.points(bonus)} {unit} in the score and not in the maximum of {numbers.points(whole)}: "
        f"up to {numbers.points(whole + bonus)} can be had."
    )


def score_line(report: Report) -> str:
    """``14.25 / 20``."""
    return numbers.of(report.sheet.score, report.sheet.max_score)


def pending_sentence(report: Report) -> str:
    """What a person has still to mark, or an empty string."""
    pending = report.sheet.pending_points
    if pending == 0:
        return ""
    unit = "point is" if pending == 1 else "points are"
    return f"{numbers.points(pending)} {unit} still to be marked by a person."


def bounded(text: str, limit: int) -> str:
    """``text``, or its beginning and end within ``limit`` characters, and between them how many are missing."""
    if len(text) <= limit:
        return text
    tail = limit // 4
    head = limit - tail
    return f"{text[:head]}\n… {len(text) - limit:,} characters left out …\n{text[len(text) - tail :]}"


def block(text: str, limit: int) -> str:
    """Hostile text of several lines made visible, from at most ``limit`` of its characters."""
    # An escape takes at most ten characters (\\U0010ffff): with these bounds nothing is cut a second time.
    return display_block(bounded(text, limit), lines=limit + 3, limit=10 * limit)
