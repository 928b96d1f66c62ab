"""The cohort as one HTML page: everyone's marks, who needs a person first, and statistics of the criteria.

See ``grader/report/page.py`` for how foreign text is kept from doing harm. The page comes in pieces, so that ten
thousand rows need no more memory than ten.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from urllib.parse import quote

from markupsafe import Markup, escape

from grader.display import counted, display
from grader.gradebook.statistics import Statistics
from grader.gradebook.tally import BINS, AssignmentTally, Tally
from grader.marking.rubric import Assignment, Criterion
from grader.marks.line import FinalLine, Stage, Student
from grader.marks.totals import final_line, hand_in_total
from grader.report import page
from grader.report.rows import Row

__all__ = ["to_index"]


MISTAKES = 20
"""Most mistakes listed."""
NOTE = 2_000
"""Most characters shown of a note for markers."""


def _line_without_marks(row: Row) -> tuple[FinalLine, ...]:
    """The line of a hand-in that nobody has marked, by the name that it has."""
    return (final_line(hand_in_total(row, {}), Student(row.id)),)


def to_index(
    rows: Iterable[Row],
    tally: Tally,
    *,
    rubric: Mapping[str, Assignment] | None = None,
    lines_of: Callable[[Row], Sequence[FinalLine]] = _line_without_marks,
    stages: Mapping[Stage, int] | None = None,
    statistics: Mapping[str, Statistics] | None = None,
    late_rule: Callable[[str], str] | None = None,
    name_of: Callable[[str], str] = lambda id: "",
    missing: Sequence[tuple[str, str]] = (),
    doubtful: Sequence[tuple[str, str, Sequence[str]]] = (),
) -> Iterator[str]:
    """The page in pieces. ``tally`` is of the same ``rows``, with the marks of people.

    ``rubric`` has, by assignment, the titles of criteria and the notes for markers. ``lines_of`` gives the final lines
    of a hand-in, ``stages`` the number of lines by stage, ``statistics`` how each assignment went. ``late_rule`` says
    what lateness costs in an assignment; without it the page has no columns for lateness. ``name_of`` gives the names
    of a hand-in's students by its id, empty if unknown. ``missing`` are the id and name of each student without a
    submission, ``doubtful`` those of each student of whose submission a person must decide, with the ids of the
    submissions.
    """
    titles = {
        (id, criterion.id): criterion.title
        for id, assignment in (rubric or {}).items()
        for criterion in assignment.criteria
    }
    style = page.style("report.css", "index.css")
    stream = page.template("index.html.j2").stream(
        rows=rows,
        tally=tally,
        assignments=sorted(tally.assignments.values(), key=lambda assignment: assignment.id),
        mistakes=tally.mistakes()[:MISTAKES],
        name_of=name_of,
        missing=missing,
        doubtful=doubtful,
        lines_of=lines_of,
        counts=stages or {},
        statistics=statistics or {},
        late_rule=late_rule,
        manual=lambda assignment: _manual(assignment, (rubric or {}).get(assignment.id)),
        with_bonus=any(assignment.bonus for assignment in tally.assignments.values()),
        title_of=lambda assignment, criterion: titles.get((assignment, criterion), ""),
        style=style,
        policy=page.policy(style),
        link=_link,
        reasons=_reasons,
        note=_note,
        bar=_bar,
        share_bar=_share_bar,
        percent=_percent,
        mean=_mean,
        correlation=_correlation,
        histogram=_histogram,
    )
    stream.enable_buffering(200)
    yield from stream


def _manual(tally: AssignmentTally, assignment: Assignment | None) -> list[tuple[Criterion, int]]:
    """The criteria that a person marks, each with the number of submissions in which it is still open."""
    criteria = assignment.criteria if assignment else ()
    return [
        (criterion, tally.criteria[criterion.id].open if criterion.id in tally.criteria else 0)
        for criterion in criteria
        if criterion.check is None
    ]


def _reasons(row: Row) -> tuple[str, ...]:
    """Why a submission needs a person."""
    reasons = []
    if row.errors:
        more = f" and {len(row.errors) - 3} more" if len(row.errors) > 3 else ""
        reasons.append(f"The grader failed on {', '.join(row.errors[:3])}{more}.")
    if row.status == "ungradable":
        reasons.append("There was no code to examine.")
    reasons += [f"{kind}: {detail}" for kind, detail in row.flags[:3]]
    if len(row.flags) > 3:
        reasons.append(f"{counted(len(row.flags) - 3, 'more flag')}.")
    return tuple(reasons)


def _note(text: str) -> Markup:
    return escape(display(text, limit=NOTE))


def _percent(value: Fraction) -> str:
    """Whole percent, rounded half up; but only none at all is 0 and only all is 100."""
    whole = math.floor(value + Fraction(1, 2))
    return f"{whole if value in (0, 100) else min(max(whole, 1), 99)} %"


def _mean(value: Fraction) -> str:
    return f"{float(value):.1f} %"


def _link(folder: str) -> str:
    """The address of a report, relative to the page. Because of the dot, no name can act as ``javascript:``."""
    return f"./{quote(os.fsencode(folder), safe='')}/report.html"


def _bar(line: FinalLine) -> Markup:
    """A bar of earned and open points, of the maximum."""
    if line.max_score <= 0:
        return Markup("")
    earned = min(100.0, max(0.0, float(100 * line.score / line.max_score)))
    still = min(100.0 - earned, float(100 * line.open_points / line.max_score))
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8"/>'
        f'<rect class="open" x="{earned:.1f}" width="{max(still, 0.0):.1f}" height="8"/>'
        f'<rect class="earned" width="{earned:.1f}" height="8"/></svg>'
    )


def _share_bar(share: Fraction | None) -> Markup:
    if share is None:
        return Markup("")
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8"/>'
        f'<rect class="earned" width="{float(100 * share):.1f}" height="8"/></svg>'
    )


def _correlation(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")


def _histogram(assignment: AssignmentTally) -> Markup:
    """Submissions by percent of the decided points."""
    width, height, left, top, bottom = 420, 200, 46, 14, 40
    most = max(assignment.bins)
    tall, step = height - top - bottom, (width - left - 14) / BINS
    spoken = "; ".join(f"{_range(place)} percent: {count:,}" for place, count in enumerate(assignment.bins) if count)
    pieces = [
        f'<svg class="plot histogram" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(f"submissions by percent of the decided points; {spoken}")}">'
    ]
    for tick in sorted({0, most // 2, most}):
        y = top + tall - (tall * tick / most if most else 0)
        pieces.append(f'<path class="grid" d="M{left} {y:.1f}H{width - 14}"/>')
        pieces.append(f'<text class="tick end" x="{left - 8}" y="{y + 4:.1f}">{tick:,}</text>')
    for place, count in enumerate(assignment.bins):
        if count:
            # At least this high, so that a single submission among thousands is visible.
            high = max(1.5, tall * count / most)
            pieces.append(
                f"<g><title>{_range(place)} %: {count:,}</title>"
                f'<rect class="column" x="{left + place * step + 1:.1f}" y="{top + tall - high:.1f}" '
                f'width="{step - 2:.1f}" height="{high:.1f}"/></g>'
            )
    pieces.append(f'<path class="axis" d="M{left} {top + tall}H{width - 14}"/>')
    for percent in (0, 25, 50, 75, 100):
        x = left + (width - left - 14) * percent / 100
        pieces.append(f'<text class="tick middle" x="{x:.1f}" y="{height - bottom + 18}">{percent}</text>')
    middle = f'x="{(left + width - 14) // 2}" y="{height - 6}"'
    pieces.append(f'<text class="tick middle" {middle}>percent of the decided points</text></svg>')
    return Markup("".join(pieces))


def _range(place: int) -> str:
    low = place * 100 // BINS
    return f"{low} or more" if place == BINS - 1 else f"{low} to {low + 100 // BINS}"
