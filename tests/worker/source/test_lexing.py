"""Source text as tokens, whatever state it is in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.worker.source.lexing import BLANKS, lex

FRAGMENTS = st.sampled_from(
    ["x", " ", "\n", "\\\n", "(", ")", '"""', "'", "#", "%time", "!ls", "0777L", "<>", "é", "\0"]
)


@given(st.lists(FRAGMENTS, max_size=30).map("".join), st.booleans())
def test_the_tokens_of_any_text_are_the_text_and_know_their_places(text: str, magics: bool) -> None:
    tokens = list(lex(text, magics=magics))
    assert "".join(token.text for token in tokens) == text
    lines = text.split("\n")
    for token in tokens:
        assert lines[token.line - 1][token.column :].startswith(token.text.partition("\n")[0])


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("x = (1,\n     2)\ny = 3", ["x", "y"]),
        ("x = (1,\nclass A:\n    y = 2", ["x", "class", "y"]),  # the bracket was never closed
        ("if x:\n    # why\n    y = 1", ["if", "y"]),
        ("x = 1 + \\\n    2\ny = 3", ["x", "y"]),
        ('x = """\ny\n"""\nz', ["x", "z"]),
    ],
)
def test_the_first_token_of_each_line_of_statements_is_marked(text: str, first: list[str]) -> None:
    assert [token.text for token in lex(text) if token.is_first] == first


def test_a_magic_is_one_token_with_the_lines_that_it_continues_on() -> None:
    tokens = [token for token in lex("  !pip install \\\n  torch\nx = %pwd\n", magics=True) if token.kind not in BLANKS]
    assert [(token.kind, token.line, token.column) for token in tokens] == [("magic", 1, 0), ("magic", 3, 0)]
