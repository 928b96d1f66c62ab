"""Whether a network would run on a GPU and on a machine without one; told on the CPU, and confirmed on a GPU if any."""

from __future__ import annotations

from dataclasses import replace

from grader.checks.absence import cannot_be_judged
from grader.checks.network import network_of
from grader.checks.sitting import Sitting, trouble_sentence
from grader.marking.evidence import Evidence, Json
from grader.marking.verdicts import Flag, Verdict, failed, passed
from grader.worker.protocol import Finding, RunOnDevice, Trouble

__all__ = ["device"]


def device(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """Nothing in the network is tied to the CPU or to a GPU."""
    held_up = cannot_be_judged(sitting, criterion, thing)
    if held_up:
        return held_up
    network = network_of(sitting, thing)
    arguments = network.configurations.judged[0]
    positional = arguments.positional(network.facts.parameters)
    probe = RunOnDevice(cls=network.facts.cls, arguments=positional, seed=sitting.exam.number("device"))
    picture = {"input": network.image(arguments)}
    reply, _ = sitting.candidate.answer(probe, picture)
    if isinstance(reply, Trouble):
        return failed(criterion, trouble_sentence(reply, f"examining {network.facts.cls} on another device"))
    if sitting.gpu is not None and not reply.findings:
        confirmed, _ = sitting.candidate.answer(replace(probe, device=sitting.gpu), picture)
        # trouble there may be the GPU's own
        if not isinstance(confirmed, Trouble) and confirmed.settled:
            reply = confirmed
    findings = reply.findings
    if findings:
        told = "; ".join(f"{finding.what} ({finding.where})" for finding in findings[:2])
        return failed(
            criterion,
            f"{network.facts.cls} is tied to one device: {told}. {_KEPT if findings[0].kept else _MADE}",
            mistake="tied-to-device",
            evidence=Evidence(facts={"findings": [_fact(finding) for finding in findings[:10]]}),
        )
    if not reply.settled:
        return Verdict(
            criterion=criterion,
            outcome=passed(criterion, "").outcome,
            share=passed(criterion, "").share,
            feedback="Nothing in the network was seen to be tied to a device; a part of it could only be judged on "
            "a real GPU.",
            flags=(Flag("unsettled", f"{criterion}: {(reply.reason or 'not settled without a GPU')[:300]}"),),
        )
    return passed(criterion, "Nothing in the network is tied to a device.")


def _fact(finding: Finding) -> dict[str, Json]:
    kept = {} if finding.kept is None else {"kept": finding.kept}
    return {"what": finding.what, "where": finding.where, **kept}


_MADE = (
    "Make new tensors on the device of the input, with device=x.device or x.new_zeros, and let the caller choose "
    "the device."
)
_KEPT = (
    "Keep layers in attributes of the network or in an nn.ModuleList, tensors that it learns in an nn.Parameter and "
    "others by register_buffer: what is registered moves with the network."
)
