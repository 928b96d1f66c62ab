"""What a report says about the submission as a whole: remarks, code that was not run, copies and conflicts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from grader.detect import Detected
from grader.display import display
from grader.intake import Submission
from grader.marking.rubric import Assignment
from grader.marking.verdicts import Flag, Verdict
from grader.report import LeftOut
from reference.handouts import HANDOUTS

__all__ = ["Examined", "best_first", "code_left_out", "conflict_flags", "remarks_on"]


@dataclass(frozen=True)
class Examined:
    """What the examination of one submission brought."""

    detected: Detected
    verdicts: list[Verdict]
    outline: dict[str, Any]
    loading: dict[str, Any]
    flags: tuple[Flag, ...]
    gradable: bool = True


def best_first(assignment: Assignment, files: list[dict[str, Any]], outline: dict[str, Any]) -> list[dict[str, Any]]:
    """The file that the marks should rest on first: named as the handout asks, then with most of the classes."""
    from fnmatch import fnmatch

    wanted = {network.cls for network in HANDOUTS[assignment.id].networks}
    classes = {file["path"]: {written["name"] for written in file["classes"]} & wanted for file in outline["files"]}

    paths = {file["path"] for file in files}

    def rank(file: dict[str, Any]) -> tuple[bool, bool, int, int, str]:
        path = PurePosixPath(file["path"])
        named = any(fnmatch(path.name.lower(), pattern.lower()) for pattern in assignment.code)
        return (
            not named,
            _copied_from(file["path"]) in paths,
            -len(classes.get(file["path"], ())),
            len(path.parts),
            file["path"],
        )

    return sorted(files, key=rank)


_COPY = re.compile(r"^(?:(?:copy of|copie de|kopie von) )+|(?: *\(\d+\)|[ _-]copy ?\d*)+$", re.IGNORECASE)
_A_MINUTE = 60.0


def _copied_from(path: str) -> str | None:
    """``a2.ipynb`` of ``Copy of a2.ipynb`` and ``a2 (1).ipynb``; None for a name that speaks of no copy."""
    file = PurePosixPath(path)
    stem = _COPY.sub("", file.stem)
    return str(file.with_name(stem + file.suffix)) if stem and stem != file.stem else None


def _old_copies(submission: Submission, loading: dict[str, Any]) -> set[str]:
    """Files that are copies, by their names, of a file that was examined, and not newer than that."""
    changed = {file.path: file.modified for file in submission.code}
    copies = set()
    for path, when in changed.items():
        original = _copied_from(path)
        if original is not None and original in loading.get("chosen", {}).values():
            since = changed.get(original)
            if when is None or since is None or when <= since + _A_MINUTE:
                copies.add(path)
    return copies


def conflict_flags(assignment: Assignment, submission: Submission, loading: dict[str, Any]) -> tuple[Flag, ...]:
    """A flag for each class to fill in that stands in two files, since only one of them was examined; old copies are
    none."""
    copies = _old_copies(submission, loading)
    graded = HANDOUTS[assignment.id].to_fill_in
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
    """What was not run, or not as it stands: first what failed, since that may cost marks."""
    failed = [
        LeftOut(str(one.get("where", "")), str(one.get("what", "")), f"raised {one.get('type')}: {one.get('text')}")
        for one in loading.get("failed", [])
    ]
    read = [
        LeftOut(_place_in(file["path"], note), str(note.get("what", "")), str(note.get("why", "")))
        for file in outline.get("files", [])
        for note in file.get("notes", [])
    ]
    ran = [
        LeftOut(str(one.get("where", "")), str(one.get("what", "")), str(one.get("why", "")))
        for one in (*loading.get("left_out", []), *loading.get("notes", []))
    ]
    stood = [
        LeftOut("import", str(one.get("module", "")), str(one.get("why", ""))) for one in loading.get("stood_in", [])
    ]
    return tuple(dict.fromkeys((*failed, *read, *ran, *stood)))


def _place_in(path: str, line: Mapping[str, Any]) -> str:
    """``a2.ipynb, cell 7, line 3``."""
    cell = f", cell {line['cell']}" if line.get("cell") else ""
    return f"{path}{cell}, line {line.get('line', '?')}"


def remarks_on(submission: Submission, examined: Examined) -> tuple[str, ...]:
    told = [file.problem for file in submission.code if file.problem]
    for file in examined.outline.get("files", []):
        for problem in file["problems"]:
            stands = (
                f" It stands in {problem['stands_in']}, which could not be examined."
                if problem.get("stands_in")
                else ""
            )
            told.append(
                f"{_place_in(file['path'], problem)}: {problem['message']}: "
                f"`{' '.join(str(problem['text']).split())[:120]}`.{stands}"
            )
    told += [
        f"{display(path)} was taken for an older copy of {display(str(_copied_from(path)))}, and passed over."
        for path in sorted(_old_copies(submission, examined.loading))
    ]
    if "trouble" in examined.loading:
        told.append(f"Loading the definitions stopped: {examined.loading['trouble'].get('text')}.")
    return tuple(told)
