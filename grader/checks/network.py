"""The evidence of a network, gathered once for all its checks: the sizes it accepts, and the function it computes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from grader.checks.catalogue import Family, look_up
from grader.checks.configurations import Configurations, drawn_image
from grader.checks.sitting import Sitting, trouble_sentence
from grader.exam.compare import compare, missing, rounding, share_of
from grader.exam.exam import Candidate, Exam, Local
from grader.exam.proof import Drawn, Unsound, proved, redrawn
from grader.lazy import lazy
from grader.marking.evidence import Difference
from grader.worker.protocol import RunNetwork, Tensors, Trace, TraceNetwork, Trouble
from reference.arguments import PARAMETERS, Arguments
from reference.handouts import NetworkFacts
from reference.known import Known, right
from reference.mistakes import changed_in_place, scaling
from reference.network import Network, outputs_of, state_shapes
from reference.rewritten import ByHand
from reference.steps import Steps, upsampling_moved

__all__ = ["Examined", "Run", "known_candidate", "network_of", "trace_of"]


def network_of(sitting: Sitting, thing: str) -> Examined:
    """The evidence of a network, shared by its checks."""
    return sitting.once(("network", thing), lambda: Examined(sitting, sitting.exam.networks[thing]))


_ROOM = 24
"""How many times as large as expected an output may be for its values to be of use. Without its two poolings a network
gives an output that is 16 times as large and a little more, and it is recognised by its values."""


_KEPT_OF_STATISTICS = 0.9
"""How much of a running statistic stays at each update, by batch-norm's default momentum."""
_MOST_UPDATES = 10
"""The most updates of a running statistic in one forward pass that are looked for."""


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
    draw: int = 0
    """The draw of the image and of the parameters, see ``proof.py``."""
    image: Tensor | None = None
    """What the network made of the image (B, NIC, H, W), where it changed it in place."""

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
        self.right = right(assignment.id, facts.cls, assignment.layer_orders, assignment.accept)
        """All right answers, the handout's own first."""
        self.configurations = Configurations(sitting, facts, self.right)
        self._asked: dict[tuple[Arguments, int], Run] = {}
        """The runs so far, by configuration and draw."""
        self._changed: dict[Arguments, Tensor] = {}
        """By configuration, the image that known implementations get in place of the one that was drawn."""

    def call(self, arguments: Arguments) -> str:
        """``CNN(kernel=3, num_filters=8)``, for feedback."""
        return f"{self.facts.cls}({self.named(arguments)})"

    def named(self, arguments: Arguments) -> str:
        """``kernel=3, num_filters=8``: the constructor's arguments, for feedback."""
        return arguments.text(self.facts.parameters)

    @lazy
    def runs(self) -> tuple[Run, ...]:
        """One run per configuration in which the network is judged, in the draw of the handout's own network."""
        questions = [(arguments, self._own_draw(arguments)) for arguments in self.configurations.judged]
        runs = self._put(questions)
        self._asked.update(zip(questions, runs, strict=True))
        return runs

    def _run(self, arguments: Arguments, draw: int) -> Run:
        """The run in one configuration and draw; asked once."""
        if (arguments, draw) not in self._asked:
            self._asked[arguments, draw] = self._put([(arguments, draw)])[0]
        return self._asked[arguments, draw]

    def _put(self, questions: Sequence[tuple[Arguments, int]]) -> tuple[Run, ...]:
        asked = [(*question, self.image(*question)) for question in questions]
        return _asked(self.exam, self.sitting.candidate, self.facts.cls, self.facts.parameters, asked)

    def image(self, arguments: Arguments, draw: int = 0) -> Tensor:
        """The image that is drawn for the network."""
        return drawn_image(self.exam, arguments, draw)

    def expected(self, known: Known, arguments: Arguments) -> tuple[Run, dict[str, float]]:
        """The outputs of a known implementation, and the tolerance of each; those of right answers are shared.

        Each right answer has the first sound draw of its own, which nearly always is the same. Mistakes are looked for
        in the draw of the handout's own network. Raises Unsound if a right answer has no sound draw.
        """
        if arguments in self._changed:
            return _expected(self.exam, known.steps, arguments, self._own_draw(arguments), self._changed[arguments])
        if known.is_right:
            # Two mistakes together may undo each other, and have the steps of a right answer.
            return proved(self.exam, _RightRun(known.steps, arguments))
        key = ("run", known.steps, arguments)
        return self.exam.once(key, lambda: _expected(self.exam, known.steps, arguments, self._own_draw(arguments)))

    def _own_draw(self, arguments: Arguments) -> int:
        """The draw of the handout's own network; the first if none is sound, since shapes are examined all the same."""
        if arguments in self._changed:
            return next(run.draw for run in self.runs if run.arguments == arguments)
        try:
            return self.expected(self.right[0], arguments)[0].draw
        except Unsound:
            return 0

    def _given(self, arguments: Arguments, draw: int) -> Tensor:
        """The image (B, NIC, 32, 32) that a known implementation gets."""
        return self._changed.get(arguments, self.image(arguments, draw))

    def _resembles(self, known: Known) -> bool:
        """Whether the network puts out nearly the same for one image. This takes a tenth of the time of ``agrees``."""
        run = self.runs[-1]
        if run.shapes != state_shapes(known.steps, *run.arguments.numbers):
            return False
        # All that the outputs of ``known`` depend on here: another submission may have other running statistics.
        key = ("glance", known.steps, run.arguments, run.draw, tuple(buffer.shape for buffer in run.trace.buffers))
        image = self._given(run.arguments, run.draw)
        if self._changed:
            expected = _outputs(self.exam, Network, known.steps, run, image).get("alone")
        else:
            expected = self.exam.once(key, lambda: _outputs(self.exam, Network, known.steps, run, image).get("alone"))
        actual = run.outputs["alone"]
        # A generous allowance for rounding, which NaN is outside of.
        return (
            expected is not None
            and expected.shape == actual.shape
            and bool(((actual.to(torch.float64) - expected).abs() <= 1e-3 * (1 + expected.abs())).all())
        )

    def agrees(self, known: Known) -> bool:
        """Whether the submission's network computes the function of ``known`` in every configuration."""
        for own in self.runs:
            if own.trouble is not None or own.shapes != state_shapes(known.steps, *own.arguments.numbers):
                return False
            expected, tolerances = self.expected(known, own.arguments)
            run = self._run(own.arguments, expected.draw)
            expected, tolerances = self._updated_as_often(expected, tolerances, run)
            unequal = run.trouble is not None or next(_differences(expected, run, tolerances), None) is not None
            if expected.trouble is not None or unequal:
                return False
        return True

    def _updated_as_often(
        self, expected: Run, tolerances: dict[str, float], actual: Run
    ) -> tuple[Run, dict[str, float]]:
        """What is expected if a layer that runs once in ``expected`` runs several times on the same input.

        The outputs are the same, and the running statistics move towards the batch's statistics m once each time: from
        b to m + 0.9ⁿ(b − m) after n times. The tolerance grows as the difference from b does.
        """
        outputs, allowed = dict(expected.outputs), dict(tolerances)
        before = _state(self.exam, expected.trace, expected.draw)
        for index, (once, times) in enumerate(zip(expected.trace.updates, actual.trace.updates, strict=False)):
            name = f"buffer.{index}"
            if once == 1 and 1 < times <= _MOST_UPDATES and name in outputs:
                way = (1 - _KEPT_OF_STATISTICS**times) / (1 - _KEPT_OF_STATISTICS)
                start = before[name].to(torch.float64)
                outputs[name] = start + way * (outputs[name].to(torch.float64) - start)
                allowed[name] *= way
        return replace(expected, outputs=outputs), allowed

    @lazy
    def repeated(self) -> dict[str, int]:
        """The blocks or layers whose batch-norm runs more than once in a forward pass, and how often."""
        trace = self.runs[0].trace
        return {
            tensor.name.partition(".")[0]: times
            for tensor, times in zip(trace.buffers, trace.updates, strict=False)
            if times > 1
        }

    def differs_in_training(self, known: Known) -> bool:
        """Whether the outputs in training mode differ from those of ``known``."""
        expected, tolerances = self.expected(known, self.configurations.judged[0])
        run = self._run(expected.arguments, expected.draw)
        return compare(expected.outputs["train"], run.outputs["train"], tolerances["train"]) is not None

    def margin(self, known: Known) -> float:
        """The largest share of a tolerance that the outputs use up. They must agree with those of ``known``."""
        shares = [0.0]
        for arguments in self.configurations.judged:
            expected, tolerances = self.expected(known, arguments)
            run = self._run(arguments, expected.draw)
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
        return self._match_after_change() or self._matching()

    @property
    def changes_image(self) -> bool:
        """Whether forward changes the image that it is given, in place."""
        return any(run.image is not None for run in self.runs)

    def _match_after_change(self) -> Known | None:
        """The network's equal for the image that it makes of the one it is given, where it changes that in place."""
        changed = {run.arguments: (run.image, self.image(run.arguments, run.draw)) for run in self.runs}
        after = copy(self)
        after._changed = {
            arguments: now
            for arguments, (now, drawn) in changed.items()
            if now is not None and (now.shape, now.dtype) == (drawn.shape, drawn.dtype)
        }
        if len(after._changed) < len(changed):
            return None
        known = after._matching()
        if known is None:
            return None
        now, drawn = next((now, drawn) for now, drawn in changed.values() if now is not None)
        return changed_in_place(known, scaling(drawn, now))

    def _matching(self) -> Known | None:
        # A network without parameters for 3 channels cannot be narrow.
        has_three = any(run.shapes and (3,) in run.shapes for run in self.runs)
        misordered = Family(self.facts.cls, is_right=False, narrow=has_three)
        others = misordered.known(self.exam)
        for known in (*self.right, *others):
            if (known is self.right[0] or self._resembles(known)) and self.agrees(known):
                return known
        # The last run has the largest kernel. A network that ignores `kernel` looks right with kernel 3.
        # Mistakes are looked up by the first draw of the question, sound or not: a look-up is generous.
        arguments = self.configurations.judged[-1]
        run = self.runs[-1] if self._changed else self._run(arguments, 0)
        if run.trouble is not None:
            return None
        evidence = arguments, run.shapes, self._given(arguments, run.draw), run.outputs
        # Another order of layers is a mistake already, so only one more is looked for.
        masked = partial(self._masked, run)
        # Two mistakes leave most of the convolutions. An argmax at the end hides them all. What made a constant output,
        # nobody can say.
        hidden = not run.outputs["alone"].is_floating_point()
        is_near = hidden or run.trace.convolutions >= self.least_convolutions
        is_near = is_near and not _is_constant(run.outputs["alone"])
        # A second mistake of a network that extends another one is in the other one too, which is judged by itself.
        is_near = is_near and not self.facts.extends
        find = partial(look_up, draw=run.draw, drawn=arguments not in self._changed)
        candidates = chain(
            find(self.exam, Family(self.facts.cls), *evidence, masked=masked if is_near else None),
            find(self.exam, misordered, *evidence) if others else (),
        )
        for wrong in candidates:
            if self.agrees(wrong):
                return wrong
            # There are thousands of mistakes and few are needed again, so the outputs are not stored.
            for arguments in self.configurations.judged:
                self.exam.forget(("run", wrong.steps, arguments))
        return None

    def _masked(self, run: Run, zeroed: int) -> Tensor | None:
        """What the network of a run puts out for one image (1, NC, H, W), with its first filters set to zero.

        It is in evaluation mode. None where it fails.
        """
        state = _state(self.exam, run.trace, run.draw)
        filters = [index for index, shape in enumerate(run.shapes) if len(shape) == 4]
        state |= {f"parameter.{index}": torch.zeros(run.shapes[index]) for index in filters[:zeroed]}
        probe = RunNetwork(
            cls=self.facts.cls,
            arguments=run.arguments.positional(self.facts.parameters),
            seed=self.exam.number("run"),
        )
        image = self.image(run.arguments, run.draw)
        reply, outputs = self.sitting.candidate.answer(probe, {"input": image, **state})
        return None if isinstance(reply, Trouble) else outputs["alone"]

    def difference(self, known: Known | None = None) -> tuple[str, Difference] | None:
        """The first output that differs from a known implementation's (the handout's if None): its name, and how."""
        for arguments in self.configurations.judged:
            expected, tolerances = self.expected(known or self.right[0], arguments)
            run = self._run(arguments, expected.draw)
            expected, tolerances = self._updated_as_often(expected, tolerances, run)
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


