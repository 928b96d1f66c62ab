"""The lines of a class are found by their indentation, also where they are not Python."""

from __future__ import annotations

from grader.intake import Cell
from grader.intake.class_lines import class_lines, without_placeholders


def test_a_class_ends_with_the_first_line_at_the_margin_that_is_no_bracket_and_no_comment():
    text = (
        "import x\nclass CNN(\n    Module\n):\n    a = 1\n# note\n\n    b  =  2 # note\n    c = '#'\nclass CNNs: pass\n"
    )
    assert class_lines([Cell(None, text)], "CNN") == ("class CNN(", "Module", "):", "a = 1", "b = 2", "c = '#'")


def test_the_last_class_of_a_name_counts_also_where_it_is_not_python():
    cells = [Cell(1, "class CNN:\n    a = 1"), Cell(2, "class UNet: pass"), Cell(3, "class CNN\n    def f(:\n")]
    assert class_lines(cells, "CNN") == ("class CNN", "def f(:")
    assert class_lines(cells, "DilatedUNet") == ()


def test_what_a_starter_has_in_place_of_the_students_lines_says_nothing():
    lines = ("class CNN:", "pass", "...", "return None", "return x", "self.conv = None", '"""Text."""', "x = f(x)")
    assert without_placeholders(lines) == {"class CNN:", "x = f(x)"}
    assert without_placeholders(["raise NotImplementedError('write me')", "return y"]) == {"return y"}
