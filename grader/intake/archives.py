"""Members of a zip or tar archive that somebody else made, one after another and never unpacked onto the disk.

A member is a name and a stream of bytes; no path of this machine is made from it, so no name can lead out of a folder.
Names that try (``..``, absolute) and members that are not plain files (links, devices) are refused and reported all the
same, because they are not what the student meant to hand in. Sizes in headers are claims: what is read is counted
against a ``Budget`` instead.
"""

from __future__ import annotations

import gzip
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from grader.cpu import CpuBudget, CpuUsedUp
from grader.intake.names import encodable

__all__ = [
    "MOST_BYTES",
    "MOST_FILES",
    "MOST_FOLDERS",
    "MOST_NAMES",
    "ArchiveError",
    "Budget",
    "Member",
    "TooLarge",
    "archive_stem",
    "is_archive",
    "member_path",
    "members",
]


MOST_BYTES = 200_000_000
"""Bytes that are read of the files of a submission, and as many again of what its archives unpack to."""
MOST_FILES = 10_000
"""Files of a submission, and as many again in its archives."""
MOST_NAMES = 100_000
"""Names in all archives of a submission that are looked at, wanted or not: a virtual environment has a third of it."""
MOST_FOLDERS = 30
"""Folders around a file of a submission."""

Refuse = Callable[[str, str, str], None]
"""Called for each entry that is not read, with the kind of flag, the reason and the name."""


class ArchiveError(Exception):
    """The archive, or one member, cannot be read (further); the message is a clause that follows the name."""


class TooLarge(ArchiveError):
    """There is more than the budget allows."""


@dataclass
class Budget:
    """What may still be read. It is spent as names and bytes arrive, and is the only mutable record here."""

    bytes: int = MOST_BYTES
    entries: int = MOST_FILES
    names: int = MOST_NAMES
    cpu: CpuBudget = field(default_factory=CpuBudget)

    def check(self, count: int) -> None:
        """Refuse what claims to be too large before it is read, and leave the room to others. Raises TooLarge."""
        if count > self.bytes:
            most = MOST_BYTES // 1_000_000
            raise TooLarge(f"more than the {most} MB that are read per submission: leave out data")

    def spend(self, count: int) -> None:
        """Count bytes that were read. Raises TooLarge when they are more than is left, and CpuUsedUp."""
        self.cpu.look()
        self.check(count)
        self.bytes -= count

    def spend_names(self, count: int) -> None:
        """Count names of an archive, when they are seen. Raises TooLarge when they are more than are left."""
        if count > self.names:
            raise TooLarge(f"more than the {MOST_NAMES:,} names that are looked at per submission: leave out data")
        self.names -= count

    def spend_entry(self) -> None:
        """Count one file. Raises TooLarge when none is left."""
        self.entries -= 1
        if self.entries < 0:
            raise TooLarge(f"more than the {MOST_FILES:,} files that are read per submission: leave out data")


@dataclass(frozen=True)
class Member:
    """A plain file of an archive."""

    path: str
    """``/`` between folders, no ``..``; UTF-8 can hold it."""
    modified: float | None
    """Seconds since 1970, as the archive says."""
    chunks: Iterable[bytes]
    """Its bytes, once, before the next member is asked for. Raises ArchiveError, and spends the budget."""


_ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")


def is_archive(name: str) -> bool:
    """Whether a file of this name is opened as an archive."""
    return name.lower().endswith(_ENDINGS)


def archive_stem(name: str) -> str:
    """``alice`` of ``alice.tar.gz``."""
    ending = next(ending for ending in _ENDINGS if name.lower().endswith(ending))
    return name[: -len(ending)]


