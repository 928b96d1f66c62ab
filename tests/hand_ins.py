"""Right solutions as students hand them in: in odd encodings, formats, folders and company.

``GRADED`` are examined on their content and get all the points a program can give; ``REFUSED`` cannot be examined, and
the report says why in one sentence. A case is a function from the two right solutions to files: path → content, or the
path a link leads to.
"""

from __future__ import annotations

import copy
import html
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from places import ROOT

__all__ = ["GRADED", "REFUSED", "Files", "lay_out"]

Files = dict[str, str | bytes | Path]
Notebook = dict[str, Any]

_RIGHT = ROOT / "fixtures" / "submissions"
SCRIPT = (_RIGHT / "csc321-2018" / "right" / "submission" / "colourization.py").read_text("utf-8")
NOTEBOOK: Notebook = json.loads((_RIGHT / "csc413-2020" / "right" / "submission" / "a2-cnn.ipynb").read_text("utf-8"))
STARTER = (ROOT / "student_template" / "csc321-2018" / "colourization.py").read_text("utf-8")
PDF = (_RIGHT / "csc413-2020" / "right" / "submission" / "a2-writeup.pdf").read_bytes()


def lay_out(files: Files, folder: Path) -> None:
    """Write the files below ``folder``, and a write-up with them."""
    for name, content in {"a2-writeup.pdf": PDF, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            path.symlink_to(content)
        elif name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def _cell(source: str, **more: Any) -> Notebook:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source, **more}


def _notebook(*first: str | Notebook, last: tuple[str, ...] = (), **changes: Any) -> str:
    """The right notebook with cells before and after, and other top-level keys; a change to None takes one out."""
    notebook = copy.deepcopy(NOTEBOOK)
    before = [_cell(cell) if isinstance(cell, str) else cell for cell in first]
    notebook["cells"] = [*before, *notebook["cells"], *map(_cell, last)]
    notebook |= changes
    return json.dumps({key: value for key, value in notebook.items() if value is not None})


def _sources() -> list[str]:
    """The sources of the right notebook's code cells."""
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def _with(text: str) -> Files:
    """The right script with lines before its first class."""
    place = (
        SCRIPT.index("# Given: a convolution") if "# Given: a convolution" in SCRIPT else SCRIPT.index("class MyConv2d")
    )
    return {"colourization.py": SCRIPT[:place] + text + "\n\n" + SCRIPT[place:]}


def _above(before: str, body: str, first: str = "") -> Files:
    """The right script with lines above the class CNN, lines in it, and lines before the first import."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    text = SCRIPT.replace("class CNN(nn.Module):\n", f"{before}\n\n\nclass CNN(nn.Module):\n{lines}")
    return {"colourization.py": text.replace("import argparse\n", first + "import argparse\n", 1)}


def _format_3() -> str:
    cells = [
        {**_cell(""), "input": source.splitlines(keepends=True), "language": "python", "prompt_number": 1}
        for source in _sources()
    ]
    for cell in cells:
        del cell["source"]
    sheets = [{"cells": cells[:4], "metadata": {}}, {"cells": cells[4:]}]
    return json.dumps({"metadata": {"name": "a2"}, "nbformat": 3, "nbformat_minor": 0, "worksheets": sheets})


def _zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            assert not isinstance(content, Path)
            info = zipfile.ZipInfo("x")
            info.filename = name  # as it is: Windows' separators too
            archive.writestr(info, content)
    return buffer.getvalue()


def _page(*blocks: str) -> str:
    """Source as a browser saves it."""
    shown = "".join(f"<div class='highlight'><pre>{html.escape(block)}</pre></div>" for block in blocks)
    return f"<!DOCTYPE html>\n<html><head><title>a2</title><style>pre {{}}</style></head><body>{shown}</body></html>"


def _array(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=True)
    return buffer.getvalue()


def _pickled_array() -> bytes:
    colours = np.empty(1, dtype=object)
    colours[0] = np.zeros((24, 3))
    return _array(colours)


def _split() -> tuple[str, str, str]:
    """The right script in three: up to the layers, the networks, and the training."""
    networks, rest = SCRIPT.index("class CNN("), SCRIPT.index("def validate(")
    return SCRIPT[:networks], SCRIPT[networks:rest], SCRIPT[rest:]


LAYERS, NETWORKS, TRAINING = _split()
_IMPORTS = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
_COLAB = '''# -*- coding: utf-8 -*-
"""a2-cnn.ipynb

