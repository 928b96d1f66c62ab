"""Statements at the top level that change a class, what it uses, or torch: they are run, or a person is told."""

from __future__ import annotations

import pytest
import torch
from code_files import NETWORK, reasons
from torch import nn
from torch.nn import functional as F

CLASSES = (
    NETWORK
    + """
class CNN(nn.Module):
    def forward(self, x):
        return "as written"
class UNet(CNN):
    pass
class Other:
    pass
def better(self, x):
    return "changed"
def same(value):
    return value
def patch(cls, name="forward"):
    setattr(cls, name, better)
    return cls
"""
)


def said_by(loaded, name="UNet"):
    return loaded.classes[name]().forward(None)


@pytest.mark.parametrize(
    "statements",
    [
        "UNet.forward = better",
        "UNet.forward = same(better)",
        "setattr(UNet, 'forward', better)",
        "type.__setattr__(UNet, 'forward', better)",
        "for c in (CNN, UNet): c.forward = same(better)",
        "for c in [CNN, UNet]:\n    setattr(c, 'forward', better)",
        "for name, c in {'u': UNet}.items():\n    c.forward = same(better)",
        "[setattr(c, 'forward', better) for c in (CNN, UNet)]",
        "list(map(patch, [UNet]))",
        "patch(UNet)",
        "UNet = patch(UNet)",
        "(lambda: None)()\nfix = lambda c: setattr(c, 'forward', better)\nfix(UNet)",
        "def fix():\n    UNet.forward = better\nfix()",
        "def fix():\n    def inner(c):\n        c.forward = better\n    inner(UNet)\nfix()",
        "def fix(*classes):\n    for c in classes:\n        c.forward = better\nfix(CNN, UNet)",
        "def fix(**classes):\n    for c in classes.values():\n        c.forward = better\nfix(u=UNet)",
        "Net = UNet\nNet.forward = same(better)",
        "nets = {}\nnets['u'] = UNet\nnets['u'].forward = same(better)",
        "nets = []\nnets.append(UNet)\nnets[0].forward = same(better)",
        "globals()['UNet'].forward = same(better)",
        "for name in ('CNN', 'UNet'):\n    globals()[name].forward = same(better)",
        "net = UNet()\nnet.__class__.forward = same(better)",
        "net = UNet()\ntype(net).forward = same(better)",
        "class Fix:\n    def __call__(self, c):\n        c.forward = better\nFix()(UNet)",
        "class Fix:\n    def __init__(self, c):\n        c.forward = better\nFix(UNet)",
        "class Fix:\n    def apply(self, c):\n        c.forward = better\nFix().apply(UNet)",
        "if True:\n    setattr(UNet, 'forward', better)",
        "if same(True):\n    setattr(UNet, 'forward', better)",
        "try:\n    patch(UNet)\nexcept Exception:\n    pass",
        "with torch.no_grad():\n    patch(UNet)",
        "if __name__ == '__main__':\n    patch(UNet)",
        "words = {'said': 'as written'}\ndef say(self, x):\n    return words['said']\nUNet.forward = say\n"
        "def change():\n    words['said'] = 'changed'\nchange()",
        "word = 'as written'\ndef say(self, x):\n    return word\nUNet.forward = say\n"
        "def change():\n    global word\n    word = 'changed'\nchange()",
    ],
)
def test_what_changes_a_class_is_run(loading, statements):
    loaded = loading({"a.py": CLASSES + statements})
    assert said_by(loaded) == "changed"
    assert not loaded.changes and not loaded.failures


@pytest.mark.parametrize(
    "helper",
    ["from helper import fix\nfix(UNet)", "import helper\nhelper.fix(UNet)", "from helper import *\nfix(UNet)"],
)
def test_a_function_of_another_file_is_followed(loading, helper):
    loaded = loading(
        {"a.py": CLASSES + helper, "helper.py": "def fix(c):\n    c.forward = lambda self, x: 'changed'\n"}
    )
    assert said_by(loaded) == "changed" and not loaded.changes


