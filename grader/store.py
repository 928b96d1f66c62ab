"""Reports on disk: written whole or not at all, found again by a key, and one run at a time.

    DIR/run.json                   the run's seed; tells finding and reading that nobody handed this folder in
    DIR/<folder>/report.json       one submission's report; it is there when this file is
    DIR/<folder>/report.html, feedback.md
    DIR/.lock                      locked while a run goes on; the lock ends with its process
    DIR/.resume.jsonl              a cache; deleting it costs time and nothing else
    DIR/.written.json              hashes of the gradebook's files, which tell what a person has changed in them

**Kept.** People type into what they are given. A file that is no longer as it was written is copied to another name
beside it (``gradebook.edited-1.csv``) before it is written again, and a report that was changed is made again.

**Whole.** Files are written under another name in the same folder, synchronised to the disk and then renamed. All
three of a submission are written out before the first is renamed, so a full disk changes nothing; ``report.json`` is
taken away first and put in place last, so whenever the machine stops, a ``report.json`` that is there belongs to the
two beside it.

**Resuming.** A report carries a key: a hash of everything that its marks depend on (``report_key``). A run finds the
same key and leaves the report alone, or grades the submission again. What decides is the hash of the contents. Reading
ten thousand submissions just to find nothing to do would take minutes, so the cache keeps size, times and inode of each
file beside the hash of the contents, and contents are read only where one of these differs. The trade-off: a change
that leaves the size, both times to the nanosecond and the inode as they were would be missed. Programs can set the time
of modification back, but not that of the inode's last change, and a file that was changed within two seconds before it
was looked at is never taken on trust; so this needs a tampered clock or disk. ``--fresh`` grades all the same.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

import grader
from grader.display import display
from grader.layouts import is_junk, is_reports
from grader.report.rows import Row, pack, row_of, unpack
from grader.submission import Found

__all__ = [
    "Occupied",
    "Rows",
    "Store",
    "StoreError",
    "check_reports",
    "fingerprint",
    "report_key",
    "seed_for",
    "signature",
    "source_sha256",
    "whole",
    "whole_again",
]

SCHEMA = "grade-run/1"
"""Name and version of what lies in a reports folder."""

_REPORT = "report.json"
_RUN = "run.json"
_CACHE = ".resume.jsonl"
_LOCK = ".lock"
_WRITTEN = ".written.json"
_BESIDE = ("report.html", "feedback.md")
"""A report is there when these are as well."""
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
_YOUNG = 2_000_000_000  # nanoseconds; the coarsest file systems count time in steps of two seconds
_MOST_ENTRIES = 20_000  # files of one submission that are looked at before reading it is as quick


class StoreError(Exception):
    """The reports folder cannot be used; the text is one sentence."""


class Occupied(StoreError):
    """Something else is where one submission's report is due; others have room."""


# Writing.


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write that appears at ``path`` when the block ends, and not at all when it raises. Raises OSError."""
    staged = _Staged(path)
    try:
        yield staged.file
        staged.finish()
        staged.put_in_place()
        _synchronise(path.parent)
    finally:
        staged.discard()


@contextmanager
def whole_again(path: Path, told: Callable[[str], None]) -> Iterator[BinaryIO]:
    """As ``whole``, for a file that people change: what is not as it was written last is kept beside it, and told.

    Raises OSError.
    """
    staged = _Staged(path)
    try:
        yield staged.file
        staged.finish()
        written = _written(path.parent)
        new, before = staged.sha256(), _sha256(path)
        known = before is None or before in (*written.get(path.name, ()), new)
        if not known:
            told(_was_kept(path, _keep_aside(path)))
        # Both, since either is there when the machine stops here.
        written[path.name] = [*([before] if known and before else []), new]
        with whole(path.parent / _WRITTEN) as file:
            file.write(json.dumps(written, indent=1).encode() + b"\n")
        staged.put_in_place()
        _synchronise(path.parent)
    finally:
        staged.discard()


def _written(out: Path) -> dict[str, list[str]]:
    """Hashes that the gradebook's files may have; empty where nothing is known."""
    with suppress(OSError, ValueError, RecursionError):
        written = json.loads((out / _WRITTEN).read_bytes()[:100_000])
        if isinstance(written, dict) and all(isinstance(hashes, list) for hashes in written.values()):
            return written
    return {}


