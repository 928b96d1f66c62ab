"""The evidence of a network, gathered once for all its checks: the sizes it accepts, and the function it computes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from grader.checks.catalogue import look_up
from grader.checks.configurations import SIDE, Configurations
from grader.checks.sitting import Sitting, trouble_sentence
from grader.exam.compare import compare, missing, rounding, share_of
from grader.exam.exam import Candidate, Exam, Local
from grader.lazy import lazy
from grader.marking.evidence import Difference
from grader.worker.protocol import RunNetwork, Tensors, Trace, TraceNetwork, Trouble
from reference.arguments import PARAMETERS, Arguments
from reference.handouts import NetworkFacts
from reference.known import Known, misordered, right
from reference.network import Network, state_shapes
from reference.steps import Steps, upsampling_moved

__all__ = ["Examined", "Run", "known_candidate", "network_of"]


def network_of(sitting: Sitting, thing: str) -> Examined:
    """The evidence of a network, shared by its checks."""
    return sitting.once(("network", thing), lambda: Examined(sitting, sitting.exam.networks[thing]))


_ROOM = 24
"""How many times as large as expected an output may be for its values to be of use. Without its two poolings a network
gives an output that is 16 times as large and a little more, and it is recognised by its values."""


@dataclass(frozen=True)
class Run:
    """The outputs of a network with the examiner's parameters, in one configuration."""

    arguments: Arguments
    trace: Trace
    """Empty if the network could not be traced."""
    outputs: Tensors
    trouble: Trouble | None = None
    native: tuple[str, ...] = ()
    """Operations that were given a dilation."""

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The parameters' shapes, in the order in which layers use them."""
        return tuple(tensor.shape for tensor in self.trace.parameters)


class Examined:
    """One network of one submission. The candidate is asked only when an answer is first needed, and only once."""

    def __init__(self, sitting: Sitting, facts: NetworkFacts) -> None:
        self.sitting = sitting
        self.exam: Exam = sitting.exam
        self.facts = facts
        assignment = sitting.exam.assignment
        self.right = right(assignment.id, facts.cls, assignment.layer_orders)
        """All right answers, the handout's own first."""
        self.configurations = Configurations(sitting, facts, self.right)

    def call(self, arguments: Arguments) -> str:
        """``CNN(kernel=3, num_filters=8)``, for feedback."""
        return f"{self.facts.cls}({self.named(arguments)})"

    def named(self, arguments: Arguments) -> str:
        """``kernel=3, num_filters=8``: the constructor's arguments, for feedback."""
        return arguments.text(self.facts.parameters)

    @lazy
    def runs(self) -> tuple[Run, ...]:
        """One run per configuration in which the network is judged."""
        images = [(arguments, self.image(arguments)) for arguments in self.configurations.judged]
        return _asked(self.exam, self.sitting.candidate, self.facts.cls, self.facts.parameters, images)

    def image(self, arguments: Arguments) -> Tensor:
        """Input (B, NIC, 32, 32), uniform in [0, 1). To save time, B is 2 for every kernel but 3."""
        batch = self.configurations.batch if arguments.kernel == 3 else 2
        return self.exam.uniform(f"image/{arguments.inputs}", (batch, arguments.inputs, SIDE, SIDE))

    def expected(self, known: Known, arguments: Arguments) -> tuple[Run, dict[str, float]]:
        """The outputs of a known implementation, and the tolerance of each; computed once per run of the grader."""
        return self.exam.once(("run", known.steps, arguments), lambda: self._expected(known.steps, arguments))

    def _expected(self, steps: Steps, arguments: Arguments) -> tuple[Run, dict[str, float]]:
        """The tolerance is rounding, and for running statistics also the effect of where batch-norm stands.

        Batch-norm may stand before or after an upsampling that copies pixels. The function is the same, but after the
        upsampling each value counts four times, so the variance with Bessel's correction is a little smaller. The
        tolerance therefore includes the difference of the running statistics between the two places.
        """
        image = self.image(arguments)
        run = _ask(self.exam, _known(steps), arguments, image)
        if run.trouble is not None:
            return run, {}
        double = _ask(self.exam, _known(steps, torch.float64), arguments, image)
        tolerances = {name: rounding(value, double.outputs[name]) for name, value in run.outputs.items()}
        moved = _ask(self.exam, _known(upsampling_moved(steps)), arguments, image)
        for name, value in moved.outputs.items():
            if name.startswith("buffer."):
                tolerances[name] += float((value - run.outputs[name]).abs().max())
        return run, tolerances

    def agrees(self, known: Known) -> bool:
        """Whether the submission's network computes the function of ``known`` in every configuration."""
        for run in self.runs:
            if run.trouble is not None or run.shapes != state_shapes(known.steps, *run.arguments.numbers):
                return False
            expected, tolerances = self.expected(known, run.arguments)
            if expected.trouble is not None or next(_differences(expected, run, tolerances), None) is not None:
                return False
        return True

    def differs_in_training(self, known: Known) -> bool:
        """Whether the outputs in training mode differ from those of ``known``."""
        run = self.runs[0]
        expected, tolerances = self.expected(known, run.arguments)
        return compare(expected.outputs["train"], run.outputs["train"], tolerances["train"]) is not None

    def margin(self, known: Known) -> float:
        """The largest share of a tolerance that the outputs use up. They must agree with those of ``known``."""
        shares = [0.0]
        for run in self.runs:
            expected, tolerances = self.expected(known, run.arguments)
            shares += [
                share_of(tolerances[mode], expected.outputs[mode], run.outputs[mode])
                for mode in ("eval", "alone", "train")
            ]
        return max(shares)

    @lazy
    def convolutions(self) -> int:
        """The number of convolutions in the handout's network."""
        return sum(step.kind in ("conv", "convt") for step in self.right[0].steps)

    @property
    def least_convolutions(self) -> int:
        """The number of convolutions from which a network counts as an attempt: half of the handout's, rounded up."""
        return math.ceil(self.convolutions / 2)

    @lazy
    def attempted(self) -> bool:
        """Whether enough convolutions run between input and output, or the network is known all the same.

        Operations that run where they cannot be watched are not counted. If the network could not be watched at all,
        it counts as attempted: what stopped it is told elsewhere.
        """
        run = self.runs[0]
        if run.trace.convolutions >= self.least_convolutions or (run.trouble is not None and run.trace == Trace()):
            return True
        return self.match is not None

    @lazy
    def match(self) -> Known | None:
        """The known implementation that the network equals: a right one if there is one, else a mistake, else None."""
        if any(run.trouble is not None for run in self.runs):
            return None
        assignment = self.exam.assignment
        others = misordered(assignment.id, self.facts.cls, assignment.layer_orders)
        for known in (*self.right, *others):
            if self.agrees(known):
                return known
        # The last run has the largest kernel. A network that ignores `kernel` looks right with kernel 3.
        run = self.runs[-1]
        evidence = run.arguments, run.shapes, self.image(run.arguments), run.outputs
        # Another order of layers is a mistake already, so only one more is looked for.
        candidates = chain(
            look_up(self.exam, self.right, *evidence), look_up(self.exam, others, *evidence, most=1) if others else ()
        )
        for wrong in candidates:
            if self.agrees(wrong):
                return wrong
            # There are thousands of mistakes and few are needed again, so the outputs are not stored.
            for arguments in self.configurations.judged:
                self.exam.forget(("run", wrong.steps, arguments))
        return None

    def difference(self, known: Known | None = None) -> tuple[str, Difference] | None:
        """The first output that differs from a known implementation's (the handout's if None): its name, and how."""
        for run in self.runs:
            expected, tolerances = self.expected(known or self.right[0], run.arguments)
            for name, difference in _differences(expected, run, tolerances):
                return name, difference
        return None

    @lazy
    def trouble(self) -> str | None:
        """Why the network could not be run in some configuration, as a sentence; None if it ran in all."""
        for run in self.runs:
            if run.trouble is not None:
                return trouble_sentence(run.trouble, f"running {self.call(run.arguments)}")
        return None


