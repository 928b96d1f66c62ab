"""Which configurations a network serves: what was built and run, what fits, and which numbers are hard-coded."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from torch import Tensor

from grader.checks.sitting import Sitting
from grader.exam.exam import Exam
from grader.exam.proof import redrawn
from grader.lazy import lazy
from grader.worker.protocol import BuildNetwork, Construction, Output, Trouble
from reference.arguments import Arguments
from reference.handouts import NetworkFacts
from reference.known import Known
from reference.network import state_shapes

__all__ = ["SIDE", "Configurations", "Trial", "drawn_image"]


SIDE = 32
"""Height and width of the handouts' images, in pixels."""


@dataclass(frozen=True)
class Trial:
    """One configuration of a network, and what happened when it was built and run."""

    arguments: Arguments
    expected: tuple[tuple[int, ...], ...]
    """Output shapes for the inputs tried."""
    reply: Construction | Trouble
    counts: frozenset[int]
    """Numbers of trainable parameters that right answers have."""

    @property
    def trouble(self) -> Trouble | None:
        """What stopped the class or its forward, if anything did."""
        return self.reply if isinstance(self.reply, Trouble) else self.reply.stopped

    @property
    def constructs(self) -> bool:
        """Whether the class can be constructed; it may still fail to run."""
        return not isinstance(self.reply, Trouble)

    @property
    def built(self) -> Construction:
        """The network that was constructed. Raises ValueError if there is none, see ``constructs``."""
        if isinstance(self.reply, Trouble):
            raise ValueError(f"nothing was constructed: {self.reply.text}")
        return self.reply

    @property
    def fits(self) -> bool:
        """Whether it constructs and runs, and every output has the right shape and dtype. Values are not looked at."""
        return self.trouble is None and all(
            output.shape == expected and output.dtype == "torch.float32"
            for output, expected in zip(self.built.outputs, self.expected, strict=True)
        )

    @property
    def has_right_count(self) -> bool:
        """Whether it has as many trainable parameters as a right answer."""
        return self.constructs and self.built.trainable in self.counts

    @property
    def count_problem(self) -> str | None:
        """Why the number of parameters cannot be taken as it is, as a sentence; None if it can."""
        if not self.constructs:
            return None
        if not self.built.listed:
            return (
                "model.parameters() does not return the network's own parameters, so an optimizer would train the "
                "wrong tensors: leave that method as nn.Module has it, and register every parameter."
            )
        before, after = self.built.trainable, self.built.trainable_after
        if before != after:
            return (
                f"It has {before:,} trainable parameters when it is made and {after:,} after a forward pass, so an "
                "optimizer that is made before the forward pass trains other parameters. Make and freeze layers in "
                "__init__."
            )
        return None

    @property
    def summary(self) -> str:
        """What happened, in a few words for a table."""
        trouble = self.trouble
        if trouble is not None:
            return f"{trouble.type}: {trouble.text[:120]}"
        return ", ".join(map(_described, self.built.outputs))


def _described(output: Output) -> str:
    """``[2, 10, 32, 32] with NaN or infinity torch.float64``."""
    values = "" if output.finite else " with NaN or infinity"
    dtype = "" if output.dtype == "torch.float32" else f" {output.dtype}"
    return f"{list(output.shape)}{values}{dtype}"


# No number of colours is one, two or four times a number of filters: a wrong width must not fit by luck.
_VALUES = {"kernel": (3, 5), "num_filters": (8, 32), "num_colours": (10, 24), "num_in_channels": (1, 3)}
# Every pair of values of two parameters occurs in one of these (a covering array of strength 2).
_COVERING = ((0, 0, 0, 0), (0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0))
_COVERING_AT_ONE_KERNEL = ((0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 0))
# The numbers of the course's other weight files and colour sets, besides those above.
_OTHER_VALUES = {
    "kernel": (3,),
    "num_filters": (*_VALUES["num_filters"], 16, 64),
    "num_colours": (*_VALUES["num_colours"], 32, 16, 3),
    "num_in_channels": _VALUES["num_in_channels"],
}
# Values to draw from. They are small because large ones cost time; none is among those above, so that no class can be
# made for them.
_SMALL_FILTERS, _SMALL_COLOURS, _SMALL_INPUTS = (4, 5, 6, 7), (5, 6, 7, 8, 9), (2, 4)
_BATCHES = (5, 6, 7)


