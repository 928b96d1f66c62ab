"""What a line may lack that is no mistake, and classes without the parts that lack it."""

from __future__ import annotations

import ast
import os

import pytest

from grader.worker.loading.absences import STAND_IN, around, failing_line, is_absence


def _raised(statement: str) -> BaseException:
    try:
        exec(compile(statement, "models.py", "exec"), {"os": os})
    except BaseException as error:
        return error
    raise AssertionError(f"{statement} raised nothing")


@pytest.mark.parametrize(
    ("statement", "mentioned", "absent"),
    [
        ("open('nothing at all')", (), True),
        ("import nothing_at_all", (), True),
        ("raise ConnectionResetError", (), True),
        ("raise EOFError", (), True),
        ("raise SystemExit(2)", (), True),
        ("raise RuntimeError('Found no NVIDIA driver')", (), True),
        ("raise AssertionError('Torch not compiled with CUDA enabled')", (), True),
        ("raise RuntimeError('shapes differ')", (), False),
        ("assert False", (), False),
        ("os.environ['NOT SET BY ANYBODY']", (), True),
        ("{}['x']", (), False),
        ("[][0]", ("glob",), True),
        ("[][0]", ("zip",), False),
        ("1 / 0", ("listdir",), False),
        ("undefined", (), False),
    ],
)
def test_an_absence_is_distinguished_from_a_mistake(statement, mentioned, absent):
    assert is_absence(_raised(statement), mentioned) is absent


def _without(text: str) -> str | None:
    (statement,) = ast.parse(text).body
    changed = around(statement, failing_line(_raised(text), "models.py"))
    return None if changed is None else ast.unparse(changed).replace(STAND_IN, "ABSENT")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class A:\n    x = open('n')\n    y = 2", "class A:\n    x = ABSENT\n    y = 2"),
        ("class A:\n    x, (y, z) = open('n')", "class A:\n    x = y = z = ABSENT"),
        ("class A:\n    x: int = open('n')", "class A:\n    x = ABSENT"),
        ("class A:\n    open('n')", "class A:\n    pass"),
        (
            "class A:\n\n    def f(self, x=open('n'), y=3, *, z=len('')):\n        pass",
            "class A:\n\n    def f(self, x=ABSENT, y=3, *, z=ABSENT):\n        pass",
        ),
        ("def f(x=open('n')):\n    pass", "def f(x=ABSENT):\n    pass"),
        ("class A(open('n')):\n    pass", None),
        ("@open('n')\ndef f(x=1):\n    pass", None),
    ],
)
def test_the_part_that_failed_is_replaced_and_the_rest_stays(text, expected):
    assert _without(text) == expected
