"""What the outline says of a submission, from reading alone."""

from __future__ import annotations

import json

import pytest
from code_files import script

from grader.exam.replies import read_reply
from grader.worker.protocol import Cell, CodeFile, FileOutline, Method, OutlineSource, reply_to_json
from grader.worker.source.outline import outline


def of(text: str, path: str = "models.py", **others: str) -> FileOutline:
    files = [script(text, path)]
    files += [script(other, f"{name}.py") for name, other in others.items()]
    reply = outline(files)
    sent = json.loads(json.dumps(reply_to_json(reply), allow_nan=False))
    assert read_reply(OutlineSource(files=()), sent) == reply
    return reply.files[0]


def test_classes_are_listed_with_lines_bases_and_methods():
    text = (
        "import torch.nn as nn\n\n@decorated\nclass CNN(nn.Module):\n    def __init__(self, k, *a, z=1, **kw):\n"
        "        self.k = k\n    def forward(self, x):\n        pass\n"
    )
    (entry,) = of(text).classes
    assert (entry.name, entry.line, entry.end_line, entry.cell) == ("CNN", 4, 8, None)
    assert entry.bases == ("nn.Module",)
    assert entry.methods["__init__"] == Method(5, ("self", "k", "*a", "z", "**kw"), empty=False)
    assert entry.methods["forward"].empty


@pytest.mark.parametrize(
    ("body", "empty"),
    [
        ("pass", True),
        ("...", True),
        ("'text'", True),
        ("'text'\n        pass", True),
        ("return", True),
        ("return None", True),
        ("raise NotImplementedError", True),
        ("raise NotImplementedError('write me')", True),
        ("return x", False),
        ("return 0", False),
        ("raise ValueError", False),
        ("print('here')", False),
    ],
)
def test_an_unwritten_method_is_called_empty(body, empty):
    (entry,) = of(f"class CNN:\n    def forward(self, x):\n        {body}\n").classes
    assert entry.methods["forward"].empty is empty


def test_a_class_defined_twice_or_in_a_block_is_listed_each_time():
    text = "class A: pass\nif x:\n    class A: pass\nelse:\n    class B: pass\ndef f():\n    class C: pass\n"
    file = of(text)
    assert [(entry.name, entry.line) for entry in file.classes] == [("A", 1), ("A", 3), ("B", 5)]
    assert [(entry.name, entry.line) for entry in file.functions] == [("f", 6)]


def test_lines_in_a_notebook_are_lines_of_the_cell():
    cells = Cell(2, "!ls\nimport os"), Cell(5, "\nclass A:\n    x = = 1\nclass B: pass")
    file = outline([CodeFile("a2.ipynb", cells)]).files[0]
    assert [(entry.name, entry.cell, entry.line) for entry in file.classes] == [("B", 5, 4)]
    (problem,) = file.problems
    assert (problem.cell, problem.line, problem.text, problem.definition) == (5, 3, "x = = 1", "A")
    assert [(note.cell, note.line, note.text) for note in file.notes] == [(2, 1, "!ls")]
    assert file.imports == ("os",)


IMPORTS = (
    "import torch\nimport torch.nn as nn\nfrom torch import nn as n2\nimport torch.nn.functional as F\n"
    "from torch.nn.functional import conv2d as c2\nimport functools\n"
)


@pytest.mark.parametrize(
    ("call", "resolved"),
    [
        ("F.conv2d(x)", "torch.nn.functional.conv2d"),
        ("torch.nn.functional.conv2d(x)", "torch.nn.functional.conv2d"),
        ("n2.Conv2d(1)", "torch.nn.Conv2d"),
        ("c2(x)", "torch.nn.functional.conv2d"),
        ("local(x)", "torch.nn.functional.conv2d"),
        ("self.op(x)", "torch.nn.functional.conv2d"),
        ("getattr(F, 'conv2d')(x)", "torch.nn.functional.conv2d"),
        ("helper.own(x)", "torch.nn.functional.conv2d"),
        ("super().__init__()", "torch.nn.Conv2d.__init__"),
        ("super(A, self).forward(x)", "torch.nn.Conv2d.forward"),
        ("growing.f(x)", "growing.f"),
    ],
)
def test_names_are_followed_through_imports_and_assignments(call, resolved):
    text = (
        IMPORTS + "import helper\nclass A(nn.Conv2d):\n    def f(self, x):\n        local = F.conv2d\n"
        f"        self.op = local\n        growing = growing.next\n        {call}\n"
    )
    (entry,) = of(text, helper="from torch.nn.functional import *\nown = conv2d\n").classes
    assert resolved in [call.resolved for call in entry.calls]


