"""Submissions graded on this machine."""

from __future__ import annotations

from grader.cohort.grader import KeyOf, Settings, Watch
from grader.examined import Earlier
from grader.intake import Found
from grader.pipeline import Grading
from grader.report.files import RenderedReport, rendered
from grader.sandbox import cores

__all__ = ["ThisMachine"]


class ThisMachine:
    """A ``Grader`` with a sandbox of its own. See ``cohort.grader.Grader``."""

    def __init__(self, grading: Grading) -> None:
        self._grading = grading
        self.settings = Settings(
            rubric=grading.rubric,
            horses=grading.horses,
            options=grading.options,
            limits=grading.sandbox.limits,
            isolation=grading.sandbox.isolation,
        )

    @property
    def jobs(self) -> int:
        """One per core that this process may use."""
        return len(cores.available())

    def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
        """The report on one submission, from a session of its own in the sandbox."""
        report = self._grading.grade(found, progress=watch.stage, earlier=earlier)
        return rendered(report, key=key_of(report.sha256, report.assignment_id), folder=found.folder)

    def stop(self) -> None:
        """Close the sandbox, and with it every session."""
        self._grading.sandbox.close()
