"""The five handouts, side by side: what each asks for, as facts. Nothing here needs torch.

The five are variations of one assignment: colour 32 × 32 pictures of horses with small hourglass networks. Sources: the
handouts' text and figures. ``rubric.yaml`` has the points, and ``models.py`` the model answers.

A network is a list of steps (``steps.py``). Widths: NF filters, NC colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from reference.steps import Steps, down, flat, last, strided, transposed, up, with_skips

__all__ = [
    "CLASSES",
    "HANDOUTS",
    "LAYER_CLASSES",
    "LAYER_ORDERS",
    "NARROW_FIFTH_BLOCK",
    "ClassSign",
    "ConstructorSign",
    "Handout",
    "LayerFacts",
    "NetworkFacts",
    "PartSign",
    "Signs",
    "Spelling",
]

NARROW_FIFTH_BLOCK = "narrow-fifth-block"
"""The id of a fifth block of 3 channels where it is a variant: "the same layers as RegressionCNN", to the letter."""
LAYER_ORDERS = ("pool-first", "norm-first")
"""The two orders that have been taught inside a block: pooling before batch-norm and ReLU, or after them."""

# -- what a handout consists of ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NetworkFacts:
    """A network that the handout asks for, or gives."""

    thing: str
    """First half of its criterion ids."""
    cls: str
    """Class name the handout asks for."""
    parameters: tuple[str, ...]
    """Constructor parameters in the handout's order, under the handout's names."""
    steps: Steps
    """Its layers, in the order in which they run."""
    model: str
    """Class name of the model answer, in the handout's ``module``."""
    odd_kernels: bool = True
    """False: only kernel 3 keeps the handout's shapes (2023's strided networks)."""
    filled_in: bool = True
    """Whether the student writes it; False: the handout gives it."""
    regression: bool = False
    """Whether it puts out red, green and blue as numbers, and not a score for each colour."""
    narrow_fifth_block: Literal["accepted", "variant", "mistake"] = "mistake"
    """What a fifth block of 3 channels is, as RegressionCNN has it: accepted with a remark, a variant that a rubric may
    accept, or a mistake like any other."""
    extends: str = ""
    """``thing`` of the student's network that it is made of; empty for none."""
    layer: str = ""
    """``thing`` of the student's layer that it is made of, beside MyConv2d; empty for none."""


@dataclass(frozen=True)
class LayerFacts:
    """A convolution layer that the handout asks for, or gives."""

    thing: str
    """First half of its criterion ids."""
    cls: str
    """Class name the handout asks for."""
    parameters: tuple[str, ...]
    """Constructor parameters in the handout's order."""
    model: str
    """Class name of the model answer, in the handout's ``module``."""
    filled_in: bool = False
    """Whether the student writes it; False: the handout gives it."""

    @property
    def dilated(self) -> bool:
        """Whether it leaves gaps between the weights of its filter."""
        return "dilation" in self.parameters


@dataclass(frozen=True)
class ClassSign:
    """A submission that defines one of these classes is probably for this handout."""

    names: tuple[str, ...]
    weight: int


@dataclass(frozen=True)
class Spelling:
    """How the handout spells a word in the names of parameters."""

    part: str
    """What is looked for in the name of a constructor's parameter."""
    unless: str
    """Another spelling, beside which this one does not count; empty for none."""
    name: str
    weight: int


@dataclass(frozen=True)
class ConstructorSign:
    """A class whose constructor has as many parameters as this handout's class of the same name."""

    classes: tuple[str, ...]
    weight: int
    spelling: Spelling | None = None


@dataclass(frozen=True)
class PartSign:
    """A part of the assignment that other handouts lack; it is there where one file has any of the things named."""

    reason: str
    weight: int
    classes: tuple[str, ...] = ()
    """Parts of class names, in lower case."""
    imports: tuple[str, ...] = ()
    """Parts of the names of imported modules."""
    functions: tuple[str, ...] = ()
    """Parts of function names, in lower case."""
    paths: tuple[str, ...] = ()
    """Parts of the path of a file that defines functions, in lower case."""
    calls: tuple[str, ...] = ()
    """Last names of what the file's functions call, where one of the functions is called ``beside``."""
    beside: str = ""


@dataclass(frozen=True)
class Signs:
    """What in a submission's code tells the handout, each with its weight; a name of a file counts besides."""

    endings: tuple[str, ...]
    """A submission whose code has these endings only, of ``.py`` and ``.ipynb``, is worth 1."""
    classes: tuple[ClassSign, ...] = ()
    constructors: tuple[ConstructorSign, ...] = ()
    parts: tuple[PartSign, ...] = ()


