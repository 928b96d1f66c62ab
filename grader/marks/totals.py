"""From a report's row and what stands about it to a student's final line: pure, and exact until the one rounding.

score   = the grader's points, with people's in their place
mark    = (score − deductions) × (1 − the share that lateness costs), rounded by the rubric's rule
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from grader.fingerprint import fingerprint
from grader.marking.late import LateRule, late_share
from grader.marking.points import total as total_points
from grader.marking.rounding import RoundRule
from grader.marking.verdicts import Outcome
from grader.marks.events import Event, Kind
from grader.marks.line import CriterionLine, Deduction, FinalLine, LateLine, OpenFlag, Stage, Student, Unconfirmed
from grader.report.rows import CriterionRow, Row

__all__ = [
    "RESOLVED",
    "UNGRADABLE",
    "HandInTotal",
    "final_line",
    "flag_key",
    "hand_in_total",
    "late_line",
    "marked_row",
]


RESOLVED = "resolved"
"""The value of an event that resolves a flag; with any other value it is open again."""
UNGRADABLE = "ungradable"
"""The flag of a hand-in without code: a person decides what becomes of it."""

_Slots = Mapping[tuple[Kind, str], Event]
_ZERO = Fraction(0)


@dataclass(frozen=True)
class HandInTotal:
    """What is the same for all students of a hand-in."""

    row: Row
    criteria: tuple[CriterionLine, ...]
    flags: tuple[OpenFlag, ...]
    deductions: tuple[Deduction, ...]
    comment: str
    score: Fraction
    by_hand: Fraction
    open_points: Fraction
    stage: Stage
    """``examined`` or ``marked``."""
    status: str
    """The row's; ``graded`` in place of ``needs_review`` once each flag is resolved and each error has a mark."""
    released: str
    """``FinalLine.content`` of what was released last, of each student of a group; empty where nothing was."""

    @property
    def unconfirmed(self) -> tuple[Unconfirmed, ...]:
        """The marks that a person must look at once more."""
        return tuple(criterion.unconfirmed for criterion in self.criteria if criterion.unconfirmed)


def hand_in_total(row: Row, stands: _Slots) -> HandInTotal:
    """Put people's decisions on a hand-in in place of the grader's."""
    criteria = tuple(_criterion(criterion, row, stands) for criterion in row.criteria)
    flags = tuple(_flags(row, stands))
    open_points = _open_points(row, criteria)
    to_review = any(one.failed for one in criteria) or any(flag.resolved is None for flag in flags)
    waiting = open_points > 0 or any(one.unconfirmed for one in criteria) or to_review
    comment, released = stands.get((Kind.COMMENT, "")), stands.get((Kind.RELEASE, ""))
    return HandInTotal(
        row=row,
        criteria=criteria,
        flags=flags,
        deductions=tuple(
            Deduction(name, event.points, event.given_by, event.comment)
            for (kind, name), event in sorted(stands.items(), key=lambda item: item[1].id)
            if kind is Kind.DEDUCTION and event.points
        ),
        comment=comment.comment if comment else "",
        score=_sum(criteria),
        by_hand=_sum(one for one in criteria if one.by is not None),
        open_points=open_points,
        stage=Stage.EXAMINED if waiting else Stage.MARKED,
        status="graded" if row.status == "needs_review" and not to_review else row.status,
        released=released.value if released else "",
    )


def final_line(
    total: HandInTotal,
    student: Student,
    *,
    group: tuple[str, ...] = (),
    late: LateLine | None = None,
    rounding: RoundRule = RoundRule(),  # noqa: B008 (frozen)
) -> FinalLine:
    """One student's line. ``late`` is as ``late_line`` makes it, before its points are known."""
    row = total.row
    deducted = min(max(total.score, _ZERO), total_points(each.points for each in total.deductions))
    before = total.score - deducted
    penalty = before * late.share if late and before > 0 else _ZERO
    mark = rounding(before - penalty)
    line = FinalLine(
        student=student,
        group=group,
        hand_in=row.id,
        folder=row.folder,
        assignment=row.assignment,
        assignment_title=row.assignment_title,
        status=total.status,
        stage=total.stage,
        criteria=total.criteria,
        flags=total.flags,
        max_score=row.max_score,
        score=total.score,
        automatic=total.score - total.by_hand,
        by_hand=total.by_hand,
        open_points=total.open_points,
        deductions=total.deductions,
        deducted=deducted,
        late=replace(late, points=penalty) if late else None,
        rounding=mark - (before - penalty),
        mark=mark,
        comment=total.comment,
    )
    if total.released and total.stage is Stage.MARKED and line.content in total.released.split():
        return replace(line, stage=Stage.FINAL)
    return line