_Expected = tuple[Run, dict[str, float]]
"""A run, and the tolerance of each of its outputs."""


@dataclass(frozen=True)
class _RightRun(Drawn[_Expected]):
    """What a right answer puts out in one configuration. Written by hand, it must use little of the tolerances."""

    steps: Steps
    arguments: Arguments
    value_type = tuple[_Expected] | None

    def draw(self, exam: Exam, number: int) -> tuple[_Expected, float]:
        run, tolerances = _expected(exam, self.steps, self.arguments, number)
        by_hand = _outputs(exam, ByHand, self.steps, run, drawn_image(exam, self.arguments, number))
        shares = [
            share_of(tolerances[name], value, by_hand[name]) if name in by_hand else math.inf
            for name, value in run.outputs.items()
        ]
        return (run, tolerances), max(shares, default=math.inf)


def _expected(exam: Exam, steps: Steps, arguments: Arguments, draw: int, image: Tensor | None = None) -> _Expected:
    """``image`` (B, NIC, H, W) is given to the network in place of the one that is drawn.

    The tolerance is rounding, and for running statistics also the effect of where batch-norm stands.

    Batch-norm may stand before or after an upsampling that copies pixels. The function is the same, but after the
    upsampling each value counts four times, so the variance with Bessel's correction is a little smaller. The
    tolerance therefore includes the difference of the running statistics between the two places.
    """
    image = drawn_image(exam, arguments, draw) if image is None else image
    run = _asked(exam, _known(steps), "Network", PARAMETERS, [(arguments, draw, image)])[0]
    if run.trouble is not None:
        return run, {}
    double = _outputs(exam, Network, steps, run, image, torch.float64)
    tolerances = {name: rounding(value, double[name]) for name, value in run.outputs.items()}
    for name, value in _outputs(exam, Network, upsampling_moved(steps), run, image).items():
        if name.startswith("buffer."):
            tolerances[name] += float((value - run.outputs[name]).abs().max())
    return run, tolerances


