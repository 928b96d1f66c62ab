"""What every target is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from grader.display import display
from grader.marks.line import FinalLine

__all__ = ["Export", "ExportError", "Files", "HandIn", "Target", "named", "shown"]


Files = Iterator[tuple[str, bytes]]
"""Names and contents of what is to be written. A target that writes one file calls it ``""``."""

_MOST_NAMED = 5
"""Students that one sentence names."""


class ExportError(Exception):
    """Marks cannot be exported; the text is one sentence."""


@dataclass(frozen=True)
class HandIn:
    """What a platform says of a hand-in, and the report does not."""

    known_as: tuple[str, ...] = ()
    """What else the platform calls its student."""
    submitted: str = ""
    """When it was handed in, in ISO 8601; empty where nobody knows."""


@dataclass(frozen=True)
class Export:
    """What is to be exported, and how."""

    lines: Sequence[FinalLine]
    """One for each student of each hand-in, all of one assignment."""
    reports: Path
    """The folder of reports."""
    problem: Callable[[str], None]
    """Gets a sentence about everything that a person should know of what was written."""
    fill: Path | None = None
    """A file that the platform handed out, to be filled."""
    column: str | None = None
    """The column to be filled, where several can be."""
    hand_ins: Mapping[str, HandIn] = field(default_factory=dict)
    """By the id of the report."""
    due: datetime | None = None
    """The deadline, where it is known."""


@dataclass(frozen=True)
class Target:
    """A form of marks."""

    files: Callable[[Export], Files]
    """Makes what is to be written. Raises ExportError; it reads files and writes none."""
    about: str
    """What it is, for the help."""
    folder: bool = False
    """Whether it is a folder and not one file."""
    fills: bool = False
    """Whether it fills a file that the platform handed out."""


def shown(text: str) -> str:
    """A short text as it may stand in a sentence."""
    return display(text, limit=60)


def named(texts: Sequence[str]) -> str:
    """The first few of several texts."""
    return ", ".join(map(shown, islice(texts, _MOST_NAMED))) + (", …" if len(texts) > _MOST_NAMED else "")
