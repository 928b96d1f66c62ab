"""Known implementations: other right answers, and mistakes with a name, each an edit of the handout's network.

A network is written as its list of steps, and an edit changes that list: ``without the second ReLU`` is one step less.
So every place at which a mistake can be made is covered by one line, and two edits compose. What a network looks like as
a model answer stands in ``models.py``; a test holds the lists here against it.

Axes: B batch, NIC input channels, NF filters, NC colours, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from itertools import pairwise, product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.handouts import HANDOUTS
from reference.steps import (
    NORMS_WITHOUT_PARAMETERS,
    Step,
    out_channels,
    with_pooling_order,
)

__all__ = [
    "LAYER_ORDER",
    "Known",
    "Network",
    "first_parameter",
    "misordered",
    "mistakes",
    "right",
    "without_parameters",
]


@dataclass(frozen=True)
class Known:
    """A network that the grader recognises: right, or wrong in a way that has a name."""

    id: str
    """Kind of the edit, such as ``skip-missing``; what ``rubric.yaml`` overrides shares by."""
    place: str
    """Where it was made: ``block 2``; empty for the whole network."""
    explanation: str
    """In the student's words, one sentence; for right answers the remark, empty if there is nothing to say."""
    look_at: str
    """What to look at in one's own code; one sentence."""
    share: Fraction
    """Part of the points of ``architecture`` that it keeps."""
    steps: tuple[Step, ...]
    base: tuple[str, ...] = ()
    """Remarks of the right variants that it was made from."""
    alone: bool = False
    """Whether it is looked for by itself only, and not together with another mistake."""

    @property
    def is_right(self) -> bool:
        return self.share == 1


_ORDINAL = ("input", "first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_LAYER = {
    "conv": "convolution",
    "convt": "transposed convolution",
    "pool": "max-pooling",
    "up": "upsampling",
    "norm": "batch-norm",
    "act": "ReLU",
}


def _block(number: int) -> str:
    return f"{_ORDINAL[number]} block"


def _source(number: int) -> str:
    return "input image" if number == 0 else f"output of the {_block(number)}"


class Network(nn.Module):
    """A list of steps as a network: input (B, NIC, H, W), output (B, NC, H, W) where the steps are right.

    Raises RuntimeError or ValueError in construction or forward where the steps do not fit together.
    """

    def __init__(self, steps: tuple[Step, ...], kernel: int, filters: int, colours: int, inputs: int) -> None:
        super().__init__()
        self.steps = steps
        layers: list[nn.Module] = []
        widths = {0: inputs}
        now = inputs
        for step in steps:
            layer: nn.Module = nn.Identity()
            if step.kind in ("conv", "convt"):
                out, bias, half = out_channels(step, filters, colours), step.bias, kernel // 2 if step.padded else 0
                if step.kind == "convt":
                    beyond = 0 if step.form == "no-output-padding" else 1
                    layer = nn.ConvTranspose2d(
                        now, out, kernel, stride=2, padding=half, output_padding=beyond, bias=bias
                    )
                else:
                    gap, stride = 2 if step.form == "gap-1" else 1, 2 if step.form == "stride" else 1
                    layer = nn.Conv2d(now, out, kernel, stride=stride, padding=half * gap, dilation=gap, bias=bias)
                now = out
            elif step.kind == "norm":
                layer = _NORMS[step.form](now)
            elif step.form == "prelu":
                layer = nn.PReLU()
            elif step.kind == "cat":
                now += widths[step.source] if step.form != "added" else 0
            if step.kind != "cat":
                widths[step.block] = now
            layers.append(layer)
        self.layers = nn.ModuleList(layers)

    def forward(self, batch: Tensor) -> Tensor:
        seen = {0: batch}
        now = batch
        for step, layer in zip(self.steps, self.layers, strict=True):
            if step.kind == "act":
                seen[-step.block] = now
            if step.kind in _WITH_LAYER or step.form == "prelu":
                put_out = layer(now)
                now = now if step.form == "unassigned" else put_out
            else:
                now = without_parameters(step, now, seen, training=self.training)
            # What a skip connection adds to a block's input does not change what that block's predecessor put out.
            if step.kind != "cat":
                seen[step.block] = now
        return now


