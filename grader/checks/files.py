"""Whether the files are there: the code and the write-up."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import PurePosixPath

from grader.checks.sitting import Sitting
from grader.display import display
from grader.intake.nodes import is_lock_file
from grader.marking.verdicts import Verdict, failed, passed

__all__ = ["code", "writeup"]

# Kinds of flags, raised while the submission was read, that explain why there may be no code.
_LOST = ("damaged", "encrypted", "too-large", "unreadable", "nested-archive", "refused-name", "link", "not-read")

# Files that students hand in instead of code, by suffix, and what to do about them.
_INSTEAD = {
    ".pyc": "is compiled: hand in the .py itself",
    ".gdoc": "is only a link: download what it leads to and hand that in",
    ".html": "is an export: hand in the .ipynb that it was made from",
    ".docx": "is a document: hand in the code as .py or .ipynb",
    ".doc": "is a document: hand in the code as .py or .ipynb",
    ".odt": "is a document: hand in the code as .py or .ipynb",
    ".rtf": "is a document: hand in the code as .py or .ipynb",
}
_LOCK_FILE = "is the lock file of a document that was open, and not the document: hand in the code as .py or .ipynb"
_EMPTY, _BROKEN = "Still to be completed", "Written, but could not be defined"


def code(sitting: Sitting, criterion: str) -> Verdict:
    """The code file is handed in, can be read, and the classes that the handout asks for are filled in."""
    unfinished = [name for name in sitting.exam.handout.to_fill_in if not sitting.filled_in(name)]
    problems = [file.problem for file in sitting.submission.code if file.problem]
    patterns = sitting.exam.assignment.code
    asked = " and ".join(patterns)
    if not sitting.submission.code:
        return failed(
            criterion, f"There is no code in the submission; the handout asks for {asked}.{_why_no_code(sitting)}"
        )
    if len(problems) == len(sitting.submission.code):
        return failed(criterion, " ".join(["There is no code in the submission that can be read.", *problems[:3]]))
    if unfinished:
        broken = [name for name in unfinished if name not in sitting.classes and sitting.written(name) is not None]
        empty = [name for name in unfinished if name not in broken]
        lists = [f"{label}: {', '.join(names)}." for label, names in ((_EMPTY, empty), (_BROKEN, broken)) if names]
        return failed(criterion, " ".join([*lists, *problems]))
    names = [PurePosixPath(file.path).name for file in sitting.submission.code if not file.problem]
    if any(fnmatch(name.lower(), pattern.lower()) for name in names for pattern in patterns):
        return passed(criterion, "The code file is there.")
    return passed(criterion, f"The code is there, as {', '.join(names[:3])}; the handout calls it {asked}.")


def _why_no_code(sitting: Sitting) -> str:
    """What the submission holds in place of code, as sentences that follow another; empty if it holds nothing."""
    reasons = [flag.detail for flag in sitting.submission.flags if flag.kind in _LOST][:2]
    paths = [file.path for file in sitting.submission.files]
    hints = [
        (
            path,
            _LOCK_FILE if is_lock_file(PurePosixPath(path).name) else _INSTEAD.get(PurePosixPath(path).suffix.lower()),
        )
        for path in paths
    ]
    reasons += [f"{display(path, limit=100)} {hint}." for path, hint in hints if hint][:2]
    names = [display(path, limit=100) for path in paths[:3]]
    if not reasons and names:
        reasons = [f"What is there: {', '.join(names)}."]
    return "".join(f" {reason}" for reason in reasons)


_DOCUMENTS = (".docx", ".doc", ".odt", ".rtf", ".pages", ".tex", ".md", ".txt", ".html", ".htm", ".pptx")
_READ_ME = re.compile(r"read[-_ ]?me|requirements", re.IGNORECASE)


def _why_no_pdf(path: str) -> str:
    """What a file is that a student may have handed in as the write-up, as a sentence after a blank; else nothing."""
    name, shown = PurePosixPath(path).name, display(path, limit=100)
    if is_lock_file(name):
        return (
            f" {shown} is the lock file that a word processor keeps while a document is open, and not the document: "
            "close the document, export it as a PDF and hand that in."
        )
    if name.lower().endswith(_DOCUMENTS) and not _READ_ME.match(name):
        return f" {shown} may be the write-up, but it is a {PurePosixPath(name).suffix} file: export it as a PDF."
    return ""


def writeup(sitting: Sitting, criterion: str) -> Verdict:
    """The write-up is handed in as a PDF."""
    patterns = sitting.exam.assignment.writeup
    asked = " and ".join(patterns)
    named_pdf = [file for file in sitting.submission.files if file.path.lower().endswith(".pdf")]
    pdfs = [file.path for file in named_pdf if file.pdf]
    if not pdfs:
        reasons = "".join(
            f" {display(file.path, limit=100)} is {'not a PDF inside' if file.bytes else 'empty'}: export it again."
            for file in named_pdf[:2]
        )
        reasons += "".join(_why_no_pdf(file.path) for file in sitting.submission.files)
        return failed(criterion, f"There is no PDF in the submission; the handout asks for {asked}.{reasons}")
    if any(fnmatch(PurePosixPath(path).name.lower(), pattern.lower()) for path in pdfs for pattern in patterns):
        return passed(criterion, "The write-up is there.")
    return passed(criterion, f"There is a PDF, {', '.join(pdfs[:3])}; the handout calls it {asked}.")
