"""An exception is told by its type, its text and the student's own lines."""

from __future__ import annotations

import pytest

from grader.worker.protocol import Frame, Trouble
from grader.worker.trouble import bounded, describe, here, is_theirs, names_of_theirs, remember, remember_folder

SOURCE = "def inner(n):\n    return inner(n - 1) if n else 1 / 0\n\n\ndef outer(f):\n    return f()\n"


@pytest.fixture
def theirs():
    remember("a.py", SOURCE)
    space: dict = {}
    exec(compile(SOURCE, "a.py", "exec"), space)
    yield space
    names_of_theirs().discard("a.py")


def _raised(call) -> Trouble:
    try:
        call()
    except BaseException as error:
        return describe(error)
    raise AssertionError("nothing was raised")


def test_only_the_students_lines_are_shown(theirs):
    function = "inner"
    assert _raised(lambda: theirs["inner"](0)) == Trouble(
        "ZeroDivisionError", "division by zero", (Frame("a.py", 2, "return inner(n - 1) if n else 1 / 0", function),)
    )
    assert _raised(lambda: 1 / 0).frames == ()
    assert is_theirs("a.py") and not is_theirs(__file__)


def test_of_a_deep_recursion_the_ends_are_shown(theirs):
    frames = _raised(lambda: theirs["outer"](lambda: theirs["inner"](40))).frames
    assert len(frames) == 10
    assert [frame.function for frame in frames[:2]] == ["outer", "inner"]


def test_the_line_that_is_running_has_a_name(theirs):
    assert here() is None
    assert theirs["outer"](here) == "a.py, line 6"


class Unprintable(Exception):
    def __str__(self):
        raise KeyboardInterrupt


class Loud(str):
    def __str__(self):
        return self

    def __add__(self, other):
        return "something else"


def test_a_text_is_bounded_plain_and_can_be_encoded():
    assert bounded("x" * 300) == "x" * 199 + "…"
    assert bounded(Unprintable()) == "<cannot be shown>"
    assert type(bounded(Loud("a"))) is str and bounded(Loud("a")) == "a"
    assert bounded("\ud800") == "?"
    assert len(_raised(lambda: (_ for _ in ()).throw(ValueError("x" * 999))).text) == 500


def test_a_type_has_its_own_name_whatever_its_metaclass_says():
    class Meta(type):
        __name__ = "Nothing"

    class Odd(Exception, metaclass=Meta):
        pass

    assert describe(Odd()).type == "Odd"


def test_what_lies_in_the_submission_is_shown_by_its_path_there(tmp_path):
    remember_folder(str(tmp_path))
    message = f"No such file: '{tmp_path}/data/colours.npy', nor '/content/x'"
    assert describe(OSError(message)).text == "No such file: 'data/colours.npy', nor '/content/x'"
