"""Mistakes with a name: one table of edits, each of which changes a network's list of steps.

A row covers every place where its mistake can be made, and two edits can follow each other. The rows stand in the
order in which they are tried: where two edits give the same list of steps, the first edit names the mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from reference.forms import IN_EVALUATION, OTHER_EPS, form_of
from reference.known import HALF, NONE, QUARTER, THREE_QUARTERS, Known
from reference.network import parameters_of
from reference.steps import Step, Steps, by_block

__all__ = ["IN_PLACE", "changed_in_place", "edited", "first_parameter", "mistakes", "scaling", "stopping"]


class Change(NamedTuple):
    """A network after one edit."""

    steps: Steps
    block: int
    """The block in which the edit was made; 0 for the whole network."""
    words: Mapping[str, str] = MappingProxyType({})
    """What the row's sentences name besides the block."""


Edit = Callable[[Steps, int], Iterable[Change]]
"""(steps, where) → the network after the edit, once for each way to make it. What ``where`` counts, a table says."""


@dataclass(frozen=True)
class Mistake:
    """One row: an edit, and what feedback says of it."""

    id: str
    """What ``rubric.yaml`` overrides shares by; rows of one id are one mistake made in several ways."""
    edit: Edit
    explanation: str
    """One sentence. ``{block}`` stands for the block that was edited; an edit may give more words."""
    look_at: str
    """What the student should look at in the code; one sentence."""
    share: Fraction = HALF
    """Part of the points of ``architecture`` that it keeps."""


def mistakes(known: Known) -> Iterator[Known]:
    """Every mistake that one edit makes in a network. The network may be right, or have one mistake already."""
    for row, change, rare in _changes(known.steps):
        yield _only_one(known, row, change, rare) if known.is_right else _one_more(known, row, change)


def edited(steps: Steps) -> Iterator[Steps]:
    """The networks of ``mistakes`` in their order, without sentences, which take most of the time."""
    return (change.steps for _, change, _ in _changes(steps))


def stopping(known: Known) -> Iterator[Known]:
    """Every mistake that one edit makes in a right network, and that stops it when it runs.

    A layer is made for another number of channels than it gets.
    """
    for place, step in enumerate(known.steps):
        for row in _STOPPING.get(step.kind, ()):
            for change in row.edit(known.steps, place):
                yield _only_one(known, row, change, rare=False)


def _changes(steps: Steps) -> Iterator[tuple[Mistake, Change, bool]]:
    """Every edit, and whether it is rare."""
    last = max(step.block for step in steps)
    for place, step in enumerate(steps):
        for row in _AT_A_STEP[step.kind]:
            for change in row.edit(steps, place):
                yield row, change, False
    for number in range(1, last):
        for row in _AT_A_BLOCK:
            for change in row.edit(steps, number):
                yield row, change, False
    for rows, rare in ((_AT_THE_END + _EVERYWHERE, False), (_RARE, True)):
        for row in rows:
            for change in row.edit(steps, last):
                yield row, change, rare


def _only_one(known: Known, row: Mistake, change: Change, rare: bool) -> Known:
    """The mistake in a right network."""
    steps, block, words = change
    explanation, look_at = _filled(row.explanation, block, words), _filled(row.look_at, block, words)
    return Known(row.id, _place(block), explanation, look_at, row.share, steps, known.base, rare)


def _one_more(known: Known, row: Mistake, change: Change) -> Known:
    """The mistake beside the one that a wrong network has: both are named, and keep half of the smaller share."""
    steps, block, words = change
    return Known(
        f"{known.id}+{row.id}",
        f"{known.place}, {_place(block)}".strip(", "),
        f"{known.explanation} {_filled(row.explanation, block, words)}",
        f"{known.look_at} {_filled(row.look_at, block, words)}",
        min(known.share, row.share) / 2,
        steps,
        known.base,
    )


def _place(block: int) -> str:
    return _BLOCKS[block] if block else ""


def _filled(sentence: str, block: int, words: Mapping[str, str]) -> str:
    return sentence.format(block=_BLOCKS[block], **words) if words else _filled_with_block(sentence, block)


@cache
def _filled_with_block(sentence: str, block: int) -> str:
    return sentence.format(block=_BLOCKS[block])


