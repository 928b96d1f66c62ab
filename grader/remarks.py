"""What a report says about the submission as a whole: remarks, code that was not run, copies and conflicts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import PurePosixPath

from grader import intake
from grader.choice import copied_from
from grader.display import display
from grader.intake import Submission
from grader.marking.rubric import Assignment
from grader.marking.verdicts import Flag
from grader.report import LeftOut
from grader.worker.protocol import CodeFile, Definitions, Outline, Trouble
from reference.handouts import HANDOUTS

__all__ = [
    "appearance_flags",
    "best_first",
    "code_left_out",
    "conflict_flags",
    "not_python",
    "remarks_on",
    "unreadable_flags",
]


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


def appearance_flags(files: Iterable[intake.CodeFile], outline: Outline, missing: Collection[str]) -> tuple[Flag, ...]:
    """Flags for files that are not as a student meant to hand them in: saved as a web page, or cut off.

    ``missing`` are the classes that the student should have written and that no file has whole.
    """
    texts = {file.path: file.cells[-1].source for file in files if file.path.lower().endswith(".py")}
    flags = []
    for entry in outline.files:
        path = display(entry.path, limit=100)
        if entry.web_page:
            detail = f"{path} is source that a browser saved as a web page; the code in it was read."
            flags.append(Flag("web-page", f"{detail} Hand in the .py or .ipynb itself."))
        text = texts.get(entry.path, "\n")
        lines = text.rstrip().split("\n")
        end = f"its last line is {len(lines)}, `{display(lines[-1].strip(), limit=_MOST_TEXT)}`"
        if entry.breaks_off is not None:
            detail = f"{path} breaks off before a statement is complete: {end}."
            flags.append(Flag("cut-off", f"{detail} If the file was cut off, hand it in again."))
        elif missing and not text.endswith("\n") and lines[-1][:1].isspace():
            names = " and ".join(sorted(missing))
            detail = f"{path} may be cut off: {end}, without a line end, and {names} is not there as a whole."
            flags.append(Flag("cut-off", f"{detail} If it was cut off, hand it in again."))
    return tuple(flags)


def not_python(submission: Submission, outline: Outline) -> tuple[Submission, tuple[Flag, ...]]:
    """The submission, in which what looks like no Python is a file with a problem; and a flag for each such file."""
    strange = {entry.path: entry.web_page for entry in outline.files if not entry.python}
    code = tuple(
        replace(file, cells=(), problem=_why_not_python(file, strange[file.path])) if file.path in strange else file
        for file in submission.code
    )
    flags = (Flag("not-python", f"{file.problem} A person must look at it.") for file in code if file.path in strange)
    return replace(submission, code=code), tuple(flags)


def unreadable_flags(submission: Submission) -> tuple[Flag, ...]:
    """A flag for each file of code that could not be read, unless it is empty: it may be the one that counts."""
    empty = {file.path for file in submission.files if not file.bytes}
    unread = (file for file in submission.code if file.problem and file.path not in empty)
    return tuple(Flag("unreadable", str(file.problem)) for file in unread)


def _why_not_python(file: intake.CodeFile, web_page: bool) -> str:
    path = display(file.path, limit=100)
    if web_page:
        return f"{path} is an export, a web page without Python in it: hand in the .py or .ipynb that it was made from."
    lines = [line.strip() for cell in file.cells for line in cell.source.split("\n")]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if not first:
        return f"{path} has comments alone, and no statement of Python: hand in the code itself."
    shown = display(first, limit=_MOST_TEXT)
    return f"{path} looks like no Python at all, it begins with `{shown}`: hand in the code itself."


def code_left_out(outline: Outline, loading: Definitions) -> tuple[LeftOut, ...]:
    """What was not run, or not as it is written. What failed comes first, since it may cost marks."""
    failed = [
        LeftOut(failure.place, failure.text, f"raised {failure.trouble.type}: {failure.trouble.text}")
        for failure in loading.failures
    ]
    changed_by_reading = [
        LeftOut(file.place(note.cell, note.line), note.text, note.reason)
        for file in outline.files
        for note in file.notes
    ]
    skipped = [LeftOut(remark.place, remark.text, remark.reason) for remark in (*loading.skipped, *loading.notes)]
    replaced = [LeftOut("import", replacement.module, replacement.reason) for replacement in loading.replacements]
    return tuple(dict.fromkeys((*failed, *changed_by_reading, *skipped, *replaced)))


def remarks_on(submission: Submission, outline: Outline, stopped: Trouble | None) -> tuple[str, ...]:
    """Sentences about the submission as a whole: what could not be read, and what was passed over.

    ``stopped`` is what stopped the loading altogether.
    """
    remarks = [file.problem for file in submission.code if file.problem]
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
