"""Whether a network computes the handout's function: the same outputs under any parameters, in both modes."""

from __future__ import annotations

import re
from dataclasses import replace

from grader.checks.absence import cannot_be_judged
from grader.checks.network import Examined, network_of
from grader.checks.sitting import Sitting
from grader.checks.smallest.network import smallest_for_network
from grader.exam.compare import compare
from grader.marking.evidence import Evidence
from grader.marking.verdicts import Verdict, failed, partial, passed, sentences
from reference.known import Known, first_parameter

__all__ = ["architecture"]


_OUTPUT = {"eval": "in evaluation mode", "train": "in training mode"}


def architecture(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """With parameters drawn by the examiner, the network's outputs are those of the handout's network."""
    held_up = cannot_be_judged(sitting, criterion, thing)
    if held_up:
        return held_up
    network = network_of(sitting, thing)
    if network.trouble is not None:
        return failed(criterion, network.trouble)
    known = network.match
    if known is not None and known.is_right:
        told = (
            f"The outputs equal the handout's network in evaluation and in training mode. {known.explanation}".strip()
        )
        return passed(criterion, told, evidence=Evidence(margins={"outputs": network.margin(known)}))
    found = network.difference()
    evidence = Evidence(difference=None if found is None else found[1])
    if known is not None:
        share = sitting.exam.assignment.mistakes.get(known.id, known.share)
        return partial(
            criterion,
            share,
            _named(sitting, network, known),
            mistake=known.id,
            evidence=evidence,
        )
    smallest = smallest_for_network(sitting, network)
    told = _unknown(sitting, network) + (f" {smallest.sentence}" if smallest else "")
    return failed(criterion, told, evidence=replace(evidence, snippet=smallest.snippet if smallest else None))


def _named(sitting: Sitting, network: Examined, known: Known) -> str:
    """What a known mistake is and where to look, in four sentences."""
    advice = list(dict.fromkeys(sentences(known.look_at)))
    if len(advice) > 1 and "+" in known.id:
        advice = ["Compare these blocks with the handout's, layer by layer."]
    told = [
        *sentences(known.explanation),
        f"{advice[0].rstrip('.')} ({_line_of(sitting, network, known) or sitting.where(network.facts.cls)}).",
        *_idle(network),
        *advice[1:],
        *known.base,
    ]
    return " ".join(told[:4])


def _idle(network: Examined) -> list[str]:
    """A sentence on what is built and takes no part; none if there is nothing."""
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


def _unknown(sitting: Sitting, network: Examined) -> str:
    """What is seen of a network that equals nothing known."""
    run = network.runs[0]
    where = sitting.where(network.facts.cls)
    call = network.call(run.arguments)
    expected = network.expected(network.right[0], run.arguments)[0]
    shapes = list(expected.shapes)
    if run.trace.unused and len(run.shapes) < len(shapes):
        return (
            f"{call} has {len(run.shapes)} parameter tensors in use, expected {len(shapes)}. {_idle(network)[0]} "
            f"See whether forward leaves it out, or calls another layer in its place ({where})."
        )
    missing = _not_registered(shapes, run.shapes)
    found = network.difference()
    if missing is not None and found is not None and found[1].same_shape:
        return (
            f"{call} has {len(run.shapes)} parameter tensors in use, expected {len(shapes)}: the first that is missing "
            f"has the shape {list(missing)}. If that layer is there, PyTorch does not know it: keep layers in "
            "nn.ModuleList or nn.Sequential and not in a plain list, make them in __init__ and not in forward, and "
            f"weights by nn.Parameter ({where})."
        )
    for index, (ours, theirs) in enumerate(zip(shapes, run.shapes, strict=False)):
        if ours != theirs:
            name = run.trace.parameters[index].name
            return (
                f"{call} has other layers than the handout's network. In the order in which layers run, the first "
                "parameter to differ is "
                f"number {index + 1}, `{name}`: its shape is {list(theirs)}, expected {list(ours)}. Compare the "
                f"layers from there on ({where})."
            )
    if len(shapes) != len(run.shapes):
        return (
            f"{call} has {len(run.shapes)} parameter tensors in use, expected {len(shapes)}: a layer is "
            f"{'missing' if len(run.shapes) < len(shapes) else 'too many'}, or runs twice "
            f"({sitting.where(network.facts.cls)})."
        )
    if len(run.trace.buffers) != len(expected.trace.buffers):
        return (
            f"{call} uses {len(run.trace.buffers)} running statistics, expected {len(expected.trace.buffers)}: "
            "check the batch-norm layers, track_running_stats included."
        )
    if found is None:
        return f"{call} differs from the handout's network in another configuration."
    output, difference = found
    if output.startswith("buffer"):
        return (
            f"{call} gives the right outputs, but its batch-norm keeps other running statistics than the default "
            f"momentum of 0.1 gives. {difference.sentence()}"
        )
    if not difference.same_shape:
        expected_shape, shape = difference.expected_shape, difference.actual_shape
        pixels = shape[:2] == expected_shape[:2] and len(shape) == 4
        look = (
            "what changes height and width, which are padding, stride, pooling and upsampling"
            if pixels
            else "what is done to the output of the last convolution"
        )
        return (
            f"{call} has the handout's layers, but the shape of its output is {list(shape)}, expected "
            f"{list(expected_shape)}. Look at {look} ({where})."
        )
    if _in_the_wrong_mode(network):
        return (
            f"{call} computes the same in evaluation and in training mode. Look for a call of eval() or train(), for "
            f"self.training, and for track_running_stats=False ({where})."
        )
    joins = any(step.kind == "cat" for step in network.right[0].steps)
    start = (
        f"{call} has the right layers with the right shapes, but {_OUTPUT.get(output, output)} it computes "
        "something else."
    )
    if output == "alone":
        start = (
            f"{call} is right for a batch of images and computes something else for one image alone, so it has "
            "something that depends on the size of the batch."
        )
    if output == "train":
        start = (
            f"{call} is right in evaluation mode and differs in training mode, so it has something that only acts "
            "in training: dropout, or a batch-norm with other settings."
        )
    dropout = sitting.call_in(network.facts.cls, lambda name: name.lower().startswith("dropout"))
    if dropout:
        return f"{start} {difference.sentence()} The handout's network has no dropout ({dropout})."
    compare_what = "the order of the layers and what is joined where" if joins else "the order of the layers"
    return f"{start} {difference.sentence()} Compare {compare_what} ({where})."


def _not_registered(expected: list[tuple[int, ...]], actual: tuple[tuple[int, ...], ...]) -> tuple[int, ...] | None:
    """The first parameter that is missing, where a network has some of the handout's, in their order; else None."""
    left = list(actual)
    missing = [shape for shape in expected if not (left and left[0] == shape and left.pop(0))]
    return missing[0] if missing and not left else None


def _in_the_wrong_mode(network: Examined) -> bool:
    """Whether both modes give the output that only one of them should."""
    run = network.runs[0]
    expected, tolerances = network.expected(network.right[0], run.arguments)
    same = compare(run.outputs["eval"], run.outputs["train"], tolerances["train"]) is None
    return same and any(
        compare(expected.outputs[mode], run.outputs[mode], tolerances[mode]) is None for mode in _OUTPUT
    )
