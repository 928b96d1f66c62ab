"""Source that could bend the worker's word is named with its lines; honest source, however odd, is not."""

# ruff: noqa: E501 - sources are data, one a line
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from code_files import script
from places import ROOT

from grader.checks.trust import doubts
from grader.intake import find, read
from grader.worker.protocol import Cell, CodeFile, Outline
from grader.worker.source.outline import outline_of
from grader.worker.source.reading import read as read_source
from grader.worker.source.unusual import unusual

HEAD = "import torch, torch.nn as nn, torch.nn.functional as F, sys, gc, os, pickle, io, builtins\n"
SUBMISSIONS = [
    *sorted((ROOT / "fixtures" / "submissions").glob("*/*/submission")),
    *sorted((ROOT / "student_template").iterdir()),
    *sorted((ROOT / "fixtures" / "cohort").iterdir()),
]


def constructs(source: str, path: str = "a.py") -> list[str]:
    found = unusual(read_source([script(HEAD + source, path)]))
    return [code.construct for code in found[path]]


@pytest.mark.slow
@pytest.mark.parametrize("folder", SUBMISSIONS, ids=lambda path: "-".join(path.relative_to(ROOT).parts[1:4]))
def test_no_honest_submission_is_doubted(folder: Path) -> None:
    for found in find([folder], mode="one").found:
        files = [
            CodeFile(file.path, tuple(Cell(cell.number, cell.source) for cell in file.cells))
            for file in read(found).code
        ]
        assert not any(unusual(read_source(files)).values())


@pytest.mark.parametrize(
    "source",
    [
        "IN_COLAB = 'google.colab' in sys.modules",
        "gc.collect()\nsys.path.append('..')\nsys.setrecursionlimit(5000)",
        "torch.backends.cudnn.deterministic = True\ntorch.manual_seed(0)",
        "class AttrDict(dict):\n    def __init__(self, *a):\n        super().__init__(*a)\n        self.__dict__ = self",
        "print(self.__class__.__name__, torch.__version__, torch)",
        "with open('x', 'rb') as f: data = pickle.load(f, encoding='latin1')\nmodel.load_state_dict(torch.load('a.pkl'))",
        "for i in range(3): setattr(self, 'conv%d' % i, nn.Conv2d(1, 1, 3))\nblock = getattr(self, 'conv%d' % i)",
        "act = getattr(F, name)(x)\nopt = getattr(torch.optim, args.optimizer)(p)",
        "import matplotlib\nmatplotlib.use('Agg')\nimport re\nre.compile('x')\nmodel.compile()\nmodel.eval()",
        "class Net(nn.Module):\n    def parameters(self): return []\n    def __call__(self, x): return x\n    def train(self, mode=True): return self",
        "def eval(x): return x\neval(3)",
        "def train(m): eval(m)\ndef eval(x): return x",
        "args = type('Args', (), {})()\nother = type('Args', (object,), {'a': 1})",
        "import collections, collections.abc\ncollections.Iterable = collections.abc.Iterable\nos.environ['A'] = 'b'",
        "getattr(model, 'layer' + str(i))\nname = args.activation\ngetattr(F, name)",
        "from math import *\nfrom torch.nn import *\nfrom pylab import *\nfrom numpy import *\nfrom torch.utils.data import *",
        "match p:\n    case Point(x=0): pass",
        "import numpy as np\nnp.float = float\nnp.bool8 = bool",
        "from torch.nn.modules.utils import _pair\nfrom torch.nn.modules.conv import _ConvNd\n_pair(3)\nisinstance(m, _ConvNd)",
        "nn.init._calculate_fan_in_and_fan_out(w)\nfrom torch._six import inf\nx = inf",
        "if getattr(m, '__class__').__name__ == 'Conv2d': pass",
        "from abc import ABCMeta\nclass A(metaclass=ABCMeta): pass",
        "assert isinstance(x, torch.Tensor) and hasattr(torch, 'compile')",
        "text = 'a frame, exec and eval in a string'  # sys._getframe in a comment",
        "model.classifier[4].weight.requires_grad = False\nfor block in self._modules.values(): x = block(x)",
        "import os\nos.system('ls')\nos.makedirs('a')\nimport subprocess\nsubprocess.call(['ls'])",
        "from torch.autograd import Function\nclass Mine(Function):\n    @staticmethod\n    def forward(ctx, x): return x",
    ],
)
def test_what_honest_code_does_is_not_unusual(source: str) -> None:
    assert constructs(source) == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("sys._getframe(1)", "sys._getframe"),
        ("from sys import _getframe as g\ng()", "sys._getframe"),
        ("getattr(sys, '_get' + 'frame')", "getattr(sys, …)"),
        ("getattr(sys, '_getframe')()", "'_getframe'"),
        ("[sys][0]._current_frames()", "…._current_frames"),
        ("from gc import get_objects\nget_objects()", "gc.get_objects"),
        ("T = torch.Tensor\nT.numel = lambda s: 0", "torch.Tensor.numel = …"),
        ("F.conv2d = mine", "torch.nn.functional.conv2d = …"),
        ("del torch.cat", "torch.cat = …"),
        ("for torch.cat in x: pass", "torch.cat = …"),
        ("torch.__dict__['cat'] = mine", "torch.__dict__[…] = …"),
        ("vars(torch).update(cat=mine)", "vars(torch)"),
        ("setattr(nn.Module, name, mine)", "setattr(torch.nn.Module, …)"),
        ("def change(m): m.cat = mine\nchange(torch)", "torch as a value"),
        ("modules = {'t': builtins}", "builtins as a value"),
        ("eval('x')", "eval"),
        ("[exec][0]('x')", "exec"),
        ("builtins.exec('x')", "builtins.exec"),
        ("__builtins__['exec']('x')", "__builtins__"),
        ("sys.modules['worker.answers']", "sys.modules"),
        ("import importlib as i\ni.import_module('worker')", "importlib.import_module"),
        ("().__class__.__base__.__subclasses__()", "….__subclasses__"),
        ("x.__class__ = Y", "….__class__ = …"),
        ("class M(type):\n    def __instancecheck__(c, o): return True", "def __instancecheck__"),
        ("class A(metaclass=M): pass", "a metaclass"),
        ("class A(torch.Tensor): pass", "a subclass of torch.Tensor"),
        ("pickle.load(io.BytesIO(data))", "pickle.load(io.BytesIO(…))"),
        ("from torch.utils._python_dispatch import _disable_current_modes as off\noff()", "torch.utils._python_dispatch._disable_current_modes"),
        ("import threading\nthreading.Thread(target=f).start()", "threading.Thread"),
        ("os.write(3, b'')", "os.write"),
        ("class A:\n    def sys(self): pass\nsys.modules", "sys.modules"),
        ("def f():\n    def eval(x): pass\neval('x')", "eval"),
        ("def sys(): pass\nsys.modules", "sys.modules"),
        ("from torch.testing._internal.logging_tensor import no_dispatch as off\noff()", "torch.testing._internal.logging_tensor.no_dispatch"),
        ("getattr(torch, '_C')", "torch._C"),
        ("torch.nn.modules.module._global_forward_hooks", "torch.nn.modules.module._global_forward_hooks"),
        ("object.__setattr__(x, '__class__', Y)", "object.__setattr__(…, '__class__', …)"),
        ("setattr(x, '__class__', Y)", "setattr(…, '__class__', …)"),
        ("x.is_meta", "x.is_meta"),
        ("x.storage().device", "….storage().device"),
        ("open(3, 'wb')", "open() of a descriptor"),
        ("import typing\ntyping.sys.modules", "sys.modules"),
        ("F.torch._C", "torch._C"),
        ("import sys as m\nm.modules\nimport math as m", "sys.modules"),
        ("if len([]):\n    def eval(x): pass\neval('x')", "eval"),
        ("try: pass\nexcept ZeroDivisionError:\n    class exec: pass\nexec('x')", "exec"),
        ("@f\ndef eval(x): pass\neval('x')", "eval"),
        ("from sys import *", "from sys import *"),
        ("from torch.library import *", "from torch.library import *"),
        ("match x:\n    case object(tb_frame=f): pass", "case object(tb_frame=…)"),
        ("match nn:\n    case object(Conv2d=f): pass", "case object(Conv2d=…)"),
        ("type('A', (torch.Tensor,), {})", "type(…, bases, …)"),
        ("getattr(x, 'tb_' + 'frame')", "getattr(x, 'tb_' + 'frame')"),
        ("a = 'frame'\ngetattr(x, f'tb_{a}')", "getattr(x, f'tb_{a}')"),
        ("name = 'conv%dd' % 2\ngetattr(F, name)", "getattr(F, name)"),
        ("setattr(self, '__torch_' + end, f)", "setattr(self, '__torch_' + end)"),
        ("import contextlib\ncontextlib.suppress = Calm", "contextlib.suppress = …"),
        ("import contextlib\ncontextlib.suppress.__exit__ = f", "contextlib.suppress.__exit__ = …"),
        ("from torch.utils.flop_counter import FlopCounterMode as M\nclass A(M): pass", "a subclass of torch.utils.flop_counter.FlopCounterMode"),
        ("from concurrent.futures import thread\nthread.threading.Thread(target=f)", "threading.Thread"),
    ],
)  # fmt: skip
def test_what_could_reach_the_examiner_is_named(source: str, what: str) -> None:
    assert what in constructs(source)


