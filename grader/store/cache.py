"""Rows of the gradebook, kept beside the reports so that thousands of reports need not be read again."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from grader.intake.nodes import is_junk
from grader.report.rows import Row, pack, row_of, unpack
from grader.reports_folder import REPORT, is_reports
from grader.store.files import whole

__all__ = ["NO_REPORT", "Cache", "packed_row", "signature"]

_YOUNG = 2_000_000_000  # nanoseconds; the coarsest file systems count time in steps of two seconds
_MOST_ENTRIES = 20_000  # files of one submission that are looked at before reading it is as quick


NO_REPORT = (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


def packed_row(folder: str, content: bytes) -> list[Any]:
    """The packed row of a ``report.json``. Raises any of _NO_REPORT."""
    return pack(row_of(folder, json.loads(content)))


# The cache.


class _Known(NamedTuple):
    """What is known of a report: a line of the cache, but for the folder, and what is on the disk."""

    packed: list[Any] | None = None
    """Its row; None where there is no report."""
    sources: str | None = None
    """Signature of the sources; None where it proves nothing."""
    hashes: Mapping[str, list[str]] = {}
    """SHA-256 that each of its files may have, by name."""
    paths: Sequence[str] = ()
    """Where the sources were."""
    edited: bool = False
    """``report.json`` is not as it was written."""


class Cache:
    """``.resume.jsonl``: a line a report, ``[folder, state of report.json, row, signature of the sources, hashes of its
    files, paths of the sources]``.


    Of two lines about one report the later counts; one torn by a kill is passed over. In memory are only their places.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._mutex = threading.Lock()
        self._to_write: int | None = None
        self._lines = self._end = 0
        self._to_read: BinaryIO | None = None
        with suppress(OSError):
            self._to_read = path.open("rb")
            for line in self._to_read:
                if parsed := _line(line):
                    self._places[parsed[0]] = self._end, len(line)
                    self._lines += 1
                self._end += len(line)

    def open_to_write(self) -> None:
        """Raises OSError."""
        if self._lines > 2 * len(self._places) + 100:
            self._drop_what_does_not_count()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._to_write = os.open(self._path, flags, 0o666)
        if self._to_read is None:
            self._to_read = self._path.open("rb")

    def _drop_what_does_not_count(self) -> None:
        assert self._to_read is not None
        kept: dict[str, tuple[int, int]] = {}
        end = 0
        with whole(self._path) as file:
            for folder, (start, length) in self._places.items():
                self._to_read.seek(start)
                file.write(self._to_read.read(length))
                kept[folder] = end, length
                end += length
        self._to_read.close()
        self._to_read = self._path.open("rb")
        self._places, self._lines, self._end = kept, len(kept), end

    def find(self, folder: Path) -> _Known:
        """What is known of the report in ``folder``."""
        try:
            state = _state((folder / REPORT).stat())
        except OSError:
            return _Known()
        known = _Known()
        if entry := self._entry(folder.name):
            _, cached, *rest = entry
            known = _Known(*rest)
            if cached == state:
                with suppress(TypeError, ValueError):
                    unpack(folder.name, rest[0])
                    return known
        try:
            content = (folder / REPORT).read_bytes()
            packed = packed_row(folder.name, content)
        except NO_REPORT:
            return _Known()
        hashes = known.hashes.get(REPORT)
        edited = bool(hashes) and hashlib.sha256(content).hexdigest() not in (hashes or ())
        return known._replace(packed=packed, sources=None, edited=edited)

    def hashes(self, folder: str) -> Mapping[str, list[str]]:
        """What the files of a report may have; empty where nothing is known."""
        entry = self._entry(folder)
        return entry[4] if entry else {}

    def _entry(self, folder: str) -> list[Any] | None:
        with self._mutex:
            if folder not in self._places or self._to_read is None:
                return None
            start, length = self._places[folder]
            self._to_read.seek(start)
            return _line(self._to_read.read(length))

    def keep(
        self,
        folder: Path,
        row: Row,
        sources: str | None,
        hashes: Mapping[str, list[str]],
        paths: Sequence[Path],
        *,
        placed: bool = True,
    ) -> None:
        """Remember a report that is there, or (``placed`` False) about to be. Being a cache, it fails in silence."""
        with self._mutex, suppress(OSError):
            if self._to_write is None:
                return
            state = _state((folder / REPORT).stat()) if placed else None
            entry = [folder.name, state, pack(row), sources, hashes, [str(path.absolute()) for path in paths]]
            # The first line end closes a line that was torn.
            line = b"\n" + json.dumps(entry, separators=(",", ":")).encode() + b"\n"
            start = os.fstat(self._to_write).st_size
            if os.write(self._to_write, line) == len(line):
                self._places[folder.name] = start + 1, len(line) - 1
                self._lines += 1

    def close(self) -> None:
        if self._to_read is not None:
            self._to_read.close()
        if self._to_write is not None:
            os.close(self._to_write)
            self._to_write = None


def _line(line: bytes) -> list[Any] | None:
    with suppress(ValueError, RecursionError):
        entry = json.loads(line)
        if isinstance(entry, list) and len(entry) == 6:
            folder, *_, hashes, paths = entry
            if isinstance(folder, str) and isinstance(hashes, dict) and isinstance(paths, list):
                return entry
    return None


# What a report depends on.


def _state(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def signature(sources: Sequence[Path]) -> str | None:
    """A hash over names, sizes, times and inodes of all files of a submission, without reading them.

    None where it proves nothing: a file was changed less than two seconds ago, is gone, or there are too many.
    """
    latest = time.time_ns() - _YOUNG
    digest = hashlib.sha256()
    count = 0
    try:
        for name, status in _files(sources):
            count += 1
            if count > _MOST_ENTRIES or max(status.st_mtime_ns, status.st_ctime_ns) > latest:
                return None
            digest.update(f"{name}\0{_state(status)}\0{status.st_mode}\n".encode("utf-8", "surrogateescape"))
    except OSError:
        return None
    return digest.hexdigest()


def _files(sources: Iterable[Path]) -> Iterator[tuple[str, os.stat_result]]:
    for source in sources:
        waiting = [str(source)]
        status = source.stat()
        yield str(source), status
        while waiting and source.is_dir():
            folder = waiting.pop()
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_junk(entry.name, folder=is_folder) or (is_folder and is_reports(Path(entry.path))):
                    continue
                yield entry.path, entry.stat(follow_symlinks=False)
                if is_folder:
                    waiting.append(entry.path)
