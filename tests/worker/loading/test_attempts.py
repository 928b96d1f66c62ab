"""Running one statement: exceptions, absences, endless loops, and what each of them costs."""

from __future__ import annotations

import inspect
import io
import sys

import pytest
from code_files import NETWORK, PLAIN

from grader.worker.loading.loader import load
from grader.worker.protocol import Cell, CodeFile


def test_an_exception_costs_one_definition_and_is_reported_with_the_students_frames(loading):
    text = NETWORK + "def half(x):\n    return x / 0\nclass Bad(nn.Module):\n    x = half(1)\n" + PLAIN
    loaded = loading({"models.py": text})
    (failure,) = loaded.failures
    assert "CNN" in loaded.classes
    assert (failure.place, failure.text) == ("models.py, line 6", "class Bad(nn.Module):")
    assert (failure.trouble.type, failure.trouble.text) == ("ZeroDivisionError", "division by zero")
    assert [(frame.line, frame.text) for frame in failure.trouble.frames] == [
        (6, "class Bad(nn.Module):"),
        (7, "x = half(1)"),
        (5, "return x / 0"),
    ]
    assert {frame.file for frame in failure.trouble.frames} == {"models.py"}


@pytest.mark.parametrize(
    "leaving", ["raise SystemExit(3)", "raise KeyboardInterrupt", "exit()", "import sys; sys.exit()"]
)
def test_leaving_the_program_costs_one_definition(loading, leaving):
    loaded = loading({"models.py": NETWORK + f"class Bad:\n    {leaving}\n" + PLAIN})
    assert "CNN" in loaded.classes
    assert [failure.text for failure in loaded.failures] == ["class Bad:"]


def test_an_exception_that_cannot_be_shown_is_reported_anyway(loading):
    text = "class Odd(Exception):\n    def __str__(self): raise self\nclass Bad:\n    raise Odd\nclass CNN: pass\n"
    loaded = loading({"models.py": text})
    assert [(failure.trouble.type, failure.trouble.text) for failure in loaded.failures] == [
        ("Odd", "<cannot be shown>")
    ]
    assert "CNN" in loaded.classes


def test_an_endless_definition_is_given_up(loading):
    loaded = loading({"models.py": "class Bad:\n    while True: pass\nclass CNN: pass\n"}, seconds=0.05)
    assert "CNN" in loaded.classes
    assert [failure.trouble.text for failure in loaded.failures] == ["still running after 0.05 seconds"]


def test_several_endless_definitions_take_less_and_less(loading):
    text = "x = 9**9**9**9\ny = sum(1 for _ in range(10**12))\nclass CNN: pass\n"
    loaded = loading({"models.py": text}, seconds=0.08)
    assert "CNN" in loaded.classes
    assert [failure.trouble.text for failure in loaded.failures] == [
        f"still running after {s} seconds" for s in (0.08, 0.04)
    ]


def test_an_undefined_name_in_an_annotation_costs_nothing(loading):
    text = NETWORK + "class CNN(nn.Module):\n    def forward(self, x: Tensor) -> Tensor:\n        return x\n"
    loaded = loading({"models.py": text + "class UNet(Tensor):\n    pass\n"})
    assert "CNN" in loaded.classes
    assert [note.reason for note in loaded.notes] == ["annotations not evaluated: name 'Tensor' is not defined"]
    assert [failure.text for failure in loaded.failures] == ["class UNet(Tensor):"]


ABSENT = [
    *("import json\nwith open('config.json') as f:\n    VALUE = json.load(f)", "VALUE = open('x').read()"),
    *("import os\nVALUE = os.environ['COLAB_GPU']", "import glob\nVALUE = sorted(glob.glob('nothing/*.npy'))[0]"),
    *("import numpy as np\nVALUE = np.load('palette.npy')", "VALUE = torch.load('x.pkl')['colours']"),
    *("import urllib.request\nVALUE = urllib.request.urlopen('file:///nothing').read()", "VALUE = input('k? ')"),
    *("import cv2_absent\nimport numpy as np\nVALUE = np.zeros(3) @ cv2_absent.imread('x')", "VALUE = exit()"),
    *("def download(): raise ConnectionError('no network')\nVALUE = download()",),
    *("def pick(): raise RuntimeError('No CUDA GPUs are available')\nVALUE = pick()",),
    "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('data')\nVALUE = parser.parse_args()",
]