def batch_of(exam: Exam) -> int:
    """The number of images in a batch of more than one or two."""
    return exam.one_of("batch", _BATCHES)


def drawn_image(exam: Exam, arguments: Arguments, draw: int) -> Tensor:
    """Input (B, NIC, 32, 32), uniform in [0, 1). To save time, B is 2 for every kernel but 3."""
    batch = batch_of(exam) if arguments.kernel == 3 else 2
    return exam.uniform(redrawn(f"image/{arguments.inputs}", draw), (batch, arguments.inputs, SIDE, SIDE))


class Configurations:
    """The configurations of one network of one submission. Each is tried when it is first needed, and once."""

    def __init__(self, sitting: Sitting, facts: NetworkFacts, right: tuple[Known, ...]) -> None:
        self._sitting = sitting
        self._exam = sitting.exam
        self._facts = facts
        self._right = right
        self.batch = batch_of(self._exam)
        """Number of images in a batch of more than one or two."""

    # -- building and running ------------------------------------------------------------------------------------------

    def build(
        self,
        arguments: Arguments,
        batches: Sequence[int] = (2,),
        side: int = SIDE,
        order: tuple[str, ...] | None = None,
    ) -> Trial:
        """Construct the network and put batches of these sizes through it.

        ``side``: height and width of the images; ``order``: in which the constructor takes its parameters, where that
        is not the handout's.
        """
        probe = self._probe(arguments, batches, side, order)
        return self._trial(arguments, probe, self._sitting.candidate.answer(probe, {})[0])

    def with_kernel(self, kernel: int) -> Trial:
        """The first configuration that is served rightly, with another kernel."""
        served = next((trial for trial in self.trials if trial.fits and trial.has_right_count), self.trials[0])
        return self.build(replace(served.arguments, kernel=kernel))

    def _build_all(self, batches: Mapping[Arguments, Sequence[int]]) -> Iterator[Trial]:
        """``build`` for several configurations, each with the sizes of its batches."""
        probes = [self._probe(arguments, sizes) for arguments, sizes in batches.items()]
        replies = self._sitting.candidate.answers([(probe, {}) for probe in probes])
        for arguments, probe, (reply, _) in zip(batches, probes, replies, strict=True):
            yield self._trial(arguments, probe, reply)

    def _probe(
        self,
        arguments: Arguments,
        batches: Sequence[int],
        side: int = SIDE,
        order: tuple[str, ...] | None = None,
    ) -> BuildNetwork:
        return BuildNetwork(
            cls=self._facts.cls,
            arguments=arguments.positional(order or self._facts.parameters),
            inputs=tuple((size, arguments.inputs, side, side) for size in batches),
            image=(1, arguments.inputs, side, side),
            seed=self._exam.number("build"),
        )

    def _trial(self, arguments: Arguments, probe: BuildNetwork, reply: Construction | Trouble) -> Trial:
        expected = tuple((size, arguments.colours, height, width) for size, _, height, width in probe.inputs)
        return Trial(arguments, expected, reply, self._counts(arguments))

    def _counts(self, arguments: Arguments) -> frozenset[int]:
        """Numbers of trainable parameters that right answers have; computed once in a run."""
        return self._exam.once(
            ("counts", self._facts.thing, arguments),
            lambda: frozenset(
                sum(math.prod(shape) for shape in state_shapes(known.steps, *arguments.numbers))
                for known in self._right
            ),
        )

    # -- what is tried -------------------------------------------------------------------------------------------------

    @lazy
    def usual(self) -> tuple[Trial, ...]:
        """The configurations of the shapes criterion: a few, and all of them where one of the few does not fit."""
        covering = _COVERING if self._facts.odd_kernels else _COVERING_AT_ONE_KERNEL
        batches: dict[Arguments, tuple[int, ...]] = {}
        for choice in covering:
            values = {name: _VALUES[name][choice[place]] for place, name in enumerate(self._facts.parameters)}
            # Whether a network takes a batch of any size does not depend on its configuration.
            batches.setdefault(Arguments.from_names(values), (2,) if batches else (1, self.batch))
        trials: list[Trial] = []
        for trial in self._build_all(batches):
            trials.append(trial)
            if len(trials) == 2 and not any(each.constructs for each in trials) and _hopeless(trials):
                return tuple(trials)
        if all(trial.fits and trial.has_right_count for trial in trials):
            return tuple(trials)
        choices = _VALUES if self._facts.odd_kernels else {**_VALUES, "kernel": (3,)}
        others = {arguments: (2,) for arguments in self._product(choices) if arguments not in batches}
        return (*trials, *self._build_all(others))

    @lazy
    def unusual(self) -> tuple[Trial, ...]:
        """The course's other numbers, for a class that has one hard-coded; none where the usual ones suffice."""
        fits_some = any(trial.fits for trial in self.usual) and not _one_width(self.usual)
        if _hopeless(self.usual) or fits_some:
            return ()
        usual = set(self._product(_VALUES))
        others = [arguments for arguments in self._product(_OTHER_VALUES) if arguments not in usual]
        return tuple(self._build_all(dict.fromkeys(others, (2,))))

    @lazy
    def trials(self) -> tuple[Trial, ...]:
        """The usual configurations, and of the unusual ones those that fit."""
        fitting = [trial for trial in self.unusual if trial.fits]
        counted = [trial for trial in fitting if trial.has_right_count]
        uncounted = [] if any(trial.has_right_count for trial in self.usual) else fitting
        return (*self.usual, *(counted or uncounted))

    def _product(self, choices: Mapping[str, Sequence[int]]) -> Iterator[Arguments]:
        """Every choice of a value for each of the constructor's parameters."""
        names = self._facts.parameters
        for values in product(*(choices[name] for name in names)):
            yield Arguments.from_names(dict(zip(names, values, strict=True)))

    # -- what follows from it ------------------------------------------------------------------------------------------

    @lazy
    def fixed(self) -> dict[str, int] | None:
        """Parameters for which the class serves one value only, with that value; empty if it serves all.

        None where no rule describes the configurations that fit. A configuration "fits" only with the right number of
        parameters, if that number is right anywhere: a hard-coded width can give the right shapes with wrong filters.
        """
        trials = [*self.usual, *self.unusual]
        good = [trial.fits and trial.has_right_count for trial in trials]
        if not any(good):
            good = [trial.fits for trial in trials]
        if all(good):
            return {}
        # A trial that was stopped for its memory or its time says nothing about numbers, nor does another order.
        if not any(good) or any(map(_beyond_limits, trials)) or self.reordered is not None:
            return None
        return next((rule for rule in self._rules(trials) if good == [_obeys(trial, rule) for trial in trials]), None)

    def _rules(self, trials: Sequence[Trial]) -> Iterator[dict[str, int]]:
        """Every choice of parameters with one value each, of those that were tried; few parameters first."""
        names = self._facts.parameters
        values = {name: sorted({trial.arguments.named()[name] for trial in trials}) for name in names}
        for size in range(1, len(names) + 1):
            for chosen in combinations(names, size):
                for choice in product(*(values[name] for name in chosen)):
                    yield dict(zip(chosen, choice, strict=True))

    @lazy
    def reordered(self) -> tuple[str, ...] | None:
        """The constructor's own order of the handout's parameters, where the class fits only in that order."""
        if all(trial.fits for trial in self.usual):
            return None
        constructor = self._sitting.method(self._facts.cls, "__init__")
        names = constructor.parameters[1:] if constructor is not None else ()
        own = tuple(_meant(name) for name in names[: len(self._facts.parameters)])
        if own == self._facts.parameters or sorted(own) != sorted(self._facts.parameters):
            return None
        return own if self.build(self.usual[0].arguments, order=own).fits else None

    @lazy
    def literal_padding(self) -> bool:
        """Whether filters are as large as ``kernel`` asks, and only the padding does not follow it."""
        rule = dict(self.fixed or {})
        kernel = rule.pop("kernel", None)
        others = [trial for trial in self.usual if _obeys(trial, rule) and trial.arguments.kernel != kernel]
        return kernel is not None and bool(others) and all(trial.has_right_count for trial in others)

    @lazy
    def works(self) -> bool:
        """Whether there is a configuration in which the other aspects can be judged."""
        if self.fixed is None and self.reordered is not None:
            return any(trial.fits for trial in self.trials)
        return any(trial.constructs and trial.trouble is None for trial in self.trials)

    @lazy
    def judged(self) -> tuple[Arguments, ...]:
        """In which the network's function is judged: small numbers of this run, and those that are hard-coded."""
        running = [trial for trial in self.trials if trial.trouble is None]
        fitting = [trial for trial in running if trial.fits] or running
        if self.fixed is None and fitting:
            return (fitting[0].arguments,)
        values = {**self._small_values(), **(self.fixed or {})}
        small = Arguments.from_names({name: values[name] for name in self._facts.parameters})
        kernels = [3, 5] if self._facts.odd_kernels and "kernel" not in (self.fixed or {}) else [small.kernel]
        return tuple(replace(small, kernel=kernel) for kernel in kernels)

    def _small_values(self) -> dict[str, int]:
        """Small numbers of this run that cannot be mistaken for each other."""
        filters = self._exam.one_of("filters", _SMALL_FILTERS)
        colours = [number for number in _SMALL_COLOURS if number not in (filters, 2 * filters)]
        inputs = [number for number in _SMALL_INPUTS if number != filters]
        return {
            "kernel": 3,
            "num_filters": filters,
            "num_colours": self._exam.one_of("colours", colours),
            "num_in_channels": self._exam.one_of("inputs", inputs),
        }


