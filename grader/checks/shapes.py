"""Whether a network can be built in several configurations, and has the right output shape in each."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from grader.checks.absence import (
    absent_class,
    is_not_attempted,
    line_of,
    made_of_what_is_missing,
    stopped_by_another,
    undefined,
)
from grader.checks.configurations import Trial
from grader.checks.given import deleted
from grader.checks.mistakes import OF_CHECKS, hard_coded
from grader.checks.network import Examined, network_of
from grader.checks.sitting import Sitting, trouble_sentence
from grader.checks.slips import lost_to_one_line
from grader.checks.stopped import stopped_as
from grader.marking.evidence import Configuration, Evidence
from grader.marking.verdicts import Verdict, failed, partial, passed, skipped

__all__ = ["shapes"]

_HARD_CODED_SHARE = Fraction(1, 2)
"""The share of the points for a network that works only for some values of its parameters, or in another order."""


def shapes(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """The network can be built for several kernels, filters, colours and inputs, and its output has the right shape."""
    network = network_of(sitting, thing)
    obstacle = made_of_what_is_missing(sitting, thing)
    if obstacle:
        return skipped(criterion, obstacle)
    absent = deleted(sitting, criterion, network) or absent_class(sitting, network)
    if absent:
        return failed(criterion, absent, flags=lost_to_one_line(sitting, network))
    if stopped_by_another(network):
        return passed(criterion, stopped_by_another(network))
    if network.configurations.works:
        not_attempted = is_not_attempted(sitting, criterion, thing)
        if not_attempted:
            return not_attempted
    trials = network.configurations.trials
    table = Evidence(configurations=tuple(_configuration(network, trial) for trial in trials))
    fixed = network.configurations.fixed
    if fixed == {}:
        remarks = _larger_images(network)
        return passed(
            criterion, " ".join(["Every configuration tried has the right output shape.", *remarks]), evidence=table
        )
    if network.configurations.reordered is not None:
        return partial(
            criterion,
            _HARD_CODED_SHARE,
            f"{network.facts.cls} takes its parameters in another order than the handout: "
            f"{', '.join(network.configurations.reordered)}, expected {', '.join(network.facts.parameters)} "
            f"({line_of(sitting, network.facts.cls, '__init__')}). "
            "The course's scripts pass them by position, so put them in the handout's order.",
            mistake="constructor-order",
            evidence=table,
        )
    if fixed and network.configurations.literal_padding:
        unfit = next(trial for trial in trials if not trial.fits)
        return partial(
            criterion,
            _HARD_CODED_SHARE,
            f"{network.facts.cls} keeps the size of the image only for kernel = {fixed['kernel']}: its filters follow "
            f"`kernel`, its padding does not. Probably {fixed['kernel'] // 2} is written for the padding: use "
            f"padding=kernel // 2. {_first_failure(sitting, network, unfit)}",
            mistake="hard-coded-padding",
            evidence=table,
        )
    # Where two parameters have the same value in all that fits, one of them may be written for the other.
    known = stopped_as(network) if not fixed or len(set(fixed.values())) < len(fixed) else None
    if known is not None:
        unfit = next(trial for trial in trials if not trial.fits)
        return partial(
            criterion,
            _HARD_CODED_SHARE if fixed else Fraction(0),
            f"{_first_failure(sitting, network, unfit)} {known.explanation} {known.look_at}",
            mistake=known.id,
            evidence=table,
            # What a rubric gives for a mistake in the network's function is not for one that stops it.
            at_stake=Fraction(known.id in {mistake.id for mistake in OF_CHECKS}),
        )
    if fixed:
        values = " and ".join(f"{name} = {value}" for name, value in fixed.items())
        first = next(trial for trial in trials if not (trial.fits and trial.has_right_count))
        numbers = " and ".join(f"{value} is written where `{name}` belongs" for name, value in fixed.items())
        return partial(
            criterion,
            _HARD_CODED_SHARE,
            f"{network.facts.cls} works only for {values}. Probably {numbers}: use the constructor's parameter. "
            f"{_first_failure(sitting, network, first)}",
            mistake=hard_coded(fixed),
            evidence=table,
        )
    first = next((trial for trial in trials if not trial.fits), trials[0])
    flags = lost_to_one_line(sitting, network)
    return failed(criterion, _first_failure(sitting, network, first), evidence=table, flags=flags)


def _configuration(network: Examined, trial: Trial) -> Configuration:
    return Configuration(
        arguments=trial.arguments.named(network.facts.parameters),
        expected=", ".join(str(list(shape)) for shape in trial.expected),
        actual=trial.summary,
        ok=trial.fits,
    )


def _first_failure(sitting: Sitting, network: Examined, trial: Trial) -> str:
    """What went wrong in a trial, as sentences."""
    call = f"{network.facts.cls}({', '.join(map(str, trial.arguments.positional(network.facts.parameters)))})"
    names = network.named(trial.arguments)
    if trial.trouble is not None:
        if trial.trouble.type == "Stopped":  # in which of the two is not known
            step = "building and running"
        else:
            step = "running" if trial.constructs else "building"
        sentence = trouble_sentence(trial.trouble, f"{step} {call} ({names})") + undefined(sitting, trial.trouble)
        if trial.trouble.type == "TypeError" and not trial.constructs:
            sentence += f" The handout's constructor takes {', '.join(network.facts.parameters)}, in this order."
        if trial.trouble.type == "Refusal" and "no return" in sentence:
            sentence = f"{sentence[:-1]} ({line_of(sitting, network.facts.cls, 'forward')})."
        return sentence + _advice(network, trial)
    for output, expected in zip(trial.built.outputs, trial.expected, strict=True):
        if output.shape != expected:
            return (
                f"With {names}, the output of a batch of {expected[0]} has the shape {list(output.shape)}, expected "
                f"{list(expected)}.{_why_that_shape(network, output.shape, expected)}"
            )
        if output.dtype != "torch.float32":
            return f"With {names}, the output has the type {output.dtype}, expected torch.float32 like the input."
    return (
        f"With {names}, the network has {trial.built.trainable:,} trainable parameters, expected "
        f"{' or '.join(f'{count:,}' for count in sorted(trial.counts))}."
    )


def _why_that_shape(network: Examined, shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Why the output has another shape, as a sentence after a blank; empty if that is not known."""
    if len(shape) == len(expected) and shape[0] != expected[0] and math.prod(shape) == math.prod(expected):
        return " The batch size is written as a number: view or reshape must take it from x.size(0)."
    if network.configurations.fixed is None and network.match is not None and not network.match.is_right:
        return f" See {network.facts.thing}.architecture for the cause."
    return ""


