"""Archives for tests, honest and not, as bytes."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Iterable


def a_zip(*entries: tuple[str, bytes], mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of names and contents, as they are given; ``mode`` is that of every entry."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that comes twice
        for name, content in entries:
            info = zipfile.ZipInfo(name, (2026, 3, 1, 12, 0, 0))
            info.compress_type = method
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return target.getvalue()


def zip_link(name: str, target: str) -> bytes:
    """A zip of one symbolic link."""
    return a_zip((name, target.encode()), mode=stat.S_IFLNK | 0o777)


def encrypted(archive: bytes) -> bytes:
    """The same zip with every entry marked as encrypted, in both of its headers."""
    marked = bytearray(archive)
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = marked.find(signature)
        while at >= 0:
            marked[at + flags] |= 1
            at = marked.find(signature, at + 4)
    return bytes(marked)


def claiming(archive: bytes, size: int) -> bytes:
    """The same zip of one entry, whose headers claim that it unpacks to ``size`` bytes."""
    lying = bytearray(archive)
    for signature, field in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = lying.find(signature)
        lying[at + field : at + field + 4] = size.to_bytes(4, "little")
    return bytes(lying)


def a_tar(*entries: tuple[str, bytes], gz: bool = False, more: Iterable[tarfile.TarInfo] = ()) -> bytes:
    """A tar of names and contents, then of entries without content."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_700_000_000
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return gzip.compress(target.getvalue(), mtime=0) if gz else target.getvalue()


def tar_entry(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """An entry without content, for ``more`` of ``a_tar``: a link to ``target``, a device, a pipe."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info
