"""What is said of a network that serves some configurations only: the cause that is named is the one that is there."""

from __future__ import annotations

import re
from contextlib import nullcontext

import pytest

from accuracy.examining import Examiner, right_source
from grader.marking.verdicts import sentences

SEED = 1


@pytest.fixture(scope="module")
def here():
    """Examines in this process."""
    with Examiner(SEED, sandboxed=False) as examiner:
        yield examiner


def _of(source: str, name: str) -> tuple[int, int]:
    """Where a class begins and ends in a source."""
    begin = source.index(f"class {name}(")
    end = re.search(r"\n(?=class |def )", source[begin:])
    return begin, begin + end.start() if end else len(source)


def edited(assignment: str, name: str, *edits: tuple[str, str]) -> str:
    """A right submission with changes in one class."""
    source = right_source(assignment)
    begin, end = _of(source, name)
    text = source[begin:end]
    for old, new in edits:
        assert old in text, text
        text = text.replace(old, new)
    return source[:begin] + text + source[end:]


LAST = ("MyConv2d(num_colours, num_colours, kernel)", "MyConv2d(num_colours, 3, kernel)")
ORDER = ("kernel, num_filters, num_colours", "kernel, num_colours, num_filters")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assignment", "name", "edits", "mistake", "told"),
    [
        ("csc321-2018", "CNN", [LAST], "hard-coded-num_colours", "works only for num_colours = 3. "),
        ("csc321-2018", "CNN", [("num_filters", "16"), ("kernel, 16,", "kernel, num_filters,")],
         "hard-coded-num_filters", "works only for num_filters = 16. "),
        ("csc321-2018", "CNN", [ORDER], "constructor-order", "kernel, num_colours, num_filters, expected kernel"),
        ("csc413-2020", "CNN", [("(self, kernel, num_filters,", "(self, n_filters, k,"),
                                ("super(CNN, self).__init__()",
                                 "super(CNN, self).__init__()\n        num_filters, kernel = n_filters, k")],
         "constructor-order", "expected kernel"),
        ("csc413-2020", "UNet", [("(self, kernel, num_filters,", "(self, num_filters, kernel,")],
         "constructor-order", "expected kernel, num_filters"),
        ("csc413-2023", "PoolUpsampleNet", [("kernel // 2", "1")], "hard-coded-padding", "Probably 1 is written"),
        ("csc413-2023", "PoolUpsampleNet", [("kernel // 2", "2")], "hard-coded-padding", "Probably 2 is written"),
        ("csc413-2023", "UNet", [("num_colours, num_in_channels)", "num_in_channels, num_colours)")],
         "constructor-order", "expected kernel"),
    ],
)  # fmt: skip
def test_the_cause_that_is_named_is_the_one_that_is_there(assignment, name, edits, mistake, told, here):
    things = {kind.cls: thing for thing, kind in here.grading.exam(assignment).networks.items()}
    verdict = here.verdicts(assignment, edited(assignment, name, *edits), [things[name]])[f"{things[name]}.shapes"]
    assert verdict.mistake == mistake, verdict.feedback
    assert told in verdict.feedback


@pytest.mark.slow
def test_what_one_submission_is_compared_with_has_no_effect_on_the_next(here):
    pool, norm = "nn.MaxPool2d(kernel_size=2)", "nn.BatchNorm2d(num_filters)"
    swapped = (f"{pool},\n            {norm}", f"{norm},\n            {pool}")
    right = edited("csc413-2023", "PoolUpsampleNet", swapped)
    without = edited(
        "csc413-2023", "PoolUpsampleNet", ("2 * num_filters)", "2 * num_filters, track_running_stats=False)")
    )
    outcomes = []
    for source in (right, without, right):
        with Examiner(SEED, sandboxed=False) if not outcomes else nullcontext(here) as examiner:
            verdicts = examiner.verdicts("csc413-2023", source, ["pool-upsample-net"])
        outcomes.append(verdicts["pool-upsample-net.architecture"].outcome.value)
    assert outcomes == ["pass", "partial", "pass"]