@dataclass(frozen=True)
class Handout:
    """One handout."""

    id: str
    code: tuple[str, ...]
    """Names of the code files, as patterns."""
    writeup: tuple[str, ...]
    """Names of the write-up, as patterns."""
    module: str
    """Module of the model answers."""
    networks: tuple[NetworkFacts, ...]
    layers: tuple[LayerFacts, ...]
    layer_orders: tuple[str, ...]
    """Orders of pooling and batch-norm, the handout's own first."""
    only_my_conv2d: bool
    """Whether MyConv2d is asked for in every convolution that the student writes."""
    signs: Signs

    def network(self, cls: str) -> NetworkFacts:
        """The network of a class name. Raises KeyError if there is none."""
        return {network.cls: network for network in self.networks}[cls]

    @property
    def things(self) -> dict[str, NetworkFacts]:
        """The networks by the first half of their criterion ids."""
        return {network.thing: network for network in self.networks}

    @property
    def layer_things(self) -> dict[str, LayerFacts]:
        """The layers by the first half of their criterion ids."""
        return {layer.thing: layer for layer in self.layers}

    @property
    def variants(self) -> tuple[str, ...]:
        """Ids of the mistakes that a rubric may accept as right."""
        narrow = any(network.narrow_fifth_block == "variant" for network in self.networks)
        return (NARROW_FIFTH_BLOCK,) if narrow else ()

    @property
    def to_fill_in(self) -> tuple[str, ...]:
        """Class names of the networks that the student writes."""
        return tuple(network.cls for network in self.networks if network.filled_in)

    @property
    def norm_first(self) -> bool:
        """Whether the handout's own order has batch-norm and ReLU before the pooling."""
        return self.layer_orders[0] == "norm-first"


# -- the layers of the networks ---------------------------------------------------------------------------------------


def _six_blocks(colours: str = "NC", *, norm_first: bool = False, middle: str = "") -> Steps:
    """The hourglass of 2018 to 2020."""
    return (
        *down(1, "NF", norm_first=norm_first),
        *down(2, "2NF", norm_first=norm_first),
        *flat(3, "2NF", middle),
        *up(4, "NF", norm_first=norm_first),
        *up(5, colours, norm_first=norm_first),
        *last(6, colours),
    )


_SKIPS = {4: 2, 5: 1, 6: 0}
_SKIPS_2023 = {4: 1, 5: 0}
_POOLED_2023 = (*down(1, "NF"), *down(2, "2NF"), *up(3, "NF"), *up(4, "NC"), *last(5, "NC"))
_STRIDED_2023 = (*strided(1, "NF"), *strided(2, "2NF"), *transposed(3, "NF"), *transposed(4, "NC"), *last(5, "NC"))

_TWO = ("kernel", "num_filters")
_THREE = (*_TWO, "num_colours")
_FOUR = (*_THREE, "num_in_channels")

# -- the five handouts ------------------------------------------------------------------------------------------------

_MODELS = "reference.models"
_MY_CONV2D = LayerFacts("my-conv2d", "MyConv2d", ("in_channels", "out_channels", "kernel_size", "padding"), "MyConv2d")
_DILATED = LayerFacts(
    "dilated",
    "MyDilatedConv2d",
    ("in_channels", "out_channels", "kernel_size", "dilation"),
    "MyDilatedConv2d",
    filled_in=True,
)

_NETWORKS_2018 = (
    NetworkFacts("cnn", "CNN", _THREE, _six_blocks(), "CNN", narrow_fifth_block="variant"),
    NetworkFacts(
        "unet", "UNet", _THREE, with_skips(_six_blocks(), _SKIPS), "UNet", narrow_fifth_block="variant"
    ),
    NetworkFacts(
        "dilated-unet", "DilatedUNet", _THREE, with_skips(_six_blocks(middle="gap-1"), _SKIPS), "DilatedUNet",
        filled_in=False, narrow_fifth_block="variant", extends="unet", layer="dilated",
    ),
    NetworkFacts(
        "regression-cnn", "RegressionCNN", _TWO, _six_blocks("3"), "RegressionCNN", filled_in=False, regression=True
    ),
)  # fmt: skip
_CLASSES_2018 = (
    ClassSign(("MyDilatedConv2d", "DilatedUNet"), 6), ClassSign(("MyConv2d",), 1), ClassSign(("RegressionCNN",), 1),
)  # fmt: skip

_CSC321_2018 = Handout(
    id="csc321-2018",
    code=("colourization.py",),
    writeup=("a2-writeup.pdf",),
    module=_MODELS,
    networks=_NETWORKS_2018,
    layers=(_DILATED, _MY_CONV2D),
    layer_orders=("pool-first", "norm-first"),
    only_my_conv2d=True,
    signs=Signs(
        (".py",),
        classes=_CLASSES_2018,
        constructors=(ConstructorSign(("CNN", "UNet"), 4, Spelling("colour", "color", "British", 1)),),
    ),
)

