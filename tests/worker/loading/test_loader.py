"""Loading a submission: definitions run, doings are left out, and what a wanted class needs is found all the same."""

from __future__ import annotations

import base64
import copy
import dataclasses
import importlib
import inspect
import io
import json
import pickle
import sys
from pathlib import Path

import pytest
import torch
from code_files import notebook, script

from grader.worker.loading import legacy
from grader.worker.loading.loader import Loaded, load
from grader.worker.protocol import Conflict, DataFile, to_json

NETWORK = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
PLAIN = "class CNN(nn.Module):\n    pass\n"


@pytest.fixture(autouse=True)
def _as_before():
    meta_path, path = sys.meta_path[:], sys.path[:]
    yield
    legacy.uninstall()
    sys.meta_path[:], sys.path[:] = meta_path, path


@pytest.fixture
def loading(tmp_path):
    """Load files given as path → source (a script) or list of sources (a notebook's cells)."""

    def run(files: dict[str, str | list[str]], *wanted: str) -> Loaded:
        sent = [
            script(text, path) if isinstance(text, str) else notebook(*text, path=path) for path, text in files.items()
        ]
        loaded = load(sent, folder=tmp_path, wanted=wanted or ("CNN", "UNet"))
        listed = [loaded.left_out, loaded.failed, loaded.stood_in, loaded.chosen, loaded.conflicts, loaded.notes]
        json.dumps(to_json(listed), allow_nan=False)
        return loaded

    return run


def reasons(loaded: Loaded) -> dict[str, str]:
    return {entry.text: entry.reason for entry in loaded.left_out}


def test_definitions_run_and_doings_are_left_out(loading, capsys, tmp_path):
    doings = {
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
    assert reasons(loaded) == doings
    assert issubclass(loaded.classes["CNN"], torch.nn.Module)
    assert not loaded.failed
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "statement",
    [
        "x = 3",
        "x: int = 3",
        "x = [n * 2 for n in range(3)]",
        "x = dict(a=1)",
        "x = math.sqrt(2.0)",
        "x = np.array([1, 2])",
        "x = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "x = torch.zeros(2, 3)",
        "x = nn.ReLU()",
        "x = functools.partial(F.conv2d, padding=1)",
        "x = collections.namedtuple('x', 'a b')",
        "x = os.path.join('a', 'b')",
        "x = 'a,b'.split(',')",
        "x = lambda: launch()",
        "x = 1; x += 1",
        "if torch.cuda.is_available():\n    x = 1\nelse:\n    x = 2",
        "try:\n    import no_such_module\n    x = 1\nexcept ImportError:\n    x = 2",
        "CNN.x = 3\nx = CNN.x",
        "def x(): launch()",
    ],
)
def test_a_statement_that_only_defines_is_run(loading, statement):
    text = NETWORK + "import math, functools, collections, os\nimport numpy as np\n" + PLAIN + statement
    loaded = loading({"models.py": text})
    assert "x" in loaded.namespaces["models.py"]
    assert not loaded.left_out and not loaded.failed


def test_a_block_keeps_its_definitions_and_loses_the_rest(loading, capsys):
    text = (
        NETWORK
        + PLAIN
        + 'if torch.cuda.is_available():\n    device = "cuda"\nelse:\n    print("none")\n    device = "cpu"\n'
    )
    loaded = loading({"models.py": text})
    assert loaded.namespaces["models.py"]["device"] == "cpu"
    assert reasons(loaded) == {'print("none")': "calls print() at the top level"}
    assert loaded.left_out[0].place == "models.py, line 9"
    assert capsys.readouterr().out == ""


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
def test_what_a_wanted_class_needs_is_run_and_noted(loading, capsys, needed):
    helpers = (
        "import contextlib\ndef make(): return nn.Linear\ndef make_dict(): return {}\ndef make_list(): return [1]\n"
        "@contextlib.contextmanager\ndef opened(): yield 1\n"
    )
    loaded = loading({"models.py": NETWORK + helpers + needed + "unneeded = make()\n"})
    assert "CNN" in loaded.classes and not loaded.failed
    assert "Layer" in loaded.namespaces["models.py"] and "unneeded" not in loaded.namespaces["models.py"]
    assert any("run all the same" in entry.reason for entry in loaded.left_out)
    assert capsys.readouterr().out == ""