@pytest.mark.parametrize(
    "statements",
    [
        "cnn = CNN()\ncnn.apply(same)\ncnn.train()\ncnn.forward = same(better)\ntorch.save(cnn.state_dict(), 'cnn')",
        "for c in (CNN, UNet):\n    net = c()\n    net.eval()\n    net.name = 'x'\n    print(net)",
        "for net in (CNN(), UNet()):\n    net.eval()\n    net.name = 'x'",
        "def train(args, net=None):\n    args.best = 3\n    net = net or CNN()\n    net.out = 1\n    loss.backward()\n"
        "class Args(dict):\n    def __init__(self):\n        self.__dict__ = self\nargs = Args()\ncnn = train(args)",
        "def run(model):\n    net = model()\n    for p in net.parameters():\n        p.grad = None\n    return net\n"
        "results = {}\nfor name, c in {'cnn': CNN, 'unet': UNet}.items():\n    results[name] = run(c)",
        "patch(Other)",
        "print(CNN)\nhelp(UNet)\nfrom torchsummary import summary\nsummary(UNet, (1, 32, 32))",
        "torch.manual_seed(0)\ntorch.backends.cudnn.benchmark = True\ntorch.set_num_threads(2)",
        "torch.set_default_dtype(torch.float32)\ntorch.set_default_tensor_type('torch.cuda.FloatTensor')",
        "torch.set_grad_enabled(False)\nprint(CNN()(None))\ntorch.set_grad_enabled(True)",
        "with torch.set_grad_enabled(False):\n    print(CNN())",
        "import os, sys\nos.environ['x'] = '1'\nsys.path.append('.')\n"
        "import matplotlib.pyplot as plt\nplt.rcParams['figure.figsize'] = (3, 3)",
    ],
)
def test_what_only_uses_classes_is_left_out_without_a_word_to_a_person(loading, capsys, statements):
    loaded = loading({"a.py": CLASSES + statements})
    assert said_by(loaded) == "as written" and capsys.readouterr().out == ""
    assert not loaded.changes and not any("anyway" in why for why in reasons(loaded.skipped).values())


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ("from not_handed_in import fix\nfix(UNet)", "it hands a class to code that was not handed in"),
        ("def main():\n    UNet.forward = better\n    loss.backward()\nmain()", "it trains a network"),
        ("for epoch in range(3):\n    UNet.forward = better\n    optimizer.step()", "it trains a network"),
        (
            "if True:\n    for epoch in range(3):\n        UNet.x = same(1)\n        optimizer.step()",
            "it trains a network",
        ),
        ("setattr(UNet, 'forward', nowhere())", "it did not run to its end"),
        ("def fix(c):\n    while True: pass\n    c.forward = 3\nfix(UNet)", "it did not run to its end"),
    ],
)
def test_a_change_that_is_not_made_goes_to_a_person(loading, statements, why):
    (change,) = loading({"a.py": CLASSES + statements}, seconds=0.2).changes
    assert change.names == ("UNet",) and change.reason == why and not change.ran and not change.torch
    assert change.place.startswith("a.py, line ") and change.text


@pytest.fixture
def torch_as_before(monkeypatch):
    monkeypatch.setattr(F, "conv2d", F.conv2d)
    monkeypatch.setattr(nn.Conv2d, "forward", nn.Conv2d.forward)
    yield
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("statements", "name"),
    [
        ("F.conv2d = better", "torch.nn.functional.conv2d"),
        ("setattr(F, 'conv2d', better)", "torch.nn.functional.conv2d"),
        ("for module in (F,):\n    module.conv2d = better", "torch.nn.functional.conv2d"),
        ("nn.Conv2d.forward = better", "torch.nn.Conv2d.forward"),
        ("torch.set_grad_enabled(False)", "torch.set_grad_enabled"),
        ("torch.no_grad().__enter__()", "torch.set_grad_enabled"),
        ("def off():\n    torch.set_grad_enabled(False)\noff()", "torch.set_grad_enabled"),
    ],
)
def test_a_change_of_torch_is_made_and_goes_to_a_person(loading, torch_as_before, statements, name):
    start = NETWORK + "def better(*arguments):\n    return 'changed'\n"
    before = (F.conv2d, nn.Conv2d.forward, torch.is_grad_enabled())
    (change,) = loading({"a.py": f"{start}{statements}\n{CLASSES}"}).changes
    assert change.names == (name,) and change.torch and change.ran
    assert (F.conv2d, nn.Conv2d.forward, torch.is_grad_enabled()) != before


def test_another_default_type_goes_to_a_person_and_is_not_set(loading, torch_as_before):
    (change,) = loading({"a.py": f"import torch\ntorch.set_default_dtype(torch.float64)\n{CLASSES}"}).changes
    assert not change.ran and torch.get_default_dtype() is torch.float32


@pytest.mark.parametrize(
    ("program", "said", "ran"),
    [
        ("from models import CNN, UNet, better\nsetattr(UNet, 'forward', better)", "changed", True),
        ("from models import *\nsetattr(UNet, 'forward', better)", "changed", True),
        ("import models\nmodels.UNet.forward = models.same(models.better)", "changed", True),
        ("from models import UNet, patch\nUNet = patch(type('Copy', (UNet,), {}))", "as written", False),
    ],
)
def test_a_program_that_changes_the_classes_it_imports_goes_to_a_person(loading, program, said, ran):
    loaded = loading({"models.py": CLASSES, "main.py": program})
    (change,) = loaded.changes
    assert said_by(loaded) == said and change.ran is ran and change.place == "main.py, line 2"


def test_a_program_that_only_uses_what_it_imports_is_not_run(loading):
    loaded = loading({"models.py": CLASSES, "main.py": "from models import UNet\nnet = UNet()\nnet.x = 3\n"})
    assert "main.py" not in loaded.namespaces and not loaded.changes
