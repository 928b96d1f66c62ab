"""What a file of Python 2 means, and which files are of Python 2."""

from __future__ import annotations

import pytest
from sources import code, script

from grader.worker.source.python2_meaning import DIVIDE
from grader.worker.source.python2_syntax import PYTHON_2


@pytest.mark.parametrize(
    ("text", "divides_old"),
    [
        ("print 'a'\nx = 3 / 2", True),
        ("for i in xrange(3): pass\nx = 3 / 2", True),
        ("from __future__ import division\nprint 'a'\nx = 3 / 2", False),
        ("x = 3 / 2", False),
        ("print 'a'\ny = f'{x}'\nx = 3 / 2", False),
        ("xrange = range\nfor i in xrange(3): pass\nx = 3 / 2", False),
    ],
)
def test_integers_divide_to_integers_only_in_a_file_of_python_2(text, divides_old):
    assert (DIVIDE in code(script(text).pieces[0])[-1][1]) == divides_old


def test_has_key_and_iteritems_become_what_they_meant():
    source = script("a = d.has_key(k)\nb = list(d.iteritems())")
    assert [text for _, text in code(source.pieces[0])] == ["a = k in d", "b = list(d.items())"]
    assert [(note.line, note.why) for note in source.pieces[0].notes] == [(1, PYTHON_2)]
