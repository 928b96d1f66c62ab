"""Commands of IPython's: each goes, and the lines around it stay."""

from __future__ import annotations

import pytest
from sources import cell, code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%mkdir x\nx = 1", [(2, "x = 1")]),
        ("!wget it's (\nx = 1", [(2, "x = 1")]),
        ("!pip install \\\n  torch\nx = 1", [(3, "x = 1")]),
        ("torch.nn?\nx = 1", [(2, "x = 1")]),
        ("?print\nx = 1", [(2, "x = 1")]),
        ("files = !ls\nx = 1", [(1, "files = []"), (2, "x = 1")]),
        ("y = %time f(3)", [(1, "y = f(3)")]),
        ("%time y = f(3)", [(1, "y = f(3)")]),
        ("if x:\n    !ls\n    y = 1", [(1, "if x:\n    pass\n    y = 1")]),
        ("%run models.py", [(1, "from models import *")]),
        ("%%time\nx = 1", [(2, "x = 1")]),
        ("\n%%capture out\nx = 1\n%matplotlib inline", [(3, "x = 1")]),
        ("   x = 1\n   y = 2", [(1, "x = 1"), (2, "y = 2")]),
    ],
)
def test_magics_go_and_the_lines_around_them_stay(text, expected):
    piece = cell(text)
    assert code(piece) == expected
    assert not piece.problems


def test_a_line_that_continues_a_formatting_is_not_a_magic():
    piece = cell('!ls\nprint("%d of %d"\n      %(a, b))\ns = "%s" \\\n    %x\n')
    assert code(piece) == [(2, "print('%d of %d' % (a, b))"), (4, "s = '%s' % x")]
    assert [note.line for note in piece.notes] == [1]


@pytest.mark.parametrize("magic", ["bash", "html", "javascript", "writefile notes.txt", "python2"])
def test_a_cell_in_another_language_is_skipped_as_a_whole(magic):
    piece = cell(f"%%{magic}\nx = 1")
    assert not piece.body and not piece.problems
    assert [note.what for note in piece.notes] == [f"%%{magic}"]
