"""Whether a network learns what the reference learns, in a short run.

From the examiner's parameters two things are compared: the losses, and how far training moves each parameter. The
losses show whether the right function is trained. They hardly show whether its gradients are right: a skip connection
through which no gradient flows changes the loss by a thousandth in ten steps. How far the parameters move shows that.

How far a parameter may end from where it should is derived from what was measured on the handouts' networks. A wrong
gradient leads some parameter astray by 0.3 of its way or more, mostly by all of it. Rounding by itself leads none
astray by more than 1e-3. But at a kink of a ReLU or of a max-pooling, rounding decides which way a gradient goes, and
such decisions led parameters astray by up to 0.37 of their way. No tolerance keeps the two apart. So the tolerance is a
small part of what a wrong gradient does, and the question is drawn anew where the decisions in doubt use more than a
tenth of it (``exam/proof.py``). Before the question is put, the reference trains in single and in double precision, in
both ways at the doubtful kinks, and written by hand. More than four steps show no more, and have more kinks.

Where there is a GPU, training runs there first. If a network fails the check on the GPU, the check is repeated on the
CPU and that result counts, so marks do not depend on the hardware.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from grader.checks.absence import cannot_be_judged
from grader.checks.configurations import SIDE
from grader.checks.following import Followed, followed
from grader.checks.network import Examined, known_candidate, network_of, trace_of
from grader.checks.sitting import Sitting, trouble_sentence
from grader.exam.exam import Exam, Local
from grader.exam.proof import MARGIN, Drawn, Unsound, proved, redrawn
from grader.marking.evidence import Curve, Evidence
from grader.marking.verdicts import Outcome, Verdict, failed, passed
from grader.worker.protocol import Tensors, Training, TrainNetwork, Trouble
from reference.arguments import Arguments
from reference.known import Known
from reference.network import Network
from reference.rewritten import ByHand, OtherSide
from reference.steps import Steps

__all__ = ["training"]


# From the examiner's parameters: learning rate and number of steps.
_RATE = 0.02
_STEPS = 4
# Of the way that a parameter goes in those steps: a sixth of the least that a wrong gradient does.
_APART = 0.05
# Of a parameter's own size: one that moves less is not moved by its gradient, as a bias in front of a batch-norm.
_STILL = 1e-6
# From the network's own parameters: learning rate, and how much of the first round's loss has to go. A right network
# loses more than ten times as much in the same steps, whatever its start.
_OWN_RATE = 0.01
_FALL = 0.002
# The lessons are a few batches again and again. Batches differ in how hard they are, so whole rounds are compared.
_ROUND = 4


def training(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """From the same parameters and data, the loss follows the reference's; from the network's own start, it falls."""
    skipped_verdict = cannot_be_judged(sitting, criterion, thing)
    if skipped_verdict:
        return skipped_verdict
    network = network_of(sitting, thing)
    if network.trouble is not None:
        return failed(criterion, network.trouble)
    if sitting.gpu is not None:
        on_gpu = _trained(sitting, criterion, network, sitting.gpu)
        if on_gpu.outcome is Outcome.PASS:
            return on_gpu
    return _trained(sitting, criterion, network, None)


def _trained(sitting: Sitting, criterion: str, network: Examined, device: str | None) -> Verdict:
    """The verdict of the two training runs on one device: a GPU by torch's name, or None for the CPU."""
    exam, facts = sitting.exam, network.facts
    arguments = network.configurations.judged[0]
    doing = f"training {network.call(arguments)}"
    mistaken = followed(network)
    known = _judged_against(network, mistaken)
    size = _size(network, mistaken, arguments)
    lessons = _lessons(exam, arguments, regression=facts.regression, size=size)
    try:
        network.expected(known, arguments)  # without a sound question about its outputs there is none about training
        reference = proved(exam, _ReferenceTraining(known.steps, arguments, facts.regression, size))
    except Unsound:
        if mistaken is None:
            raise
        reference = None
    if mistaken is not None and reference is None:
        return passed(
            criterion, f"The handout's network with a mistake cannot be trained reliably. {mistaken.remark()}"
        )
    if reference is None:
        raise RuntimeError("a right answer cannot be trained")
    obstacle = _obstacle(network, arguments, reference, lessons)
    if obstacle is not None:
        return failed(criterion, obstacle)

    start = exam.state(reference.purpose, reference.shapes, [buffer.shape for buffer in network.runs[0].trace.buffers])
    first = _first(lessons)
    probe = TrainNetwork(
        cls=facts.cls,
        arguments=arguments.positional(facts.parameters),
        seed=exam.number("learn"),
        device=device,
        optimizer="sgd",
        rate=_RATE,
    )
    reply, outputs = sitting.candidate.answer(probe, {**first, **start})
    if isinstance(reply, Trouble):
        return failed(criterion, _stopped(sitting, network, reply, doing))
    curve = _curve(reference, outputs["losses"])
    ways = _ways(reference.parameters, outputs, start)
    departure = _departure(network, known, reference, outputs, start, ways)
    if departure is not None:
        sentence, margins = departure
        mistake, why = _why(sitting, network, mistaken)
        return failed(criterion, f"{sentence} {why}", mistake=mistake, evidence=replace(curve, margins=margins))

    own = replace(probe, optimizer="adam", rate=_OWN_RATE)
    reply, own_outputs = sitting.candidate.answer(own, dict(lessons))
    if isinstance(reply, Trouble):
        sentence = trouble_sentence(reply, f"{doing} from its own initial parameters")
        return failed(criterion, sentence, evidence=curve)
    problem = _problem_from_own_start(reply, own_outputs["losses"])
    if problem is not None and (mistaken is None or _learns_from_own_start(network, known, arguments, lessons)):
        return failed(criterion, problem, evidence=curve)
    if mistaken is not None:
        sentence = f"The loss follows that of the handout's network with a mistake. {mistaken.remark()}"
        return passed(criterion, sentence, evidence=curve)
    shares = {
        "losses": reference.used_by_losses(outputs),
        "parameters": max(ways.values(), default=0.0) / _APART,
        "own start": _FALL / _fallen(own_outputs["losses"]),
    }
    return passed(
        criterion,
        f"The loss follows the reference's over {len(outputs['losses']) - 1} steps, and falls from the network's own "
        "start.",
        evidence=replace(curve, margins=shares),
    )


