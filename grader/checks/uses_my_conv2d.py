"""Whether all of a network's convolutions are the student's MyConv2d."""

from __future__ import annotations

import re
from collections.abc import Container
from fractions import Fraction

from grader.checks.absence import cannot_be_judged, missing_class
from grader.checks.network import Examined, network_of
from grader.checks.sitting import Sitting
from grader.marking.evidence import Evidence
from grader.marking.verdicts import Flag, Verdict, failed, passed
from grader.worker.protocol import TracedTensor

__all__ = ["uses_my_conv2d"]

_NATIVE = ("torch.nn.modules.conv.",)
_NORMALISATIONS = "torch.nn.modules.normalization."
_LAYERS = re.compile(r"torch\.nn\.(modules\.conv\.)?(Lazy)?(Conv|ConvTranspose|Unfold)(\dd)?(\.__init__)?")
_CONVOLUTIONS = re.compile(r"torch\.(.+\.)?(Lazy)?(_?conv|unfold|mkldnn_.*conv|cudnn_conv)\w*(\..+)?", re.IGNORECASE)


def uses_my_conv2d(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """Every convolution of the network is a MyConv2d, and MyConv2d is not nn.Conv2d under another name."""
    skipped_verdict = cannot_be_judged(sitting, criterion, thing)
    if skipped_verdict:
        return skipped_verdict
    network = network_of(sitting, thing)
    if "MyConv2d" not in sitting.classes:
        return failed(criterion, missing_class(sitting, "MyConv2d"))
    if network.trouble is not None:
        return failed(criterion, network.trouble)
    written = sitting.written("MyConv2d")
    native_base = next(
        (
            base
            for base in (written.definition.bases if written is not None else ())
            if base.split(".")[-1].endswith("Conv2d") and "My" not in base
        ),
        None,
    )
    filters = [tensor for tensor in network.runs[0].trace.parameters if _is_filter(tensor)]
    if not filters:
        return failed(
            criterion,
            f"No filters that PyTorch knows of take part in the forward pass of {network.facts.cls}; expected those of "
            "MyConv2d. If the weight of MyConv2d is a plain tensor, make it an nn.Parameter.",
        )
    disguised = any(owner.startswith(_NATIVE) for tensor in filters if tensor.my_conv2d for owner in tensor.owner)
    if native_base or disguised:
        return failed(
            criterion,
            "MyConv2d extends PyTorch's own convolution, so it is nn.Conv2d under another "
            "name. Write it as in the handout, extending nn.Module.",
            mistake="conv2d-for-my-conv2d",
            at_stake=Fraction(1),
        )
    foreign = [tensor for tensor in filters if not tensor.my_conv2d]
    if foreign:
        names = ", ".join(
            f"{tensor.name.rsplit('.', 1)[0]} ({tensor.owner[0].rsplit('.', 1)[-1]})" for tensor in foreign[:4]
        )
        return failed(
            criterion,
            f"{len(foreign)} of {len(filters)} convolutions in {network.facts.cls} are not MyConv2d: {names}. The "
            "handout asks for MyConv2d in every place.",
            mistake="conv2d-for-my-conv2d",
            at_stake=Fraction(1),
            evidence=Evidence(
                facts={"convolutions": [{"name": tensor.name, "class": tensor.owner[0]} for tensor in filters]}
            ),
        )
    flags = [
        Flag("untrusted-evidence", f"{criterion}: {use}, but when the network ran, only MyConv2d was seen to be used.")
        for use in (
            _native(sitting, network.facts.cls, _CONVOLUTIONS, but=("MyConv2d",), spare=_left_over(network)),
            _native(sitting, "MyConv2d", _LAYERS),
        )
        if use is not None
    ]
    return passed(criterion, f"All {len(filters)} convolutions are MyConv2d.", flags=tuple(flags))


def _is_filter(tensor: TracedTensor) -> bool:
    """Whether a parameter can be a convolution's weight.

    A layer-norm has a scale of three dimensions, one value per channel and pixel. With a fourth dimension, it could
    only be a filter in disguise.
    """
    scale = len(tensor.shape) == 3 and tensor.owner[0].startswith(_NORMALISATIONS)
    return len(tensor.shape) >= 3 and not scale


def _left_over(network: Examined) -> set[str]:
    """Attributes that hold one of torch's convolutions that the network does not use."""
    return {
        tensor.name.partition(".")[0]
        for tensor in network.runs[0].trace.unused
        if tensor.owner[0].startswith(_NATIVE) and tensor.name.count(".") == 1
    }


def _native(
    sitting: Sitting,
    name: str,
    native: re.Pattern[str],
    but: tuple[str, ...] = (),
    spare: Container[str] = (),
) -> str | None:
    """Where a class uses one of torch's convolutions, itself or through what it uses; None if nowhere.

    ``native`` matches the names of these convolutions. Classes named in ``but`` are not searched. ``spare`` are
    attributes that hold a convolution which is never used; they don't count, since the check of parameters reports
    them.
    """
    for written in sitting.reached(name, but=but):
        definition = written.definition
        for used, line in definition.uses.items():
            attributes = definition.spare.get(used, ()) if definition.name == name else ()
            if attributes and all(attribute in spare for attribute in attributes):
                continue
            if native.fullmatch(used):
                by = "" if definition.name == name else f", by {definition.name}"
                return f"{name} uses {used}{by} ({written.at(line)})"
    return None