def trace_of(exam: Exam, steps: Steps, arguments: Arguments) -> Trace:
    """The trace of a known implementation; empty if it cannot be traced."""
    probe = TraceNetwork(cls="Network", arguments=arguments.numbers, seed=exam.number("run"))
    trace, _ = _known(steps).answer(probe, {"input": drawn_image(exam, arguments, 0)})
    return Trace() if isinstance(trace, Trouble) else trace


def _outputs(
    exam: Exam, kind: type[Network], steps: Steps, run: Run, image: Tensor, dtype: torch.dtype = torch.float32
) -> Tensors:
    """The outputs of ``steps`` for the question of a run that has the same parameters; none if they do not fit it.

    They are those of the probe, without its watching: nobody need be watched here.
    """
    question = {"input": image, **_state(exam, run.trace, run.draw)}
    try:
        return outputs_of(kind(steps, *run.arguments.numbers).to(dtype), question)
    except (RuntimeError, ValueError, KeyError):
        return {}


def _is_constant(output: Tensor) -> bool:
    """Whether all elements of an output are equal."""
    return output.is_meta or output.numel() == 0 or bool((output == output.flatten()[0]).all())


def known_candidate(known: Known, dtype: torch.dtype | None = None) -> Local:
    """A known implementation as a candidate with the class ``Network``, whose constructor takes all four numbers."""
    return _known(known.steps, dtype)


