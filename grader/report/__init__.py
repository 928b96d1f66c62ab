"""A graded submission as JSON, HTML, Markdown and terminal text. Every form is made by a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.intake import StoredFile
from grader.marking.evidence import Json
from grader.marking.sheet import MarkSheet
from grader.marking.verdicts import Flag

__all__ = ["LeftOut", "Report", "Run"]


@dataclass(frozen=True)
class LeftOut:
    """A statement or module of the submission that was skipped or replaced."""

    where: str
    """``a2.ipynb, cell 7, line 3``."""
    what: str
    """The first line of the source, or the module's name."""
    why: str
    """``training loop at the top level``, ``stood in for``, ``translated from Python 2``, …"""


@dataclass(frozen=True)
class Run:
    """How the report was made."""

    version: str
    seed: int
    device: str
    isolation: str
    """``bubblewrap`` or ``none``."""
    torch: str
    seconds: float
    started: str
    """ISO 8601, UTC."""
    rubric_sha256: str
    details: Mapping[str, Json]
    """Further facts by name: layers of isolation in force, limits, data."""


@dataclass(frozen=True)
class Report:
    """Everything a report shows."""

    submission_id: str
    sha256: str
    files: tuple[StoredFile, ...]
    assignment_id: str
    assignment_title: str
    detected: str
    """How the assignment was detected, as one sentence."""
    code_files: tuple[str, ...]
    """The files whose definitions were examined."""
    sheet: MarkSheet
    flags: tuple[Flag, ...]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...]
    """Sentences about the submission as a whole."""
    output: str
    """What the student's code printed, cut to size: plain text, hostile."""
    run: Run
    choice: tuple[str, ...] = ()
    """Which file counts where several compete, and why: a sentence for each that does not count."""
    part_titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of the rubric's parts by id. A part without a title is shown by its id."""
