"""Lateness: how late each student was, by a list or by the platform's times, and what that costs, in exact numbers.

A penalty is shown beside the score that it was taken from and never instead of it, so it can always be undone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from grader.display import display
from grader.gradebook.lists import ListError, Table, id_columns, ids_of, read_table, there_twice
from grader.marking.late import LateRule

__all__ = ["Lateness", "due_time", "read_late"]


_MOST_HOURS = 100_000
"""Eleven years; a higher number is a typing error."""
_ID = ("student",)
_EMAIL = ("email", "e mail", "email address", "mail")
_HOURS = ("hours late", "hours", "late", "lateness", "lateness h m s")
_SUBMITTED = ("submitted", "submission time", "submitted at", "handed in")
_DUE = ("due", "deadline", "due at", "due date")


@dataclass(frozen=True)
class Lateness:
    """How late the students of a cohort were, and what that costs."""

    hours: Mapping[str, Fraction]
    """Hours by the student's id."""
    rule: LateRule
    """What lateness costs in an assignment without a rule of its own."""
    rules: Mapping[str, LateRule] = field(default_factory=dict)
    """Rules by assignment."""
    due: datetime | None = None
    """The deadline, with its time zone, for those whose time of submission the platform says."""

    def rule_of(self, assignment: str) -> LateRule:
        """What lateness costs in an assignment."""
        return self.rules.get(assignment, self.rule)

    def hours_since_due(self, submitted: str) -> Fraction | None:
        """Hours from the deadline to a platform's time in ISO 8601, at least 0. None without a deadline or such a time.

        A time without a time zone is taken for one in the deadline's.
        """
        time = _moment(submitted)
        if self.due is None or time is None:
            return None
        return max(Fraction(0), _hours_between(self.due, time if time.tzinfo else time.replace(tzinfo=self.due.tzinfo)))


def due_time(text: str) -> datetime:
    """A deadline in ISO 8601 with a time zone. Raises ListError."""
    time = _moment(text)
    if time is None or time.tzinfo is None:
        raise ListError(
            f"the deadline must be a time in ISO 8601 with its time zone, was '{display(text, limit=40)}': write it as "
            "2026-11-21T23:59:00-05:00"
        )
    return time


def read_late(path: Path) -> Mapping[str, Fraction]:
    """Hours late by the student's id, from a CSV with the columns ``id, hours_late`` or ``id, submitted, due``.

    Times are in ISO 8601. A student with an empty ``hours_late`` or ``submitted`` is left out; a student who was early
    is 0 hours late. Raises ListError.
    """
    columns = {**id_columns(), "id": _ID, "email": _EMAIL, "hours": _HOURS, "submitted": _SUBMITTED, "due": _DUE}
    table = read_table(path, columns)
    has_ids = any(column in table.columns for column in (*id_columns(), "id"))
    if not has_ids or ("hours" not in table.columns and not {"submitted", "due"} <= set(table.columns)):
        raise ListError(
            f"{table.name}, line 1: the columns must be id and hours_late, or id, submitted and due, "
            f"were {table.heading}: name them so in the first line"
        )
    late: dict[str, Fraction] = {}
    lines: dict[str, int] = {}
    for line, cells in table.rows:
        id = next(iter(ids_of(cells)), cells.get("id") or cells.get("email", ""))
        if not id:
            raise ListError(f"{table.name}, line {line}: the id is empty: fill it in or remove the line")
        if id in lines:
            raise there_twice(table, id, lines[id], line)
        lines[id] = line
        hours = _hours(table, line, cells) if "hours" in cells else _between(table, line, cells)
        if hours is not None:
            late[id] = max(hours, Fraction(0))
    return late


def _hours(table: Table, line: int, cells: Mapping[str, str]) -> Fraction | None:
    """The cell ``hours_late``, as a number or as Gradescope's h:m:s; None where it is empty."""
    text = cells["hours"]
    if not text:
        return None
    clock = re.fullmatch(r"(\d{1,6}):([0-5]\d):([0-5]\d)", text, re.ASCII)
    try:
        # Fraction also accepts 1/3, and 1e999999999, which does not fit into memory.
        hours = Fraction(text) if len(text) <= 20 and set(text) <= set("0123456789.-") else None
    except ValueError:
        hours = None
    if clock:
        hours = Fraction(int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3]), 3600)
    if hours is None or abs(hours) > _MOST_HOURS:
        raise ListError(
            f"{table.name}, line {line}: hours_late must be a number up to {_MOST_HOURS:,}, "
            f"was '{display(text, limit=40)}': write hours such as 1.5"
        )
    return hours


def _between(table: Table, line: int, cells: Mapping[str, str]) -> Fraction | None:
    """Hours from ``due`` to ``submitted``; None where the latter is empty."""
    if not cells["submitted"]:
        return None
    submitted, due = (_time(table, line, name, cells[name]) for name in ("submitted", "due"))
    if (submitted.tzinfo is None) != (due.tzinfo is None):
        raise ListError(
            f"{table.name}, line {line}: submitted and due must both have a time zone or both have none, "
            f"were '{display(cells['submitted'], limit=40)}' and '{display(cells['due'], limit=40)}': "
            "add it, such as +00:00"
        )
    return _hours_between(due, submitted)


def _time(table: Table, line: int, name: str, text: str) -> datetime:
    if (time := _moment(text)) is None:
        raise ListError(
            f"{table.name}, line {line}: {name} must be a time in ISO 8601, was '{display(text, limit=40)}': "
            "write it as 2026-11-21T23:59:00+00:00"
        )
    return time


def _moment(text: str) -> datetime | None:
    """A time in ISO 8601; None for any other text."""
    zoned = re.sub(r"(?<=:\d\d)([+-]\d\d)(\d\d)$", r"\1:\2", re.sub(r"[zZ]$", "+00:00", text.strip()))
    try:
        return datetime.fromisoformat(zoned)
    except ValueError:
        return None


def _hours_between(start: datetime, end: datetime) -> Fraction:
    difference = end - start
    microseconds = (difference.days * 86_400 + difference.seconds) * 1_000_000 + difference.microseconds
    return Fraction(microseconds, 3_600_000_000)