def _known(steps: Steps, dtype: torch.dtype | None = None) -> Local:
    return Local({"Network": partial(Network, steps)}, dtype)


def _asked(
    exam: Exam,
    candidate: Candidate,
    cls: str,
    parameters: tuple[str, ...],
    questions: Sequence[tuple[Arguments, int, Tensor]],
) -> tuple[Run, ...]:
    """The runs of a class in several configurations, each with its draw and its image (B, NIC, H, W).

    ``parameters`` are the names of its constructor's parameters.
    """
    seed = exam.number("run")
    calls = [
        (
            arguments.positional(parameters),
            draw,
            image,
            _ROOM * math.prod((len(image), arguments.colours, *image.shape[2:])),
        )
        for arguments, draw, image in questions
    ]
    traces = [
        trace
        for trace, _ in candidate.answers(
            [(TraceNetwork(cls=cls, arguments=values, seed=seed), {"input": image}) for values, _, image, _ in calls]
        )
    ]
    replies = candidate.answers(
        [
            (
                RunNetwork(cls=cls, arguments=values, seed=seed, elements=elements),
                {"input": image, **_state(exam, trace, draw)},
            )
            for (values, draw, image, elements), trace in zip(calls, traces, strict=True)
            if not isinstance(trace, Trouble)
        ]
    )
    runs = []
    for (arguments, draw, _), trace in zip(questions, traces, strict=True):
        if isinstance(trace, Trouble):
            runs.append(Run(arguments, Trace(), {}, trace, draw=draw))
            continue
        reply, outputs = next(replies)
        if isinstance(reply, Trouble):
            runs.append(Run(arguments, trace, outputs, reply, draw=draw))
        else:
            left = outputs.pop("image", None)
            runs.append(Run(arguments, trace, outputs, native=reply.native, draw=draw, image=left))
    return tuple(runs)


def _state(exam: Exam, trace: Trace, draw: int = 0) -> Tensors:
    """The examiner's values for the parameters and buffers of a network."""
    parameters, buffers = ([tensor.shape for tensor in tensors] for tensors in (trace.parameters, trace.buffers))
    return exam.state(redrawn("run", draw), parameters, buffers)


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
