"""Copies are recognised by their names and do not compete; what changes a class from outside goes to a person."""

from __future__ import annotations

import pytest
from places import ROOT

from grader import remarks
from grader.intake import CodeFile, Submission
from grader.marking.rubric_file import load
from grader.worker import protocol
from grader.worker.protocol import (
    Conflict,
    Definition,
    Definitions,
    FileOutline,
    Outline,
    TopLevelChange,
    UnusualCode,
)

RUBRIC = load(ROOT / "rubric.yaml")


@pytest.mark.parametrize(
    ("path", "original"),
    [
        ("a/Copy of Copy of a2-cnn.ipynb", "a/a2-cnn.ipynb"),
        ("a2-cnn (1).ipynb", "a2-cnn.ipynb"),
        ("a2-cnn(2).ipynb", "a2-cnn.ipynb"),
        ("a2-Copy1.ipynb", "a2.ipynb"),
        ("models_old.py", None),
        ("a2 copy 2.ipynb", "a2.ipynb"),
        ("Copy of .py", None),
        ("threshold.py", None),
        ("a2-cnn.ipynb", None),
    ],
)
def test_a_name_tells_of_what_a_file_is_a_copy(path, original):
    assert remarks.copied_from(path) == original


@pytest.mark.parametrize(
    ("name", "later", "flagged"),
    [("Copy of a2.py", 0.0, False), ("a2 (1).py", -1e6, False), ("a2 (1).py", 1e6, True), ("other.py", 0.0, True)],
)
def test_an_older_copy_of_what_was_examined_is_a_remark_and_no_flag(name, later, flagged):
    code = tuple(CodeFile(path, (), None, when) for path, when in (("a2.py", 2e6), (name, 2e6 + later)))
    submission = Submission("alice", "alice", (), code, "", ())
    loading = Definitions(chosen={"CNN": "a2.py"}, conflicts=(Conflict("CNN", ("a2.py", name)),))
    assignment = RUBRIC.assignments["csc413-2020"]
    assert [flag.kind for flag in remarks.conflict_flags(assignment, submission, loading)] == [
        "two-candidates"
    ] * flagged
    assert remarks.old_copies(submission, loading) == (set() if flagged else {name})


def test_a_copy_is_examined_after_what_it_is_a_copy_of():
    paths = "colorization-alice (1).py", "colorization-alice.py"
    cnn = Definition("CNN", line=1, end_line=1, cell=None)
    outline = Outline(tuple(FileOutline(path, (cnn,)) for path in paths))
    files = [protocol.CodeFile(path, ()) for path in paths]
    first, _ = remarks.best_first(RUBRIC.assignments["cse891-2018"], files, outline)
    assert first.path == "colorization-alice.py"


def _changed(torch, ran, reason=""):
    return TopLevelChange("a.py, line 3", "F.conv2d = mine", ("CNN", "UNet"), torch, ran, reason)


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (
            _changed(True, True),
            "changes-torch",
            "changes torch itself (CNN and UNet). The marks are for what it makes.",
        ),
        (_changed(False, True), "changes-class", "changes CNN and UNet of another file."),
        (_changed(False, False, "why"), "changes-class", "may change CNN and UNet and was not run: why. The marks are"),
    ],
)
def test_what_changes_a_class_from_outside_is_flagged_with_its_line(change, kind, said):
    (flag,) = remarks.change_flags(Outline(), Definitions(changes=(change,)))
    assert flag.kind == kind and f"a.py, line 3: `F.conv2d = mine` {said}" in flag.detail


def test_a_line_that_is_flagged_as_unusual_already_is_not_flagged_twice():
    outline = Outline((FileOutline("a.py", unusual=(UnusualCode(None, 3, "torch.nn.functional.conv2d = …"),)),))
    changes = (_changed(True, True), _changed(True, False, "why"))
    assert len(remarks.change_flags(outline, Definitions(changes=changes))) == 1
