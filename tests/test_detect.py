"""The assignment is told from files and classes, and an unsure guess says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_files import notebook, script
from places import ROOT

from grader.detect import detect
from grader.intake import find, read
from grader.marking.rubric_file import load
from grader.worker.protocol import Cell, CodeFile, Outline
from grader.worker.source.outline import outline

ASSIGNMENTS = load(ROOT / "rubric.yaml").assignments
SUBMISSIONS = sorted(path.parent for path in (ROOT / "fixtures" / "submissions").glob("*/*/expected.yaml"))


def _detected(folder: Path, rename: str | None = None):
    submission = read(find([folder], mode="one").found[0])
    files = [
        CodeFile(rename or file.path, tuple(Cell(cell.number, cell.source) for cell in file.cells))
        for file in submission.code
        if file.cells
    ]
    paths = [file.path for file in files] if rename else [file.path for file in submission.files]
    return detect(ASSIGNMENTS, paths, outline(files))


@pytest.mark.slow
@pytest.mark.parametrize("folder", SUBMISSIONS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_every_fixture_is_told_for_what_it_is(folder):
    assert _detected(folder / "submission").assignment == folder.parent.name


@pytest.mark.parametrize("assignment", ["csc321-2018", "cse891-2018", "csc413-2023"])
def test_the_code_alone_tells_the_assignment_when_the_file_has_another_name(assignment):
    folder = ROOT / "fixtures" / "submissions" / assignment / "right" / "submission"
    ending = ".py" if assignment.endswith("2018") else ".ipynb"
    detected = _detected(folder, rename=f"final (2){ending}")
    assert detected.assignment == assignment and detected.sure


def test_nothing_to_go_by_is_said():
    detected = detect(ASSIGNMENTS, ["notes.txt"], Outline())
    assert not detected.sure and "Nothing" in detected.sentence


def test_the_reasons_are_named():
    detected = _detected(ROOT / "fixtures" / "submissions" / "csc413-2023" / "right" / "submission")
    assert "a2-code.ipynb" in detected.sentence and "ConvTransposeNet" in detected.sentence


def test_the_reasons_read_as_a_sentence():
    detected = detect(ASSIGNMENTS, ["colourization.py"], Outline())
    assert detected.sentence == "Graded as csc321-2018 because of the file colourization.py and being a script."


def test_fine_tuning_tells_2020_from_2019_in_a_script_of_any_name():
    networks = "class CNN:\n    def __init__(self, kernel, num_filters, num_colours, num_in_channels): pass\n"
    training = "def train(args, model):\n    return [p for n, p in model.named_parameters()]\n"
    for text, sure in ((networks, False), (networks + training, True)):
        read_again = outline([script(text, "work.py")])
        detected = detect(ASSIGNMENTS, ["work.py"], read_again)
        assert detected.sure is sure
    assert detected.assignment == "csc413-2020"


NETWORK = "class {}(nn.Module):\n    def __init__(self, kernel, num_filters, num_colours{}):\n        pass\n"
IN_2023 = [NETWORK.format(name, ", num_in_channels") for name in ("PoolUpsampleNet", "UNet", "CNN")]


@pytest.mark.parametrize(
    ("cells", "path", "expected"),
    [
        (IN_2023, "colourization.ipynb", "csc413-2023"),
        (IN_2023, "a2-cnn.ipynb", "csc413-2023"),
        (IN_2023, "colourization.py", "csc413-2023"),
        ([NETWORK.format("ConvTransposeNet", "")], "a2-cnn.ipynb", "csc413-2023"),
        ([NETWORK.format("UNet", ", num_in_channels")], "colourization.py", "csc2516-2019"),
        ([NETWORK.format("DilatedUNet", "")], "a2-code.ipynb", "csc321-2018"),
        # A class counts whose cell is not Python: a bracket, a colon or a name is missing.
        (["class PoolUpsampleNet(nn.Module):\n    def __init__(self:\n"], "a2-cnn.ipynb", "csc413-2023"),
        (["x = 3\nclass ConvTransposeNet(nn.Module)\n    pass\n"], "colourization.py", "csc413-2023"),
    ],
)
def test_what_the_classes_are_decides_before_the_name_of_the_file(cells, path, expected):
    file = notebook(*cells, path=path) if path.endswith("b") else script("\n".join(cells), path)
    assert detect(ASSIGNMENTS, [path], outline([file])).assignment == expected


def test_classes_in_two_files_count_once():
    files = [notebook(*IN_2023, path=f"a2-cnn ({number}).ipynb") for number in range(4)]
    assert detect(ASSIGNMENTS, [file.path for file in files], outline(files)).assignment == "csc413-2023"


def test_a_class_outside_of_the_cells_of_code_counts():
    detected = detect(ASSIGNMENTS, ["a2-cnn.ipynb"], Outline(), headers=["ConvTransposeNet"])
    assert detected.assignment == "csc413-2023"
