"""The assignment that most of a cohort hands in, for those who handed in no code: a write-up alone fits several.

Only file names are examined, so a resumed run decides as the first run did, in whatever order submissions come. Only
submissions without code get the decision, so no others are graded again when it changes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from grader.detect import detect
from grader.intake import Found
from grader.intake.archives import is_archive
from grader.intake.nodes import is_code, is_junk
from grader.marking.rubric import Assignment
from grader.worker.protocol import Outline

__all__ = ["names_of", "with_the_cohorts_assignment"]


_MOST_NAMES = 2_000
"""Names of one submission after which no further folder is searched."""


def with_the_cohorts_assignment(submissions: Sequence[Found], assignments: Mapping[str, Assignment]) -> list[Found]:
    """The same submissions; those without code get the assignment of the majority, if there is one.

    A majority is more than half of the submissions with code whose file names decide their assignment.
    """
    votes: Counter[str] = Counter()
    without_code: list[int] = []
    for place, found in enumerate(submissions):
        names = [*names_of(found)]
        code = [name for name in names if is_code(name)]
        if code:
            detected = detect(assignments, code, Outline())
            votes[detected.assignment] += detected.sure
        elif not any(map(is_archive, names)):
            without_code.append(place)
    ((commonest, count),) = votes.most_common(1) or [("", 0)]
    decided = [*submissions]
    if 2 * count > votes.total():
        for place in without_code:
            decided[place] = replace(decided[place], assignment=commonest)
    return decided


def names_of(found: Found) -> Iterator[str]:
    """Names of a submission's files. A folder that cannot be read has none."""
    count = 0
    for number, source in enumerate(found.sources):
        inside = found.inside[number] if found.inside else ""
        if inside or not source.is_dir():
            yield (found.names[number] if found.names else "") or PurePosixPath(inside).name or source.name
            continue
        for files, entries in _walk(source):
            yield from files
            count += entries
            if count > _MOST_NAMES:
                break


def _walk(folder: Path) -> Iterator[tuple[list[str], int]]:
    """The names of the files in each folder below, and the number of its entries; folders of junk are passed over."""
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_junk(name, folder=True)]
        yield files, len(files) + len(folders)
