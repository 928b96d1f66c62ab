"""Cohorts to measure with: copies of the fixtures, right and faulty; no two have the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["ASSIGNMENT", "BASES", "cohort"]

ASSIGNMENT = "csc321-2018"
"""The assignment with the most criteria."""
ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures" / "submissions" / ASSIGNMENT
BASES = tuple(sorted(path.name for path in FIXTURES.iterdir() if path.name != "starter"))
"""The fixtures that a cohort is made of, in turn."""


def cohort(folder: Path, count: int, *, bases: tuple[str, ...] = BASES) -> list[str]:
    """Write ``count`` submissions below ``folder``, each with a line of its own. Returns the base of each, in order."""
    written = []
    for number in range(count):
        base = bases[number % len(bases)]
        home = folder / f"student{number:05}"
        shutil.copytree(FIXTURES / base / "submission", home)
        for script in home.glob("*.py"):
            with script.open("a", encoding="utf-8") as file:
                file.write(f"\n\nHANDED_IN_BY = 'student{number:05}'\n")
        written.append(base)
    return written