def _sha256(path: Path) -> str | None:
    """Of a file's content; None where there is none. Raises OSError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _keep_aside(path: Path) -> Path:
    """A copy of a file under another name beside it; one that is there already will do. Raises OSError."""
    content = path.read_bytes()
    for number in count(1):
        aside = path.with_name(f"{path.stem}.edited-{number}{path.suffix}")
        try:
            if aside.read_bytes() == content:
                break
        except FileNotFoundError:
            with whole(aside) as file:
                file.write(content)
            break
        except OSError:
            continue  # a folder, or not to be read: another name
    return aside


def _was_kept(path: Path, aside: Path) -> str:
    return f"{_shown(path)} was changed since the grader wrote it: what was in it is kept as {display(aside.name)}"


class _Staged:
    """A file under another name in the folder where it will stand. Its lock tells it from a killed run's leftover."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._staged: Path | None = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        # Not tempfile: its files are for one user alone, and reports are for whoever may read the folder.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.file: BinaryIO = os.fdopen(os.open(self._staged, flags, 0o666), "wb")
        with suppress(OSError):  # a file system without locks: leftovers are then taken by whoever comes first
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def finish(self) -> None:
        """All of it on the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def sha256(self) -> str:
        """Of what was written; after ``finish``."""
        assert self._staged is not None
        return hashlib.sha256(self._staged.read_bytes()).hexdigest()

    def put_in_place(self) -> None:
        assert self._staged is not None
        self._staged.replace(self._path)
        self._staged = None

    def discard(self) -> None:
        """Close it, and take it away unless it was put in place."""
        with suppress(OSError):
            self.file.close()
        if self._staged is not None:
            with suppress(OSError):
                self._staged.unlink()
            self._staged = None


def _write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Replace several files; the last one is absent while the others change."""
    *_, last = contents
    with ExitStack() as tidying:
        staged = []
        for name, content in contents.items():
            file = _Staged(folder / name)
            tidying.callback(file.discard)
            file.file.write(content)
            file.finish()
            staged.append(file)
        (folder / last).unlink(missing_ok=True)
        for file in staged:
            file.put_in_place()
        _synchronise(folder)


def _synchronise(folder: Path) -> None:
    """The folder's names on the disk, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Take away what killed runs left half written; what is being written is locked, and stays."""
    for entry in os.scandir(folder):
        if _LEFTOVER.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            with suppress(OSError), Path(entry.path).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Path(entry.path).unlink()


# The folder.