def test_a_local_variable_of_a_method_needs_no_global_of_that_name(loading):
    text = (
        NETWORK
        + "loss = launch()\nclass CNN(nn.Module):\n    def forward(self, x):\n        loss = x\n        return loss\n"
    )
    loaded = loading({"models.py": text})
    assert reasons(loaded) == {"loss = launch()": "calls launch() at the top level"}


def test_a_training_loop_is_never_run_even_if_needed(loading):
    text = NETWORK + "for i in range(3):\n    i.backward()\nclass CNN(nn.Module):\n    def f(self): return i\n"
    loaded = loading({"models.py": text})
    assert "CNN" in loaded.classes
    assert reasons(loaded) == {"for i in range(3):": "training loop at the top level"}


def test_what_builds_on_something_left_out_is_left_out_and_no_failure(loading):
    loaded = loading({"models.py": NETWORK + PLAIN + "args = parse()\nrate = args.rate\n"})
    assert reasons(loaded)["rate = args.rate"] == "needs `args`, which is left out"
    assert not loaded.failed


def test_an_exception_costs_one_definition_and_is_told_in_the_students_frames(loading):
    text = NETWORK + "def half(x):\n    return x / 0\nclass Bad(nn.Module):\n    x = half(1)\n" + PLAIN
    loaded = loading({"models.py": text})
    (failure,) = loaded.failed
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
    assert [failure.text for failure in loaded.failed] == ["class Bad:"]


def test_an_exception_that_cannot_be_shown_is_told_all_the_same(loading):
    text = "class Odd(Exception):\n    def __str__(self): raise self\nclass Bad:\n    raise Odd\nclass CNN: pass\n"
    loaded = loading({"models.py": text})
    assert [(failure.trouble.type, failure.trouble.text) for failure in loaded.failed] == [("Odd", "<cannot be shown>")]
    assert "CNN" in loaded.classes


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
    assert not loaded.failed


def test_of_unrelated_files_the_first_counts_and_the_others_are_told(loading):
    loaded = loading({"b.py": NETWORK + PLAIN, "a.py": "class CNN:\n    x = 1\n", "c.py": NETWORK + "\n" + PLAIN})
    assert loaded.chosen == {"CNN": "b.py"}
    assert loaded.conflicts == [Conflict("CNN", ("b.py", "a.py"))]
    assert list(loaded.namespaces) == ["b.py"]


def test_a_file_whose_class_fails_gives_way_to_the_next(loading):
    loaded = loading({"b.py": "class CNN:\n    x = 1 / 0\n", "a.py": "class CNN:\n    x = 1\n"})
    assert loaded.chosen == {"CNN": "a.py"}
    assert [failure.place for failure in loaded.failed] == ["b.py, line 1"]


def test_models_split_over_files_import_one_another(loading, capsys):
    loaded = loading(
        {
            "main.py": "from models import *\nimport lib.layers as L\nfrom lib import extra\nimport run_all\n"
            "class UNet(CNN):\n    layer = L.Layer\n    other = extra.value\n",
            "models.py": NETWORK + PLAIN + "print('ran')\n",
            "lib/layers.py": "from .extra import value\nfrom . import extra\nimport models\nclass Layer: pass\n",
            "lib/extra.py": "value = 3\n",
            "run_all.ipynb": ["!ls\nprint('ran')"],
        }
    )
    assert loaded.chosen == {"CNN": "models.py", "UNet": "main.py"}
    assert issubclass(loaded.classes["UNet"], loaded.classes["CNN"])
    assert loaded.classes["UNet"].other == 3
    assert not loaded.failed and not loaded.stood_in
    assert capsys.readouterr().out == ""


def test_files_in_a_folder_import_their_neighbours(loading):
    loaded = loading(
        {
            "alice/code/main.py": "from models import CNN\nclass UNet(CNN): pass\n",
            "alice/code/models.py": NETWORK + PLAIN,
        }
    )
    assert set(loaded.classes) == {"CNN", "UNet"}


def test_a_name_left_out_of_an_imported_file_is_stood_in_for_or_run_if_needed(loading):
    files = {
        "main.py": NETWORK + "from config import size, cnn\nclass CNN(nn.Module):\n    k = size\n",
        "config.py": "def find(): return 3\nsize = find()\ncnn = train()\n",
    }
    loaded = loading(files)
    assert loaded.classes["CNN"].k == 3
    assert [entry.module for entry in loaded.stood_in] == ["config.cnn"]
    assert not loaded.failed


