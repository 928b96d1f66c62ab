"""What a network shows of itself, gathered once for all its checks: where it fits, and which function it computes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product

import torch
from torch import Tensor

from grader.checks.catalogue import look_up
from grader.checks.sitting import Sitting, arguments_of, trouble_sentence
from grader.exam.compare import compare, missing, rounding, share_of
from grader.exam.exam import Candidate, Exam, Local, NetworkKind
from grader.lazy import lazy
from grader.marking.evidence import Difference
from grader.worker.protocol import BuildNetwork, Construction, RunNetwork, Tensors, Trace, TraceNetwork, Trouble
from reference.known import Known, Network, misordered, right
from reference.steps import Step, state_shapes, upsampling_moved

__all__ = ["Examined", "Row", "Run", "network_of"]


# No number of colours is one, two or four times a number of filters: a width that is wrong must not fit by luck.
_VALUES = {"kernel": (3, 5), "num_filters": (8, 32), "num_colours": (10, 24), "num_in_channels": (1, 3)}
# Every pair of values of two parameters occurs in a row (a covering array of strength 2).
_COVERING = ((0, 0, 0, 0), (0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0))
_COVERING_ODD = ((0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 0))
# Values to draw from, small because they cost time: none is among those above, and so none can be told beforehand.
_SMALL_FILTERS, _SMALL_COLOURS, _SMALL_INPUTS = (4, 5, 6, 7), (5, 6, 7, 8, 9), (2, 4)
_BATCHES = (5, 6, 7)
_SIDE = 32


@dataclass(frozen=True)
class Row:
    """One configuration of a network, and what came of it."""

    arguments: tuple[int, ...]
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
        return not isinstance(self.reply, Trouble)

    @property
    def built(self) -> Construction:
        """The network that was constructed. Raises ValueError if there is none, see ``constructs``."""
        if isinstance(self.reply, Trouble):
            raise ValueError(f"nothing was constructed: {self.reply.text}")
        return self.reply

    @property
    def fits(self) -> bool:
        """Constructs, runs, and every output has the right shape and dtype; what its values are is another matter."""
        return self.trouble is None and all(
            output.shape == expected and output.dtype == "torch.float32"
            for output, expected in zip(self.built.outputs, self.expected, strict=True)
        )

    @property
    def counted(self) -> bool:
        return self.constructs and self.built.trainable in self.counts

    @property
    def counting(self) -> str | None:
        """Why the number is not what it seems, as a sentence; None if it is."""
        if not self.constructs:
            return None
        if not self.built.listed:
            return (
                "model.parameters() gives other tensors than the network holds, so an optimizer would train something "
                "else: leave that method as nn.Module has it, and register every parameter."
            )
        before, after = self.built.trainable, self.built.trainable_after
        if before != after:
            return (
                f"It has {before:,} trainable parameters when it is made and {after:,} after a forward pass: an "
                "optimizer that was made in between knows nothing of that. Make and freeze layers in __init__."
            )
        return None

    def actual(self) -> str:
        """What came of it, in a few words for a table."""
        trouble = self.trouble
        if trouble is not None:
            return f"{trouble.type}: {trouble.text[:120]}"
        return ", ".join(
            f"{list(output.shape)}" + ("" if output.finite else " with NaN or infinity")
            + ("" if output.dtype == "torch.float32" else f" {output.dtype}")
            for output in self.built.outputs
        )  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A network's function under the examiner's parameters, in one configuration."""

    arguments: tuple[int, ...]
    trace: Trace
    """Empty where the network could not be traced."""
    outputs: Tensors
    trouble: Trouble | None = None
    native: tuple[str, ...] = ()
    """Operations that were given a dilation."""

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tensor.shape for tensor in self.trace.parameters)