class Store:
    """A reports folder, locked for one run; a context manager. Its methods may be called from several threads.

    Raises StoreError when the folder cannot be made or written, belongs to something else, or another run uses it.
    With ``apart`` no report takes the place of another assignment's whose submission is still there: whoever grades two
    assignments into one folder would lose the first one's reports of the same students.
    """

    def __init__(self, out: Path, *, apart: bool = False) -> None:
        self._out = out
        self._apart = apart
        self._run = _read_run(out)
        try:
            out.mkdir(parents=True, exist_ok=True)
            self._lock_file = (out / _LOCK).open("a+b")
        except OSError as error:
            raise _unwritable(out, error) from error
        try:
            self._lock()
            _sweep(out)
            for entry in os.scandir(out):
                if entry.is_dir(follow_symlinks=False):
                    _sweep(Path(entry.path))
            self._cache = _Cache(out / _CACHE)
            self._cache.open_to_write()
        except OSError as error:
            self._lock_file.close()
            raise _unwritable(out, error) from error
        except StoreError:
            self._lock_file.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._cache.close()
        self._lock_file.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock_file.seek(0)
            owner = re.fullmatch(rb"(\d{1,10})\n", self._lock_file.read(20))
            process = f" (process {owner[1].decode()})" if owner else ""
            raise StoreError(
                f"{_shown(self._out)} is in use by another run of the grader{process}: "
                "wait until it ends, or name another folder with --out"
            ) from None
        self._lock_file.truncate(0)
        self._lock_file.write(f"{os.getpid()}\n".encode())
        self._lock_file.flush()

    def record_seed(self, seed: int) -> None:
        """Write down what a resumed run has to know before it reads any report."""
        run = {"schema": SCHEMA, "seed": seed}
        if self._run == run:
            return
        try:
            with whole(self._out / _RUN) as file:
                file.write(json.dumps(run).encode() + b"\n")
        except OSError as error:
            raise _unwritable(self._out, error) from error
        self._run = run

    def find(
        self, found: Found, keys: Callable[[str, str], Collection[str]], content_hash: Callable[[], str]
    ) -> Row | None:
        """The report that is there, if it was graded from what is there now.

        ``keys(sha256, assignment)`` are the keys that a report with these contents may have; ``content_hash()`` reads
        the submission, and is called only where the cache cannot tell.
        """
        folder = self._out / found.folder
        known = self._cache.find(folder)
        if known.packed is None or known.edited or not all((folder / name).exists() for name in _BESIDE):
            return None
        row = unpack(found.folder, known.packed)
        now = signature(found.sources)
        unread = now is not None and now == known.sources
        sha256 = row.sha256 if unread else content_hash()
        # An error is ours, and may be gone: such a report is never the last word.
        if row.key not in keys(sha256, row.assignment) or row.errors:
            return None
        if not unread:
            self._cache.keep(folder, row, now, known.hashes, found.sources)
        return row

    def save(
        self,
        found: Found,
        contents: Mapping[str, bytes],
        sources: str | None,
        told: Callable[[str], None] = lambda sentence: None,
    ) -> Row:
        """Write a submission's files, ``report.json`` last; ``sources`` is its signature from before it was read.

        What a person has changed in the files that are there is kept beside them, and ``told``. Raises StoreError.
        """
        if [*contents][-1] != _REPORT:
            raise ValueError(f"the last file of a report must be {_REPORT}, was {[*contents][-1]}")
        folder = self._out / found.folder
        row = row_of(found.folder, json.loads(contents[_REPORT]))
        self._keep_apart(found, row)
        new = {name: [hashlib.sha256(content).hexdigest()] for name, content in contents.items()}
        try:
            if not folder.is_dir():
                if os.path.lexists(folder):
                    raise Occupied(f"{_shown(folder)} is no folder, and a report's folder is due there: move it away")
                folder.mkdir()
                _synchronise(self._out)
            if before := self._cache.hashes(folder.name):
                for name in contents:
                    if _sha256(folder / name) not in (None, *before.get(name, ())):
                        told(_was_kept(folder / name, _keep_aside(folder / name)))
                # Whoever finds either of them after a kill is to know that it was not changed by hand.
                either = {name: [*before.get(name, [])[-1:], *hashes] for name, hashes in new.items()}
                self._cache.keep(folder, row, None, either, found.sources, placed=False)
            _write_together(folder, contents)
        except OSError as error:
            raise _unwritable(folder, error) from error
        self._cache.keep(folder, row, sources, new, found.sources)
        return row

    def _keep_apart(self, found: Found, row: Row) -> None:
        known = self._cache.find(self._out / found.folder)
        if not self._apart or known.packed is None or not known.paths:
            return
        before = unpack(found.folder, known.packed).assignment
        elsewhere = not {str(path.absolute()) for path in found.sources} & {*known.paths}
        if before != row.assignment and elsewhere and all(map(os.path.lexists, known.paths)):
            raise StoreError(
                f"{_shown(self._out / found.folder)} is a report of {display(before, limit=60)}, and its submission is "
                f"still at {_shown(Path(known.paths[0]))}: name another folder with --out for {row.assignment}"
            )


def seed_for(out: Path, given: int | None, fresh: bool) -> int:
    """The seed to grade with: the one given, else the one with which ``out`` was begun, else a new one.

    ``fresh`` draws anew. Nothing is written. Raises StoreError when ``out`` belongs to something else.
    """
    recorded = _read_run(out)
    if given is not None:
        return given
    if fresh or recorded is None:
        return secrets.randbelow(2**32)
    return int(recorded["seed"])


def check_reports(out: Path) -> None:
    """Raises StoreError when ``out`` is no folder with reports of this grader. Nothing is written."""
    ours = _check_folder(out)
    if not ours and not any(_is_report(folder) for folder in _folders(out)):
        raise StoreError(f"there are no reports in {_shown(out)}: name the folder that grade wrote with --out")


def _check_folder(out: Path) -> bool:
    """Whether ``run.json`` says that it is ours. Raises StoreError when it is none, or something else's."""
    run = _read_run(out)
    if not out.is_dir():
        raise StoreError(f"there is no folder {_shown(out)}: name the one that grade wrote with --out")
    return run is not None