def late_line(hours: Fraction | None, stands: _Slots, rule: LateRule) -> LateLine:
    """A student's lateness by a rule. ``stands`` is about the student: an extension, and grace tokens."""
    extension, tokens = stands.get((Kind.EXTENSION, "")), stands.get((Kind.TOKENS, ""))
    more = extension.points if extension and extension.points else _ZERO
    used = int(tokens.points) if tokens and tokens.points else 0
    counted = max(_ZERO, (hours or _ZERO) - more - used * rule.token_hours)
    return LateLine(hours, more, used, counted, late_share(counted, rule), _ZERO)


def marked_row(total: HandInTotal) -> Row:
    """The row with people's points in place of the grader's, and without the flags that people resolved."""
    criteria = tuple(
        replace(criterion, points=line.points, outcome=_outcome(line.points, criterion.max_points))
        if line.by is not None and line.points is not None
        else criterion
        for criterion, line in zip(total.row.criteria, total.criteria, strict=True)
    )
    flags = tuple((flag.kind, flag.detail) for flag in total.flags if flag.resolved is None and flag.key != UNGRADABLE)
    return replace(
        total.row,
        status=total.status,
        criteria=criteria,
        flags=flags,
        score=total.score,
        pending_points=total.open_points,
    )


def _outcome(points: Fraction, most: Fraction) -> Outcome:
    """The outcome of a criterion that a person has marked."""
    return Outcome.PASS if points >= most else Outcome.PARTIAL if points > 0 else Outcome.FAIL


def flag_key(kind: str, detail: str) -> str:
    """What a flag is resolved by: its kind, and enough of a hash to tell two of a kind apart."""
    return f"{kind}:{fingerprint(detail)[:8]}"


def _criterion(criterion: CriterionRow, row: Row, stands: _Slots) -> CriterionLine:
    """One criterion, with a person's points if there are any."""
    examined = None if criterion.open else criterion.points
    mark, comment = stands.get((Kind.POINTS, criterion.id)), stands.get((Kind.COMMENT, criterion.id))
    text = mark.comment if mark else ""
    if comment and comment.comment and (mark is None or not text or comment.id > mark.id):
        text = comment.comment
    if mark is None or mark.points is None:
        return CriterionLine(
            criterion.id, criterion.max_points, criterion.bonus, criterion.outcome, examined, examined, comment=text
        )
    earlier = mark.version.sha256 not in ("", row.sha256)
    above = mark.points > criterion.max_points and mark.version.maximum != criterion.max_points
    return CriterionLine(
        id=criterion.id,
        max_points=criterion.max_points,
        bonus=criterion.bonus,
        outcome=criterion.outcome,
        examined=examined,
        points=mark.points,
        by=mark.given_by,
        comment=text,
        reason=mark.reason,
        unconfirmed=Unconfirmed(mark, earlier, above, criterion.max_points) if earlier or above else None,
    )


def _flags(row: Row, stands: _Slots) -> list[OpenFlag]:
    flags = [(flag_key(kind, detail), kind, detail) for kind, detail in row.flags]
    if row.status == UNGRADABLE:
        flags.append((UNGRADABLE, UNGRADABLE, "There was no code to examine: decide what becomes of it."))
    return [OpenFlag(key, kind, detail, _resolved(row, stands.get((Kind.FLAG, key)))) for key, kind, detail in flags]


def _resolved(row: Row, event: Event | None) -> Event | None:
    """The event that resolved a flag, unless that was for another content of the hand-in."""
    if event is None or event.value != RESOLVED or event.version.sha256 not in ("", row.sha256):
        return None
    return event


def _open_points(row: Row, criteria: tuple[CriterionLine, ...]) -> Fraction:
    """Points still open, once people's points are in.

    The row's pending points are those of open criteria, and of criteria skipped because of an error alone. The row does
    not say which these are, so any skipped criterion that a person marks is taken for one of them.
    """
    was_open = total_points(one.max_points for one in row.criteria if one.open)
    skipped = [one for one in criteria if one.outcome is Outcome.SKIPPED and one.by is not None]
    by_error = max(_ZERO, row.pending_points - was_open - total_points(one.max_points for one in skipped))
    return by_error + total_points(one.max_points for one in criteria if one.points is None)


def _sum(criteria: Iterable[CriterionLine]) -> Fraction:
    return total_points(one.points for one in criteria if one.points is not None)