Automatically generated by Colaboratory.
"""

!pip install torch torchvision
%matplotlib inline
from google.colab import drive
drive.mount('/content/drive')
%cd /content/drive/My\\ Drive/csc413

'''
_DOWNLOAD = """import requests
reply = requests.get("https://www.cs.toronto.edu/colours.json", timeout=5)
PALETTE = reply.json()
import urllib.request
urllib.request.urlretrieve("https://www.cs.toronto.edu/a.npy", "a.npy")
"""
_PERCENT = "# %% [markdown]\n# Part A\n\n# %%\n"
_IMAGE = {"image/png": "iVBORw0KGgo=" * 20_000}

GRADED: dict[str, Callable[[], Files]] = {
    # Encodings
    "byte-order mark": lambda: {"colourization.py": b"\xef\xbb\xbf" + SCRIPT.encode()},
    "utf-16": lambda: {"colourization.py": SCRIPT.encode("utf-16")},
    "windows-1252 without saying so": lambda: {"colourization.py": ("# Zoë’s\n" + SCRIPT).encode("cp1252")},
    "latin-1 that says so": lambda: {
        "colourization.py": ("# -*- coding: latin-1 -*-\n# Zoë\n" + SCRIPT).encode("latin-1")
    },
    "carriage returns": lambda: {"colourization.py": SCRIPT.replace("\n", "\r\n")},
    "old Mac line ends": lambda: {"colourization.py": SCRIPT.replace("\n", "\r")},
    "notebook with a byte-order mark": lambda: {"a2-cnn.ipynb": b"\xef\xbb\xbf" + _notebook().encode()},
    # Notebooks
    "format 3, two worksheets": lambda: {"a2-cnn.ipynb": _format_3()},
    "no metadata": lambda: {"a2-cnn.ipynb": _notebook(metadata=None)},
    "no format": lambda: {"a2-cnn.ipynb": _notebook(nbformat=None, nbformat_minor=None)},
    "odd metadata": lambda: {"a2-cnn.ipynb": _notebook(metadata=["x"], nbformat="4")},
    "state of widgets": lambda: {"a2-cnn.ipynb": _notebook(metadata={"widgets": {"state": {"a": "b" * 500_000}}})},
    "attachments": lambda: {
        "a2-cnn.ipynb": _notebook({"cell_type": "markdown", "source": "x", "attachments": {"a.png": _IMAGE}})
    },
    "very long outputs": lambda: {
        "a2-cnn.ipynb": _notebook(_cell("1", outputs=[{"output_type": "display_data", "data": _IMAGE}] * 20))
    },
    "cells in R and Julia": lambda: {
        "a2-cnn.ipynb": _notebook("%%R\nx <- c(1, 2)", "%%julia\nx = [1 2]\nend", "%%bash\nls")
    },
    "percent script": lambda: {"colourization.py": _PERCENT + SCRIPT.replace("\n\nclass ", "\n\n# %%\nclass ")},
    "exported from Colab": lambda: {"a2-cnn.py": _COLAB + "\n\n".join(_sources())},
    "checkpoints beside it": lambda: {
        "a2-cnn.ipynb": _notebook(),
        ".ipynb_checkpoints/a2-cnn-checkpoint.ipynb": _notebook("class CNN: pass"),
    },
    "model in a written file": lambda: {
        "a2-cnn.ipynb": _notebook("%%writefile model.py\nWIDTH = 3", "from model import *\nassert WIDTH == 3")
    },
    "networks in a written file": lambda: {
        "colourization.ipynb": json.dumps(
            {"nbformat": 4, "cells": [_cell("%%writefile nets.py\n" + LAYERS + NETWORKS), _cell("from nets import *")]}
        )
    },
    "IPython's own calls": lambda: {
        "a2-cnn.ipynb": _notebook(
            "get_ipython().run_line_magic('matplotlib', 'inline')\nget_ipython().system('pip install x')",
            "?torch\ntorch.nn??\n%load_ext autoreload\n%autoreload 2",
        )
    },
    # Folders and company
    "Windows' paths in a zip": lambda: {
        "a2.zip": _zipped({"a2\\src\\colourization.py": SCRIPT, "a2\\__MACOSX\\._x.py": "x"})
    },
    "zip in a zip with __MACOSX": lambda: {
        "a2.zip": _zipped(
            {"a2/inner.zip": _zipped({"colourization.py": SCRIPT}), "__MACOSX/a2/._inner.zip": b"\0\5\x16\7"}
        )
    },
    "Cyrillic and Chinese names": lambda: {"Задание/作业二.py": SCRIPT},
    "decomposed accents": lambda: {unicodedata.normalize("NFD", "modèle/réseau.py"): SCRIPT},
    "a link that leads nowhere": lambda: {"colourization.py": SCRIPT, "data": Path("/nowhere"), "loop": Path("loop")},
    "empty folders": lambda: {"colourization.py": SCRIPT, "plots/": "", "a/b/c/": ""},
    "git and an environment": lambda: {
        "colourization.py": SCRIPT,
        ".git/HEAD": "ref: refs/heads/main",
        ".git/hooks/x.py": "class CNN: pass",
        "myenv/pyvenv.cfg": "home = /usr",
        "myenv/lib/python3/site-packages/torch/nn.py": "class CNN: pass",
        "__pycache__/colourization.cpython-310.pyc": b"\0",
    },
    "pictures and an export beside it": lambda: {
        "a2-cnn.ipynb": _notebook(),
        "a2-cnn.html": "<html>class CNN</html>",
        "loss.png": b"\x89PNG",
        "notes.gdoc": '{"url": "https://docs.google.com/x"}',
    },
    "package with relative imports": lambda: {
        "a2/nets/__init__.py": "from .networks import *\nfrom .layers import MyConv2d\n",
        "a2/nets/layers.py": LAYERS,
        "a2/nets/networks.py": _IMPORTS + "from .layers import MyConv2d, MyDilatedConv2d\n\n" + NETWORKS,
        "a2/colourization.py": "from nets import CNN, UNet\n" + TRAINING.partition("if __name__")[0],
    },
    "path appended": lambda: {
        "src/layers.py": LAYERS,
        "src/networks.py": _IMPORTS + "import sys\nsys.path.append('..')\nfrom layers import *\n\n" + NETWORKS,
    },
    "one file per part": lambda: {
        "partA.py": LAYERS + NETWORKS.partition("class UNet(")[0],
        "partB.py": _IMPORTS + "from partA import *\n\nclass UNet(" + NETWORKS.partition("class UNet(")[2],
    },
    "settings beside it": lambda: {
        **_with(
            "import json\nwith open('settings.json') as f:\n    SETTINGS = json.load(f)\nKERNEL = SETTINGS['kernel']"
        ),
        "settings.json": '{"kernel": 3}',
    },
    # Which file counts
    "starter, draft and final": lambda: {
        "colourization.py": STARTER,
        "colourization_draft.py": SCRIPT.replace("nn.ReLU()", "nn.Tanh()"),
        "colourization_final.py": SCRIPT,
    },
    "a later attempt": lambda: {
        "attempt9/colourization.py": SCRIPT.replace("nn.ReLU()", "nn.Tanh()"),
        "attempt10/colourization.py": SCRIPT,
    },
    # Web pages
    "script saved as a web page": lambda: {"colourization.html": _page(SCRIPT)},
    "web page under a script's name": lambda: {"colourization.py": _page(SCRIPT)},
    "script with entities": lambda: {"colourization.py": html.escape(SCRIPT)},
    "web page of a notebook": lambda: {"a2-cnn.html": _page(*_sources())},
    # What stands at the top level
    "working directory of Colab": lambda: _with("os.chdir('/content/csc413')\nsys.path.insert(0, os.getcwd())"),
    "drive mounted": lambda: {
        "a2-cnn.ipynb": _notebook(
            "from google.colab import drive, files\ndrive.mount('/content/drive')\nup = files.upload()"
        )
    },
    "a GPU is asserted": lambda: _with(
        "assert torch.cuda.is_available(), 'use a GPU'\nprint(torch.cuda.get_device_name(0))"
    ),
    "input and exit": lambda: {"colourization.py": SCRIPT + "\nname = input('name? ')\nexit()\n"},
    "plots and sleep": lambda: _with("plt.figure()\nplt.plot([1])\nplt.show()\ntime.sleep(3600)"),
    "processes guarded": lambda: {
        "colourization.py": SCRIPT.replace(
            "    main()", "    import multiprocessing\n    multiprocessing.set_start_method('spawn')\n    main()"
        )
    },
    "tensorboard and others": lambda: _with(
        "from torch.utils.tensorboard import SummaryWriter\nimport wandb\nwandb.init(project='a2')\n"
        "writer = SummaryWriter('runs')\nfrom torchsummary import summary\nfrom tqdm.notebook import tqdm"
    ),
    "downloads": lambda: _with(_DOWNLOAD),
    "a palette that is not there": lambda: {
        "colourization.py": _with("PALETTE = np.load('colours/mine.npy')\nSIZE = PALETTE.shape[0]")[
            "colourization.py"
        ].replace(
            "def __init__(self, kernel, num_filters, num_colours)",
            "def __init__(self, kernel, num_filters, num_colours=SIZE)",
        )
    },
    "default type of a GPU": lambda: _with(
        "torch.set_default_tensor_type('torch.cuda.FloatTensor')\ntorch.backends.cudnn.benchmark = True"
    ),
    "device at the top": lambda: _with(
        "device = torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')\ntorch.cuda.empty_cache()"
    ),
    "seeds and a profiler": lambda: _with(
        "np.random.seed(0)\ntorch.manual_seed(0)\nimport line_profiler\n@line_profiler.profile\ndef f(): pass"
    ),
    "a decorator that is not there": lambda: {
        "colourization.py": SCRIPT.replace(
            "class CNN(", "import registry_of_mine\n\n@registry_of_mine.register('cnn')\nclass CNN("
        )
    },
    "settings read in a function": lambda: _with(
        "def settings(path):\n    return open(path).read().split()\nWIDTH, HEIGHT = settings('absent.txt')"
    ),
    "a palette in a class": lambda: _above("", "palette = np.load('palette.npy')\ncount = len(palette)"),
    "a number from a file that is not there": lambda: _above(
        "with open('constants.py') as f:\n    PAD = int(f.read())", "pad = PAD"
    ),
    "a command line at the top": lambda: _above(
        "parser = argparse.ArgumentParser()\nparser.add_argument('folder')\nOPTIONS = parser.parse_args()",
        "options = OPTIONS",
    ),
    "a variable of the environment": lambda: _above("HOST = os.environ['COLAB_TPU_ADDR']", "host = HOST"),
    "name of the GPU": lambda: _above("GPU = torch.cuda.get_device_properties(0).name", "gpu = GPU"),
    "output of a program": lambda: _above(
        "import subprocess\nGPU = subprocess.check_output(['nvidia-smi'])", "gpu = GPU"
    ),
    "data set that is downloaded": lambda: _above(
        "import torchvision\nDATA = torchvision.datasets.CIFAR10('data', download=True)\nCLASSES = DATA.classes",
        "classes = CLASSES",
    ),
    "weights that are loaded": lambda: _above(
        "WEIGHTS = torch.load('weights/cnn_k3_f32.pkl', map_location='cpu')", "weights = WEIGHTS"
    ),
    "data frame": lambda: _above(
        "import pandas as pd\nRGB = pd.read_csv('colours.csv')[['r', 'g', 'b']].values\nCOUNT = int(RGB.shape[0])",
        "rgb = torch.tensor(RGB / 255.0)",
    ),
    "settings beside the script's own path": lambda: {
        **_above(
            "from pathlib import Path\nCONFIG = json.loads((Path(__file__).parent / 'config.json').read_text())",
            "kernel = CONFIG['kernel'] / 1.0",
            "import json\n",
        ),
        "config.json": '{"kernel": 3}',
    },
    "palette handed in as the course has it": lambda: {
        **_above(
            "COLOURS = np.load('colours/colour_kmeans24_cat7.npy', allow_pickle=True)[0]", "kept = 1 / COLOURS.shape[1]"
        ),
        "colours/colour_kmeans24_cat7.npy": _pickled_array(),
    },
    "an array beside it": lambda: {
        "a2/colourization.py": _above("MEAN = np.load('data/mean.npy')", "mean = 1 / MEAN.shape[0]")[
            "colourization.py"
        ],
        "a2/data/mean.npy": _array(np.ones(3)),
    },
    "a table beside it, in a zip": lambda: {
        "upload.zip": _zipped(
            {
                **_above("import csv\nROWS = list(csv.reader(open('rows.csv')))", "row = ROWS[1][0] + 'x'"),
                "rows.csv": "r,g,b\n1,2,3\n",
            }
        )
    },
    "shadowed builtins": lambda: {"colourization.py": SCRIPT + "\nlist = [1]\ninput = 3\nid = 4\n"},
}

REFUSED: dict[str, tuple[Callable[[], Files], str]] = {
    "rar": (lambda: {"a2.rar": b"Rar!\x1a\x07"}, "pack it as a .zip"),
    "7z": (lambda: {"a2.7z": b"7z\xbc\xaf\x27\x1c"}, "pack it as a .zip"),
    "a script under .txt": (lambda: {"colourization.py.txt": SCRIPT}, "let it end in .py"),
    "compiled only": (lambda: {"colourization.pyc": b"\0"}, "is compiled"),
    "pictures only": (lambda: {"shot.png": b"\x89PNG"}, "There is no code"),
    "code in a document": (lambda: {"code.docx": b"PK"}, "is a document"),
    "a link to a document": (lambda: {"a2-cnn.gdoc": "{}"}, "is only a link"),
    "web page of the notebook": (lambda: {"a2-cnn.html": "<html>"}, "is an export"),
    "web page named as the notebook": (lambda: {"a2-cnn.ipynb": "<!DOCTYPE html><html>"}, "is a web page"),
    "notebook that breaks off": (lambda: {"a2-cnn.ipynb": _notebook()[:-500]}, "breaks off"),
    "prose named as a script": (lambda: {"colourization.py": "Dear TA,\nsee my other file.\n"}, "looks like no Python"),
    "a document named as a script": (lambda: {"colourization.py": b"PK\x03\x04\0\0"}, "is not text, but a zip archive"),
    "lock file alone": (lambda: {"~$code.docx": b"\0" * 162}, "is the lock file"),
    "zip that breaks off": (lambda: {"a2.zip": _zipped({"colourization.py": SCRIPT})[:-200]}, "breaks off"),
    "empty script": (lambda: {"colourization.py": ""}, "is empty"),
    "empty notebook": (lambda: {"a2-cnn.ipynb": ""}, "is empty"),
    "notebook of text": (
        lambda: {"a2-cnn.ipynb": json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown", "source": SCRIPT}]})},
        "has no code in it: the class",
    ),
    "notebook without code": (lambda: {"a2-cnn.ipynb": '{"nbformat": 4, "cells": []}'}, "has no code in it"),
}