_CSE891_2018 = Handout(
    id="cse891-2018",
    code=("colorization-*.py",),
    writeup=("programming-assignment-2-*.pdf",),
    module=_MODELS,
    networks=_NETWORKS_2018,
    layers=(_DILATED, _MY_CONV2D),
    layer_orders=("pool-first", "norm-first"),
    only_my_conv2d=True,
    signs=Signs(
        (".py",),
        classes=_CLASSES_2018,
        constructors=(ConstructorSign(("CNN", "UNet"), 4, Spelling("color", "", "American", 2)),),
    ),
)

_BLOCKS_2019 = _six_blocks(norm_first=True)
_CSC2516_2019 = Handout(
    id="csc2516-2019",
    code=("colourization.ipynb", "colour_regression.ipynb"),
    writeup=("a2-writeup.pdf",),
    module=_MODELS,
    networks=(
        NetworkFacts("cnn", "CNN", _FOUR, _BLOCKS_2019, "CNN2019", narrow_fifth_block="accepted"),
        NetworkFacts(
            "unet", "UNet", _FOUR, with_skips(_BLOCKS_2019, _SKIPS), "UNet2019", narrow_fifth_block="accepted"
        ),
        NetworkFacts(
            "regression-cnn", "RegressionCNN", _TWO, _six_blocks("3", norm_first=True), "RegressionCNN2019",
            filled_in=False, regression=True,
        ),
    ),
    layers=(_MY_CONV2D,),
    layer_orders=("norm-first", "pool-first"),
    only_my_conv2d=True,
    signs=Signs(
        (".ipynb",),
        classes=(ClassSign(("MyConv2d",), 1), ClassSign(("RegressionCNN",), 1)),
        constructors=(ConstructorSign(("CNN", "UNet"), 4),),
        parts=(PartSign("its super-resolution part", 1, functions=("super",), paths=("colour_regression",)),),
    ),
)  # fmt: skip

_CSC413_2020 = Handout(
    id="csc413-2020",
    code=("a2-cnn.ipynb",),
    writeup=("a2-writeup.pdf",),
    module=_MODELS,
    networks=(
        NetworkFacts("cnn", "CNN", _FOUR, _six_blocks(), "CNN"),
        NetworkFacts("unet", "UNet", _FOUR, with_skips(_six_blocks(), _SKIPS), "UNet"),
    ),
    layers=(_MY_CONV2D,),
    layer_orders=("pool-first", "norm-first"),
    only_my_conv2d=True,
    signs=Signs(
        (".ipynb",),
        classes=(ClassSign(("MyConv2d",), 1),),
        constructors=(ConstructorSign(("CNN", "UNet"), 4),),
        parts=(
            PartSign("its segmentation part", 2, classes=("flower",), imports=("segmentation",)),
            PartSign("its segmentation part", 2, functions=("iou", "deeplab")),
            PartSign("its choice of parameters to fine-tune", 2, calls=("named_parameters",), beside="train"),
        ),
    ),
)

_CSC413_2023 = Handout(
    id="csc413-2023",
    code=("a2-code.ipynb",),
    writeup=("a2-writeup.pdf",),
    module=_MODELS,
    networks=(
        NetworkFacts("pool-upsample-net", "PoolUpsampleNet", _FOUR, _POOLED_2023, "PoolUpsampleNet"),
        NetworkFacts(
            "conv-transpose-net", "ConvTransposeNet", _FOUR, _STRIDED_2023, "ConvTransposeNet", odd_kernels=False
        ),
        NetworkFacts("unet", "UNet", _FOUR, with_skips(_STRIDED_2023, _SKIPS_2023), "UNet2023", odd_kernels=False),
    ),
    layers=(),
    layer_orders=("pool-first", "norm-first"),
    only_my_conv2d=False,
    signs=Signs((".ipynb",), classes=(ClassSign(("PoolUpsampleNet", "ConvTransposeNet"), 10),)),
)

# -- all of them ------------------------------------------------------------------------------------------------------

HANDOUTS: Mapping[str, Handout] = MappingProxyType(
    {handout.id: handout for handout in (_CSC321_2018, _CSE891_2018, _CSC2516_2019, _CSC413_2020, _CSC413_2023)}
)
"""By id, in the order of the courses."""
LAYER_CLASSES = frozenset(layer.cls for handout in HANDOUTS.values() for layer in handout.layers)
"""Class names of the layers of all handouts."""
CLASSES = LAYER_CLASSES | {network.cls for handout in HANDOUTS.values() for network in handout.networks}
"""Class names of the networks and layers of all handouts."""