_WITH_LAYER = ("conv", "convt", "norm")
OTHER_EPS = {"eps-1e-3": 1e-3, "eps-1e-2": 1e-2, "eps-0.1": 0.1}
"""What batch-norm is given in place of 1e-5, as a form; the first is what another library has."""
_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "": nn.BatchNorm2d,
    "instance": nn.InstanceNorm2d,
    "instance-affine": lambda width: nn.InstanceNorm2d(width, affine=True),
    "group": lambda width: nn.GroupNorm(1, width),
    "no-affine": lambda width: nn.BatchNorm2d(width, affine=False),
    **{form: partial(nn.BatchNorm2d, eps=eps) for form, eps in OTHER_EPS.items()},
    "unassigned": nn.BatchNorm2d,
}


def without_parameters(step: Step, now: Tensor, seen: dict[int, Tensor], *, training: bool = False) -> Tensor:
    """What a pooling, upsampling, activation or skip connection makes of ``now``.

    ``seen`` holds each block's output, and under the negative number what came before its ReLU.
    Raises RuntimeError or KeyError where they do not fit together.
    """
    if step.kind == "pool":
        return _POOLS[step.form](now)
    if step.form == "four-fold":
        return F.interpolate(now, scale_factor=4, mode="nearest")
    if step.kind == "up" and step.form:
        return F.interpolate(now, scale_factor=2, mode="bilinear", align_corners=step.form == "bilinear-corners")
    if step.kind == "up":
        return F.interpolate(now, scale_factor=2, mode="nearest")
    if step.kind == "act":
        in_evaluation = step.form.endswith(IN_EVALUATION)
        return now if in_evaluation and training else _ACTIVATIONS[step.form.removesuffix(IN_EVALUATION)](now)
    if step.form == "added":
        return now + seen[step.source]
    skipped = seen[-step.source if step.form == "before-relu" else step.source]
    return torch.cat((skipped, now) if step.first else (now, skipped), dim=1)


IN_EVALUATION = "-in-evaluation"
"""Ending of an activation's form, where it acts in evaluation mode only."""
_POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda x: F.max_pool2d(x, 2),
    "average": lambda x: F.avg_pool2d(x, 2),
    "overlapping": lambda x: F.max_pool2d(x, 3, 2, 1),
    "four-fold": lambda x: F.max_pool2d(x, 4),
    "stride-1": lambda x: F.max_pool2d(x, 2, 1),
}


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "": F.relu,
    "relu": F.relu,
    "leaky": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: F.softmax(x, dim=1),
    "log-softmax": lambda x: F.log_softmax(x, dim=1),
    "argmax": lambda x: x.argmax(dim=1),
    "argmax-kept": lambda x: x.argmax(dim=1, keepdim=True),
    "leaky-0.1": lambda x: F.leaky_relu(x, 0.1),
    "leaky-0.2": lambda x: F.leaky_relu(x, 0.2),
    "relu6": F.relu6,
    "silu": F.silu,
    "over-255": lambda x: x / 255,
    "over-256": lambda x: x / 256,
    "about-zero": lambda x: x * 2 - 1,
    "less-half": lambda x: x - 0.5,
}


def first_parameter(known: Known) -> int | None:
    """Index, in the order in which layers run, of the first parameter of the block that a mistake was made in.

    None where it was made in the whole network, or there is none from that block on.
    """
    if not known.place:
        return None
    block, index = _ORDINAL.index(known.place.split()[0]), 0
    for step in known.steps:
        own = 0
        if step.kind in ("conv", "convt"):
            own = 1 + step.bias
        elif step.form == "prelu" or (step.kind == "norm" and step.form not in NORMS_WITHOUT_PARAMETERS):
            own = 1 if step.form == "prelu" else 2
        if own and step.block >= block:
            return index
        index += own
    return None


