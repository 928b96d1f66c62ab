"""Imports of a submission: its own files, what is installed, and placeholders for the rest."""

from __future__ import annotations

import importlib
import sys

import pytest
import torch
from code_files import NETWORK, PLAIN, reasons

from grader.worker.source.siblings import is_installed


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
    assert not loaded.failures and not loaded.replacements
    assert capsys.readouterr().out == ""


def test_files_in_a_folder_import_their_neighbours(loading):
    loaded = loading(
        {
            "alice/code/main.py": "from models import CNN\nclass UNet(CNN): pass\n",
            "alice/code/models.py": NETWORK + PLAIN,
        }
    )
    assert set(loaded.classes) == {"CNN", "UNet"}


def test_a_name_skipped_in_an_imported_file_is_replaced_or_run_if_needed(loading):
    files = {
        "main.py": NETWORK + "from config import size, cnn\nclass CNN(nn.Module):\n    k = size\n",
        "config.py": "def find(): return 3\nsize = find()\ncnn = train()\n",
    }
    loaded = loading(files)
    assert loaded.classes["CNN"].k == 3
    assert [entry.module for entry in loaded.replacements] == ["config.cnn"]
    assert not loaded.failures


@pytest.mark.parametrize("name", ["torch", "numpy", "math", "json"])
def test_a_file_named_as_an_installed_module_does_not_shadow_it(loading, name):
    text = NETWORK + f"import {name}\n" + PLAIN + f"    real = {name}.__name__\n"
    real = sys.modules[name]
    loaded = loading({"models.py": text, f"{name}.py": "x = 1\n"})
    assert sys.modules[name] is real
    assert loaded.classes["CNN"].real == name
    assert any(entry.text == name and "installed module" in entry.reason for entry in loaded.skipped)


def test_a_file_named_as_a_module_is_still_meant_where_only_it_has_the_name(loading):
    loaded = loading({"main.py": "from code import CNN\nclass UNet(CNN): pass\n", "code.py": NETWORK + PLAIN})
    assert set(loaded.classes) == {"CNN", "UNet"} and not loaded.failures


def test_our_own_modules_cannot_be_imported(loading):
    loaded = loading({"main.py": "import grader.worker.loading as ours\nclass CNN:\n    x = repr(ours)\n"})
    assert loaded.classes["CNN"].x.endswith(": not available here>")


def test_a_star_import_from_an_absent_file_leaves_no_name_undefined(loading):
    text = "from load_data import *\n@cached\nclass CNN(nn.Module):\n    def f(self): return F.relu, np.pi, HORSES\n"
    loaded = loading({"main.py": text})
    assert issubclass(loaded.classes["CNN"], torch.nn.Module)
    functional, number, absent = loaded.classes["CNN"]().f()
    assert functional is torch.nn.functional.relu and number > 3 and not absent
    assert {entry.module for entry in loaded.replacements} == {"load_data", "load_data.cached", "load_data.HORSES"}


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
    assert "CNN" in loaded.classes and not loaded.failures
    assert {"cv2", "google.colab", "load_data"} <= {entry.module for entry in loaded.replacements}
    assert "cnn = train(args)" in reasons(loaded.skipped)


def test_an_import_whose_failure_is_caught_does_fail(loading):
    text = "try:\n    import cv2000\n    there = True\nexcept ImportError:\n    there = False\n"
    text += "class CNN:\n    x = there\n"
    loaded = loading({"m.py": text})
    assert loaded.classes["CNN"].x is False
    assert not loaded.replacements


def test_importlib_finds_the_files_too(loading):
    loading({"main.py": "class CNN: pass\n", "helpers.py": "value = 3\n"})
    assert importlib.import_module("helpers").value == 3


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("colorization", "colorization-abc123.py"),
        ("colourization", "colourization2.py"),
        ("colourization", "Colorization (1).py"),
        ("models", "alice_12345_67890_models-1.py"),
        ("colourization", "colourization_1002345678.ipynb"),
        ("a2.models", "models_alice.py"),
    ],
)
@pytest.mark.parametrize("imported", ["from {} import CNN", "import {} as own\nCNN = own.CNN", "from {} import *"])
def test_a_file_is_found_that_was_renamed_after_it_was_imported(loading, module, path, imported):
    text = NETWORK + PLAIN
    files = {
        "main.py": f"{imported.format(module)}\nclass UNet(CNN): pass\n",
        path: [text] if path[-1] == "b" else text,
    }
    loaded = loading(files)
    assert issubclass(loaded.classes["UNet"], loaded.classes["CNN"])
    (entry,) = loaded.replacements
    assert path in entry.reason and entry.module == module


def test_a_renamed_file_does_not_take_the_place_of_a_module_of_others(loading):
    text = NETWORK + "import cv2\nimport load_data\n" + PLAIN + "    read = cv2.imread\n"
    loaded = loading({"main.py": text, "cv2_helper.py": "imread = 3\n", "data.py": "", "models.py": ""})
    assert loaded.classes["CNN"].read != 3
    assert {entry.module: "placeholder" in entry.reason for entry in loaded.replacements} == {
        "cv2": True,
        "load_data": True,
    }


def test_a_file_does_not_import_itself_under_the_handouts_name(loading):
    loaded = loading({"colorization-abc.py": NETWORK + "import colorization\n" + PLAIN})
    assert set(loaded.classes) == {"CNN"} and "placeholder" in loaded.replacements[0].reason


def test_what_is_installed_does_not_depend_on_what_was_loaded_before(loading):
    loading({"colourization.py": NETWORK + PLAIN})
    is_installed.cache_clear()
    assert not is_installed("colourization")
