"""Text that is not Python: what parses of it is kept, and what is lost is named."""

from __future__ import annotations

import ast

import pytest
from sources import code, notebook, script

from grader.worker.source import parsing


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
def test_a_syntax_error_costs_only_the_class_that_it_stands_in(broken, reader):
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


@pytest.mark.slow
@pytest.mark.parametrize("text", ["x" + ".y" * 20_000, "x = " + "1 + " * 20_000 + "1", "f" + "()" * 20_000])
def test_an_expression_of_any_length_costs_nothing_else(text):
    piece = script(text + "\nprint 'old'\nclass CNN:\n    pass\n").pieces[0]
    assert [part.name for part in piece.body if isinstance(part, ast.ClassDef)] == ["CNN"]


BEFORE = "import torch\n\n\nclass CNN:\n    def __init__(self):\n        self.a = 1\n"


@pytest.mark.parametrize(
    ("end", "is_cut"),
    [
        ("        self.b = f(1,", True),
        ("        self.b = f(1,\n                   2", True),
        ("        self.b = ", True),
        ("        self.b = 'te", True),
        ("    def forward(self, x", True),
        ("    def forward(self, x):\n", True),
        ("    def forward(self, x):\n        '''Text", True),
        ("class UNet", True),
        ("        self.b = 2\n", False),
        ("        self.b = f(1,\n        self.c = 2\n        self.d = 3\n", False),
        ("    def forward(self, x):\n        # your code\n", False),
        ("        self.b = = 2\n        self.c = 3\n", False),
        ("        retrun self.b\n", False),
    ],
)
def test_a_text_breaks_off_where_its_last_statement_has_no_end(end, is_cut):
    text = BEFORE + end
    assert (parsing.breaks_off(text) is not None) is is_cut
    if is_cut:
        assert parsing.breaks_off(text) == text.rstrip().count("\n") + 1
