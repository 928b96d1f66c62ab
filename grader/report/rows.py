"""What lists and statistics need of one report: a row, read back from ``report.json``, and its short form for files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from grader.lazy import lazy
from grader.marking.verdicts import Outcome
from grader.report.as_json import SCHEMA

__all__ = ["CriterionRow", "Row", "in_hundredths", "pack", "row_of", "unpack"]


_MOST_FLAGS = 20
_MOST_KEYS = 150
_MOST_TEXT = 300


@dataclass(frozen=True)
class CriterionRow:
    """One criterion of one report."""

    id: str
    points: Fraction
    max_points: Fraction
    bonus: bool
    outcome: Outcome
    mistake: str | None

    @property
    def open(self) -> bool:
        """Whether its points are neither earned nor lost yet."""
        return self.outcome in (Outcome.PENDING, Outcome.ERROR)


@dataclass(frozen=True)
class Row:
    """One report."""

    folder: str
    """Name of its folder."""
    id: str
    sha256: str
    """Hash of the submission's contents."""
    key: str
    """What the report was graded from; empty where it does not say."""
    known_as: tuple[str, ...]
    """Further keys by which the learning platform knows the student."""
    assignment: str
    assignment_title: str
    status: str
    """``graded``, ``needs_review`` or ``ungradable``."""
    score: Fraction
    max_score: Fraction
    pending_points: Fraction
    flags: tuple[tuple[str, str], ...]
    """Kind and detail of each flag; the first twenty."""
    criteria: tuple[CriterionRow, ...]
    seconds: float

    @property
    def errors(self) -> tuple[str, ...]:
        """Ids of the criteria on which the grader itself failed."""
        return tuple(criterion.id for criterion in self.criteria if criterion.outcome is Outcome.ERROR)

    @lazy
    def decided_points(self) -> Fraction:
        """Points that are earned or lost by now, bonus not included: the maximum has none, what is pending may."""
        ordinary = bonus = skipped = 0
        for one in self.criteria:
            if one.open and one.bonus:
                bonus += in_hundredths(one.max_points)
            elif one.open:
                ordinary += in_hundredths(one.max_points)
            elif one.outcome is Outcome.SKIPPED and not one.bonus:
                # For an error of ours alone it is pending as well; a report does not say which these are.
                skipped += in_hundredths(one.max_points)
        pending = in_hundredths(self.pending_points)
        return _hundredths(in_hundredths(self.max_score) - ordinary - min(pending - ordinary - bonus, skipped))

    @property
    def percent(self) -> Fraction | None:
        """Score as a percentage of the decided points, above 100 with bonus points; None while none are decided."""
        decided = self.decided_points
        return 100 * self.score / decided if decided > 0 else None

    @property
    def percent_without_bonus(self) -> Fraction | None:
        """The same without bonus points, never above 100: what can be averaged while a person's points are open."""
        decided, bonus = self.decided_points, _sum(one.points for one in self.criteria if one.bonus)
        return 100 * (self.score - bonus) / decided if decided > 0 else None


def row_of(folder: str, document: Any) -> Row:
    """The row of a parsed ``report.json``. Raises KeyError, TypeError, ValueError or AttributeError when it is none."""
    if document["schema"] != SCHEMA:
        raise ValueError(f"the form must be {SCHEMA}, was {document['schema']!r}")
    flags, details = document["flags"][:_MOST_FLAGS], document["run"].get("details", {})
    return Row(
        folder=folder,
        id=str(document["submission"]["id"]),
        sha256=str(document["submission"]["sha256"]),
        key=str(details.get("key", "")),
        known_as=tuple(str(key)[:_MOST_TEXT] for key in details.get("known_as", ())[:_MOST_KEYS]),
        assignment=str(document["assignment"]["id"]),
        assignment_title=str(document["assignment"]["title"])[:_MOST_TEXT],
        status=str(document["status"]),
        score=_points(document["score"]),
        max_score=_points(document["max_score"]),
        pending_points=_points(document["pending_points"]),
        flags=tuple((str(flag["kind"])[:_MOST_TEXT], str(flag["detail"])[:_MOST_TEXT]) for flag in flags),
        criteria=tuple(
            CriterionRow(
                id=str(one["id"]),
                points=_points(one["points"]),
                max_points=_points(one["max_points"]),
                bonus=bool(one.get("bonus", False)),
                outcome=Outcome(one["outcome"]),
                mistake=None if one.get("mistake") is None else str(one["mistake"])[:_MOST_TEXT],
            )
            for one in document["criteria"]
        ),
        seconds=float(document["run"]["seconds"]),
    )


def _points(value: Any) -> Fraction:
    """Points from JSON, exact in hundredths."""
    return _hundredths(round(value * 100))


def in_hundredths(points: Fraction) -> int:
    """``points * 100``, without making a Fraction: this is done for every criterion of every report."""
    return points.numerator * 100 // points.denominator


def _sum(points: Iterable[Fraction]) -> Fraction:
    return _hundredths(sum(map(in_hundredths, points)))


@lru_cache(maxsize=10_000)
def _hundredths(count: int) -> Fraction:
    # The same few points come up millions of times in a large cohort, and a Fraction takes long to make.
    return Fraction(count, 100)


def pack(row: Row) -> list[Any]:
    """A row as JSON's own types, points in hundredths: a twentieth of its report. The folder is left out."""
    texts = [row.id, row.sha256, row.key, row.assignment, row.assignment_title, row.status]
    points = [int(value * 100) for value in (row.score, row.max_score, row.pending_points)]
    criteria = [
        [one.id, int(one.points * 100), int(one.max_points * 100), int(one.bonus), one.outcome.value, one.mistake]
        for one in row.criteria
    ]
    return [texts, points, [list(flag) for flag in row.flags], criteria, row.seconds, list(row.known_as)]


def unpack(folder: str, packed: Any) -> Row:
    """The row that was packed. Raises TypeError or ValueError when it is none."""
    (id, sha256, key, assignment, title, status), points, flags, criteria, seconds, known_as = packed
    score, max_score, pending = map(_hundredths, points)
    return Row(
        folder=folder,
        id=id,
        sha256=sha256,
        key=key,
        known_as=tuple(known_as),
        assignment=assignment,
        assignment_title=title,
        status=status,
        score=score,
        max_score=max_score,
        pending_points=pending,
        flags=tuple((kind, detail) for kind, detail in flags),
        criteria=tuple(_criterion(*one) for one in criteria),
        seconds=seconds,
    )


@lru_cache(maxsize=10_000)
def _criterion(id: str, earned: int, most: int, bonus: int, outcome: str, mistake: str | None) -> CriterionRow:
    # like points, the same few again and again
    return CriterionRow(id, _hundredths(earned), _hundredths(most), bool(bonus), Outcome(outcome), mistake)
