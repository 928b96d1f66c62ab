"""Whether a network learns what the reference learns, in a short run.

From the examiner's parameters two things are compared: the losses, and how far each parameter was moved. The losses
tell whether the right function is trained; they hardly tell whether its gradients are right, since a skip connection
through which no gradient flows changes the loss by a thousandth in ten steps. How far the parameters were moved does.

Rounding is harmless until it turns a ReLU or the choice of a max-pooling, which happens about once in a hundred runs;
from then on two right runs drift apart. Measured on the networks of the handouts, after six steps (median, worst of 402
runs): losses 1e-7 and 2.5e-6 of the loss, parameters 5e-5 and 6e-3 of their way. A skip connection without a gradient
moves some parameter at least 0.5 of its way elsewhere. More steps tell no more, and rounding grows with them.

Where there is a graphics card it trains there first. Only what passes there is settled: whatever the card has against a
network, its rounding, its failures and its being busy among it, the CPU decides once more.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grader.checks.absence import cannot_be_judged
from grader.checks.network import Examined, known_candidate, network_of
from grader.checks.sitting import Sitting, trouble_sentence
from grader.marking.evidence import Curve, Evidence
from grader.marking.verdicts import Outcome, Verdict, failed, passed
from grader.worker.protocol import TraceNetwork, Training, TrainNetwork, Trouble
from reference.arguments import Arguments
from reference.known import Known

__all__ = ["training"]


_RATE = 0.02
_STEPS = 6
# Of the way that a parameter goes in those steps: in the middle between what rounding and what a wrong gradient does.
_APART = 0.05
# Of a parameter's own size: one that moves less is not moved by its gradient, as a bias in front of a batch-norm.
_STILL = 1e-6
_OWN_RATE = 0.01
# Of the loss in the first round; a right network loses at least four times as much in the same steps, whatever its
# start.
_FALL = 0.02
# The lessons are a few batches again and again. Batches differ in how hard they are, so whole rounds are compared.
_ROUND = 4


def training(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """From the same parameters and data, the loss follows the reference's; from the network's own start, it falls."""
    held_up = cannot_be_judged(sitting, criterion, thing)
    if held_up:
        return held_up
    network = network_of(sitting, thing)
    if network.trouble is not None:
        return failed(criterion, network.trouble)
    if sitting.card is not None:
        on_card = _trained(sitting, criterion, thing, network, sitting.card)
        if on_card.outcome is Outcome.PASS:
            return on_card
    return _trained(sitting, criterion, thing, network, None)


def _trained(sitting: Sitting, criterion: str, thing: str, network: Examined, device: str | None) -> Verdict:
    """``device`` is torch's name of the device to train on; None for the CPU."""
    arguments = network.configurations.judged[0]
    call = f"training {network.call(arguments)}"
    lessons = sitting.exam.lessons(arguments.inputs, arguments.colours, regression=network.facts.regression)
    known = network.match if network.match is not None and network.match.is_right else network.right[0]
    expected = _lesson(network, known, arguments, lessons)

    run = network.runs[0]
    if run.shapes != expected["shapes"] or len(run.trace.buffers) != expected["buffers"]:
        return failed(
            criterion,
            f"{network.facts.cls} has other layers than the handout's network, so it cannot start from the same "
            f"parameters and learn the same; see {thing}.architecture.",
        )
    shape = list(run.outputs["train"].shape)
    wanted = [len(network.image(arguments)), arguments.colours, 32, 32]
    if shape != wanted:
        return failed(
            criterion,
            f"The output's shape is {shape}, expected {wanted}, so there is no loss to learn by; see {thing}.shapes.",
        )
    probe = TrainNetwork(
        cls=network.facts.cls,
        arguments=arguments.positional(network.facts.parameters),
        seed=sitting.exam.number("learn"),
        device=device,
        optimizer="sgd",
        rate=_RATE,
    )
    state = sitting.exam.state("learn", run.shapes, [tensor.shape for tensor in run.trace.buffers])
    first = {name: value[:_STEPS] for name, value in lessons.items()}
    reply, outputs = sitting.candidate.answer(probe, {**first, **state})
    if isinstance(reply, Trouble):
        told = trouble_sentence(reply, call)
        if "does not require grad" in told:
            cut = _cut(sitting, network)
            told = f"While {call}: no gradient reaches the parameters. {cut[0].upper()}{cut[1:]}."
        return failed(criterion, told)
    actual = outputs["losses"]
    curve = Evidence(
        curve=Curve(
            expected=_plain(expected["losses"]),
            actual=_plain(actual),
            tolerance=float(expected["tolerance"].max()),
        )
    )
    mistake, why = _why(sitting, network)
    step = _first_departure(expected["losses"], actual, expected["tolerance"])
    if step is not None:
        return failed(
            criterion,
            "From the same parameters and the same data, the loss departs from the reference's "
            f"{'from the start' if step == 0 else 'after 1 step' if step == 1 else f'after {step} steps'}: "
            f"expected {float(expected['losses'][step]):.4f}, actual {_value(actual, step)}. {why}",
            mistake=mistake,
            evidence=curve,
        )
    if network.differs_in_training(known):
        # by less than shows in so few steps, and for some seeds only
        return failed(
            criterion,
            f"In training mode {network.facts.cls} computes something else than the handout's network, from the same "
            f"parameters and the same data. {why}",
            mistake=mistake,
            evidence=curve,
        )
    ways = _ways(expected["final"], outputs, state)
    astray = max(ways, key=lambda index: ways[index])
    if not ways[astray] <= _APART:
        name = run.trace.parameters[astray].name
        still = bool((outputs.get(f"parameter.{astray}", torch.zeros(())) == state[f"parameter.{astray}"]).all())
        how = "does not change at all" if still else "changes otherwise than in the handout's network"
        return failed(
            criterion,
            f"In training from the same parameters, `{name}` {how}. {why}",
            mistake=mistake,
            evidence=replace(curve, margins={"parameters": ways[astray] / _APART}),
        )
    margins = {
        "losses": float(((expected["losses"] - actual).abs() / expected["tolerance"]).max()),
        "parameters": ways[astray] / _APART,
    }

    reply, outputs = sitting.candidate.answer(replace(probe, optimizer="adam", rate=_OWN_RATE), dict(lessons))
    if isinstance(reply, Trouble):
        return failed(criterion, trouble_sentence(reply, f"{call} from its own initial parameters"), evidence=curve)
    own_start = _own_start(reply, outputs["losses"])
    if own_start is not None:
        return failed(criterion, own_start, evidence=curve)
    return passed(
        criterion,
        f"The loss follows the reference's over {len(actual) - 1} steps, and falls from the network's own start.",
        evidence=replace(curve, margins=margins | {"own start": _FALL / _fallen(outputs["losses"])}),
    )


