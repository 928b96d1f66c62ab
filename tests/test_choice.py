"""Of several files that compete one counts as a whole, by rules in a fixed order, and the report says by which."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from places import ROOT

from grader.choice import Choice, choose, copied_from
from grader.intake import Submission, find, read
from grader.marking.rubric_file import load
from grader.worker.protocol import Cell, CodeFile
from grader.worker.source.outline import outline
from reference.handouts import HANDOUTS

ASSIGNMENTS = load(ROOT / "rubric.yaml").assignments
TEMPLATES = ROOT / "student_template"


def network(name: str, mark: str = "", *, body: str = "return self.conv(x)") -> str:
    return (
        f"class {name}(nn.Module):\n    def __init__(self, kernel, num_filters, num_colours):\n"
        f"        super().__init__()\n        self.conv = nn.Conv2d(1, num_colours, kernel){mark}\n\n"
        f"    def forward(self, x):\n        {body}\n\n\n"
    )


def solution(mark: str = "") -> str:
    """A file whose classes differ from those of another mark."""
    return "import torch.nn as nn\n\n" + network("CNN", f"  # {mark}" if mark else "") + network("UNet")


def version(number: int) -> str:
    return solution().replace("kernel)", f"kernel + {number})")


def chosen(submission: Submission, assignment: str = "csc321-2018") -> Choice:
    files = [
        CodeFile(file.path, tuple(Cell(cell.number, cell.source) for cell in file.cells)) for file in submission.code
    ]
    return choose(ASSIGNMENTS[assignment], submission, outline(files))


def handed_in(folder: Path, files: dict[str, str], *, hours: dict[str, int] | None = None) -> Submission:
    """A submission as a folder, or as a zip where ``hours`` gives the times of its files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
        os.utime(folder / name, (1e9, 1e9))
    if hours is None:
        return read(find([folder], mode="one").found[0])
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 1, hours[name], 0, 0)), text)
    return read(find([folder.with_suffix(".zip")], mode="one").found[0])


@pytest.mark.parametrize(
    ("better", "worse", "told"),
    [
        ("a2_final.py", "a2_draft.py", "the names say that a2_final.py is the final one"),
        ("a2_final.py", "a2.py", "final one"),
        ("a2.py", "a2_old.py", "final one"),
        ("final/a2.py", "a2.py", "final one"),
        ("a2.py", "backup/a2.py", "final one"),
        ("a2_v10.py", "a2_v9.py", "higher number in its name"),
        ("net_v2.py", "network.py", "higher number in its name"),
        ("a2-final2.py", "a2-final.py", "higher number in its name"),
        ("x 2026-03-02.py", "x 2026-02-28.py", "higher number in its name"),
        ("colourization2.py", "colourization.py", "higher number in its name"),
        ("a2 (1).py", "a2.py", "higher number in brackets"),
        ("a2 (10).py", "a2 (9).py", "higher number in brackets"),
        ("a2.py", "Copy of a2.py", "its name says that it is a copy"),
        ("colourization.py", "mine.py", "has the name that the handout asks for"),
        ("mine.py", "sub/other.py", "lies nearer to the top"),
    ],
)
def test_names_decide_where_no_platform_or_archive_has_times(tmp_path, better, worse, told):
    choice = chosen(handed_in(tmp_path / "alice", {better: version(1), worse: version(2)}))
    assert choice.set_aside == {worse} and choice.winners == (better,)
    (sentence,) = choice.sentences
    assert sentence.startswith(f"{better} counts, and not {worse}: ") and told in sentence


def test_the_newest_by_an_archives_times_counts_whatever_the_names_say(tmp_path):
    files = {"a2_final.py": version(1), "a2_draft.py": version(2)}
    submission = handed_in(tmp_path / "alice", files, hours={"a2_final.py": 10, "a2_draft.py": 12})
    choice = chosen(submission)
    assert choice.set_aside == {"a2_final.py"}
    assert "newer by the times in the archive (2026-03-01 12:00 and 2026-03-01 10:00)" in choice.sentences[0]


def test_equal_times_in_an_archive_leave_it_to_the_names(tmp_path):
    files = {"a2_final.py": version(1), "a2_draft.py": version(2)}
    submission = handed_in(tmp_path / "alice", files, hours=dict.fromkeys(files, 10))
    assert chosen(submission).set_aside == {"a2_draft.py"}


def test_the_disks_times_come_after_the_names(tmp_path):
    folder = tmp_path / "alice"
    handed_in(folder, {"x_final.py": version(1), "x_draft.py": version(2)})
    os.utime(folder / "x_draft.py", (2e9, 2e9))
    assert chosen(read(find([folder]).found[0])).set_aside == {"x_draft.py"}
    handed_in(folder := tmp_path / "bob", {"mine.py": version(1), "other.py": version(2)})
    os.utime(folder / "other.py", (1.5e9, 1.5e9))
    choice = chosen(read(find([folder]).found[0]))
    assert choice.set_aside == {"mine.py"} and "which copying may change" in choice.sentences[0]


def test_a_later_attempt_counts_before_an_archives_times(tmp_path):
    submission = handed_in(tmp_path / "alice", {"a.py": version(1), "b.py": version(2)}, hours={"a.py": 1, "b.py": 9})
    code = tuple(replace(file, attempt=(2.0 if file.path == "a.py" else 1.0,)) for file in submission.code)
    choice = chosen(replace(submission, code=code))
    assert choice.set_aside == {"b.py"} and "earlier attempt" in choice.sentences[0]


STARTERS = {
    "its bodies are empty": "class CNN(nn.Module):\n    def forward(self, x):\n        pass\n",
    "it builds nothing": network("CNN", body="return x").replace("nn.Conv2d(1, num_colours, kernel)", "None"),
    "its bodies are comments": "class CNN(nn.Module):\n    def __init__(self):\n        # your code\n",
}


