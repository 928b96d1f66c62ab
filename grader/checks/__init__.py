"""The checks, by the names that ``rubric.yaml`` uses; each is a function whose docstring is what it asks for."""

from __future__ import annotations

from collections.abc import Callable

from grader.checks import architecture, device, dilation, files, structure, training
from grader.checks.sitting import Sitting
from grader.verdicts import Verdict

__all__ = ["run_check"]

# (sitting, criterion id, thing) → verdict
_ON_A_THING: dict[str, Callable[[Sitting, str, str], Verdict]] = {
    "shapes": structure.shapes,
    "parameters": structure.parameters,
    "architecture": architecture.architecture,
    "uses-my-conv2d": structure.uses_my_conv2d,
    "training": training.training,
    "device": device.device,
    "values": dilation.values,
    "gradients": dilation.gradients,
    "handmade": dilation.handmade,
}
_ON_FILES: dict[str, Callable[[Sitting, str], Verdict]] = {"code": files.code, "writeup": files.writeup}


def run_check(name: str, sitting: Sitting, criterion: str) -> Verdict:
    """The verdict of the check ``name`` on ``criterion``, whose first half names the thing examined."""
    if name in _ON_FILES:
        return _ON_FILES[name](sitting, criterion)
    return _ON_A_THING[name](sitting, criterion, criterion.split(".")[0])
