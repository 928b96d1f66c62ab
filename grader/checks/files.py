"""The files themselves: is the code there, and the write-up."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import PurePosixPath

from grader.checks.sitting import Sitting
from grader.display import display
from grader.marking.verdicts import Verdict, failed, passed

__all__ = ["code", "writeup"]


# Flags of reading that tell why there may be no code.
_LOST = ("damaged", "encrypted", "too-large", "unreadable", "nested-archive", "refused-name", "link", "not-read")

# What students hand in where they mean code.
_INSTEAD = {
    ".pyc": "is compiled: hand in the .py itself",
    ".gdoc": "is only a link: download what it leads to and hand that in",
    ".html": "is an export: hand in the .ipynb that it was made from",
    ".docx": "is a document: hand in the code as .py or .ipynb",
}
_TODO = ("Still to be completed", "Written, but could not be defined")


def code(sitting: Sitting, criterion: str) -> Verdict:
    """The code file is handed in, can be read, and the classes that the handout asks for are filled in."""
    wanted = sitting.exam.handout.to_fill_in
    todo = [name for name in wanted if not sitting.filled_in(name)]
    problems = [file.problem for file in sitting.submission.code if file.problem]
    asked = " and ".join(sitting.exam.assignment.code)
    if not sitting.submission.code:
        told = [flag.detail for flag in sitting.submission.flags if flag.kind in _LOST][:2]
        absent = f"There is no code in the submission; the handout asks for {asked}."
        paths = [file.path for file in sitting.submission.files]
        instead = [(path, _INSTEAD.get(PurePosixPath(path).suffix.lower())) for path in paths]
        told += [f"{display(path, limit=100)} {hint}." for path, hint in instead if hint][:2]
        names = [display(path, limit=100) for path in paths[:3]]
        seen = [] if told or not names else [f"What is there: {', '.join(names)}."]
        return failed(criterion, " ".join([absent, *told, *seen]))
    if len(problems) == len(sitting.submission.code):
        return failed(criterion, " ".join(["There is no code in the submission that can be read.", *problems[:3]]))
    if todo:
        broken = [name for name in todo if name not in sitting.classes and sitting.written(name) is not None]
        empty = [name for name in todo if name not in broken]
        told = [f"{label}: {', '.join(names)}." for label, names in zip(_TODO, (empty, broken), strict=True) if names]
        return failed(criterion, " ".join([*told, *problems]))
    names = [PurePosixPath(file.path).name for file in sitting.submission.code if not file.problem]
    patterns = sitting.exam.assignment.code
    if any(fnmatch(name.lower(), pattern.lower()) for name in names for pattern in patterns):
        return passed(criterion, "The code file is there.")
    return passed(criterion, f"The code is there, as {', '.join(names[:3])}; the handout calls it {asked}.")


def writeup(sitting: Sitting, criterion: str) -> Verdict:
    """The write-up is handed in as a PDF."""
    patterns = sitting.exam.assignment.writeup
    called = [file for file in sitting.submission.files if file.path.lower().endswith(".pdf")]
    pdfs = [file.path for file in called if file.pdf]
    if not pdfs:
        told = "".join(
            f" {display(file.path, limit=100)} is {'not a PDF inside' if file.bytes else 'empty'}: export it again."
            for file in called[:2]
        )
        asked = " and ".join(patterns)
        return failed(criterion, f"There is no PDF in the submission; the handout asks for {asked}.{told}")
    if any(fnmatch(PurePosixPath(path).name.lower(), pattern.lower()) for path in pdfs for pattern in patterns):
        return passed(criterion, "The write-up is there.")
    return passed(criterion, f"There is a PDF, {', '.join(pdfs[:3])}; the handout calls it {' and '.join(patterns)}.")
