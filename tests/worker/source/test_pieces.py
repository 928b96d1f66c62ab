"""The records of parsed source know their lines, and list every node in the order of the source."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from sources import notebook, script

from grader.worker.source.pieces import Piece, walk

OPERATORS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
FILES = sorted((ROOT / "grader" / "worker").rglob("*.py"))


@pytest.mark.parametrize(
    ("number", "line"),
    [(0, ""), (1, "x = 1"), (2, "y = 2"), (3, ""), (4, ""), (-1, "")],
)
def test_a_line_is_found_by_its_number_and_stripped(number: int, line: str) -> None:
    assert Piece("a.py", None, "x = 1\n    y = 2  \n", ()).line(number) == line


def test_a_long_line_is_bounded() -> None:
    assert len(Piece("a.py", None, "x" * 5000, ()).line(1)) == 200


def test_statements_come_in_the_order_of_the_document_each_with_its_cell() -> None:
    (source,) = notebook("x = 1\ny = 2", "z = 3")
    assert [(piece.number, ast.unparse(statement)) for piece, statement in source.body] == [
        (1, "x = 1"),
        (1, "y = 2"),
        (2, "z = 3"),
    ]
    assert {piece.number for piece, _ in source.nodes} == {1, 2}


@pytest.mark.parametrize("text", [path.read_text("utf-8") for path in FILES], ids=[path.name for path in FILES])
def test_every_node_but_operators_and_contexts_is_walked(text: str) -> None:
    tree = ast.parse(text)
    expected = {id(node) for node in ast.walk(tree) if not isinstance(node, OPERATORS)}
    assert {id(node) for node in walk(tree)} == expected and len(walk(tree)) == len(expected)


@given(st.lists(st.sampled_from(["a.b(c)[d]", "lambda x: y", "[i for i in j if k]", "-a + b < c"]), min_size=1))
def test_nodes_come_in_the_order_of_the_source(lines: list[str]) -> None:
    nodes = [node for _, node in script("\n".join(lines)).nodes if isinstance(node, ast.stmt)]
    assert [node.lineno for node in nodes] == list(range(1, len(lines) + 1))
    tree = ast.parse("first(second(third), fourth)", mode="eval")
    assert [node.id for node in walk(tree) if isinstance(node, ast.Name)] == ["first", "second", "third", "fourth"]
