"""A chosen file is examined first; what two files define, and what changes a class from outside, goes to a person."""

from __future__ import annotations

import pytest
from places import ROOT

from grader import remarks
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
