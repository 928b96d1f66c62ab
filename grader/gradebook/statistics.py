"""How a cohort did: means, medians and pass rates over the students whose marks are there, and over how many.

They are over the students of the roster, marked and present; without a roster, over all students with a hand-in. Nobody
else is taken for a zero: staff, students without a hand-in, hand-ins that are gone, those on which the grader failed or
that had no code, those with open points or flags, those of strangers, and those of which a person must decide are
counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from grader.gradebook.roster import People
from grader.marks.line import FinalLine, Stage
from grader.marks.totals import UNGRADABLE

__all__ = ["CohortStatistics", "Statistics"]


@dataclass
class Statistics:
    """One assignment."""

    id: str
    passing: Fraction
    """Percent of the maximum from which on a mark passes."""
    percents: list[Fraction] = field(default_factory=list)
    """The marks that count, in percent of the maximum."""
    open: int = 0
    """Students whose marking is not done."""
    failed: int = 0
    """Students of whose hand-in the grader could not make marks, and of whom nobody has decided."""
    staff: int = 0
    """Hand-ins of people who are not students."""
    strangers: int = 0
    """Students with a hand-in whom the roster does not have."""
    doubtful: int = 0
    """Hand-ins of which a person must decide whose they are."""

    @property
    def over(self) -> int:
        """Of how many students the statistics are."""
        return len(self.percents)

    @property
    def mean(self) -> Fraction | None:
        """Mean percentage; None where there is no mark."""
        return sum(self.percents, Fraction(0)) / self.over if self.percents else None

    @property
    def median(self) -> Fraction | None:
        """Median percentage; None where there is no mark."""
        if not self.percents:
            return None
        ordered = sorted(self.percents)
        return (ordered[(self.over - 1) // 2] + ordered[self.over // 2]) / 2

    @property
    def pass_rate(self) -> Fraction | None:
        """Percent of the marks that pass; None where there is no mark."""
        passed = sum(percent >= self.passing for percent in self.percents)
        return Fraction(100 * passed, self.over) if self.percents else None

    @property
    def apart(self) -> tuple[tuple[int, str], ...]:
        """Who is counted apart: how many, and why."""
        counts = (
            (self.open, "with open points or flags"),
            (self.failed, "that the grader could not mark"),
            (self.staff, "of staff"),
            (self.strangers, "of nobody on the roster"),
            (self.doubtful, "whose owner is in doubt"),
        )
        return tuple((count, why) for count, why in counts if count)


class CohortStatistics:
    """The statistics of a cohort, by assignment."""

    def __init__(self, passing: dict[str, Fraction]) -> None:
        """``passing`` has, by assignment, the percentage from which on a mark passes."""
        self._passing = passing
        self.assignments: dict[str, Statistics] = {}

    def add(self, line: FinalLine, people: People) -> None:
        """Count one student with a hand-in that is still there."""
        statistics = self.assignments.setdefault(
            line.assignment, Statistics(line.assignment, self._passing.get(line.assignment, Fraction(50)))
        )
        listed = people.on_roster(line.student.id) if line.student.known else None
        if line.student.doubtful:
            statistics.doubtful += 1
        elif listed is not None and listed.is_staff:
            statistics.staff += 1
        elif people.known and listed is None:
            statistics.strangers += 1
        elif line.stage is not Stage.EXAMINED:
            if line.max_score > 0:
                statistics.percents.append(100 * line.mark / line.max_score)
        elif line.status == UNGRADABLE or any(criterion.failed for criterion in line.criteria):
            statistics.failed += 1
        else:
            statistics.open += 1