@pytest.mark.parametrize("name", ["torch", "numpy", "math", "json"])
def test_a_file_named_as_an_installed_module_does_not_shadow_it(loading, name):
    text = NETWORK + f"import {name}\n" + PLAIN + f"    real = {name}.__name__\n"
    real = sys.modules[name]
    loaded = loading({"models.py": text, f"{name}.py": "x = 1\n"})
    assert sys.modules[name] is real
    assert loaded.classes["CNN"].real == name
    assert any(entry.text == name and "installed module" in entry.reason for entry in loaded.left_out)


def test_a_file_named_as_a_module_is_still_meant_where_only_it_has_the_name(loading):
    loaded = loading({"main.py": "from code import CNN\nclass UNet(CNN): pass\n", "code.py": NETWORK + PLAIN})
    assert set(loaded.classes) == {"CNN", "UNet"} and not loaded.failed


def test_our_own_modules_are_not_for_the_submission(loading):
    loaded = loading({"main.py": "import grader.worker.load as ours\nclass CNN:\n    x = repr(ours)\n"})
    assert "stand-in" in loaded.classes["CNN"].x


def test_a_star_import_from_an_absent_file_leaves_no_name_undefined(loading):
    text = "from load_data import *\n@cached\nclass CNN(nn.Module):\n    def f(self): return F.relu, np.pi, HORSES\n"
    loaded = loading({"main.py": text})
    assert issubclass(loaded.classes["CNN"], torch.nn.Module)
    functional, number, absent = loaded.classes["CNN"]().f()
    assert functional is torch.nn.functional.relu and number > 3 and not absent
    assert {entry.module for entry in loaded.stood_in} == {"load_data", "load_data.cached", "load_data.HORSES"}


def test_old_and_absent_modules_do_not_stop_a_real_notebook(loading):
    imports = [
        "%mkdir -p /content\n%cd /content\n!pip install torch",
        "from __future__ import print_function\nimport scipy.misc\nfrom scipy.misc import toimage\nimport cv2\n"
        "from six.moves.urllib.request import urlretrieve\nfrom google.colab import drive\n"
        "import torchvision.transforms as T\n"
        "from torch.autograd import Variable\nfrom load_data import load_cifar10\nfrom collections import Iterable\n"
        "import matplotlib.pyplot as plt\nimport torch, torch.nn as nn\ndrive.mount('/content')\n",
        "class AttrDict(dict):\n    def __init__(self, *a, **k):\n        super(AttrDict, self).__init__(*a, **k)\n"
        "        self.__dict__ = self\n",
        "def get_cifar10():\n    urlretrieve('http://localhost', 'x')\nget_cifar10()",
        PLAIN,
        "args = AttrDict()\nargs_dict = {'gpu': True}\nargs.update(args_dict)\ncnn = train(args)",
    ]
    loaded = loading({"a2.ipynb": imports})
    assert "CNN" in loaded.classes and not loaded.failed
    assert {"cv2", "google.colab", "load_data"} <= {entry.module for entry in loaded.stood_in}
    assert "cnn = train(args)" in reasons(loaded)


def test_an_import_whose_failure_is_caught_does_fail(loading):
    text = "try:\n    import cv2000\n    there = True\nexcept ImportError:\n    there = False\n"
    text += "class CNN:\n    x = there\n"
    loaded = loading({"m.py": text})
    assert loaded.classes["CNN"].x is False
    assert not loaded.stood_in


def test_python_2_runs_in_its_own_meaning(loading, capsys):
    text = (
        "class CNN(object):\n    def __init__(self, k):\n        print 'made', k\n"
        "        self.half = k / 2\n        self.exact = k / 2.0\n        self.n = k\n        self.n /= 2\n"
        "        self.kind = isinstance('x', basestring)\n        self.r = range(3) + [len(list(xrange(2)))]\n"
    )
    made = loading({"models.py": text}).classes["CNN"](5)
    assert (made.half, made.exact, made.n, made.kind, made.r) == (2, 2.5, 2, True, [0, 1, 2, 2])
    assert capsys.readouterr().out == "made 5\n"