@pytest.mark.parametrize("error", ["MemoryError()", 'RuntimeError("can\'t allocate memory: you tried to allocate")'])
def test_what_stops_for_its_memory_is_no_number_written_in(error, here):
    stops = f"super(CNN, self).__init__()\n        if num_filters > 8:\n            raise {error}"
    source = edited("csc321-2018", "CNN", ("super(CNN, self).__init__()", stops))
    verdict = here.verdicts("csc321-2018", source, ["cnn"])["cnn.shapes"]
    assert verdict.mistake is None and "emory" in verdict.feedback and "Probably" not in verdict.feedback


def _lines(source: str, text: str) -> list[int]:
    return [number for number, line in enumerate(source.splitlines(), start=1) if text in line]


BATCH_NORM = (
    "nn.BatchNorm2d(num_filters * 2),\n            nn.ReLU())\n        self.rfconv",
    "nn.ReLU())\n        self.rfconv",
)
CAT = ("torch.cat((self.out3, self.out2), dim=1)", "torch.cat((self.out3, self.out2))")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "edits", "aspect", "told", "line"),
    [
        ("CNN", [BATCH_NORM], "architecture", "The second block has no batch-norm.", "self.downconv2 = nn.Sequential("),
        ("UNet", [("(self.out4, self.out1)", "(self.out4, self.out4)")], "architecture",
         "The skip connection into the fifth block", "self.upconv2(torch.cat((self.out4, self.out4)"),
        ("UNet", [CAT], "shapes", "give torch.cat dim=1.", "self.upconv1(torch.cat((self.out3, self.out2))"),
        ("CNN", [("        return self.out_final\n", "")], "shapes", "forward has no return", ""),
        ("CNN", [("self.rfconv(self.out2)", "self.rfconv(F.dropout(self.out2))")], "architecture", "no dropout",
         "self.rfconv(F.dropout("),
        ("CNN", [("self.rfconv(self.out2)", "self.rfconv(self.out2.detach())")], "training", "look for detach()",
         "self.out2.detach()"),
        ("CNN", [("    def forward", "    @torch.no_grad()\n    def forward")], "training", "Look for detach()",
         "@torch.no_grad()"),
        ("CNN", [("        self.rfconv = nn.Sequential(", "        self.rfconv = [nn.Sequential("),
                 ("nn.ReLU())\n        self.upconv1", "nn.ReLU())]\n        self.upconv1"),
                 ("self.rfconv(", "self.rfconv[0](")], "architecture", "not in a plain list", ""),
        ("CNN", [("        self.out_final = self.finalconv(self.out5)\n", ""),
                 ("        return self.out_final", "        return self.downconv1[2](self.out4)"),
                 ("self.out5 = self.upconv2(self.out4)", "self.out5 = self.out4")], "architecture",
         "What is built and never used: finalconv, upconv2.0, upconv2.2.", ""),
        ("CNN", [("nn.ReLU()", "nn.ReLU6()")], "architecture", "ReLU6 is used instead of ReLU.", ""),
        ("CNN", [("nn.MaxPool2d(2)", "nn.MaxPool2d(2, 1)")], "architecture", "the max-pooling has stride 1", ""),
        ("CNN", [("        self.out1 =", "        self.eval()\n        self.out1 =")], "architecture",
         "Look for a call of eval()", ""),
        ("CNN", [("        return self.out_final", "        return self.out_final.view(1, -1, 32, 32)")], "shapes",
         "The batch size is written as a number", ""),
    ],
)  # fmt: skip
def test_a_frequent_mistake_is_told_with_its_line(name, edits, aspect, told, line, here):
    source = edited("csc321-2018", name, *edits)
    thing = {"CNN": "cnn", "UNet": "unet"}[name]
    feedback = here.verdicts("csc321-2018", source, [thing])[f"{thing}.{aspect}"].feedback
    assert told in feedback
    assert not line or any(f"line {number}" in feedback for number in _lines(source, line)), feedback
    assert len(sentences(feedback)) <= 4
