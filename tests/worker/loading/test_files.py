"""Files as modules: their text and names, and which of their statements are needed."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle

import torch
from code_files import NETWORK, PLAIN, reasons


def test_a_local_variable_of_a_method_needs_no_global_of_that_name(loading):
    text = (
        NETWORK
        + "loss = launch()\nclass CNN(nn.Module):\n    def forward(self, x):\n        loss = x\n        return loss\n"
    )
    loaded = loading({"models.py": text})
    assert reasons(loaded.skipped) == {"loss = launch()": "calls launch() at the top level"}


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
