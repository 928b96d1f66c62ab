"""Whether a network computes the handout's function: the same outputs under any parameters, in both modes."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from grader.checks.absence import does_not_run, too_few_convolutions
from grader.checks.following import followed
from grader.checks.network import Examined, network_of
from grader.checks.sitting import Sitting
from grader.checks.smallest.network import smallest_for_network
from grader.exam.compare import compare
from grader.marking.evidence import Difference, Evidence
from grader.marking.verdicts import Verdict, failed, partial, passed, sentences
from reference.known import Known
from reference.mistakes import IN_PLACE, first_parameter

__all__ = ["architecture"]


Shapes = tuple[tuple[int, ...], ...]


def architecture(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """With parameters drawn by the examiner, the network's outputs are those of the handout's network."""
    skipped_verdict = does_not_run(sitting, criterion, thing)
    if skipped_verdict:
        return skipped_verdict
    network = network_of(sitting, thing)
    if not network.attempted:
        return failed(criterion, too_few_convolutions(network))
    if network.trouble is not None:
        return failed(criterion, network.trouble)
    # Before the match: to look for the mistakes of what the network is made of as its own would take long.
    inherited = followed(network)
    if inherited is not None and inherited.is_told_elsewhere(criterion):
        margin = network.margin(inherited.known)
        sentence = f"The outputs equal those of the handout's network with a mistake. {inherited.remark()}"
        return passed(criterion, sentence, evidence=Evidence(margins={"outputs": margin}))
    known = network.match
    if known is not None and known.is_right:
        sentence = "The outputs equal those of the handout's network in evaluation and in training mode."
        return passed(
            criterion,
            " ".join(filter(None, [sentence, known.explanation, _repeated(network)])),
            evidence=Evidence(margins={"outputs": network.margin(known)}),
        )
    departure = network.difference()
    evidence = Evidence(difference=None if departure is None else departure[1])
    if known is not None:
        return partial(criterion, known.share, _known(sitting, network, known), mistake=known.id, evidence=evidence)
    smallest = smallest_for_network(sitting, network)
    mistake, at_stake, feedback = _unknown(sitting, network)
    if smallest is not None:
        feedback, evidence = f"{feedback} {smallest.sentence}", replace(evidence, snippet=smallest.snippet)
    return failed(criterion, feedback, mistake=mistake, evidence=evidence, at_stake=at_stake)


def _repeated(network: Examined) -> str:
    """A remark if a block runs more than once on the same input; empty if none does."""
    blocks = " and ".join(f"`{name}` runs {times} times" for name, times in list(network.repeated.items())[:2])
    if not blocks:
        return ""
    return (
        f"Remark, without effect on the mark: {blocks} on the same input, so the running statistics of its batch-norm "
        "move as often in every training step."
    )


# -- a known mistake ---------------------------------------------------------------------------------------------------


def _known(sitting: Sitting, network: Examined, known: Known) -> str:
    """What a known mistake is and where to look, in four sentences."""
    advice = list(dict.fromkeys(sentences(known.look_at)))
    if len(advice) > 1 and "+" in known.id:
        advice = ["Compare these blocks with the handout's, layer by layer."]
    feedback = [
        *sentences(known.explanation),
        f"{advice[0].rstrip('.')} ({_line_of(sitting, network, known) or sitting.where(network.facts.cls)}).",
        *_idle(network),
        *advice[1:],
        *known.base,
    ]
    return " ".join(feedback[:4])


def _idle(network: Examined) -> list[str]:
    """A sentence on the layers that are built and never used; none if there are none."""
    idle = sorted({tensor.name.rpartition(".")[0] or tensor.name for tensor in network.runs[0].trace.unused})
    return [f"What is built and never used: {', '.join(idle[:4])}{' …' if len(idle) > 4 else ''}."] if idle else []


def _line_of(sitting: Sitting, network: Examined, known: Known) -> str | None:
    """The student's line that builds the block in which a mistake was made, or hands it the joined tensors."""
    index, parameters = first_parameter(known), network.runs[0].trace.parameters
    if index is None or index >= len(parameters):
        return None
    attribute = re.escape(parameters[index].name.partition(".")[0])
    called = (
        sitting.line_with(network.facts.cls, rf"\bself\.{attribute}\s*\(") if known.id.startswith("skip-") else None
    )
    return called or sitting.line_with(network.facts.cls, rf"\bself\.{attribute}\s*=[^=]")


# -- an unknown one ----------------------------------------------------------------------------------------------------


def _unknown(sitting: Sitting, network: Examined) -> tuple[str | None, Fraction, str]:
    """How a network that equals nothing known differs from the handout's: in its layers, or else in its outputs.

    Returns the mistake's id, where the cause is known all the same, what is at stake, and the feedback.
    """
    feedback = _other_layers(sitting, network) or _other_outputs(sitting, network)
    mistake, alone = _cause(sitting, network)
    if mistake == IN_PLACE:
        line = sitting.line_with(network.facts.cls, r"[+\-*/]=|\w_\(") or sitting.where(network.facts.cls)
        feedback = f"forward changes the image that it is given, in place ({line}). {feedback}"
    return mistake, Fraction(alone), feedback


def _cause(sitting: Sitting, network: Examined) -> tuple[str | None, bool]:
    """The id of a mistake that other evidence than the network's function shows; None if there is none.

    And whether it explains all that is wrong. A rubric must not give points for what is not understood.
    """
    departure = network.difference()
    if network.changes_image:
        return IN_PLACE, False
    if network.runs[0].trace.unused:
        return "unused-layers", False
    if departure is not None and departure[0].startswith("buffer") and departure[1].same_shape:
        return "other-momentum", True
    if _dropout(sitting, network):
        return "dropout", departure is not None and departure[0] == "train"
    if departure is not None and departure[1].same_shape and _same_in_both_modes(network):
        return "one-mode", True
    return None, False


