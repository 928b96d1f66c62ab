"""The records of what students hand in: where it lies, and what was read of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.marking.verdicts import Flag

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
]


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
    modified: float | None = None
    """Seconds since 1970, as the disk or the archive says; tells the newer of two candidates."""


@dataclass(frozen=True)
class DataFile:
    """A small file that code may read while it is loaded, such as ``config.json``; nothing here looks into it."""

    path: str
    """As for ``CodeFile``."""
    content: str
    """Its bytes, in base64."""


@dataclass(frozen=True)
class StoredFile:
    """A file as it was handed in."""

    path: str
    bytes: int
    sha256: str
    pdf: bool = False
    """Whether it begins as a PDF does."""


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
    names: tuple[str, ...] = ()
    """What each source was called when it was handed in, where a platform renamed it; empty: as they are called now."""
    inside: tuple[str, ...] = ()
    """For each source, the one file or folder in that archive which is this student's; empty: all of it."""
    late: bool = False
    """Whether the platform's names say so."""
    submitted: str | None = None
    """ISO 8601, where the platform says."""
    known_as: tuple[str, ...] = ()
    """Further keys by which the platform knows the student: name, user number, e-mail address."""
    assignment: str | None = None
    """What most of the cohort hands in, where this one holds no code that would tell."""


@dataclass(frozen=True)
class Skipped:
    """Something beside the submissions that is not graded."""

    path: Path
    reason: str
    """A clause, plain text, such as ``a symbolic link, which is not followed``."""


@dataclass(frozen=True)
class Findings:
    """What lies at the paths that were given."""

    found: tuple[Found, ...]
    """Sorted by id; no two share an id or a folder."""
    many: bool
    """False for a single submission that was given as such."""
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Submission:
    """What one student handed in, read and bounded."""

    id: str
    folder: str
    files: tuple[StoredFile, ...]
    """Every file but junk, sorted by path, write-ups and archives too; what an archive holds lies under the archive's
    path, or at the top when the archive is all that was handed in."""
    code: tuple[CodeFile, ...]
    """Every ``.py`` and ``.ipynb`` up to ``reading.MOST_CODE``, in a fixed order; unreadable ones have a
    ``problem``."""
    sha256: str
    """SHA-256, hexadecimal, over ``path NUL hash LF`` in UTF-8 for every one of ``files``; no times and no ids."""
    flags: tuple[Flag, ...]
    """Two candidates, refused links, oversized files, …"""
    known_as: tuple[str, ...] = ()
    """As in ``Found``."""
    assignment: str | None = None
    """As in ``Found``."""
    data: tuple[DataFile, ...] = ()
    """Small files beside the code, for it to read, sorted by path."""