@pytest.mark.parametrize("name", STARTERS)
def test_the_untouched_starter_never_counts_and_asks_for_no_person(tmp_path, name):
    files = {"a2_v1.py": solution(), "a2_final_v9.py": STARTERS[name]}
    choice = chosen(handed_in(tmp_path / "alice", files, hours={"a2_v1.py": 1, "a2_final_v9.py": 9}))
    assert choice.set_aside == {"a2_final_v9.py"} and choice.flags == ()
    assert "it is the starter" in choice.sentences[0]


@pytest.mark.parametrize("assignment", sorted(ASSIGNMENTS))
def test_the_starter_that_comes_with_the_grader_is_known(tmp_path, assignment):
    name = HANDOUTS[assignment].to_fill_in[0]
    template = next(path for path in (TEMPLATES / assignment).iterdir() if f"class {name}(" in path.read_text("utf-8"))
    starter = f"zz_final{template.suffix}"
    files = {starter: template.read_text("utf-8"), "aa.py": solution().replace("CNN", name)}
    assert chosen(handed_in(tmp_path / "alice", files), assignment).set_aside == {starter}


def test_a_file_that_most_of_the_cohort_has_is_the_starter(tmp_path):
    submission = handed_in(tmp_path / "alice", {"a.py": version(1), "z_final.py": version(2)})
    assert chosen(replace(submission, starters=("z_final.py",))).set_aside == {"z_final.py"}


def test_no_class_is_taken_from_a_file_that_does_not_count(tmp_path):
    files = {"x_final.py": network("CNN"), "x_draft.py": version(3)}
    choice = chosen(handed_in(tmp_path / "alice", files))
    assert choice.set_aside == {"x_draft.py"} and choice.elsewhere == {"UNet": "x_draft.py"}
    (flag,) = choice.flags
    assert flag.kind == "two-candidates"
    assert "UNet stands in x_draft.py alone" in flag.detail and "--pick 'alice=x_draft.py'" in flag.detail


def test_what_a_person_picked_counts_before_all_else(tmp_path):
    submission = handed_in(tmp_path / "alice", {"a.py": STARTERS["its bodies are empty"], "b_final.py": solution()})
    choice = chosen(replace(submission, picked=("a.py",)))
    assert choice.set_aside == {"b_final.py"} and "a person picked a.py" in choice.sentences[0] and not choice.flags


def test_files_that_a_person_picked_together_both_count(tmp_path):
    submission = handed_in(tmp_path / "alice", {"a.py": version(1), "b.py": version(2), "c.py": version(3)})
    assert chosen(replace(submission, picked=("a.py", "b.py"))).set_aside == {"c.py"}


def test_a_picked_program_counts_with_the_models_that_it_imports(tmp_path):
    files = {"run.py": "from old_models import CNN\n", "old_models.py": version(1), "models_final.py": version(2)}
    submission = handed_in(tmp_path / "alice", files)
    assert chosen(submission).set_aside == {"old_models.py"}
    assert chosen(replace(submission, picked=("run.py",))).set_aside == {"models_final.py"}


@pytest.mark.parametrize(
    ("assignment", "files"),
    [
        ("csc321-2018", {"cnn.py": network("CNN"), "unet.py": network("UNet")}),
        ("csc321-2018", {"a.py": solution(), "b.py": solution()}),
        ("csc321-2018", {"a.py": solution("one comment"), "b.py": solution("another")}),
        ("csc321-2018", {"a.py": solution(), "b.py": "from a import CNN\n" + network("UNet", " + 0")}),
        ("cse891-2018", {"colorization-bob.py": solution(), "b.py": "import colorization\n" + network("UNet", " + 0")}),
        ("csc2516-2019", {"colourization.ipynb": version(1), "colour_regression.ipynb": version(2)}),
    ],
)
def test_files_that_belong_together_do_not_compete(tmp_path, assignment, files):
    cells = {
        name: json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": text}]})
        if name.endswith(".ipynb")
        else text
        for name, text in files.items()
    }
    assert chosen(handed_in(tmp_path / "alice", cells), assignment) == Choice()


def test_a_file_that_does_not_count_stays_where_the_one_that_counts_imports_it(tmp_path):
    files = {
        "a_final.py": "from helpers import show\n" + network("CNN"),
        "helpers.py": "from a_draft import conv\n",
        "a_draft.py": version(1),
    }
    choice = chosen(handed_in(tmp_path / "alice", files))
    assert choice.winners == ("a_final.py",) and choice.set_aside == frozenset()


def test_a_class_that_is_lost_to_a_syntax_error_competes_too(tmp_path):
    broken = solution().replace("def forward(self, x):", "def forward(self, x:")
    choice = chosen(handed_in(tmp_path / "alice", {"a_final.py": broken, "a_draft.py": solution()}))
    assert choice.set_aside == {"a_draft.py"}


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
    assert copied_from(path) == original


def test_three_versions_each_lose_for_a_reason_of_their_own(tmp_path):
    files = {"a2.py": STARTERS["its bodies are empty"], "a2_v2.py": version(2), "a2_v3_draft.py": version(3)}
    choice = chosen(handed_in(tmp_path / "alice", files))
    assert choice.set_aside == {"a2.py", "a2_v3_draft.py"}
    assert ["starter" in choice.sentences[0], "final one" in choice.sentences[1]] == [True, True]


def test_of_hundreds_of_files_that_compete_one_counts(tmp_path):
    files = {f"f{number:03}.py": f"class CNN: a = {number}\n" for number in range(600)}
    choice = chosen(handed_in(tmp_path / "alice", files))
    assert len(choice.sentences) <= 20 and len(choice.winners) == 1
