"""Whether a network would run on a GPU, and on a machine without one.

The examination runs on the CPU, and is confirmed on the GPU if there is one.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from grader.checks.absence import cannot_be_judged
from grader.checks.network import network_of
from grader.checks.sitting import Sitting, trouble_sentence
from grader.marking.evidence import Evidence, Json
from grader.marking.verdicts import Flag, Verdict, failed, passed
from grader.worker.protocol import Finding, RunOnDevice, Trouble

__all__ = ["device"]

_MAKE_ON_INPUT_DEVICE = (
    "Make new tensors on the device of the input, with device=x.device or x.new_zeros, and let the caller choose "
    "the device."
)
_REGISTER = (
    "Keep layers in attributes of the network or in an nn.ModuleList, tensors that it learns in an nn.Parameter and "
    "others by register_buffer: what is registered moves with the network."
)


def device(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """Nothing in the network is tied to the CPU or to a GPU."""
    skipped_verdict = cannot_be_judged(sitting, criterion, thing)
    if skipped_verdict:
        return skipped_verdict
    network = network_of(sitting, thing)
    arguments = network.configurations.judged[0]
    positional = arguments.positional(network.facts.parameters)
    probe = RunOnDevice(cls=network.facts.cls, arguments=positional, seed=sitting.exam.number("device"))
    tensors = {"input": network.image(arguments)}
    reply, _ = sitting.candidate.answer(probe, tensors)
    if isinstance(reply, Trouble):
        return failed(criterion, trouble_sentence(reply, f"examining {network.facts.cls} on another device"))
    if sitting.gpu is not None and not reply.findings:
        confirmed, _ = sitting.candidate.answer(replace(probe, device=sitting.gpu), tensors)
        # Trouble on the GPU does not count: the GPU itself may be the cause.
        if not isinstance(confirmed, Trouble) and confirmed.settled:
            reply = confirmed
    findings = reply.findings
    if findings:
        causes = "; ".join(f"{finding.what} ({finding.where})" for finding in findings[:2])
        advice = _REGISTER if findings[0].kept else _MAKE_ON_INPUT_DEVICE
        return failed(
            criterion,
            f"{network.facts.cls} is tied to one device: {causes}. {advice}",
            mistake="tied-to-device",
            at_stake=Fraction(1),
            evidence=Evidence(facts={"findings": [_fact(finding) for finding in findings[:10]]}),
        )
    if not reply.settled:
        return passed(
            criterion,
            "Nothing in the network was seen to be tied to a device; a part of it could only be judged on a real GPU.",
            flags=(Flag("unsettled", f"{criterion}: {(reply.reason or 'not settled without a GPU')[:300]}"),),
        )
    return passed(criterion, "Nothing in the network is tied to a device.")


def _fact(finding: Finding) -> dict[str, Json]:
    fact: dict[str, Json] = {"what": finding.what, "where": finding.where}
    if finding.kept is not None:
        fact["kept"] = finding.kept
    return fact