def test_a_loaded_class_can_be_inspected_pickled_and_copied(loading):
    text = NETWORK + "import dataclasses\n@dataclasses.dataclass\nclass Options:\n    size: 'int' = 3\n" + PLAIN
    loaded = loading({"my models-2.py": text}, "CNN", "Options")
    options = loaded.classes["Options"](4)
    assert pickle.loads(pickle.dumps(options)) == options
    assert copy.deepcopy(options) == options
    assert dataclasses.asdict(options) == {"size": 4}
    assert loaded.classes["CNN"].__module__ == "my models-2"
    assert inspect.getsource(loaded.classes["CNN"]) == PLAIN


def test_methods_of_a_notebook_have_their_source_and_torch_can_script_them(loading):
    forward = "    def forward(self, x):\n        return x + torch.zeros(2, 2).sum()\n"
    broken = "class Bad:\n    x = = 1\n"
    cells = ["!ls\n" + NETWORK, broken + "class CNN(nn.Module):\n" + forward]
    loaded = loading({"a2.ipynb": cells})
    assert inspect.getsource(loaded.classes["CNN"].forward) == forward
    scripted = torch.jit.script(loaded.classes["CNN"]())
    assert scripted(torch.ones(1)).item() == 1


def test_files_are_there_for_importlib_too(loading):
    loading({"main.py": "class CNN: pass\n", "helpers.py": "value = 3\n"})
    assert importlib.import_module("helpers").value == 3


def test_the_next_submission_finds_nothing_of_the_last(loading):
    loading({"main.py": "from helpers import value\nclass CNN: pass\n", "helpers.py": "value = 3\n"})
    assert "helpers" in sys.modules
    loaded = loading({"main.py": "import helpers\nclass CNN: pass\n"})
    assert [entry.module for entry in loaded.stood_in] == ["helpers"]
    assert "helpers" not in sys.modules


def test_an_endless_definition_is_given_up(loading, monkeypatch):
    monkeypatch.setattr("grader.worker.loading.loader._SECONDS", 0.05)
    loaded = loading({"models.py": "class Bad:\n    while True: pass\nclass CNN: pass\n"})
    assert "CNN" in loaded.classes
    assert [failure.trouble.text for failure in loaded.failed] == ["still running after 0.05 seconds"]


def test_several_endless_definitions_take_less_and_less(loading, monkeypatch):
    monkeypatch.setattr("grader.worker.loading.loader._SECONDS", 0.08)
    loaded = loading({"models.py": "x = 9**9**9**9\ny = sum(1 for _ in range(10**12))\nclass CNN: pass\n"})
    assert "CNN" in loaded.classes
    assert [failure.trouble.text for failure in loaded.failed] == [
        f"still running after {s} seconds" for s in (0.08, 0.04)
    ]


def test_sparing_runs_nothing_that_is_not_needed(loading):
    text = "import math\nx = 1 / 0\ny = 2\nclass CNN:\n    k = y\nclass Other:\n    k = 1 / 0\n"
    sent = [script(text, "models.py")]
    loaded = load(sent, folder=Path(), wanted=("CNN",), sparing=True)
    assert loaded.classes["CNN"].k == 2 and not loaded.failed
    assert [entry.text for entry in loaded.left_out] == ["x = 1 / 0", "class Other:"]


def test_a_starter_never_wins_over_a_solution_beside_it(loading):
    starter = NETWORK + "class CNN(nn.Module):\n    def forward(self, x):\n        # to do\n        pass\n"
    solution = NETWORK + "class CNN(nn.Module):\n    def forward(self, x):\n        return x\n"
    loaded = loading({"colourization.py": starter, "mine.py": solution})
    assert loaded.chosen == {"CNN": "mine.py"} and not loaded.conflicts
    assert loading({"colourization.py": starter}).chosen == {"CNN": "colourization.py"}


def test_a_name_that_only_an_annotation_misses_costs_nothing(loading):
    text = NETWORK + "class CNN(nn.Module):\n    def forward(self, x: Tensor) -> Tensor:\n        return x\n"
    loaded = loading({"models.py": text + "class UNet(Tensor):\n    pass\n"})
    assert "CNN" in loaded.classes
    assert [note.reason for note in loaded.notes] == ["annotations not evaluated: name 'Tensor' is not defined"]
    assert [failure.text for failure in loaded.failed] == ["class UNet(Tensor):"]