def _obeys(trial: Trial, rule: Mapping[str, int]) -> bool:
    """Whether a configuration has these values."""
    return rule.items() <= trial.arguments.named().items()


def _hopeless(trials: Collection[Trial]) -> bool:
    """Whether trying more configurations would only repeat a hang or a crash."""
    return all(trial.trouble is not None and trial.trouble.type in ("Stopped", "SystemExit") for trial in trials)


def _beyond_limits(trial: Trial) -> bool:
    """Whether a configuration was stopped for the memory or the time that it took."""
    trouble = trial.trouble
    return trouble is not None and (trouble.type in ("Stopped", "MemoryError") or "memory" in trouble.text.lower())


def _one_width(trials: Collection[Trial]) -> bool:
    """Whether the number of parameters is the same for every ``num_filters``, and right for none."""
    counts: dict[Arguments, set[int]] = {}
    for trial in trials:
        if trial.constructs:
            counts.setdefault(replace(trial.arguments, filters=0), set()).add(trial.built.trainable)
    constant = bool(counts) and all(len(numbers) == 1 for numbers in counts.values())
    return constant and not any(trial.has_right_count for trial in trials)


_ABBREVIATIONS = {"k": "kernel", "nf": "num_filters", "nc": "num_colours", "nic": "num_in_channels"}
_PARTS = {
    "kernel": ("kernel",),
    "num_filters": ("filter",),
    "num_colours": ("colo",),
    "num_in_channels": ("in_chan", "inchan", "input"),
}


def _meant(name: str) -> str:
    """The handout's parameter that one of the student's stands for; the name itself if none."""
    low = name.lower()
    if low in _ABBREVIATIONS:
        return _ABBREVIATIONS[low]
    return next((ours for ours, parts in _PARTS.items() if any(part in low for part in parts)), name)
