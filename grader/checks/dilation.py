"""The convolution layers: the dilated one, and the ordinary one that the handout gives.

The handout counts gaps: its dilation 0 is an ordinary filter, 1 leaves one gap between two weights, 3 leaves three.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from grader.checks.absence import why_absent
from grader.checks.given import deleted_for
from grader.checks.layer import (
    CALLS,
    GAPS,
    KERNELS,
    SOME,
    SOURCES,
    Answer,
    Case,
    case_answers,
    case_table,
    drawn_tensors,
    known_mistake,
    probe,
    runs,
)
from grader.checks.network import network_of
from grader.checks.sitting import Sitting, trouble_sentence
from grader.checks.smallest.layer import smallest_for_layer
from grader.exam.compare import compare, rounding, same, share_of
from grader.marking.credit import NATIVE_DILATION
from grader.marking.evidence import Evidence
from grader.marking.verdicts import Flag, Verdict, failed, partial, passed, skipped
from grader.worker.probes.layer import fitted
from grader.worker.protocol import Trouble
from reference.known_layers import FIXED_STEP, LayerMistake

__all__ = ["gradients", "handmade", "values"]


def values(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """The layer's output has the right values for gaps 0, 1 and 3 and kernels 1, 3 and 5, whatever the input's size."""
    name = sitting.exam.handout.layer_things[thing].cls
    absent = deleted_for(sitting, criterion, name) or why_absent(sitting, name)
    if absent:
        return failed(criterion, absent)
    answers = case_answers(sitting, thing)
    table = case_table(answers, ("output", *CALLS))
    wrong = [answer for answer in answers if not answer.right]
    if not wrong:
        margin = max(
            share_of(answer.tolerances["output"], answer.expected["output"], answer.outputs["output"])
            for answer in answers
        )
        return passed(
            criterion,
            f"All {len(answers)} cases have the right values.",
            evidence=replace(table, margins={"outputs": margin}),
        )
    first = next((answer for answer in wrong if answer.trouble is None), wrong[0])
    where = sitting.where(name)
    unsteady = next((answer for answer in answers if answer.unsteady is not None), None)
    right_part = _right_for_some(answers)
    if first.trouble is not None:
        sentence = trouble_sentence(first.trouble, f"running {name} with {first.case.told()}")
        if right_part is None:
            return failed(criterion, sentence, evidence=table)
        feedback = f"The values are right only for {right_part}. {sentence}"
        return partial(criterion, SOME, feedback, mistake="right-for-some", evidence=table)
    difference = first.difference("output")
    evidence = replace(table, difference=difference)
    if unsteady is not None:
        if _uninitialised(answers):
            return failed(
                criterion,
                f"The output of {name} depends on memory that was never written: the same call gives other values or "
                "NaN. torch.Tensor(...) and torch.empty(...) hold whatever was there before; start from torch.zeros "
                f"({where}).",
                mistake="uninitialised-memory",
                at_stake=Fraction(1),
                evidence=evidence,
            )
        return _changing(criterion, name, unsteady, where, evidence)
    known = known_mistake(sitting, thing, answers)
    if known is not None:
        feedback = f"{known.explanation} {known.look_at} ({where})"
        return partial(criterion, known.share, feedback, mistake=known.id, evidence=evidence)
    departure = difference.sentence() if difference else "the second call differs from the first."
    detail = f"With {first.case.told()}: {departure}"
    failing = _failing(wrong)
    smallest = smallest_for_layer(sitting, thing, among=failing) if failing else None
    if smallest is not None:
        evidence, detail = replace(evidence, snippet=smallest.snippet), f"{detail} {smallest.sentence}"
    if right_part is not None:
        return partial(
            criterion,
            SOME,
            f"The values are right only for {right_part}. {detail} ({where})",
            mistake="right-for-some",
            evidence=evidence,
        )
    return failed(criterion, f"{detail} ({where})", evidence=evidence)


def _failing(answers: Iterable[Answer]) -> list[tuple[int, int | None]]:
    """The kernels and gaps of these answers, without those to a case with an explicit padding.

    If a layer is wrong only with an explicit padding, its kernel and gap do not show what is wrong.
    """
    return [(answer.case.kernel, answer.case.gap) for answer in answers if answer.case.padding is None]


def _changing(criterion: str, name: str, answer: Answer, where: str, evidence: Evidence) -> Verdict:
    """The verdict on a layer that gives another output, or fails, when it is called again."""
    call = answer.unsteady or "again"
    subject = CALLS[call].format(name)
    if call != "again":
        trouble = None if call in answer.outputs else answer.run.later
        if trouble is not None:
            feedback = trouble_sentence(trouble, f"calling {subject}")
        else:
            feedback = (
                f"{subject} gives another output than in training mode; a convolution is the same in both ({where})."
            )
        return failed(criterion, feedback, mistake="changes-with-mode", at_stake=Fraction(1), evidence=evidence)
    effect = "gives another output" if call in answer.outputs else "fails"
    return failed(
        criterion,
        f"{subject} {effect}, so forward changes the layer, probably `self.weight`. "
        f"Build the spread filter in a new variable and leave the parameters alone ({where}).",
        mistake="weight-replaced",
        at_stake=Fraction(1),
        evidence=evidence,
    )


def _uninitialised(answers: tuple[Answer, ...]) -> bool:
    """Whether an output was NaN or infinite, as memory that was never written may be."""
    return any(answer.trouble is None and not answer.run.output.finite for answer in answers)


def _right_for_some(answers: tuple[Answer, ...]) -> str | None:
    """The gaps or kernels for which all cases are right, as text: ``dilation 1``.

    If there are none, the single cases that are right. None if there are none of these either, or only those of an
    ordinary filter (gap 0) or of a single weight (kernel 1).
    """

    def all_right(kernels: tuple[int, ...], gaps: tuple[int, ...]) -> bool:
        chosen = [answer for answer in answers if answer.case.kernel in kernels and answer.case.gap in gaps]
        return bool(chosen) and all(answer.right for answer in chosen)

    gaps = [gap for gap in GAPS if all_right(KERNELS, (gap,))]
    kernels = [kernel for kernel in KERNELS if all_right((kernel,), GAPS)]
    cases = [answer.case for answer in answers if answer.right and answer.case.kernel > 1 and answer.case.gap]
    if any(gaps):
        return "dilation " + " and ".join(map(str, gaps))
    if any(kernel > 1 for kernel in kernels):
        return "kernel size " + " and ".join(map(str, kernels))
    return " and ".join(f"kernel size {case.kernel} with dilation {case.gap}" for case in cases) or None


def gradients(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """Gradients reach input, weight and bias, with the right values."""
    name = sitting.exam.handout.layer_things[thing].cls
    if why_absent(sitting, name) is not None or not runs(case_answers(sitting, thing)):
        return skipped(criterion, f"Skipped: {name} cannot be run yet; see {thing}.values.")
    answers = case_answers(sitting, thing)
    table = case_table(answers, tuple(f"gradient.{source}" for source in SOURCES))
    running = [answer for answer in answers if answer.trouble is None]
    stopped = next((answer for answer in answers if answer.trouble is not None), None)
    if (
        stopped is not None
        and stopped.trouble is not None
        and not any(answer.case.kernel > 1 and answer.case.gap != 0 for answer in running)
    ):
        doing = f"running {name} with {stopped.case.told()}"
        return failed(criterion, trouble_sentence(stopped.trouble, doing), evidence=table)
    if not all(answer.right for answer in running) and _spreads_nothing(sitting, thing, answers):
        return failed(
            criterion,
            f"{name} has no spread filter that gradients could go through; see {thing}.values.",
            evidence=table,
        )
    for answer in running:
        for source in SOURCES:
            gradient = f"gradient.{source}"
            difference = answer.difference(gradient)
            if difference is None:
                continue
            evidence = replace(table, difference=difference)
            # What a known mistake leaves unused costs points in `values`.
            if gradient not in answer.outputs and _is_left_unused(sitting, thing, answers, answer, source):
                continue
            if gradient not in answer.outputs:
                unused = not answer.right and _unused(sitting, thing, answer, source)
                advice = (
                    f"The output does not depend on the {source}: see that forward uses it"
                    if unused
                    else "Build the filter from self.weight itself: .data, detach(), numpy and a new Parameter all cut "
                    "the gradient"
                )
                return failed(
                    criterion,
                    f"With {answer.case.told()} no gradient reaches the {source}, so training would leave it as it "
                    f"is. {advice} ({sitting.where(name)}).",
                    mistake="gradients-cut",
                    at_stake=Fraction(1),
                    evidence=evidence,
                )
            # Wrong values cost points in `values` already. Here the gradients count of what the layer does compute.
            if not answer.right and _is_own_gradient(sitting, thing, answers, answer, source):
                continue
            # If the values are wrong, `values` shows the smallest input already.
            smallest = smallest_for_layer(sitting, thing, gradient, among=_failing([answer])) if answer.right else None
            if smallest is not None:
                evidence = replace(evidence, snippet=smallest.snippet)
            feedback = f"With {answer.case.told()} the gradient of the {source} is wrong. {difference.sentence()}"
            return failed(criterion, feedback + (f" {smallest.sentence}" if smallest else ""), evidence=evidence)
    limit = "" if all(answer.right for answer in answers) else " for what the layer computes"
    feedback = f"Gradients reach input, weight and bias with the right values{limit}."
    return passed(criterion, feedback, evidence=table)


def _is_left_unused(sitting: Sitting, thing: str, answers: tuple[Answer, ...], answer: Answer, source: str) -> bool:
    """Whether the output of the known mistake that a layer equals does not depend on the input, weight or bias."""
    known = known_mistake(sitting, thing, answers)
    if known is None or answer.right or not sitting.exam.assignment.follow_through:
        return False
    return not bool(_mistaken_gradient(sitting, known, answer, source)[0].any())


def _is_own_gradient(sitting: Sitting, thing: str, answers: tuple[Answer, ...], answer: Answer, source: str) -> bool:
    """Whether a gradient is that of the function that the layer computes, even if that function is wrong.

    A convolution is linear in its input, in its weight and in its bias. So with upstream u, a right gradient g of x
    satisfies ⟨u, f(x + v) − f(x)⟩ = ⟨g, v⟩ for any v, however large. A known mistake need not be linear; its gradients
    are computed and compared.
    """
    known = known_mistake(sitting, thing, answers)
    gradient = answer.outputs[f"gradient.{source}"]
    if known is not None:
        expected, tolerance = _mistaken_gradient(sitting, known, answer, source)
        return compare(expected, gradient, tolerance) is None
    drawn = drawn_tensors(sitting.exam, answer.case, answer.draw)
    step = sitting.exam.uniform(f"layer/{answer.case}/step/{source}", drawn[source].shape, -1, 1)
    moved = _moved(sitting, thing, answer, source, step)
    if moved is None or moved.is_meta or gradient.shape != step.shape:
        return False
    upstream = fitted(drawn["upstream"], moved.shape).to(torch.float64)
    change = (upstream * (moved.to(torch.float64) - answer.outputs["output"].to(torch.float64))).sum()
    predicted = (gradient.to(torch.float64) * step).sum()
    # Each output may be off by its tolerance, twice, and each element of the gradient by its own.
    allowed = 2 * answer.tolerances["output"] * upstream.abs().sum()
    allowed += answer.tolerances[f"gradient.{source}"] * step.abs().sum()
    return bool((change - predicted).abs() <= allowed)


def _moved(sitting: Sitting, thing: str, answer: Answer, source: str, step: Tensor) -> Tensor | None:
    """The output after ``step`` was added to input, weight or bias; None if the layer fails or its shape changes."""
    drawn = drawn_tensors(sitting.exam, answer.case, answer.draw)
    reply, outputs = sitting.candidate.answer(
        probe(sitting.exam, thing, answer.case), {**drawn, source: drawn[source] + step}
    )
    output = None if isinstance(reply, Trouble) else outputs["output"]
    return output if output is not None and output.shape == answer.outputs["output"].shape else None


def _unused(sitting: Sitting, thing: str, answer: Answer, source: str) -> bool:
    """Whether the output is the same whatever the input, the weight or the bias is."""
    moved = _moved(sitting, thing, answer, source, torch.ones(()))
    return moved is not None and same(moved, answer.outputs["output"])


def _mistaken_gradient(sitting: Sitting, known: LayerMistake, answer: Answer, source: str) -> tuple[Tensor, float]:
    """The gradient of a known mistake whose outputs equal the candidate's, with its tolerance."""

    def make() -> dict[str, tuple[Tensor, float]]:
        drawn = drawn_tensors(sitting.exam, answer.case, answer.draw)
        gradients_by_precision: list[dict[str, Tensor]] = []
        for dtype in (torch.float32, torch.float64):
            values = {name: drawn[name].to(dtype, copy=True).requires_grad_() for name in SOURCES}
            output = known.compute(values["input"], values["weight"], values["bias"], answer.case.gap or 0)
            (output * fitted(drawn["upstream"], output.shape).to(dtype)).sum().backward()  # type: ignore[no-untyped-call]
            gradients_by_precision.append(
                {name: torch.zeros_like(value) if value.grad is None else value.grad for name, value in values.items()}
            )
        single, double = gradients_by_precision
        return {name: (single[name], rounding(single[name], double[name])) for name in SOURCES}

    return sitting.exam.once(("layer-mistake-gradients", known, answer.case), make)[source]


