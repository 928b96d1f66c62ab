"""Records of what students hand in: where it is, and what was read of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.marking.verdicts import Flag

__all__ = [
    "Aside",
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
    """A piece of source that is run as a whole: a notebook's code cell, or a script."""

    number: int | None
    """1-based position among all the notebook's cells; None for a script."""
    source: str
    heading: str | None = None
    """What people call the cell: its title, or the nearest heading above it."""


@dataclass(frozen=True)
class Aside:
    """A class in a cell that is not code, and so is not run."""

    name: str
    """The class's."""
    cell: int
    """1-based position of the cell among all the notebook's cells."""
    kind: str
    """The cell's type: ``raw`` or ``markdown``."""
    heading: str | None = None
    """As for ``Cell``."""


@dataclass(frozen=True)
class CodeFile:
    """A ``.py`` or ``.ipynb`` of the submission, decoded but not parsed."""

    path: str
    """Relative to the submission, as it is there, ``/`` between folders."""
    cells: tuple[Cell, ...]
    problem: str | None = None
    """Why it has no cells, in one sentence; None when it was read."""
    modified: float | None = None
    """Seconds since 1970, as the disk or the archive says; shows which of two candidates is newer."""
    packed: bool = False
    """Whether ``modified`` is an archive's. The disk's own times change when a folder is copied."""
    attempt: tuple[float, ...] = ()
    """The platform's number or time of the attempt that it was handed in with; larger is newer."""
    asides: tuple[Aside, ...] = ()
    """Classes in cells of a notebook that are not code."""
    language: str | None = None
    """The language of a notebook that says it is not Python's."""


@dataclass(frozen=True)
class DataFile:
    """A small file that code may read while it is loaded, such as ``config.json``; the grader does not read it."""

    path: str
    """As for ``CodeFile``."""
    content: str
    """Its bytes, in base64."""


@dataclass(frozen=True)
class StoredFile:
    """A file as it was handed in."""

    path: str
    """As for ``CodeFile``."""
    bytes: int
    """Its size."""
    sha256: str
    """Of its bytes, hexadecimal."""
    pdf: bool = False
    """Whether it begins as a PDF does."""


@dataclass(frozen=True)
class Found:
    """Where a submission is. Contents are read later, one submission at a time, so 10,000 of these can be listed."""

    id: str
    """The student's id as it is on disk or in the learning platform."""
    folder: str
    """Safe and unique name for the report's folder."""
    sources: tuple[Path, ...]
    """A folder, or one or more files (loose files or an archive) that make up the submission."""
    flags: tuple[Flag, ...] = ()
    names: tuple[str, ...] = ()
    """What each source was called when it was handed in; empty where no platform renamed any of them."""
    inside: tuple[str, ...] = ()
    """For each source, the file or folder in that archive that is this student's; empty: the whole archive is."""
    late: bool = False
    """Whether the platform marks it as late in its names."""
    submitted: str | None = None
    """ISO 8601, where the platform says."""
    known_as: tuple[str, ...] = ()
    """Further keys by which the platform knows the student: name, user number, e-mail address."""
    assignment: str | None = None
    """The assignment of most of the cohort, where this submission has no code that would show its own."""
    attempts: tuple[tuple[float, ...], ...] = ()
    """For each source, the number or time of its attempt, as in ``CodeFile``; empty where the platform says none."""
    picks: tuple[str, ...] = ()
    """Names of the files that a person picked for this student."""
    starters: tuple[str, ...] = ()
    """Paths of code that holds nothing but what most of the cohort has too."""

    @property
    def keys(self) -> frozenset[str]:
        """All that a person may call the student, in small letters."""
        return frozenset(key.casefold() for key in (self.id, self.folder, *self.known_as))


@dataclass(frozen=True)
class Skipped:
    """Something beside the submissions that is not graded."""

    path: Path
    reason: str
    """A clause, plain text, such as ``a symbolic link, which is not followed``."""


@dataclass(frozen=True)
class Findings:
    """What is at the paths of a command line."""

    found: tuple[Found, ...]
    """Sorted by id; no two share an id or a folder."""
    many: bool
    """False where the paths are those of one submission."""
    skipped: tuple[Skipped, ...] = ()
    strangers: tuple[str, ...] = ()
    """Students for whom a person picked a file, and who have no submission here."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in, read and bounded."""

    id: str
    folder: str
    files: tuple[StoredFile, ...]
    """Every file but junk, sorted by path, write-ups and archives too. What an archive holds has a path below the
    archive's, or at the top where the archive is all that was handed in."""
    code: tuple[CodeFile, ...]
    """Every ``.py`` and ``.ipynb`` up to ``reading.MOST_CODE``, in a fixed order; unreadable ones have a
    ``problem``."""
    sha256: str
    """SHA-256, hexadecimal, over ``path NUL hash LF`` in UTF-8 for each of ``files``; no times and no ids."""
    flags: tuple[Flag, ...]
    """Two candidates, refused links, oversized files, …"""
    known_as: tuple[str, ...] = ()
    """As in ``Found``."""
    assignment: str | None = None
    """As in ``Found``."""
    data: tuple[DataFile, ...] = ()
    """Small files beside the code that it may read, sorted by path."""
    picked: tuple[str, ...] = ()
    """Paths of the code that a person picked."""
    starters: tuple[str, ...] = ()
    """As in ``Found``."""
    submitted: str | None = None
    """As in ``Found``."""
