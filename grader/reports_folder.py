"""The names of the files in a folder of reports, and how such a folder is recognised."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

__all__ = ["BESIDE", "CACHE", "LOCK", "REPORT", "RUN", "SCHEMA", "is_reports"]


SCHEMA = "grade-run/1"
"""Name and version of the form of a reports folder, as ``run.json`` has it."""

REPORT = "report.json"
RUN = "run.json"
CACHE = ".resume.jsonl"
LOCK = ".lock"
BESIDE = ("report.html", "feedback.md")
"""The files beside ``report.json``. A report counts as written only when they are there too."""

_MOST_BYTES = 100_000


def is_reports(folder: Path) -> bool:
    """Whether the grader itself wrote this folder. Reports must never be taken for a submission."""
    # Path.exists would raise where the folder may not be searched.
    if not any(os.path.exists(folder / name) for name in (LOCK, CACHE)):  # noqa: PTH110
        return False
    try:
        # Neither wait for a pipe of that name nor follow a link.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(folder / RUN, flags), "rb") as file:
            run = json.loads(file.read(_MOST_BYTES) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b"")
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(run, dict) and str(run.get("schema")).startswith("grade-run/")
