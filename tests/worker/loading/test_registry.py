"""What the interpreter's tables keep of a submission, and for how long."""

from __future__ import annotations

import sys


def test_the_next_submission_finds_nothing_of_the_last(loading):
    loading({"main.py": "from helpers import value\nclass CNN: pass\n", "helpers.py": "value = 3\n"})
    assert "helpers" in sys.modules
    loaded = loading({"main.py": "import helpers\nclass CNN: pass\n"})
    assert [entry.module for entry in loaded.replacements] == ["helpers"]
    assert "helpers" not in sys.modules