class Examined:
    """One network of one submission. Everything is asked for when first needed, and once."""

    def __init__(self, sitting: Sitting, kind: NetworkKind) -> None:
        self.sitting = sitting
        self.exam: Exam = sitting.exam
        self.kind = kind

    # -- where it fits ------------------------------------------------------------------------------------------------

    def build(
        self,
        arguments: tuple[int, ...],
        batches: Sequence[int] = (2,),
        side: int = _SIDE,
        order: tuple[str, ...] | None = None,
    ) -> Row:
        """Construct the network and put batches of these sizes through it; ``order`` is the constructor's own."""
        probe = self._building(arguments, batches, side, order)
        return self._row(arguments, probe, self.sitting.candidate.answer(probe, {})[0])

    def _builds(self, tried: Mapping[tuple[int, ...], Sequence[int]]) -> Iterator[Row]:
        """``build`` for several configurations, each with the sizes of its batches."""
        probes = [self._building(arguments, batches) for arguments, batches in tried.items()]
        answered = self.sitting.candidate.answers([(probe, {}) for probe in probes])
        for arguments, probe, (reply, _) in zip(tried, probes, answered, strict=True):
            yield self._row(arguments, probe, reply)

    def _building(
        self,
        arguments: tuple[int, ...],
        batches: Sequence[int],
        side: int = _SIDE,
        order: tuple[str, ...] | None = None,
    ) -> BuildNetwork:
        return BuildNetwork(
            cls=self.kind.cls,
            arguments=tuple(self._named(arguments)[name] for name in order or self.kind.parameters),
            inputs=tuple((size, self._inputs(arguments), side, side) for size in batches),
            image=(1, self._inputs(arguments), side, side),
            seed=self.exam.number("build"),
        )

    def _row(self, arguments: tuple[int, ...], probe: BuildNetwork, reply: Construction | Trouble) -> Row:
        expected = tuple((size, self._colours(arguments), height, width) for size, _, height, width in probe.inputs)
        return Row(arguments, expected, reply, self._counts(arguments))

    def at_kernel(self, kernel: int) -> Row:
        """The first configuration that is served rightly, with another kernel."""
        served = next((row for row in self.rows if row.fits and row.counted), self.rows[0])
        return self.build(tuple({**self._named(served.arguments), "kernel": kernel}.values()))

    def _named(self, arguments: tuple[int, ...]) -> dict[str, int]:
        return dict(zip(self.kind.parameters, arguments, strict=True))

    def _inputs(self, arguments: tuple[int, ...]) -> int:
        return self._named(arguments).get("num_in_channels", 1)

    def _colours(self, arguments: tuple[int, ...]) -> int:
        return self._named(arguments).get("num_colours", 3)

    def _numbers(self, arguments: tuple[int, ...]) -> tuple[int, int, int, int]:
        named = self._named(arguments)
        return named["kernel"], named["num_filters"], named.get("num_colours", 3), named.get("num_in_channels", 1)

    def _counts(self, arguments: tuple[int, ...]) -> frozenset[int]:
        numbers = self._numbers(arguments)
        return self.exam.once(  # type: ignore[no-any-return]
            ("counts", self.kind, arguments),
            lambda: frozenset(
                sum(int(torch.Size(shape).numel()) for shape in state_shapes(known.steps, *numbers))
                for known in self.right
            ),
        )

    @lazy
    def right(self) -> tuple[Known, ...]:
        return right(self.exam.assignment.id, self.kind.cls, self.exam.assignment.layer_orders)

    @lazy
    def usual(self) -> tuple[Row, ...]:
        """The configurations of the shapes criterion; all of them where a few don't tell."""
        covering = _COVERING if self.kind.odd_kernels else _COVERING_ODD
        tried: dict[tuple[int, ...], tuple[int, ...]] = {}
        for choice in covering:
            arguments = tuple(_VALUES[name][choice[place]] for place, name in enumerate(self.kind.parameters))
            # Whether a network takes a batch of any size does not depend on its configuration.
            tried.setdefault(arguments, (2,) if tried else (1, self._one_of("batch", _BATCHES)))
        rows: list[Row] = []
        for row in self._builds(tried):
            rows.append(row)
            if len(rows) == 2 and not any(row.constructs for row in rows) and self._hopeless(rows):
                return tuple(rows)
        if all(row.fits and row.counted for row in rows):
            return tuple(rows)
        others = {arguments: (2,) for arguments in self._every_configuration() if arguments not in tried}
        return (*rows, *self._builds(others))

    @lazy
    def unusual(self) -> tuple[Row, ...]:
        """The course's other numbers, for a class that has one of them written in; none where the usual ones tell."""
        if self._hopeless(self.usual) or (any(row.fits for row in self.usual) and not _one_width(self.usual)):
            return ()
        return tuple(self._builds(dict.fromkeys(self._unusual_configurations(), (2,))))

    @lazy
    def rows(self) -> tuple[Row, ...]:
        """The usual configurations, and of the unusual ones those that fit."""
        fitting = [row for row in self.unusual if row.fits]
        counted = [row for row in fitting if row.counted]
        uncounted = [] if any(row.counted for row in self.usual) else fitting
        return (*self.usual, *(counted or uncounted))

    def _hopeless(self, rows: Collection[Row]) -> bool:
        """True where trying more configurations only repeats a hang or a crash."""
        return all(row.trouble is not None and row.trouble.type in ("Stopped", "SystemExit") for row in rows)

    def _every_configuration(self) -> Iterator[tuple[int, ...]]:
        values = [_VALUES[name] if name != "kernel" or self.kind.odd_kernels else (3,) for name in self.kind.parameters]
        yield from product(*values)

    def _unusual_configurations(self) -> Iterator[tuple[int, ...]]:
        """Numbers of the course's other weight files and colour sets, beside the usual ones of the other parameters."""
        unusual = {
            "kernel": (3,),
            "num_filters": (*_VALUES["num_filters"], 16, 64),
            "num_colours": (*_VALUES["num_colours"], 32, 16, 3),
            "num_in_channels": _VALUES["num_in_channels"],
        }
        for arguments in product(*(unusual[name] for name in self.kind.parameters)):
            if not all(value in _VALUES[name] for name, value in self._named(arguments).items()):
                yield arguments

    @lazy
    def fixed(self) -> dict[str, int] | None:
        """Parameters for which the class serves one value only, with that value; empty if it serves all.

        None where no rule describes the configurations that fit. "Fit" includes the number of parameters where some
        configuration has it right: a width written in twice gives the right shapes with the wrong filters.
        """
        rows = [*self.usual, *self.unusual]
        good = [row.fits and row.counted for row in rows]
        if not any(good):
            good = [row.fits for row in rows]
        if all(good):
            return {}
        # What was stopped for its size or its time says nothing about numbers, nor do those in another order.
        if not any(good) or any(_beyond_limits(row) for row in rows) or self.reordered is not None:
            return None
        names = self.kind.parameters
        tried = [sorted({self._named(row.arguments)[name] for row in rows}) for name in names]
        for size in range(1, len(names) + 1):
            for chosen in combinations(range(len(names)), size):
                for values in product(*(tried[place] for place in chosen)):
                    rule = {names[place]: value for place, value in zip(chosen, values, strict=True)}
                    if good == [rule.items() <= self._named(row.arguments).items() for row in rows]:
                        return rule
        return None

    @lazy
    def reordered(self) -> tuple[str, ...] | None:
        """The constructor's own order of the handout's parameters, where the class fits only if called so."""
        if all(row.fits for row in self.usual):
            return None
        init = self.sitting.method(self.kind.cls, "__init__")
        names = init.parameters[1:] if init is not None else ()
        own = tuple(_meant(name) for name in names[: len(self.kind.parameters)])
        if own == self.kind.parameters or sorted(own) != sorted(self.kind.parameters):
            return None
        return own if self.build(self.usual[0].arguments, order=own).fits else None

    @lazy
    def literal_padding(self) -> bool:
        """Whether filters are as large as ``kernel`` asks, and only the padding does not follow it."""
        rule = dict(self.fixed or {})
        kernel = rule.pop("kernel", None)
        others = [
            row
            for row in self.usual
            if rule.items() <= self._named(row.arguments).items() and self._named(row.arguments)["kernel"] != kernel
        ]
        return kernel is not None and bool(others) and all(row.counted for row in others)

    @lazy
    def works(self) -> bool:
        """Whether there is a configuration in which the other aspects can be judged."""
        if self.fixed is None and self.reordered is not None:
            return any(row.fits for row in self.rows)
        return any(row.constructs and row.trouble is None for row in self.rows)

    # -- which function it computes -----------------------------------------------------------------------------------

    @lazy
    def configurations(self) -> tuple[tuple[int, ...], ...]:
        """Where architecture is judged: small numbers, and those the class insists on."""
        fixed = dict(self.fixed or {})
        fitting = [row for row in self.rows if row.fits] or [row for row in self.rows if row.trouble is None]
        if self.fixed is None and fitting:
            return (fitting[0].arguments,)
        drawn = self._small()
        small = {name: fixed.get(name, drawn[name]) for name in self.kind.parameters}
        kernels = [3, 5] if self.kind.odd_kernels and "kernel" not in fixed else [small["kernel"]]
        return tuple(tuple({**small, "kernel": kernel}.values()) for kernel in kernels)

    def _small(self) -> dict[str, int]:
        """Small numbers of this run that are not to be confused with each other."""
        filters = self._one_of("filters", _SMALL_FILTERS)
        free = [colours for colours in _SMALL_COLOURS if colours not in (filters, 2 * filters)]
        inputs = [number for number in _SMALL_INPUTS if number != filters]
        return {
            "kernel": 3,
            "num_filters": filters,
            "num_colours": self._one_of("colours", free),
            "num_in_channels": self._one_of("inputs", inputs),
        }

    def _one_of(self, purpose: str, values: Sequence[int]) -> int:
        return values[self.exam.number(purpose) % len(values)]

    @lazy
    def runs(self) -> tuple[Run, ...]:
        images = [(arguments, self.image(arguments)) for arguments in self.configurations]
        return _asked(self.exam, self.sitting.candidate, self.kind.cls, images)

    def image(self, arguments: tuple[int, ...]) -> Tensor:
        """Input (B, NIC, 32, 32), uniform in [0, 1]; a larger kernel, which takes longer, gets two images."""
        batch = self._one_of("batch", _BATCHES) if arguments[0] == 3 else 2
        return self.exam.uniform(f"image/{self._inputs(arguments)}", (batch, self._inputs(arguments), _SIDE, _SIDE))

    def expected(self, known: Known, arguments: tuple[int, ...]) -> tuple[Run, dict[str, float]]:
        """What a known implementation answers, with the tolerance of each tensor; computed once in a run."""
        return self.exam.once(  # type: ignore[no-any-return]
            ("run", known.steps, arguments), lambda: self._expected(known.steps, arguments)
        )

    def _expected(self, steps: tuple[Step, ...], arguments: tuple[int, ...]) -> tuple[Run, dict[str, float]]:
        """Batch-norm may stand before or after an upsampling that copies pixels: the same function, but the variance of
        four times as many equal values, with Bessel's correction, is a little smaller. What the running statistics
        differ
        by between the two places is allowed beside rounding.
        """
        image = self.image(arguments)
        run = _ask(self.exam, self._known(steps), "Network", arguments, image)
        if run.trouble is not None:
            return run, {}
        double = _ask(self.exam, self._known(steps, torch.float64), "Network", arguments, image)
        tolerances = {name: rounding(value, double.outputs[name]) for name, value in run.outputs.items()}
        moved = _ask(self.exam, self._known(upsampling_moved(steps)), "Network", arguments, image)
        for name, value in moved.outputs.items():
            if name.startswith("buffer."):
                tolerances[name] += float((value - run.outputs[name]).abs().max())
        return run, tolerances

    def _known(self, steps: tuple[Step, ...], dtype: torch.dtype | None = None) -> Local:
        return Local({"Network": lambda *arguments: Network(steps, *self._numbers(arguments))}, dtype)

    def known_candidate(self, known: Known, dtype: torch.dtype | None = None) -> Local:
        """A known implementation as a candidate with the class ``Network``."""
        return self._known(known.steps, dtype)

    def agrees(self, known: Known) -> bool:
        """Whether the submission's network is this function, in every configuration."""
        for run in self.runs:
            if run.trouble is not None or run.shapes != state_shapes(known.steps, *self._numbers(run.arguments)):
                return False
            expected, tolerances = self.expected(known, run.arguments)
            if expected.trouble is not None or any(True for _ in _differences(expected, run, tolerances)):
                return False
        return True

    def differs_in_training(self, known: Known) -> bool:
        """Whether the function in training mode is another, where losses are compared."""
        run = self.runs[0]
        expected, tolerances = self.expected(known, run.arguments)
        return compare(expected.outputs["train"], run.outputs["train"], tolerances["train"]) is not None

    def margin(self, known: Known) -> float:
        """The largest share of a tolerance that the network's outputs use up, beside a known implementation it agrees
        with."""
        shares = [0.0]
        for run in self.runs:
            expected, tolerances = self.expected(known, run.arguments)
            shares += [
                share_of(tolerances[mode], expected.outputs[mode], run.outputs[mode])
                for mode in ("eval", "alone", "train")
            ]
        return max(shares)

    @lazy
    def match(self) -> Known | None:
        """The known implementation that the network equals: a right one if there is one, else a mistake, else None."""
        if any(run.trouble is not None for run in self.runs):
            return None
        assignment = self.exam.assignment
        others = misordered(assignment.id, self.kind.cls, assignment.layer_orders)
        for known in (*self.right, *others):
            if self.agrees(known):
                return known
        # The largest kernel tells most: an ignored one hides behind 3.
        run = self.runs[-1]
        seen = self._numbers(run.arguments), run.shapes, self.image(run.arguments), run.outputs
        # The other order of layers is a mistake already, beside which one more is looked for.
        found = chain(
            look_up(self.exam, self.right, *seen), look_up(self.exam, others, *seen, most=1) if others else ()
        )
        for wrong in found:
            if self.agrees(wrong):
                return wrong
            # there are thousands of mistakes, and hardly any is looked at twice
            for arguments in self.configurations:
                self.exam.forget(("run", wrong.steps, arguments))
        return None

    def difference(self, known: Known | None = None) -> tuple[str, Difference] | None:
        """The first departure from a known implementation (the handout's if None): which output, and how."""
        for run in self.runs:
            expected, tolerances = self.expected(known or self.right[0], run.arguments)
            for name, difference in _differences(expected, run, tolerances):
                return name, difference
        return None

    @lazy
    def trouble(self) -> str | None:
        """Why the function could not be looked at, as a sentence."""
        for run in self.runs:
            if run.trouble is not None:
                return trouble_sentence(
                    run.trouble, f"running {self.kind.cls}({arguments_of(self.kind.parameters, run.arguments)})"
                )
        return None


