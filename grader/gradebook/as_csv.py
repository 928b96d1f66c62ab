"""The gradebook as CSV, safe to open in a spreadsheet, and to be filled in and read by ``gradebook marks``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from grader.gradebook.cells import neutral
from grader.marks.line import Stage
from grader.report.numbers import points

if TYPE_CHECKING:
    from grader.gradebook.final import Finals
    from grader.gradebook.lists import Student
    from grader.marks.line import CriterionLine, FinalLine

__all__ = ["BY_HAND", "ON_THE_WHOLE", "write_csv"]


ON_THE_WHOLE = ("extension", "tokens", "neatness", "comment")
"""Columns beside the criteria that a person fills in."""
BY_HAND = "by hand"
"""In place of an outcome: a person gave the points."""


def write_csv(file: BinaryIO, finals: Finals, criteria: Sequence[str]) -> None:
    """Write ``gradebook.csv``: a line for each student of each hand-in; then for each student of whose hand-in a person
    must decide (status ``doubtful``), and for each without one (``missing``).

    Columns, in this order:

    - ``id``: the report's id, or for a group the student's own; ``hand_in``: the report's id;
    - with a roster: ``roster_id``, ``name``, ``email``, and the roster's own columns of ids and names, by which its
      platform recognises the lines;
    - ``assignment``, ``status`` (how the examination went; ``graded`` once people have settled what was to be
      reviewed), ``stage`` (``examined``, ``marked`` or ``final``);
    - ``score``: points so far, before all that follows; ``automatic`` and ``by_hand``: its two parts; ``max_score``;
      ``pending_points``: those still open;
    - with lateness: ``late_hours``, ``extension`` (hours), ``tokens``, ``late_penalty``;
    - ``neatness``: points taken off; ``mark``: the score without what is taken off, rounded by the rubric's rule;
    - ``flags``: the number of those that are open; ``comment``: on the whole, for the student;
    - for every id in ``criteria``: its points, and ``<criterion>:outcome``, ``by hand`` where a person gave them;
    - ``seconds``.

    A mark is there once nothing is open. A cell of points is empty while they are open, and where the assignment does
    not have the criterion. ``criteria`` are the ids of all criteria of all assignments. Hand-ins that no longer exist
    have the status ``gone``.
    """
    people = finals.people
    heading = ["id", "hand_in"]
    heading += ["roster_id", "name", "email", *people.columns] if people.known else []
    heading += ["assignment", "status", "stage", "score", "automatic", "by_hand", "max_score", "pending_points"]
    heading += ["late_hours", "extension", "tokens", "late_penalty"] if people.lateness else []
    heading += ["neatness", "mark", "flags", "comment"]
    heading += [column for id in criteria for column in (id, f"{id}:outcome")]
    heading.append("seconds")
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, heading, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()

    def write(lines: Iterable[dict[str, str]]) -> None:
        for cells in lines:
            writer.writerow({column: neutral(cell) for column, cell in cells.items()})

    for row in finals.rows:
        status = {"status": "gone"} if row.folder in finals.rows.gone else {}
        seconds = {"seconds": f"{row.seconds:.3f}"}
        lines = finals.lines(finals.total(row))
        write(
            _who(people.on_roster(line.student.id) if line.student.known else None) | _cells(line) | seconds | status
            for line in lines
        )
    for student, reports in people.doubtful:
        write([_who(student) | {"id": student.id, "hand_in": ", ".join(reports), "status": "doubtful"}])
    for student in people.missing:
        write([_who(student) | {"id": student.id, "status": "missing"}])
    text.detach()


def _who(student: Student | None) -> dict[str, str]:
    """What the roster says about a student, by column."""
    if student is None:
        return {}
    return {**student.own, "roster_id": student.id, "name": student.name, "email": student.email}


def _cells(line: FinalLine) -> dict[str, str]:
    cells = {
        "id": line.student.id if line.group else line.hand_in,
        "hand_in": line.hand_in,
        "assignment": line.assignment,
        "status": line.status,
        "stage": line.stage.value,
        "score": points(line.score),
        "automatic": points(line.automatic),
        "by_hand": points(line.by_hand),
        "max_score": points(line.max_score),
        "pending_points": points(line.open_points),
        "neatness": points(line.deducted) if line.deductions else "",
        "mark": "" if line.stage is Stage.EXAMINED else points(line.mark),
        "flags": str(sum(flag.resolved is None for flag in line.flags)),
        "comment": line.comment,
    }
    if late := line.late:
        cells |= {
            "late_hours": "" if late.hours is None else points(late.hours),
            "extension": points(late.extension) if late.extension else "",
            "tokens": str(late.tokens) if late.tokens else "",
            "late_penalty": points(late.points),
        }
    for criterion in line.criteria:
        cells[criterion.id] = "" if criterion.points is None else points(criterion.points)
        cells[f"{criterion.id}:outcome"] = _outcome(criterion)
    return cells


def _outcome(criterion: CriterionLine) -> str:
    return criterion.outcome.value if criterion.by is None else BY_HAND
