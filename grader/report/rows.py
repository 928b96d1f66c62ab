"""A row: the part of one report that lists and statistics need, read from ``report.json``; and its packed form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from grader.lazy import lazy
from grader.marking.points import from_hundredths, in_hundredths, total
from grader.marking.reuse import Recorded, reuse
from grader.marking.rubric import Assignment
from grader.marking.sheet import mark
from grader.marking.verdicts import Flag, Outcome, Verdict, outcome_as_examined
from grader.report.as_json import SCHEMA

__all__ = ["CriterionRow", "Row", "pack", "remarked", "row_of", "unpack"]


_MOST_FLAGS = 20
_MOST_KEYS = 150
_MOST_TEXT = 300
_MOST_DIGITS = 40


@dataclass(frozen=True)
class CriterionRow:
    """One criterion of one report."""

    id: str
    points: Fraction
    max_points: Fraction
    bonus: bool
    outcome: Outcome
    mistake: str | None
    share: Fraction = Fraction(0)
    at_stake: Fraction = Fraction(0)
    waits_for: str | None = None
    basis: str = ""

    @property
    def open(self) -> bool:
        """Whether its points are still open, neither earned nor lost."""
        return self.outcome in (Outcome.PENDING, Outcome.ERROR)

    @lazy
    def verdict(self) -> Verdict:
        """The verdict of which it was made, without its feedback."""
        return Verdict(
            self.id,
            outcome_as_examined(self.outcome, self.share),
            "",
            self.share,
            self.mistake,
            at_stake=self.at_stake,
            waits_for=self.waits_for,
        )


@dataclass(frozen=True)
class Row:
    """One report."""

    folder: str
    """Name of its folder."""
    id: str
    sha256: str
    """Hash of the submission's contents."""
    key: str
    """Hashes of everything that the report was made from; empty where the report does not have one."""
    known_as: tuple[str, ...]
    """Further ids that the learning platform has for the student."""
    submitted: str | None
    """When it was handed in, in ISO 8601, where the platform says so."""
    assignment: str
    assignment_title: str
    status: str
    """``graded``, ``needs_review`` or ``ungradable``."""
    score: Fraction
    max_score: Fraction
    pending_points: Fraction
    flags: tuple[tuple[str, str], ...]
    """Kind and detail of each flag; at most twenty."""
    criteria: tuple[CriterionRow, ...]
    seconds: float

    @property
    def errors(self) -> tuple[str, ...]:
        """Ids of the criteria on which the grader itself failed."""
        return tuple(criterion.id for criterion in self.criteria if criterion.outcome is Outcome.ERROR)

    @lazy
    def decided_points(self) -> Fraction:
        """Points that are earned or lost by now, without bonus points.

        The maximum has no bonus points, but the pending points may have some.
        """
        ordinary = bonus = skipped = 0
        for criterion in self.criteria:
            if criterion.open and criterion.bonus:
                bonus += in_hundredths(criterion.max_points)
            elif criterion.open:
                ordinary += in_hundredths(criterion.max_points)
            elif criterion.outcome is Outcome.SKIPPED and not criterion.bonus:
                # Skipped because of an error of ours alone: pending too, but the report does not say which these are.
                skipped += in_hundredths(criterion.max_points)
        pending = in_hundredths(self.pending_points)
        return from_hundredths(in_hundredths(self.max_score) - ordinary - min(pending - ordinary - bonus, skipped))

    @property
    def percent(self) -> Fraction | None:
        """The score in percent of the decided points; None while no points are decided. Bonus can lift it above 100."""
        decided = self.decided_points
        return 100 * self.score / decided if decided > 0 else None

    @property
    def percent_without_bonus(self) -> Fraction | None:
        """The same without bonus points, so at most 100: it can be averaged while points are still open."""
        decided, bonus = self.decided_points, total(criterion.points for criterion in self.criteria if criterion.bonus)
        return 100 * (self.score - bonus) / decided if decided > 0 else None


def remarked(row: Row, assignment: Assignment) -> tuple[Row, tuple[str, ...]]:
    """A row, marked by another rubric; and the criteria that must be examined again for it, which are open in it."""
    recorded = {criterion.id: Recorded(criterion.verdict, criterion.basis) for criterion in row.criteria}
    gradable = row.status != "ungradable"
    reused = reuse(assignment, {id: old for id, old in recorded.items() if old.basis}, gradable=gradable)
    sheet = mark(assignment, reused.verdicts, (Flag(*flag) for flag in row.flags), gradable=gradable)
    criteria = tuple(
        CriterionRow(
            mark.id,
            mark.points,
            mark.max_points,
            mark.bonus,
            mark.outcome,
            mark.mistake,
            mark.share,
            mark.at_stake,
            mark.waits_for,
            mark.basis,
        )
        for mark in sheet.marks
    )
    marked = replace(
        row,
        assignment_title=assignment.title,
        status=sheet.status,
        score=sheet.score,
        max_score=sheet.max_score,
        pending_points=sheet.pending_points,
        criteria=criteria,
    )
    return marked, reused.again


