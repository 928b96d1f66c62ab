"""What names in the source stand for, as far as reading follows them."""

from __future__ import annotations

import ast

import pytest
from sources import script

from grader.worker.source.names import Aliases, dotted


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("a.b.c", "a.b.c"),
        ("super().f", "super().f"),
        ("super(A, self).f", "super().f"),
        ("getattr(a, 'b').c", "a.b.c"),
        ("getattr(a, b)", None),
        ("f().c", None),
        ("a[0].c", None),
    ],
)
def test_a_dotted_name_is_read_as_it_is_written(expression: str, name: str | None) -> None:
    assert dotted(ast.parse(expression, mode="eval").body) == name


def test_a_name_that_is_bound_twice_may_stand_for_either() -> None:
    aliases = Aliases(script("import torch\nimport numpy\nlibrary = numpy\nlibrary = torch\n"))
    assert aliases.resolve("library.cat") == "torch.cat"
    assert aliases.every("library.cat") == {"torch.cat", "numpy.cat"}


def test_aliases_that_stand_for_one_another_come_to_an_end() -> None:
    aliases = Aliases(script("a = b.c\nb = a.d\n"))
    assert aliases.resolve("a") == "a"
    assert len(aliases.every("a")) <= 201
