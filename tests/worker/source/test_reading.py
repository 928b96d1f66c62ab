"""Student source to statements: what parses, what is translated, what is lost, and on which line."""

from __future__ import annotations

import ast

import code_files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.worker.protocol import Cell, CodeFile
from grader.worker.source.pieces import Piece, Source
from grader.worker.source.python2 import DIVIDE, PYTHON_2
from grader.worker.source.reading import read


def script(text: str, path: str = "models.py") -> Source:
    return read([code_files.script(text, path)])[0]


def notebook(*cells: str) -> list[Source]:
    return read([code_files.notebook(*cells)])


def cell(text: str) -> Piece:
    return notebook(text)[0].pieces[0]


def code(piece: Piece) -> list[tuple[int, str]]:
    """Line and normalised text of each statement, without the ``pass`` that magics leave."""
    return [(part.lineno, ast.unparse(part)) for part in piece.body if not isinstance(part, ast.Pass)]


def test_valid_source_is_left_alone():
    piece = script("import os\n\n\ndef f(x):\n    return x / 2\n").pieces[0]
    assert code(piece) == [(1, "import os"), (4, "def f(x):\n    return x / 2")]
    assert not piece.problems and not piece.notes


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


def test_a_line_that_continues_a_formatting_is_no_magic():
    piece = cell('!ls\nprint("%d of %d"\n      %(a, b))\ns = "%s" \\\n    %x\n')
    assert code(piece) == [(2, "print('%d of %d' % (a, b))"), (4, "s = '%s' % x")]
    assert [note.line for note in piece.notes] == [1]


@pytest.mark.parametrize("magic", ["bash", "html", "javascript", "writefile notes.txt", "python2"])
def test_a_cell_in_another_language_is_left_out_whole(magic):
    piece = cell(f"%%{magic}\nx = 1")
    assert not piece.body and not piece.problems
    assert [note.what for note in piece.notes] == [f"%%{magic}"]


def test_a_cell_that_writes_python_is_a_file_with_the_lines_of_the_cell():
    sources = notebook("import models", "%%writefile models.py\n\nclass CNN:\n    pass\n")
    assert [source.path for source in sources] == ["a2.ipynb", "models.py"]
    assert sources[1].written_by == "a2.ipynb"
    assert [(part.name, code(part)) for part in sources[1].pieces] == [
        ("a2.ipynb, cell 2", [(3, "class CNN:\n    pass")])
    ]


def test_a_file_that_was_handed_in_wins_over_one_that_a_cell_writes():
    sources = read(
        [
            code_files.notebook("%%writefile models.py\nx = 1", path="a.ipynb"),
            code_files.script("x = 2", "models.py"),
        ]
    )
    assert [(source.path, source.written_by) for source in sources] == [("a.ipynb", None), ("models.py", None)]


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
def test_python_2_is_translated_and_said(old, new):
    source = script("import os\n" + old + "\nprint 'old'")
    piece = source.pieces[0]
    assert code(piece)[1] == (2, new)
    assert not piece.problems
    assert [note.why for note in piece.notes] == [PYTHON_2]
    assert source.python2


def test_a_print_into_a_file_is_python_2_though_it_parses():
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
def test_integers_divide_as_in_python_2_only_where_the_file_is_of_python_2(text, divides_old):
    assert (DIVIDE in code(script(text).pieces[0])[-1][1]) == divides_old


def test_has_key_and_iteritems_become_what_they_meant():
    source = script("a = d.has_key(k)\nb = list(d.iteritems())")
    assert [text for _, text in code(source.pieces[0])] == ["a = k in d", "b = list(d.items())"]
    assert [(note.line, note.why) for note in source.pieces[0].notes] == [(1, PYTHON_2)]


def test_tabs_count_as_eight_columns():
    piece = script("class A:\n\tdef f(self):\n\t        x = 1\n\t\treturn x\n").pieces[0]
    assert code(piece) == [(1, "class A:\n\n    def f(self):\n        x = 1\n        return x")]
    assert [note.line for note in piece.notes] == [2]