@cache
def right(assignment: str, network: str, orders: tuple[str, ...] = ()) -> tuple[Known, ...]:
    """Every right answer to a network of the handout, the handout's own first.

    ``orders``: the accepted orders of pooling and batch-norm, the handout's first; both if empty.
    """
    if not orders:
        orders = HANDOUTS[assignment].layer_orders
    facts = HANDOUTS[assignment].network(network)
    pools = any(step.kind == "pool" for step in facts.steps)
    own = orders[0] == "norm-first"
    both = (own, not own) if pools and len(orders) > 1 else (own,)
    found: list[Known] = []
    for norm_first in [(first, second) for first in both for second in both]:
        base = with_pooling_order(facts.steps, norm_first)
        remark = ""
        if norm_first != (own, own):
            ours, theirs = ("before", "after") if own else ("after", "before")
            remark = (
                f"Batch-norm comes {theirs} the max-pooling in your network and {ours} it in the handout; "
                "both orders have been taught, and both are accepted."
            )
        found += _with_concat_orders(base, remark)
        if facts.narrow_fifth_block:
            narrow = tuple(
                replace(step, width="3") if step.block == 5 and step.kind == "conv" else step for step in base
            )
            told = "The fifth block has 3 channels, as one of the course's own figures has it; that is accepted."
            found += _with_concat_orders(narrow, f"{remark} {told}".strip())
    return tuple(found)


@cache
def misordered(assignment: str, network: str, orders: tuple[str, ...]) -> tuple[Known, ...]:
    """What would be right in an order of pooling and batch-norm that ``orders`` leaves out; nothing if it has both."""
    accepted = {known.steps for known in right(assignment, network, orders)}
    return tuple(
        Known(
            LAYER_ORDER, "", "Batch-norm and max-pooling stand in the other order than in the handout.",
            "Put the layers of the pooling blocks in the handout's order.", _THREE_QUARTERS, known.steps,
        )
        for known in right(assignment, network) if known.steps not in accepted
    )  # fmt: skip


def _with_concat_orders(steps: tuple[Step, ...], remark: str) -> Iterator[Known]:
    places = [place for place, step in enumerate(steps) if step.kind == "cat"]
    for firsts in product([False, True], repeat=len(places)):
        changed = list(steps)
        for place, first in zip(places, firsts, strict=True):
            changed[place] = replace(steps[place], first=first)
        yield Known("right", "", remark, "", Fraction(1), tuple(changed), (remark,) if remark else ())


LAYER_ORDER = "layer-order"
"""Id of the mistake of ``misordered``."""
_HALF, _QUARTER, _THREE_QUARTERS, _NONE = Fraction(1, 2), Fraction(1, 4), Fraction(3, 4), Fraction(0)


