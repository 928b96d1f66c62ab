"""What a network is made of: the shapes it serves, the number of its parameters, whose convolutions it uses."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping
from fractions import Fraction
from typing import Any

from grader.checks.networks import Examined, Row, network_of
from grader.checks.sitting import Sitting, arguments_of, trouble_sentence
from grader.checks.trust import counted_otherwise
from grader.checks.verdict import failed, partial, passed, skipped
from grader.verdicts import Flag, Verdict

__all__ = ["parameters", "shapes", "uses_my_conv2d"]

_HARD_CODED_SHARE = Fraction(1, 2)


def shapes(sitting: Sitting, criterion: str, thing: str) -> Verdict:
    """The network can be built for several kernels, filters, colours and input channels, and its output has the right
    shape."""
    network = network_of(sitting, thing)
    waiting = _made_of_what_is_missing(sitting, thing)
    if waiting:
        return skipped(criterion, waiting)
    absent = _absent(sitting, network)
    if absent:
        return failed(criterion, absent)
    rows = network.rows
    table = {"configurations": [_as_json(network, row) for row in rows]}
    fixed = network.fixed
    if fixed == {}:
        remarks = _larger_images(network)
        return passed(
            criterion, " ".join(["Every configuration tried has the right output shape.", *remarks]), evidence=table
        )
    if network.reordered is not None:
        return partial(
            criterion,
            _HARD_CODED_SHARE,
            f"{network.kind.cls} takes its parameters in another order than the handout: "
            f"{', '.join(network.reordered)}, expected {', '.join(network.kind.parameters)} "
            f"({_line_of(sitting, network.kind.cls, '__init__')}). "
            "The course's scripts give them by their place, so put them in the handout's order.",
            mistake="constructor-order",
            evidence=table,
        )
    if fixed and network.literal_padding:
        return partial(
            criterion,
            _HARD_CODED_SHARE,
            f"{network.kind.cls} keeps the size of the image only for kernel = {fixed['kernel']}: its filters follow "
            f"`kernel`, its padding does not. Probably {fixed['kernel'] // 2} is written for the padding: use "
            f"padding=kernel // 2. {_first_failure(sitting, network, next(row for row in rows if not row.fits))}",
            mistake="hard-coded-padding",
            evidence=table,
        )
    if fixed:
        told = " and ".join(f"{name} = {value}" for name, value in fixed.items())
        first = next(row for row in rows if not (row.fits and row.counted))
        numbers = " and ".join(f"{value} is written where `{name}` belongs" for name, value in fixed.items())
        return partial(
            criterion,
            _HARD_CODED_SHARE,
            f"{network.kind.cls} works only for {told}. Probably {numbers}: use the constructor's parameter. "
            f"{_first_failure(sitting, network, first)}",
            mistake="hard-coded-" + "-".join(fixed),
            evidence=table,
        )
    first = next((row for row in rows if not row.fits), rows[0])
    return failed(criterion, _first_failure(sitting, network, first), evidence=table)


def _line_of(sitting: Sitting, name: str, method: str) -> str:
    """Where a method stands; where the class does, if it is not its own."""
    written = sitting.written(name) or {"methods": {}}
    found = written["methods"].get(method)
    return sitting.at(written, found["line"]) if found else sitting.where(name)


def _made_of_what_is_missing(sitting: Sitting, thing: str) -> str | None:
    """Why DilatedUNet cannot be judged yet: it is made of UNet and of the dilated layer. None for what can."""
    if thing != "dilated-unet":
        return None
    layer = sitting.written("MyDilatedConv2d")
    if "MyDilatedConv2d" not in sitting.classes or (layer or {"methods": {}})["methods"].get("forward", {}).get(
        "empty"
    ):
        return "Skipped: DilatedUNet needs MyDilatedConv2d, which is still to be completed; see dilated.values."
    unet = network_of(sitting, "unet")
    if _absent(sitting, unet) is not None or not unet.works:
        return "Skipped: DilatedUNet needs UNet, which cannot be run yet; see unet.shapes."
    return None


def _absent(sitting: Sitting, network: Examined) -> str | None:
    """Why there is nothing to examine, or None if the class is there."""
    name = network.kind.cls
    if name in sitting.classes:
        written = sitting.written(name)
        if written is not None and written["methods"].get("forward", {}).get("empty", False):
            return f"{name} is still to be completed: its forward does nothing ({sitting.where(name)})."
        return None
    return missing_class(sitting, name)


def missing_class(sitting: Sitting, name: str) -> str:
    """Where a class went: a syntax error, an exception while it was defined, another name, or nowhere."""
    for file in sitting.outline["files"]:
        for problem in file["problems"]:
            if problem.get("stands_in") == name:
                place = sitting.at({**problem, "file": file["path"]}, problem["line"])
                return (
                    f"{name} could not be read: {problem['message']} in {place}: "
                    f"`{' '.join(str(problem['text']).split())[:120]}`. Correct this line."
                )
    failures = sitting.loading.get("failed", [])
    for failure in failures:
        if name in failure["names"]:
            return trouble_sentence(failure, f"defining {name}")
    written = [one["name"] for file in sitting.outline["files"] for one in file["classes"]]
    if name in written:
        told = "".join(f" {trouble_sentence(why, 'running the first line that failed')}" for why in failures[:1])
        if "trouble" in sitting.loading:
            told = f" {trouble_sentence(sitting.loading['trouble'], 'loading its definitions')}"
        return f"{name} is in your file but could not be defined.{told}"
    for file in sitting.outline["files"]:
        for nested in file.get("nested", []):
            if nested["name"] == name:
                place = sitting.at({**nested, "file": file["path"]}, nested["line"])
                return (
                    f"{name} stands inside the function {nested['inside']} ({place}), where nothing outside finds it. "
                    "Move the class to the top level of the file."
                )
    near = nearest(name, written)
    suggestion = f" There is a class {near}: if that is it, call it {name}." if near else ""
    return f"There is no class {name} in the code handed in.{suggestion}"


def _undefined(sitting: Sitting, trouble: Mapping[str, Any]) -> str:
    """Why a name is not defined, where the line that should have defined it failed; else empty."""
    missing = re.match(r"name '(\w+)' is not defined", str(trouble.get("text", "")))
    for failure in sitting.loading.get("failed", []) if missing else ():
        if missing is not None and missing[1] in failure["names"]:
            return " " + trouble_sentence(failure, f"defining {missing[1]}")
    return ""


def nearest(name: str, written: list[str]) -> str | None:
    """The class a student most likely meant by ``name``: spelt alike, or spelt the same but for case and
    underscores."""
    import difflib

    from grader.exam import NETWORKS

    taken = {kind.cls for kinds in NETWORKS.values() for kind in kinds.values()} | {"MyConv2d", "MyDilatedConv2d"}
    free = {one.lower().replace("_", ""): one for one in written if one not in taken}
    close = difflib.get_close_matches(name.lower(), free, n=1, cutoff=0.6)
    if close:
        return free[close[0]]
    return next(
        (one for key, one in free.items() if name.lower() in key or (key in name.lower() and len(key) > 2)), None
    )


def _as_json(network: Examined, row: Row) -> dict[str, Any]:
    return {
        "arguments": dict(zip(network.kind.parameters, row.arguments, strict=True)),
        "expected": ", ".join(str(list(shape)) for shape in row.expected),
        "actual": row.actual(),
        "ok": row.fits,
    }


def _first_failure(sitting: Sitting, network: Examined, row: Row) -> str:
    call = f"{network.kind.cls}({', '.join(map(str, row.arguments))})"
    names = arguments_of(network.kind.parameters, row.arguments)
    if row.trouble is not None:
        stopped = row.trouble.get("type") == "Stopped"  # and nobody knows where
        doing = f"building and running {call}" if stopped else f"{'running' if row.constructs else 'building'} {call}"
        sentence = trouble_sentence(row.trouble, f"{doing} ({names})") + _undefined(sitting, row.trouble)
        if row.trouble.get("type") == "TypeError" and not row.constructs:
            sentence += f" The handout's constructor takes {', '.join(network.kind.parameters)}, in this order."
        if row.trouble.get("type") == "Refusal" and "no return" in sentence:
            sentence = f"{sentence[:-1]} ({_line_of(sitting, network.kind.cls, 'forward')})."
        return sentence + _advice(network, row)
    for output, expected in zip(row.evidence["outputs"], row.expected, strict=True):
        if tuple(output["shape"]) != expected:
            return (
                f"With {names}, the output of a batch of {expected[0]} has the shape {output['shape']}, expected "
                f"{list(expected)}.{_why_that_shape(network, output['shape'], expected)}"
            )
        if output["dtype"] != "torch.float32":
            return f"With {names}, the output has the type {output['dtype']}, expected torch.float32 like the input."
    return (
        f"With {names}, the network has {row.evidence['trainable']:,} trainable parameters, expected "
        f"{' or '.join(f'{count:,}' for count in sorted(row.counts))}."
    )


def _why_that_shape(network: Examined, shape: list[int], expected: tuple[int, ...]) -> str:
    """What makes the output's shape another one, where it can be told."""
    if len(shape) == len(expected) and shape[0] != expected[0] and math.prod(shape) == math.prod(expected):
        return " The size of the batch is written in: a view or reshape has to take it from x.size(0)."
    if network.fixed is None and network.match is not None and not network.match.is_right:
        return f" {network.match.explanation}"
    return ""


