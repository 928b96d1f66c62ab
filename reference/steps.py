"""A network written as its list of steps, one step per layer, in the order in which the layers run.

Nothing here needs torch: ``network.py`` makes a module of a list of steps. Axes: NIC input channels, NF filters,
NC colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "Step",
    "Steps",
    "by_block",
    "channels_of",
    "down",
    "flat",
    "last",
    "strided",
    "transposed",
    "up",
    "upsampling_moved",
    "with_pooling_order",
    "with_skips",
]


@dataclass(frozen=True)
class Step:
    """One layer of a network."""

    kind: str
    """``conv``, ``convt`` (transposed), ``pool``, ``up``, ``norm``, ``act`` or ``cat``."""
    block: int
    """1-based number of the handout's block it belongs to; ``cat`` belongs to the block that it feeds."""
    width: str = ""
    """Convolutions: output channels, a key of ``channels_of``."""
    form: str = ""
    """A departure from the plain layer: ``average``, ``bilinear``, ``stride``, ``tanh``, …"""
    source: int = 0
    """``cat``: the block whose output the skip connection brings; 0 is the input image."""
    first: bool = False
    """``cat``: the tensor of the skip connection is the first of the two."""
    bias: bool = True
    """Convolutions: whether they have one. It is not a ``form``, since a strided convolution can lack it too."""
    padding: str = "zeros"
    """Convolutions: what the image is padded with, by half the kernel: ``zeros``, ``reflect``, ``replicate`` or
    ``circular``; empty for no padding."""
    side: int = 0
    """Convolutions: height and width of the filter, where they are not the kernel's."""
    takes: str = ""
    """Convolutions and batch-norms: the input channels that the layer is made for, as a width, where they are not those
    that it gets. Such a network stops when it runs."""
    shared: int = 0
    """Convolutions and batch-norms: the block whose layer of this kind runs here again; 0 for a layer of its own."""

    def in_form(self, form: str) -> Step:
        """The same step in another form; several times as fast as ``dataclasses.replace``."""
        return Step(
            self.kind, self.block, self.width, form, self.source, self.first, self.bias, self.padding, self.side,
            self.takes, self.shared,
        )  # fmt: skip


Steps = tuple[Step, ...]

# -- the blocks of the handouts ---------------------------------------------------------------------------------------


def _block(block: int, width: str, size: str, norm_first: bool) -> Steps:
    """Convolution, batch-norm and ReLU, with a layer that changes the image's size before or after the last two."""
    norm, resize = (Step("norm", block), Step("act", block)), (Step(size, block),)
    return (Step("conv", block, width), *(norm + resize if norm_first else resize + norm))


def down(block: int, width: str, *, norm_first: bool = False) -> Steps:
    """A block that halves height and width by max-pooling."""
    return _block(block, width, "pool", norm_first)


def up(block: int, width: str, *, norm_first: bool = False) -> Steps:
    """A block that doubles height and width by upsampling."""
    return _block(block, width, "up", norm_first)


def flat(block: int, width: str, form: str = "") -> Steps:
    """A block that keeps height and width."""
    return Step("conv", block, width, form), Step("norm", block), Step("act", block)


def strided(block: int, width: str) -> Steps:
    """A block whose convolution halves height and width by its stride."""
    return flat(block, width, "stride")


def transposed(block: int, width: str) -> Steps:
    """A block whose transposed convolution doubles height and width."""
    return Step("convt", block, width), Step("norm", block), Step("act", block)


def last(block: int, width: str) -> Steps:
    """The last block, which is a convolution alone."""
    return (Step("conv", block, width),)


def with_skips(steps: Steps, sources: Mapping[int, int]) -> Steps:
    """The same network with skip connections: ``sources`` has the block that each comes from, by the block it feeds."""
    joined: list[Step] = []
    for number, block in by_block(steps).items():
        if number in sources:
            joined.append(Step("cat", number, source=sources[number]))
        joined += block
    return tuple(joined)


def by_block(steps: Iterable[Step]) -> dict[int, list[Step]]:
    """The steps of each block, in order of the blocks' numbers."""
    blocks: dict[int, list[Step]] = {}
    for step in steps:
        blocks.setdefault(step.block, []).append(step)
    return dict(sorted(blocks.items()))


# -- other orders -----------------------------------------------------------------------------------------------------


def with_pooling_order(steps: Steps, norm_first: Sequence[bool]) -> Steps:
    """The same layers with batch-norm and ReLU before the max-pooling, or after it, for each pooling block in turn."""
    changed: list[Step] = []
    orders = iter(norm_first)
    for block in by_block(steps).values():
        if any(step.kind == "pool" for step in block):
            pool = next(step for step in block if step.kind == "pool")
            others = [step for step in block if step is not pool]
            place = len(others) if next(orders) else 1 + [step.kind for step in others].index("conv")
            block = [*others[:place], pool, *others[place:]]
        changed += block
    return tuple(changed)


def upsampling_moved(steps: Steps) -> Steps:
    """The same function with each upsampling at the other end of its block: before batch-norm and ReLU, or after."""
    moved: list[Step] = []
    for block in by_block(steps).values():
        ups = [step for step in block if step.kind == "up"]
        if len(ups) == 1 and not ups[0].form:
            others = [step for step in block if step.kind != "up"]
            filters = [place for place, step in enumerate(others) if step.kind in ("conv", "convt")]
            place = filters[0] + 1 if filters else 0
            block = others[:place] + ups + others[place:] if block[-1].kind == "up" else [*others, *ups]
        moved += block
    return tuple(moved)


# -- widths -----------------------------------------------------------------------------------------------------------


def channels_of(width: str, filters: int, colours: int, inputs: int) -> int:
    """The number of channels that a width stands for."""
    return {
        "NF": filters,
        "2NF": 2 * filters,
        "4NF": 4 * filters,
        "NF/2": filters // 2,
        "NC": colours,
        "NIC": inputs,
        "3": 3,
    }[width]
