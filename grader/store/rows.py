"""All reports of a folder, as rows."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from grader.marking.basis import marks_part
from grader.marking.rubric import Assignment
from grader.report.rows import Row, pack, remarked, unpack
from grader.reports_folder import CACHE, REPORT
from grader.store.cache import Cache, KnownReport, is_report
from grader.store.files import StoreError, display_path, error_text, folders_in
from grader.store.keys import marks_of
from grader.store.run_file import read_seed

__all__ = ["Rows", "check_reports"]


_MOST_ALIKE = 1_000
"""Marked rows that are remembered."""


class Rows:
    """The rows of all reports in a folder, sorted by the reports' folders; a context manager.

    They are marked by ``assignments``, those of a rubric, whatever rubric the reports were marked by. They are read
    once and kept in a temporary file, so memory does not grow with their number. They can be iterated again and again,
    but not twice at the same time. ``problem`` gets a sentence about each ``report.json`` that is not one. Raises
    StoreError when there is no such folder, or when it belongs to something else.
    """

    def __init__(
        self, out: Path, problem: Callable[[str], None], assignments: Mapping[str, Assignment] | None = None
    ) -> None:
        _refuse_other_folders(out)
        folders = folders_in(out)
        self._assignments = {id: (assignment, marks_part(assignment)) for id, assignment in (assignments or {}).items()}
        self.remarked = 0
        """Reports that were marked by another rubric, so that their pages show other marks than the rows."""
        self.again: Counter[str] = Counter()
        """Reports in which a criterion must be examined again for this rubric, by the criterion's id."""
        self.gone: set[str] = set()
        """Folders of reports whose submission is no longer where it was."""
        self._alike: dict[tuple[str, str, bool, str], tuple[list[Any], tuple[str, ...]]] = {}
        self._count = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the rows)
        cache = Cache(out / CACHE)
        try:
            for folder in folders:
                self._gather(folder, cache, problem)
        except OSError as error:
            self._file.close()
            raise StoreError(
                f"the reports of {display_path(out)} cannot be gathered ({error_text(error)}): make room"
            ) from error
        finally:
            cache.close()

    def _gather(self, folder: Path, cache: Cache, problem: Callable[[str], None]) -> None:
        """Put the row of one report, if there is one, into the temporary file."""
        known = cache.find(folder)
        if known is None:
            if (folder / REPORT).exists():
                problem(f"{display_path(folder / REPORT)} is not a report of this grader, and was left out")
            return
        self._file.write(json.dumps([folder.name, self._marked(known)]).encode() + b"\n")
        self._count += 1
        if known.edited:
            problem(f"{display_path(folder / REPORT)} was changed by hand: 'grade' makes it again")
        if _is_gone(known.paths):
            self.gone.add(folder.name)

    def _marked(self, known: KnownReport) -> list[Any]:
        """The row in its short form, marked by the rubric."""
        marks = marks_of(known.row.key)
        assignment, expected = self._assignments.get(known.row.assignment, (None, marks))
        if assignment is None or not marks or marks == expected:
            return known.packed
        alike, again = self._remarked_alike(known, assignment)
        self.remarked += 1
        self.again.update(again)
        # What belongs to the one student stays; the marks, and what follows from them, are those of all with the same
        # verdicts.
        texts, points, _, criteria, *_ = alike
        own_texts, _, flags, _, *own = known.packed
        return [[*own_texts[:4], *texts[4:]], points, flags, criteria, *own]

    def _remarked_alike(self, known: KnownReport, assignment: Assignment) -> tuple[list[Any], tuple[str, ...]]:
        """The row of a report with the same verdicts, marked by the rubric and packed; and what must be examined again.

        Many submissions have the same verdicts, such as all that are right, and marking them takes long.
        """
        row = known.row
        key = (row.assignment, row.status, bool(row.flags), json.dumps(known.packed[3]))
        if key not in self._alike:
            if len(self._alike) >= _MOST_ALIKE:
                self._alike.clear()
            marked, again = remarked(row, assignment)
            self._alike[key] = pack(marked), again
        return self._alike[key]

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        for line in self._file:
            folder, packed = json.loads(line)
            yield unpack(folder, packed)

    def heads(self) -> Iterator[Row]:
        """The rows without their criteria."""
        self._file.seek(0)
        for line in self._file:
            folder, packed = json.loads(line)
            yield unpack(folder, packed, criteria_too=False)

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def check_reports(out: Path) -> None:
    """Raises StoreError when ``out`` is not a folder with reports of this grader. Nothing is written."""
    begun_by_grade = _refuse_other_folders(out)
    if not begun_by_grade and not any(map(is_report, folders_in(out))):
        raise StoreError(f"there are no reports in {display_path(out)}: name the folder that grade wrote with --out")


def _refuse_other_folders(out: Path) -> bool:
    """Raises StoreError when ``out`` is not a folder, or is something else's. Whether it has a ``run.json``."""
    seed = read_seed(out)
    if not out.is_dir():
        raise StoreError(f"there is no folder {display_path(out)}: name the one that grade wrote with --out")
    return seed is not None


def _is_gone(paths: Sequence[str]) -> bool:
    """Whether a submission was taken away from among the others.

    Where the folder that held it is gone too, they may all be somewhere else, and nothing is known.
    """
    return bool(paths) and all(not os.path.lexists(path) and Path(path).parent.is_dir() for path in paths)
