"""Follow-through: what follows from a known mistake costs nothing more than the mistake itself.

A network that equals a known mistake is judged by `parameters` and `training` against the network with that mistake. A
network that the handout makes of the student's own network and layer is judged against what it is made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from grader.checks.layer import SOURCES, case_answers, known_mistake
from grader.checks.network import Examined, network_of
from grader.checks.sitting import Sitting
from grader.marking.verdicts import Outcome, Verdict, passed
from reference.arguments import Arguments
from reference.extension import Layer, extended, fits_into
from reference.known import Known
from reference.known_layers import NO_BIAS
from reference.network import state_shapes
from reference.steps import Steps

__all__ = ["Followed", "followed", "spared", "unfollowed"]


_SPARED = ("shapes", "parameters", "training", "device")
"""Checks in which a network can fail for what another network, of which it is made, has failed for."""


def spared(check: str, sitting: Sitting, verdict: Verdict, of: Callable[[str], Verdict]) -> Verdict:
    """The verdict on a criterion, or a pass if the network fails in it just as the network that it extends does.

    ``of`` gives the verdict of the same check on another criterion.
    """
    thing = verdict.criterion.split(".")[0]
    facts = sitting.exam.networks.get(thing)
    if check not in _SPARED or facts is None or not facts.extends or not sitting.exam.assignment.follow_through:
        return verdict
    if verdict.outcome not in (Outcome.FAIL, Outcome.PARTIAL):
        return verdict
    other = of(f"{facts.extends}.{verdict.criterion.split('.')[1]}")
    if other.outcome not in (Outcome.FAIL, Outcome.PARTIAL) or not _alike(
        check, network_of(sitting, thing), verdict, other
    ):
        return verdict
    return passed(
        verdict.criterion,
        f"Remark, without effect on the mark: {facts.cls} has the fault of the network that it extends; see "
        f"{other.criterion}.",
        evidence=verdict.evidence,
    )


def _alike(check: str, network: Examined, verdict: Verdict, other: Verdict) -> bool:
    """Whether two networks lose points in the same check for the same reason, as far as the evidence shows it."""
    if check == "training":
        layer = _layer_of(network)
        return verdict.mistake == other.mistake and layer is not None and not layer.cut
    if check == "device":
        ours, theirs = (each.evidence.facts.get("findings", ()) for each in (verdict, other))
        return bool(ours) and all(finding in theirs for finding in ours)  # type: ignore[operator,union-attr]
    ours, theirs = ([row.actual for row in each.evidence.configurations] for each in (verdict, other))
    return ours == theirs


@dataclass(frozen=True)
class Followed:
    """A network with known mistakes, against which a submission's network is judged instead of the handout's."""

    known: Known
    whole: Steps
    """All layers that it has, also those that do not run."""
    told_at: tuple[str, ...]
    """The criteria that these mistakes cost points at."""
    stops: bool = False
    """Whether this network cannot run."""

    def count(self, arguments: Arguments) -> int:
        """The number of its trainable parameters."""
        return sum(math.prod(shape) for shape in state_shapes(self.whole, *arguments.numbers))

    def is_told_elsewhere(self, criterion: str) -> bool:
        """Whether none of the mistakes costs points at this criterion."""
        return criterion not in self.told_at

    def remark(self) -> str:
        """What a criterion says that such a mistake does not cost anything, as a sentence."""
        places = " and ".join(self.told_at)
        return f"Remark, without effect on the mark: this was judged with the mistake that is told at {places}."


def followed(network: Examined) -> Followed | None:
    """The network with known mistakes that a submission's network equals; None if there is none.

    It is also None where the rubric lets every criterion stand for itself.
    """
    if not network.exam.assignment.follow_through:
        return None
    thing = network.facts.thing
    return network.sitting.once(("followed", thing), lambda: _inherited(network) or _own(network))


def unfollowed(network: Examined) -> str | None:
    """The criterion that judges what a network is made of, if that is wrong and the network does not follow from it.

    None where nothing is wrong, and where the rubric lets every criterion stand for itself.
    """
    if not network.exam.assignment.follow_through or not network.facts.extends or followed(network) is not None:
        return None
    other, layer = network_of(network.sitting, network.facts.extends), network.facts.layer
    if other.match is None or not other.match.is_right:
        return f"{network.facts.extends}.architecture"
    wrong = layer and not all(answer.right for answer in case_answers(network.sitting, layer))
    return f"{layer}.values" if wrong else None


def _own(network: Examined) -> Followed | None:
    """The mistake of the network itself."""
    if not network.configurations.works or network.match is None or network.match.is_right:
        return None
    return Followed(network.match, network.match.steps, (f"{network.facts.thing}.architecture",))


def _inherited(network: Examined) -> Followed | None:
    """The mistakes of what the network is made of, if it has these and no others."""
    facts, sitting = network.facts, network.sitting
    if not facts.extends:
        return None
    other = network_of(sitting, facts.extends)
    base = other.match if other.configurations.works else None
    layer = _layer_of(network)
    if base is None or layer is None or (base.is_right and layer.is_right):
        return None
    given = network.right[0].steps
    made, whole = extended(base.steps, given, layer), extended(base.steps, given, Layer(), whole=True)
    told_at = (
        *([] if base.is_right else [f"{facts.extends}.architecture"]),
        *([] if layer.mistake is None else [f"{facts.layer}.values"]),
        *([f"{facts.layer}.gradients"] if layer.cut else []),
    )
    arguments = other.runs[0].arguments
    known = Known("inherited", "", "", "", Fraction(0), made)
    if not fits_into(base.steps, given, arguments.numbers) or _stops(network, known, arguments):
        constructs = any(trial.constructs for trial in network.configurations.trials)
        return Followed(known, whole, told_at, stops=True) if constructs and not network.configurations.works else None
    if not network.configurations.works:
        return None
    if network.agrees(known):
        return Followed(known, whole, told_at)
    # A mistake in the block that is replaced need not be the handout's block with one edit.
    if layer.is_right and network.match is not None and network.match.id == base.id:
        return Followed(network.match, extended(network.match.steps, given, layer, whole=True), told_at)
    return None


def _layer_of(network: Examined) -> Layer | None:
    """The student's layer that the network uses; None if it is wrong in a way that has no name."""
    if not network.facts.layer:
        return Layer()
    answers = case_answers(network.sitting, network.facts.layer)
    mistake = None
    if not all(answer.right for answer in answers):
        mistake = known_mistake(network.sitting, network.facts.layer, answers)
        if mistake is None:
            return None
    running = [answer.outputs for answer in answers if answer.trouble is None]
    cut = {name for name in SOURCES if all(f"gradient.{name}" not in outputs for outputs in running)}
    unused = {"bias"} if mistake is not None and mistake.id == NO_BIAS else set()
    return Layer(mistake, frozenset(cut - unused))


def _stops(network: Examined, known: Known, arguments: Arguments) -> bool:
    """Whether a known implementation fails when it runs."""
    return network.expected(known, arguments)[0].trouble is not None