BROKEN = {
    "unclosed bracket": "class Bad:\n    x = (1,\n",
    "unclosed bracket and more": "class Bad:\n    def f(self):\n        return g(1\n    y = 2\n",
    "unterminated text": 'class Bad:\n    """never closed\n    def f(self): pass\n',
    "body of comments": "class Bad:\n    def __init__(self):\n        # YOUR CODE\n    def f(self):\n        #\n",
    "no colon": "@decorated\nclass Bad\n    pass\n",
    "same parameter twice": "class Bad:\n    def f(self, a, a): pass\n",
    "nonsense": "class Bad:\n    this is no Python\n",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("reader", [script, lambda text: notebook(text)[0]], ids=["script", "cell"])
def test_a_syntax_error_costs_only_the_class_it_stands_in(broken, reader):
    before = 'import os\nclass Before:\n    """fine"""\n    x = [\n1]\n'
    after = '@known\n# a comment\nclass After:\n    """fine"""\n    y = 1\nz = 3\n'
    piece = reader(before + broken + after).pieces[0]
    kept = {part.name: part for part in piece.body if isinstance(part, ast.ClassDef)}
    assert set(kept) == {"Before", "After"}
    assert kept["After"].lineno == (before + broken + after).split("\n").index("class After:") + 1
    assert len(kept["After"].decorator_list) == 1
    assert code(piece)[-1][1] == "z = 3"
    assert {problem.stands_in for problem in piece.problems} == {"Bad"}


def test_a_problem_names_the_line_its_text_and_the_message():
    problem = script("import os\n\nclass CNN:\n    x = = 1\n").pieces[0].problems[0]
    assert (problem.line, problem.text, problem.stands_in) == (4, "x = = 1", "CNN")
    assert "invalid syntax" in problem.message


def test_if_and_try_are_cut_with_their_clauses():
    piece = script("try:\n    import a\nexcept ImportError:\n    a = None\nelse:\n    pass\nx = = 1\n").pieces[0]
    assert [type(part) for part in piece.body] == [ast.Try]
    assert [problem.line for problem in piece.problems] == [7]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1000,
        "-" * 20_000 + "1",
        "x = 1\0",
        "x = '\ud800'",
        "\0",
        "if 1:\n" * 3000,
    ],
)
def test_what_python_cannot_read_at_all_is_a_problem_and_never_an_exception(text):
    piece = script("class CNN:\n    pass\n" + text).pieces[0]
    assert piece.problems
    assert [part.name for part in piece.body if isinstance(part, ast.ClassDef)] == ["CNN"]


@pytest.mark.parametrize("text", ["x" + ".y" * 20_000, "x = " + "1 + " * 20_000 + "1", "f" + "()" * 20_000])
def test_an_expression_of_any_length_costs_nothing_else(text):
    piece = script(text + "\nprint 'old'\nclass CNN:\n    pass\n").pieces[0]
    assert [part.name for part in piece.body if isinstance(part, ast.ClassDef)] == ["CNN"]


def test_a_cell_without_a_number_gets_its_place():
    source = read([CodeFile("a.ipynb", (Cell(None, "x = 1"), Cell(None, "y = 2")))])[0]
    assert [piece.name for piece in source.pieces] == ["a.ipynb, cell 1", "a.ipynb, cell 2"]


def test_line_ends_of_any_system_and_a_byte_order_mark_are_no_problem():
    piece = script("\ufeffx = 1\r\ny = 2\rz = 3\n").pieces[0]
    assert code(piece) == [(1, "x = 1"), (2, "y = 2"), (3, "z = 3")]


def test_annotations_imported_from_the_future_hold_for_the_whole_file():
    assert script("from __future__ import annotations\nx: Undefined = 1").flags != 0
    assert script("x = 1").flags == 0


FRAGMENTS = st.sampled_from(
    [
        *("class A:\n", "    x = 1\n", "@d\n", "def f():\n", "else:\n", "import os\n", "print x\n", "lambda:", "[1,\n"),
        *("%time\n", "!ls\n", "?", "%%bash\n", "0777", "<>", "`", "é", "\0", "\ufeff"),
        *("\t", "\n", " ", "#", "(", ")", '"""', "'", "\\\n"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_any_text_is_read_without_an_exception_and_with_true_lines(text):
    for source in (script(text), notebook(text)[0]):
        for piece in source.pieces:
            lines = piece.text.count("\n") + 1
            assert all(1 <= part.lineno <= lines for part in piece.body)
            assert all(1 <= note.line <= lines for note in piece.notes)
