"""Flags for submissions whose code could change what the worker reports.

Outputs and gradients need no trust, because the examiner compares the numbers. The rest (owners of layers, counts,
dilations seen, devices) is reported by the process in which the submission runs; see
``grader/worker/source/unusual.py``. If the source could change these reports, the marks stand, and a flag asks a person
to read the code before the marks go out.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from grader.marking.verdicts import Flag
from grader.worker.protocol import Definitions, FileOutline, Outline, Trouble, UnusualCode

if TYPE_CHECKING:
    from grader.checks.network import Examined

__all__ = ["THREADS", "counted_otherwise", "doubts", "told", "witnessed"]

_SHOWN = 5
"""A flag quotes at most this many constructs or events."""
_CHANGED = " = …"
"""How outline and worker end the name of what is changed."""
_REGISTERING, _HOOKS = "torch.nn.modules.module.register_module_", "torch.nn.modules.module._global_"
"""The functions that hook into the calls of all layers, and where they keep what they are given."""
THREADS = Flag(
    "untrusted-evidence",
    "The code starts threads of its own, in which operations are not watched: read it before the marks go out.",
)


def doubts(outline: Outline) -> tuple[Flag, ...]:
    """A flag for each file whose source could reach the examiner, with names and lines."""
    flags = []
    for file in outline.files:
        if not file.unusual:
            continue
        places = [f"{_place(file, code)}: {code.construct}" for code in file.unusual[:_SHOWN]]
        flags.append(
            Flag(
                "untrusted-evidence",
                f"{file.path} could change what the examiner sees ({'; '.join(places)}{_rest(file.unusual)}): "
                "read it before the marks go out.",
            )
        )
    return tuple(flags)


def told(outline: Outline, loading: Definitions) -> frozenset[str]:
    """What other flags say already: that a thing is changed, by its full name, or that a class extends another one."""
    constructs = (code.construct for file in outline.files for code in file.unusual)
    changed = (name for change in loading.changes for name in change.names if change.torch)
    return frozenset((*(construct.removesuffix(_CHANGED) for construct in constructs), *changed))


def witnessed(seen: tuple[str, ...], told: frozenset[str] = frozenset()) -> tuple[Flag, ...]:
    """A flag for the events ``seen`` while the code ran, whatever its source says. What is ``told`` is left out."""
    hooks = any(name.startswith(_REGISTERING) for name in told)
    seen = tuple(event for event in seen if _subject(event) not in told and not (hooks and event.startswith(_HOOKS)))
    if not seen:
        return ()
    shown = "; ".join(event[:200] for event in seen[:_SHOWN])
    detail = f"The code was seen to reach beyond its own work ({shown}{_rest(seen)}): read it before the marks go out."
    return (Flag("untrusted-evidence", detail),)


def _subject(event: str) -> str:
    """What an event is about, without its place: ``torch.nn.functional.conv2d`` of ``… = … (models.py, line 3)``."""
    return event.partition(" (")[0].removesuffix(_CHANGED)


def counted_otherwise(network: Examined, criterion: str) -> tuple[Flag, ...]:
    """A flag if the number of parameters that a network reports is not the number of those that could be set.

    Two different probes give the two numbers. The second can be trusted: the examiner sets the parameters to values of
    its own, and these values change the output.
    """
    if network.trouble is not None:
        return ()
    run = network.runs[0]
    counted = network.configurations.build(run.arguments, ()).reply
    traced = [*run.trace.parameters, *run.trace.constants, *run.trace.unused]
    # A trace lists at most 100 unused tensors, so then the sum may be too small.
    if isinstance(counted, Trouble) or len(run.trace.unused) >= 100:
        return ()
    held, claimed = sum(math.prod(tensor.shape) for tensor in traced), counted.trainable + counted.frozen
    if held == claimed:
        return ()
    detail = f"{criterion}: {network.facts.cls} reports {claimed:,} parameters, but values could be put into {held:,}."
    return (Flag("untrusted-evidence", detail),)


def _rest(items: tuple[object, ...]) -> str:
    """The number of those that a flag does not quote: ``; and 3 more``."""
    return f"; and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""


def _place(file: FileOutline, code: UnusualCode) -> str:
    """The place in the file, without the file's name."""
    return replace(file, path="", written_by=None).place(code.cell, code.line).removeprefix(", ")