# -- what the reference learns -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _ReferenceRun:
    """The reference's training run from the examiner's parameters, over T steps."""

    shapes: tuple[tuple[int, ...], ...]
    """Of its parameters, in the order in which layers run."""
    buffers: int
    """How many running statistics it has."""
    losses: Tensor
    """(T + 1), before each step and after the last."""
    tolerances: Tensor
    """(T + 1), the distance that each loss may have."""
    parameters: Tensors
    """``parameter.<index>`` after training, in double precision; other outputs stand beside them."""
    purpose: str
    """What the parameters that training starts from are drawn for."""

    def used(self, outputs: Tensors, start: Tensors) -> float:
        """The largest share of the tolerances that another right answer uses, from the same start."""
        shares = (way / _APART for way in _ways(self.parameters, outputs, start).values())
        return max([self.used_by_losses(outputs), *shares])

    def used_by_losses(self, outputs: Tensors) -> float:
        """The largest share of the losses' tolerances."""
        return float(((self.losses - outputs["losses"]).abs() / self.tolerances).max())


def _judged_against(network: Examined, mistaken: Followed | None) -> Known:
    """The known implementation that a network is trained beside."""
    if mistaken is not None:
        return mistaken.known
    return network.match if network.match is not None and network.match.is_right else network.right[0]


def _size(network: Examined, mistaken: Followed | None, arguments: Arguments) -> tuple[int, int] | None:
    """Height and width of the output, if a known mistake changes them."""
    output = None if mistaken is None else network.expected(mistaken.known, arguments)[0].outputs.get("train")
    if output is None or output.dim() != 4 or tuple(output.shape[2:]) == (SIDE, SIDE):
        return None
    return output.shape[2], output.shape[3]


