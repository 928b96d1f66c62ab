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

import fcntl
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from grader.display import display
from grader.intake import Found
from grader.report.rows import Row, row_of, unpack
from grader.reports_folder import BESIDE, CACHE, LOCK, REPORT, RUN, SCHEMA
from grader.store.cache import NO_REPORT, Cache, packed_row, signature
from grader.store.files import (
    StoreError,
    file_sha256,
    keep_aside,
    said,
    shown,
    sweep,
    synchronise,
    was_kept,
    whole,
    write_together,
)

__all__ = ["Occupied", "Rows", "Store", "check_reports", "seed_for"]


class Occupied(StoreError):
    """Something else is where one submission's report is due; others have room."""


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
            self._lock_file = (out / LOCK).open("a+b")
        except OSError as error:
            raise _unwritable(out, error) from error
        try:
            self._lock()
            sweep(out)
            for entry in os.scandir(out):
                if entry.is_dir(follow_symlinks=False):
                    sweep(Path(entry.path))
            self._cache = Cache(out / CACHE)
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
                f"{shown(self._out)} is in use by another run of the grader{process}: "
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
            with whole(self._out / RUN) as file:
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
        if known.packed is None or known.edited or not all((folder / name).exists() for name in BESIDE):
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
        if [*contents][-1] != REPORT:
            raise ValueError(f"the last file of a report must be {REPORT}, was {[*contents][-1]}")
        folder = self._out / found.folder
        row = row_of(found.folder, json.loads(contents[REPORT]))
        self._keep_apart(found, row)
        new = {name: [hashlib.sha256(content).hexdigest()] for name, content in contents.items()}
        try:
            if not folder.is_dir():
                if os.path.lexists(folder):
                    raise Occupied(f"{shown(folder)} is no folder, and a report's folder is due there: move it away")
                folder.mkdir()
                synchronise(self._out)
            if before := self._cache.hashes(folder.name):
                for name in contents:
                    if file_sha256(folder / name) not in (None, *before.get(name, ())):
                        told(was_kept(folder / name, keep_aside(folder / name)))
                # Whoever finds either of them after a kill is to know that it was not changed by hand.
                either = {name: [*before.get(name, [])[-1:], *hashes] for name, hashes in new.items()}
                self._cache.keep(folder, row, None, either, found.sources, placed=False)
            write_together(folder, contents)
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
                f"{shown(self._out / found.folder)} is a report of {display(before, limit=60)}, and its submission is "
                f"still at {shown(Path(known.paths[0]))}: name another folder with --out for {row.assignment}"
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
        raise StoreError(f"there are no reports in {shown(out)}: name the folder that grade wrote with --out")


def _check_folder(out: Path) -> bool:
    """Whether ``run.json`` says that it is ours. Raises StoreError when it is none, or something else's."""
    run = _read_run(out)
    if not out.is_dir():
        raise StoreError(f"there is no folder {shown(out)}: name the one that grade wrote with --out")
    return run is not None


def _folders(out: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(out) if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        raise StoreError(f"{shown(out)} cannot be read ({said(error)}): check its permissions") from error


def _is_report(folder: Path) -> bool:
    with suppress(*NO_REPORT):
        return bool(packed_row(folder.name, (folder / REPORT).read_bytes()))
    return False


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
        cache = Cache(out / CACHE)
        try:
            for folder in folders:
                known = cache.find(folder)
                if known.packed is not None:
                    self._file.write(json.dumps([folder.name, known.packed]).encode() + b"\n")
                    self._count += 1
                    if known.edited:
                        problem(f"{shown(folder / REPORT)} was changed by hand: 'grade' makes it again")
                    if _are_gone(known.paths):
                        self.gone.add(folder.name)
                elif (folder / REPORT).exists():
                    problem(f"{shown(folder / REPORT)} is not a report of this grader, and was left out")
        except OSError as error:
            self._file.close()
            raise StoreError(f"the reports of {shown(out)} cannot be gathered ({said(error)}): make room") from error
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
    path = out / RUN
    if out.exists() and not out.is_dir():
        raise StoreError(f"{shown(out)} is a file, not a folder for reports: name another with --out")
    try:
        run = json.loads(path.read_bytes()[:100_000])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"{shown(path)} cannot be read ({said(error)}): check its permissions") from error
    except ValueError:
        run = None
    seed = run.get("seed") if isinstance(run, dict) and run.get("schema") == SCHEMA else None
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise StoreError(
            f"{shown(path)} was not written by this version of the grader: name another folder with --out, "
            f"or move {shown(out)} away"
        )
    return dict(run)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{shown(path)} cannot be written ({said(error)}): make room, change its permissions, or name another folder "
        "with --out; reports that are there are whole, and the same command goes on from them"
    )