@pytest.mark.parametrize("statement", ABSENT)
def test_what_needs_something_that_is_not_here_takes_no_class_with_it(loading, monkeypatch, statement):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    text = NETWORK + statement + "\nclass CNN(nn.Module):\n    def __init__(self, colours=VALUE):\n        pass\n"
    text += "@VALUE\nclass UNet(nn.Module):\n    pass\n"
    loaded = loading({"models.py": text})
    assert sorted(loaded.classes) == ["CNN", "UNet"], loaded.failures
    assert not loaded.failures
    assert any("placeholder" in entry.reason for entry in (*loaded.notes, *loaded.replacements))


def test_a_class_that_reads_an_absent_file_in_its_body_is_defined_without_it(loading):
    text = NETWORK + "import numpy as np\nclass CNN(nn.Module):\n    palette, size = np.load('a.npy'), 3\n"
    text += "    def __init__(self, colours=len(np.load('b.npy')), *, more=np.load('c.npy'), kernel=3):\n"
    text += "        self.kernel = kernel\n    def forward(self, x):\n        return x\n"
    loaded = loading({"models.py": text})
    assert not loaded.failures
    assert inspect.signature(loaded.classes["CNN"]).parameters["kernel"].default == 3


@pytest.mark.parametrize("statement", ["relu = nn.ReLUU()", "size = int('three')", "width = 3 / 0", "x = undefined"])
def test_a_mistake_of_the_students_own_is_not_an_absence(loading, statement):
    name = statement.partition(" ")[0]
    loaded = loading({"models.py": NETWORK + f"{statement}\nclass CNN(nn.Module):\n    size = {name}\n"})
    assert not loaded.classes
    assert loaded.failures[0].text == statement


HOSTILE = [
    "class Odd(FileNotFoundError):\n    def __str__(self): raise KeyboardInterrupt\ndef f(): raise Odd\nVALUE = f()",
    "class Odd(RuntimeError):\n    def __str__(self): raise ValueError\ndef f(): raise Odd\nVALUE = f()",
    "class Odd(Exception):\n    __class__ = property(lambda self: 1 / 0)\ndef f(): raise Odd\nVALUE = f()",
    "class Odd:\n    @property\n    def __class__(self): raise ValueError\nodd = Odd()\nVALUE = odd.absent",
    "class VALUE:\n    x = open('nothing')\n    exit()",
    "class VALUE:\n    x = open('nothing')\n    raise KeyboardInterrupt",
    "class VALUE:\n    x = open('nothing')\n    size = 1 / 0",
    "def VALUE(x=open('nothing'), y=exit()): pass",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_an_odd_exception_costs_one_definition_and_never_the_loading(loading, statement):
    loaded = loading({"models.py": NETWORK + statement + "\nprint(VALUE)\n" + PLAIN})
    assert "CNN" in loaded.classes


def test_what_fails_beside_something_absent_is_a_failure(loading):
    text = NETWORK + "class CNN(nn.Module):\n    x = open('nothing')\n    size = 1 / 0\n"
    loaded = loading({"models.py": text})
    assert not loaded.classes
    assert [list(failure.names) for failure in loaded.failures] == [["CNN"]]


def test_a_class_that_misuses_a_stand_in_is_defined_without_it(loading):
    text = NETWORK + "import pandas_absent\nRGB = pandas_absent.read_csv('x')\n"
    loaded = loading({"models.py": text + "class CNN(nn.Module):\n    size = [1, 2, 3][RGB['r']:'x']\n"})
    assert "CNN" in loaded.classes, loaded.failures


def test_an_exception_in_a_cell_is_placed_under_its_heading(tmp_path):
    file = CodeFile("a2.ipynb", (Cell(7, "class CNN:\n    x = 1 / 0", "Part A: the CNN"),))
    (failure,) = load([file], folder=tmp_path, wanted=["CNN"]).failures
    assert failure.place == 'a2.ipynb, cell 7 under "Part A: the CNN", line 1'
    assert failure.trouble.frames[0].file == 'a2.ipynb, cell 7 under "Part A: the CNN"'
