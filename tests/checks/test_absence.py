"""Where a class went that cannot be examined: the sentence names the student's own line, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sittings import sitting_of, sitting_without_exam

from grader.checks.absence import cannot_be_judged, is_not_attempted, missing_class, nearest, undefined, why_absent
from grader.checks.architecture import architecture
from grader.checks.shapes import shapes
from grader.checks.sitting import Sitting
from grader.intake import Aside, CodeFile
from grader.marking.verdicts import Outcome
from grader.worker.protocol import Definition, Definitions, Failure, FileOutline, Frame, Outline, Trouble

NOTEBOOK = Outline(
    (FileOutline("a2.ipynb", tuple(Definition(name, line=1, end_line=1, cell=3) for name in ("CNN", "UNet"))),)
)


def failure(name: str, text: str, line: int, source: str) -> Failure:
    """The definition of a name that raised a NameError at this line."""
    frame = Frame("a2.ipynb, cell 3", line, source, "<module>")
    return Failure("a2.ipynb, cell 3, line 2", "", (name,), Trouble("NameError", text, (frame,)))


def sitting(*failures: Failure, stopped: Trouble | None = None) -> Sitting:
    """Both classes of the notebook are written, and neither exists after loading."""
    return sitting_without_exam(NOTEBOOK, Definitions(failures=failures), stopped)


CNN_FAILED = failure("CNN", "name 'nm' is not defined", 2, "class CNN(nm.Module):")
UNET_FAILED = failure("UNet", "name 'wandb' is not defined", 9, "@wandb.watch")
ARGS_FAILED = failure("args", "no", 5, "args = parse()")


def test_a_class_that_failed_is_explained_by_its_own_failure_and_not_by_the_first():
    assert missing_class(sitting(CNN_FAILED, UNET_FAILED), "UNet") == (
        "While defining UNet: NameError: name 'wandb' is not defined (a2.ipynb, cell 3, line 9: `@wandb.watch`)."
    )


def test_a_class_that_another_failure_took_along_is_explained_by_that():
    assert missing_class(sitting(CNN_FAILED), "UNet").startswith(
        "UNet is in your file but could not be defined. While "
    )


def test_a_class_inside_a_function_is_shown_where_it_stands():
    source = "def main():\n    if True:\n        class CNN:\n            pass\n"
    assert missing_class(sitting_without_exam(source), "CNN") == (
        "CNN stands inside the function main (a.py, line 3), so code outside cannot use it. "
        "Move the class to the top level of the file."
    )


@pytest.mark.parametrize(
    ("file", "cause"),
    [
        (
            CodeFile("a2.ipynb", (), asides=(Aside("CNN", 5, "raw", "Part A"),)),
            'It stands in a2.ipynb, cell 5 under "Part A", which is a raw cell: make it a cell of the type code.',
        ),
        (
            CodeFile("a2.ipynb", (), language="R"),
            "a2.ipynb is a notebook of another kernel (R), and its code is read as Python: "
            "hand in the notebook that runs with Python.",
        ),
    ],
)
def test_a_class_outside_of_code_cells_and_another_kernel_are_named_as_the_cause(file, cause):
    at_work = sitting_without_exam("")
    at_work.submission = replace(at_work.submission, code=(file,))
    assert missing_class(at_work, "CNN") == f"There is no class CNN in the code handed in. {cause}"


def test_loading_that_stopped_says_why():
    stopped = Trouble("Stopped", "the code did not finish within 10 seconds")
    assert missing_class(sitting(stopped=stopped), "CNN").endswith(
        "While loading its definitions: the code did not finish within 10 seconds."
    )


def test_a_class_that_is_not_valid_python_is_shown_with_its_line():
    sentence = missing_class(sitting_without_exam("class CNN(nn.Module):\n    x = = 1\n"), "CNN")
    assert sentence.startswith("CNN could not be read: ")
    assert "a.py, line 2: `x = = 1`" in sentence


def test_a_class_under_another_name_is_suggested():
    sentence = missing_class(sitting_without_exam("class U_Net(nn.Module):\n    depth = 3\n"), "UNet")
    assert sentence == (
        "There is no class UNet in the code handed in. There is a class U_Net: if that is it, call it UNet."
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param(["U_Net"], "U_Net", id="underscore"),
        pytest.param(["unet"], "unet", id="case"),
        pytest.param(["MyUNetModel"], "MyUNetModel", id="a longer name"),
        pytest.param(["CNN"], None, id="another class of the handout"),
        pytest.param(["Trainer"], None, id="nothing alike"),
        pytest.param([], None, id="nothing at all"),
    ],
)
def test_the_nearest_name_is_that_which_was_probably_meant(written, meant):
    assert nearest("UNet", written) == meant


def test_a_name_whose_line_failed_is_led_back_to_that_line():
    assert undefined(sitting(CNN_FAILED, ARGS_FAILED), Trouble("NameError", "name 'args' is not defined")) == (
        " While defining args: NameError: no (a2.ipynb, cell 3, line 5: `args = parse()`)."
    )


def test_a_name_that_no_line_should_have_defined_is_led_back_to_none():
    assert undefined(sitting(CNN_FAILED, ARGS_FAILED), Trouble("NameError", "name 'arg' is not defined")) == ""


def test_a_class_whose_forward_does_nothing_is_still_to_be_completed():
    source = "class CNN(nn.Module):\n    def forward(self, x):\n        pass\n"
    assert why_absent(sitting_without_exam(source, Definitions(classes=("CNN",))), "CNN") == (
        "CNN is still to be completed: its forward does nothing (a.py, line 1)."
    )


def test_a_class_that_does_something_is_not_absent():
    source = "class CNN(nn.Module):\n    def forward(self, x):\n        return x\n"
    assert why_absent(sitting_without_exam(source, Definitions(classes=("CNN",))), "CNN") is None


def test_a_network_that_runs_can_be_judged():
    assert cannot_be_judged(sitting_of(""), "cnn.training", "cnn") is None


def test_a_network_that_does_not_run_is_skipped_with_the_criterion_it_depends_on():
    source = "class CNN(given.CNN):\n    def forward(self, images):\n        raise ValueError\n"
    verdict = cannot_be_judged(sitting_of(source), "cnn.training", "cnn")
    assert verdict.outcome is Outcome.SKIPPED
    assert verdict.feedback == "Skipped: CNN cannot be run yet; see cnn.shapes."


def of_convolutions(count: int) -> str:
    """A network of this many convolutions side by side, each with its own filter."""
    return f"""\
