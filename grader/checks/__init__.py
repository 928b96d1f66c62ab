"""The checks, by the names that ``rubric.yaml`` uses; each is a function whose docstring is what it asks for."""

from __future__ import annotations

from collections.abc import Callable

from grader.checks.architecture import architecture
from grader.checks.device import device
from grader.checks.dilation import gradients, handmade, values
from grader.checks.files import code, writeup
from grader.checks.following import spared
from grader.checks.parameters import parameters
from grader.checks.shapes import shapes
from grader.checks.sitting import Sitting
from grader.checks.training import training
from grader.checks.uses_my_conv2d import uses_my_conv2d
from grader.exam.proof import Unsound
from grader.marking.verdicts import Outcome, Verdict

__all__ = ["run_check"]


# (sitting, criterion id, thing) → verdict
_ON_A_THING: dict[str, Callable[[Sitting, str, str], Verdict]] = {
    "shapes": shapes,
    "parameters": parameters,
    "architecture": architecture,
    "uses-my-conv2d": uses_my_conv2d,
    "training": training,
    "device": device,
    "values": values,
    "gradients": gradients,
    "handmade": handmade,
}
_ON_FILES: dict[str, Callable[[Sitting, str], Verdict]] = {"code": code, "writeup": writeup}


def run_check(name: str, sitting: Sitting, criterion: str) -> Verdict:
    """The verdict of the check ``name`` on ``criterion``, whose first half names the thing examined."""
    if name in _ON_FILES:
        return _ON_FILES[name](sitting, criterion)

    def verdict_on(criterion: str) -> Verdict:
        check = _ON_A_THING[name]
        return sitting.once(("verdict", name, criterion), lambda: check(sitting, criterion, criterion.split(".")[0]))

    try:
        return spared(name, sitting, verdict_on(criterion), verdict_on)
    except Unsound as why:
        return Verdict(criterion, Outcome.ERROR, str(why))