def test_the_submissions_own_modules_may_have_any_name() -> None:
    files = [
        script("def load(): pass\n", "worker.py"),
        script("import worker\nworker.load()\n", "main.py"),
    ]
    assert not any(unusual(read_source(files)).values())


@pytest.mark.parametrize("path", ["sys.py", "torch.py", "ctypes.py"])
def test_names_are_reported_even_if_a_file_has_the_name_of_their_module(path: str) -> None:
    found = constructs("sys.modules\nimport ctypes\nctypes.cast\ntorch._C\n", path)
    assert {"sys.modules", "ctypes.cast", "torch._C"} <= set(found)


def test_doubts_name_file_and_line_and_are_few() -> None:
    sources = read_source([CodeFile("a.ipynb", (Cell(3, "import sys\n" + "sys._getframe()\n" * 30),))])
    (file,) = outline_of(sources).files
    (flag,) = doubts(Outline((replace(file, unusual=unusual(sources)["a.ipynb"]),)))
    assert flag.kind == "untrusted-evidence" and "cell 3, line 2: sys._getframe" in flag.detail
    assert "and 15 more" in flag.detail and len(flag.detail) < 500


def test_a_name_that_cannot_be_followed_to_its_end_is_reported() -> None:
    chain = "import torch\na0 = torch\n" + "".join(f"a{number + 1} = a{number}\n" for number in range(250))
    long = "import torch\nx = torch" + ".nn.functional.torch" * 12 + ".zeros(1)\n"
    growing = "import torch\nx = torch.zeros(1)\nx = x.data\nx = x.T\nprint(x.shape)\n"
    assert [bool(found) for found in map(constructs, (chain + "a250.x()\n", long, growing))] == [True, True, False]