def _advice(network: Examined, row: Row) -> str:
    """What an error of PyTorch's means here, in one sentence; empty if that is not known."""
    text = str((row.trouble or {}).get("text", ""))
    batches = {shape[0] for shape in row.expected}
    met = re.search(r"expected input\[(\d+), \d+, (\d+), (\d+)\]", text)
    joined = any(step.kind == "cat" for step in network.right[0].steps)
    if joined and ("match except in dimension 0" in text or (met is not None and int(met[1]) not in batches)):
        return " The images of the batch are joined, and not the channels: give torch.cat dim=1."
    if joined and met is not None and met[2] != met[3]:
        return " The tensors are joined along their height or width, and not along the channels: give torch.cat dim=1."
    sizes = re.search(r"match except in dimension 1. Expected size (\d+) but got size (\d+)", text)
    if sizes is None:
        return ""
    small = min(map(int, sizes.groups()))
    if any(step.kind == "convt" for step in network.right[0].steps) and small % 2:
        return " A transposed convolution with stride=2 doubles height and width only with output_padding=1."
    return (
        " The tensors that are joined differ in height and width: see padding, pooling and upsampling before this line."
    )


def _larger_images(network: Examined) -> list[str]:
    """A remark where 64×64 images don't pass: the handout's network takes any size, the marks only ask for 32×32."""
    arguments = network.rows[0].arguments
    row = network.build(arguments, (1,), side=64)
    return (
        []
        if row.fits
        else [
            "Remark, without effect on the mark: images of 64×64 do not pass through your "
            "network, though nothing in the handout's is tied to 32×32."
        ]
    )


