"""A class that the handout gives and that was deleted is told as that, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sittings import exam_of, sitting_of, sitting_without_exam

from grader.checks.dilation import values
from grader.checks.shapes import shapes
from grader.marking.verdicts import Outcome
from grader.worker.protocol import Definitions, Failure, Trouble

NEEDS_IT = """
class CNN(nn.Module):
    def __init__(self, kernel, num_filters, num_colours):
        super().__init__()
        self.conv = MyConv2d(1, num_colours, kernel)
    def forward(self, x):
        return self.conv(x)
class UNet(CNN):
    pass
"""
UNDEFINED = Trouble("NameError", "name 'MyConv2d' is not defined")


def sitting(source, gone, **loading):
    """A sitting of the classes in the source; those in ``gone`` are not there."""
    whole = sitting_of(source, exam_of("csc321-2018"))
    classes = tuple(name for name in whole.loading.classes if name not in gone)
    return replace(whole, loading=Definitions(classes=classes, **loading))


def test_it_is_explained_where_it_first_stops_something_and_the_others_point_there():
    failure = Failure("a.py, line 1", "class MyDilatedConv2d(MyConv2d):", ("MyDilatedConv2d",), UNDEFINED)
    at_work = sitting(NEEDS_IT, ["MyConv2d", "MyDilatedConv2d"], failures=(failure,))
    first = shapes(at_work, "cnn.shapes", "cnn")
    assert first.outcome is Outcome.FAIL and first.feedback == (
        "MyConv2d, which the handout gives, is not in the code handed in: it was probably deleted. "
        "Put the class back as the handout has it, since CNN needs it."
    )
    for verdict in (shapes(at_work, "unet.shapes", "unet"), values(at_work, "dilated.values", "dilated")):
        assert verdict.outcome is Outcome.FAIL
        assert verdict.feedback.endswith("needs MyConv2d, which is not in the code handed in: see cnn.shapes.")


def test_a_given_network_that_was_deleted_is_told_as_that():
    verdict = shapes(sitting("", ["RegressionCNN"]), "regression-cnn.shapes", "regression-cnn")
    assert verdict.feedback.startswith("RegressionCNN, which the handout gives, is not in the code handed in")


@pytest.mark.parametrize("source", ["class RegressionCnn: pass\n", "class RegressionCNN(:\n    pass\n"])
def test_a_given_class_under_another_name_or_with_an_error_is_not_told_as_deleted(source):
    at_work = sitting("", ["RegressionCNN"])
    at_work.outline = sitting_without_exam(source).outline
    verdict = shapes(at_work, "regression-cnn.shapes", "regression-cnn")
    assert verdict.outcome is Outcome.FAIL and "deleted" not in verdict.feedback
