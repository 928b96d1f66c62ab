"""Files that are not as a student meant to hand them in: no Python, a web page, cut off, unreadable."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from grader.display import display
from grader.intake import CodeFile, Submission
from grader.marking.verdicts import Flag
from grader.worker.protocol import Outline

__all__ = ["appearance_flags", "not_python", "unreadable_flags"]

_MOST_TEXT = 120
"""Most characters shown of a line of the source."""


def appearance_flags(files: Iterable[CodeFile], outline: Outline, missing: Collection[str]) -> tuple[Flag, ...]:
    """Flags for files that are not as a student meant to hand them in: saved as a web page, or cut off.

    ``missing`` are the classes that the student should have written and that no file has whole.
    """
    texts = {file.path: file.cells[-1].source for file in files if file.cells and file.path.lower().endswith(".py")}
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
    if any(entry.python for entry in outline.files):  # else a file of comments may be all that there is
        silent = {file.path for file in submission.code if not _first_line(file)}
        strange = {path: web_page for path, web_page in strange.items() if path not in silent}
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


def _why_not_python(file: CodeFile, web_page: bool) -> str:
    path = display(file.path, limit=100)
    if web_page:
        return f"{path} is an export, a web page without Python in it: hand in the .py or .ipynb that it was made from."
    first = _first_line(file)
    if not first:
        return f"{path} has comments alone, and no statement of Python: hand in the code itself."
    shown = display(first, limit=_MOST_TEXT)
    return f"{path} looks like no Python at all, it begins with `{shown}`: hand in the code itself."


def _first_line(file: CodeFile) -> str:
    """The first line that is no comment; empty where there is none."""
    lines = (line.strip() for cell in file.cells for line in cell.source.split("\n"))
    return next((line for line in lines if line and not line.startswith("#")), "")