def _lesson(network: Examined, known: Known, arguments: Arguments, lessons: dict[str, Tensor]) -> dict[str, Any]:
    """The reference's training run, with the tolerance of each loss; computed once in a run."""

    def make() -> dict[str, Any]:
        exam = network.exam
        image = network.image(arguments)
        trace, _ = known_candidate(known).answer(
            TraceNetwork(cls="Network", arguments=arguments.numbers), {"input": image}
        )
        if isinstance(trace, Trouble):
            raise RuntimeError(f"a known implementation cannot be traced: {trace.text}")
        shapes = tuple(tensor.shape for tensor in trace.parameters)
        state = exam.state("learn", shapes, [tensor.shape for tensor in trace.buffers])
        probe = TrainNetwork(cls="Network", arguments=arguments.numbers, optimizer="sgd", rate=_RATE)
        first = {name: value[:_STEPS] for name, value in lessons.items()}
        _, single = known_candidate(known).answer(probe, {**first, **state})
        _, double = known_candidate(known, torch.float64).answer(probe, {**first, **state})
        tolerance = _drift(single["losses"], double["losses"])
        return {
            "shapes": shapes,
            "buffers": len(trace.buffers),
            "losses": single["losses"],
            "tolerance": tolerance,
            "final": double,
        }

    return network.exam.once(("lesson", known.steps, arguments), make)


