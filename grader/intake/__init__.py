"""What students hand in: where it is, whose it is, and what is in it. Nothing here runs or parses their code.

``find`` (``finding``) lists the submissions at the paths of a command line, ``read`` (``reading``) reads one of them;
``records`` has what they return. The other modules serve these two:

===============  ============================================================"""

from __future__ import annotations

from grader.intake.finding import find
from grader.intake.reading import read
from grader.intake.records import (
    Cell,
    CodeFile,
    DataFile,
    Findings,
    Found,
    Skipped,
    StoredFile,
    Submission,
    SubmissionError,
)

__all__ = [
    "Cell",
    "CodeFile",
    "DataFile",
    "Findings",
    "Found",
    "Skipped",
    "StoredFile",
    "Submission",
    "SubmissionError",
    "find",
    "read",
]