def _lessons(exam: Exam, arguments: Arguments, *, regression: bool, size: tuple[int, int] | None) -> Tensors:
    """The data of the lessons. The labels are fitted to a ``size`` of the output that is not the handout's."""
    lessons = exam.lessons(arguments.inputs, arguments.colours, regression=regression)
    if size is None:
        return lessons
    rows, columns = (torch.arange(side) % SIDE for side in size)
    return {**lessons, "labels": lessons["labels"][..., rows[:, None], columns]}


@dataclass(frozen=True)
class _ReferenceTraining(Drawn["_ReferenceRun | None"]):
    """The training run of a known implementation, by the draws of its start. None if it cannot be trained, as some
    mistakes cannot."""

    steps: Steps
    arguments: Arguments
    regression: bool
    size: tuple[int, int] | None
    """As for ``_lessons``."""
    value_type = tuple[_ReferenceRun | None] | None

    def draw(self, exam: Exam, number: int) -> tuple[_ReferenceRun | None, float]:
        lessons = _lessons(exam, self.arguments, regression=self.regression, size=self.size)
        trace = trace_of(exam, self.steps, self.arguments)
        shapes = tuple(tensor.shape for tensor in trace.parameters)
        buffers = [buffer.shape for buffer in trace.buffers]
        purpose = redrawn("learn", number)
        start = exam.state(purpose, shapes, buffers)

        def trained(make: Callable[..., nn.Module], dtype: torch.dtype | None = None) -> Tensors:
            probe = TrainNetwork(cls="Network", arguments=self.arguments.numbers, optimizer="sgd", rate=_RATE)
            candidate = Local({"Network": partial(make, self.steps)}, dtype)
            return candidate.answer(probe, {**_first(lessons), **start})[1]

        single, double = trained(Network), trained(Network, torch.float64)
        if "losses" not in single:
            return None, 0.0
        tolerances = _drift(single["losses"], double["losses"])
        reference = _ReferenceRun(shapes, len(buffers), single["losses"], tolerances, double, purpose)
        used = reference.used(single, start)
        for make, dtype in _WRITTEN_OTHERWISE:
            # Most questions that are unsound show it in the first of these.
            if used <= MARGIN:
                used = max(used, reference.used(trained(make, dtype), start))
        return reference, used


_WRITTEN_OTHERWISE: tuple[tuple[Callable[..., nn.Module], torch.dtype | None], ...] = (
    (partial(OtherSide, "active"), torch.float64),
    (partial(OtherSide, "inactive"), torch.float64),
    (ByHand, None),
)
"""How the reference is written, beside its own way, and the precision in which it then trains."""


def _first(lessons: Tensors) -> Tensors:
    """The lessons of the run from the examiner's parameters."""
    return {name: value[:_STEPS] for name, value in lessons.items()}


def _learns_from_own_start(network: Examined, known: Known, arguments: Arguments, lessons: Tensors) -> bool:
    """Whether a known implementation surely learns from parameters of its own; computed once in a run of the grader."""

    def learns(seed: int) -> bool:
        probe = TrainNetwork(cls="Network", arguments=arguments.numbers, seed=seed, optimizer="adam", rate=_OWN_RATE)
        reply, outputs = known_candidate(known).answer(probe, dict(lessons))
        if isinstance(reply, Trouble) or _problem_from_own_start(reply, outputs["losses"]) is not None:
            return False
        return _fallen(outputs["losses"]) >= 4 * _FALL

    def make() -> bool:
        return all(map(learns, range(3)))

    return network.exam.once(("training from own start", known.steps, arguments), make)


def _drift(single: Tensor, double: Tensor) -> Tensor:
    """Allowed distance of each loss (T + 1): rounding, as it has grown until that step.

    One run in single and one in double precision drift apart by what rounding does to training; another order of
    summation drifts by as much, in another direction. 64 times that, and at least a ten-thousandth of the loss: the
    drift of a single pair of runs can be small by luck.
    """
    apart = torch.cummax((single - double).abs(), dim=0).values
    return torch.maximum(64 * apart, 1e-4 * double.abs())


# -- what a network learns from the same start -------------------------------------------------------------------------