_MEANINGS = {
    "kernel": ("kernel",),
    "num_filters": ("filter",),
    "num_colours": ("colo",),
    "num_in_channels": ("in_chan", "inchan", "input"),
}


def _meant(name: str) -> str:
    """The handout's parameter that one of the student's stands for; the name itself if none."""
    short = {"k": "kernel", "nf": "num_filters", "nc": "num_colours", "nic": "num_in_channels"}
    if name.lower() in short:
        return short[name.lower()]
    return next((ours for ours, parts in _MEANINGS.items() if any(part in name.lower() for part in parts)), name)


def _beyond_limits(row: Row) -> bool:
    """Whether a configuration was stopped for the memory or the time that it took."""
    trouble = row.trouble
    return trouble is not None and (trouble.type in ("Stopped", "MemoryError") or "memory" in trouble.text.lower())


def _one_width(rows: Collection[Row]) -> bool:
    """Whether no row has the right number of parameters, and that number is the same whatever ``num_filters`` is."""
    numbers: dict[tuple[int, ...], set[int]] = {}
    for row in rows:
        if row.constructs:
            others = (row.arguments[0], *row.arguments[2:])  # the handouts' second parameter is num_filters
            numbers.setdefault(others, set()).add(row.built.trainable)
    return bool(numbers) and all(len(found) == 1 for found in numbers.values()) and not any(row.counted for row in rows)


