"""A folder of reports: each written whole or not at all, found again by its key, for one run at a time.

    DIR/run.json                   the run's seed; it also shows that this folder is not a submission
    DIR/<folder>/report.json       one submission's report; the report exists when this file does
    DIR/<folder>/report.html, feedback.md
    DIR/.lock                      locked during a run; the lock ends with its process
    DIR/.resume.jsonl              a cache; deleting it costs time and nothing else
    DIR/.written.json              hashes of the gradebook's files, which show whether a person edited them

**Edits are kept.** People type into what they are given. A file that is no longer as it was written is copied to
another name beside it (``gradebook.edited-1.csv``) before it is written again, and a report that was edited is made
again.

**Reports are whole.** Files are written under another name in the same folder, synchronised to the disk and then
renamed. All three files of a report are written before the first is renamed, so a full disk changes nothing.
``report.json`` is removed first and put in place last. So, whenever the machine stops, a ``report.json`` that exists
belongs to the two files beside it.

**Runs are resumed.** A report carries a key: hashes of everything that it depends on (``report_key``). A run leaves a
report with the right key as it is. Where only the rubric was changed, it makes the marks anew of the evidence in the
report. Otherwise it grades the submission again. The contents' hash decides. To read ten thousand submissions only to
find nothing to do would take minutes, so the cache keeps the size, times and inode of each file beside the hash of the
contents, and contents are read only where one of these differs. The trade-off: a change that leaves the size, both
times to the nanosecond and the inode as they were would be missed. Programs can set back the time of modification but
not that of the inode's last change, and a file that was changed less than two seconds before it was examined is always
read. So this needs a clock or a disk that was tampered with.
``--fresh`` grades in any case.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from grader.display import display
from grader.intake import Found
from grader.report.rows import Row
from grader.reports_folder import BESIDE, CACHE, LOCK, REPORT
from grader.store.cache import Cache, KnownReport, read_report
from grader.store.files import (
    StoreError,
    display_path,
    file_sha256,
    folders_in,
    keep_edited_copy,
    remove_leftovers,
    replace_files,
    sync_folder,
    unwritable,
)
from grader.store.keys import evidence_of
from grader.store.run_file import read_seed, record_seed
from grader.store.signature import signature

if TYPE_CHECKING:
    from grader.report import Report
    from grader.report.files import RenderedReport

__all__ = ["Occupied", "Store"]


class Occupied(StoreError):
    """Something else is where one submission's report is due. The other reports can still be written."""