def _obstacle(network: Examined, arguments: Arguments, reference: _ReferenceRun, lessons: Tensors) -> str | None:
    """Why a network cannot be trained as the reference is; None if it can."""
    facts, run = network.facts, network.runs[0]
    if run.shapes != reference.shapes or len(run.trace.buffers) != reference.buffers:
        return (
            f"{facts.cls} has other layers than the handout's network, so the two cannot start from the same "
            f"parameters; see {facts.thing}.architecture."
        )
    shape = list(run.outputs["train"].shape)
    expected = [len(network.image(arguments)), arguments.colours, *lessons["labels"].shape[-2:]]
    if shape != expected:
        return (
            f"The output's shape is {shape}, expected {expected}, so there is no loss to train with; "
            f"see {facts.thing}.shapes."
        )
    return None


def _stopped(sitting: Sitting, network: Examined, trouble: Trouble, doing: str) -> str:
    """What stopped the training, as a sentence."""
    sentence = trouble_sentence(trouble, doing)
    if "does not require grad" not in sentence:
        return sentence
    advice = _where_gradients_are_cut(sitting, network)
    return f"While {doing}: no gradient reaches the parameters. {advice[0].upper()}{advice[1:]}."


def _departure(
    network: Examined,
    known: Known,
    reference: _ReferenceRun,
    outputs: Tensors,
    start: Tensors,
    ways: dict[int, float],
) -> tuple[str, dict[str, float]] | None:
    """How the training departs from the reference's, as a sentence with its margins; None if it does not.

    ``outputs``: losses and parameters of the network after training; ``start``: its parameters before;
    ``ways``: see ``_ways``.
    """
    losses = outputs["losses"]
    step = _first_departure(reference.losses, losses, reference.tolerances)
    if step is not None:
        when = "from the start" if step == 0 else "after 1 step" if step == 1 else f"after {step} steps"
        actual = f"{float(losses[step]):.4f}" if step < len(losses) else "nothing"
        sentence = (
            f"From the same parameters and the same data, the loss departs from the reference's {when}: "
            f"expected {float(reference.losses[step]):.4f}, actual {actual}."
        )
        return sentence, {}
    if network.differs_in_training(known):
        # The losses can agree all the same: over few steps, with some seeds, the difference is below their tolerance.
        sentence = (
            f"In training mode, {network.facts.cls} and the handout's network compute different outputs from the same "
            "parameters and the same data."
        )
        return sentence, {}
    astray = max(ways, key=ways.__getitem__, default=None)
    if astray is not None and not ways[astray] <= _APART:
        name = network.runs[0].trace.parameters[astray].name
        place = f"parameter.{astray}"
        still = place in outputs and torch.equal(outputs[place], start[place])
        sentence = (
            f"Training from the same parameters does not change `{name}` at all."
            if still
            else f"Training from the same parameters updates `{name}` differently from the handout's network."
        )
        return sentence, {"parameters": ways[astray] / _APART}
    return None


def _first_departure(expected: Tensor, actual: Tensor, tolerances: Tensor) -> int | None:
    """The first step whose loss is outside its tolerance; None if there is none. All are (T + 1)."""
    if expected.shape != actual.shape:
        return 0
    # Not `>`, so that NaN departs.
    departed = (~((expected - actual).abs() <= tolerances)).nonzero().flatten().tolist()
    return int(departed[0]) if departed else None


def _ways(exact: dict[str, Tensor], actual: dict[str, Tensor], state: dict[str, Tensor]) -> dict[int, float]:
    """For each parameter that training moves, how far from where it should it went, as a share of the way.

    ``exact``: the reference's parameters after training, in double precision; ``state``: where all began.
    """
    ways: dict[int, float] = {}
    for name, goal in exact.items():
        if not name.startswith("parameter."):
            continue
        start = state[name].to(torch.float64)
        way = float((goal - start).norm())
        if way <= _STILL * float(start.norm()):
            continue
        reached = actual.get(name)
        fits = reached is not None and reached.shape == goal.shape
        apart = float((reached.to(torch.float64) - goal).norm()) / way if fits and reached is not None else math.inf
        ways[int(name.rpartition(".")[2])] = apart if math.isfinite(apart) else math.inf
    return ways


