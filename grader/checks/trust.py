"""Whether the worker's word can be taken: what the source holds that could bend it.

Evidence in numbers needs no trust. The rest (owners of layers, counts, dilations seen, devices) comes from the process
in which the submission runs, see ``grader/worker/unusual.py``. Where its source has means to bend that, the marks stand
and a person looks before they go out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from grader.marking.verdicts import Flag
from grader.worker.protocol import Outline, Trouble, UnusualCode

if TYPE_CHECKING:
    from grader.checks.network import Examined

__all__ = ["THREADS", "counted_otherwise", "doubts", "witnessed"]


_SHOWN = 5
THREADS = Flag(
    "untrusted-evidence",
    "The code works in threads of its own, in which operations are not watched: read it before the marks go out.",
)


def doubts(outline: Outline) -> tuple[Flag, ...]:
    """A flag for each file whose source could reach the examiner, with names and lines."""
    flags = []
    for file in outline.files:
        found = file.unusual
        if found:
            places = [f"{_place(one)}: {one.construct}" for one in found[:_SHOWN]]
            more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            flags.append(
                Flag(
                    "untrusted-evidence",
                    f"{file.path} could change what the examiner sees ({'; '.join(places)}{more}): "
                    "read it before the marks go out.",
                )
            )
    return tuple(flags)


def witnessed(seen: tuple[str, ...]) -> tuple[Flag, ...]:
    """A flag for what the code was seen to do when it ran, whatever its source says."""
    if not seen:
        return ()
    shown = "; ".join(one[:200] for one in seen[:_SHOWN])
    more = f"; and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
    told = f"The code was seen to reach beyond its own work ({shown}{more}): read it before the marks go out."
    return (Flag("untrusted-evidence", told),)


def counted_otherwise(network: Examined, criterion: str) -> tuple[Flag, ...]:
    """A flag where a network counts other parameters than it has places for; the two are told by different probes.

    The examiner puts values of his own into the places in use and sees them work, so those are no mere claim.
    """
    if network.trouble is not None:
        return ()
    run = network.runs[0]
    counted = network.configurations.build(run.arguments, ()).reply
    places = [*run.trace.parameters, *run.trace.constants, *run.trace.unused]
    # of those that are not in use, a trace lists so many
    if isinstance(counted, Trouble) or len(run.trace.unused) >= 100:
        return ()
    held, claimed = sum(math.prod(tensor.shape) for tensor in places), counted.trainable + counted.frozen
    if held == claimed:
        return ()
    told = f"{criterion}: {network.facts.cls} counts {claimed:,} parameters, and values could be put into {held:,}."
    return (Flag("untrusted-evidence", told),)


def _place(code: UnusualCode) -> str:
    return f"cell {code.cell}, line {code.line}" if code.cell else f"line {code.line}"
