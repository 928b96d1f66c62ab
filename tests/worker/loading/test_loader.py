"""Loading a submission: definitions are run, the rest is skipped, and what a wanted class needs is run anyway."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest
import torch
from code_files import NETWORK, PLAIN, reasons, script

from grader.worker.loading.loader import load
from grader.worker.protocol import Conflict, DataFile


def test_definitions_are_run_and_the_rest_is_skipped_with_a_reason(loading, capsys, tmp_path):
    expected = {
        "print('ran')": "calls print() at the top level",
        "cnn = train(args)": "calls train() at the top level",
        "for epoch in range(25):": "training loop at the top level",
        "while True:": "loop at the top level",
        "with open('x', 'w') as f:": "with block at the top level",
        "assert False": "assert at the top level",
        "del nn": "delete at the top level",
        "weights = torch.load('x')": "calls torch.load() at the top level",
        "torch.backends.cudnn.benchmark = True": "changes the module torch",
        'if __name__ == "__main__":': "runs only when the file is the program",
        "if os.system('true') == 0:": "its condition calls os.system()",
    }
    text = NETWORK + "import os\n" + PLAIN
    text += (
        "print('ran')\ncnn = train(args)\nfor epoch in range(25):\n    loss.backward()\nwhile True:\n    print('ran')\n"
    )
    text += "with open('x', 'w') as f:\n    pass\nassert False\ndel nn\nweights = torch.load('x')\n"
    text += "torch.backends.cudnn.benchmark = True\n"
    text += 'if __name__ == "__main__":\n    print("ran")\n'
    text += "if os.system('true') == 0:\n    x = 1\n"
    loaded = loading({"models.py": text})
    assert reasons(loaded.skipped) == expected
    assert issubclass(loaded.classes["CNN"], torch.nn.Module)
    assert not loaded.failures
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "needed",
    [
        "Layer = make()\nclass CNN(nn.Module):\n    def make(self): return Layer(1)\n",
        "Layer = make()\nclass CNN(Layer): pass\n",
        "Layer = make()\ndef helper():\n    return Layer\nclass CNN(nn.Module):\n    made = helper()\n",
        "if __name__ == '__main__':\n    Layer = make()\n    print('no')\nclass CNN:\n    def f(self): return Layer\n",
        "holder = make_dict()\nholder.update(Layer=1)\nLayer = holder['Layer']\nclass CNN(nn.Module):\n    x = Layer\n",
        "for Layer in make_list():\n    pass\nclass CNN(nn.Module):\n    x = Layer\n",
        "with opened() as Layer:\n    pass\nclass CNN(nn.Module):\n    x = Layer\n",
    ],
)
def test_what_a_wanted_class_needs_is_run_and_reported(loading, capsys, needed):
    helpers = (
        "import contextlib\ndef make(): return nn.Linear\ndef make_dict(): return {}\ndef make_list(): return [1]\n"
        "@contextlib.contextmanager\ndef opened(): yield 1\n"
    )
    loaded = loading({"models.py": NETWORK + helpers + needed + "unneeded = make()\n"})
    assert "CNN" in loaded.classes and not loaded.failures
    assert "Layer" in loaded.namespaces["models.py"] and "unneeded" not in loaded.namespaces["models.py"]
    assert any("run anyway" in entry.reason for entry in loaded.skipped)
    assert capsys.readouterr().out == ""


def test_a_training_loop_is_never_run_even_if_needed(loading):
    text = NETWORK + "for i in range(3):\n    i.backward()\nclass CNN(nn.Module):\n    def f(self): return i\n"
    loaded = loading({"models.py": text})
    assert "CNN" in loaded.classes
    assert reasons(loaded.skipped) == {"for i in range(3):": "training loop at the top level"}


def test_what_needs_something_skipped_is_skipped_and_has_not_failed(loading):
    loaded = loading({"models.py": NETWORK + PLAIN + "args = parse()\nrate = args.rate\n"})
    assert reasons(loaded.skipped)["rate = args.rate"] == "needs `args`, which is skipped"
    assert not loaded.failures


def test_the_last_definition_in_a_notebook_counts(loading):
    cells = ["import torch.nn as nn", "class CNN(nn.Module):\n    x = 1", "class CNN(nn.Module):\n    x = 2"]
    loaded = loading({"a2.ipynb": cells})
    assert loaded.classes["CNN"].x == 2
    assert loaded.chosen == {"CNN": "a2.ipynb"} and not loaded.conflicts


def test_cells_out_of_order_still_define_their_classes(loading):
    cells = ["class UNet(CNN):\n    pass", PLAIN, "class CNN(UNet):\n    later = True", "import torch.nn as nn"]
    loaded = loading({"a2.ipynb": cells})
    assert loaded.classes["CNN"].__mro__[1] is torch.nn.Module
    assert issubclass(loaded.classes["UNet"], loaded.classes["CNN"])
    assert not loaded.failures


def test_of_unrelated_files_the_first_counts_and_the_others_are_a_conflict(loading):
    loaded = loading({"b.py": NETWORK + PLAIN, "a.py": "class CNN:\n    x = 1\n", "c.py": NETWORK + "\n" + PLAIN})
    assert loaded.chosen == {"CNN": "b.py"}
    assert loaded.conflicts == [Conflict("CNN", ("b.py", "a.py"))]
    assert list(loaded.namespaces) == ["b.py"]


def test_a_file_whose_class_fails_gives_way_to_the_next(loading):
    loaded = loading({"b.py": "class CNN:\n    x = 1 / 0\n", "a.py": "class CNN:\n    x = 1\n"})
    assert loaded.chosen == {"CNN": "a.py"}
    assert [failure.place for failure in loaded.failures] == ["b.py, line 1"]


def test_python_2_runs_in_its_own_meaning(loading, capsys):
    text = (
        "class CNN(object):\n    def __init__(self, k):\n        print 'made', k\n"
        "        self.half = k / 2\n        self.exact = k / 2.0\n        self.n = k\n        self.n /= 2\n"
        "        self.kind = isinstance('x', basestring)\n        self.r = range(3) + [len(list(xrange(2)))]\n"
    )
    made = loading({"models.py": text}).classes["CNN"](5)
    assert (made.half, made.exact, made.n, made.kind, made.r) == (2, 2.5, 2, True, [0, 1, 2, 2])
    assert capsys.readouterr().out == "made 5\n"


def test_sparing_runs_only_what_is_needed(loading):
    text = "import math\nx = 1 / 0\ny = 2\nclass CNN:\n    k = y\nclass Other:\n    k = 1 / 0\n"
    loaded = load([script(text, "models.py")], folder=Path(), wanted=("CNN",), sparing=True)
    assert loaded.classes["CNN"].k == 2 and not loaded.failures
    assert [entry.text for entry in loaded.skipped] == ["x = 1 / 0", "class Other:"]


def test_a_starter_never_wins_over_a_solution_beside_it(loading):
    starter = NETWORK + "class CNN(nn.Module):\n    def forward(self, x):\n        # to do\n        pass\n"
    solution = NETWORK + "class CNN(nn.Module):\n    def forward(self, x):\n        return x\n"
    loaded = loading({"colourization.py": starter, "mine.py": solution})
    assert loaded.chosen == {"CNN": "mine.py"} and not loaded.conflicts
    assert loading({"colourization.py": starter}).chosen == {"CNN": "colourization.py"}


def test_a_program_sees_no_arguments_but_its_own_name(loading, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["worker", "ours"])
    loaded = loading({"main.py": "import sys\nclass CNN:\n    count = len(sys.argv)\n"})
    assert loaded.classes["CNN"].count == 1


def test_a_wanted_name_that_is_not_a_class_is_not_given(loading):
    loaded = loading({"models.py": "CNN = 3\ndef UNet(): pass\n"})
    assert loaded.classes == {} and loaded.chosen == {}


def test_a_class_can_be_completed_from_outside(loading):
    loaded = loading({"models.py": NETWORK + PLAIN + "def run(self, x): return x + 1\nCNN.forward = run\n"})
    assert loaded.classes["CNN"]()(torch.ones(1)).item() == 2


def test_deep_nesting_is_skipped_and_costs_nothing_else(loading):
    loaded = loading({"models.py": "if x: pass\n" + "elif x: pass\n" * 900 + "class CNN: pass\n"})
    assert "CNN" in loaded.classes


def test_data_handed_in_beside_the_code_can_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = NETWORK + "import json\nwith open('config.json') as f:\n    cfg = json.load(f)\n"
    text += "class CNN(nn.Module):\n    size = cfg['size']\n"
    data = [DataFile("a2/config.json", base64.b64encode(b'{"size": 7}').decode())]
    loaded = load([script(text, "a2/models.py")], data, folder=tmp_path, wanted=["CNN"])
    assert (loaded.classes["CNN"].size, loaded.failures) == (7, [])