def handmade(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """The filter is spread by hand: no operation is given a dilation other than 1."""
    name = sitting.exam.handout.layer_things[thing].cls
    if why_absent(sitting, name) is not None or not runs(case_answers(sitting, thing)):
        return skipped(criterion, f"Skipped: {name} cannot be run yet; see {thing}.values.")
    answers = [answer for answer in case_answers(sitting, thing) if answer.trouble is None]
    where = sitting.where(name)
    user, native = name, sorted({operation for answer in answers for operation in answer.run.native})
    if not native:
        user, native = _native_in_network(sitting, thing)
    if native:
        return partial(
            criterion,
            Fraction(0),
            f"{user} gives a dilation to {', '.join(native)}; the handout asks to spread the filter by tensor "
            f"manipulation, without the native implementation ({where}).",
            mistake=NATIVE_DILATION,
            evidence=Evidence(facts={"operations": native}),
        )
    if _spreads_nothing(sitting, thing, case_answers(sitting, thing)):
        return failed(
            criterion,
            f"Nothing that {name} computes depends on its dilation, so no filter was spread ({where}).",
            mistake="dilation-ignored",
        )
    flags = []
    suspicious = [call for written in sitting.reached(name) for call in written.definition.calls if call.dilates]
    if suspicious:
        flags.append(
            Flag(
                "untrusted-evidence",
                f"{criterion}: the source passes a dilation to {suspicious[0].name} in line {suspicious[0].line}, but "
                "no operation was given one when the layer ran.",
            )
        )
    return passed(criterion, "No operation was given a dilation.", flags=tuple(flags))


def _native_in_network(sitting: Sitting, thing: str) -> tuple[str, list[str]]:
    """The class of the network that the layer is for, and the operations that are given a dilation while it runs.

    The class is empty if the submission has no such network.
    """
    for facts in sitting.exam.handout.networks:
        if facts.layer != thing or facts.cls not in sitting.classes:
            continue
        network = network_of(sitting, facts.thing)
        if not network.configurations.works:
            return facts.cls, []
        return facts.cls, sorted({operation for run in network.runs for operation in run.native})
    return "", []


def _spreads_nothing(sitting: Sitting, thing: str, answers: tuple[Answer, ...]) -> bool:
    """Whether the same layer and input give the same output with every dilation. The outputs alone decide.

    A layer that always leaves the same gap is not one of these: it does spread its filter.
    """
    if not sitting.exam.handout.layer_things[thing].dilated:
        return False
    # A layer that is right for two gaps computes two functions.
    if len({answer.case.gap for answer in answers if answer.right and answer.case.kernel > 1}) > 1:
        return False
    known = known_mistake(sitting, thing, answers)
    if known is not None and known.id == FIXED_STEP:
        return False
    outputs = []
    for gap in GAPS:
        case = Case(3, gap, 1, 1, 1, 16, 16)
        drawn = drawn_tensors(sitting.exam, Case(3, 0, 1, 1, 1, 16, 16))
        reply, tensors = sitting.candidate.answer(probe(sitting.exam, thing, case), drawn)
        if not isinstance(reply, Trouble):
            outputs.append(tensors["output"])
    first = outputs[0] if outputs else torch.zeros(())
    return all(same(other, first) for other in outputs[1:])
