"""Folders of reports to make a gradebook of."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import report_sample as sample

from grader.gradebook.summary import summarise
from grader.intake import Found
from grader.marking.verdicts import Outcome
from grader.report import Report
from grader.report.files import rendered
from grader.store.folder import Store


def report(id: str, points: str = "1", **changes: Any) -> Report:
    """A report with an automatic criterion of 2 points, and one of 2.5 points that is still to be marked."""
    marks = [
        sample.mark("cnn.shapes", points=Fraction(points), max_points=Fraction(2)),
        sample.mark("manual.a1", Outcome.PENDING, max_points=Fraction(5, 2)),
    ]
    return sample.report(marks, submission_id=id, **changes)


def fill(out: Path, reports: Iterable[tuple[str, Report]]) -> Path:
    """A folder with these reports, by folder."""
    with Store(out) as store:
        for folder, made in reports:
            store.save(Found(folder, folder, ()), rendered(made, key="", folder=folder), None)
    return out


def read(out: Path) -> list[dict[str, str]]:
    """The lines of ``gradebook.csv``."""
    with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def problems_of(out: Path, **how: Any) -> list[str]:
    """Make the gradebook; the problems that were reported."""
    problems: list[str] = []
    summarise(out, problem=problems.append, **how)
    return problems
