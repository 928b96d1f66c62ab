"""The reports' own files, made again after a change of the rubric, of the evidence that is in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.examined import remarked
from grader.marking.basis import marks_part
from grader.marking.rubric import Rubric
from grader.report.files import rendered
from grader.store.folder import Store
from grader.store.keys import marks_of, with_marks

__all__ = ["make_pages"]


def make_pages(out: Path, rubric: Rubric, problem: Callable[[str], None]) -> int:
    """Write the files of each report in ``out`` that shows the marks of another rubric. Returns how many there were.

    A report in which something must be examined again is left as it is; so is one that a person edited. ``problem``
    gets a sentence about each file whose edited copy is kept. Raises StoreError.
    """
    marks = {id: marks_part(assignment) for id, assignment in rubric.assignments.items()}
    made = 0
    with Store(out) as store:
        for found, known in store.all():
            row = known.row
            if known.edited or not marks_of(row.key) or marks_of(row.key) == marks.get(row.assignment, ""):
                continue
            old = store.read(found) if row.assignment in marks else None
            if old is None:
                continue
            report, again = remarked(old, rubric)
            if not again:
                key = with_marks(row.key, marks[row.assignment])
                for sentence in store.save(found, rendered(report, key=key, folder=found.folder), known.sources):
                    problem(sentence)
                made += 1
    return made