def cannot_be_judged(sitting: Sitting, criterion: str, thing: str) -> Verdict | None:
    """``skipped`` while the network doesn't construct and run, naming what it depends on."""
    network = network_of(sitting, thing)
    if _absent(sitting, network) is not None or not network.works:
        return skipped(criterion, f"Skipped: {network.kind.cls} cannot be run yet; see {thing}.shapes.")
    return None


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
    table = {
        "configurations": [
            {
                "arguments": dict(zip(network.kind.parameters, row.arguments, strict=True)),
                "expected": " or ".join(f"{count:,}" for count in sorted(row.counts)),
                "actual": f"{row.evidence['trainable']:,}"
                + (f" and {row.evidence['frozen']:,} frozen" if row.evidence["frozen"] else ""),
                "ok": row.counted and row.counting is None,
            }
            for row in rows
        ]
    }
    wrong = next((row for row in rows if not row.counted or row.counting), None)
    if wrong is None and not network.kind.odd_kernels and network.reordered is None:
        # Shapes are asked at kernel 3 only, but a filter that is always 3×3 has too few parameters at 5.
        larger = network.at_kernel(5)
        wrong = larger if larger.constructs and not larger.counted else None
    if wrong is None:
        return passed(
            criterion,
            f"{rows[0].evidence['trainable']:,} trainable parameters with "
            f"{arguments_of(network.kind.parameters, rows[0].arguments)}, as in the "
            "handout.",
            evidence=table,
            flags=counted_otherwise(network, criterion),
        )
    if wrong.counting is not None and wrong.counted:
        return failed(criterion, wrong.counting, evidence=table)
    expected = min(wrong.counts, key=lambda count: abs(count - wrong.evidence["trainable"]))
    feedback = (
        f"{network.kind.cls}({arguments_of(network.kind.parameters, wrong.arguments)}) has "
        f"{wrong.evidence['trainable']:,} trainable parameters, "
        f"expected {expected:,}."
    )
    if wrong.evidence["frozen"]:
        feedback += (
            f" A further {wrong.evidence['frozen']:,} do not require gradients (requires_grad is False), so "
            "training would not change them."
        )
    elif wrong not in rows:
        same = wrong.evidence["trainable"] == rows[0].evidence["trainable"]
        feedback += (
            " That is as many as with kernel=3: 3 is written where `kernel` belongs."
            if same
            else " With kernel=3 the number is right: see where another number than `kernel` is a filter's size."
        )
    else:
        feedback += _why_not_as_many(network)
    return failed(criterion, feedback, evidence=table)


