"""What is known about each report, kept beside the reports so that thousands of them need not be read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from grader.report import Report
from grader.report.from_json import from_document
from grader.report.rows import Row, pack, row_of, unpack
from grader.reports_folder import REPORT
from grader.store.lines import LineFile
from grader.store.signature import file_state

__all__ = ["Cache", "KnownReport", "is_report", "read_report"]


_NOT_A_REPORT = (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What reading a ``report.json`` raises that is not one."""


@dataclass(frozen=True)
class KnownReport:
    """What is known about a report that is on the disk."""

    row: Row
    packed: list[Any]
    """The row in its short form."""
    sources: str | None = None
    """Signature of the submission's files; None where it proves nothing."""
    hashes: Mapping[str, list[str]] = field(default_factory=dict)
    """SHA-256 that each of the report's files may have, by name."""
    paths: Sequence[str] = ()
    """Where the submission was."""
    edited: bool = False
    """Whether ``report.json`` is not as the grader wrote it."""


class _Entry(NamedTuple):
    """A line of the cache."""

    folder: str
    """Name of the report's folder."""
    state: list[int] | None
    """``file_state`` of ``report.json``; None while it is about to be written."""
    packed: list[Any]
    sources: str | None
    hashes: dict[str, list[str]]
    paths: list[str]


class Cache:
    """``.resume.jsonl``: a JSON list per report, with the fields of ``_Entry``. Several threads may use it.

    It is only a cache: where it cannot be read or written, reports are read again.
    """

    def __init__(self, path: Path) -> None:
        self._lines = LineFile(path, _folder_of)

    def open_to_append(self) -> None:
        """From now on reports can be kept. Raises OSError."""
        self._lines.open_to_append()

    def find(self, folder: Path) -> KnownReport | None:
        """What is known about the report in ``folder``; None where there is no report."""
        try:
            state = file_state((folder / REPORT).stat())
        except OSError:
            return None
        entry = self._entry(folder.name)
        if entry is not None and entry.state == state:
            with suppress(TypeError, ValueError):
                row = unpack(folder.name, entry.packed)
                return KnownReport(row, entry.packed, entry.sources, entry.hashes, entry.paths)
        return _read(folder, entry)

    def hashes(self, folder: str) -> Mapping[str, list[str]]:
        """SHA-256 that the files of a report may have, by name; empty where nothing is known."""
        entry = self._entry(folder)
        return entry.hashes if entry else {}

    def keep(
        self,
        folder: Path,
        row: Row,
        sources: str | None,
        hashes: Mapping[str, list[str]],
        paths: Sequence[Path],
        *,
        in_place: bool = True,
    ) -> None:
        """Remember a report that is on the disk or, with ``in_place`` False, is about to be."""
        with suppress(OSError):
            state = file_state((folder / REPORT).stat()) if in_place else None
            entry = [folder.name, state, pack(row), sources, hashes, [str(path.absolute()) for path in paths]]
            self._lines.append(folder.name, json.dumps(entry, separators=(",", ":")).encode())

    def close(self) -> None:
        self._lines.close()

    def _entry(self, folder: str) -> _Entry | None:
        line = self._lines.line(folder)
        return None if line is None else _parsed(line)


def is_report(folder: Path) -> bool:
    """Whether there is a report of this grader in ``folder``."""
    return _read(folder, None) is not None


def read_report(folder: Path) -> Report | None:
    """The report in ``folder``, read back from ``report.json``; None where that cannot be done."""
    try:
        return from_document(json.loads((folder / REPORT).read_bytes()))
    except _NOT_A_REPORT:
        return None


def _read(folder: Path, entry: _Entry | None) -> KnownReport | None:
    """What ``report.json`` itself says, with what ``entry`` says about the files; None where it is not a report."""
    try:
        content = (folder / REPORT).read_bytes()
        row = row_of(folder.name, json.loads(content))
        packed = pack(row)
    except _NOT_A_REPORT:
        return None
    if entry is None:
        return KnownReport(row, packed)
    hashes = entry.hashes.get(REPORT)
    edited = bool(hashes) and hashlib.sha256(content).hexdigest() not in (hashes or ())
    return KnownReport(row, packed, None, entry.hashes, entry.paths, edited)


def _folder_of(line: bytes) -> str | None:
    entry = _parsed(line)
    return entry.folder if entry else None


def _parsed(line: bytes) -> _Entry | None:
    """A line of the cache; None where it is not valid, such as one that was torn."""
    with suppress(ValueError, RecursionError):
        fields = json.loads(line)
        if isinstance(fields, list) and len(fields) == len(_Entry._fields):
            entry = _Entry(*fields)
            if isinstance(entry.folder, str) and isinstance(entry.hashes, dict) and isinstance(entry.paths, list):
                return entry
    return None
