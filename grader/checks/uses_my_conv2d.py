"""Whether all of a network's convolutions are the student's MyConv2d."""

from __future__ import annotations

import re
from collections.abc import Container

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
    """Every convolution of the network is a MyConv2d, and MyConv2d is not nn.Conv2d by another name."""
    held_up = cannot_be_judged(sitting, criterion, thing)
    if held_up:
        return held_up
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
            f"No filters that PyTorch knows of take part in the forward pass of {network.facts.cls}, expected those of "
            "MyConv2d. Where its weight is a plain tensor, make it an nn.Parameter.",
        )
    disguised = any(owner.startswith(_NATIVE) for tensor in filters if tensor.my_conv2d for owner in tensor.owner)
    if native_base or disguised:
        return failed(
            criterion,
            "MyConv2d extends PyTorch's own convolution, so it is nn.Conv2d under another "
            "name. Write it as the handout has it, extending nn.Module.",
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
            evidence=Evidence(
                facts={"convolutions": [{"name": tensor.name, "class": tensor.owner[0]} for tensor in filters]}
            ),
        )
    flags = [
        Flag("untrusted-evidence", f"{criterion}: {what}, and yet only MyConv2d was seen at work.")
        for what in (
            _native(sitting, network.facts.cls, _CONVOLUTIONS, but=("MyConv2d",), spare=_left_over(network)),
            _native(sitting, "MyConv2d", _LAYERS),
        )
        if what is not None
    ]
    return passed(criterion, f"All {len(filters)} convolutions are MyConv2d.", flags=tuple(flags))


def _is_filter(tensor: TracedTensor) -> bool:
    """Whether a parameter can be a convolution's weight.

    A layer-norm has a scale for each channel and pixel; with a fourth dimension it could only be a filter in hiding.
    """
    scale = len(tensor.shape) == 3 and tensor.owner[0].startswith(_NORMALISATIONS)
    return len(tensor.shape) >= 3 and not scale


def _left_over(network: Examined) -> set[str]:
    """Attributes that hold a convolution of torch's of which the network makes no use."""
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
    """Where a class uses a convolution of torch's, itself or by what it uses; None if nowhere.

    ``spare`` are attributes that hold one to no purpose: it costs the network's parameters, and explains itself.
    """
    for written in sitting.reached(name, but=but):
        definition = written.definition
        for used, line in definition.uses.items():
            kept = definition.spare.get(used, ()) if definition.name == name else ()
            if kept and all(attribute in spare for attribute in kept):
                continue
            if native.fullmatch(used):
                by = "" if definition.name == name else f", by {definition.name}"
                return f"{name} uses {used}{by} ({written.at(line)})"
    return None
