"""Folder names for students' ids: safe on every file system, and never the same for two ids.

A name depends on its id alone, so it stays the same from run to run, whoever else hands in. A safe id names its own
folder; for any other id the name is its safe characters and a hash of the whole id. Only ids that differ in nothing but
case depend on each other: most students' ids have capitals, and people should recognise them on disk.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import takewhile

__all__ = ["encodable", "folder_names", "shared_beginning"]


def encodable(name: str) -> str:
    """A file name that UTF-8 can hold: bytes on disk that are not UTF-8, which Python reads as lone surrogates, become
    text such as ``\\udcff``."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def shared_beginning(names: Collection[str]) -> str:
    """The characters with which all names begin."""
    # What the first and the last in alphabetical order share, all share.
    first, last = min(names, default=""), max(names, default="")
    return "".join(pair[0] for pair in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))


def folder_names(ids: Iterable[str]) -> dict[str, str]:
    """A folder name for each id: ASCII, at most 80 characters, different from each other even where case is ignored."""
    names = {id: _folder_name(id) for id in ids}
    uses = Counter(name.lower() for name in names.values())
    # Where two names differ by case alone, the one in small letters keeps its name and the others show their hash.
    names = {
        id: name if uses[name.lower()] == 1 or name == name.lower() == id else _hashed(id, name)
        for id, name in names.items()
    }
    uses = Counter(name.lower() for name in names.values())
    # Ten hexadecimal digits can be made to collide by someone who tries.
    return {id: name if uses[name.lower()] == 1 else _hashed(id, "student", 64) for id, name in names.items()}


_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9_@+-])?")
_LOOKS_HASHED = re.compile(r".*-[0-9a-f]{10,}", re.IGNORECASE)
# Windows keeps these for devices, with any ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
# Reports of a cohort lie beside the folders of its students.
_REPORT = re.compile(r".*\.(html|csv|jsonl?|md|xml|txt|log|lock|tmp|part|zip)", re.IGNORECASE)


def _folder_name(id: str) -> str:
    is_safe = _PLAIN.fullmatch(id) and not any(taken.fullmatch(id) for taken in (_LOOKS_HASHED, _DEVICE, _REPORT))
    return id if is_safe else _hashed(id, id)


def _hashed(id: str, readable: str, digits: int = 10) -> str:
    """``<the readable characters>-<start of the SHA-256 of the id>``."""
    bare = unicodedata.normalize("NFKD", readable).encode("ascii", "ignore").decode("ascii")
    stem = re.sub(r"[^A-Za-z0-9_@+]+", "-", bare)[:60].strip("-_@+") or "student"
    return f"{stem}-{hashlib.sha256(encodable(id).encode()).hexdigest()[:digits]}"