_ORDINALS = ("input", "first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_BLOCKS = tuple(f"{ordinal} block" for ordinal in _ORDINALS)
"""By the block's number."""
_LAYERS = {"pool": "max-pooling", "up": "upsampling"}


def _source(number: int) -> str:
    return "input image" if number == 0 else f"output of the {_BLOCKS[number]}"


def first_parameter(known: Known) -> int | None:
    """Index, in the order in which layers run, of the first parameter of the block that a mistake was made in.

    None where the mistake is in the whole network, or no layer from that block on has a parameter.
    """
    if not known.place:
        return None
    block, index = _ORDINALS.index(known.place.split()[0]), 0
    for step in known.steps:
        parameters = parameters_of(step)
        if parameters and step.block >= block:
            return index
        index += len(parameters)
    return None


# -- edits of one step: ``where`` is its place in the list ------------------------------------------------------------


def _put(steps: Steps, place: int, *new: Step) -> Steps:
    return (*steps[:place], *new, *steps[place + 1 :])


def _gone(steps: Steps, place: int) -> Iterator[Change]:
    yield Change(_put(steps, place), steps[place].block)


def _in_form(form: str) -> Edit:
    """The step in another form."""

    def edit(steps: Steps, place: int) -> Iterator[Change]:
        yield Change(_put(steps, place, steps[place].in_form(form)), steps[place].block)

    return edit


def _without_bias(steps: Steps, place: int) -> Iterator[Change]:
    if steps[place].bias:
        yield Change(_put(steps, place, replace(steps[place], bias=False)), steps[place].block)


def _not_dilated(steps: Steps, place: int) -> Iterator[Change]:
    if steps[place].form == "gap-1":
        yield Change(_put(steps, place, steps[place].in_form("")), steps[place].block)


def _other_widths(steps: Steps, place: int) -> Iterator[Change]:
    """Other output channels, of any convolution but the last block's."""
    step = steps[place]
    if step.block == max(other.block for other in steps):
        return
    narrow = "3" if step.width == "NC" else "NF/2"
    for width in (*_widths(steps), narrow):
        if width != step.width and (width, step.width) != ("NC", "3"):
            words = {"width": width, "expected": step.width}
            yield Change(_put(steps, place, replace(step, width=width)), step.block, words)


def _widths(steps: Steps) -> tuple[str, ...]:
    """The widths of a network's layers."""
    return ("NF", "2NF", "4NF", *(["NC"] if any(step.width == "NC" for step in steps) else []))


def _other_side(steps: Steps, place: int) -> Iterator[Change]:
    yield Change(_put(steps, place, replace(steps[place], side=1)), steps[place].block)


def _norm_shared(steps: Steps, place: int) -> Iterator[Change]:
    """The batch-norm of an earlier block with as many channels in place of the block's own."""
    for other in _norms_alike(steps, place)[:2]:
        changed = _put(steps, place, replace(steps[place], shared=other))
        yield Change(changed, steps[place].block, {"other": _BLOCKS[other]})


def _norms_alike(steps: Steps, place: int) -> list[int]:
    """The earlier blocks with a batch-norm of their own of as many channels as this one."""
    width, widths = "", []
    for step in steps[: place + 1]:
        width = step.width or width
        widths.append(width)
    before = zip(steps[:place], widths, strict=False)
    return [
        step.block
        for step, width in before
        if (step.kind, step.form, step.shared, width) == ("norm", "", 0, widths[place])
        and step.block < steps[place].block
    ]


def _resized_before(steps: Steps, place: int) -> Iterator[Change]:
    """The block's pooling or upsampling before its convolution."""
    block = steps[place].block
    later = (step for step in steps[place:] if step.block == block and step.kind in _LAYERS)
    resize = next(later, None)
    if resize is not None:
        others = [step for step in steps[place:] if step is not resize]
        yield Change((*steps[:place], resize, *others), block, {"layer": _LAYERS[resize.kind]})


def _relu_before(steps: Steps, place: int) -> Iterator[Change]:
    """The ReLU before the batch-norm that it follows."""
    following = steps[place + 1 : place + 2]
    if following and following[0].kind == "act" and following[0].block == steps[place].block:
        yield Change((*steps[:place], following[0], steps[place], *steps[place + 2 :]), steps[place].block)


def _skip_gone(steps: Steps, place: int) -> Iterator[Change]:
    step = steps[place]
    yield Change(_put(steps, place), step.block, {"source": _source(step.source)})


def _skip_added(steps: Steps, place: int) -> Iterator[Change]:
    step = steps[place]
    yield Change(_put(steps, place, step.in_form("added")), step.block, {"source": _source(step.source)})


def _skip_from_elsewhere(steps: Steps, place: int) -> Iterator[Change]:
    step = steps[place]
    for other in range(step.block):
        if other != step.source:
            words = {"source": _source(step.source), "other": _source(other)}
            yield Change(_put(steps, place, replace(step, source=other)), step.block, words)


_COMPARE = "Compare the layers of the {block} with the handout's, one by one."
_REORDER = "Put the layers of the {block} in the handout's order."
_BIAS = "Check that no convolution is made with bias=False, and that your own layers add their bias."
_BILINEAR = "The {block} upsamples by bilinear interpolation; the handout's upsampling copies the nearest pixel."
_MODE = "Use nn.Upsample(scale_factor=2) with its default mode."
_OTHER_ACTIVATIONS = {"leaky": "leaky ReLU", "tanh": "tanh", "sigmoid": "sigmoid", "elu": "ELU", "gelu": "GELU"}

_OF_A_CONVOLUTION = (
    Mistake("bias-missing", _without_bias, "The convolution of the {block} has no bias.", _BIAS),
    Mistake("dilation-missing", _not_dilated, "The {block} is an ordinary convolution, not a dilated one.",
            "DilatedUNet replaces the attribute `rfconv`; check whether your forward calls that attribute.", NONE),
    Mistake("wrong-kernel", _other_side, "The convolution of the {block} has filters of 1×1, whatever the kernel is.",
            "Give every convolution the constructor's `kernel`."),
    Mistake("wrong-width", _other_widths, "The convolution of the {block} has {width} output channels, expected {expected}.",
            "Check the output channels of the {block}."),
    Mistake("layers-swapped", _resized_before, "In the {block}, the {layer} comes before the convolution.", _REORDER),
)  # fmt: skip

_AT_A_STEP: Mapping[str, tuple[Mistake, ...]] = {
    "conv": _OF_A_CONVOLUTION,
    "convt": _OF_A_CONVOLUTION,
    "norm": (
        Mistake("batch-norm-missing", _gone, "The {block} has no batch-norm.", _COMPARE),
        Mistake("instance-norm", _in_form("instance"), "The {block} has an instance-norm; the handout has a batch-norm there.",
                "Check which normalisation the {block} uses."),
        Mistake("relu-before-batch-norm", _relu_before, "In the {block}, the ReLU comes before the batch-norm.", _REORDER,
                THREE_QUARTERS),
        Mistake("batch-norm-shared", _norm_shared, "The {block} uses the batch-norm of the {other}.",
                "Give each block a batch-norm of its own: one object has one weight, one bias and one set of running statistics."),
    ),
    "act": (
        Mistake("relu-missing", _gone, "The {block} has no ReLU.", _COMPARE),
        *(Mistake("other-activation", _in_form(form), f"The {{block}} has a {name}; the handout has a ReLU there.",
                  "Check which activation the {block} uses.") for form, name in _OTHER_ACTIVATIONS.items()),
    ),
    "pool": (
        Mistake("pool-missing", _gone, "The {block} has no max-pooling.", _COMPARE),
        Mistake("average-pool", _in_form("average"), "The pooling of the {block} takes the average; the handout's takes the maximum.", "Use nn.MaxPool2d(2)."),
    ),
    "up": (
        Mistake("upsample-missing", _gone, "The {block} has no upsampling.", _COMPARE),
        Mistake("bilinear-upsample", _in_form("bilinear"), _BILINEAR, _MODE),
        Mistake("bilinear-upsample", _in_form("bilinear-corners"), _BILINEAR, _MODE),
    ),
    "cat": (
        Mistake("skip-missing", _skip_gone, "The skip connection from the {source} to the {block} is missing.",
                "The {block} takes the output of the block before it and the {source}, joined by torch.cat along dimension 1.", QUARTER),
        Mistake("skip-added", _skip_added, "The {source} is added to the input of the {block}; the handout concatenates them.",
                "Use torch.cat((a, b), dim=1), and give the next convolution the input channels of both.", QUARTER),
        Mistake("skip-from-wrong-place", _skip_from_elsewhere,
                "The skip connection into the {block} comes from the {other}, expected the {source}.",
                "Check which tensors torch.cat joins into the input of the {block}.", QUARTER),
    ),
}  # fmt: skip
"""By the kind of the step; tried at every step in turn."""

# -- edits of one block: ``where`` is its number ----------------------------------------------------------------------


def _block_gone(steps: Steps, number: int) -> Iterator[Change]:
    """Without the block, but with the skip connection into it."""
    rest = tuple(step for step in steps if step.block != number or step.kind == "cat")
    yield Change(rest, number, {"blocks": str(max(step.block for step in steps))})


def _block_doubled(steps: Steps, number: int) -> Iterator[Change]:
    """The block a second time after itself, where it keeps the image's size."""
    own = [step for step in steps if step.block == number and step.kind != "cat"]
    if own and not any(step.kind in ("pool", "up", "convt") or step.form == "stride" for step in own):
        end = 1 + max(place for place, step in enumerate(steps) if step.block == number)
        words = {"blocks": str(max(step.block for step in steps))}
        yield Change((*steps[:end], *own, *steps[end:]), number, words)


def _block_repeated(steps: Steps, number: int) -> Iterator[Change]:
    """The same layers a second time, where they take what they put out."""
    for doubled in _block_doubled(steps, number):
        again, seen = [], set()
        for step in doubled.steps:
            twice = step.block == number and step.kind in seen and bool(parameters_of(step))
            again.append(replace(step, shared=number) if twice else step)
            seen |= {step.kind} if step.block == number else set()
        yield Change(tuple(again), number)


_COUNT = "The handout's network has {blocks} blocks; count yours."
_AT_A_BLOCK = (
    Mistake("block-missing", _block_gone, "The {block} is missing.", _COUNT, QUARTER),
    Mistake("block-doubled", _block_doubled, "The network has the {block} twice.", _COUNT),
    Mistake(
        "block-repeated", _block_repeated, "The {block} runs twice in a row.", "See how often forward calls each block."
    ),
)
"""Tried at every block but the last."""

# -- edits of the end: ``where`` is the number of the last block ------------------------------------------------------


def _ending_in(*layers: tuple[str, str]) -> Edit:
    """More layers after the last convolution, each by its kind and form."""

    def edit(steps: Steps, last: int) -> Iterator[Change]:
        yield Change((*steps, *(Step(kind, last, form=form) for kind, form in layers)), last)

    return edit


_END = "{} the last convolution; the network should end with that convolution."
_REMOVE = "Remove what follows the last convolution."
_LAST_ACTIVATIONS = {"relu": "A ReLU", "tanh": "A tanh", "sigmoid": "A sigmoid", "softmax": "A softmax", "log-softmax": "A log-softmax"}  # fmt: skip
_AT_THE_END = (
    *(Mistake("activation-at-the-end", _ending_in(("act", form)), _END.format(f"{name} follows"),
              "The outputs must be able to take any value; if a softmax is needed, it is part of the loss function.")
      for form, name in _LAST_ACTIVATIONS.items()),
    Mistake("batch-norm-at-the-end", _ending_in(("norm", "")), _END.format("A batch-norm follows"), _REMOVE),
    Mistake("batch-norm-at-the-end", _ending_in(("norm", ""), ("act", "")), _END.format("A batch-norm and a ReLU follow"), _REMOVE),
)  # fmt: skip

# -- edits of all layers of a kind: ``where`` is not used -------------------------------------------------------------


def _relu_first(steps: Steps, _: int) -> Iterator[Change]:
    """Every ReLU before the batch-norm that it follows in its block."""
    changed = list(steps)
    for place, (step, following) in enumerate(pairwise(steps)):
        if (step.kind, following.kind) == ("norm", "act") and step.block == following.block:
            changed[place : place + 2] = [following, step]
    if changed != [*steps]:
        yield Change(tuple(changed), 0)


def _norms_shared(steps: Steps, _: int) -> Iterator[Change]:
    """Every batch-norm is the first one of as many channels."""
    first = {
        place: _norms_alike(steps, place)[:1]
        for place, step in enumerate(steps)
        if (step.kind, step.form, step.shared) == ("norm", "", 0)
    }
    if sum(map(len, first.values())) > 1:
        changed = (
            replace(step, shared=first[place][0]) if first.get(place) else step for place, step in enumerate(steps)
        )
        yield Change(tuple(changed), 0)


def _all_gone(kind: str) -> Edit:
    def edit(steps: Steps, _: int) -> Iterator[Change]:
        if _several(steps, kind):
            yield Change(tuple(step for step in steps if step.kind != kind), 0)

    return edit


def _all_in_form(kind: str, form: str) -> Edit:
    """Every plain layer of a kind in another form."""

    def edit(steps: Steps, _: int) -> Iterator[Change]:
        if _several(steps, kind):
            changed = (step.in_form(form) if step.kind == kind and not step.form else step for step in steps)
            yield Change(tuple(changed), 0)

    return edit


def _all_without_bias(steps: Steps, _: int) -> Iterator[Change]:
    if _several(steps, "conv", "convt"):
        changed = (replace(step, bias=False) if step.kind in ("conv", "convt") else step for step in steps)
        yield Change(tuple(changed), 0)


def _several(steps: Steps, *kinds: str) -> bool:
    """Whether there is more than one layer of these kinds: one is a mistake in one block."""
    return sum(step.kind in kinds for step in steps) > 1


_ALL_BILINEAR = "All upsampling layers are bilinear; the handout's copy the nearest pixel."
_ALL_ACTIVATIONS = {"leaky": "leaky ReLUs", "sigmoid": "sigmoids", "tanh": "tanhs", "elu": "ELUs", "gelu": "GELUs"}
_EVERYWHERE = (
    Mistake("relu-before-batch-norm", _relu_first, "In all blocks, the ReLU comes before the batch-norm.",
            "Put the layers of the blocks in the handout's order."),
    Mistake("batch-norm-shared", _norms_shared, "Blocks with as many channels share one batch-norm.",
            "Give each block a batch-norm of its own: one object has one weight, one bias and one set of running statistics.",
            QUARTER),
    Mistake("batch-norm-missing", _all_gone("norm"), "None of the blocks has a batch-norm.",
            "Each block but the last has nn.BatchNorm2d.", QUARTER),
    Mistake("relu-missing", _all_gone("act"), "None of the blocks has a ReLU.", "Each block but the last has nn.ReLU.", QUARTER),
    Mistake("skip-missing", _all_gone("cat"), "All skip connections are missing.",
            "Join the tensors with torch.cat along dimension 1.", QUARTER),
    Mistake("average-pool", _all_in_form("pool", "average"), "All pooling layers take the average; the handout's take the maximum.",
            "Use nn.MaxPool2d(2).", QUARTER),
    Mistake("bilinear-upsample", _all_in_form("up", "bilinear"), _ALL_BILINEAR, "Use nn.Upsample(scale_factor=2).", QUARTER),
    Mistake("bilinear-upsample", _all_in_form("up", "bilinear-corners"), _ALL_BILINEAR, "Use nn.Upsample(scale_factor=2).", QUARTER),
    Mistake("bias-missing", _all_without_bias, "The convolutions have no bias.", _BIAS, QUARTER),
    *(Mistake("other-activation", _all_in_form("act", form), f"The blocks have {names}; the handout has ReLUs there.", "Use nn.ReLU.",
              QUARTER) for form, names in _ALL_ACTIVATIONS.items()),
    Mistake("instance-norm", _all_in_form("norm", "instance"), "The blocks have instance-norms; the handout has batch-norms there.",
            "Use nn.BatchNorm2d.", QUARTER),
    Mistake("skip-added", _all_in_form("cat", "added"), "All skip connections add the two tensors; the handout concatenates them.",
            "Use torch.cat((a, b), dim=1).", QUARTER),
)  # fmt: skip

# -- mistakes that are looked for alone, and not beside a second one: within a block ----------------------------------

BlockEdit = Callable[[Sequence[Step]], list[Step]]
"""The steps of a block → the same steps, or others where the mistake can be made in this block."""


def _in_blocks(id: str, edit: BlockEdit, explanation: str, look_at: str, *, together: bool = True) -> Iterator[Mistake]:
    """The rows of an edit of a block: made in any one block, and ``together`` in all blocks where it can be made.

    ``explanation`` is the sentence without its subject of place.
    """

    def in_one(steps: Steps, _: int) -> Iterator[Change]:
        blocks = by_block(steps)
        for number, block in blocks.items():
            changed = edit(block)
            if changed != block:
                whole = (step for other, own in blocks.items() for step in (changed if other == number else own))
                yield Change(tuple(whole), number)

    def in_all(steps: Steps, _: int) -> Iterator[Change]:
        blocks = by_block(steps)
        changed = {number: edit(block) for number, block in blocks.items()}
        if sum(changed[number] != block for number, block in blocks.items()) > 1:
            yield Change(tuple(step for block in changed.values() for step in block), 0)

    yield Mistake(id, in_one, f"In the {{block}}, {explanation}.", look_at)
    if together:
        yield Mistake(id, in_all, f"Everywhere, {explanation}.", look_at, QUARTER)


def _in_block(kind: str, form: str) -> BlockEdit:
    """The block's plain layers of a kind in another form."""
    return lambda block: [step.in_form(form) if step.kind == kind and not step.form else step for step in block]


def _unpadded(kind: str) -> BlockEdit:
    """The block's convolutions without padding, plain or strided."""
    return lambda block: [
        replace(step, padding="") if step.kind == kind and step.form in ("", "stride") else step for step in block
    ]


def _padded(mode: str) -> BlockEdit:
    """The block's convolutions with another padding."""
    return lambda block: [
        replace(step, padding=mode) if step.kind == "conv" and step.padding else step for step in block
    ]


def _skipped(form: str) -> BlockEdit:
    """The skip connection takes what a layer of the other block gets. The image is no block's output."""
    return lambda block: [step.in_form(form) if step.kind == "cat" and step.source else step for step in block]


def _not_strided(block: Sequence[Step]) -> list[Step]:
    return [
        replace(step, kind="convt", form="stride-1") if (step.kind, step.form) == ("conv", "") else step
        for step in block
    ]


def _strided(block: Sequence[Step]) -> list[Step]:
    if not any(step.kind == "pool" for step in block):
        return list(block)
    return [step.in_form("stride") if step.kind == "conv" else step for step in block if step.kind != "pool"]


def _pooled(*, last: bool) -> BlockEdit:
    """A max-pooling in place of the stride: at the end of the block, or after the convolution."""

    def edit(block: Sequence[Step]) -> list[Step]:
        if not any(step.form == "stride" for step in block):
            return list(block)
        conv, *rest = (step.in_form("") if step.form == "stride" else step for step in block)
        pool = Step("pool", conv.block)
        return [conv, *rest, pool] if last else [conv, pool, *rest]

    return edit


def _transposed(block: Sequence[Step]) -> list[Step]:
    if not any(step.kind == "up" for step in block):
        return list(block)
    rest = [step for step in block if step.kind != "up"]
    return [replace(step, kind="convt", form="", padding="zeros") if step.kind == "conv" else step for step in rest]


def _upsampled(*, first: bool) -> BlockEdit:
    """Convolution and upsampling in place of a transposed convolution, the upsampling first or last."""

    def edit(block: Sequence[Step]) -> list[Step]:
        changed: list[Step] = []
        for step in block:
            if step.kind != "convt" or step.form == "stride-1":
                changed.append(step)
                continue
            up, conv = Step("up", step.block), replace(step, kind="conv", form="")
            changed += [up, conv] if first else [conv, up]
        return changed

    return edit


def _with_another(*kinds: str) -> BlockEdit:
    """A second convolution of the block's width after the block, with or without batch-norm and ReLU."""

    def edit(block: Sequence[Step]) -> list[Step]:
        conv = next((step for step in block if step.kind in ("conv", "convt")), None)
        if conv is None or not any(step.kind == "act" for step in block):
            return list(block)
        return [*block, *(Step(kind, conv.block, conv.width if kind == "conv" else "") for kind in kinds)]

    return edit


_PADDINGS = {
    "reflect": "a reflection of the image",
    "replicate": "copies of the border",
    "circular": "the other side of the image",
}
_WITHIN_A_BLOCK = (
    *_in_blocks("padding-missing", _unpadded("conv"), "the convolution has no padding, so the image shrinks",
                "Give the convolution padding=kernel // 2."),
    *_in_blocks("padding-missing", _unpadded("convt"), "the transposed convolution has no padding",
                "Give it padding=kernel // 2 and output_padding=1."),
    *_in_blocks("output-padding-missing", _in_block("convt", "no-output-padding"),
                "the transposed convolution has no output_padding, so the image lacks one row and one column", "Give it output_padding=1."),
    *_in_blocks("stride-for-pool", _strided, "a stride is used instead of the max-pooling",
                "Use a convolution with stride 1, and nn.MaxPool2d(2) after it."),
    *(row for last in (False, True) for row in
      _in_blocks("pool-for-stride", _pooled(last=last), "a max-pooling is used instead of the stride",
                 "Use stride=2 in the convolution, and no max-pooling.")),
    *_in_blocks("transposed-for-upsample", _transposed, "a transposed convolution is used instead of a convolution and an upsampling",
                "Use a convolution, and nn.Upsample(scale_factor=2) after it."),
    *_in_blocks("upsample-for-transposed", _upsampled(first=False),
                "a convolution and then an upsampling are used instead of the transposed convolution", "Use nn.ConvTranspose2d with stride=2."),
    *_in_blocks("upsample-for-transposed", _upsampled(first=True),
                "an upsampling and then a convolution are used instead of the transposed convolution", "Use nn.ConvTranspose2d with stride=2."),
    *_in_blocks("overlapping-pool", _in_block("pool", "overlapping"),
                "the max-pooling looks at 3×3 pixels; the handout's looks at 2×2", "Use nn.MaxPool2d(2)."),
    *_in_blocks("pool-stride", _in_block("pool", "stride-1"),
                "the max-pooling has stride 1, so it does not halve the image", "Use nn.MaxPool2d(2)."),
    *(row for form, name in (("leaky-0.1", "leaky ReLU"), ("leaky-0.2", "leaky ReLU"), ("silu", "SiLU"), ("prelu", "PReLU")) for row in
      _in_blocks("other-activation", _in_block("act", form), f"a {name} is used instead of the ReLU", "Use nn.ReLU.")),
    *_in_blocks("batch-norm-not-affine", _in_block("norm", "no-affine"), "the batch-norm has no weight and no bias",
                "Leave out affine=False."),
    *_in_blocks("batch-norm-unassigned", _in_block("norm", "unassigned"),
                "the batch-norm runs, but its output is not used", "Assign it: x = self.bn(x)."),
    *(row for form in OTHER_EPS for row in
      _in_blocks("other-eps", _in_block("norm", form),
                 f"the batch-norm has {form.replace('-', '=', 1)} instead of the default 1e-5", "Leave out eps.")),
    *_in_blocks("group-norm", _in_block("norm", "group"), "a group-norm is used instead of the batch-norm", "Use nn.BatchNorm2d."),
    *_in_blocks("instance-norm", _in_block("norm", "instance-affine"), "an instance-norm is used instead of the batch-norm",
                "Use nn.BatchNorm2d."),
    *_in_blocks("skip-before-relu", _skipped("before-relu"), "the skip connection brings a tensor from before its ReLU",
                "Join the output of the whole block, with its ReLU."),
    *_in_blocks("skip-before-batch-norm", _skipped("before-norm"),
                "the skip connection brings a tensor from before its batch-norm and ReLU",
                "Join the output of the whole block, with its batch-norm and ReLU."),
    *(row for mode, how in _PADDINGS.items() for row in
      _in_blocks("padding-mode", _padded(mode), f"the convolution pads with {how} instead of zeros",
                 "Leave out padding_mode, and F.pad.")),
    *_in_blocks("axes-swapped", _in_block("conv", "axes-swapped"), "height and width of the filter are swapped",
                "Give F.conv2d the weight as it is."),
    *_in_blocks("filter-flipped", _in_block("conv", "flipped"), "the filter is mirrored",
                "Give F.conv2d the weight as it is."),
    *_in_blocks("transposed-for-conv", _not_strided, "a transposed convolution of stride 1 is used instead of the convolution",
                "Use a convolution."),
    *(row for form in ("bicubic", "bicubic-corners") for row in
      _in_blocks("bicubic-upsample", _in_block("up", form),
                 "the upsampling is bicubic interpolation; the handout's copies the nearest pixel", _MODE)),
    *_in_blocks("tiled-upsample", _in_block("up", "tiled"),
                "the upsampling repeats the whole image; the handout's copies each pixel", _MODE),
    *_in_blocks("batch-norm-without-statistics", _in_block("norm", "no-statistics"),
                "the batch-norm keeps no running statistics", "Leave out track_running_stats=False."),
    *_in_blocks("block-added", _with_another("conv", "norm", "act"), "there is a second convolution, with batch-norm and ReLU",
                "Remove it.", together=False),
    *_in_blocks("conv-added", _with_another("conv"), "there is a second convolution", "Remove it.", together=False),
)  # fmt: skip

# -- mistakes that are looked for alone: at both ends, and those that pooling and upsampling make up for ---------------


def _scaled(form: str) -> Edit:
    """The image is changed before the first convolution."""

    def edit(steps: Steps, _: int) -> Iterator[Change]:
        yield Change((Step("act", 0, form=form), *steps), 0)

    return edit


def _scaled_beside(form: str) -> Edit:
    """The first convolution gets a changed image, and the skip connection brings the image as it is."""

    def edit(steps: Steps, _: int) -> Iterator[Change]:
        if any(step.kind == "cat" and step.source == 0 for step in steps):
            yield Change((Step("act", steps[0].block, form=form), *steps), 0)

    return edit


def _skipped_before_pool(steps: Steps, _: int) -> Iterator[Change]:
    """A skip connection brings what another block's pooling gets."""
    pooled = [step.block for step in steps if step.kind == "pool"]
    for place, step in enumerate(steps):
        for source in pooled if step.kind == "cat" else ():
            words = {"source": _source(source)}
            changed = replace(step, source=source, form="before-pool")
            yield Change(_put(steps, place, changed), step.block, words)


def _skips_before_pool(steps: Steps, _: int) -> Iterator[Change]:
    """Each block from before its pooling, into the first block of that size; the first skip connection is left out."""
    pooled = [step.block for step in steps if step.kind == "pool"]
    places = [place for place, step in enumerate(steps) if step.kind == "cat"]
    if len(places) != len(pooled) + 1:
        return
    changed = list(steps)
    for place, source in zip(places[1:], reversed(pooled), strict=True):
        changed[place] = replace(steps[place], source=source, form="before-pool")
    yield Change(tuple(changed), 0)
    del changed[places[0]]
    yield Change(tuple(changed), 0)


def _last_gone(steps: Steps, last: int) -> Iterator[Change]:
    yield Change(tuple(step for step in steps if step.block != last), last, {"blocks": str(last)})


def _in_one_place(kind: str, *, both: bool) -> Edit:
    """A four-fold layer in place of two two-fold ones: in the second's place, and with ``both`` in the first's too."""

    def edit(steps: Steps, _: int) -> Iterator[Change]:
        places = [place for place, step in enumerate(steps) if step.kind == kind]
        if len(places) != 2:
            return
        for gone, left in (places, places[::-1])[: 2 if both else 1]:
            changed = list(steps)
            changed[left] = steps[left].in_form("four-fold")
            del changed[gone]
            yield Change(tuple(changed), steps[left].block, {"other": _BLOCKS[steps[gone].block]})

    return edit


def _doubled(kind: str) -> Edit:
    """A layer a second time, after itself."""

    def edit(steps: Steps, _: int) -> Iterator[Change]:
        for place, step in enumerate(steps):
            if step.kind == kind:
                yield Change((*steps[:place], step, *steps[place:]), step.block)

    return edit


def _pooled_twice(steps: Steps, _: int) -> Iterator[Change]:
    """A pooling and an upsampling twice each, so that the output's size is right."""
    pools, ups = ([place for place, step in enumerate(steps) if step.kind == kind] for kind in ("pool", "up"))
    for pool, up in product(pools, ups):
        changed = [
            twin for place, step in enumerate(steps) for twin in ([step, step] if place in (pool, up) else [step])
        ]
        yield Change(tuple(changed), steps[pool].block, {"other": _BLOCKS[steps[up].block]})


_AS_THEY_ARE = "Use the images as they are: the course's script prepares them."
_SCALINGS = {"over-255": "divided by 255", "over-256": "divided by 256", "about-zero": "scaled to [-1, 1]", "less-half": "reduced by 0.5"}  # fmt: skip
_IN_EVALUATION = {"softmax": "a softmax", "log-softmax": "a log-softmax", "sigmoid": "a sigmoid", "argmax": "an argmax"}
_TWICE = "Check whether the layer is in a block of __init__ and is called in forward as well."
_EACH = "In the handout, each of the two blocks has a two-fold one."
_OF_THE_NETWORK = (
    *(Mistake("input-scaled", _scaled(form), f"The input is {how} before the first convolution.", _AS_THEY_ARE)
      for form, how in _SCALINGS.items()),
    *(Mistake("input-scaled", _scaled_beside(form),
              f"The input is {how} before the first convolution, and not in the skip connection.", _AS_THEY_ARE)
      for form, how in _SCALINGS.items()),
    Mistake("skip-before-pool", _skipped_before_pool,
            "The skip connection into the {block} brings the {source} from before its max-pooling.",
            "Join the output of the whole block, with its max-pooling.", QUARTER),
    Mistake("skip-before-pool", _skips_before_pool, "The skip connections bring tensors from before the max-pooling.",
            "Join the outputs of whole blocks, with their max-pooling.", QUARTER),
    # No output shows the block: values above 6 are few, and lie in some blocks only.
    Mistake("other-activation", _all_in_form("act", "relu6"), "ReLU6 is used instead of ReLU.", "Use nn.ReLU.", QUARTER),
    Mistake("block-missing", _last_gone, "The last convolution is missing, or is not called.", _COUNT, QUARTER),
    *(Mistake("activation-at-the-end", _ending_in(("act", form)), _END.format("An argmax follows"),
              "The loss needs the scores of all colours; the best colour is chosen outside the network.", QUARTER)
      for form in ("argmax", "argmax-kept")),
    *(Mistake("activation-at-the-end", _ending_in(("act", form + IN_EVALUATION)),
              f"In evaluation mode, {name} follows the last convolution.", "The network should end with the convolution in both modes.")
      for form, name in _IN_EVALUATION.items()),
    Mistake("pool-in-one-place", _in_one_place("pool", both=True),
            "The {block} has a four-fold max-pooling, and the {other} has none.", _EACH),
    # Four-fold upsampling in the fourth block is upsampling before the fifth's convolution, which has a name above.
    Mistake("upsample-in-one-place", _in_one_place("up", both=False),
            "The {block} has a four-fold upsampling, and the {other} has none.", _EACH),
    Mistake("pool-doubled", _doubled("pool"), "The {block} has a second max-pooling.", _TWICE),
    Mistake("upsample-doubled", _doubled("up"), "The {block} has a second upsampling.", _TWICE),
    Mistake("pooled-twice", _pooled_twice, "The {block} pools twice, and the {other} upsamples twice.", _TWICE),
)  # fmt: skip

_RARE = _WITHIN_A_BLOCK + _OF_THE_NETWORK

# -- a mistake that no list of steps shows --------------------------------------------------------------------------------

IN_PLACE = "input-changed-in-place"
"""Id of the mistake of ``changed_in_place``."""


def changed_in_place(known: Known, scaling: Steps = ()) -> Known:
    """A network that changes the image it is given, in place, and does to the changed image what ``known`` does.

    ``scaling`` are the steps that change it, where there are such.
    """
    sentence = "forward changes the image that it is given, in place, so the next epoch gets another image."
    advice = "Give the changed image a new name, or use it as it is."
    return Known(
        IN_PLACE if known.is_right else f"{IN_PLACE}+{known.id}",
        known.place,
        sentence if known.is_right else f"{sentence} {known.explanation}",
        f"{advice} {known.look_at}".strip(),
        HALF if known.is_right else min(HALF, known.share) / 2,
        (*scaling, *known.steps),
        known.base,
    )


def scaling(image: Tensor, changed: Tensor) -> Steps:
    """The step that makes ``changed`` (B, NIC, H, W) of ``image``; none where it is another change."""
    forms = (Step("act", 0, form=form) for form in _SCALINGS)
    return next(((step,) for step in forms if torch.allclose(form_of(step).compute(step, image), changed)), ())


# -- mistakes that stop the network: ``where`` is the place of the layer ----------------------------------------------


def _skip_in_form(form: str) -> Edit:
    def edit(steps: Steps, place: int) -> Iterator[Change]:
        step = steps[place]
        yield Change(_put(steps, place, step.in_form(form)), step.block, {"source": _source(step.source)})

    return edit


def _made_for_another_width(steps: Steps, place: int) -> Iterator[Change]:
    for width in (*_widths(steps), "NIC"):
        yield Change(_put(steps, place, replace(steps[place], takes=width)), steps[place].block, {"width": width})


_INPUT_WIDTH = (
    Mistake("wrong-input-width", _made_for_another_width,
            "The convolution of the {block} is made for {width} input channels, which is not what it gets.",
            "Give it the output channels of the layer before it, and those of a skip connection.", NONE),
)  # fmt: skip
_STOPPING: Mapping[str, tuple[Mistake, ...]] = {
    "cat": (
        Mistake("skip-missing", _skip_in_form("expected"),
                "The convolution of the {block} is made for a skip connection from the {source}, and forward does not join it.",
                "Use torch.cat((a, b), dim=1) before that block.", NONE),
        Mistake("skip-not-counted", _skip_in_form("unexpected"),
                "The skip connection from the {source} is joined into the {block}, and its convolution is not made for it.",
                "Add the channels of both tensors.", NONE),
    ),
    "conv": _INPUT_WIDTH,
    "convt": _INPUT_WIDTH,
    "norm": (
        Mistake("wrong-batch-norm-width", _made_for_another_width,
                "The batch-norm of the {block} is made for {width} channels, which is not what it gets.",
                "Give it the output channels of the convolution before it.", NONE),
    ),
}  # fmt: skip
"""By the kind of the step."""