def mistakes(known: Known) -> Iterator[Known]:
    """Every mistake that one edit makes of a network, be it right or already wrong."""
    steps = known.steps

    def edited(changed: list[Step], id: str, place: int, explanation: str, look_at: str, share: Fraction) -> Known:
        name = _block(place) if place else ""
        if known.is_right:
            return Known(id, name, explanation, look_at, share, tuple(changed), known.base)
        return Known(
            f"{known.id}+{id}", f"{known.place}, {name}".strip(", "), f"{known.explanation} {explanation}",
            f"{known.look_at} {look_at}", min(known.share, share) / 2, tuple(changed), known.base,
        )  # fmt: skip

    def put(place: int, *new: Step) -> list[Step]:
        return [*steps[:place], *new, *steps[place + 1 :]]

    last = max(step.block for step in steps)
    widths = ("NF", "2NF", "4NF", *(["NC"] if any(step.width == "NC" for step in steps) else []))
    for place, step in enumerate(steps):
        block = _block(step.block)
        layer = _LAYER.get(step.kind, "")
        if step.kind in ("norm", "act", "pool", "up"):
            yield edited(
                put(place), f"{ {'norm': 'batch-norm', 'act': 'relu', 'pool': 'pool', 'up': 'upsample'}[step.kind] }-missing", step.block,
                f"The {block} has no {layer}.", f"Compare the layers of the {block} with the handout's, one by one.", _HALF,
            )  # fmt: skip
        if step.kind == "norm":
            yield edited(put(place, replace(step, form="instance")), "instance-norm", step.block,
                         f"The {block} has an instance-norm where the handout has a batch-norm.", f"See which normalisation the {block} uses.", _HALF)  # fmt: skip
        if step.kind == "act":
            for form, name in (
                ("leaky", "leaky ReLU"),
                ("tanh", "tanh"),
                ("sigmoid", "sigmoid"),
                ("elu", "ELU"),
                ("gelu", "GELU"),
            ):
                yield edited(put(place, replace(step, form=form)), "other-activation", step.block,
                             f"The {block} has a {name} where the handout has a ReLU.", f"See which activation the {block} uses.", _HALF)  # fmt: skip
        if step.kind == "pool":
            yield edited(put(place, replace(step, form="average")), "average-pool", step.block,
                         f"The {block} averages where the handout takes the maximum.", "Use nn.MaxPool2d(2).", _HALF)  # fmt: skip
        if step.kind == "up":
            for form in ("bilinear", "bilinear-corners"):
                yield edited(put(place, replace(step, form=form)), "bilinear-upsample", step.block,
                             f"The {block} upsamples by bilinear interpolation where the handout copies the nearest pixel.",
                             "Use nn.Upsample(scale_factor=2) with its default mode.", _HALF)  # fmt: skip
        if step.kind in ("conv", "convt"):
            if step.bias:
                yield edited(put(place, replace(step, bias=False)), "bias-missing", step.block,
                             f"The convolution of the {block} has no bias.", _BIAS, _HALF)  # fmt: skip
            if step.form == "gap-1":
                yield edited(put(place, replace(step, form="")), "dilation-missing", step.block,
                             f"The {block} is an ordinary convolution, not a dilated one.",
                             "See whether `rfconv`, which DilatedUNet replaces, is the attribute that your forward calls.", _NONE)  # fmt: skip
            for width in widths:
                if step.block < last and width != step.width and (width, step.width) != ("NC", "3"):
                    yield edited(put(place, replace(step, width=width)), "wrong-width", step.block,
                                 f"The convolution of the {block} has {width} output channels, expected {step.width}.",
                                 f"See the output channels of the {block}.", _HALF)  # fmt: skip
            follows = next(
                (one for one in steps[place:] if one.block == step.block and one.kind in ("pool", "up")), None
            )
            if follows:
                rest = [one for one in steps[place:] if one is not follows]
                yield edited([*steps[:place], follows, *rest], "layers-swapped", step.block,
                             f"In the {block} the {_LAYER[follows.kind]} comes before the convolution.",
                             f"Put the layers of the {block} in the handout's order.", _HALF)  # fmt: skip
        if (
            step.kind == "norm"
            and place + 1 < len(steps)
            and steps[place + 1].kind == "act"
            and steps[place + 1].block == step.block
        ):
            yield edited([*steps[:place], steps[place + 1], step, *steps[place + 2 :]], "layers-swapped", step.block,
                         f"In the {block} the ReLU comes before the batch-norm.", f"Put the layers of the {block} in the handout's order.", _HALF)  # fmt: skip
        if step.kind == "cat":
            name = _source(step.source)
            yield edited(put(place), "skip-missing", step.block,
                         f"The skip connection from the {name} to the {block} is missing.",
                         f"The {block} takes the output of the block before it and the {name}, joined by torch.cat along dimension 1.", _QUARTER)  # fmt: skip
            yield edited(put(place, replace(step, form="added")), "skip-added", step.block,
                         f"The {name} is added to the input of the {block} where the handout concatenates them.",
                         "Use torch.cat((a, b), dim=1), and double the input channels where the two are joined.", _QUARTER)  # fmt: skip
            for other in range(step.block):
                if other != step.source:
                    yield edited(put(place, replace(step, source=other)), "skip-from-wrong-place", step.block,
                                 f"The skip connection into the {block} comes from the {_source(other)}, expected the {name}.",
                                 f"See which tensors the input of the {block} is joined from.", _QUARTER)  # fmt: skip
    for block_number in range(1, last):
        rest = [step for step in steps if step.block != block_number or step.kind == "cat"]
        yield edited(rest, "block-missing", block_number, f"The {_block(block_number)} is missing.",
                     f"The handout's network has {last} blocks; count yours.", _QUARTER)  # fmt: skip
        own = [step for step in steps if step.block == block_number and step.kind != "cat"]
        if own and not any(step.kind in ("pool", "up", "convt") or step.form == "stride" for step in own):
            at = max((place for place, step in enumerate(steps) if step.block == block_number), default=-1) + 1
            yield edited([*steps[:at], *own, *steps[at:]], "block-doubled", block_number, f"The {_block(block_number)} stands there twice.",
                         f"The handout's network has {last} blocks; count yours.", _HALF)  # fmt: skip
    for form, name in (
        ("relu", "a ReLU"),
        ("tanh", "a tanh"),
        ("sigmoid", "a sigmoid"),
        ("softmax", "a softmax"),
        ("log-softmax", "a log-softmax"),
    ):
        yield edited([*steps, Step("act", last, form=form)], "activation-at-the-end", last,
                     f"After the last convolution comes {name}; the network should end with the convolution.",
                     "The outputs must be free to take any value: a softmax, where one is needed, is in the loss function.", _HALF)  # fmt: skip
    yield edited([*steps, Step("norm", last)], "batch-norm-at-the-end", last,
                 "After the last convolution comes a batch-norm; the network should end with the convolution.",
                 "Take away what follows the last convolution.", _HALF)  # fmt: skip
    yield edited([*steps, Step("norm", last), Step("act", last)], "batch-norm-at-the-end", last,
                 "After the last convolution come a batch-norm and a ReLU; the network should end with the convolution.",
                 "Take away what follows the last convolution.", _HALF)  # fmt: skip
    swapped = _relu_first(steps)
    if swapped != [*steps]:
        yield edited(swapped, "layers-swapped", 0, "In all blocks the ReLU comes before the batch-norm.",
                     "Put the layers of the blocks in the handout's order.", _QUARTER)  # fmt: skip
    for kind, id, form, explanation, look_at in _EVERYWHERE:
        if sum(step.kind in kind for step in steps) > 1:
            changed = [
                _departed(step, form) if step.kind in kind else step
                for step in steps
                if form != "gone" or step.kind not in kind
            ]
            yield edited(changed, id, 0, explanation, look_at, _QUARTER)
    if known.is_right:
        for wrong in (*_rebuilt(known), *_as_a_whole(known)):
            yield replace(wrong, base=known.base, alone=True)