def _ask(exam: Exam, candidate: Candidate, cls: str, arguments: tuple[int, ...], image: Tensor) -> Run:
    return _asked(exam, candidate, cls, [(arguments, image)])[0]


def _asked(
    exam: Exam, candidate: Candidate, cls: str, images: Sequence[tuple[tuple[int, ...], Tensor]]
) -> tuple[Run, ...]:
    """A class's function in several configurations, each with its image (B, C_in, H, W)."""
    seed = exam.number("run")
    traces = [
        trace
        for trace, _ in candidate.answers(
            [(TraceNetwork(cls=cls, arguments=arguments, seed=seed), {"input": image}) for arguments, image in images]
        )
    ]
    answered = candidate.answers(
        [
            (RunNetwork(cls=cls, arguments=arguments, seed=seed), {"input": image, **_state(exam, trace)})
            for (arguments, image), trace in zip(images, traces, strict=True)
            if not isinstance(trace, Trouble)
        ]
    )
    runs = []
    for (arguments, _), trace in zip(images, traces, strict=True):
        if isinstance(trace, Trouble):
            runs.append(Run(arguments, Trace(), {}, trace))
            continue
        reply, outputs = next(answered)
        if isinstance(reply, Trouble):
            runs.append(Run(arguments, trace, outputs, reply))
        else:
            runs.append(Run(arguments, trace, outputs, native=reply.native))
    return tuple(runs)


def _state(exam: Exam, trace: Trace) -> Tensors:
    parameters, buffers = ([tensor.shape for tensor in tensors] for tensors in (trace.parameters, trace.buffers))
    return exam.state("run", parameters, buffers)


def _differences(expected: Run, actual: Run, tolerances: dict[str, float]) -> Iterator[tuple[str, Difference]]:
    for name, value in expected.outputs.items():
        if name not in actual.outputs:
            yield name, missing(tuple(value.shape), ())
            continue
        difference = compare(value, actual.outputs[name], tolerances[name])
        if difference is not None:
            yield name, difference
    for name in actual.outputs.keys() - expected.outputs.keys():
        yield name, missing((), tuple(actual.outputs[name].shape))


def network_of(sitting: Sitting, thing: str) -> Examined:
    """The evidence of a network, shared by its checks."""
    return sitting.kept.setdefault(thing, Examined(sitting, sitting.exam.networks[thing]))  # type: ignore[no-any-return]
