"""One line for each hand-in, where a target wants a submission and not a student."""

from __future__ import annotations

from collections.abc import Iterator

from grader.export.records import Export, named
from grader.marks.line import FinalLine

__all__ = ["hand_ins"]


def hand_ins(export: Export) -> Iterator[FinalLine]:
    """The first line of each hand-in. Of a group whose members have different marks, the highest one."""
    lines: dict[str, FinalLine] = {}
    differing: dict[str, None] = {}
    for line in export.lines:
        first = lines.setdefault(line.folder, line)
        if first.mark != line.mark:
            differing[line.hand_in] = None
            lines[line.folder] = max(first, line, key=lambda each: each.mark)
    if differing:
        export.problem(
            f"in {len(differing):,} groups the members have different marks, and a file for the whole hand-in has the "
            f"highest: {named(list(differing))}"
        )
    yield from lines.values()