_BIAS = "See that none is made with bias=False, and that your own layers add theirs."


def _relu_first(steps: tuple[Step, ...]) -> list[Step]:
    """Every ReLU that follows a batch-norm in its block before it."""
    changed = list(steps)
    for place, (one, other) in enumerate(pairwise(steps)):
        if (one.kind, other.kind) == ("norm", "act") and one.block == other.block:
            changed[place : place + 2] = [other, one]
    return changed


def _departed(step: Step, form: str) -> Step:
    if form == "no-bias":
        return replace(step, bias=False)
    return step if step.form else replace(step, form=form)


def _changed(kind: str, **departure: str | bool) -> Callable[[list[Step]], list[Step]]:
    """An edit of a block: its layers of one kind depart from the plain form."""
    return lambda block: [
        replace(step, **departure) if step.kind == kind and step.form in ("", "stride") else step  # type: ignore[arg-type]
        for step in block
    ]


def _strided(block: list[Step]) -> list[Step]:
    if not any(step.kind == "pool" for step in block):
        return block
    return [replace(step, form="stride") if step.kind == "conv" else step for step in block if step.kind != "pool"]


def _pooled(block: list[Step], *, last: bool) -> list[Step]:
    if not any(step.form == "stride" for step in block):
        return block
    conv, *rest = [replace(step, form="") if step.form == "stride" else step for step in block]
    pool = Step("pool", conv.block)
    return [conv, *rest, pool] if last else [conv, pool, *rest]


