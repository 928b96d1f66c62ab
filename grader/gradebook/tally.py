"""Statistics over a cohort in one pass: sums alone are kept, exact ones, so memory does not grow with the cohort.

Points still open (pending, or in error) count nowhere, and submissions without code to examine count in the numbers and
not in the statistics of criteria: they would make every criterion seem hard and every pair of them alike.

Discrimination is the corrected item-total correlation: Pearson's correlation between a criterion's points and those of
all others. Source: Lord and Novick, *Statistical Theories of Mental Test Scores*, 1968, chapter 15.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from grader.marking.verdicts import Outcome
from grader.report.rows import CriterionRow, Row, in_hundredths

__all__ = ["AssignmentTally", "CriterionTally", "Tally", "correlation", "urgency"]


URGENT = 50
"""Most submissions listed as needing a person first."""
BINS = 10
"""Bars of the distribution, ten percent each; the last one holds everything from 90 percent up."""


@dataclass
class CriterionTally:
    """One criterion, over all submissions in which it is decided."""

    decided: int = 0
    passed: int = 0
    open: int = 0
    """Submissions in which it is pending or in error."""
    mistakes: Counter[str] = field(default_factory=Counter)
    """Submissions in which a known mistake was recognised, by its id."""
    _sums: list[int] = field(default_factory=lambda: [0] * 5)

    def add(self, criterion: CriterionRow, rest: int) -> None:
        """``rest``: the decided points of the submission's other criteria, in hundredths."""
        if criterion.open:
            self.open += 1
            return
        passed = criterion.outcome is Outcome.PASS
        self.decided += 1
        self.passed += passed
        if criterion.mistake:
            self.mistakes[criterion.mistake] += 1
        # A criterion without points still tells the strong from the weak.
        x = in_hundredths(criterion.points) if criterion.max_points else int(passed)
        for place, value in enumerate((x, rest, x * x, rest * rest, x * rest)):
            self._sums[place] += value

    @property
    def passed_share(self) -> Fraction | None:
        """Share of the submissions that passed; None where none is decided."""
        return Fraction(self.passed, self.decided) if self.decided else None

    @property
    def discrimination(self) -> float | None:
        """Between -1 and 1; None where it is undefined: fewer than three submissions, or no two that differ."""
        return correlation(self.decided, *self._sums)


def correlation(count: int, x: int, y: int, xx: int, yy: int, xy: int) -> float | None:
    """Pearson's, from exact sums; None for fewer than three pairs, and where one side does not vary."""
    across = (count * xx - x * x) * (count * yy - y * y)
    if count < 3 or across <= 0:
        return None
    return max(-1.0, min(1.0, (count * xy - x * y) / math.sqrt(across)))


@dataclass
class AssignmentTally:
    """One assignment."""

    id: str
    title: str
    count: int = 0
    without_score: int = 0
    """Submissions without a decided point."""
    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    """Submissions by percent of the decided points."""
    percents: int = 0
    """Their sum, in hundredths: the denominators of exact ones would grow without end."""
    bonus: bool = False
    """It has bonus points, which percentages leave out: beside few decided points they would go far beyond 100."""
    criteria: dict[str, CriterionTally] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        self.count += 1
        self.bonus = self.bonus or any(one.bonus for one in row.criteria)
        percent = row.percent_without_bonus
        if percent is None:
            self.without_score += 1
        else:
            self.bins[min(BINS - 1, max(0, int(percent * BINS / 100)))] += 1
            self.percents += round(percent * 100)
        total = sum(in_hundredths(one.points) for one in row.criteria if not one.open)
        for criterion in row.criteria:
            tally = self.criteria.setdefault(criterion.id, CriterionTally())
            if row.status != "ungradable":
                tally.add(criterion, total - in_hundredths(criterion.points))

    @property
    def mean(self) -> Fraction | None:
        """Mean percentage; None where no submission has a decided point."""
        scored = self.count - self.without_score
        return Fraction(self.percents, 100 * scored) if scored else None


def urgency(row: Row) -> tuple[bool, bool, int, str]:
    """What sorts the submissions that need a person: our failures first, then those without code, then most flags."""
    return not row.errors, row.status != "ungradable", -len(row.flags), row.id


@dataclass
class Tally:
    """A cohort, which may hold several assignments: their points are not comparable and never mixed."""

    count: int = 0
    states: Counter[str] = field(default_factory=Counter)
    """Submissions by status."""
    in_error: int = 0
    """Submissions with a criterion on which the grader itself failed."""
    in_need: int = 0
    """Submissions that a person should look at: with an error, without code, or flagged."""
    urgent: list[Row] = field(default_factory=list)
    """The first of them, by urgency."""
    assignments: dict[str, AssignmentTally] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        self.count += 1
        self.states[row.status] += 1
        self.in_error += bool(row.errors)
        if row.errors or row.flags or row.status == "ungradable":
            self.in_need += 1
            self.urgent = sorted((*self.urgent, row), key=urgency)[:URGENT]
        fresh = AssignmentTally(row.assignment, row.assignment_title)
        self.assignments.setdefault(row.assignment, fresh).add(row)

    def mistakes(self) -> list[tuple[int, str, str, str]]:
        """Number of submissions, mistake, criterion and assignment, the commonest first."""
        seen = [
            (count, mistake, criterion, assignment.id)
            for assignment in self.assignments.values()
            for criterion, tally in assignment.criteria.items()
            for mistake, count in tally.mistakes.items()
        ]
        return sorted(seen, key=lambda one: (-one[0], *one[1:]))
