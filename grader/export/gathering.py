"""The lines of one assignment in a folder of reports, ready to be exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.export.records import Export, ExportError, HandIn, named, shown
from grader.gradebook.final import finals_of
from grader.gradebook.inputs import recall_lateness
from grader.marks.line import FinalLine, Stage
from grader.store.files import display_path
from grader.store.rows import check_reports

__all__ = ["gathered"]


def gathered(
    out: Path,
    *,
    fill: Path | None = None,
    column: str | None = None,
    assignment: str | None = None,
    problem: Callable[[str], None],
    as_they_are: bool = True,
) -> Export:
    """All that is to be exported of the reports in ``out``; ``assignment`` says which, where there are several.

    ``as_they_are``: marks that are not complete are exported too, which is said. Raises ExportError, StoreError,
    MarksError, ListError or RubricError.
    """
    check_reports(out)
    ids: set[str] = set()
    lines: list[FinalLine] = []
    hand_ins = {}
    with finals_of(out, problem) as finals:
        for row in finals.present():
            ids.add(row.assignment)
            if assignment in (None, row.assignment):
                lines += finals.lines(finals.total(row))
                hand_ins[row.id] = HandIn(row.known_as, row.submitted or "")
    if assignment is None and len(ids) > 1:
        raise ExportError(
            f"the reports are of {len(ids)} assignments: add --assignment with one of {named(sorted(ids))}"
        )
    if not lines:
        which = f" of '{shown(assignment)}'" if assignment else ""
        raise ExportError(f"there are no reports{which} in {display_path(out)}, so there is nothing to export")
    open_ones = [line.student.id for line in lines if line.stage is Stage.EXAMINED]
    if open_ones and as_they_are:
        problem(
            f"{len(open_ones):,} of {len(lines):,} marks are not complete (points or flags are open), and are exported "
            f"as they are so far: {named(open_ones)}"
        )
    lateness = recall_lateness(out, {})
    return Export(lines, out, problem, fill, column, hand_ins, lateness.due if lateness else None)
