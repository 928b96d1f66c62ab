"""Known implementations: networks that the grader recognises, right ones here and wrong ones in ``mistakes.py``.

A network is written as its list of steps (``steps.py``). As a model answer it stands in ``models.py``; a test compares
the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import product

from reference.handouts import HANDOUTS, NARROW_FIFTH_BLOCK, NetworkFacts
from reference.steps import Steps, with_pooling_order

__all__ = ["HALF", "LAYER_ORDER", "NONE", "QUARTER", "THREE_QUARTERS", "Known", "misordered", "narrowed", "right"]

HALF, QUARTER, THREE_QUARTERS, NONE = Fraction(1, 2), Fraction(1, 4), Fraction(3, 4), Fraction(0)

LAYER_ORDER = "layer-order"
"""Id of the mistake of ``misordered``."""


@dataclass(frozen=True)
class Known:
    """A network that the grader recognises: right, or wrong in a way that has a name."""

    id: str
    """Kind of the edit, such as ``skip-missing``; what ``rubric.yaml`` overrides shares by."""
    place: str
    """Where the edit was made: ``second block``; empty for the whole network."""
    explanation: str
    """One sentence to the student. For right answers it is the remark, empty if there is nothing to say."""
    look_at: str
    """What the student should look at in the code; one sentence."""
    share: Fraction
    """Part of the points of ``architecture`` that it keeps."""
    steps: Steps
    base: tuple[str, ...] = ()
    """Remarks of the right answer that was edited."""
    rare: bool = False
    """Whether it is looked for only in networks that join the tensors of every skip connection in the same order."""

    @property
    def is_right(self) -> bool:
        return self.share == 1


@cache
def right(
    assignment: str, network: str, orders: tuple[str, ...] = (), accept: tuple[str, ...] = ()
) -> tuple[Known, ...]:
    """Every right answer to a network of the handout, the handout's own first.

    ``orders``: the accepted orders of pooling and batch-norm, the handout's first; both if empty. ``accept``: the
    variants that are accepted. Raises KeyError for an unknown assignment or class name.
    """
    handout = HANDOUTS[assignment]
    facts = handout.network(network)
    orders = orders or handout.layer_orders
    pools = any(step.kind == "pool" for step in facts.steps)
    own = orders[0] == "norm-first"
    accepted = (own, not own) if pools and len(orders) > 1 else (own,)
    answers: list[Known] = []
    for norm_first in product(accepted, repeat=2):
        steps = with_pooling_order(facts.steps, norm_first)
        remark = "" if norm_first == (own, own) else _OTHER_ORDER[own]
        answers += _with_concat_orders(steps, remark)
        if facts.narrow_fifth_block == "accepted" or _is_variant(facts, accept):
            answers += _with_concat_orders(_narrow(steps), f"{remark} {_NARROW}".strip())
    return tuple(answers)


def _is_variant(facts: NetworkFacts, ids: tuple[str, ...]) -> bool:
    """Whether a narrow fifth block is a variant of the network, and among these."""
    return facts.narrow_fifth_block == "variant" and NARROW_FIFTH_BLOCK in ids


def _narrow(steps: Steps) -> Steps:
    return tuple(replace(step, width="3") if (step.kind, step.block) == ("conv", 5) else step for step in steps)


_OTHER_ORDER = {
    norm_first: f"Batch-norm comes {yours} the max-pooling in your network and {ours} it in the handout; "
    "both orders have been taught, and both are accepted."
    for norm_first, yours, ours in ((True, "after", "before"), (False, "before", "after"))
}
"""By whether the handout has batch-norm before the pooling."""
_NARROW = "The fifth block has 3 channels, as RegressionCNN has there; that is accepted."


def _with_concat_orders(steps: Steps, remark: str) -> Iterator[Known]:
    """The same network with the two tensors of every ``cat`` in either order."""
    places = [place for place, step in enumerate(steps) if step.kind == "cat"]
    for firsts in product([False, True], repeat=len(places)):
        changed = list(steps)
        for place, first in zip(places, firsts, strict=True):
            changed[place] = replace(steps[place], first=first)
        yield Known("right", "", remark, "", Fraction(1), tuple(changed), (remark,) if remark else ())


@cache
def misordered(
    assignment: str, network: str, orders: tuple[str, ...], accept: tuple[str, ...] = ()
) -> tuple[Known, ...]:
    """What would be right in an order of pooling and batch-norm that ``orders`` leaves out; nothing if it has both."""
    accepted = {known.steps for known in right(assignment, network, orders, accept)}
    return tuple(
        Known(
            LAYER_ORDER,
            "",
            "Batch-norm and max-pooling are in a different order than in the handout.",
            "Put the layers of the pooling blocks in the handout's order.",
            THREE_QUARTERS,
            known.steps,
        )
        for known in right(assignment, network, accept=accept)
        if known.steps not in accepted
    )


@cache
def narrowed(
    assignment: str, network: str, orders: tuple[str, ...] = (), accept: tuple[str, ...] = ()
) -> tuple[Known, ...]:
    """Networks that are right or misordered but for a narrow fifth block, where that is a variant and not accepted."""
    facts = HANDOUTS[assignment].network(network)
    if facts.narrow_fifth_block != "variant" or NARROW_FIFTH_BLOCK in accept:
        return ()
    return tuple(
        Known(
            NARROW_FIFTH_BLOCK if known.is_right else f"{known.id}+{NARROW_FIFTH_BLOCK}",
            "fifth block",
            " ".join(filter(None, ["" if known.is_right else known.explanation, _TOO_NARROW])),
            "Write num_colours in place of the 3 channels.",
            THREE_QUARTERS if known.is_right else known.share / 2,
            _narrow(known.steps),
            known.base,
        )
        for known in (*right(assignment, network, orders), *misordered(assignment, network, orders))
    )


_TOO_NARROW = (
    "The fifth block has 3 channels, as RegressionCNN has there; with an output for each colour it has num_colours."
)