def _advice(network: Examined, trial: Trial) -> str:
    """What an error message of PyTorch means here, as a sentence after a blank; empty if that is not known."""
    text = trial.trouble.text if trial.trouble is not None else ""
    batches = {shape[0] for shape in trial.expected}
    refused = re.search(r"expected input\[(\d+), \d+, (\d+), (\d+)\]", text)
    joined = any(step.kind == "cat" for step in network.right[0].steps)
    if joined and ("match except in dimension 0" in text or (refused is not None and int(refused[1]) not in batches)):
        return " The images of the batch are joined, and not the channels: give torch.cat dim=1."
    if joined and refused is not None and refused[2] != refused[3]:
        return " The tensors are joined along their height or width, and not along the channels: give torch.cat dim=1."
    sizes = re.search(r"match except in dimension 1. Expected size (\d+) but got size (\d+)", text)
    if sizes is None:
        return ""
    small = min(map(int, sizes.groups()))
    if any(step.kind == "convt" for step in network.right[0].steps) and small % 2:
        return " A transposed convolution with stride=2 doubles height and width only with output_padding=1."
    return (
        " The tensors that are joined differ in height and width: see padding, pooling and upsampling before this line."
    )


def _larger_images(network: Examined) -> list[str]:
    """A remark if the network does not accept 64×64 images, as the handout's does. Marks depend on 32×32 only."""
    arguments = network.configurations.trials[0].arguments
    trial = network.configurations.build(arguments, (1,), side=64)
    if trial.fits:
        return []
    return [
        "Remark, without effect on the mark: images of 64×64 do not pass through your network, although the handout's "
        "network is not limited to 32×32."
    ]