def _transposed(block: list[Step]) -> list[Step]:
    if not any(step.kind == "up" for step in block):
        return block
    return [replace(step, kind="convt") if step.kind == "conv" else step for step in block if step.kind != "up"]


def _upsampled(block: list[Step], *, first: bool) -> list[Step]:
    changed: list[Step] = []
    for step in block:
        up = Step("up", step.block)
        conv = replace(step, kind="conv")
        changed += [step] if step.kind != "convt" else [up, conv] if first else [conv, up]
    return changed


def _with_another(block: list[Step], *kinds: str) -> list[Step]:
    """A second convolution of the block's width after it, with or without batch-norm and ReLU."""
    conv = next((step for step in block if step.kind in ("conv", "convt")), None)
    if conv is None or not any(step.kind == "act" for step in block):
        return block
    return [*block, *(Step(kind, conv.block, conv.width if kind == "conv" else "") for kind in kinds)]


_NO_AFFINE = "Leave out affine=False."
_PADDING = "Give the convolution padding=kernel // 2."
_REBUILT: tuple[tuple[str, Callable[[list[Step]], list[Step]], str, str], ...] = (
    ("padding-missing", _changed("conv", padded=False), "the convolution has no padding, so the image shrinks", _PADDING),
    ("padding-missing", _changed("convt", padded=False), "the transposed convolution has no padding",
     "Give it padding=kernel // 2 and output_padding=1."),
    ("output-padding-missing", _changed("convt", form="no-output-padding"),
     "the transposed convolution has no output_padding, so the image is a row and a column short", "Give it output_padding=1."),
    ("stride-for-pool", _strided, "a stride takes the place of the max-pooling", "Use nn.MaxPool2d(2) after a convolution of stride 1."),
    ("pool-for-stride", lambda block: _pooled(block, last=False), "a max-pooling takes the place of the stride",
     "Use stride=2 in the convolution, and no max-pooling."),
    ("pool-for-stride", lambda block: _pooled(block, last=True), "a max-pooling takes the place of the stride",
     "Use stride=2 in the convolution, and no max-pooling."),
    ("transposed-for-upsample", _transposed, "a transposed convolution takes the place of convolution and upsampling",
     "Use a convolution, and nn.Upsample(scale_factor=2) after it."),
    ("upsample-for-transposed", lambda block: _upsampled(block, first=False),
     "convolution and upsampling take the place of the transposed convolution", "Use nn.ConvTranspose2d with stride=2."),
    ("upsample-for-transposed", lambda block: _upsampled(block, first=True),
     "upsampling and convolution take the place of the transposed convolution", "Use nn.ConvTranspose2d with stride=2."),
    ("overlapping-pool", _changed("pool", form="overlapping"), "the max-pooling looks at 3×3 pixels where the handout's looks at 2×2",
     "Use nn.MaxPool2d(2)."),
    ("pool-stride", _changed("pool", form="stride-1"), "the max-pooling has stride 1, so the image does not get half as large",
     "Use nn.MaxPool2d(2)."),
    ("other-activation", _changed("act", form="leaky-0.1"), "a leaky ReLU takes the place of the ReLU", "Use nn.ReLU."),
    ("other-activation", _changed("act", form="leaky-0.2"), "a leaky ReLU takes the place of the ReLU", "Use nn.ReLU."),
    ("other-activation", _changed("act", form="silu"), "a SiLU takes the place of the ReLU", "Use nn.ReLU."),
    ("other-activation", _changed("act", form="prelu"), "a PReLU takes the place of the ReLU", "Use nn.ReLU."),
    ("batch-norm-not-affine", _changed("norm", form="no-affine"), "the batch-norm has no weight and no bias", _NO_AFFINE),
    ("batch-norm-unassigned", _changed("norm", form="unassigned"), "the batch-norm runs, but what it puts out is not used",
     "Assign it: x = self.bn(x)."),
    *(("other-eps", _changed("norm", form=form), f"the batch-norm has {form.replace('-', '=', 1)} where the default is 1e-5", "Leave out eps.")
      for form in OTHER_EPS),
    ("group-norm", _changed("norm", form="group"), "a group-norm takes the place of the batch-norm", "Use nn.BatchNorm2d."),
    ("instance-norm", _changed("norm", form="instance-affine"), "an instance-norm takes the place of the batch-norm", "Use nn.BatchNorm2d."),
    ("skip-before-relu", _changed("cat", form="before-relu"), "the tensor that is joined in was taken before its ReLU",
     "Join the output of the whole block, its ReLU included."),
    ("block-added", lambda block: _with_another(block, "conv", "norm", "act"),
     "a second convolution follows, with batch-norm and ReLU", "Take it away."),
    ("conv-added", lambda block: _with_another(block, "conv"), "a second convolution follows", "Take it away."),
)  # fmt: skip


