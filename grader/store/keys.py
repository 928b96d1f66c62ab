"""The key of a report: hashes of everything that it depends on."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import grader
from grader.fingerprint import fingerprint
from grader.intake import Found

__all__ = ["evidence_of", "marks_of", "program", "report_key", "source_sha256", "with_marks"]


def report_key(*, found: Found, sha256: str, assignment: str, settings: str, marks: str) -> str:
    """The key of a report: the same whenever grading again would give the same report.

    It has two parts. The first changes with what the evidence depends on: ``sha256``, the hash of the submission's
    contents; ``assignment``, its id; ``settings``, the ``fingerprint`` of the run's settings (seed, options, data,
    program). The second is ``marks``, the ``fingerprint`` of the assignment's part of the rubric, so that a change for
    other assignments changes nothing here. Where the first part holds, the evidence holds, and marks are made of it.
    """
    who = (found.id, found.flags, found.late, found.submitted, found.known_as, found.assignment)
    chosen = (found.attempts, found.picks, found.starters)
    return f"{fingerprint((who, chosen, sha256, assignment, settings))}.{marks}"


def program() -> tuple[str, str]:
    """The version of the grader and the hash of its source."""
    return grader.__version__, source_sha256()


def evidence_of(key: str) -> str:
    """The part of a key that holds as long as the evidence does."""
    return key.partition(".")[0]


def marks_of(key: str) -> str:
    """The part of a key that changes with what the rubric makes of the evidence; empty where there is none."""
    return key.partition(".")[2]


def with_marks(key: str, marks: str) -> str:
    """The key of a report on the same evidence, marked by another rubric."""
    return f"{evidence_of(key)}.{marks}"


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
