"""The statements and literals of Python 2, and what each becomes."""

from __future__ import annotations

import pytest
from sources import code, script

from grader.worker.source.python2_syntax import PYTHON_2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print 'a', b", "print('a', b)"),
        ("print", "print()"),
        ("print 'a',", "print('a', end=' ')"),
        ("print ('a'), b", "print('a', b)"),
        ("print >>f, 'x'", "print('x', file=f)"),
        ("print >>f", "print(file=f)"),
        ("print 'a' \\\n    % b", "print('a' % b)"),
        ("if x: print 'a'; y = 2", "if x:\n    print('a')\n    y = 2"),
        ("raise ValueError, 'text'", "raise ValueError('text')"),
        ("raise ValueError, 'text', trace", "raise ValueError('text')"),
        ("try:\n    f()\nexcept (A, B), e:\n    pass", "try:\n    f()\nexcept (A, B) as e:\n    pass"),
        ("x = a <> b", "x = a != b"),
        ("x = `a`", "x = repr(a)"),
        ("exec 'x = 1' in {}", "exec('x = 1', {})"),
        ("mode = 0777", "mode = 511"),
        ("n = 10L", "n = 10"),
        ("s = ur'a'", "s = 'a'"),
    ],
)
def test_python_2_is_translated_with_a_note(old, new):
    source = script("import os\n" + old + "\nprint 'old'")
    piece = source.pieces[0]
    assert code(piece)[1] == (2, new)
    assert not piece.problems
    assert [note.why for note in piece.notes] == [PYTHON_2]
    assert source.python2


def test_a_print_into_a_file_is_python_2_although_it_parses():
    source = script("import sys\nprint >>sys.stderr, 'x'")
    assert code(source.pieces[0])[1] == (2, "print('x', file=sys.stderr)")
    assert source.python2


def test_translation_leaves_calls_and_strings_alone():
    text = 'print("print x")\nprint "a"\ns = """\nprint y\n0777 <> `z`\n"""  # print z\n'
    assert [line for _, line in code(script(text).pieces[0])] == [
        "print('print x')",
        "print('a')",
        "s = '\\nprint y\\n0777 <> `z`\\n'",
    ]
