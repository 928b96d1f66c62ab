"""Files that are written whole or not at all, and what a person edited kept beside them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from grader.display import display

__all__ = [
    "StoreError",
    "file_sha256",
    "keep_aside",
    "said",
    "shown",
    "sweep",
    "synchronise",
    "was_kept",
    "whole",
    "whole_again",
    "write_together",
]

_WRITTEN = ".written.json"
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")


class StoreError(Exception):
    """The reports folder cannot be used; the text is one sentence."""


# Writing.


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write that appears at ``path`` when the block ends, and not at all when it raises. Raises OSError."""
    staged = _Staged(path)
    try:
        yield staged.file
        staged.finish()
        staged.put_in_place()
        synchronise(path.parent)
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
        new, before = staged.sha256(), file_sha256(path)
        known = before is None or before in (*written.get(path.name, ()), new)
        if not known:
            told(was_kept(path, keep_aside(path)))
        # Both, since either is there when the machine stops here.
        written[path.name] = [*([before] if known and before else []), new]
        with whole(path.parent / _WRITTEN) as file:
            file.write(json.dumps(written, indent=1).encode() + b"\n")
        staged.put_in_place()
        synchronise(path.parent)
    finally:
        staged.discard()


def _written(out: Path) -> dict[str, list[str]]:
    """Hashes that the gradebook's files may have; empty where nothing is known."""
    with suppress(OSError, ValueError, RecursionError):
        written = json.loads((out / _WRITTEN).read_bytes()[:100_000])
        if isinstance(written, dict) and all(isinstance(hashes, list) for hashes in written.values()):
            return written
    return {}


def file_sha256(path: Path) -> str | None:
    """Of a file's content; None where there is none. Raises OSError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def keep_aside(path: Path) -> Path:
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


def was_kept(path: Path, aside: Path) -> str:
    return f"{shown(path)} was changed since the grader wrote it: what was in it is kept as {display(aside.name)}"


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


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
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
        synchronise(folder)


def synchronise(folder: Path) -> None:
    """The folder's names on the disk, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Take away what killed runs left half written; what is being written is locked, and stays."""
    for entry in os.scandir(folder):
        if _LEFTOVER.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            with suppress(OSError), Path(entry.path).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Path(entry.path).unlink()


def said(error: OSError) -> str:
    return error.strerror or type(error).__name__


def shown(path: Path) -> str:
    return display(str(path), limit=300)
