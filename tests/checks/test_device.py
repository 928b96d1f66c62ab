"""Whether a network is tied to the CPU or to a GPU: what the check makes of the worker's findings."""

from __future__ import annotations

from dataclasses import replace

from sittings import exam_of, sitting_of

from grader.checks.device import device
from grader.marking.verdicts import Outcome, Verdict
from grader.worker.protocol import DeviceFindings, Finding, RunOnDevice, Trouble

MADE = Finding("torch.zeros makes a tensor on the CPU", "a.py, line 3")
KEPT = Finding("self.offset stays on the CPU", "a.py, line 4", kept=True)


class Reporting:
    """A right candidate whose worker has these findings; on a GPU it has others."""

    def __init__(self, candidate, here, on_gpu=None):
        self._candidate, self._here, self._on_gpu = candidate, here, on_gpu

    def answer(self, probe, tensors):
        if isinstance(probe, RunOnDevice):
            return (self._here if probe.device is None else self._on_gpu), {}
        return self._candidate.answer(probe, tensors)

    def answers(self, asked):
        return (self.answer(probe, tensors) for probe, tensors in asked)


def verdict_of(here, on_gpu=None) -> Verdict:
    sitting = sitting_of("UNet = given.UNet", exam_of())
    gpu = "cuda:0" if on_gpu is not None else None
    sitting = replace(sitting, candidate=Reporting(sitting.candidate, here, on_gpu), gpu=gpu)
    return device(sitting, "unet.device", "unet")


def test_a_network_without_findings_passes():
    verdict = verdict_of(DeviceFindings((), settled=True))
    assert (verdict.outcome, verdict.flags) == (Outcome.PASS, ())


def test_a_tensor_made_on_the_cpu_fails_with_its_line_and_advice():
    verdict = verdict_of(DeviceFindings((MADE,), settled=True))
    assert (verdict.outcome, verdict.mistake) == (Outcome.FAIL, "tied-to-device")
    assert "UNet is tied to one device: torch.zeros makes a tensor on the CPU (a.py, line 3)." in verdict.feedback
    assert "device=x.device" in verdict.feedback
    assert verdict.evidence.facts["findings"] == [{"what": MADE.what, "where": MADE.where}]


def test_a_tensor_that_is_kept_fails_with_the_advice_to_register_it():
    verdict = verdict_of(DeviceFindings((KEPT,), settled=True))
    assert (verdict.outcome, verdict.mistake) == (Outcome.FAIL, "tied-to-device")
    assert "register_buffer" in verdict.feedback


def test_what_cannot_be_settled_without_a_gpu_passes_and_is_flagged():
    verdict = verdict_of(DeviceFindings((), settled=False, reason="a compiled function"))
    assert verdict.outcome is Outcome.PASS
    assert [flag.detail for flag in verdict.flags] == ["unet.device: a compiled function"]


def test_a_gpu_confirms_or_finds_more():
    undecided = DeviceFindings((), settled=False)
    assert verdict_of(undecided, DeviceFindings((), settled=True)).flags == ()
    assert verdict_of(undecided, DeviceFindings((MADE,), settled=True)).outcome is Outcome.FAIL


def test_trouble_on_a_gpu_does_not_count():
    verdict = verdict_of(DeviceFindings((), settled=True), Trouble("RuntimeError", "out of memory"))
    assert (verdict.outcome, verdict.flags) == (Outcome.PASS, ())


def test_trouble_of_the_network_fails():
    verdict = verdict_of(Trouble("ValueError", "no such device"))
    assert verdict.outcome is Outcome.FAIL
    assert "no such device" in verdict.feedback
