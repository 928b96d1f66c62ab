"""A file looks like Python if it has a class or a function of Python, or consists of its statements."""

from __future__ import annotations

import pytest
from code_files import notebook, script

from grader.worker.source.appearance import looks_like_python
from grader.worker.source.reading import read

PYTHON = [
    "import torch\n",
    "WIDTH = 3\nHEIGHT = 4  # pixels\n",
    "print('hello')\n",
    "print 'hello'\n",
    "def f(x):\n  return = 1\n",
    "class CNN(nn.Module:\n    pass\nclass UNet(nn.Module):\n  x = = 1\n",
    "!pip install torch\nimport torch\n",
]
OTHER = [
    "hello",
    "This is my solution.\nPlease see the notebook.\n",
    '{"a": [1, 2], "b": null}\n',
    "1,2,3\n4,5,6\n",
    "name: torch\nversion: 1\n",
    "# a comment alone\n",
    '"""A text alone."""\n',
    "#include <stdio.h>\nint main() {\n  int x = 5;\n  return 0;\n}\n",
    "import java.util.List;\npublic class CNN {\n  int x = 1;\n}\n",
    "function y = f(x)\ny = x * 2;\nend\n",
    "x <- c(1, 2)\nf <- function(x) {\n  x\n}\n",
    "const x = 5;\nclass A extends B {\n  constructor() { }\n}\n",
    "\\documentclass{article}\n\\begin{document}\nHello\n\\end{document}\n",
    "",
]


@pytest.mark.parametrize(("text", "expected"), [(text, True) for text in PYTHON] + [(text, False) for text in OTHER])
def test_classes_functions_and_statements_tell_python_from_the_rest(text: str, expected: bool) -> None:
    assert looks_like_python(read([script(text)])[0]) is expected


def test_a_notebook_with_one_cell_of_python_is_python() -> None:
    assert looks_like_python(read([notebook("prose in a cell", "def f():\n    pass\n")])[0])
