"""What a run asks of whoever grades its submissions: this machine, or the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from grader.examined import Earlier
from grader.intake import Found
from grader.marking.rubric import Rubric
from grader.report.files import RenderedReport
from grader.sandbox.terms import Limits
from grader.store.keys import program

if TYPE_CHECKING:
    from grader.pipeline import Options
    from reference.data import Horses

__all__ = ["Grader", "KeyOf", "RunError", "Settings", "Told", "Undone", "Watch"]


KeyOf = Callable[[str, str], str]
"""The key of a submission's report, from the SHA-256 of the submission's contents and the assignment's id."""


class RunError(Exception):
    """The run cannot go on, whichever submission comes next; the text is one sentence."""


class Told(Exception):
    """The grader failed on a submission in another process; the text is what is said of it there."""


class Undone(Exception):
    """The grader cannot grade a submission, and trying again would not help; the text is a clause. What was handed in
    must not be read any further in this process."""


@dataclass(frozen=True)
class Settings:
    """How a run grades; the same for every submission."""

    rubric: Rubric
    horses: Horses
    options: Options
    limits: Limits
    """What a submission may use."""
    isolation: str
    """How submissions are confined: ``bubblewrap`` or ``none``."""
    program: tuple[str, str] = field(default_factory=program)
    """The version of the grader and the hash of its source."""


class Watch(Protocol):
    """What the grading of one submission tells the run, and asks it."""

    def stage(self, what: str) -> None:
        """Say what is examined next. Leaves the grading with an exception once the run is stopped."""

    def stopped(self) -> bool:
        """Whether the run was stopped, so that the grading should be left with any exception."""

    def notice(self, sentence: str) -> None:
        """Tell whoever started the run something about it as a whole."""


class Grader(Protocol):
    """Grades submissions. Several threads may call it."""

    @property
    def settings(self) -> Settings:
        """How it grades."""

    @property
    def jobs(self) -> int:
        """Submissions to grade at a time, unless the command line says otherwise."""

    def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
        """The report on one submission. What ``earlier`` has need not be examined again.

        Raises RunError where no other submission would fare better, Undone where another try would not help, and any
        other Exception for a failure of the grader on this one.
        """

    def stop(self) -> None:
        """Drop what is under way; called when the run is interrupted."""
