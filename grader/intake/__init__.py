"""What students hand in: where it is, whose it is, and what is in it. Nothing here runs or parses their code.

``find`` (``finding``) lists the submissions at the paths of a command line, ``read`` (``reading``) reads one of them;
``records`` has what they return. The other modules serve these two:

===============  =====================================================================
``layouts``      one submission or many at a place, by the names there
``platforms``    how Canvas, Moodle, Blackboard and Gradescope name files, and for whom
``several``      whether code side by side is several students'
``words``        words of file names that are no student's name
``nodes``        files and folders, on disk or in an archive, as one kind of tree
``names``        safe and unique folder names for reports
``attempts``     several attempts of one student, and uploads that a person picked
``picks``        whether the files that a person picked are there
``archives``     members of zip and tar, bounded
``decoding``     bytes to text
``notebooks``    a notebook's text to its code cells
``class_lines``  the lines of a class, as text
===============  =====================================================================
"""

from __future__ import annotations

from grader.intake.finding import find
from grader.intake.reading import read
from grader.intake.records import (
    Aside,
    Cell,
    CodeFile,
    DataFile,
    Findings,
    Found,
    Skipped,
    StoredFile,
    Submission,
    SubmissionError,
)

__all__ = [
    "Aside",
    "Cell",
    "CodeFile",
    "DataFile",
    "Findings",
    "Found",
    "Skipped",
    "StoredFile",
    "Submission",
    "SubmissionError",
    "find",
    "read",
]
