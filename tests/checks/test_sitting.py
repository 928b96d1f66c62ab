"""What the checks see of a submission's source, and how they say what stopped its code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sittings import sitting_without_exam

from grader.checks.sitting import trouble_sentence
from grader.worker.protocol import Definitions, Frame, Trouble

SOURCE = """\
def pad(x):
    return x.detach()

class Block(nn.Module):
    def forward(self, x):
        return pad(x)

class CNN(nn.Module):
    def __init__(self, kernel):
        super().__init__()
        self.block = Block()

    def reset_parameters(self):
        self.block.numpy()

    def forward(self, x):
        return self.block(x)

class UNet(CNN):
    def forward(self, x):
        pass
"""
SITTING = sitting_without_exam(SOURCE, Definitions(classes=("CNN", "UNet")))


def frame(line: int, text: str, function: str) -> Frame:
    return Frame("a2.ipynb, cell 3", line, text, function)


# -- the source --------------------------------------------------------------------------------------------------------


def test_a_class_is_found_at_its_line():
    assert SITTING.where("CNN") == "a.py, line 8"
    assert SITTING.written("CNN").definition.name == "CNN"


def test_of_two_classes_with_one_name_the_last_is_meant():
    assert sitting_without_exam("class CNN:\n    pass\nclass CNN:\n    pass\n").where("CNN") == "a.py, line 3"


def test_a_class_is_looked_for_only_in_the_file_it_was_taken_from():
    assert sitting_without_exam(SOURCE, Definitions(chosen={"CNN": "b.py"})).written("CNN") is None
    assert sitting_without_exam(SOURCE, Definitions(chosen={"CNN": "a.py"})).written("CNN") is not None


def test_a_class_that_is_absent_is_nowhere():
    assert SITTING.written("Other") is None
    assert SITTING.method("Other", "forward") is None
    assert SITTING.where("Other") == ""
    assert SITTING.line_with("Other", "forward") is None


def test_a_method_is_a_classs_own():
    assert SITTING.method("CNN", "__init__").parameters == ("self", "kernel")
    assert SITTING.method("UNet", "__init__") is None


@pytest.mark.parametrize(
    ("name", "filled_in"),
    [
        pytest.param("CNN", True, id="forward does something"),
        pytest.param("UNet", False, id="forward does nothing"),
        pytest.param("Block", False, id="absent after loading"),
    ],
)
def test_a_class_is_filled_in_if_it_exists_and_its_forward_does_something(name, filled_in):
    assert SITTING.filled_in(name) is filled_in


def test_what_a_class_uses_is_reached_by_any_number_of_steps():
    assert {written.definition.name for written in SITTING.reached("UNet")} == {"UNet", "CNN", "Block", "pad"}


def test_what_is_left_out_is_not_reached_nor_what_it_alone_uses():
    assert {written.definition.name for written in SITTING.reached("UNet", but=("Block",))} == {"UNet", "CNN"}


def test_a_call_is_found_in_what_a_class_is_made_of():
    assert SITTING.call_in("UNet", lambda function: function == "detach") == "a.py, line 2"


def test_a_call_in_a_reset_is_initialisation_and_not_found():
    assert SITTING.call_in("CNN", lambda function: function == "numpy") is None


def test_a_line_of_a_class_is_quoted_without_its_indent():
    assert SITTING.line_with("CNN", r"Block\(") == "a.py, line 11: `self.block = Block()`"


def test_a_line_of_another_class_is_not_a_line_of_this_one():
    assert SITTING.line_with("UNet", r"Block\(") is None


def test_an_answer_is_computed_once_for_all_checks():
    sitting = sitting_without_exam()
    assert sitting.once("key", object) is sitting.once("key", object)
    assert sitting.once("key", object) is not sitting_without_exam().once("key", object)


# -- what stopped the code ---------------------------------------------------------------------------------------------


def test_an_error_inside_a_layer_names_the_line_of_forward_that_led_there():
    frames = (
        frame(20, "x = self.conv(x)", "CNN.forward"),
        frame(4, "return F.conv2d(x)", "MyConv2d.forward"),
    )
    assert trouble_sentence(Trouble("RuntimeError", "no.", frames), "running CNN") == (
        "While running CNN: RuntimeError: no (a2.ipynb, cell 3, line 4: `return F.conv2d(x)`, "
        "called from a2.ipynb, cell 3, line 20: `x = self.conv(x)`)."
    )


HINT = "a variable has been modified: expected version 0 instead. Hint: " + "find the operation " * 20


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        pytest.param(HINT, "expected version 0 instead.", id="cut where a sentence ends"),
        pytest.param("word " * 100, "word ….", id="cut after a word"),
    ],
)
def test_a_message_is_made_a_short_whole_sentence(text, ending):
    assert trouble_sentence(Trouble("E", text), "training").endswith(ending)


def test_the_brackets_of_a_message_are_closed():
    trouble = Trouble("E", "size mismatch (got input: [2], target: [3]")
    assert trouble_sentence(trouble, "training") == "While training: E: size mismatch (got input: [2], target: [3])."


@pytest.mark.parametrize("kind", ["Refusal", "Stopped"])
def test_the_graders_own_words_stand_without_the_name_of_an_exception(kind):
    assert trouble_sentence(Trouble(kind, "it took too long"), "building CNN") == (
        "While building CNN: it took too long."
    )


@given(st.text("ab .,:;()\n", max_size=1000))
def test_what_stopped_the_code_is_one_short_line_whatever_the_message(text):
    sentence = trouble_sentence(Trouble("ValueError", text), "training")
    assert sentence.startswith("While training: ValueError")
    assert sentence.endswith(".")
    assert "\n" not in sentence
