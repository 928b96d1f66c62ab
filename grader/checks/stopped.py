"""Finds the known implementation that stops as a network stops: with the same error, and with as many parameters.

A network that cannot run has no output to be looked up by. What is known of it are the numbers of its parameters and
PyTorch's messages in several configurations. Both have the numbers of channels and pixels in them, so they tell one
mistake from another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import partial

from grader.checks.configurations import Trial
from grader.checks.network import Examined
from grader.exam.exam import Local
from grader.worker.protocol import BuildNetwork, Trouble
from reference.arguments import Arguments
from reference.known import Known
from reference.mistakes import mistakes, stopping
from reference.network import Network, state_shapes
from reference.steps import Steps

__all__ = ["stopped_as"]

_TRIALS = 3
"""Configurations that are compared."""
_SIDES = (31, 34, 36)
"""Further sizes of images, whose halves are rounded: the messages then show where the size is halved and doubled."""
_MOST_PAIRS = 300
"""At most this many networks with two mistakes are built and run."""
_GENERAL = ("wrong-input-width", "wrong-batch-norm-width")
"""Mistakes that say less than any other that stops a network in the same way."""


def stopped_as(network: Examined) -> Known | None:
    """The known mistake, or the two, that stop a network as this one is stopped; None if none does.

    It is also None if several do: a message may have more than one cause. Of two mistakes only the first is returned
    if the second may be one or another.
    """
    troubled = [trial for trial in network.configurations.trials if trial.trouble is not None]
    trials = _unlike(troubled)
    if not trials or not all(map(_is_stopped, troubled)):
        return None
    return network.sitting.once(("stopped", network.facts.thing), lambda: _stopped_as(network, trials))


def _is_stopped(trial: Trial) -> bool:
    return trial.constructs and trial.trouble is not None and trial.trouble.type == "RuntimeError"


def _stopped_as(network: Examined, trials: Sequence[Trial]) -> Known | None:
    trials = [*trials, *(network.configurations.build(trials[0].arguments, side=side) for side in _SIDES)]
    alike: list[Known] = []
    for number, right in enumerate(network.right):
        if not alike and len({step.first for step in right.steps if step.kind == "cat"}) <= 1:
            singles = enumerate((*mistakes(right), *stopping(right)))
            alike = [
                known for index, known in singles if _stops_alike(network, known.steps, trials, kept_as=(number, index))
            ]
    # What comes after the stop does not show, so a rare mistake is not assumed where a common one explains it.
    alike = [known for known in alike if not known.rare] or alike
    alike = [known for known in alike if known.id not in _GENERAL] or alike
    if alike:
        return alike[0] if len({known.id for known in alike}) == 1 else None
    pairs = [(first, both) for first, both in _pairs(network, trials) if _stops_alike(network, both.steps, trials)]
    certain = set.intersection(*(set(both.id.split("+")) for _, both in pairs)) if pairs else set()
    if len({frozenset(both.id.split("+")) for _, both in pairs}) == 1:
        return pairs[0][1]
    return next((first for first, _ in pairs if first.id in certain), None)


def _stops_alike(network: Examined, steps: Steps, trials: Sequence[Trial], *, kept_as: tuple[int, ...] = ()) -> bool:
    """Whether a known implementation has as many parameters in all trials, and stops in them with the same message.

    ``kept_as``: how the messages are stored, if they are.
    """
    return all(_count(steps, trial.arguments) == trial.built.trainable for trial in trials if trial.constructs) and all(
        _message(network, steps, trial, kept_as) == _text(trial) for trial in trials
    )


def _unlike(trials: Sequence[Trial]) -> list[Trial]:
    """The first of the trials, and others in which every number is another one where there are such."""
    first = trials[:1]
    others = [trial for trial in trials[1:] if trial.arguments.filters != first[0].arguments.filters]
    return [*first, *others[: _TRIALS - 1]]


def _pairs(network: Examined, trials: Sequence[Trial]) -> Iterator[tuple[Known, Known]]:
    """Networks with two mistakes that have as many parameters, where each changes the number as it does alone.

    Each comes after the network with the first of the two alone.

    A mistake that does not change it is looked for only if it stops the network or changes the size of its output:
    another one would not show.
    """
    right = network.right[0]

    def excess(steps: Steps) -> tuple[int, ...]:
        return tuple(_count(steps, trial.arguments) - _count(right.steps, trial.arguments) for trial in trials)

    wanted = tuple(trial.built.trainable - _count(right.steps, trial.arguments) for trial in trials)
    excesses = {known.steps: excess(known.steps) for known in (*mistakes(right), *stopping(right))}
    possible, found = set(excesses.values()), 0
    for index, first in enumerate((*mistakes(right), *stopping(right))):
        needed = tuple(all_ - one for all_, one in zip(wanted, excesses[first.steps], strict=True))
        if needed not in possible or not any(wanted):
            continue
        if not any(excesses[first.steps]) and not _shows(network, first.steps, trials[0], index):
            continue
        for second in mistakes(first):
            if excess(second.steps) == wanted:
                yield first, second
                found += 1
                if found == _MOST_PAIRS:
                    return


def _shows(network: Examined, steps: Steps, trial: Trial, index: int) -> bool:
    """Whether a network stops, or its output has another size than the handout's."""
    return _kept(network, steps, trial, (0, index)) != tuple(trial.expected)


def _count(steps: Steps, arguments: Arguments) -> int:
    return sum(math.prod(shape) for shape in state_shapes(steps, *arguments.numbers))


def _text(trial: Trial) -> str:
    return _without_filter_size(trial.trouble.text) if trial.trouble is not None else ""


def _without_filter_size(message: str) -> str:
    """The message without height and width of a filter, which is wider where it was spread by hand."""
    return re.sub(r"(weight of size \[\d+, \d+), \d+, \d+\]", r"\1]", message)


def _message(network: Examined, steps: Steps, trial: Trial, kept_as: tuple[int, ...]) -> str:
    """PyTorch's message for a known implementation in the configuration of a trial; empty if it runs."""
    reply = _kept(network, steps, trial, kept_as) if kept_as else _reply(steps, trial)
    return _without_filter_size(reply) if isinstance(reply, str) else ""


def _kept(network: Examined, steps: Steps, trial: Trial, kept_as: tuple[int, ...]) -> str | tuple[tuple[int, ...], ...]:
    """``_reply``, computed once per run of the grader."""
    key = ("stops", network.facts.thing, kept_as, trial.arguments, trial.expected)
    return network.exam.once(key, lambda: _reply(steps, trial))


def _reply(steps: Steps, trial: Trial) -> str | tuple[tuple[int, ...], ...]:
    """PyTorch's message, or the shapes of the outputs."""
    arguments = trial.arguments
    inputs = tuple((shape[0], arguments.inputs, *shape[2:]) for shape in trial.expected)
    probe = BuildNetwork(cls="Network", arguments=arguments.numbers, inputs=inputs, image=(1, *inputs[0][1:]))
    reply, _ = Local({"Network": partial(Network, steps)}).answer(probe, {})
    if isinstance(reply, Trouble):
        return reply.text
    return tuple(output.shape for output in reply.outputs) if reply.stopped is None else reply.stopped.text
