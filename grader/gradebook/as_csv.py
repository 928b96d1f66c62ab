"""The gradebook as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from grader.display import display
from grader.gradebook.roster import People
from grader.report.numbers import points

if TYPE_CHECKING:
    from grader.report.rows import Row

__all__ = ["neutral", "write_csv"]


def write_csv(
    file: BinaryIO,
    rows: Iterable[Row],
    criteria: Sequence[str],
    *,
    people: People | None = None,
    gone: Collection[str] = (),
) -> None:
    """``gradebook.csv``: a line a submission, then one for each student on the roster of whom there is none.

    Columns: id (the report's, or the roster's where there is none); with a roster its id as roster_id, name, email and
    its own columns of ids and names, so that its platform knows the lines again; assignment, status, score; with
    lateness score_before_late, late_hours and late_penalty; max_score, pending_points, flags (their number); of every
    criterion of every assignment here its points and ``<criterion>:outcome``; seconds. A cell of points is empty while
    they are open, and where the assignment does not have the criterion. ``criteria`` are the ids of all of them;
    ``gone`` are the folders of reports whose submission is no longer there.
    """
    people = people or People()
    heading = [
        "id",
        *(["roster_id", "name", "email", *people.columns] if people.known else []),
        "assignment",
        "status",
        "score",
    ]
    heading += ["score_before_late", "late_hours", "late_penalty"] if people.lateness else []
    heading += ["max_score", "pending_points", "flags"]
    heading += [column for id in criteria for column in (id, f"{id}:outcome")]
    heading.append("seconds")
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, heading, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = _cells(row, people) | ({"status": "gone"} if row.folder in gone else {})
        writer.writerow({column: neutral(cell) for column, cell in cells.items()})
    for student in people.missing:
        cells = {"id": student.id, **people.cells([student]), "status": "missing"}
        writer.writerow({column: neutral(cell) for column, cell in cells.items()})
    text.detach()


def _cells(row: Row, people: People) -> dict[str, str]:
    cells = {
        "id": row.id,
        "assignment": row.assignment,
        "status": row.status,
        "score": points(row.score),
        "max_score": points(row.max_score),
        "pending_points": points(row.pending_points),
        "flags": str(len(row.flags)),
        "seconds": f"{row.seconds:.3f}",
    }
    if people.known:
        cells |= people.cells(people.students(row.id))
    if people.lateness is not None:
        hours, penalty = people.hours(row.id), people.penalty(row)
        cells |= {
            "score": points(row.score - penalty),
            "score_before_late": points(row.score),
            "late_hours": "" if hours is None else points(hours),
            "late_penalty": points(penalty),
        }
    for one in row.criteria:
        cells[one.id] = "" if one.open else points(one.points)
        cells[f"{one.id}:outcome"] = one.outcome.value
    return cells


def neutral(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, without control characters.

    What begins with ``= + - @`` (as wide characters too), a tab or a carriage return gets an apostrophe in front, which
    spreadsheets take for *text follows*. Line ends and tabs become spaces; whatever else cannot be seen is written out,
    as everywhere.
    """
    if text.isascii() and text.isprintable() and text.lstrip()[:1] not in _FORMULA:
        return text  # nearly every cell: points and outcomes
    spaced = "".join(" " if character in _SPACES else character for character in text)
    kept = "".join(character for character in spaced if unicodedata.category(character) != "Cc")
    shown = display(kept, limit=max(200, 10 * len(kept)))
    risky = text[:1] in ("\t", "\r") or shown.lstrip()[:1] in _FORMULA
    return f"'{shown}" if risky and shown else shown


_FORMULA = tuple("=+-@＝＋－＠")
_SPACES = "\t\n\r\x0b\x0c\x85\u2028\u2029"
