"""Whether a network computes the handout's function: the same outputs under any parameters, in both modes."""

from __future__ import annotations

from grader.checks.networks import Examined, network_of
from grader.checks.sitting import Sitting, arguments_of
from grader.checks.smallest import smallest_for_network
from grader.checks.structure import cannot_be_judged
from grader.checks.verdict import failed, partial, passed
from grader.verdicts import Verdict

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
        return passed(criterion, told, evidence={"margins": {"outputs": network.margin(known)}})
    found = network.difference()
    evidence = {} if found is None else {"difference": found[1].as_json()}
    if known is not None:
        share = sitting.exam.assignment.mistakes.get(known.id, known.share)
        remarks = " ".join(known.base)
        return partial(
            criterion,
            share,
            f"{known.explanation} {known.look_at} ({sitting.where(network.kind.cls)}) {remarks}".strip(),
            mistake=known.id,
            evidence=evidence,
        )
    smallest = smallest_for_network(sitting, network)
    told = _unknown(sitting, network) + (f" {smallest.sentence}" if smallest else "")
    return failed(criterion, told, evidence=evidence | ({"snippet": smallest.snippet} if smallest else {}))


def _unknown(sitting: Sitting, network: Examined) -> str:
    """What is seen of a network that equals nothing known."""
    run = network.runs[0]
    call = f"{network.kind.cls}({arguments_of(network.kind.parameters, run.arguments)})"
    expected = network.expected(network.right[0], run.arguments)[0]
    shapes = [tuple(line["shape"]) for line in expected.trace["parameters"]]
    for index, (ours, theirs) in enumerate(zip(shapes, run.shapes, strict=False)):
        if ours != theirs:
            name = run.trace["parameters"][index]["name"]
            return (
                f"{call} has other layers than the handout's network. In the order in which layers run, the first "
                "parameter to differ is "
                f"number {index + 1}, `{name}`: its shape is {list(theirs)}, expected {list(ours)}. Compare the "
                f"layers from there on ({sitting.where(network.kind.cls)})."
            )
    if len(shapes) != len(run.shapes):
        return (
            f"{call} has {len(run.shapes)} parameter tensors in use, expected {len(shapes)}: a layer is "
            f"{'missing' if len(run.shapes) < len(shapes) else 'too many'}, or runs twice "
            f"({sitting.where(network.kind.cls)})."
        )
    if len(run.trace["buffers"]) != len(expected.trace["buffers"]):
        return (
            f"{call} uses {len(run.trace['buffers'])} running statistics, expected {len(expected.trace['buffers'])}: "
            "check the batch-norm layers, track_running_stats included."
        )
    found = network.difference()
    if found is None:
        return f"{call} differs from the handout's network in another configuration."
    output, difference = found
    if output.startswith("buffer"):
        return (
            f"{call} gives the right outputs, but its batch-norm keeps other running statistics than the default "
            f"momentum of 0.1 gives. {difference.sentence()}"
        )
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
            "in training: "
            "dropout, a batch-norm with other settings, or a call of eval()."
        )
    return (
        f"{start} {difference.sentence()} Compare the order of the layers and what is joined where "
        f"({sitting.where(network.kind.cls)})."
    )
