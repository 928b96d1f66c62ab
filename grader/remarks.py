"""What a report says about the submission as a whole: remarks, code that was not run, copies and conflicts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

from grader.choice import copied_from
from grader.display import display
from grader.intake import Submission
from grader.marking.rubric import Assignment
from grader.marking.verdicts import Flag
from grader.report import LeftOut
from grader.worker.protocol import CodeFile, Definitions, Outline, Trouble
from reference.handouts import HANDOUTS

__all__ = ["best_first", "change_flags", "code_left_out", "conflict_flags", "remarks_on"]


_MOST_TEXT = 120
"""Most characters shown of a line of the source."""


def best_first(
    assignment: Assignment, files: list[CodeFile], outline: Outline, preferred: Collection[str] = ()
) -> list[CodeFile]:
    """The files, with the one that the marks should rest on first.

    The ``preferred`` ones come first: they were chosen among others. Then a file with the handout's name comes before
    others, an original before its copies, and a file with many of the classes before one with few.
    """
    wanted = {network.cls for network in HANDOUTS[assignment.id].networks}
    classes = {file.path: {definition.name for definition in file.classes} & wanted for file in outline.files}
    paths = {file.path for file in files}

    def rank(file: CodeFile) -> tuple[bool, bool, bool, int, int, str]:
        path = PurePosixPath(file.path)
        has_handouts_name = any(fnmatch(path.name.lower(), pattern.lower()) for pattern in assignment.code)
        return (
            file.path not in preferred,
            not has_handouts_name,
            copied_from(file.path) in paths,
            -len(classes.get(file.path, ())),
            len(path.parts),
            file.path,
        )

    return sorted(files, key=rank)


def conflict_flags(assignment: Assignment, loading: Definitions) -> tuple[Flag, ...]:
    """A flag for each class to fill in that two of the examined files define, since only one of them was examined."""
    graded = HANDOUTS[assignment.id].to_fill_in
    return tuple(
        Flag(
            "two-candidates",
            f"{conflict.name} is defined in {' and in '.join(conflict.paths)}; "
            f"{loading.chosen.get(conflict.name, 'the first')} was examined.",
        )
        for conflict in loading.conflicts
        if conflict.name in graded
    )


def change_flags(outline: Outline, loading: Definitions) -> tuple[Flag, ...]:
    """A flag for each statement outside of a class that changes it, or torch, where the marks depend on it.

    A place that the outline reports already, for what is changed there, is not told twice.
    """
    told = {file.place(code.cell, code.line) for file in outline.files for code in file.unusual}
    flags = []
    for change in loading.changes:
        names = _listed(change.names)
        line = f"{change.place}: `{change.text}`"
        what = f"torch itself ({names})" if change.torch else names
        if change.ran:
            detail = (
                f"{line} changes {what}{'' if change.torch else ' of another file'}. The marks are for what it makes."
            )
        else:
            detail = f"{line} may change {what} and was not run: {change.reason}. The marks are without it."
        if not (change.ran and change.torch and change.place in told):
            kind = "changes-torch" if change.torch else "changes-class"
            flags.append(Flag(kind, f"{detail} Read the line before the marks go out."))
    return tuple(flags)


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def code_left_out(outline: Outline, loading: Definitions) -> tuple[LeftOut, ...]:
    """What was not run, or not as it is written. What failed comes first, since it may cost marks."""
    failed = [LeftOut(failure.place, failure.text, _came_to(failure.trouble)) for failure in loading.failures]
    changed_by_reading = [
        LeftOut(file.place(note.cell, note.line), note.text, note.reason)
        for file in outline.files
        for note in file.notes
    ]
    skipped = [LeftOut(remark.place, remark.text, remark.reason) for remark in (*loading.skipped, *loading.notes)]
    replaced = [LeftOut("import", replacement.module, replacement.reason) for replacement in loading.replacements]
    return tuple(dict.fromkeys((*failed, *changed_by_reading, *skipped, *replaced)))


def _came_to(trouble: Trouble) -> str:
    """What a definition that failed came to, as a clause."""
    if trouble.type in ("Refusal", "Stopped"):
        return trouble.text
    return f"raised {trouble.type}: {trouble.text}"


def remarks_on(submission: Submission, outline: Outline, stopped: Trouble | None) -> tuple[str, ...]:
    """Sentences about the submission as a whole: what could not be read, and what was passed over.

    ``stopped`` is what stopped the loading altogether.
    """
    remarks = [file.problem for file in submission.code if file.problem]
    remarks += [
        f"{display(file.path)} says that it is a notebook of another kernel ({file.language}); it was read as Python."
        for file in submission.code
        if file.language
    ]
    for file in outline.files:
        for problem in file.problems:
            place = f"{file.place(problem.cell, problem.line)}: {problem.message}"
            line = " ".join(problem.text.split())[:_MOST_TEXT]
            around = problem.definition
            consequence = f" It stands in {around}, which could not be examined." if around else ""
            remarks.append(f"{place}: `{line}`.{consequence}")
    if stopped is not None:
        remarks.append(f"Loading the definitions stopped: {stopped.text}.")
    return tuple(remarks)
