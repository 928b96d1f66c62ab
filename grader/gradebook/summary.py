"""All reports of a folder as ``gradebook.csv`` and ``index.html``.

The CSV is UTF-8 without a byte order mark. Excel would like one, but scripts and the import forms of learning platforms
come first: they would read the mark as part of the first heading, and would not find ``id``. In Excel, open the file by
*Data, From Text/CSV*. Torch is never imported.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from grader.display import display
from grader.gradebook.as_csv import write_csv
from grader.gradebook.inputs import recall_lateness, recall_picks, recall_roster, recall_rubric
from grader.gradebook.lateness import Lateness
from grader.gradebook.lists import Student
from grader.gradebook.roster import People

if TYPE_CHECKING:
    from grader.gradebook.as_index import Late
    from grader.gradebook.tally import Tally
    from grader.marking.rubric import Assignment
    from grader.report.rows import Row
    from grader.store.rows import Rows

__all__ = ["Overview", "has_gradebook", "summarise"]


_GRADEBOOK = "gradebook.csv"
_MOST_FOLDERS = 5
"""Folders that one sentence names."""


@dataclass(frozen=True)
class Overview:
    """What a gradebook shows as a whole."""

    tally: Tally
    missing: tuple[Student, ...]
    """Those of the roster without a report."""
    behind: int = 0
    """Reports whose own pages show the marks of another rubric than the gradebook."""
    again: Mapping[str, int] = field(default_factory=dict)
    """Reports in which a criterion is open because it must be examined again for the rubric, by the criterion's id."""


def has_gradebook(out: Path) -> bool:
    """Whether ``out`` has the reports of a cohort, and not of single submissions alone."""
    return (out / _GRADEBOOK).exists()


def summarise(
    out: Path,
    *,
    roster: Sequence[Student] | None = None,
    lateness: Lateness | None = None,
    assignments: Mapping[str, Assignment] | None = None,
    problem: Callable[[str], None],
) -> Overview:
    """Write ``gradebook.csv`` and ``index.html`` over all reports in ``out``, each whole or not at all.

    ``roster``, ``lateness`` and ``assignments`` (the rubric's) are those that ``out`` remembers, unless they are given.
    Memory does not grow with the number of reports, except for the roster. ``problem`` gets a sentence about everything
    that is odd about a report or a list, and about each of the two files that a person edited; a copy of that is kept
    beside it. Reports whose submission is gone are marked in the CSV and do not count. Raises StoreError; and ListError
    or RubricError where what ``out`` remembers was damaged.
    """
    from grader.store.files import StoreError
    from grader.store.rows import Rows

    assignments = recall_rubric(out).assignments if assignments is None else assignments
    roster = recall_roster(out) if roster is None else roster
    lateness = recall_lateness(out, assignments) if lateness is None else lateness
    with Rows(out, problem, assignments) as rows:
        cohort = _counted(rows, People(roster, lateness, recall_picks(out)))
        for sentence in (*cohort.people.odd(), *_odd(cohort.tally, rows.gone)):
            problem(sentence)
        try:
            _write(out, rows, cohort, assignments, problem)
        except OSError as error:
            raise StoreError(
                f"the gradebook in {display(str(out), limit=300)} cannot be written ({error.strerror}): "
                "make room or change the permissions, and call 'gradebook summary' on it"
            ) from error
        return Overview(cohort.tally, cohort.people.missing, rows.remarked, rows.again)


@dataclass(frozen=True)
class _Cohort:
    """What all rows together say."""

    tally: Tally
    people: People
    criteria: tuple[str, ...]
    """Ids of the criteria, in the rubric's order, one assignment after the other."""


def _counted(rows: Rows, people: People) -> _Cohort:
    """Go through all rows once."""
    from grader.gradebook.tally import Tally

    tally = Tally()
    criteria_of_gone: dict[str, None] = {}
    for row in rows:
        if row.folder in rows.gone:
            criteria_of_gone |= dict.fromkeys(criterion.id for criterion in row.criteria)
        else:
            tally.add(row)
            people.meet(row)
    criteria = dict.fromkeys(id for assignment in tally.assignments.values() for id in assignment.criteria)
    return _Cohort(tally, people, tuple(criteria | criteria_of_gone))


def _write(
    out: Path, rows: Rows, cohort: _Cohort, assignments: Mapping[str, Assignment], problem: Callable[[str], None]
) -> None:
    """Both files of the gradebook. Raises OSError."""
    from grader.gradebook.as_index import to_index
    from grader.store.files import atomic_file_keeping_edits

    people = cohort.people
    with atomic_file_keeping_edits(out / _GRADEBOOK, problem) as file:
        write_csv(file, rows, cohort.criteria, people=people, gone=rows.gone)
    with atomic_file_keeping_edits(out / "index.html", problem) as file:
        page = to_index(
            _Present(rows),
            cohort.tally,
            rubric=assignments,
            name_of=people.name,
            missing=[(student.id, student.name) for student in people.missing],
            doubtful=[(student.id, student.name, reports) for student, reports in people.doubtful],
            late_of=None if people.lateness is None else lambda row: _late(people, row),
            late_rule=lambda assignment: "" if people.lateness is None else str(people.lateness.rule_of(assignment)),
        )
        for piece in page:
            file.write(piece.encode())


def _late(people: People, row: Row) -> Late | None:
    """How late a submission was, and what that costs; None where it was not late."""
    from grader.gradebook.as_index import Late

    hours = people.hours(row.id)
    return None if hours is None else Late(hours, people.penalty(row))


class _Present:
    """The reports whose submission still exists. It can be iterated again and again."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        return (row for row in self._rows if row.folder not in self._rows.gone)


def _odd(tally: Tally, gone: Collection[str]) -> Iterator[str]:
    """Sentences about the reports as a whole."""
    if gone:
        named = sorted(gone)[:_MOST_FOLDERS]
        folders = ", ".join(display(folder, limit=60) for folder in named) + (", …" if len(gone) > len(named) else "")
        yield (
            f"{len(gone):,} reports are of submissions that are no longer there ({folders}): gradebook.csv marks them "
            "as gone, and they do not count; delete their folders, or hand in again"
        )
    if len(tally.assignments) > 1:
        ids = ", ".join(display(id, limit=40) for id in sorted(tally.assignments))
        yield (
            f"the reports are of several assignments ({ids}): unless that is intended, give each an --out of its own"
        )
