"""Which top-level statements only define something, and what others are said to do."""

from __future__ import annotations

import pytest
from code_files import NETWORK, PLAIN


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
    assert not loaded.skipped and not loaded.failures
