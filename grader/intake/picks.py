"""Whether the files that a person picked are there."""

from __future__ import annotations

from collections.abc import Iterator

from grader.display import display
from grader.intake.attempts import is_picked
from grader.intake.names import encodable
from grader.intake.reading import read
from grader.intake.records import Findings, Found
from grader.suggest import did_you_mean

__all__ = ["why_not_picked"]

_MOST_NAMED = 8
"""Files that a sentence names."""


def why_not_picked(findings: Findings) -> Iterator[tuple[frozenset[str], str]]:
    """For each pick that cannot be followed: what its student may be called, and a sentence without a full stop.

    The submissions of picked students are read.
    """
    ids = [found.id for found in findings.found]
    for student in findings.strangers:
        hint = did_you_mean(student, ids, otherwise="use an id as the gradebook has it")
        yield (
            frozenset({student.casefold()}),
            f"a file was picked for '{display(student)}', who has no submission here: {hint}",
        )
    for found in findings.found:
        if found.picks:
            yield from ((found.keys, reason) for reason in _why_not(found))


def _why_not(found: Found) -> Iterator[str]:
    code = read(found).code
    uploads = {encodable(source.name) for source in found.sources} | {inside.split("/")[-1] for inside in found.inside}
    for pick in found.picks:
        files = [file for file in code if is_picked(file.path, pick)]
        what = f"'{display(pick)}' was picked for {display(found.id)}"
        if not files and pick not in uploads:
            names = [display(file.path, limit=80) for file in code[:_MOST_NAMED]]
            names += ["…"] if len(code) > _MOST_NAMED else []
            there = f"there are {', '.join(names)}" if names else "there is no code"
            yield f"{what}, but is not among the code handed in: {there}"
        for file in files:
            if file.problem:
                yield f"{what}, but cannot be read: {file.problem.rstrip('.')}"