def _curve(reference: _ReferenceRun, losses: Tensor) -> Evidence:
    """Both curves of losses, for the report."""
    tolerance = float(reference.tolerances.max())
    return Evidence(curve=Curve(expected=_plain(reference.losses), actual=_plain(losses), tolerance=tolerance))


def _plain(losses: Tensor) -> tuple[float, ...]:
    """Losses (T + 1) in six digits."""
    return tuple(float(f"{value:.6g}") for value in losses.tolist())


# -- what a network learns from its own start --------------------------------------------------------------------------


def _problem_from_own_start(training: Training, losses: Tensor) -> str | None:
    """What is wrong with a training run from the network's own parameters, as a sentence; None if nothing is."""
    first, last = float(losses[0]), float(losses[-1])
    if not bool(torch.isfinite(losses).all()):
        return (
            f"From the network's own initial parameters, the loss is not finite ({first:.4g}, then {last:.4g}). "
            "Check how the parameters are initialised."
        )
    moves = zip(training.shapes, training.moved, strict=True)
    still = [shape for shape, moved in moves if not moved and len(shape) >= 2]
    if still:
        return (
            f"From the network's own initial parameters, training does not change {len(still)} of its filters at "
            f"all (the first has the shape {list(still[0])}). "
            "Filters that start at zero get no gradient: start them at small random values."
        )
    if not _fallen(losses) >= _FALL:
        begin, end = float(losses[:_ROUND].mean()), float(losses[-1 - _ROUND : -1].mean())
        return (
            f"From the network's own initial parameters, the loss does not fall: {begin:.4f} in the first {_ROUND} "
            f"steps, {end:.4f} in the last {_ROUND} of {len(losses) - 1}."
        )
    return None


def _fallen(losses: Tensor) -> float:
    """By how much of itself the loss falls from the first round through the batches to the last.

    ``losses`` (T + 1): the last one is the first batch's once more, after all the steps.
    """
    first, last = losses[:_ROUND].mean(), losses[-1 - _ROUND : -1].mean()
    return float((first - last) / first)


# -- why it does not learn ---------------------------------------------------------------------------------------------

_CUTTING = ("detach", "detach_", "no_grad", "inference_mode", "set_grad_enabled", "requires_grad_", "numpy")


def _why(sitting: Sitting, network: Examined, mistaken: Followed | None) -> tuple[str | None, str]:
    """The id of the mistake that keeps a network from learning, None if it has no name, and a sentence about it.

    ``mistaken`` is the network with known mistakes that it is trained beside.
    """
    known, thing = network.match, network.facts.thing
    if mistaken is None and known is None:
        return None, f"See {thing}.architecture: the network computes another function than the handout's."
    if mistaken is None and known is not None and not known.is_right:
        return known.id, f"See {thing}.architecture for the cause."
    constructed = [trial for trial in network.configurations.trials if trial.constructs]
    if not all(trial.built.listed for trial in constructed):
        return None, f"model.parameters() does not return the network's own parameters; see {thing}.parameters."
    if any(trial.built.frozen and not trial.has_right_count for trial in constructed):
        return "gradients-cut", f"Some parameters do not require gradients; see {thing}.parameters."
    cls = network.facts.cls
    written, own_train = sitting.written(cls), sitting.method(cls, "train")
    if written is not None and own_train is not None and sitting.call_in(cls, _cuts) is None:
        return None, (
            f"The outputs are right, but {cls} has a train() of its own ({written.at(own_train.line)}), so "
            "it may train in another mode than a script asks for: remove that method, nn.Module has one."
        )
    return (
        "gradients-cut",
        f"The outputs are right, but the gradients are not: {_where_gradients_are_cut(sitting, network)}.",
    )


def _where_gradients_are_cut(sitting: Sitting, network: Examined) -> str:
    """Where to look for what cuts the gradient, with the line if there is one that does; half a sentence."""
    line = sitting.call_in(network.facts.cls, _cuts)
    advice = (
        "look for detach(), .data, torch.no_grad() or requires_grad=False between the parameters and the output, and "
        "for a train() method in the class"
    )
    return f"{advice} ({line})" if line else advice


def _cuts(function: str) -> bool:
    return function in _CUTTING