class Store:
    """A reports folder, locked for one run; a context manager. Several threads may call its methods.

    Raises StoreError when the folder cannot be made or written, belongs to something else, or is used by another run.
    With ``apart``, no report replaces one of another assignment whose submission still exists: whoever grades two
    assignments into one folder would lose the first one's reports on the same students.
    """

    def __init__(self, out: Path, *, apart: bool = False) -> None:
        self._out = out
        self._apart = apart
        self._seed = read_seed(out)
        try:
            out.mkdir(parents=True, exist_ok=True)
            self._lock_file = (out / LOCK).open("a+b")
        except OSError as error:
            raise unwritable(out, error) from error
        try:
            self._lock()
            remove_leftovers(out)
            for entry in os.scandir(out):
                if entry.is_dir(follow_symlinks=False):
                    remove_leftovers(Path(entry.path))
            self._cache = Cache(out / CACHE)
            self._cache.open_to_append()
        except OSError as error:
            self._lock_file.close()
            raise unwritable(out, error) from error
        except StoreError:
            self._lock_file.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._cache.close()
        self._lock_file.close()

    def _lock(self) -> None:
        """Lock the folder, and say in the lock's file by which process."""
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock_file.seek(0)
            owner = re.fullmatch(rb"(\d{1,10})\n", self._lock_file.read(20))
            process = f" (process {owner[1].decode()})" if owner else ""
            raise StoreError(
                f"{display_path(self._out)} is in use by another run of the grader{process}: "
                "wait until it ends, or name another folder with --out"
            ) from None
        self._lock_file.truncate(0)
        self._lock_file.write(f"{os.getpid()}\n".encode())
        self._lock_file.flush()

    def record_seed(self, seed: int) -> None:
        """Write down the run's seed, for a run that resumes this one. Raises StoreError."""
        if seed != self._seed:
            record_seed(self._out, seed)
            self._seed = seed

    def find(
        self, found: Found, keys: Callable[[str, str], Collection[str]], content_hash: Callable[[], str]
    ) -> Row | None:
        """The row of the existing report, if its evidence is that of what is there now.

        ``keys(sha256, assignment)`` are the keys that a report on these contents may have. ``content_hash()`` reads the
        submission; it is called only where the cache does not decide. The report need not be marked by the same rubric.
        """
        folder = self._out / found.folder
        known = self._cache.find(folder)
        if known is None or known.edited or not all((folder / name).exists() for name in BESIDE):
            return None
        row = known.row
        sources = signature(found.sources)
        unchanged = sources is not None and sources == known.sources
        sha256 = row.sha256 if unchanged else content_hash()
        evidence = {evidence_of(key) for key in keys(sha256, row.assignment)}
        # An error is the grader's, and may not happen again: such a report is always made anew.
        if evidence_of(row.key) not in evidence or row.errors:
            return None
        if not unchanged:
            self._cache.keep(folder, row, sources, known.hashes, found.sources)
        return row

    def read(self, found: Found) -> Report | None:
        """The existing report, read back from ``report.json``; None where that cannot be done."""
        return read_report(self._out / found.folder)

    def all(self) -> Iterator[tuple[Found, KnownReport]]:
        """All reports that are there, each with what is known of its submission."""
        for folder in folders_in(self._out):
            known = self._cache.find(folder)
            if known is not None:
                yield Found(known.row.id, folder.name, tuple(map(Path, known.paths))), known

    def save(self, found: Found, report: RenderedReport, sources: str | None) -> list[str]:
        """Write a submission's report, ``report.json`` last. ``sources`` is its signature from before it was read.

        Files that a person edited are kept under another name beside it. Returns a sentence about each of them. Raises
        Occupied, or StoreError.
        """
        if [*report.files][-1] != REPORT:
            raise ValueError(f"the last file of a report must be {REPORT}, was {[*report.files][-1]}")
        folder = self._out / found.folder
        self._refuse_another_assignment(found, report.row)
        hashes = {name: [hashlib.sha256(content).hexdigest()] for name, content in report.files.items()}
        try:
            self._make_folder(folder)
            edits = self._keep_edits(folder, found, report, hashes)
            replace_files(folder, report.files)
        except OSError as error:
            raise unwritable(folder, error) from error
        self._cache.keep(folder, report.row, sources, hashes, found.sources)
        return edits

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if os.path.lexists(folder):
            raise Occupied(f"{display_path(folder)} is not a folder, and a report's folder is due there: move it away")
        folder.mkdir()
        sync_folder(self._out)

    def _keep_edits(
        self, folder: Path, found: Found, report: RenderedReport, hashes: dict[str, list[str]]
    ) -> list[str]:
        """Copy the files that a person edited; a sentence about each. ``hashes`` are those of the new files."""
        known_hashes = self._cache.hashes(folder.name)
        if not known_hashes:
            return []
        edits = [
            f"{keep_edited_copy(folder / name)}; if marks were typed into it, 'gradebook marks' takes them from there"
            for name in report.files
            if file_sha256(folder / name) not in (None, *known_hashes.get(name, ()))
        ]
        # After a kill either the old or the new file is in place; neither must be taken for an edited one.
        old_or_new = {name: [*known_hashes.get(name, [])[-1:], *new] for name, new in hashes.items()}
        self._cache.keep(folder, report.row, None, old_or_new, found.sources, in_place=False)
        return edits

    def _refuse_another_assignment(self, found: Found, row: Row) -> None:
        """Raises StoreError where the report would replace another assignment's, whose submission still exists."""
        if not self._apart:
            return
        known = self._cache.find(self._out / found.folder)
        if known is None or not known.paths:
            return
        of_other_files = not {str(path.absolute()) for path in found.sources} & {*known.paths}
        if known.row.assignment != row.assignment and of_other_files and all(map(os.path.lexists, known.paths)):
            raise StoreError(
                f"{display_path(self._out / found.folder)} is a report of {display(known.row.assignment, limit=60)}, "
                f"and its submission is still at {display_path(Path(known.paths[0]))}: "
                f"name another folder with --out for {row.assignment}"
            )