@pytest.mark.parametrize(
    ("call", "dilates"),
    [
        ("F.conv2d(x, w, b, 1, 1, 2)", True),
        ("F.conv2d(x, w, b, 1, 1, self.d)", True),
        ("F.conv2d(x, w, b, 1, 1, 1)", False),
        ("F.conv2d(x, w, dilation=self.d)", True),
        ("F.conv2d(x, w, dilation=(1, 1))", False),
        ("F.conv2d(*(x, w, b, 1, p, self.d))", True),
        ("F.conv2d(x, w, *[b, 1, p, self.d])", True),
        ("numbers = (b, 1, p, self.d)\n        F.conv2d(x, w, *numbers)", True),
        ("F.conv2d(*(x, w, b, 1, p, 1))", False),
        ("F.conv2d(*parts)", False),
        ("F.conv2d(x, w, dilation=(2, 1))", True),
        ("F.conv2d(x, w, padding=2)", False),
        ("F.conv2d(x, w, **{'dilation': 2})", True),
        ("F.conv2d(x, w, **options)", True),
        ("F.conv_transpose2d(x, w, b, 1, 1, 0, 1, 2)", True),
        ("F.conv_transpose2d(x, w, b, 1, 1, 2)", False),
        ("nn.Conv2d(1, 2, 3, 1, 1, 2)", True),
        ("nn.Conv2d(1, 2, 3, 1, 1)", False),
        ("nn.ConvTranspose2d(1, 2, 3, 1, 1, 0, 1, True, 2)", True),
        ("nn.Unfold(3, 2)", True),
        ("F.unfold(x, 3, 2)", True),
        ("F.unfold(x, 3)", False),
        ("torch.conv2d(x, w, b, 1, 1, 2)", True),
        ("functools.partial(F.conv2d, dilation=2)", True),
        ("super().__init__(1, 2, 3, 1, 1, 2)", True),
        ("nn.Conv2d.__init__(self, 1, 2, 3, 1, 1, 2)", True),
        ("nn.Conv2d.__init__(self, 1, 2, 3, 1, 1)", False),
        ("MyDilatedConv2d(1, 2, 3, dilation=2)", False),
    ],
)
def test_only_a_dilation_given_to_an_operation_of_torch_dilates(call, dilates):
    text = IMPORTS + f"options = dict(dilation=2)\nclass A(nn.Conv2d):\n    def f(self, x):\n        {call}\n"
    (entry,) = of(text).classes
    assert any(call.dilates for call in entry.calls) is dilates


def test_a_function_that_the_class_calls_shows_its_own_calls():
    (entry,) = of("import torch.nn.functional as F\ndef g(x, w, d):\n    return F.conv2d(x, w, dilation=d)\n").functions
    assert [call.dilates for call in entry.calls] == [True]


def test_files_keep_their_order_and_nothing_is_run(tmp_path):
    mark = tmp_path / "ran"
    text = f"open({str(mark)!r}, 'w')\nclass A:\n    open({str(mark)!r}, 'w')\n"
    files = [script(text, path) for path in ("b.py", "a.py")]
    assert [file.path for file in outline(files).files] == ["b.py", "a.py"]
    assert not mark.exists()


def test_python_2_and_relative_imports_are_reported():
    file = of("from .models import CNN\nimport os.path\nprint 'a'\n")
    assert file.imports == (".models", "os.path")
    assert [(note.line, note.reason) for note in file.notes] == [(3, "translated from Python 2")]


def test_what_a_definition_uses_is_followed_through_aliases_and_files() -> None:
    files = [
        script("from .b import Block as B\nconv = torch.conv2d\n"
            "def helper(x): return [conv][0](x)\nclass Net(B):\n    def forward(self, x):\n"
            "        return helper(x) if isinstance(x, torch.nn.Conv2d) else getattr(torch, 'relu')(x)\n", "a.py"),
        script("class Block: pass\n", "b.py"),
    ]  # fmt: skip
    (one, _) = outline(files).files
    assert one.classes[0].uses == {"Block": 4, "helper": 6, "torch.relu": 6, "torch.nn": 6}
    assert one.functions[0].uses == {"torch.conv2d": 3}
    assert one.values[0].uses == {"torch.conv2d": 2}


@pytest.mark.parametrize(
    ("body", "spare"),
    [
        ("self.old = nn.Conv2d(3, 3, 3)", {"torch.nn.Conv2d": ("old",)}),
        ("self.old = nn.Linear(3, 3)\n        self.other = nn.Linear(3, 3)", {"torch.nn.Linear": ("old", "other")}),
        ("self.old = nn.Conv2d(3, 3, 3)\n        self.old(x)", {}),
        ("self.old = nn.Conv2d(3, 3, 3)\n        getattr(self, 'old')(x)", {}),
        ("self.old = nn.Conv2d(3, 3, 3)\n        x = nn.Conv2d(3, 3, 3)(x)", {}),
        ("for i in range(3): self.old = nn.Conv2d(3, 3, 3)", {}),
        ("x = nn.Conv2d(3, 3, 3)(x)", {}),
    ],
)  # fmt: skip
def test_a_layer_that_nothing_reads_is_spare(body: str, spare: dict[str, tuple[str, ...]]) -> None:
    source = f"import torch.nn as nn\nclass A(nn.Module):\n    def __init__(self, x):\n        {body}\n"
    (one,) = outline([script(source, "a.py")]).files
    assert one.classes[0].spare == spare


def test_a_class_that_something_is_only_compared_with_is_not_used() -> None:
    source = "import torch.nn as nn\ndef f(m):\n    isinstance(m, (nn.Conv2d, A))\n    return type(m) == nn.Linear\n"
    (one,) = outline([script(source, "a.py")]).files
    assert set(one.functions[0].uses) == {"torch.nn"}


def test_places_in_a_notebook_are_called_by_the_headings_of_their_cells():
    cells = Cell(2, "x = (", "Part A"), Cell(4, "%%writefile models.py\ny = (", "Part B"), Cell(5, "z = (")
    files = outline([CodeFile("a2.ipynb", cells)]).files
    places = [file.place(problem.cell, problem.line) for file in files for problem in file.problems]
    assert places == [
        'a2.ipynb, cell 2 under "Part A", line 1',
        "a2.ipynb, cell 5, line 1",
        'a2.ipynb, cell 4 under "Part B", line 2',
    ]
