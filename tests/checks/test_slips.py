"""A network that is lost to one line is flagged with that line."""

from __future__ import annotations

import pytest

from accuracy.examining import IMPORTS, Examiner
from grader.checks.network import network_of
from grader.checks.shapes import shapes
from grader.checks.slips import lost_to_one_line
from grader.marking.verdicts import LOST, Outcome

WHOLE = f"""{IMPORTS}
class CNN(nn.Module):
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        self.layer = nn.Conv2d(num_in_channels, num_colours, kernel, padding=kernel // 2)

    def forward(self, x):
        return self.layer(x)
"""
FILE = "colourization.py"


@pytest.fixture(scope="module")
def sit():
    """Makes sittings in this process."""
    with Examiner(1, sandboxed=False) as examiner:
        yield lambda source: examiner.sit("csc413-2020", source)


def _line(source: str, text: str) -> str:
    return f"{FILE}, line {1 + source[: source.index(text)].count(chr(10))}"


@pytest.mark.parametrize(
    ("old", "new", "at", "told"),
    [
        ("self.layer(x)", "self.layr(x)", "return self.layr", ": `return self.layr(x)` (AttributeError: 'CNN' object"),
        ("self.layer(x)", "self.layer(y)", "return self.layer", ": `return self.layer(y)` (NameError: name 'y' is not"),
        ("2d(num_in", "2d(nun_in", "self.layer =", ": `self.layer = nn.Conv2d(nun_in_channels, num_"),
        ("return self.layer(x)", "self.layer(x)", "def forward", ": forward has no return"),
        ("super().__init__()", "pass", "def __init__", ": __init__ does not call super().__init__() before colour"),
        ("def forward(self, x):", "def forward(self, x:", "def forward", ": `def forward(self, x:`"),
        ("def forward", "def foward", "def foward", ": the method is called foward, and not forward"),
        ("def __init__", "def _init_", "def _init_", ": the method is called _init_, and not __init__"),
        ("def __init__", "def __int__", "def __int__", ": the method is called __int__, and not __init__"),
        ("class CNN", "class Cnn", "class Cnn", ": the class is called Cnn"),
        ("class CNN", "class CNN1", "class CNN1", ": the class is called CNN1"),
    ],
    ids=[
        *("attribute", "variable", "parameter", "return", "super().__init__()", "bracket"),
        *("forward", "constructor", "another special method", "case", "digit"),
    ],
)
def test_a_slip_is_flagged_with_its_line(sit, old, new, at, told):
    assert old in WHOLE
    source = WHOLE.replace(old, new)
    verdict = shapes(sit(source), "cnn.shapes", "cnn")
    (flag,) = verdict.flags
    assert (verdict.outcome, verdict.share, flag.kind) == (Outcome.FAIL, 0, LOST)
    assert flag.detail.startswith(f"CNN lost everything to one line: {_line(source, at)}{told}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.layer(x)", "self.layer(x)[:, :, 0]"),
        ("self.layer(x)", "torch.cat([self.layer(x), x[:, :, :16]], dim=1)"),
        ("return self.layer(x)", "pass"),
        ("self.layer(x)", "self.layer(x) if x.shape[1] == 1 else self.layr(x)"),
        (
            "def forward",
            "def backward",
        ),
        ("class CNN", "class Encoder"),
    ],
    ids=[
        *("another shape", "shapes that do not fit", "nothing written yet", "right in some configurations"),
        *("no forward", "no class"),
    ],
)
def test_what_is_no_slip_has_no_flag(sit, old, new):
    sitting = sit(WHOLE.replace(old, new))
    assert lost_to_one_line(sitting, network_of(sitting, "cnn")) == ()
