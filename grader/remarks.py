"""What a report says about the submission as a whole: remarks, code that was not run, copies and conflicts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.detect import Detected
from grader.display import display
from grader.intake import Submission
from grader.marking.rubric import Assignment
from grader.marking.verdicts import Flag, Verdict
from grader.report import LeftOut
from grader.worker.protocol import CodeFile, Definitions, Outline, Trouble
from reference.handouts import HANDOUTS

__all__ = ["Examined", "best_first", "code_left_out", "conflict_flags", "remarks_on"]


@dataclass(frozen=True)
class Examined:
    """What the examination of one submission brought."""

    detected: Detected
    verdicts: list[Verdict]
    outline: Outline
    loading: Definitions
    flags: tuple[Flag, ...]
    stopped: Trouble | None = None
    """What stopped the loading altogether."""
    gradable: bool = True


def best_first(assignment: Assignment, files: list[CodeFile], outline: Outline) -> list[CodeFile]:
    """The file that the marks should rest on first: named as the handout asks, then with most of the classes."""
    from fnmatch import fnmatch

    wanted = {network.cls for network in HANDOUTS[assignment.id].networks}
    classes = {file.path: {definition.name for definition in file.classes} & wanted for file in outline.files}
    paths = {file.path for file in files}

    def rank(file: CodeFile) -> tuple[bool, bool, int, int, str]:
        path = PurePosixPath(file.path)
        named = any(fnmatch(path.name.lower(), pattern.lower()) for pattern in assignment.code)
        return (
            not named,
            _copied_from(file.path) in paths,
            -len(classes.get(file.path, ())),
            len(path.parts),
            file.path,
        )

    return sorted(files, key=rank)


_COPY = re.compile(r"^(?:(?:copy of|copie de|kopie von) )+|(?: *\(\d+\)|[ _-]copy ?\d*)+$", re.IGNORECASE)
_A_MINUTE = 60.0


def _copied_from(path: str) -> str | None:
    """``a2.ipynb`` of ``Copy of a2.ipynb`` and ``a2 (1).ipynb``; None for a name that speaks of no copy."""
    file = PurePosixPath(path)
    stem = _COPY.sub("", file.stem)
    return str(file.with_name(stem + file.suffix)) if stem and stem != file.stem else None


def _old_copies(submission: Submission, loading: Definitions) -> set[str]:
    """Files that are copies, by their names, of a file that was examined, and not newer than that."""
    changed = {file.path: file.modified for file in submission.code}
    copies = set()
    for path, when in changed.items():
        original = _copied_from(path)
        if original is not None and original in loading.chosen.values():
            since = changed.get(original)
            if when is None or since is None or when <= since + _A_MINUTE:
                copies.add(path)
    return copies


def conflict_flags(assignment: Assignment, submission: Submission, loading: Definitions) -> tuple[Flag, ...]:
    """A flag for each class to fill in that stands in two files, since only one of them was examined; old copies are
    none."""
    copies = _old_copies(submission, loading)
    graded = HANDOUTS[assignment.id].to_fill_in
    return tuple(
        Flag(
            "two-candidates",
            f"{conflict.name} is defined in {' and in '.join(conflict.paths)}; "
            f"{loading.chosen.get(conflict.name, 'the first')} was examined.",
        )
        for conflict in loading.conflicts
        if conflict.name in graded and len(set(conflict.paths) - copies) > 1
    )


def code_left_out(outline: Outline, loading: Definitions) -> tuple[LeftOut, ...]:
    """What was not run, or not as it stands: first what failed, since that may cost marks."""
    failed = [
        LeftOut(failure.place, failure.text, f"raised {failure.trouble.type}: {failure.trouble.text}")
        for failure in loading.failures
    ]
    read = [
        LeftOut(file.place(note.cell, note.line), note.text, note.reason)
        for file in outline.files
        for note in file.notes
    ]
    ran = [LeftOut(remark.place, remark.text, remark.reason) for remark in (*loading.skipped, *loading.notes)]
    replaced = [LeftOut("import", replacement.module, replacement.reason) for replacement in loading.replacements]
    return tuple(dict.fromkeys((*failed, *read, *ran, *replaced)))


def remarks_on(submission: Submission, examined: Examined) -> tuple[str, ...]:
    told = [file.problem for file in submission.code if file.problem]
    for file in examined.outline.files:
        for problem in file.problems:
            stands = f" It stands in {problem.definition}, which could not be examined." if problem.definition else ""
            told.append(
                f"{file.place(problem.cell, problem.line)}: {problem.message}: "
                f"`{' '.join(problem.text.split())[:120]}`.{stands}"
            )
    told += [
        f"{display(path)} was taken for an older copy of {display(str(_copied_from(path)))}, and passed over."
        for path in sorted(_old_copies(submission, examined.loading))
    ]
    if examined.stopped is not None:
        told.append(f"Loading the definitions stopped: {examined.stopped.text}.")
    return tuple(told)