def row_of(folder: str, document: Any) -> Row:
    """The row of a parsed ``report.json``.

    Raises KeyError, TypeError, ValueError or AttributeError when ``document`` is not a report.
    """
    if document["schema"] != SCHEMA:
        raise ValueError(f"the form must be {SCHEMA}, was {document['schema']!r}")
    flags, details = document["flags"][:_MOST_FLAGS], document["run"].get("details", {})
    criteria = tuple(_criterion_of(criterion) for criterion in document["criteria"])
    exact, score = total(criterion.points for criterion in criteria), _points(document["score"])
    return Row(
        folder=folder,
        id=str(document["submission"]["id"]),
        sha256=str(document["submission"]["sha256"]),
        key=str(details.get("key", "")),
        known_as=tuple(str(key)[:_MOST_TEXT] for key in details.get("known_as", ())[:_MOST_KEYS]),
        submitted=None if details.get("submitted") is None else str(details["submitted"])[:_MOST_TEXT],
        assignment=str(document["assignment"]["id"]),
        assignment_title=str(document["assignment"]["title"])[:_MOST_TEXT],
        status=str(document["status"]),
        score=exact if in_hundredths(exact) == in_hundredths(score) else score,
        max_score=_points(document["max_score"]),
        pending_points=_points(document["pending_points"]),
        flags=tuple((str(flag["kind"])[:_MOST_TEXT], str(flag["detail"])[:_MOST_TEXT]) for flag in flags),
        criteria=criteria,
        seconds=float(document["run"]["seconds"]),
    )


def _criterion_of(criterion: Any) -> CriterionRow:
    """A criterion of a parsed report."""
    exact = criterion.get("exact_points")
    return CriterionRow(
        id=str(criterion["id"]),
        points=_points(criterion["points"]) if exact is None else _exact(exact),
        max_points=_points(criterion["max_points"]),
        bonus=bool(criterion.get("bonus", False)),
        outcome=Outcome(criterion["outcome"]),
        mistake=None if criterion.get("mistake") is None else str(criterion["mistake"])[:_MOST_TEXT],
        share=_share(criterion.get("share", "0")),
        at_stake=_share(criterion.get("at_stake", "0")),
        waits_for=None if criterion.get("waits_for") is None else str(criterion["waits_for"])[:_MOST_TEXT],
        basis=str(criterion.get("basis", ""))[:_MOST_TEXT],
    )


def _points(value: Any) -> Fraction:
    """Points from a JSON number, exact in hundredths."""
    return from_hundredths(round(value * 100))


@lru_cache(maxsize=10_000)
def _exact(text: str) -> Fraction:
    """A number as the report has it, such as ``2/3``."""
    number, _, divisor = text.partition("/")
    if len(text) > _MOST_DIGITS or (divisor and not int(divisor)):
        raise ValueError(f"a number must be a fraction of at most {_MOST_DIGITS} characters, was {text[:_MOST_DIGITS]}")
    return Fraction(int(number), int(divisor or 1))


@lru_cache(maxsize=1_000)
def _share(text: str) -> Fraction:
    """A share as the report has it, such as ``2/3``."""
    share = _exact(text)
    if not 0 <= share <= 1:
        raise ValueError(f"a share must be 0 to 1, was {text}")
    return share


def pack(row: Row) -> list[Any]:
    """A row in JSON's own types, about a twentieth of the report. The folder is left out.

    Points are in hundredths, or a text such as ``2/3`` where they are not whole ones.
    """
    texts = [row.id, row.sha256, row.key, row.assignment, row.assignment_title, row.status]
    points = [_packed(value) for value in (row.score, row.max_score, row.pending_points)]
    criteria = [
        [
            criterion.id,
            _packed(criterion.points),
            _packed(criterion.max_points),
            int(criterion.bonus),
            criterion.outcome.value,
            criterion.mistake,
            str(criterion.share),
            str(criterion.at_stake),
            criterion.waits_for,
            criterion.basis,
        ]
        for criterion in row.criteria
    ]
    flags = [list(flag) for flag in row.flags]
    return [texts, points, flags, criteria, row.seconds, list(row.known_as), row.submitted]


def _packed(points: Fraction) -> int | str:
    return str(points) if 100 % points.denominator else points.numerator * (100 // points.denominator)


def _unpacked(points: int | str) -> Fraction:
    return _exact(points) if isinstance(points, str) else from_hundredths(points)


def unpack(folder: str, packed: Any, *, criteria_too: bool = True) -> Row:
    """The row that was packed. Raises TypeError or ValueError when ``packed`` is not a packed row.

    ``criteria_too=False`` leaves the criteria out, which are most of it.
    """
    (id, sha256, key, assignment, title, status), points, flags, criteria, seconds, known_as, submitted = packed
    score, max_score, pending = map(_unpacked, points)
    return Row(
        folder=folder,
        id=id,
        sha256=sha256,
        key=key,
        known_as=tuple(known_as),
        submitted=submitted,
        assignment=assignment,
        assignment_title=title,
        status=status,
        score=score,
        max_score=max_score,
        pending_points=pending,
        flags=tuple((kind, detail) for kind, detail in flags),
        criteria=tuple(_criterion(*criterion) for criterion in criteria) if criteria_too else (),
        seconds=seconds,
    )


@lru_cache(maxsize=10_000)
def _criterion(
    id: str,
    points: int | str,
    max_points: int | str,
    bonus: int,
    outcome: str,
    mistake: str | None,
    share: str,
    at_stake: str,
    waits_for: str | None,
    basis: str,
) -> CriterionRow:
    # Cached, because a cohort has few different ones.
    return CriterionRow(
        id,
        _unpacked(points),
        _unpacked(max_points),
        bool(bonus),
        Outcome(outcome),
        mistake,
        _share(share),
        _share(at_stake),
        waits_for,
        basis,
    )
