"""Whether a network would run on a GPU and on a machine without one; told on the CPU, and confirmed on a GPU if any."""

from __future__ import annotations

from typing import Any

from grader.checks.absence import cannot_be_judged
from grader.checks.network import network_of
from grader.checks.sitting import Sitting, trouble_sentence
from grader.marking.verdicts import Flag, Verdict, failed, passed

__all__ = ["device"]


def device(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """Nothing in the network is tied to the CPU or to a GPU."""
    held_up = cannot_be_judged(sitting, criterion, thing)
    if held_up:
        return held_up
    network = network_of(sitting, thing)
    arguments = network.configurations.judged[0]
    probe = {
        "do": "device",
        "cls": network.facts.cls,
        "args": list(arguments.positional(network.facts.parameters)),
        "rng": sitting.exam.number("device"),
    }
    picture = {"input": network.image(arguments)}
    evidence, _ = sitting.candidate.answer(probe, picture)
    if "trouble" in evidence:
        return failed(
            criterion, trouble_sentence(evidence["trouble"], f"examining {network.facts.cls} on another device")
        )
    if sitting.card is not None and not evidence["findings"]:
        confirmed, _ = sitting.candidate.answer(probe | {"device": sitting.card}, picture)
        # trouble there may be the card's own
        if "trouble" not in confirmed and confirmed["settled"]:
            evidence = confirmed
    findings: list[dict[str, Any]] = evidence["findings"]
    if findings:
        told = "; ".join(f"{finding.get('what')} ({finding.get('where')})" for finding in findings[:2])
        return failed(
            criterion,
            f"{network.facts.cls} is tied to one device: {told}. {_KEPT if findings[0].get('kept') is True else _MADE}",
            mistake="tied-to-device",
            evidence={"findings": findings[:10]},
        )
    if not evidence["settled"]:
        return Verdict(
            criterion=criterion,
            outcome=passed(criterion, "").outcome,
            share=passed(criterion, "").share,
            feedback="Nothing in the network was seen to be tied to a device; a part of it could only be judged on "
            "a real GPU.",
            flags=(Flag("unsettled", f"{criterion}: {str(evidence.get('why', 'not settled without a GPU'))[:300]}"),),
        )
    return passed(criterion, "Nothing in the network is tied to a device.")


_MADE = (
    "Make new tensors on the device of the input, with device=x.device or x.new_zeros, and let the caller choose "
    "the device."
)
_KEPT = (
    "Keep layers in attributes of the network or in an nn.ModuleList, tensors that it learns in an nn.Parameter and "
    "others by register_buffer: what is registered moves with the network."
)
