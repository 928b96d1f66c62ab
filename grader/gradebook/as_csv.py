"""The gradebook as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from grader.gradebook.cells import neutral
from grader.gradebook.roster import People
from grader.report.numbers import points

if TYPE_CHECKING:
    from grader.report.rows import Row

__all__ = ["write_csv"]


def write_csv(
    file: BinaryIO,
    rows: Iterable[Row],
    criteria: Sequence[str],
    *,
    people: People | None = None,
    gone: Collection[str] = (),
) -> None:
    """Write ``gradebook.csv``: a line for each submission, then for each student on the roster of whose submission a
    person must decide (status ``doubtful``), and for each without one (``missing``).

    Columns, in this order:

    - ``id``: the report's id; without a report, the roster's;
    - with a roster: ``roster_id``, ``name``, ``email``, and the roster's own columns of ids and names, by which its
      platform recognises the lines;
    - ``assignment``, ``status``, ``score``;
    - with lateness: ``score_before_late``, ``late_hours``, ``late_penalty``;
    - ``max_score``, ``pending_points``, ``flags`` (their number);
    - for every id in ``criteria``: its points, and ``<criterion>:outcome``;
    - ``seconds``.

    A cell of points is empty while the points are open, and where the assignment does not have the criterion.
    ``criteria`` are the ids of all criteria of all assignments in ``rows``. ``gone`` are the folders of reports whose
    submission no longer exists.
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
    doubtful = ((student, "doubtful") for student, _ in people.doubtful)
    for student, status in (*doubtful, *((student, "missing") for student in people.missing)):
        cells = {"id": student.id, **people.cells([student]), "status": status}
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
    for criterion in row.criteria:
        cells[criterion.id] = "" if criterion.open else points(criterion.points)
        cells[f"{criterion.id}:outcome"] = criterion.outcome.value
    return cells
