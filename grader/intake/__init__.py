"""Finding, naming, hashing and reading what students hand in; notebooks to cells. Nothing here runs or parses their
code.

This is the door; what is behind it: ``handin`` the records, ``finding`` and ``reading`` the two verbs; ``layouts``
knows learning platforms, ``naming`` safe folders, ``archives`` zip and tar, ``decoding`` text and ``notebooks`` cells.
"""

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
