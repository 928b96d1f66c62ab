"""The key of a report: a hash of everything that it depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import grader
from grader.intake import Found

__all__ = ["fingerprint", "program", "report_key", "source_sha256"]


def report_key(*, found: Found, sha256: str, assignment: str, settings: str) -> str:
    """The key of a report: the same whenever grading again would give the same report.

    ``sha256`` is the hash of the submission's contents. ``assignment`` is the ``fingerprint`` of its assignment's part
    of the rubric, so that a change for other assignments changes nothing here. ``settings`` is the ``fingerprint`` of
    the run's settings: seed, options, data, program.
    """
    who = (found.id, found.flags, found.late, found.submitted, found.known_as, found.assignment)
    return fingerprint((who, sha256, assignment, settings))


def program() -> tuple[str, str]:
    """The version of the grader and the hash of its source."""
    return grader.__version__, source_sha256()


def fingerprint(value: Any) -> str:
    """SHA-256 over a value made of records, mappings, sequences, numbers and texts. It is the same in every process."""
    return hashlib.sha256(json.dumps(_canonical(value), ensure_ascii=True, allow_nan=True).encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """The value in JSON's types, with the kind of everything that JSON would not tell apart."""
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
    """Hash of the code and templates of the grader and the reference: after a change everything is graded anew."""
    top = Path(grader.__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in ("grader", "reference"):
        for path in sorted((top / package).rglob("*")):
            if path.suffix in (".py", ".j2", ".css", ".json") and path.is_file() and "shipped" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(top).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()