def _dropout(sitting: Sitting, network: Examined) -> str | None:
    """The line with the first dropout of a network; None if it has none."""
    return sitting.call_in(network.facts.cls, lambda name: "dropout" in name.lower())


def _other_layers(sitting: Sitting, network: Examined) -> str | None:
    """How the layers differ, as their parameters and running statistics show it; None if those are alike."""
    run = network.runs[0]
    reference, _ = network.expected(network.right[0], run.arguments)
    expected, actual = reference.shapes, run.shapes
    call, where = network.call(run.arguments), sitting.where(network.facts.cls)
    counts = f"{call} has {len(actual)} parameter tensors in use, expected {len(expected)}"
    if run.trace.unused and len(actual) < len(expected):
        return (
            f"{counts}. {_idle(network)[0]} See whether forward leaves it out, or calls another layer in its place "
            f"({where})."
        )
    missing = _not_registered(expected, actual)
    departure = network.difference()
    if missing is not None and departure is not None and departure[1].same_shape:
        return (
            f"{counts}: the first that is missing has the shape {list(missing)}. If that layer is there, PyTorch does "
            "not know it: keep layers in nn.ModuleList or nn.Sequential and not in a plain list, make them in __init__ "
            f"and not in forward, and weights by nn.Parameter ({where})."
        )
    pairs = zip(expected, actual, strict=False)
    place = next((place for place, (ours, theirs) in enumerate(pairs) if ours != theirs), None)
    if place is not None:
        return (
            f"{call} has other layers than the handout's network. In the order in which layers run, the first "
            f"parameter to differ is number {place + 1}, `{run.trace.parameters[place].name}`: its shape is "
            f"{list(actual[place])}, expected {list(expected[place])}. Compare the layers from there on ({where})."
        )
    if len(actual) != len(expected):
        what = "a layer is missing" if len(actual) < len(expected) else "there is one layer too many"
        return f"{counts}: {what}, or one layer runs twice ({where})."
    buffers, expected_buffers = len(run.trace.buffers), len(reference.trace.buffers)
    if buffers != expected_buffers:
        return (
            f"{call} uses {buffers} running statistics, expected {expected_buffers}: check the batch-norm layers, and "
            "their track_running_stats."
        )
    return None


def _not_registered(expected: Shapes, actual: Shapes) -> tuple[int, ...] | None:
    """The first parameter that is missing, where a network has some of the handout's, in their order; else None."""
    left = list(actual)
    missing = [shape for shape in expected if not (left and left[0] == shape and left.pop(0))]
    return missing[0] if missing and not left else None


def _other_outputs(sitting: Sitting, network: Examined) -> str:
    """How the outputs of a network with the handout's layers differ from those of the handout's network."""
    arguments = network.runs[0].arguments
    call, where = network.call(arguments), sitting.where(network.facts.cls)
    departure = network.difference()
    if departure is None:
        return f"{call} differs from the handout's network in another configuration."
    output, difference = departure
    if output.startswith("buffer"):
        return (
            f"{call} gives the right outputs, but the running statistics of its batch-norm are not those that the "
            f"default momentum of 0.1 gives. {difference.sentence()}"
        )
    if not difference.same_shape:
        return (
            f"{call} has the handout's layers, but the shape of its output is {list(difference.actual_shape)}, "
            f"expected {list(difference.expected_shape)}. Look at {_what_makes_the_shape(difference)} ({where})."
        )
    if _same_in_both_modes(network):
        return (
            f"{call} computes the same in evaluation and in training mode. Look for a call of eval() or train(), for "
            f"self.training, and for track_running_stats=False ({where})."
        )
    dropout = _dropout(sitting, network)
    if dropout:
        advice = f"The handout's network has no dropout ({dropout})."
    else:
        joins = any(step.kind == "cat" for step in network.right[0].steps)
        advice = f"Compare the order of the layers{' and what is joined where' if joins else ''} ({where})."
    # The names of outputs come from the submission's process, so that there may be others.
    sentence = _FIRST_DIFFERENCE.get(
        output, "{} has the right layers with the right shapes and computes something else."
    )
    return f"{sentence.format(call)} {difference.sentence()} {advice}"


_FIRST_DIFFERENCE = {
    "eval": "{} has the right layers with the right shapes, but in evaluation mode it computes something else.",
    "alone": (
        "{} is right for a batch of images and computes something else for one image alone, so something in it depends "
        "on the size of the batch."
    ),
    "train": (
        "{} is right in evaluation mode and differs in training mode, so something in it only acts in training: "
        "dropout, or a batch-norm with other settings."
    ),
}
"""By the first output that differs."""


def _what_makes_the_shape(difference: Difference) -> str:
    expected, actual = difference.expected_shape, difference.actual_shape
    if len(actual) == 4 and actual[:2] == expected[:2]:
        return "what changes height and width: padding, stride, pooling and upsampling"
    return "what is done to the output of the last convolution"


def _same_in_both_modes(network: Examined) -> bool:
    """Whether both modes give the output that only one of them should."""
    run = network.runs[0]
    reference, tolerances = network.expected(network.right[0], run.arguments)
    modes = ("eval", "train")
    same = compare(run.outputs["eval"], run.outputs["train"], tolerances["train"]) is None
    return same and any(compare(reference.outputs[mode], run.outputs[mode], tolerances[mode]) is None for mode in modes)
