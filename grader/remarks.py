"""What a report says about the submission as a whole: remarks, code that was not run, copies and conflicts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from grader.display import display
from grader.exam.exam import NETWORKS
from grader.intake import Submission
from grader.marking.rubric import Assignment
from grader.marking.verdicts import Flag
from grader.report import LeftOut

__all__ = ["best_first", "code_left_out", "conflict_flags", "copied_from", "old_copies", "remarks_on"]


_COPY = re.compile(r"^(?:(?:copy of|copie de|kopie von) )+|(?: *\(\d+\)|[ _-]copy ?\d*)+$", re.IGNORECASE)
_A_MINUTE = 60.0
"""Seconds. A copy may get a time of modification that is slightly later than the original's."""
_MOST_TEXT = 120
"""Most characters shown of a line of the source."""


def best_first(assignment: Assignment, files: list[dict[str, Any]], outline: dict[str, Any]) -> list[dict[str, Any]]:
    """The files, with the one that the marks should rest on first.

    A file with the handout's name comes before others, an original before its copies, and a file with many of the
    classes before one with few.
    """
    wanted = {kind.cls for kind in NETWORKS[assignment.id].values()}
    classes = {file["path"]: {written["name"] for written in file["classes"]} & wanted for file in outline["files"]}
    paths = {file["path"] for file in files}

    def rank(file: dict[str, Any]) -> tuple[bool, bool, int, int, str]:
        path = PurePosixPath(file["path"])
        has_handouts_name = any(fnmatch(path.name.lower(), pattern.lower()) for pattern in assignment.code)
        return (
            not has_handouts_name,
            copied_from(file["path"]) in paths,
            -len(classes.get(file["path"], ())),
            len(path.parts),
            file["path"],
        )

    return sorted(files, key=rank)


def copied_from(path: str) -> str | None:
    """``a2.ipynb`` for ``Copy of a2.ipynb`` and for ``a2 (1).ipynb``; None for a name that is not that of a copy."""
    file = PurePosixPath(path)
    stem = _COPY.sub("", file.stem)
    return str(file.with_name(stem + file.suffix)) if stem and stem != file.stem else None


def old_copies(submission: Submission, loading: dict[str, Any]) -> set[str]:
    """Files that are copies, by their names, of a file that was examined, and that are not newer than it."""
    modified = {file.path: file.modified for file in submission.code}
    copies = set()
    for path, time in modified.items():
        original = copied_from(path)
        if original is not None and original in loading.get("chosen", {}).values():
            originals_time = modified.get(original)
            if time is None or originals_time is None or time <= originals_time + _A_MINUTE:
                copies.add(path)
    return copies


def conflict_flags(assignment: Assignment, submission: Submission, loading: dict[str, Any]) -> tuple[Flag, ...]:
    """A flag for each class to fill in that is defined in two files, since only one of them was examined.

    Old copies do not count.
    """
    copies = old_copies(submission, loading)
    graded = {
        kind.cls for thing, kind in NETWORKS[assignment.id].items() if thing not in ("regression-cnn", "dilated-unet")
    }
    return tuple(
        Flag(
            "two-candidates",
            f"{conflict['name']} is defined in {' and in '.join(map(str, conflict['paths']))}; "
            f"{loading['chosen'].get(conflict['name'], 'the first')} was examined.",
        )
        for conflict in loading.get("conflicts", [])
        if conflict.get("name") in graded and len(set(conflict["paths"]) - copies) > 1
    )


def code_left_out(outline: dict[str, Any], loading: dict[str, Any]) -> tuple[LeftOut, ...]:
    """What was not run, or not as it is written. What failed comes first, since it may cost marks."""
    failed = [
        LeftOut(str(line.get("where", "")), str(line.get("what", "")), f"raised {line.get('type')}: {line.get('text')}")
        for line in loading.get("failed", [])
    ]
    changed_by_reading = [
        LeftOut(_place_in(file["path"], note), str(note.get("what", "")), str(note.get("why", "")))
        for file in outline.get("files", [])
        for note in file.get("notes", [])
    ]
    left_out_by_loading = [
        LeftOut(str(line.get("where", "")), str(line.get("what", "")), str(line.get("why", "")))
        for line in (*loading.get("left_out", []), *loading.get("notes", []))
    ]
    replaced_modules = [
        LeftOut("import", str(module.get("module", "")), str(module.get("why", "")))
        for module in loading.get("stood_in", [])
    ]
    return tuple(dict.fromkeys((*failed, *changed_by_reading, *left_out_by_loading, *replaced_modules)))


def remarks_on(submission: Submission, outline: dict[str, Any], loading: dict[str, Any]) -> tuple[str, ...]:
    """Sentences about the submission as a whole: what could not be read, what was passed over, what stopped it."""
    remarks = [file.problem for file in submission.code if file.problem]
    for file in outline.get("files", []):
        for problem in file["problems"]:
            place = f"{_place_in(file['path'], problem)}: {problem['message']}"
            line = " ".join(str(problem["text"]).split())[:_MOST_TEXT]
            around = problem.get("stands_in")
            consequence = f" It stands in {around}, which could not be examined." if around else ""
            remarks.append(f"{place}: `{line}`.{consequence}")
    remarks += [
        f"{display(path)} was taken for an older copy of {display(str(copied_from(path)))}, and passed over."
        for path in sorted(old_copies(submission, loading))
    ]
    if "trouble" in loading:
        remarks.append(f"Loading the definitions stopped: {loading['trouble'].get('text')}.")
    return tuple(remarks)


def _place_in(path: str, line: Mapping[str, Any]) -> str:
    """``a2.ipynb, cell 7, line 3``."""
    cell = f", cell {line['cell']}" if line.get("cell") else ""
    return f"{path}{cell}, line {line.get('line', '?')}"
