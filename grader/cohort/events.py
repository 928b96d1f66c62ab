"""What a run of many submissions reports while it works, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from grader.intake import Submission

__all__ = ["Elsewhere", "Events", "Failure", "Line", "RunError", "Summary"]


class RunError(Exception):
    """The run cannot go on, whichever submission comes next; the text is one sentence."""


class Elsewhere(Protocol):
    """Grades a submission on another machine."""

    def __call__(
        self, submission: Submission, keys: Mapping[str, str], stopped: Callable[[], bool]
    ) -> Mapping[str, bytes]:
        """The three files of its report, ``report.json`` last; ``keys`` are the report's by assignment.

        Asks ``stopped`` from time to time, and leaves with any exception when it says so. Raises RunError where no
        other submission will fare better, and any Exception for a failure on this one.
        """


@dataclass(frozen=True)
class Line:
    """One submission that is done."""

    id: str
    assignment: str
    score: Fraction
    max_score: Fraction
    pending_points: Fraction
    percent: Fraction | None
    """Score as a percentage of the points that are decided, as everywhere; None where none is."""
    status: str
    """``graded``, ``needs_review`` or ``ungradable``."""
    seconds: float
    """Wall time of its grading, whenever that was."""
    resumed: bool
    """True: its report was there, and nothing was done."""


class Events(Protocol):
    """What a run tells while it goes on. Called from several threads, but never twice at a time."""

    def started(self, id: str) -> None:
        """A submission is taken up; not called for what needs no grading."""

    def stage(self, id: str, what: str) -> None:
        """What is being looked at: ``reading``, ``loading``, or a criterion's id."""

    def finished(self, line: Line) -> None:
        """A submission's report is on the disk, or was there."""

    def problem(self, id: str, sentence: str) -> None:
        """The grader itself failed on a submission, or (``id`` empty) something about the folder as a whole."""


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
    """Reports that were there and still hold."""
    needs_review: int
    ungradable: int
    failed: tuple[Failure, ...]
    lowest: Fraction | None
    """Least score as a percentage of the points that are decided, above 100 with a bonus; None where no points are."""
    left: int = 0
    """Submissions without a report of this run, because it was interrupted."""

    @property
    def sound(self) -> int:
        """Reports that are graded and nothing else, as the gradebook counts them."""
        return self.graded + self.resumed - self.needs_review - self.ungradable

    @property
    def interrupted(self) -> str:
        """How to go on, in one sentence; empty when the run came to its end."""
        if not self.left:
            return ""
        done = self.graded + self.resumed
        return f"Stopped: {done:,} of {done + self.left:,} reports are written; the same command goes on from there."

    def exit_status(self, fail_under: Fraction | None = None) -> int:
        """1 when the grader failed on a submission, 3 when one is below ``fail_under`` percent, else 0."""
        if self.failed:
            return 1
        return 3 if self.is_below(fail_under) else 0

    def is_below(self, fail_under: Fraction | None) -> bool:
        """Whether a submission is below ``fail_under`` percent."""
        return fail_under is not None and self.lowest is not None and self.lowest < fail_under
