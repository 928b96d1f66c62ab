"""What most of a cohort hands in, for those of it who handed in no code: a write-up alone fits several assignments.

File names alone are looked at, so that a resumed run decides as the first did, in whatever order submissions come. Only
submissions without code carry the decision, so nobody else is graded again when it changes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from grader.detect import detect
from grader.intake import Found
from grader.intake.archives import is_archive
from grader.intake.nodes import is_code, is_junk
from grader.marking.rubric import Assignment
from grader.worker.protocol import Outline

__all__ = ["with_the_cohorts_assignment"]


_MOST_NAMES = 2_000


def with_the_cohorts_assignment(found: Sequence[Found], assignments: Mapping[str, Assignment]) -> list[Found]:
    """The same, those without code with the assignment that more than half of the others' file names tell, if any."""
    votes: Counter[str] = Counter()
    without: list[int] = []
    for place, one in enumerate(found):
        names = [*_names(one)]
        code = [name for name in names if is_code(name)]
        if code:
            told = detect(assignments, code, Outline())
            votes[told.assignment] += told.sure
        elif not any(map(is_archive, names)):
            without.append(place)
    ((most, count),) = votes.most_common(1) or [("", 0)]
    decided = [*found]
    if 2 * count > votes.total():
        for place in without:
            decided[place] = replace(decided[place], assignment=most)
    return decided


def _names(found: Found) -> Iterator[str]:
    """Names of its files, as they were handed in; what cannot be read has none."""
    count = 0
    for number, source in enumerate(found.sources):
        inside = found.inside[number] if found.inside else ""
        if inside or not source.is_dir():
            yield (found.names[number] if found.names else "") or PurePosixPath(inside).name or source.name
            continue
        for _, folders, files in os.walk(source):
            folders[:] = [name for name in folders if not is_junk(name, folder=True)]
            yield from files
            count += len(files) + len(folders)
            if count > _MOST_NAMES:
                break
