"""Files that are written whole or not at all, and copies of what a person edited."""

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
    "atomic_file",
    "atomic_file_keeping_edits",
    "display_path",
    "error_text",
    "file_sha256",
    "folders_in",
    "keep_edited_copy",
    "remove_leftovers",
    "replace_files",
    "sync_folder",
    "unwritable",
]


_WRITTEN = ".written.json"
"""Hashes of the files that ``atomic_file_keeping_edits`` wrote in a folder, by name."""
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
"""Name of a file that has not been put in place yet."""


class StoreError(Exception):
    """The reports folder cannot be used; the text is one sentence."""


def unwritable(path: Path, error: OSError) -> StoreError:
    """The error for a path of the reports folder that cannot be written."""
    return StoreError(
        f"{display_path(path)} cannot be written ({error_text(error)}): make room, change its permissions, or name "
        "another folder with --out; existing reports are whole, and the same command goes on from them"
    )


def error_text(error: OSError) -> str:
    """What the system says about an error: ``No space left on device``."""
    return error.strerror or type(error).__name__


def display_path(path: Path) -> str:
    """A path as it may be shown in a sentence."""
    return display(str(path), limit=300)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write. It appears at ``path`` when the block ends, and not at all when the block raises.

    Raises OSError.
    """
    staged = _Staged(path)
    try:
        yield staged.file
        staged.finish()
        staged.put_in_place()
        sync_folder(path.parent)
    finally:
        staged.discard()


@contextmanager
def atomic_file_keeping_edits(path: Path, notify: Callable[[str], None]) -> Iterator[BinaryIO]:
    """As ``atomic_file``, for a file that people edit.

    If the existing file is not as the grader wrote it, a copy of it is kept beside it, and ``notify`` gets a sentence.
    Raises OSError.
    """
    staged = _Staged(path)
    try:
        yield staged.file
        staged.finish()
        written = _written_hashes(path.parent)
        new, existing = staged.sha256(), file_sha256(path)
        edited = existing is not None and existing not in (*written.get(path.name, ()), new)
        if edited:
            notify(keep_edited_copy(path))
        # Both hashes: if the machine stops before the next step, the old file is still in place.
        written[path.name] = [*([existing] if existing and not edited else []), new]
        with atomic_file(path.parent / _WRITTEN) as file:
            file.write(json.dumps(written, indent=1).encode() + b"\n")
        staged.put_in_place()
        sync_folder(path.parent)
    finally:
        staged.discard()


def _written_hashes(folder: Path) -> dict[str, list[str]]:
    """SHA-256 that each edited file in a folder may have, by name; empty where nothing is known."""
    with suppress(OSError, ValueError, RecursionError):
        written = json.loads((folder / _WRITTEN).read_bytes()[:100_000])
        if isinstance(written, dict) and all(isinstance(hashes, list) for hashes in written.values()):
            return written
    return {}


def file_sha256(path: Path) -> str | None:
    """SHA-256 of a file's content; None where there is no file. Raises OSError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def keep_edited_copy(path: Path) -> str:
    """Copy a file to another name beside it, and say so in a sentence. An equal copy is not made again.

    Raises OSError.
    """
    copy = _copied_aside(path)
    return f"{display_path(path)} was changed since the grader wrote it: what was in it is kept as {display(copy.name)}"


def _copied_aside(path: Path) -> Path:
    content = path.read_bytes()
    for number in count(1):
        copy = path.with_name(f"{path.stem}.edited-{number}{path.suffix}")
        try:
            if copy.read_bytes() == content:
                break
        except FileNotFoundError:
            with atomic_file(copy) as file:
                file.write(content)
            break
        except OSError:
            continue  # a folder, or not readable: try the next name
    return copy


def replace_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Replace several files of a folder. The last of them is absent while the others change. Raises OSError."""
    *_, last = contents
    with ExitStack() as discarding:
        staged = []
        for name, content in contents.items():
            file = _Staged(folder / name)
            discarding.callback(file.discard)
            file.file.write(content)
            file.finish()
            staged.append(file)
        (folder / last).unlink(missing_ok=True)
        for file in staged:
            file.put_in_place()
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the file system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def folders_in(out: Path) -> list[Path]:
    """The folders in a folder of reports, by name. Raises StoreError."""
    try:
        return sorted(Path(entry.path) for entry in os.scandir(out) if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        raise StoreError(f"{display_path(out)} cannot be read ({error_text(error)}): check its permissions") from error


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left half written. A file that is being written is locked, and stays."""
    for entry in os.scandir(folder):
        if _LEFTOVER.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            with suppress(OSError), Path(entry.path).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Path(entry.path).unlink()


class _Staged:
    """A file under another name, in the folder where it is to stand. Its lock tells it from a killed run's leftover."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._staged: Path | None = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        # Not tempfile: its files are for one user alone, and reports are for all who may read the folder.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.file: BinaryIO = os.fdopen(os.open(self._staged, flags, 0o666), "wb")
        with suppress(OSError):  # a file system without locks: another run may then remove it
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def finish(self) -> None:
        """Put all of it on the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def sha256(self) -> str:
        """SHA-256 of what was written; after ``finish``."""
        assert self._staged is not None
        return hashlib.sha256(self._staged.read_bytes()).hexdigest()

    def put_in_place(self) -> None:
        assert self._staged is not None
        self._staged.replace(self._path)
        self._staged = None

    def discard(self) -> None:
        """Close it, and remove it unless it was put in place."""
        with suppress(OSError):
            self.file.close()
        if self._staged is not None:
            with suppress(OSError):
                self._staged.unlink()
            self._staged = None