class CNN(nn.Module):
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(num_in_channels, num_colours, kernel, padding=kernel // 2) for _ in range({count}))

    def forward(self, x):
        return sum(layer(x) for layer in self.layers)
"""


@pytest.mark.parametrize("count", [1, 2])
def test_a_network_of_fewer_than_half_of_the_convolutions_is_not_judged(count):
    sitting = sitting_of(of_convolutions(count))
    verdicts = [shapes(sitting, "cnn.shapes", "cnn"), cannot_be_judged(sitting, "cnn.training", "cnn")]
    for verdict in verdicts:
        assert verdict.outcome is Outcome.SKIPPED
        assert verdict.feedback == (
            "Skipped: fewer than 3 convolutions run between the input and the output of CNN; see cnn.architecture."
        )
    told = architecture(sitting, "cnn.architecture", "cnn")
    assert told.outcome is Outcome.FAIL
    assert told.feedback.endswith("expected 6. CNN is judged if at least 3 run (a.py, line 1).")


def test_a_network_of_half_of_the_convolutions_is_an_attempt():
    sitting = sitting_of(of_convolutions(3))
    assert is_not_attempted(sitting, "cnn.shapes", "cnn") is None
    assert shapes(sitting, "cnn.shapes", "cnn").outcome is Outcome.PASS


def test_a_right_network_is_an_attempt_even_where_it_cannot_be_followed():
    source = """\
class CNN(given.CNN):
    def forward(self, images):
        return torch.from_numpy(super().forward(images).detach().numpy().copy())
"""
    assert is_not_attempted(sitting_of(source), "cnn.shapes", "cnn") is None


def test_a_class_that_stands_in_a_file_that_does_not_count_says_so():
    there = replace(sitting_without_exam("class CNN:\n    pass\n"), elsewhere={"UNet": "a2-draft.py"})
    assert missing_class(there, "UNet").startswith("UNet stands in a2-draft.py alone, which does not count")
