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

from reference.forms import IN_EVALUATION, OTHER_EPS
from reference.known import HALF, NONE, QUARTER, Known
from reference.network import parameters_of
from reference.steps import Step, Steps, by_block

__all__ = ["first_parameter", "mistakes"]


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
    named = _only_one if known.is_right else _one_more
    for row, change in _changes(known.steps):
        yield named(known, row, change)
    if known.is_right:
        last = max(step.block for step in known.steps)
        for row in _ALONE:
            for change in row.edit(known.steps, last):
                yield _only_one(known, row, change, alone=True)


def _changes(steps: Steps) -> Iterator[tuple[Mistake, Change]]:
    """Every edit that can be made beside another."""
    last = max(step.block for step in steps)
    for place, step in enumerate(steps):
        for row in _AT_A_STEP[step.kind]:
            for change in row.edit(steps, place):
                yield row, change
    for number in range(1, last):
        for row in _AT_A_BLOCK:
            for change in row.edit(steps, number):
                yield row, change
    for row in _AT_THE_END + _EVERYWHERE:
        for change in row.edit(steps, last):
            yield row, change


def _only_one(known: Known, row: Mistake, change: Change, *, alone: bool = False) -> Known:
    """The mistake in a right network."""
    steps, block, words = change
    explanation, look_at = _filled(row.explanation, block, words), _filled(row.look_at, block, words)
    return Known(row.id, _place(block), explanation, look_at, row.share, steps, known.base, alone)


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
    widths = ("NF", "2NF", "4NF", *(["NC"] if any(other.width == "NC" for other in steps) else []))
    for width in widths:
        if width != step.width and (width, step.width) != ("NC", "3"):
            words = {"width": width, "expected": step.width}
            yield Change(_put(steps, place, replace(step, width=width)), step.block, words)


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
_NO_LAYER = "The {block} has no {layer}."
_REORDER = "Put the layers of the {block} in the handout's order."
_BIAS = "Check that no convolution is made with bias=False, and that your own layers add their bias."
_BILINEAR = "The {block} upsamples by bilinear interpolation; the handout's upsampling copies the nearest pixel."
_MODE = "Use nn.Upsample(scale_factor=2) with its default mode."
_OTHER_ACTIVATIONS = {"leaky": "leaky ReLU", "tanh": "tanh", "sigmoid": "sigmoid", "elu": "ELU", "gelu": "GELU"}

_OF_A_CONVOLUTION = (
    Mistake("bias-missing", _without_bias, "The convolution of the {block} has no bias.", _BIAS),
    Mistake("dilation-missing", _not_dilated, "The {block} is an ordinary convolution, not a dilated one.",
            "DilatedUNet replaces the attribute `rfconv`; check whether your forward calls that attribute.", NONE),
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
        Mistake("layers-swapped", _relu_before, "In the {block}, the ReLU comes before the batch-norm.", _REORDER),
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


_COUNT = "The handout's network has {blocks} blocks; count yours."
_AT_A_BLOCK = (
    Mistake("block-missing", _block_gone, "The {block} is missing.", _COUNT, QUARTER),
    Mistake("block-doubled", _block_doubled, "The network has the {block} twice.", _COUNT),
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
    Mistake("layers-swapped", _relu_first, "In all blocks, the ReLU comes before the batch-norm.",
            "Put the layers of the blocks in the handout's order.", QUARTER),
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
        replace(step, padded=False) if step.kind == kind and step.form in ("", "stride") else step for step in block
    ]


def _skipped_before_relu(block: Sequence[Step]) -> list[Step]:
    """The skip connection takes what the other block's ReLU gets. The image is not a block's output, and has no ReLU."""
    return [step.in_form("before-relu") if step.kind == "cat" and step.source else step for step in block]


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
    return [replace(step, kind="convt") if step.kind == "conv" else step for step in block if step.kind != "up"]


def _upsampled(*, first: bool) -> BlockEdit:
    """Convolution and upsampling in place of a transposed convolution, the upsampling first or last."""

    def edit(block: Sequence[Step]) -> list[Step]:
        changed: list[Step] = []
        for step in block:
            if step.kind != "convt":
                changed.append(step)
                continue
            up, conv = Step("up", step.block), replace(step, kind="conv")
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
    *_in_blocks("skip-before-relu", _skipped_before_relu, "the skip connection brings a tensor from before its ReLU",
                "Join the output of the whole block, with its ReLU."),
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

_ALONE = _WITHIN_A_BLOCK + _OF_THE_NETWORK
