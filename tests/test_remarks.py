"""What a report says of the submission as a whole: the order of its files, and files that are odd."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import ROOT

from grader import remarks
from grader.intake import Submission, find, read
from grader.marking.rubric_file import load
from grader.worker import protocol
from grader.worker.protocol import Conflict, Definition, Definitions, FileOutline, Outline
from grader.worker.source.outline import outline

RUBRIC = load(ROOT / "rubric.yaml")


def test_a_copy_is_examined_after_what_it_is_a_copy_of():
    paths = "colorization-alice (1).py", "colorization-alice.py"
    cnn = Definition("CNN", line=1, end_line=1, cell=None)
    outline = Outline(tuple(FileOutline(path, (cnn,)) for path in paths))
    files = [protocol.CodeFile(path, ()) for path in paths]
    first, _ = remarks.best_first(RUBRIC.assignments["cse891-2018"], files, outline)
    assert first.path == "colorization-alice.py"


def test_a_chosen_file_is_examined_before_one_with_the_handouts_name():
    files = [protocol.CodeFile(path, ()) for path in ("a2-cnn.ipynb", "x.ipynb")]
    first, _ = remarks.best_first(RUBRIC.assignments["csc413-2020"], files, Outline(), ["x.ipynb"])
    assert first.path == "x.ipynb"


def test_a_class_that_two_examined_files_define_is_flagged_if_the_student_writes_it():
    paths = "colourization.ipynb", "colour_regression.ipynb"
    loading = Definitions(chosen={"CNN": paths[0]}, conflicts=(Conflict("CNN", paths), Conflict("MyConv2d", paths)))
    (flag,) = remarks.conflict_flags(RUBRIC.assignments["csc2516-2019"], loading)
    assert flag.kind == "two-candidates" and all(path in flag.detail for path in paths)


def _handed_in(folder: Path, **files: str) -> tuple[Submission, Outline]:
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
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
        ("# to do\n\n# nothing yet\n", "has comments alone"),
        ("<html><body><h1>404</h1></body></html>", "is an export, a web page without Python in it"),
    ],
)
def test_what_looks_like_no_python_is_a_problem_and_goes_to_a_person(tmp_path, text, told):
    submission, flags = remarks.not_python(*_handed_in(tmp_path / "alice", a2__py=text, b__py="import torch\n"))
    problems = {file.path: file.problem for file in submission.code}
    assert told in str(problems["a2.py"]) and problems["b.py"] is None
    assert [(flag.kind, told in flag.detail) for flag in flags] == [("not-python", True)]


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
    flags = remarks.appearance_flags(submission.code, entries, missing)
    assert [told in flag.detail for flag in flags] == ([] if told is None else [True])


def test_code_that_cannot_be_read_goes_to_a_person_unless_it_is_empty(tmp_path):
    submission, _ = _handed_in(tmp_path / "alice", a__ipynb='{"cells": [', b__py="", c__py=WHOLE)
    (flag,) = remarks.unreadable_flags(submission)
    assert flag.kind == "unreadable" and flag.detail.startswith("a.ipynb breaks off")
