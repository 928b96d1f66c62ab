"""The ids of all mistakes that reports may name, so that a rubric which overrides an unknown one can be refused."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction

from grader.exam import NETWORKS
from reference.known import LAYER_ORDER, mistakes, right
from reference.known_layers import LAYER_MISTAKES

__all__ = ["unknown_mistake"]


def unknown_mistake(assignment: str, shares: Mapping[str, Fraction]) -> str | None:
    """One sentence about the first id that no check of the assignment knows; None if all are known."""
    known = {LAYER_ORDER, *(known.id for known in LAYER_MISTAKES)}
    for kind in NETWORKS[assignment].values():
        known |= {wrong.id for one in right(assignment, kind.cls) for wrong in mistakes(one)}
    for id in shares:
        if not set(id.split("+")) <= known:
            near = get_close_matches(id, sorted(known), n=1)
            hint = f"did you mean '{near[0]}'" if near else f"allowed are {', '.join(sorted(known))}"
            return f"'{id}' under mistakes of {assignment} is no known mistake: {hint}"
    return None
