"""The number of a network's trainable parameters."""

from __future__ import annotations

from grader.checks.absence import cannot_be_judged
from grader.checks.network import Examined, Row, network_of
from grader.checks.sitting import Sitting, arguments_of
from grader.checks.trust import counted_otherwise
from grader.marking.evidence import Configuration, Evidence
from grader.marking.verdicts import Verdict, failed, passed

__all__ = ["parameters"]


def parameters(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """The network has as many trainable parameters as the handout's."""
    network = network_of(sitting, thing)
    held_up = cannot_be_judged(sitting, criterion, thing)
    if held_up:
        return held_up
    rows = [
        row
        for row in network.rows
        if row.fits and (network.fixed or {}).items() <= network._named(row.arguments).items()
    ]
    rows = rows or [row for row in network.rows if row.constructs]
    table = Evidence(configurations=tuple(_configuration(network, row) for row in rows))
    wrong = next((row for row in rows if not row.counted or row.counting), None)
    if wrong is None and not network.kind.odd_kernels and network.reordered is None:
        # Shapes are asked at kernel 3 only, but a filter that is always 3×3 has too few parameters at 5.
        larger = network.at_kernel(5)
        wrong = larger if larger.constructs and not larger.counted else None
    if wrong is None:
        return passed(
            criterion,
            f"{rows[0].built.trainable:,} trainable parameters with "
            f"{arguments_of(network.kind.parameters, rows[0].arguments)}, as in the "
            "handout.",
            evidence=table,
            flags=counted_otherwise(network, criterion),
        )
    if wrong.counting is not None and wrong.counted:
        return failed(criterion, wrong.counting, evidence=table)
    expected = min(wrong.counts, key=lambda count: abs(count - wrong.built.trainable))
    feedback = (
        f"{network.kind.cls}({arguments_of(network.kind.parameters, wrong.arguments)}) has "
        f"{wrong.built.trainable:,} trainable parameters, "
        f"expected {expected:,}."
    )
    if wrong.built.frozen:
        feedback += (
            f" A further {wrong.built.frozen:,} do not require gradients (requires_grad is False), so "
            "training would not change them."
        )
    elif wrong not in rows:
        same = wrong.built.trainable == rows[0].built.trainable
        feedback += (
            " That is as many as with kernel=3: 3 is written where `kernel` belongs."
            if same
            else " With kernel=3 the number is right: see where another number than `kernel` is a filter's size."
        )
    else:
        feedback += _why_not_as_many(network)
    return failed(criterion, feedback, evidence=table)


def _configuration(network: Examined, row: Row) -> Configuration:
    frozen = f" and {row.built.frozen:,} frozen" if row.built.frozen else ""
    return Configuration(
        arguments=dict(zip(network.kind.parameters, row.arguments, strict=True)),
        expected=" or ".join(f"{count:,}" for count in sorted(row.counts)),
        actual=f"{row.built.trainable:,}{frozen}",
        ok=row.counted and row.counting is None,
    )


def _why_not_as_many(network: Examined) -> str:
    if network.trouble is not None or not network.runs:
        return ""
    run = network.runs[0]
    unused = [tensor.name for tensor in run.trace.unused]
    if unused:
        return f" These take no part in the forward pass: {', '.join(unused[:4])}{' …' if len(unused) > 4 else ''}."
    known = network.match
    if known is not None and not known.is_right:
        return f" {known.explanation}"
    expected = network.expected(network.right[0], run.arguments)[0].shapes
    for index, (ours, theirs) in enumerate(zip(expected, run.shapes, strict=False)):
        if ours != theirs:
            name = run.trace.parameters[index].name
            return (
                f" With {arguments_of(network.kind.parameters, run.arguments)}, the first to differ in the order "
                "in which "
                f"layers run is `{name}`: its shape is {list(theirs)}, expected {list(ours)}."
            )
    if len(run.shapes) == len(expected):
        return ""
    return f" It has {len(run.shapes)} parameter tensors in use, expected {len(expected)}."
