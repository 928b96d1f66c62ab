"""Whether a submission's files are as they were, without reading them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from grader.intake.nodes import is_junk
from grader.reports_folder import is_reports

__all__ = ["file_state", "signature"]


_YOUNG = 2_000_000_000
"""Nanoseconds. The coarsest file systems count time in steps of two seconds."""
_MOST_ENTRIES = 20_000
"""Files and folders of one submission; reading more of them is as quick as looking at them."""


def file_state(status: os.stat_result) -> list[int]:
    """Size, times of modification and of the inode's change in nanoseconds, and inode: a change of content shows."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def signature(sources: Sequence[Path]) -> str | None:
    """A hash over the names and states of all files of a submission, which are not read.

    None where it would prove nothing: a file was changed less than two seconds ago or is gone, or there are too many.
    """
    latest = time.time_ns() - _YOUNG
    digest = hashlib.sha256()
    count = 0
    try:
        for name, status in _entries(sources):
            count += 1
            if count > _MOST_ENTRIES or max(status.st_mtime_ns, status.st_ctime_ns) > latest:
                return None
            digest.update(f"{name}\0{file_state(status)}\0{status.st_mode}\n".encode("utf-8", "surrogateescape"))
    except OSError:
        return None
    return digest.hexdigest()


def _entries(sources: Iterable[Path]) -> Iterator[tuple[str, os.stat_result]]:
    """Path and state of every source and of everything in it, but for junk and reports."""
    for source in sources:
        status = source.stat()
        yield str(source), status
        waiting = [str(source)]
        while waiting and source.is_dir():
            folder = waiting.pop()
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_junk(entry.name, folder=is_folder) or (is_folder and is_reports(Path(entry.path))):
                    continue
                yield entry.path, entry.stat(follow_symlinks=False)
                if is_folder:
                    waiting.append(entry.path)