def members(
    file: BinaryIO, budget: Budget, *, wanted: Callable[[str], bool], urgent: Callable[[str], bool], refuse: Refuse
) -> Iterator[Member]:
    """The plain files of a zip, tar or gzipped tar whose paths are ``wanted``; the first bytes of ``file`` say which
    of the three it is.

    Where the format allows (zip), ``urgent`` ones come first, then smaller before larger ones, so that a bomb comes
    last. ``refuse`` is called for every other entry. Raises ArchiveError when the archive cannot be read to its end,
    and CpuUsedUp when the budget's processor time is used up.
    """
    budget.cpu.look()
    start = file.read(4)
    file.seek(0)
    with _as_archive_errors():
        if start[:2] == b"PK":
            if _is_cut_off(file):
                raise ArchiveError("breaks off before its end: hand it in again")
            yield from _zip_members(_Bounded(file), budget, wanted, urgent, refuse)
        elif start[:2] == b"\x1f\x8b":
            # As a stream: seeking back in gzip would unpack all over again.
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield from _tar_members(_Bounded(unpacked), budget, wanted, refuse)
        else:
            yield from _tar_members(_Bounded(file), budget, wanted, refuse)


_LONGEST_NAME = 1_000
"""Characters of a member's path."""


def member_path(name: str) -> str:
    """The path that a member's name stands for; ``\\`` of Windows separates folders too. Raises ArchiveError."""
    name = encodable(name[: _LONGEST_NAME + 1].replace("\\", "/"))
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise ArchiveError("a name in the archive is absolute")
    if ".." in parts:
        raise ArchiveError("a name in the archive leads out of it")
    if not parts or "\0" in name or len(name) > _LONGEST_NAME or any(len(part.encode()) > 255 for part in parts):
        raise ArchiveError("a name in the archive is empty, too long or holds a NUL")
    if len(parts) > MOST_FOLDERS + 1:
        raise ArchiveError(f"lies in more than {MOST_FOLDERS} folders: pack it higher up")
    return str(PurePosixPath(*parts))


_LONGEST_READ = 16 << 20
"""Bytes of a single read: of a zip's directory, of a tar's extended header. Larger ones are made to fill memory."""


class _Bounded:
    """A file whose single reads are bounded, because archive libraries read as much as a header asks for."""

    def __init__(self, file: BinaryIO | gzip.GzipFile) -> None:
        self._file = file
        self.allowance: int | None = None
        """Bytes that may be read before it is set again; None for no such bound."""
        self.directory: Budget | None = None
        """What the names of a zip's directory are taken from while it is read; None at any other time."""

    def read(self, count: int = -1) -> bytes:
        if count > _LONGEST_READ:
            raise ArchiveError("has a header of an absurd size")
        content = self._file.read(_LONGEST_READ + 1 if count < 0 else count)
        if len(content) > _LONGEST_READ:
            raise ArchiveError("has a header of an absurd size")
        if self.allowance is not None:
            self.allowance -= len(content)
            if self.allowance < 0:
                raise ArchiveError("has a header of an absurd size")
        if self.directory is not None and content.startswith(_ENTRY_OF_ZIP):
            # Before the library makes a record of each.
            self.directory.spend_names(content.count(_ENTRY_OF_ZIP))
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


_ENTRY_OF_ZIP = b"PK\x01\x02"
"""How each entry of a zip's directory begins."""
_END_OF_ZIP = b"PK\x05\x06"
_LONGEST_COMMENT = 66_000
"""Bytes at the end of a zip among which its last record begins."""


