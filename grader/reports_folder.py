"""What a folder of reports holds, by the names of its files."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

__all__ = ["BESIDE", "CACHE", "LOCK", "REPORT", "RUN", "SCHEMA", "is_reports"]


def is_reports(folder: Path) -> bool:
    """Whether a folder on disk is what the grader itself has written: reports must never be taken for handed in."""
    # Not Path.exists, which raises where the folder may not be looked into.
    if not any(os.path.exists(folder / name) for name in (".lock", ".resume.jsonl")):  # noqa: PTH110
        return False
    try:
        # A pipe of that name must not be waited for, nor a link be followed.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(folder / "run.json", flags), "rb") as file:
            run = json.loads(file.read(100_000) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b"")
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(run, dict) and str(run.get("schema")).startswith("grade-run/")


SCHEMA = "grade-run/1"
"""Name and version of what lies in a reports folder."""

REPORT = "report.json"
RUN = "run.json"
CACHE = ".resume.jsonl"
LOCK = ".lock"
BESIDE = ("report.html", "feedback.md")
"""A report is there when these are as well."""