def known_candidate(known: Known, dtype: torch.dtype | None = None) -> Local:
    """A known implementation as a candidate with the class ``Network``, whose constructor takes all four numbers."""
    return _known(known.steps, dtype)


def _known(steps: Steps, dtype: torch.dtype | None = None) -> Local:
    return Local({"Network": partial(Network, steps)}, dtype)


def _ask(exam: Exam, candidate: Candidate, arguments: Arguments, image: Tensor) -> Run:
    """The run of a known implementation on an image (B, NIC, H, W)."""
    return _asked(exam, candidate, "Network", PARAMETERS, [(arguments, image)])[0]


def _asked(
    exam: Exam,
    candidate: Candidate,
    cls: str,
    parameters: tuple[str, ...],
    images: Sequence[tuple[Arguments, Tensor]],
) -> tuple[Run, ...]:
    """The runs of a class in several configurations, each with its image (B, NIC, H, W).

    ``parameters`` are the names of its constructor's parameters.
    """
    seed = exam.number("run")
    traces = [
        trace
        for trace, _ in candidate.answers(
            [
                (TraceNetwork(cls=cls, arguments=arguments.positional(parameters), seed=seed), {"input": image})
                for arguments, image in images
            ]
        )
    ]
    replies = candidate.answers(
        [
            (
                RunNetwork(
                    cls=cls,
                    arguments=arguments.positional(parameters),
                    seed=seed,
                    elements=_ROOM * math.prod((len(image), arguments.colours, *image.shape[2:])),
                ),
                {"input": image, **_state(exam, trace)},
            )
            for (arguments, image), trace in zip(images, traces, strict=True)
            if not isinstance(trace, Trouble)
        ]
    )
    runs = []
    for (arguments, _), trace in zip(images, traces, strict=True):
        if isinstance(trace, Trouble):
            runs.append(Run(arguments, Trace(), {}, trace))
            continue
        reply, outputs = next(replies)
        if isinstance(reply, Trouble):
            runs.append(Run(arguments, trace, outputs, reply))
        else:
            runs.append(Run(arguments, trace, outputs, native=reply.native))
    return tuple(runs)


def _state(exam: Exam, trace: Trace) -> Tensors:
    """The examiner's values for the parameters and buffers of a network."""
    parameters, buffers = ([tensor.shape for tensor in tensors] for tensors in (trace.parameters, trace.buffers))
    return exam.state("run", parameters, buffers)


def _differences(expected: Run, actual: Run, tolerances: dict[str, float]) -> Iterator[tuple[str, Difference]]:
    """Each output that differs or that only one side has, with its name."""
    for name, value in expected.outputs.items():
        if name not in actual.outputs:
            yield name, missing(tuple(value.shape), ())
            continue
        difference = compare(value, actual.outputs[name], tolerances[name])
        if difference is not None:
            yield name, difference
    for name in actual.outputs.keys() - expected.outputs.keys():
        yield name, missing((), tuple(actual.outputs[name].shape))
