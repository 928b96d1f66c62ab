"""Finding, naming, hashing and reading what students hand in; notebooks to cells. Nothing here runs or parses their code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.verdicts import Flag

__all__ = ["Cell", "CodeFile", "Found", "StoredFile", "Submission", "SubmissionError", "find", "read"]


class SubmissionError(Exception):
    """The path given on the command line cannot be graded; the text is one sentence."""


@dataclass(frozen=True)
class Cell:
    """A piece of source that stands or falls on its own: a notebook's code cell, or a whole script."""

    number: int | None
    """1-based position among all the notebook's cells; None for a script."""
    source: str


@dataclass(frozen=True)
class CodeFile:
    """A ``.py`` or ``.ipynb`` of the submission, decoded but not parsed."""

    path: str
    """Relative to the submission, as it is there, ``/`` between folders."""
    cells: tuple[Cell, ...]
    problem: str | None = None
    """Why it has no cells, in one sentence; None when it was read."""


@dataclass(frozen=True)
class StoredFile:
    """A file as it was handed in."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Found:
    """Where a submission lies: enough to list 10,000 of them; contents are read later, one at a time."""

    id: str
    """The student's id as it is on disk or in the learning platform."""
    folder: str
    """Safe and unique name for the report's folder."""
    sources: tuple[Path, ...]
    """A folder, or one or more files (loose files or an archive) that make up the submission."""
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class Submission:
    """What one student handed in, read and bounded."""

    id: str
    folder: str
    files: tuple[StoredFile, ...]
    code: tuple[CodeFile, ...]
    """Every ``.py`` and ``.ipynb``, in a fixed order; unreadable ones have a ``problem``."""
    sha256: str
    """Over the sorted paths and hashes of the files."""
    flags: tuple[Flag, ...]
    """Two candidates, refused links, oversized files, …"""


def find(paths: list[Path], *, mode: str | None = None) -> tuple[Found, ...]:
    """Submissions at ``paths``; ``mode`` is ``one``, ``many`` or None (told apart by what is there). Raises SubmissionError."""
    raise NotImplementedError


def read(found: Found) -> Submission:
    """Read, bound, hash and decode one submission. Never raises for what a student handed in."""
    raise NotImplementedError
