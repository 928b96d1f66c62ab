"""The number of a network's trainable parameters."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from grader.checks.absence import cannot_be_judged
from grader.checks.configurations import Trial
from grader.checks.following import Followed, followed
from grader.checks.mistakes import hard_coded
from grader.checks.network import Examined, network_of
from grader.checks.sitting import Sitting
from grader.checks.trust import counted_otherwise
from grader.marking.evidence import Configuration, Evidence
from grader.marking.verdicts import Verdict, failed, passed

__all__ = ["parameters"]


def parameters(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """The network has as many trainable parameters as the handout's."""
    network = network_of(sitting, thing)
    skipped_verdict = cannot_be_judged(sitting, criterion, thing)
    if skipped_verdict:
        return skipped_verdict
    trials = [
        trial
        for trial in network.configurations.trials
        if trial.fits and (network.configurations.fixed or {}).items() <= trial.arguments.named().items()
    ]
    trials = trials or [trial for trial in network.configurations.trials if trial.constructs]
    # Layers that do not run can make up for what a mistake leaves out, so the handout's number is always right.
    known = None if _first_wrong(network, trials, None) is None else followed(network)
    wrong = _first_wrong(network, trials, known)
    table = Evidence(configurations=tuple(_configuration(network, trial, known) for trial in trials))
    if wrong is None:
        like = (
            "as in the handout." if known is None else f"as the handout's network has with a mistake. {known.remark()}"
        )
        return passed(
            criterion,
            f"{trials[0].built.trainable:,} trainable parameters with {network.named(trials[0].arguments)}, {like}",
            evidence=table,
            flags=counted_otherwise(network, criterion),
        )
    counts = _counts(wrong, known)
    if wrong.count_problem is not None and wrong.built.trainable in counts:
        return failed(criterion, wrong.count_problem, evidence=table)
    expected = min(counts, key=lambda count: abs(count - wrong.built.trainable))
    feedback = (
        f"{network.call(wrong.arguments)} has {wrong.built.trainable:,} trainable parameters, expected {expected:,}."
    )
    mistake = None
    if wrong.built.frozen:
        mistake = "frozen-parameters"
        feedback += (
            f" A further {wrong.built.frozen:,} do not require gradients (requires_grad is False), so "
            "training would not change them."
        )
    elif wrong not in trials:
        same = wrong.built.trainable == trials[0].built.trainable
        mistake = hard_coded(["kernel"]) if same else None
        feedback += (
            " That is as many as with kernel=3: 3 is written where `kernel` belongs."
            if same
            else " With kernel=3 the number is right: see where another number than `kernel` is a filter's size."
        )
    else:
        mistake = "unused-layers" if network.trouble is None and network.runs[0].trace.unused else None
        feedback += _why_not_as_many(network)
    return failed(criterion, feedback, mistake=mistake, evidence=table, at_stake=Fraction(1))


def _first_wrong(network: Examined, trials: Sequence[Trial], known: Followed | None) -> Trial | None:
    """The first trial with another number of parameters than the handout's network or ``known``; None if none has."""
    wrong = next((trial for trial in trials if not _is_right(trial, known)), None)
    if wrong is None and not network.facts.odd_kernels and network.configurations.reordered is None:
        # The trials have kernel 3 only. A filter that is always 3×3 has too few parameters with kernel 5.
        larger = network.configurations.with_kernel(5)
        wrong = larger if larger.constructs and larger.built.trainable not in _counts(larger, known) else None
    return wrong


def _is_right(trial: Trial, known: Followed | None) -> bool:
    return trial.built.trainable in _counts(trial, known) and trial.count_problem is None


def _counts(trial: Trial, known: Followed | None) -> frozenset[int]:
    """The numbers of parameters that are right, or that of the network with known mistakes."""
    return trial.counts if known is None else frozenset([known.count(trial.arguments)])


def _configuration(network: Examined, trial: Trial, known: Followed | None) -> Configuration:
    frozen = f" and {trial.built.frozen:,} frozen" if trial.built.frozen else ""
    return Configuration(
        arguments=trial.arguments.named(network.facts.parameters),
        expected=" or ".join(f"{count:,}" for count in sorted(_counts(trial, known))),
        actual=f"{trial.built.trainable:,}{frozen}",
        ok=_is_right(trial, known),
    )


def _why_not_as_many(network: Examined) -> str:
    """Why the number of parameters is wrong, as a sentence after a blank; empty if that is not known."""
    if network.trouble is not None or not network.runs:
        return ""
    run = network.runs[0]
    unused = [tensor.name for tensor in run.trace.unused]
    if unused:
        return f" These take no part in the forward pass: {', '.join(unused[:4])}{' …' if len(unused) > 4 else ''}."
    if network.match is not None and not network.match.is_right:
        return f" See {network.facts.thing}.architecture for the cause."
    expected = network.expected(network.right[0], run.arguments)[0].shapes
    for index, (ours, theirs) in enumerate(zip(expected, run.shapes, strict=False)):
        if ours != theirs:
            name = run.trace.parameters[index].name
            return (
                f" With {network.named(run.arguments)}, the first to differ in the order in which layers run is "
                f"`{name}`: its shape is {list(theirs)}, expected {list(ours)}."
            )
    if len(run.shapes) == len(expected):
        return ""
    return f" It has {len(run.shapes)} parameter tensors in use, expected {len(expected)}."