def _why_not_as_many(network: Examined) -> str:
    if network.trouble is not None or not network.runs:
        return ""
    run = network.runs[0]
    unused = [line["name"] for line in run.trace.get("unused", [])]
    if unused:
        return f" These take no part in the forward pass: {', '.join(unused[:4])}{' …' if len(unused) > 4 else ''}."
    known = network.match
    if known is not None and not known.is_right:
        return f" {known.explanation}"
    expected = [
        tuple(line["shape"]) for line in network.expected(network.right[0], run.arguments)[0].trace["parameters"]
    ]
    for index, (ours, theirs) in enumerate(zip(expected, run.shapes, strict=False)):
        if ours != theirs:
            name = run.trace["parameters"][index]["name"]
            return (
                f" With {arguments_of(network.kind.parameters, run.arguments)}, the first to differ in the order "
                "in which "
                f"layers run is `{name}`: its shape is {list(theirs)}, expected {list(ours)}."
            )
    if len(run.shapes) == len(expected):
        return ""
    return f" It has {len(run.shapes)} parameter tensors in use, expected {len(expected)}."


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
            for base in (written or {}).get("bases", [])
            if base.split(".")[-1].endswith("Conv2d") and "My" not in base
        ),
        None,
    )
    filters = [line for line in network.runs[0].trace["parameters"] if _is_filter(line)]
    if not filters:
        return failed(
            criterion,
            f"No filters that PyTorch knows of take part in the forward pass of {network.kind.cls}, expected those of "
            "MyConv2d. Where its weight is a plain tensor, make it an nn.Parameter.",
        )
    disguised = any(owner.startswith(_NATIVE) for line in filters if line["my_conv2d"] for owner in line["owner"])
    if native_base or disguised:
        return failed(
            criterion,
            "MyConv2d extends PyTorch's own convolution, so it is nn.Conv2d under another "
            "name. Write it as the handout has it, extending nn.Module.",
        )
    foreign = [line for line in filters if not line["my_conv2d"]]
    if foreign:
        names = ", ".join(
            f"{line['name'].rsplit('.', 1)[0]} ({line['owner'][0].rsplit('.', 1)[-1]})" for line in foreign[:4]
        )
        return failed(
            criterion,
            f"{len(foreign)} of {len(filters)} convolutions in {network.kind.cls} are not MyConv2d: {names}. The "
            "handout asks for MyConv2d in every place.",
            mistake="conv2d-for-my-conv2d",
            evidence={"convolutions": [{"name": line["name"], "class": line["owner"][0]} for line in filters]},
        )
    flags = [
        Flag("untrusted-evidence", f"{criterion}: {what}, and yet only MyConv2d was seen at work.")
        for what in (
            _native(sitting, network.kind.cls, _CONVOLUTIONS, but=("MyConv2d",), spare=_left_over(network)),
            _native(sitting, "MyConv2d", _LAYERS),
        )
        if what is not None
    ]
    return passed(criterion, f"All {len(filters)} convolutions are MyConv2d.", flags=tuple(flags))


def _is_filter(line: Mapping[str, Any]) -> bool:
    """Whether a parameter can be a convolution's weight.

    A layer-norm has a scale for each channel and pixel; with a fourth dimension it could only be a filter in hiding.
    """
    scale = len(line["shape"]) == 3 and line["owner"][0].startswith(_NORMALISATIONS)
    return len(line["shape"]) >= 3 and not scale


def _left_over(network: Examined) -> set[str]:
    """Attributes that hold a convolution of torch's of which the network makes no use."""
    return {
        line["name"].partition(".")[0]
        for line in network.runs[0].trace["unused"]
        if line["owner"][0].startswith(_NATIVE) and line["name"].count(".") == 1
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
    for one in sitting.reached(name, but=but):
        for used, line in one.get("uses", {}).items():
            kept = one.get("spare", {}).get(used, []) if one["name"] == name else []
            if kept and all(attribute in spare for attribute in kept):
                continue
            if native.fullmatch(used):
                by = "" if one["name"] == name else f", by {one['name']}"
                return f"{name} uses {used}{by} ({sitting.at(one, line)})"
    return None
