"""Where a class went that cannot be examined: the sentence names the student's own line, and why."""

from __future__ import annotations

from typing import Any

from code_files import script

from grader.checks.absence import missing_class, undefined
from grader.checks.sitting import Sitting, trouble_sentence
from grader.worker.protocol import Definition, Definitions, Failure, FileOutline, Frame, Outline, Trouble
from grader.worker.source.outline import outline


def frame(line: int, text: str, function: str = "<module>") -> Frame:
    return Frame("a2.ipynb, cell 3", line, text, function)


def failure(name: str, text: str, *frames: Frame) -> Failure:
    return Failure("a2.ipynb, cell 3, line 2", "", (name,), Trouble("NameError", text, frames))


def sitting(*failures: Failure, stopped: Trouble | None = None) -> Sitting:
    classes = tuple(Definition(name, line=1, end_line=1, cell=3) for name in ("CNN", "UNet"))
    nobody: Any = None
    outline = Outline((FileOutline("a2.ipynb", classes),))
    return Sitting(nobody, nobody, nobody, outline, Definitions(failures=failures), stopped)


FIRST = failure("CNN", "name 'nm' is not defined", frame(2, "class CNN(nm.Module):"))
SECOND = failure("UNet", "name 'wandb' is not defined", frame(9, "@wandb.watch"))


def test_a_class_that_failed_is_told_by_its_own_failure_and_not_by_the_first():
    assert missing_class(sitting(FIRST, SECOND), "UNet") == (
        "While defining UNet: NameError: name 'wandb' is not defined (a2.ipynb, cell 3, line 9: `@wandb.watch`)."
    )


def test_a_class_that_another_failure_took_along_is_told_by_that():
    assert missing_class(sitting(FIRST), "UNet").startswith("UNet is in your file but could not be defined. While ")


def test_a_class_inside_a_function_is_told_where_it_stands():
    source = "def main():\n    if True:\n        class CNN:\n            pass\n"
    read = outline([script(source, "a.py")])
    nobody: Any = None
    assert missing_class(Sitting(nobody, nobody, nobody, read, Definitions()), "CNN") == (
        "CNN stands inside the function main (a.py, line 3), so code outside cannot use it. "
        "Move the class to the top level of the file."
    )


def test_loading_that_stopped_says_why():
    stopped = Trouble("Stopped", "the code did not finish within 10 seconds")
    assert missing_class(sitting(stopped=stopped), "CNN").endswith(
        "While loading its definitions: the code did not finish within 10 seconds."
    )


def test_a_name_whose_line_failed_is_led_back_to_that_line():
    args = failure("args", "no", frame(5, "args = parse()"))
    assert undefined(sitting(FIRST, args), Trouble("NameError", "name 'args' is not defined")) == (
        " While defining args: NameError: no (a2.ipynb, cell 3, line 5: `args = parse()`)."
    )
    assert undefined(sitting(FIRST, args), Trouble("NameError", "name 'arg' is not defined")) == ""


def test_an_error_inside_a_layer_names_the_line_of_forward_that_led_there():
    frames = frame(20, "x = self.conv(x)", "CNN.forward"), frame(4, "return F.conv2d(x)", "MyConv2d.forward")
    assert trouble_sentence(Trouble("RuntimeError", "no.", frames), "running CNN") == (
        "While running CNN: RuntimeError: no (a2.ipynb, cell 3, line 4: `return F.conv2d(x)`, "
        "called from a2.ipynb, cell 3, line 20: `x = self.conv(x)`)."
    )


def test_a_long_message_is_cut_where_a_sentence_ends_and_its_brackets_are_closed():
    told = trouble_sentence(Trouble("E", "size mismatch (got input: [2], target: [3]"), "training")
    assert told == "While training: E: size mismatch (got input: [2], target: [3])."
    hint = "a variable has been modified: expected version 0 instead. Hint: " + "find the operation " * 20
    assert trouble_sentence(Trouble("E", hint), "training").endswith("expected version 0 instead.")
    assert trouble_sentence(Trouble("E", "word " * 100), "training").endswith("word ….")