def _rebuilt(known: Known) -> Iterator[Known]:
    """Mistakes within a block, in each block where they can be made, and in all of them."""
    numbers = sorted({step.block for step in known.steps})
    blocks = {number: [step for step in known.steps if step.block == number] for number in numbers}
    for id, edit, what, look_at in _REBUILT:
        changed = {number: edit(block) for number, block in blocks.items()}
        places = [number for number in numbers if changed[number] != blocks[number]]
        # The image is no block's output, and has no ReLU.
        places = [number for number in places if id != "skip-before-relu" or blocks[number][0].source]
        for number in places:
            steps = [step for other in numbers for step in (changed if other == number else blocks)[other]]
            yield Known(id, _block(number), f"In the {_block(number)} {what}.", look_at, _HALF, tuple(steps))
        if len(places) > 1 and not id.endswith("-added"):
            steps = [step for other in numbers for step in (changed if other in places else blocks)[other]]
            yield Known(id, "", f"Everywhere {what}.", look_at, _QUARTER, tuple(steps))


def _as_a_whole(known: Known) -> Iterator[Known]:
    """Mistakes at the network's two ends, and those that pooling and upsampling make up for."""
    steps = known.steps
    last = max(step.block for step in steps)
    for form, how in (("over-255", "divided by 255"), ("over-256", "divided by 256"), ("about-zero", "stretched to [-1, 1]"),
                      ("less-half", "moved by 0.5")):  # fmt: skip
        yield Known("input-scaled", "", f"The input is {how} before the first convolution.",
                    "Take the images as they come: the course's script prepares them.", _HALF, (Step("act", 0, form=form), *steps))  # fmt: skip
    # Where it stands cannot be told: values above 6 are few, and lie in some blocks only.
    capped = tuple(replace(step, form="relu6") if step.kind == "act" else step for step in steps)
    yield Known("other-activation", "", "A ReLU6 takes the place of the ReLU.", "Use nn.ReLU.", _QUARTER, capped)
    yield Known("block-missing", _block(last), "The last convolution is missing, or is not called.",
                f"The handout's network has {last} blocks; count yours.", _QUARTER, tuple(step for step in steps if step.block != last))  # fmt: skip
    for form, name in (("argmax", "an argmax"), ("argmax-kept", "an argmax")):
        yield Known("activation-at-the-end", _block(last), f"After the last convolution comes {name}; the network should end with the convolution.",
                    "The loss needs the scores of all colours; the best one is picked outside the network.", _QUARTER, (*steps, Step("act", last, form=form)))  # fmt: skip
    for form, name in (("softmax", "a softmax"), ("log-softmax", "a log-softmax"), ("sigmoid", "a sigmoid"), ("argmax", "an argmax")):  # fmt: skip
        yield Known("activation-at-the-end", _block(last), f"In evaluation mode {name} comes after the last convolution.",
                    "The network should end with the convolution in both modes.", _HALF, (*steps, Step("act", last, form=form + IN_EVALUATION)))  # fmt: skip
    for kind in ("pool", "up"):
        places = [place for place, step in enumerate(steps) if step.kind == kind]
        # Four-fold upsampling in the fourth block is upsampling before the fifth's convolution, which has that name.
        pairs = [tuple(places), tuple(reversed(places))][: 2 if kind == "pool" else 1]
        for gone, kept in pairs if len(places) == 2 else []:
            changed = [
                replace(step, form="four-fold") if place == kept else step
                for place, step in enumerate(steps)
                if place != gone
            ]
            yield Known(f"{_WHOLE[kind]}-in-one-place", _block(steps[kept].block), f"The {_block(steps[kept].block)} has a four-fold {_LAYER[kind]}, and "
                        f"the {_block(steps[gone].block)} none.", "Each of the two has a two-fold one.", _HALF, tuple(changed))  # fmt: skip
    for place, step in enumerate(steps):
        if step.kind in _WHOLE:
            yield Known(f"{_WHOLE[step.kind]}-doubled", _block(step.block), f"The {_block(step.block)} has a second {_LAYER[step.kind]}.",
                        _ONCE, _HALF, (*steps[:place], step, *steps[place:]))  # fmt: skip
    for down, up in product(
        *([place for place, step in enumerate(steps) if step.kind == kind] for kind in ("pool", "up"))
    ):
        changed = [one for place, step in enumerate(steps) for one in ([step, step] if place in (down, up) else [step])]
        yield Known("pooled-twice", _block(steps[down].block), f"The {_block(steps[down].block)} pools twice, and the {_block(steps[up].block)} "
                    "upsamples twice.", _ONCE, _HALF, tuple(changed))  # fmt: skip