def _drift(single: Tensor, double: Tensor) -> Tensor:
    """Allowed distance of each loss (T + 1): rounding, as it has grown until that step.

    One run in single and one in double precision drift apart by what rounding does to training; another order of
    summation drifts by as much, in another direction. 64 times that, and at least a ten-thousandth of the loss: the
    drift of a single pair of runs can be small by luck. The worst of 402 runs drifted by a fortieth of that.
    """
    apart = torch.cummax((single - double).abs(), dim=0).values
    return torch.maximum(64 * apart, 1e-4 * double.abs())


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


def _first_departure(expected: Tensor, actual: Tensor, tolerance: Tensor) -> int | None:
    if expected.shape != actual.shape:
        return 0
    # Not `>`, so that NaN departs.
    departed = (~((expected - actual).abs() <= tolerance)).nonzero().flatten().tolist()
    return int(departed[0]) if departed else None


def _own_start(training: Training, losses: Tensor) -> str | None:
    first, last = float(losses[0]), float(losses[-1])
    still = [
        shape for shape, moved in zip(training.shapes, training.moved, strict=True) if not moved and len(shape) >= 2
    ]
    if not bool(torch.isfinite(losses).all()):
        return (
            f"From the network's own initial parameters the loss is not finite ({first:.4g}, then {last:.4g}). "
            "Check how the parameters are initialised."
        )
    if still:
        return (
            f"From the network's own initial parameters, training does not change {len(still)} of its filters at "
            f"all (the first has the shape {list(still[0])}). "
            "Filters that start at zero get no gradient: start them at small random values."
        )
    if not _fallen(losses) >= _FALL:
        begun, ended = float(losses[:_ROUND].mean()), float(losses[-1 - _ROUND : -1].mean())
        return (
            f"From the network's own initial parameters the loss does not fall: {begun:.4f} in the first {_ROUND} "
            "steps, "
            f"{ended:.4f} in the last {_ROUND} of {len(losses) - 1}."
        )
    return None


def _fallen(losses: Tensor) -> float:
    """By how much of itself the loss falls from the first round through the batches to the last.

    ``losses`` (T + 1): the last one is the first batch's once more, after all the steps.
    """
    first, last = losses[:_ROUND].mean(), losses[-1 - _ROUND : -1].mean()
    return float((first - last) / first)


_CUTTING = ("detach", "detach_", "no_grad", "inference_mode", "set_grad_enabled", "requires_grad_", "numpy")


def _cut(sitting: Sitting, network: Examined) -> str:
    """Where to look for what cuts the gradient: the line, if there is one that does."""
    line = sitting.call_in(network.facts.cls, lambda name: name in _CUTTING)
    told = (
        "look for detach(), .data, torch.no_grad() or requires_grad=False on the way from the parameters to the "
        "output, and for a train() of its own"
    )
    return f"{told} ({line})" if line else told


def _why(sitting: Sitting, network: Examined) -> tuple[str | None, str]:
    known = network.match
    if known is None:
        return None, f"See {network.facts.thing}.architecture: the network computes something else."
    if not known.is_right:
        return known.id, known.explanation
    made = [trial for trial in network.configurations.trials if trial.constructs]
    if not all(trial.built.listed for trial in made):
        return (
            None,
            f"An optimizer is given other tensors than the network holds; see {network.facts.thing}.parameters.",
        )
    if any(trial.built.frozen and not trial.has_right_count for trial in made):
        return "gradients-cut", f"Some parameters do not require gradients; see {network.facts.thing}.parameters."
    written, own = sitting.written(network.facts.cls), sitting.method(network.facts.cls, "train")
    if (
        written is not None
        and own is not None
        and sitting.call_in(network.facts.cls, lambda name: name in _CUTTING) is None
    ):
        return None, (
            f"The outputs are right, and the class has a train() of its own ({written.at(own.line)}), so "
            "it may train in another mode than a script asks for: leave that method as nn.Module has it."
        )
    return (
        "gradients-cut",
        f"The outputs are right, so the gradients are not: {_cut(sitting, network)}.",
    )


def _plain(losses: Tensor) -> tuple[float, ...]:
    """Losses (T + 1) in six digits."""
    return tuple(float(f"{value:.6g}") for value in losses.tolist())


def _value(losses: Tensor, step: int) -> str:
    return f"{float(losses[step]):.4f}" if step < len(losses) else "nothing"
