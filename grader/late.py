"""Lateness: how late each student was, and what that costs. Pure functions over exact numbers, and one file's reading.

A penalty is shown beside the score that it was taken from and never instead of it, so it can always be taken back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from grader.display import display
from grader.lists import ListError, Table, id_columns, ids_of, read_table

__all__ = ["LateRule", "Lateness", "late_penalty", "read_late"]

_MOST_HOURS = 100_000  # eleven years: beyond it is a slip of the pen


@dataclass(frozen=True)
class LateRule:
    """What lateness costs. As it stands: nothing."""

    grace_hours: Fraction = Fraction(0)
    """Hours that everyone is given; days count from their end."""
    percent_a_day: Fraction = Fraction(0)
    """Percent of the points awarded that each begun day takes."""
    cap_percent: Fraction = Fraction(100)
    """Most that lateness takes, in percent of the points awarded."""

    def __post_init__(self) -> None:
        if self.grace_hours < 0:
            raise ValueError(f"the hours of grace must be 0 or more, were {float(self.grace_hours):g}")
        for what, percent in (("a day", self.percent_a_day), ("at most", self.cap_percent)):
            if not 0 <= percent <= 100:
                raise ValueError(f"the percentage {what} must be 0 to 100, was {float(percent):g}")


@dataclass(frozen=True)
class Lateness:
    """How late the students of a cohort were, and what that costs."""

    hours: Mapping[str, Fraction]
    """By student's id."""
    rule: LateRule
    rules: Mapping[str, LateRule] = field(default_factory=dict)
    """By assignment, where they have one of their own."""

    def penalty(self, assignment: str, score: Fraction, hours: Fraction | None) -> Fraction:
        """Points that lateness takes from ``score``; ``hours`` None for who is not on the list."""
        return late_penalty(score, hours or Fraction(0), self.rules.get(assignment, self.rule))


def late_penalty(score: Fraction, hours: Fraction, rule: LateRule) -> Fraction:
    """Points that ``hours`` of lateness take from ``score``, in whole hundredths, half up; between 0 and ``score``."""
    if score <= 0 or hours <= rule.grace_hours:
        return Fraction(0)
    days = math.ceil((hours - rule.grace_hours) / 24)
    percent = min(days * rule.percent_a_day, rule.cap_percent)
    return min(score, Fraction(math.floor(score * percent + Fraction(1, 2)), 100))


def read_late(path: Path) -> Mapping[str, Fraction]:
    """Hours late by student's id, from a CSV with the columns ``id, hours_late`` or ``id, submitted, due``.

    Times are in ISO 8601. An empty ``hours_late`` or ``submitted`` leaves the student out; who was early is 0 hours
    late. Raises ListError.
    """
    columns = {**id_columns(), "id": _ID, "email": _EMAIL, "hours": _HOURS, "submitted": _SUBMITTED, "due": _DUE}
    table = read_table(path, columns)
    named = any(column in table.columns for column in (*id_columns(), "id"))
    if not named or ("hours" not in table.columns and not {"submitted", "due"} <= set(table.columns)):
        raise ListError(
            f"{table.name}, line 1: the columns must be id and hours_late, or id, submitted and due, "
            f"were {table.heading}: name them so in the first line"
        )
    late: dict[str, Fraction] = {}
    for line, cells in table.rows:
        id = next(iter(ids_of(cells)), cells.get("id") or cells.get("email", ""))
        if not id:
            raise ListError(f"{table.name}, line {line}: the id is empty: fill it in or take the line out")
        if id in late:
            raise ListError(f"{table.name}, line {line}: the id '{display(id)}' is there twice: keep one of them")
        hours = _hours(table, line, cells) if "hours" in cells else _between(table, line, cells)
        if hours is not None:
            late[id] = max(hours, Fraction(0))
    return late


_ID = ("student",)
_EMAIL = ("email", "e mail", "email address", "mail")
_HOURS = ("hours late", "hours", "late", "lateness", "lateness h m s")
_SUBMITTED = ("submitted", "submission time", "submitted at", "handed in")
_DUE = ("due", "deadline", "due at", "due date")


def _hours(table: Table, line: int, cells: Mapping[str, str]) -> Fraction | None:
    text = cells["hours"]
    if not text:
        return None
    clock = re.fullmatch(r"(\d{1,6}):([0-5]\d):([0-5]\d)", text, re.ASCII)  # as Gradescope writes it
    try:
        # Not Fraction(text) alone: it also takes 1/3, and 1e999999999, which no memory holds.
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
    if not cells["submitted"]:
        return None
    submitted, due = (_time(table, line, name, cells[name]) for name in ("submitted", "due"))
    if (submitted.tzinfo is None) != (due.tzinfo is None):
        raise ListError(
            f"{table.name}, line {line}: submitted and due must both have a time zone or both have none, "
            f"were '{display(cells['submitted'], limit=40)}' and '{display(cells['due'], limit=40)}': "
            "add it, such as +00:00"
        )
    apart = submitted - due
    return Fraction((apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds, 3_600_000_000)


def _time(table: Table, line: int, name: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.removesuffix("Z") + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        raise ListError(
            f"{table.name}, line {line}: {name} must be a time in ISO 8601, was '{display(text, limit=40)}': "
            "write it as 2026-11-21T23:59:00+00:00"
        ) from None