def _folders(out: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(out) if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        raise StoreError(f"{_shown(out)} cannot be read ({_said(error)}): check its permissions") from error


def _is_report(folder: Path) -> bool:
    with suppress(*_NO_REPORT):
        return bool(_row(folder.name, (folder / _REPORT).read_bytes()))
    return False


_NO_REPORT = (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


def _row(folder: str, content: bytes) -> list[Any]:
    """The packed row of a ``report.json``. Raises any of _NO_REPORT."""
    return pack(row_of(folder, json.loads(content)))


class Rows:
    """All reports of a folder, sorted by folder: read once, and kept in a temporary file, so that memory does not grow.

    A context manager; iterable again and again, but not twice at a time. What is called ``report.json`` and is none
    becomes a sentence to ``problem``. Raises StoreError when there is no such folder, or it belongs to something else.
    """

    def __init__(self, out: Path, problem: Callable[[str], None]) -> None:
        _check_folder(out)
        folders = _folders(out)
        self.gone: set[str] = set()
        """Folders of reports whose submission is no longer where it was."""
        self._count = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the rows)
        cache = _Cache(out / _CACHE)
        try:
            for folder in folders:
                known = cache.find(folder)
                if known.packed is not None:
                    self._file.write(json.dumps([folder.name, known.packed]).encode() + b"\n")
                    self._count += 1
                    if known.edited:
                        problem(f"{_shown(folder / _REPORT)} was changed by hand: 'grade' makes it again")
                    if _are_gone(known.paths):
                        self.gone.add(folder.name)
                elif (folder / _REPORT).exists():
                    problem(f"{_shown(folder / _REPORT)} is not a report of this grader, and was left out")
        except OSError as error:
            self._file.close()
            raise StoreError(f"the reports of {_shown(out)} cannot be gathered ({_said(error)}): make room") from error
        finally:
            cache.close()

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        for line in self._file:
            folder, packed = json.loads(line)
            yield unpack(folder, packed)

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def _are_gone(paths: Sequence[str]) -> bool:
    """Whether a submission was taken from among the others; where all of them are elsewhere now, nothing is known."""
    return bool(paths) and all(not os.path.lexists(path) and Path(path).parent.is_dir() for path in paths)


def _read_run(out: Path) -> dict[str, Any] | None:
    """What ``run.json`` says, None where there is none."""
    path = out / _RUN
    if out.exists() and not out.is_dir():
        raise StoreError(f"{_shown(out)} is a file, not a folder for reports: name another with --out")
    try:
        run = json.loads(path.read_bytes()[:100_000])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"{_shown(path)} cannot be read ({_said(error)}): check its permissions") from error
    except ValueError:
        run = None
    seed = run.get("seed") if isinstance(run, dict) and run.get("schema") == SCHEMA else None
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise StoreError(
            f"{_shown(path)} was not written by this version of the grader: name another folder with --out, "
            f"or move {_shown(out)} away"
        )
    return dict(run)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{_shown(path)} cannot be written ({_said(error)}): make room, change its permissions, or name another folder "
        "with --out; reports that are there are whole, and the same command goes on from them"
    )


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _shown(path: Path) -> str:
    return display(str(path), limit=300)


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


class _Cache:
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
            state = _state((folder / _REPORT).stat())
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
            content = (folder / _REPORT).read_bytes()
            packed = _row(folder.name, content)
        except _NO_REPORT:
            return _Known()
        hashes = known.hashes.get(_REPORT)
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
            state = _state((folder / _REPORT).stat()) if placed else None
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


def report_key(*, found: Found, sha256: str, assignment: str, settings: str) -> str:
    """The key of a report: the same whenever grading again would give the same report.

    ``sha256`` is that of the submission's contents, ``assignment`` the ``fingerprint`` of its part of the rubric, so
    that another assignment's rubric has no say; ``settings`` that of the run's: seed, options, data.
    """
    who = (found.id, found.flags, found.late, found.submitted, found.known_as, found.assignment)
    return fingerprint((who, sha256, assignment, settings, grader.__version__, source_sha256()))


def fingerprint(value: Any) -> str:
    """SHA-256 over a value made of records, mappings, sequences, numbers and texts; the same in every process."""
    return hashlib.sha256(json.dumps(_canonical(value), ensure_ascii=True, allow_nan=True).encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return ["enum", value.value]
    if isinstance(value, str):
        return ["text", value]
    if isinstance(value, Fraction):
        return ["fraction", value.numerator, value.denominator]
    if isinstance(value, Path):
        return ["path", str(value)]
    if isinstance(value, Mapping):
        pairs = [[_canonical(key), _canonical(item)] for key, item in value.items()]
        return ["mapping", sorted(pairs, key=json.dumps)]
    if isinstance(value, list | tuple):
        return ["sequence", *map(_canonical, value)]
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return ["record", type(value).__name__, _canonical(fields)]
    raise TypeError(f"a key is made of records, mappings, sequences, numbers and texts, was {type(value).__name__}")


@lru_cache(maxsize=1)
def source_sha256() -> str:
    """Hash of the grader's and the reference's own code and templates, so that a change in either grades anew."""
    top = Path(grader.__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in ("grader", "reference"):
        for path in sorted((top / package).rglob("*")):
            if path.suffix in (".py", ".j2", ".css", ".json") and path.is_file() and "shipped" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(top).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()
