"""Statistics over a cohort in one pass. Only sums are stored, exact ones, so memory does not grow with the cohort.

Open points (pending, or in error) count nowhere. Submissions without code to examine count in the number of submissions
but not in the statistics of criteria: they would make every criterion seem hard, and every two criteria alike.

Discrimination is the corrected item-total correlation: Pearson's correlation between a criterion's points and the
points of all other criteria. Source: Lord and Novick, *Statistical Theories of Mental Test Scores*, 1968, chapter 15.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from grader.marking.points import in_hundredths
from grader.marking.verdicts import LOST, Outcome
from grader.report.rows import CriterionRow, Row

__all__ = ["AssignmentTally", "CriterionTally", "Tally", "correlation", "urgency"]


URGENT = 50
"""Most submissions in the list of those that need a person first."""
BINS = 10
"""Bars of the distribution, ten percent each. The last bar has everything from 90 percent up."""


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
        """Count one submission; ``rest`` are the decided points of its other criteria, in hundredths."""
        if criterion.open:
            self.open += 1
            return
        passed = criterion.outcome is Outcome.PASS
        self.decided += 1
        self.passed += passed
        if criterion.mistake:
            self.mistakes[criterion.mistake] += 1
        # A criterion without points still separates strong from weak submissions.
        x = in_hundredths(criterion.points) if criterion.max_points else int(passed)
        for place, value in enumerate((x, rest, x * x, rest * rest, x * rest)):
            self._sums[place] += value

    @property
    def passed_share(self) -> Fraction | None:
        """Share of the decided submissions that passed; None where no submission is decided."""
        return Fraction(self.passed, self.decided) if self.decided else None

    @property
    def discrimination(self) -> float | None:
        """Between -1 and 1; None for fewer than three submissions, and where no two submissions differ."""
        return correlation(self.decided, *self._sums)


def correlation(count: int, x: int, y: int, xx: int, yy: int, xy: int) -> float | None:
    """Pearson's correlation, from exact sums; None for fewer than three pairs, and where one side does not vary."""
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
    """The sum of the percentages, in hundredths of a percent: an exact sum's denominator would grow without end."""
    bonus: bool = False
    """Whether it has bonus points. Percentages leave them out: with few decided points they would go far beyond 100."""
    criteria: dict[str, CriterionTally] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        self.count += 1
        self.bonus = self.bonus or any(criterion.bonus for criterion in row.criteria)
        percent = row.percent_without_bonus
        if percent is None:
            self.without_score += 1
        else:
            self.bins[min(BINS - 1, max(0, int(percent * BINS / 100)))] += 1
            self.percents += round(percent * 100)
        total = sum(in_hundredths(criterion.points) for criterion in row.criteria if not criterion.open)
        for criterion in row.criteria:
            tally = self.criteria.setdefault(criterion.id, CriterionTally())
            if row.status != "ungradable":
                tally.add(criterion, total - in_hundredths(criterion.points))

    @property
    def mean(self) -> Fraction | None:
        """Mean percentage; None where no submission has a decided point."""
        scored = self.count - self.without_score
        return Fraction(self.percents, 100 * scored) if scored else None


def urgency(row: Row) -> tuple[bool, bool, bool, int, str]:
    """Sort key for the submissions that need a person: those that lost a network to one line, then our failures, then
    those without code, then the most flags."""
    lost = any(kind == LOST for kind, _ in row.flags)
    return not lost, not row.errors, row.status != "ungradable", -len(row.flags), row.id


@dataclass
class Tally:
    """A cohort. It may have several assignments, whose points cannot be compared and are never mixed."""

    count: int = 0
    states: Counter[str] = field(default_factory=Counter)
    """Submissions by status."""
    in_error: int = 0
    """Submissions with a criterion on which the grader itself failed."""
    in_need: int = 0
    """Submissions that a person should look at: with an error, without code, or flagged."""
    urgent: list[Row] = field(default_factory=list)
    """The most urgent of these submissions, the first ones first."""
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
        """Number of submissions, mistake, criterion and assignment, the most common mistake first."""
        mistakes = [
            (count, mistake, criterion, assignment.id)
            for assignment in self.assignments.values()
            for criterion, tally in assignment.criteria.items()
            for mistake, count in tally.mistakes.items()
        ]
        return sorted(mistakes, key=lambda mistake: (-mistake[0], *mistake[1:]))
