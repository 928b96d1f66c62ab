"""Files that hold nothing but what most of a cohort has: the course's starter, handed in beside the solution.

The starter that comes with the grader is not every course's. What a course handed out, most students still have: the
lines that they did not have to change. So a file whose classes have such lines alone is the starter, if the student has
another file with more. Such files never decide a mark by themselves; they only lose against the other file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from grader.cohort.majority import names_of
from grader.intake import CodeFile, Found, read
from grader.intake.archives import is_archive
from grader.intake.class_lines import class_lines, without_placeholders
from grader.intake.nodes import is_code
from reference.handouts import HANDOUTS

__all__ = ["with_the_cohorts_starters"]

_SAMPLE = 60
"""Submissions that are asked what most have, evenly spread over the cohort."""
_FEWEST = 3
"""Submissions that make a cohort."""
_SHARE = 0.75
"""A starter has at most this share of the lines of the file that was made from it."""
_CLASSES = sorted({name for handout in HANDOUTS.values() for name in handout.to_fill_in})


def with_the_cohorts_starters(submissions: Sequence[Found]) -> list[Found]:
    """The same submissions; those with several files of code know which of these are the starter."""
    with_code = [found for found in submissions if _files(found)]
    several = {found.id for found in with_code if _files(found) > 1}
    if not several or len(with_code) < _FEWEST:
        return [*submissions]
    step = -(-len(with_code) // _SAMPLE)
    sample = [_lines_of(read(found).code) for found in with_code[::step]]
    counts = Counter(line for files in sample for line in _all_lines(files))
    common = frozenset(line for line, count in counts.items() if 2 * count > len(sample))
    return [
        replace(found, starters=_starters(_lines_of(read(found).code), common)) if found.id in several else found
        for found in submissions
    ]


def _files(found: Found) -> int:
    """How many files of code a submission has, by their names. What is in an archive counts as several, unseen."""
    if found.inside:
        return 2
    return sum(2 if is_archive(name) else is_code(name) for name in names_of(found))


Lines = dict[str, frozenset[str]]
"""By class: the lines that say something of their own."""


def _lines_of(code: Iterable[CodeFile]) -> dict[str, Lines]:
    """By path: the lines of the classes that a student writes."""
    files = {
        file.path: {name: without_placeholders(class_lines(file.cells, name)) for name in _CLASSES} for file in code
    }
    return {path: {name: own for name, own in lines.items() if own} for path, lines in files.items()}


def _all_lines(files: dict[str, Lines]) -> frozenset[str]:
    return frozenset().union(*(own for lines in files.values() for own in lines.values()))


def _starters(files: dict[str, Lines], common: frozenset[str]) -> tuple[str, ...]:
    """The paths of files that most have, and from which another file was made."""
    return tuple(
        path
        for path, lines in sorted(files.items())
        if lines
        and all(own <= common for own in lines.values())
        and any(_was_made_from(other, lines) for other in files.values())
    )


def _was_made_from(lines: Lines, starter: Lines) -> bool:
    """Whether a file has the starter's classes with more in them."""
    before = sum(len(own) for own in starter.values())
    return lines.keys() >= starter.keys() and before <= _SHARE * sum(len(lines[name]) for name in starter)
