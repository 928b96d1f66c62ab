"""How long a report may get, whatever was handed in: its lists and texts are cut, and sentences say what was left out.

Each list has its share of the space. What a character takes is counted as the form of the report that needs most for
it writes it: JSON has ASCII alone, and HTML writes the signs of markup as words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from grader.marking.evidence import Evidence
from grader.report import Report
from grader.report.summary import bounded

__all__ = ["MOST_BYTES", "fitted", "without_evidence"]

MOST_BYTES = 1_000_000
"""Bytes of the three files of a report together."""
_FILES, _LEFT_OUT, _REMARKS, _FLAGS, _CHOICE = 60_000, 40_000, 40_000, 40_000, 15_000
"""Space for the entries of each list."""
_TEXT = 2_000
"""Space for one text in a list, and for what a sentence names."""
_OUTPUT = 40_000
"""Space for what the code printed."""
_FEEDBACK = 1_500
"""Space for the feedback on a criterion, where a report is too long without its evidence too."""

Entry = TypeVar("Entry")


def fitted(report: Report) -> Report:
    """The report with as much of each list as has room, and with a remark on what has not."""
    files, more_files = _first(report.files, lambda file: [file.path, file.sha256], _FILES)
    code_files, _ = _first(report.code_files, lambda path: [path], _CHOICE)
    left_out, more_left_out = _first(report.left_out, lambda item: [item.where, item.what, item.why], _LEFT_OUT)
    remarks, more_remarks = _first(report.remarks, lambda remark: [remark], _REMARKS)
    flags, more_flags = _first(report.flags, lambda flag: [flag.kind, flag.detail], _FLAGS)
    counts = {
        "files": more_files,
        "lines that were not run": more_left_out,
        "remarks": more_remarks,
        "flags": more_flags,
    }
    said = tuple(
        f"{count:,} more {what} are not listed here: a report has room for so many."
        for what, count in counts.items()
        if count
    )
    return dataclasses.replace(
        report,
        files=files,
        code_files=code_files,
        left_out=left_out,
        flags=flags,
        remarks=(*remarks, *said),
        choice=_first(report.choice, lambda sentence: [sentence], _CHOICE)[0],
        detected=_cut(report.detected, _TEXT),
        output=_cut(report.output, _OUTPUT),
    )


def without_evidence(report: Report) -> Report:
    """The report with nothing but a short feedback on each criterion."""
    marks = tuple(
        dataclasses.replace(mark, evidence=Evidence(), feedback=_cut(mark.feedback, _FEEDBACK), flags=())
        for mark in report.sheet.marks
    )
    remark = "The evidence is left out: with it, this report would be longer than a report may be."
    sheet = dataclasses.replace(report.sheet, marks=marks)
    return dataclasses.replace(report, sheet=sheet, remarks=(*report.remarks, remark))


def _first(
    entries: Sequence[Entry], texts: Callable[[Entry], Iterable[str]], space: int
) -> tuple[tuple[Entry, ...], int]:
    """As many of the entries as have room, and how many have not. One that is very long has none."""
    kept: list[Entry] = []
    for entry in entries:
        needed = sum(_space(text[: space + 1]) for text in texts(entry))
        if needed <= space:
            space -= needed
            kept.append(entry)
        if space < _TEXT // 20:
            break
    return tuple(kept), len(entries) - len(kept)


def _space(text: str) -> int:
    return len(text.encode("unicode_escape")) + 5 * sum(map(text.count, "&<>\"'`\\"))


def _cut(text: str, space: int) -> str:
    """The text, cut so that it has room."""
    characters = space
    while _space(text) > space and characters > 100:
        text = bounded(text[: 4 * space], characters)
        characters = characters * 2 // 3
    return text
