"""What a run of many submissions tells while it works, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from grader.report import Report
from grader.report.rows import Row

__all__ = ["Events", "Failure", "Line", "Summary"]


@dataclass(frozen=True)
class Line:
    """One submission that is done."""

    id: str
    assignment: str
    score: Fraction
    max_score: Fraction
    pending_points: Fraction
    percent: Fraction | None
    """Score as a percentage of the decided points; None where none is decided."""
    status: str
    """``graded``, ``needs_review`` or ``ungradable``."""
    seconds: float
    """Wall time of its grading, whenever that was."""
    resumed: bool
    """True: its report existed already, and nothing was done."""
    remarked: bool = False
    """True: its report existed already, and was marked again by a changed rubric."""

    @classmethod
    def of(cls, row: Row, *, resumed: bool, remarked: bool = False) -> Line:
        """The line about a report with this row."""
        return cls(
            id=row.id,
            assignment=row.assignment,
            score=row.score,
            max_score=row.max_score,
            pending_points=row.pending_points,
            percent=row.percent,
            status=row.status,
            seconds=row.seconds,
            resumed=resumed,
            remarked=remarked,
        )


class Events(Protocol):
    """Listens to a run. Called from several threads, but never by two at the same time."""

    def started(self, id: str) -> None:
        """The grading of a submission begins. Not called for a report that is resumed."""

    def stage(self, id: str, what: str) -> None:
        """What is examined next: ``reading``, ``loading``, or a criterion's id."""

    def finished(self, line: Line) -> None:
        """A submission's report is on the disk."""

    def problem(self, id: str, sentence: str) -> None:
        """The grader itself failed on a submission; or, with an empty ``id``, something about the run as a whole."""


@dataclass(frozen=True)
class Failure:
    """A submission on which the grader itself failed."""

    id: str
    reason: str
    """One sentence."""


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    graded: int
    """Reports written."""
    resumed: int
    """Reports that existed already and are still valid."""
    needs_review: int
    ungradable: int
    failed: tuple[Failure, ...]
    lowest: Fraction | None
    """The lowest score as a percentage of the decided points, above 100 with a bonus; None where none are decided."""
    left: int = 0
    """Submissions without a report of this run, because the run was interrupted."""
    remarked: int = 0
    """Reports that existed already and were marked again by a changed rubric; nothing was examined for it."""
    report: Report | None = None
    """The report of a run over one submission; None for a run over many, or where another machine made it."""
    penalties: bool = False
    """Whether lateness takes points off any student in the gradebook."""

    @property
    def sound(self) -> int:
        """Reports that are graded and need no review, as the gradebook counts them."""
        return self._done - self.needs_review - self.ungradable

    @property
    def _done(self) -> int:
        return self.graded + self.resumed + self.remarked

    @property
    def interrupted(self) -> str:
        """How to go on, in one sentence; empty when the run was not interrupted."""
        if not self.left:
            return ""
        done = self._done
        return f"Stopped: {done:,} of {done + self.left:,} reports are written; the same command goes on from there."

    def exit_status(self, fail_under: Fraction | None = None) -> int:
        """1 when the grader failed on a submission, 3 when a score is below ``fail_under`` percent, else 0."""
        if self.failed:
            return 1
        return 3 if self.is_below(fail_under) else 0

    def is_below(self, fail_under: Fraction | None) -> bool:
        """Whether the lowest score is below ``fail_under`` percent."""
        return fail_under is not None and self.lowest is not None and self.lowest < fail_under
