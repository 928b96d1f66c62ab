"""nbgrader's CSV: its columns in its order, and a score that is the raw score without the penalty."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path

import pytest
from export_sample import export_of, marked

from grader.export.nbgrader import files
from grader.export.records import HandIn
from grader.marks.line import Student

COLUMNS = [
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
]


def test_the_columns_are_nbgraders_and_the_numbers_agree(tmp_path: Path) -> None:
    lines = [marked(Student("0012", "Alice Example", "alice@example.org"), late="1/5")]
    export = export_of(
        tmp_path,
        lines,
        due=datetime(2026, 11, 21, tzinfo=timezone.utc),
        hand_ins={"0012": HandIn((), "2026-11-21T02:00:00Z")},
    )
    ((_, content),) = files(export)
    rows = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    assert rows[0] == COLUMNS
    row = dict(zip(COLUMNS, rows[1], strict=True))
    assert Fraction(row["raw_score"]) - Fraction(row["late_submission_penalty"]) == Fraction(row["score"]) == 5
    assert (row["student_id"], row["max_score"]) == ("0012", "8")
    assert (row["duedate"], row["timestamp"]) == ("2026-11-21 00:00:00+00:00", "2026-11-21 02:00:00Z")


@pytest.mark.parametrize(
    ("name", "last", "first"),
    [
        ("Alice Example", "Example", "Alice"),
        ("Example, Alice B.", "Example", "Alice B."),
        ("Bob", "Bob", ""),
        ("", "", ""),
    ],
)
def test_a_name_is_split_as_it_is_written(tmp_path: Path, name: str, last: str, first: str) -> None:
    ((_, content),) = files(export_of(tmp_path, [marked(Student("alice", name))]))
    row = next(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))
    assert (row["last_name"], row["first_name"]) == (last, first)
