"""Folder names for students' ids: safe on every file system, and never the same for two ids.

A name depends on its id alone, so it stays from run to run whoever else hands in: an id that is safe as it stands is
its own folder, every other is its safe characters and a hash of the whole id. Only ids that differ in nothing but case
depend on each other's presence, because most students' ids have capitals and should be recognised on disk.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

__all__ = ["encodable", "folder_names"]


_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9_@+-])?")
_LOOKS_HASHED = re.compile(r".*-[0-9a-f]{10,}", re.IGNORECASE)
# Windows keeps these for devices, with any ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
# Reports of a cohort lie beside the folders of its students.
_REPORT = re.compile(r".*\.(html|csv|jsonl?|md|xml|txt|log|lock|tmp|part|zip)", re.IGNORECASE)


def encodable(name: str) -> str:
    """A file name that UTF-8 can hold: bytes that were no UTF-8 on disk (lone surrogates to Python) are written
    ``\\udcff``."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def folder_names(ids: Iterable[str]) -> dict[str, str]:
    """A folder name for each id: ASCII, at most 80 characters, different from each other even where case is ignored."""
    wanted = {id: _folder_name(id) for id in ids}
    uses = Counter(name.lower() for name in wanted.values())
    # Where two names differ by case alone, the one in small letters keeps its name and the others show their hash.
    named = {
        id: name if uses[name.lower()] == 1 or name == name.lower() == id else _hashed(id, name)
        for id, name in wanted.items()
    }
    uses = Counter(name.lower() for name in named.values())
    # Ten hexadecimal digits can be made to collide by someone who tries.
    return {id: name if uses[name.lower()] == 1 else _hashed(id, "student", 64) for id, name in named.items()}


def _folder_name(id: str) -> str:
    as_it_is = _PLAIN.fullmatch(id) and not any(taken.fullmatch(id) for taken in (_LOOKS_HASHED, _DEVICE, _REPORT))
    return id if as_it_is else _hashed(id, id)


def _hashed(id: str, readable: str, digits: int = 10) -> str:
    """``<what can be read>-<start of the SHA-256 of the id>``."""
    bare = unicodedata.normalize("NFKD", readable).encode("ascii", "ignore").decode("ascii")
    stem = re.sub(r"[^A-Za-z0-9_@+]+", "-", bare)[:60].strip("-_@+") or "student"
    return f"{stem}-{hashlib.sha256(encodable(id).encode()).hexdigest()[:digits]}"