def test_a_program_sees_no_arguments_but_its_own_name(loading, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["worker", "ours"])
    loaded = loading({"main.py": "import sys\nclass CNN:\n    count = len(sys.argv)\n"})
    assert loaded.classes["CNN"].count == 1


def test_a_wanted_name_that_is_no_class_is_not_given(loading):
    loaded = loading({"models.py": "CNN = 3\ndef UNet(): pass\n"})
    assert loaded.classes == {} and loaded.chosen == {}


def test_a_class_can_be_completed_from_outside(loading):
    loaded = loading({"models.py": NETWORK + PLAIN + "def run(self, x): return x + 1\nCNN.forward = run\n"})
    assert loaded.classes["CNN"]()(torch.ones(1)).item() == 2


def test_deep_nesting_is_left_out_and_costs_nothing_else(loading):
    loaded = loading({"models.py": "if x: pass\n" + "elif x: pass\n" * 900 + "class CNN: pass\n"})
    assert "CNN" in loaded.classes


def test_data_handed_in_beside_the_code_can_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = NETWORK + "import json\nwith open('config.json') as f:\n    cfg = json.load(f)\n"
    text += "class CNN(nn.Module):\n    size = cfg['size']\n"
    data = base64.b64encode(b'{"size": 7}').decode()
    loaded = load([script(text, "a2/models.py")], [DataFile("a2/config.json", data)], folder=tmp_path, wanted=["CNN"])
    assert (loaded.classes["CNN"].size, loaded.failed) == (7, [])


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
    assert sorted(loaded.classes) == ["CNN", "UNet"], loaded.failed
    assert not loaded.failed
    assert any("stood in for" in entry.reason for entry in (*loaded.notes, *loaded.stood_in))


def test_a_class_that_reads_an_absent_file_in_its_own_body_is_defined_without(loading):
    text = NETWORK + "import numpy as np\nclass CNN(nn.Module):\n    palette, size = np.load('a.npy'), 3\n"
    text += "    def __init__(self, colours=len(np.load('b.npy')), *, more=np.load('c.npy'), kernel=3):\n"
    text += "        self.kernel = kernel\n    def forward(self, x):\n        return x\n"
    loaded = loading({"models.py": text})
    assert not loaded.failed
    assert inspect.signature(loaded.classes["CNN"]).parameters["kernel"].default == 3


@pytest.mark.parametrize("statement", ["relu = nn.ReLUU()", "size = int('three')", "width = 3 / 0", "x = undefined"])
def test_a_mistake_of_the_students_own_is_no_absence(loading, statement):
    name = statement.partition(" ")[0]
    loaded = loading({"models.py": NETWORK + f"{statement}\nclass CNN(nn.Module):\n    size = {name}\n"})
    assert not loaded.classes
    assert loaded.failed[0].text == statement


@pytest.mark.parametrize(("path", "count"), [("colours/colour_kmeans24_cat7.npy", 24), ("color_kmeans16_cat7.npy", 16)])
def test_the_courses_colours_have_their_form_where_they_are_absent(loading, path, count):
    text = NETWORK + f"import numpy as np\ncolours = np.load({path!r}, allow_pickle=True, encoding='bytes')[0]\n"
    loaded = loading({"models.py": text + "class CNN(nn.Module):\n    shape = colours.shape\n"})
    assert loaded.classes["CNN"].shape == (count, 3)
    assert any("not here" in note.reason for note in loaded.notes)


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


def test_what_fails_beside_something_absent_is_told(loading):
    text = NETWORK + "class CNN(nn.Module):\n    x = open('nothing')\n    size = 1 / 0\n"
    loaded = loading({"models.py": text})
    assert not loaded.classes
    assert [failure.names for failure in loaded.failed] == [("CNN",)]


def test_a_class_that_reads_a_stand_in_as_it_may_not_be_read_is_defined_without(loading):
    text = NETWORK + "import pandas_absent\nRGB = pandas_absent.read_csv('x')\n"
    loaded = loading({"models.py": text + "class CNN(nn.Module):\n    size = [1, 2, 3][RGB['r']:'x']\n"})
    assert "CNN" in loaded.classes, loaded.failed