_WHOLE = {"pool": "pool", "up": "upsample"}
_ONCE = "See whether it stands both in the blocks of __init__ and in forward."

_EVERYWHERE = (
    (
        ("norm",),
        "batch-norm-missing",
        "gone",
        "None of the blocks has a batch-norm.",
        "Each block but the last has nn.BatchNorm2d.",
    ),
    (("act",), "relu-missing", "gone", "None of the blocks has a ReLU.", "Each block but the last has nn.ReLU."),
    (
        ("cat",),
        "skip-missing",
        "gone",
        "All skip connections are missing.",
        "Join the tensors with torch.cat along dimension 1.",
    ),
    (
        ("pool",),
        "average-pool",
        "average",
        "All poolings average where the handout takes the maximum.",
        "Use nn.MaxPool2d(2).",
    ),
    (
        ("up",),
        "bilinear-upsample",
        "bilinear",
        "All upsamplings are bilinear where the handout copies the nearest pixel.",
        "Use nn.Upsample(scale_factor=2).",
    ),
    (
        ("up",),
        "bilinear-upsample",
        "bilinear-corners",
        "All upsamplings are bilinear where the handout copies the nearest pixel.",
        "Use nn.Upsample(scale_factor=2).",
    ),
    (("conv", "convt"), "bias-missing", "no-bias", "The convolutions have no bias.", _BIAS),
    (("act",), "other-activation", "leaky", "The blocks have leaky ReLUs where the handout has ReLUs.", "Use nn.ReLU."),
    (("act",), "other-activation", "sigmoid", "The blocks have sigmoids where the handout has ReLUs.", "Use nn.ReLU."),
    (("act",), "other-activation", "tanh", "The blocks have tanhs where the handout has ReLUs.", "Use nn.ReLU."),
    (("act",), "other-activation", "elu", "The blocks have ELUs where the handout has ReLUs.", "Use nn.ReLU."),
    (("act",), "other-activation", "gelu", "The blocks have GELUs where the handout has ReLUs.", "Use nn.ReLU."),
    (
        ("norm",),
        "instance-norm",
        "instance",
        "The blocks have instance-norms where the handout has batch-norms.",
        "Use nn.BatchNorm2d.",
    ),
    (
        ("cat",),
        "skip-added",
        "added",
        "All skip connections add where the handout concatenates.",
        "Use torch.cat((a, b), dim=1).",
    ),
)
