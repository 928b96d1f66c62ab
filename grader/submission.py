"""Finding, naming, hashing and reading what students hand in; notebooks to cells. Nothing here runs or parses their
code.

This is the door; what is behind it: ``handin`` the records, ``finding`` and ``reading`` the two verbs; ``layouts``
knows learning platforms, ``naming`` safe folders, ``archives`` zip and tar, ``decoding`` text and ``notebooks`` cells.
"""

from __future__ import annotations

from grader.finding import find
from grader.handin import Cell, CodeFile, DataFile, Findings, Found, Skipped, StoredFile, Submission, SubmissionError
from grader.reading import read

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
