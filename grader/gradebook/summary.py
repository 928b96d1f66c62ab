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
from grader.gradebook.final import Finals, finals_of
from grader.gradebook.lateness import Lateness
from grader.gradebook.lists import Student
from grader.marks.line import Stage

if TYPE_CHECKING:
    from grader.gradebook.statistics import Statistics
    from grader.gradebook.tally import Tally
    from grader.marking.rubric import Assignment

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
    stages: Mapping[Stage, int] = field(default_factory=dict)
    """Students with a hand-in, by how far their marking is."""
    statistics: Mapping[str, Statistics] = field(default_factory=dict)
    """How each assignment went."""
    gone: int = 0
    """Reports whose submission is gone."""
    again: Mapping[str, int] = field(default_factory=dict)
    """Reports in which a criterion is open because it must be examined again for the rubric, by the criterion's id."""
    penalties: bool = False
    """Whether lateness takes points off any student."""


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

    with finals_of(out, problem, roster=roster, lateness=lateness, assignments=assignments) as finals:
        cohort = _counted(finals)
        for sentence in (*finals.people.odd(), *finals.odd(), *_odd(cohort.tally, finals.rows.gone)):
            problem(sentence)
        try:
            _write(out, finals, cohort, problem)
        except OSError as error:
            raise StoreError(
                f"the gradebook in {display(str(out), limit=300)} cannot be written ({error.strerror}): "
                "make room or change the permissions, and call 'gradebook summary' on it"
            ) from error
        return Overview(
            cohort.tally,
            finals.people.missing,
            finals.rows.remarked,
            cohort.stages,
            cohort.statistics,
            len(finals.rows.gone),
            finals.rows.again,
            cohort.penalties,
        )


@dataclass(frozen=True)
class _Cohort:
    """What all lines together say."""

    tally: Tally
    stages: Mapping[Stage, int]
    statistics: Mapping[str, Statistics]
    criteria: tuple[str, ...]
    """Ids of the criteria, in the rubric's order, one assignment after the other."""
    penalties: bool
    """Whether lateness takes points off any student."""


def _counted(finals: Finals) -> _Cohort:
    """Go through all hand-ins once."""
    from grader.gradebook.statistics import CohortStatistics
    from grader.gradebook.tally import Tally
    from grader.marks.totals import marked_row

    tally = Tally()
    stages = dict.fromkeys(Stage, 0)
    statistics = CohortStatistics({id: assignment.passing for id, assignment in finals.assignments.items()})
    criteria_of_gone: dict[str, None] = {}
    penalties = False
    for row in finals.rows:
        if row.folder in finals.rows.gone:
            criteria_of_gone |= dict.fromkeys(criterion.id for criterion in row.criteria)
            continue
        total = finals.total(row)
        tally.add(marked_row(total))
        for line in finals.lines(total):
            stages[line.stage] += 1
            statistics.add(line, finals.people)
            penalties = penalties or line.penalty > 0
    criteria = dict.fromkeys(id for assignment in tally.assignments.values() for id in assignment.criteria)
    return _Cohort(tally, stages, statistics.assignments, tuple(criteria | criteria_of_gone), penalties)


def _write(out: Path, finals: Finals, cohort: _Cohort, problem: Callable[[str], None]) -> None:
    """Both files of the gradebook. Raises OSError."""
    from grader.gradebook.as_index import to_index
    from grader.store.files import atomic_file_keeping_edits

    people = finals.people
    lateness = people.lateness

    def edited(sentence: str) -> None:
        problem(f"{sentence}{_offer(out / _GRADEBOOK, finals)}")

    with atomic_file_keeping_edits(out / _GRADEBOOK, edited) as file:
        write_csv(file, finals, cohort.criteria)
    with atomic_file_keeping_edits(out / "index.html", problem) as file:
        page = to_index(
            finals.present(),
            cohort.tally,
            rubric=finals.assignments,
            name_of=people.name,
            missing=[(student.id, student.name) for student in people.missing],
            doubtful=[(student.id, student.name, reports) for student, reports in people.doubtful],
            lines_of=lambda row: finals.lines(finals.total(row)),
            stages=cohort.stages,
            statistics=cohort.statistics,
            late_rule=None if lateness is None else lambda assignment: str(lateness.rule_of(assignment)),
        )
        for piece in page:
            file.write(piece.encode())


def _offer(edited: Path, finals: Finals) -> str:
    """What of an edited gradebook can be taken in, as the end of a sentence; empty where nothing can."""
    from grader.gradebook.lists import ListError
    from grader.gradebook.marks_file import MarksFileError, read_marks

    try:
        count = len(read_marks(edited, finals, reason="edited").entries)
    except MarksFileError as fault:
        count = len(fault.problems)
    except ListError:
        count = 0
    return f"; {count:,} marks were typed into it: 'gradebook marks' takes them from that copy" if count else ""


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