def _is_cut_off(file: BinaryIO) -> bool:
    """Whether a zip lacks the record that every zip ends with."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _LONGEST_COMMENT))
    end = file.read(_LONGEST_COMMENT)
    file.seek(0)
    return _END_OF_ZIP not in end


# LZMA's header asks for up to 4 GiB of memory before a byte is unpacked, and zipfile does not bound a step of bzip2.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def _zip_members(
    file: _Bounded, budget: Budget, wanted: Callable[[str], bool], urgent: Callable[[str], bool], refuse: Refuse
) -> Iterator[Member]:
    file.directory = budget
    with zipfile.ZipFile(file) as archive:
        file.directory = None
        plain: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            budget.cpu.look()
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind == stat.S_IFDIR or info.filename.endswith(("/", "\\")):
                continue
            path = _checked(info.filename, refuse)
            if path is None or not wanted(path):
                continue
            if kind == stat.S_IFLNK:
                refuse("link", "links in an archive are not followed", path)
            elif kind not in (0, stat.S_IFREG):
                refuse("special-file", "devices and the like are not read", path)
            elif info.flag_bits & 0x1:
                refuse("encrypted", "protected by a password: hand it in without one", path)
            elif info.compress_type not in _METHODS:
                refuse("damaged", "packed with a method that is not read here: use an ordinary zip", path)
            else:
                if path in plain:
                    refuse("two-uploads", "more than once in the archive: the last one counts, as when unpacking", path)
                plain[path] = info
        for path, info in sorted(plain.items(), key=lambda entry: (not urgent(entry[0]), entry[1].file_size)):
            budget.spend_entry()
            yield Member(path, _zip_time(info.date_time), _zip_chunks(archive, info, budget))


def _zip_chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Iterator[bytes]:
    budget.check(info.file_size)  # zipfile never hands out more than that
    with _as_archive_errors(), archive.open(info) as stream:
        yield from _chunks(stream, budget)


_TAR_HEADERS = 2 << 20
"""Bytes of the headers between two members of a tar."""


def _tar_members(file: _Bounded, budget: Budget, wanted: Callable[[str], bool], refuse: Refuse) -> Iterator[Member]:
    with closing(tarfile.open(fileobj=file, mode="r|", errorlevel=2)) as archive:  # type: ignore[call-overload]
        for passed in count():
            file.allowance = _TAR_HEADERS
            try:
                info = archive.next()
            except tarfile.StreamError:
                if passed:
                    raise
                return  # Python 3.10 raises it for an archive that is empty
            if info is None:
                return
            archive.members.clear()  # else it keeps a record of every member
            budget.spend_names(1)
            budget.spend(_TAR_HEADERS - file.allowance)  # millions of empty members would be a bomb too
            file.allowance = None
            path = None if info.isdir() else _checked(info.name, refuse)
            stream = archive.extractfile(info) if info.isreg() else None
            if stream is None:
                if path is not None and wanted(path) and not info.isdir():
                    kind = "link" if info.issym() or info.islnk() else "special-file"
                    refuse(kind, "links, devices and the like in an archive are not read", path)
                continue
            budget.check(info.size)  # what is too large cannot be passed over either: the archive ends here
            chunks = _tar_chunks(stream, budget)
            if path is not None and wanted(path):
                budget.spend_entry()
                yield Member(path, _moment(float(info.mtime)), chunks)
            for _ in chunks:  # to get to the next member, what nobody has read is read here, within the budget
                pass


def _tar_chunks(stream: IO[bytes], budget: Budget) -> Iterator[bytes]:
    with _as_archive_errors():
        yield from _chunks(stream, budget)


_CHUNK = 1 << 20
"""Bytes that are unpacked at a time."""


def _chunks(stream: IO[bytes], budget: Budget) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        budget.spend(len(chunk))
        yield chunk


def _checked(name: str, refuse: Refuse) -> str | None:
    try:
        return member_path(name)
    except ArchiveError as error:
        refuse("refused-name", str(error), encodable(name[:_LONGEST_NAME]))
        return None


_NO_TIME = (1980, 1, 1, 0, 0, 0)


def _zip_time(parts: tuple[int, int, int, int, int, int]) -> float | None:
    """Seconds since 1970. A zip has local time without its zone: this only serves to find the newer of two.

    The earliest time that a zip can hold is what programs write who know none.
    """
    if parts == _NO_TIME:
        return None
    try:
        return _moment(datetime(*parts).timestamp())
    except (ValueError, OverflowError, OSError, TypeError):
        return None


_YEAR_3000 = 32_503_680_000


def _moment(seconds: float) -> float | None:
    return seconds if 0 <= seconds < _YEAR_3000 else None


@contextmanager
def _as_archive_errors() -> Iterator[None]:
    """Turn whatever the libraries raise for damaged bytes, which is nearly anything, into one sentence."""
    try:
        yield
    except (ArchiveError, CpuUsedUp, MemoryError):
        raise
    except (EOFError, tarfile.ReadError) as error:
        if isinstance(error, tarfile.ReadError) and "unexpected end" not in str(error):
            raise ArchiveError(_damaged(error)) from error
        raise ArchiveError("breaks off before its end: hand it in again") from None
    except Exception as error:
        raise ArchiveError(_damaged(error)) from error


def _damaged(error: Exception) -> str:
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"is damaged, or not what its name says ({reason[:120]}): pack it again"
