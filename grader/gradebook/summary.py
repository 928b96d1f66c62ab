"""The gradebook: all reports of a folder as ``gradebook.csv`` and ``index.html``; and the ``gradebook`` command.

The CSV is UTF-8 without a byte order mark. Excel would like one, but scripts and the import forms of learning
platforms come first: to them a mark is part of the first heading, and ``id`` is not found. In Excel, open it by *Data,
From Text/CSV*.

Exit status of the command: 0 done, 2 bad input, with a sentence. Torch is never imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.display import display
from grader.gradebook.as_csv import write_csv
from grader.gradebook.inputs import recall_lateness, recall_roster, recall_rubric
from grader.gradebook.lateness import Lateness
from grader.gradebook.lists import Student
from grader.gradebook.roster import People

if TYPE_CHECKING:
    from grader.gradebook.tally import Tally
    from grader.marking.rubric import Assignment
    from grader.report.rows import Row
    from grader.store.folder import Rows

__all__ = ["Overview", "summarise"]


@dataclass(frozen=True)
class Overview:
    """What a gradebook shows as a whole."""

    tally: Tally
    missing: tuple[Student, ...]
    """Those of the roster of whom there is no report."""


def summarise(
    out: Path,
    *,
    roster: Sequence[Student] | None = None,
    lateness: Lateness | None = None,
    assignments: Mapping[str, Assignment] | None = None,
    problem: Callable[[str], None],
) -> Overview:
    """Write ``gradebook.csv`` and ``index.html`` over all reports in ``out``, each whole or not at all.

    ``roster``, ``lateness`` and ``assignments`` (the rubric's) are those that ``out`` remembers, unless given.
    Memory does not grow with the number of reports, but for the roster. What is odd about a report or a list becomes a
    sentence to ``problem``, and so is what a person has changed in either file, which is kept beside it. Reports whose
    submission is gone are marked in the CSV and count nowhere. Raises StoreError; ListError and RubricError where what
    ``out`` remembers was spoilt.
    """
    from grader.gradebook.as_index import Late, to_index
    from grader.gradebook.tally import Tally
    from grader.store.files import StoreError, whole_again
    from grader.store.folder import Rows

    assignments = recall_rubric(out).assignments if assignments is None else assignments
    roster = recall_roster(out) if roster is None else roster
    lateness = recall_lateness(out, assignments) if lateness is None else lateness
    with Rows(out, problem) as rows:
        people = People(roster, lateness)
        tally = Tally()
        of_gone: dict[str, None] = {}
        for row in rows:
            if row.folder in rows.gone:
                of_gone |= dict.fromkeys(one.id for one in row.criteria)
                continue
            tally.add(row)
            people.meet(row)
        # In the rubric's order, one assignment after the other.
        criteria = (
            *dict.fromkeys(id for one in tally.assignments.values() for id in one.criteria),
            *(id for id in of_gone if not any(id in one.criteria for one in tally.assignments.values())),
        )
        for sentence in (*people.odd(), *_odd(tally, rows)):
            problem(sentence)
        try:
            with whole_again(out / "gradebook.csv", problem) as file:
                write_csv(file, rows, criteria, people=people, gone=rows.gone)
            with whole_again(out / "index.html", problem) as file:
                absent = [(student.id, student.name) for student in people.missing]

                def late(row: Row) -> Late | None:
                    hours = people.hours(row.id)
                    return None if hours is None else Late(hours, people.penalty(row))

                pieces = to_index(
                    _Present(rows), tally, rubric=assignments, name_of=people.name, missing=absent,
                    late_of=None if lateness is None else late,
                )  # fmt: skip
                for piece in pieces:
                    file.write(piece.encode())
        except OSError as error:
            raise StoreError(
                f"the gradebook in {display(str(out), limit=300)} cannot be written ({error.strerror}): "
                "make room or change the permissions, and call 'gradebook summary' on it"
            ) from error
    return Overview(tally, people.missing)


class _Present:
    """The reports whose submission is still there; iterable again and again."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        return (row for row in self._rows if row.folder not in self._rows.gone)


def _odd(tally: Tally, rows: Rows) -> Iterator[str]:
    """Sentences about the reports as a whole."""
    if gone := sorted(rows.gone):
        some = ", ".join(display(folder, limit=60) for folder in gone[:5]) + (", …" if len(gone) > 5 else "")
        yield (
            f"{len(gone):,} reports are of submissions that are no longer there ({some}): gradebook.csv marks them as "
            "gone, and they count nowhere; delete their folders, or hand in again"
        )
    if len(tally.assignments) > 1:
        several = ", ".join(display(id, limit=40) for id in sorted(tally.assignments))
        yield f"the reports are of several assignments ({several}): unless that is meant, give each an --out of its own"
