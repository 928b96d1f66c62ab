"""The ids of all mistakes that reports may name, so that a rubric which overrides an unknown one can be refused."""

from __future__ import annotations

from grader.marking.credit import NATIVE_DILATION
from grader.marking.rubric import Rubric
from grader.suggest import did_you_mean
from reference.handouts import HANDOUTS
from reference.known import LAYER_ORDER, right
from reference.known_layers import LAYER_MISTAKES
from reference.mistakes import mistakes

__all__ = ["unknown_mistake"]


def unknown_mistake(rubric: Rubric) -> str | None:
    """The line, and one sentence, about the first id that no check of its assignment knows; None if all are known."""
    for (assignment, id), line in rubric.mistake_lines.items():
        known = _known(assignment)
        if not set(id.split("+")) <= known:
            hint = did_you_mean(id, sorted(known), otherwise=f"allowed are {', '.join(sorted(known))}")
            return f"line {line}: '{id[:60]}' under mistakes of '{assignment}' is not a known mistake: {hint}"
    return None


def _known(assignment: str) -> frozenset[str]:
    known = {LAYER_ORDER, NATIVE_DILATION, *(known.id for known in LAYER_MISTAKES)}
    for network in HANDOUTS[assignment].networks:
        known |= {wrong.id for answer in right(assignment, network.cls) for wrong in mistakes(answer)}
    return frozenset(known)
