"""A file that is not as the student meant to hand it in is named, and goes to a person."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader import odd_files
from grader.intake import Submission, find, read
from grader.worker import protocol
from grader.worker.protocol import Outline
from grader.worker.source.outline import outline


def _handed_in(folder: Path, **files: str) -> tuple[Submission, Outline]:
    folder.mkdir()
    for name, text in files.items():
        (folder / re.sub(r"__(?=py$|ipynb$)", ".", name)).write_text(text, "utf-8")
    submission = read(find([folder], mode="one").found[0])
    sent = [
        protocol.CodeFile(file.path, tuple(protocol.Cell(cell.number, cell.source) for cell in file.cells))
        for file in submission.code
        if file.cells
    ]
    return submission, outline(sent)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Dear TA,\nmy code is in the other file.\n", "looks like no Python at all, it begins with `Dear TA,`"),
        ('{"lr": 0.001, "epochs": [1, 2]}\n', "looks like no Python at all"),
        ("<html><body><h1>404</h1></body></html>", "is an export, a web page without Python in it"),
    ],
)
def test_what_looks_like_no_python_is_a_problem_and_goes_to_a_person(tmp_path, text, told):
    submission, flags = odd_files.not_python(*_handed_in(tmp_path / "alice", a2__py=text, b__py="import torch\n"))
    problems = {file.path: file.problem for file in submission.code}
    assert told in str(problems["a2.py"]) and problems["b.py"] is None
    assert [(flag.kind, told in flag.detail) for flag in flags] == [("not-python", True)]


def test_a_file_of_comments_is_a_problem_where_there_is_no_other(tmp_path):
    _, flags = odd_files.not_python(*_handed_in(tmp_path / "alice", a2__py="# to do\n\n# nothing yet\n"))
    assert ["has comments alone" in flag.detail for flag in flags] == [True]
    files = {"a2__py": "# to do\n", "__init____py": "", "b__py": "import torch\n"}
    submission, flags = odd_files.not_python(*_handed_in(tmp_path / "bob", **files))
    assert flags == () and not any(file.problem for file in submission.code)


WHOLE = "class CNN:\n    def forward(self, x):\n        return self.conv(x)\n"


@pytest.mark.parametrize(
    ("text", "missing", "told"),
    [
        (WHOLE, {"UNet"}, None),
        (WHOLE + "\nclass UNet:\n    def forward(self, x", {"UNet"}, "breaks off before a statement is complete"),
        (WHOLE + "\nclass UNet:\n    def __init__(self):\n        self.a = se", {"UNet"}, "may be cut off"),
        (WHOLE.rstrip("\n"), set(), None),
        ("<pre>" + WHOLE + "</pre>", set(), "saved as a web page"),
    ],
)
def test_a_file_that_is_odd_as_a_whole_is_flagged_with_what_to_do(tmp_path, text, missing, told):
    submission, entries = _handed_in(tmp_path / "alice", a2__py=text)
    flags = odd_files.appearance_flags(submission.code, entries, missing)
    assert [told in flag.detail for flag in flags] == ([] if told is None else [True])


def test_code_that_cannot_be_read_goes_to_a_person_unless_it_is_empty(tmp_path):
    submission, _ = _handed_in(tmp_path / "alice", a__ipynb='{"cells": [', b__py="", c__py=WHOLE)
    (flag,) = odd_files.unreadable_flags(submission)
    assert flag.kind == "unreadable" and flag.detail.startswith("a.ipynb breaks off")
