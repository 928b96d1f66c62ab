"""The records that cross the boundary between the examiner and the worker: a record for each probe and each reply.

The examiner sends a probe and tensors; the worker sends back a reply and tensors. A reply is the record that belongs to
the probe, or ``Trouble`` where the candidate's code raised or was stopped. The reference answers the same probes in the
examiner's own process, where the records are handed over as they are.

==================  ==============================================  ================================  ================
probe               what it asks                                    tensors in                        reply
==================  ==============================================  ================================  ================
OutlineSource       what the source says; nothing of it runs        none                              Outline
LoadDefinitions     run the definitions of the submission           none                              Definitions
NameDevice          compute on a device and say its name            none                              DeviceName
BuildNetwork        construct, count the parameters, run forward    none                              Construction
TraceNetwork        which tensors forward uses, and in which order  input                             Trace
RunNetwork          the outputs under the examiner's parameters     input, parameter.i, buffer.i      NetworkRun
CallNetwork         the first calls of a network filled by a rule   input                             NetworkCall
TrainNetwork        a short training run                            batches, labels; parameter.i and  Training
                                                                    buffer.i, or none of them
RunLayer            a convolution's output and gradients            input, weight, bias, upstream     LayerRun
RunOnDevice         what ties the network to one device             input                             DeviceFindings
Several             several probes of one class in one message      those of each probe               Replies
==================  ==============================================  ================================  ================

Tensors that come back (the others have none); C_out is ``num_colours`` for a network:

==================  ================================================================================================
NetworkRun          eval and train (B, C_out, H, W), alone (1, C_out, H, W), buffer.i after the training pass,
                    image (B, C_in, H, W) where the network changed its input
NetworkCall         output (B, C_out, H, W)
Training            losses (T + 1), parameter.i and buffer.i after training if they were given
LayerRun            output (B, C_out, H, W); gradient.input, gradient.weight and gradient.bias where they exist;
                    again, eval and eval.again: the output of further calls
Replies             those of each reply, with the place of its probe before the name: ``0/output``
==================  ================================================================================================

Axes: B batch, C_in and C_out channels, H height, W width, k kernel size, T training steps. ``parameter.i`` and
``buffer.i`` are the tensors of a network in the order in which its layers use them, counted from 0. An output with more
elements than its probe asks for comes back as its shape alone: a tensor on the device meta, which has no values.

As JSON, a probe is an object of its fields with its tag under ``do``. A reply is ``{"evidence": {…}}`` with the fields
of its record, or ``{"trouble": {…}}``; ``threads`` beside it says that code of the submission ran in other threads.

The worker trusts the probes it reads. The examiner trusts no reply: it refuses one that has another form than its
record, or that goes beyond the ``Bounds`` of a field. An outline has no such bounds, since it is made before any code
of the submission runs.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MOST_AXES",
    "Bounds",
    "BuildNetwork",
    "Call",
    "CallNetwork",
    "Cell",
    "ClassProbe",
    "CodeFile",
    "Conflict",
    "Construction",
    "DataFile",
    "Definition",
    "Definitions",
    "DeviceFindings",
    "DeviceName",
    "Failure",
    "FileOutline",
    "Finding",
    "Frame",
    "LayerRun",
    "LoadDefinitions",
    "Method",
    "NameDevice",
    "NestedClass",
    "NetworkCall",
    "NetworkRun",
    "Note",
    "Outline",
    "OutlineSource",
    "Output",
    "Probe",
    "Problem",
    "Remark",
    "Replacement",
    "Replies",
    "Reply",
    "Rule",
    "RunLayer",
    "RunNetwork",
    "RunOnDevice",
    "Several",
    "Tensors",
    "TopLevelChange",
    "Trace",
    "TraceNetwork",
    "TracedTensor",
    "TrainNetwork",
    "Training",
    "Trouble",
    "UnusualCode",
    "bundle",
    "cell_name",
    "probe_from_json",
    "probe_to_json",
    "reply_to_json",
    "reply_type",
    "to_json",
    "unbundle",
]

T = TypeVar("T")
R = TypeVar("R", covariant=True)
Tensors = dict[str, "Tensor"]
"""Tensors by the names in the tables above."""


# ---------------------------------------------------------------------------------------------- what a field may hold


@dataclass(frozen=True)
class Bounds:
    """The range of a number or of a length. The examiner refuses a reply with a value outside it."""

    least: int | None = None
    """The smallest number, or the fewest characters or items; None for no limit."""
    most: int | None = None
    """The largest number, or the most characters or items; None for no limit."""


Text = Annotated[str, Bounds(most=10_000)]
"""Text that may stand in a report."""
Line = Annotated[str, Bounds(most=1000)]
"""A line of source, or a name. Troubles and outputs come by the hundred, so they are held to a few of these."""
Count = Annotated[int, Bounds(least=0, most=2**40)]
MOST_AXES = 12
"""The axes that a tensor may have."""
Shape = Annotated[tuple[Count, ...], Bounds(most=MOST_AXES)]
"""The size of a tensor along each axis."""
LineNumber = Annotated[int, Bounds(least=-1, most=2**40)]
Operations = Annotated[tuple[Text, ...], Bounds(most=20)]
"""Names of operations of torch."""


# ------------------------------------------------------------------------------------------------------------ trouble


@dataclass(frozen=True)
class Frame:
    """A line of the submission that was running when an exception was raised."""

    file: Line
    """``models.py`` or ``a2.ipynb, cell 7``."""
    line: LineNumber | None
    """Counted from 1; None where Python does not know it."""
    text: Line
    """The line itself, without the blanks around it."""
    function: Line
    """The function that the line belongs to, with its class: ``CNN.forward``."""


@dataclass(frozen=True)
class Trouble:
    """Why there is no evidence: an exception of the candidate's code, or what stopped it."""

    type: Line
    """The exception's class, such as ``ValueError``. ``Refusal``: the class does what no network or layer may do.
    ``Stopped``: the code was ended from outside."""
    text: Text
    """The exception's message; for ``Refusal`` and ``Stopped`` a sentence for the student."""
    frames: Annotated[tuple[Frame, ...], Bounds(most=20)] = ()
    """The submission's own lines on the way to the exception, the outermost first."""


# ------------------------------------------------------------------------------------------------------------ outline


@dataclass(frozen=True)
class Cell:
    """A notebook's code cell, or a whole script."""

    number: int | None
    """Position among all the cells of the notebook, counted from 1; None for a script."""
    source: str
    """The text as it was handed in."""
    heading: str | None = None
    """What people call the cell: its title, or the nearest heading above it."""


def cell_name(path: str, number: int | None, heading: str | None) -> str:
    """A cell for people: ``a2.ipynb, cell 7 under "Part A"``; of a script, its path."""
    if number is None:
        return path
    return f"{path}, cell {number}" + (f' under "{heading}"' if heading else "")


@dataclass(frozen=True)
class CodeFile:
    """A script or a notebook of the submission."""

    path: str
    """Relative to the submission, with ``/`` between folders."""
    cells: tuple[Cell, ...]
    """In the order of the document."""


@dataclass(frozen=True)
class DataFile:
    """A small file that the code may read while it is loaded."""

    path: str
    """Relative to the submission, with ``/`` between folders."""
    content: str
    """The bytes of the file, in base64."""


@dataclass(frozen=True)
class Call:
    """A call in the source of a function that has a name."""

    name: str
    """The function as it is written: ``F.conv2d``."""
    resolved: str
    """The same with imports and assignments followed: ``torch.nn.functional.conv2d``."""
    line: int
    """Counted from 1, in the cell."""
    keywords: tuple[str, ...]
    """The names of the keyword arguments, in their order; ``**`` for a dictionary that is unpacked."""
    dilates: bool
    """Whether an operation of torch is given a dilation that is not written as 1."""


@dataclass(frozen=True)
class Method:
    """A method of a class."""

    line: int
    """Of its ``def``, counted from 1, in the cell."""
    parameters: tuple[str, ...]
    """The names of its parameters, ``self`` among them, with ``*`` or ``**`` before a variable number of them."""
    empty: bool
    """Whether its body does nothing, as in the handout's template."""


@dataclass(frozen=True)
class Definition:
    """A class, a function or a plain value at the top level of a file."""

    name: str
    """The name that is defined."""
    line: int
    """Its first line, counted from 1, in the cell."""
    end_line: int | None
    """Its last line."""
    cell: int | None
    """The number of its cell; None in a script."""
    calls: tuple[Call, ...] = ()
    """The calls in it, in the order of the source."""
    uses: dict[str, int] = field(default_factory=dict)
    """Names of torch and of the submission that it reads, each with the first line that reads it."""
    bases: tuple[str, ...] = ()
    """The base classes of a class, as they are written."""
    methods: dict[str, Method] = field(default_factory=dict)
    """The methods of a class by name."""
    spare: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of torch that a class only uses to fill attributes which the file never reads, with those attributes."""


@dataclass(frozen=True)
class NestedClass:
    """A class that is defined inside a function, where no other code can use it."""

    name: str
    """The name of the class."""
    function: str
    """The name of the function around it."""
    line: int
    """Counted from 1, in the cell."""
    cell: int | None
    """The number of its cell; None in a script."""


@dataclass(frozen=True)
class Problem:
    """A statement that is not valid Python and is not run."""

    cell: int | None
    """The number of its cell; None in a script."""
    line: int
    """The line that Python complains of, counted from 1, in the cell."""
    text: str
    """That line, without the blanks around it."""
    message: str
    """What Python says of it."""
    definition: str | None
    """The top-level class or function that is lost with the statement; None if it defines nothing."""


@dataclass(frozen=True)
class Note:
    """A line that is not read as it is written."""

    cell: int | None
    """The number of its cell; None in a script."""
    line: int
    """Counted from 1, in the cell."""
    text: str
    """The line itself, or the first of several."""
    reason: str
    """Why it is read in another way, or not at all."""


@dataclass(frozen=True)
class UnusualCode:
    """A construct that could reach or change the examiner's part of the process."""

    cell: int | None
    """The number of its cell; None in a script."""
    line: int
    """Counted from 1, in the cell."""
    construct: str
    """What stands there: ``sys._getframe``, ``a metaclass``."""


@dataclass(frozen=True)
class FileOutline:
    """What the source of one file says."""

    path: str
    """Relative to the submission, with ``/`` between folders."""
    classes: tuple[Definition, ...] = ()
    """The classes at the top level, in the order of the source."""
    functions: tuple[Definition, ...] = ()
    """The functions at the top level, in the order of the source."""
    nested: tuple[NestedClass, ...] = ()
    """The classes inside functions."""
    values: tuple[Definition, ...] = ()
    """The plain assignments at the top level, in the order of the source."""
    imports: tuple[str, ...] = ()
    """The modules that are imported anywhere in the file, each once."""
    problems: tuple[Problem, ...] = ()
    """The statements that are not valid Python."""
    notes: tuple[Note, ...] = ()
    """The lines that are not read as they are written."""
    unusual: tuple[UnusualCode, ...] = ()
    """The constructs that could reach the examiner."""
    written_by: str | None = None
    """The notebook whose ``%%writefile`` cell holds this file; None for a file that was handed in."""
    web_page: bool = False
    """Whether it is source that a browser saved: with tags around it, or entities in it."""
    python: bool = True
    """Whether it looks like Python."""
    breaks_off: int | None = None
    """The line of a script in which it stops before a statement is complete; None where it is whole."""

    headings: dict[str, str] = field(default_factory=dict)
    """What people call its cells, by their numbers in digits."""

    def place(self, cell: int | None, line: int) -> str:
        """A line of this file for people: ``a2.ipynb, cell 7 under "Part A", line 3``, or ``models.py, line 12``."""
        path = self.path if cell is None else self.written_by or self.path
        return f"{cell_name(path, cell, self.headings.get(str(cell)))}, line {line}"


@dataclass(frozen=True)
class Outline:
    """What the source of a submission says, read before any of it runs."""

    files: tuple[FileOutline, ...] = ()
    """The files in the order in which they were sent, then those that notebooks write."""


# ------------------------------------------------------------------------------------------------------------ loading


@dataclass(frozen=True)
class Remark:
    """A statement that was not run as it is written, or an old function that the code uses."""

    place: Text
    """``models.py, line 12``."""
    text: Text
    """The line, or the name of the old function."""
    reason: Text
    """Why it was skipped, or what was done in its place."""


@dataclass(frozen=True)
class Failure:
    """A definition that raised an exception."""

    place: Text
    """``models.py, line 12``."""
    text: Text
    """Its first line."""
    names: Annotated[tuple[Text, ...], Bounds(most=20)]
    """The names that it should have defined."""
    trouble: Trouble
    """The exception."""


@dataclass(frozen=True)
class Replacement:
    """An import that something else stands in for."""

    module: Text
    """The name of the module, or of what is imported from it."""
    reason: Text
    """Why it was replaced, and with what."""


@dataclass(frozen=True)
class Conflict:
    """A class that several unrelated files define differently."""

    name: Text
    """The name of the class."""
    paths: Annotated[tuple[Text, ...], Bounds(most=1000)]
    """The files, the one that is examined first."""


@dataclass(frozen=True)
class TopLevelChange:
    """A statement at the top level that changes a class, what a class uses, or torch, and that a person should read."""

    place: Text
    """``models.py, line 12``."""
    text: Text
    """Its first line."""
    names: Annotated[tuple[Text, ...], Bounds(most=20)]
    """What it changes."""
    torch: bool
    """Whether it changes torch, or one of its settings."""
    ran: bool
    """Whether it was run."""
    reason: Text
    """Why it was not; empty if it was."""


@dataclass(frozen=True)
class Definitions:
    """What came of running the definitions of a submission."""

    classes: Annotated[tuple[Text, ...], Bounds(most=100)] = ()
    """Those of the wanted classes that exist now, sorted."""
    chosen: Annotated[dict[Text, Text], Bounds(most=100)] = field(default_factory=dict)
    """The path of the file that each of these classes is taken from."""
    conflicts: Annotated[tuple[Conflict, ...], Bounds(most=100)] = ()
    """Wanted classes that stand in several files."""
    skipped: Annotated[tuple[Remark, ...], Bounds(most=1000)] = ()
    """Statements that were not run, or not as they are written."""
    failures: Annotated[tuple[Failure, ...], Bounds(most=1000)] = ()
    """Definitions that raised an exception."""
    replacements: Annotated[tuple[Replacement, ...], Bounds(most=1000)] = ()
    """Imports that something else stands in for."""
    notes: Annotated[tuple[Remark, ...], Bounds(most=1000)] = ()
    """Old and removed functions that the code uses."""
    changes: Annotated[tuple[TopLevelChange, ...], Bounds(most=1000)] = ()
    """Statements outside of classes that change them, or torch."""


# ----------------------------------------------------------------------------------------------- evidence of the probes


@dataclass(frozen=True)
class DeviceName:
    """That a session can compute on a device."""

    name: Text
    """What the device calls itself."""


@dataclass(frozen=True)
class Output:
    """The form of an output."""

    shape: Shape
    """(B, C_out, H, W) where it is right."""
    dtype: Line
    """``torch.float32`` where it is right."""
    finite: bool
    """Whether no element is NaN or infinite."""


@dataclass(frozen=True)
class Construction:
    """A network that was constructed, and what came out of it."""

    trainable: Count
    """Elements of all parameters that require gradients, when the network was just made."""
    frozen: Count
    """Elements of all parameters that do not."""
    listed: bool
    """Whether ``model.parameters()`` gives exactly the parameters that were counted."""
    trainable_after: Count
    """``trainable`` once more, after the forward passes."""
    outputs: Annotated[tuple[Output, ...], Bounds(most=10)] = ()
    """Of the inputs for which forward returned a tensor, in their order."""
    stopped: Trouble | None = None
    """What stopped forward at the first input for which it returned none; None if there is no such input."""


@dataclass(frozen=True)
class TracedTensor:
    """A parameter or a buffer of a network."""

    name: Text
    """As ``named_parameters`` gives it: ``downconv1.0.weight``."""
    shape: Shape
    """(C_out, C_in, k, k) for a convolution's weight. A vector that is kept ready for broadcasting counts as (C)."""
    owner: Annotated[tuple[Text, ...], Bounds(least=1, most=20)]
    """The full names of the class of the module that holds it, and of its bases."""
    my_conv2d: bool
    """Whether one of these is a class that the submission calls MyConv2d."""


TracedTensors = Annotated[tuple[TracedTensor, ...], Bounds(most=2000)]


@dataclass(frozen=True)
class Trace:
    """The tensors of a network, by the part they have in a forward pass."""

    parameters: TracedTensors = ()
    """Those that take part, in the order in which layers use them."""
    buffers: TracedTensors = ()
    """The running statistics of normalisations, in the same order."""
    constants: TracedTensors = ()
    """Parameters that take part and are fixed numbers, such as a mask; at most 100."""
    unused: TracedTensors = ()
    """Parameters that take no part; at most 100."""
    updates: Annotated[tuple[Count, ...], Bounds(most=2000)] = ()
    """How many normalisations are given each of the buffers in one forward pass."""
    convolutions: Count = 0
    """Convolutions with different filters on the way from the input to the output."""


@dataclass(frozen=True)
class NetworkRun:
    """That a network ran; its outputs are the tensors of the reply."""

    native: Operations = ()
    """Operations that were given a dilation other than 1."""


@dataclass(frozen=True)
class NetworkCall:
    """That a network was called; its output is the tensor of the reply."""


@dataclass(frozen=True)
class Training:
    """That a network was trained; the losses are a tensor of the reply."""

    moved: Annotated[tuple[bool, ...], Bounds(most=2000)]
    """For each parameter in use, whether training changed it."""
    shapes: Annotated[tuple[Shape, ...], Bounds(most=2000)]
    """The shapes of the same parameters."""


@dataclass(frozen=True)
class LayerRun:
    """That a layer ran; its outputs and gradients are the tensors of the reply."""

    native: Operations
    """Operations that were given a dilation other than 1."""
    output: Output
    """The form of the first call's output."""
    later: Trouble | None = None
    """What stopped a later call; None if nothing did."""


@dataclass(frozen=True)
class Finding:
    """Something that ties a network to one device."""

    what: Text
    """What happens, as a clause."""
    where: Text
    """``models.py, line 12``, or ``forward``."""
    kept: bool | None = None
    """Whether it is about a tensor that the network keeps, and not one that forward makes; None if about neither."""


@dataclass(frozen=True)
class DeviceFindings:
    """Whether a network is tied to one device."""

    findings: Annotated[tuple[Finding, ...], Bounds(most=1000)]
    """What ties it; none if nothing does."""
    settled: bool
    """Whether the question is answered."""
    reason: Text | None = None
    """Why it is not answered; None if it is."""


@dataclass(frozen=True)
class Replies(Generic[R]):
    """The replies to several probes, in their order."""

    replies: tuple[R | Trouble, ...]
    """One for each probe."""


Reply = (
    Outline
    | Definitions
    | DeviceName
    | Construction
    | Trace
    | NetworkRun
    | NetworkCall
    | Training
    | LayerRun
    | DeviceFindings
    | Replies[Any]
    | Trouble
)
"""Whatever can come back."""


# ------------------------------------------------------------------------------------------------------------- probes


@dataclass(frozen=True, kw_only=True)
class Probe(Generic[R]):
    """A question; ``R`` is the record that answers it."""

    do: ClassVar[str]
    """The tag of the probe in JSON."""
    returns: ClassVar[tuple[str, ...]] = ()
    """The tensors that have to come back with the reply."""

    @property
    def subject(self) -> str:
        """What the probe is about: the class that it examines, or else its tag."""
        return self.do


@dataclass(frozen=True, kw_only=True)
class OutlineSource(Probe[Outline]):
    """What does the source say? Nothing of it is run."""

    do: ClassVar[str] = "outline"
    files: tuple[CodeFile, ...]
    """The code of the submission."""


@dataclass(frozen=True, kw_only=True)
class LoadDefinitions(Probe[Definitions]):
    """Run the definitions of a submission, and skip the rest of its top level."""

    do: ClassVar[str] = "load"
    files: tuple[CodeFile, ...]
    """The code of the submission; what is defined twice is taken from the first file."""
    data: tuple[DataFile, ...] = ()
    """The files that the code may read."""
    wanted: tuple[str, ...]
    """The classes to be examined."""
    sparing: bool = False
    """Whether to skip whatever the wanted classes do not need, imports apart."""


@dataclass(frozen=True, kw_only=True)
class NameDevice(Probe[DeviceName]):
    """Can a session compute on this device, and what is its name?"""

    do: ClassVar[str] = "gpu"
    device: str
    """torch's name of the device."""


@dataclass(frozen=True, kw_only=True)
class ClassProbe(Probe[R]):
    """A question about one class of the candidate."""

    cls: str
    """The name of the class."""
    arguments: tuple[int, ...] = ()
    """What its constructor is called with, by position."""
    seed: int = 0
    """What torch's generator is started from. The run's seed cannot be computed from it."""
    elements: int = 2**20
    """The most elements of an output whose values are of use. Of a larger output only the shape comes back."""
    device: str | None = None
    """torch's name of the device that the probe is answered on; None for the CPU."""

    @property
    def subject(self) -> str:
        return self.cls


@dataclass(frozen=True, kw_only=True)
class BuildNetwork(ClassProbe[Construction]):
    """Can the network be constructed, how many parameters has it, and which shapes come out of it?"""

    do: ClassVar[str] = "build"
    inputs: tuple[tuple[int, ...], ...]
    """The shapes (B, C_in, H, W) of the images that it is called with."""
    image: tuple[int, ...]
    """The shape (B, C_in, H, W) that lazy layers learn their sizes from."""


@dataclass(frozen=True, kw_only=True)
class TraceNetwork(ClassProbe[Trace]):
    """Which of its tensors does a forward pass use, and in which order?"""

    do: ClassVar[str] = "trace"


@dataclass(frozen=True, kw_only=True)
class RunNetwork(ClassProbe[NetworkRun]):
    """Which function does the network compute with the examiner's parameters?"""

    do: ClassVar[str] = "run"
    returns: ClassVar[tuple[str, ...]] = ("eval", "alone", "train")


@dataclass(frozen=True)
class Rule:
    """The values of a tensor, from its shape alone: the place of an element modulo ``cycle``, less ``offset``."""

    cycle: int
    """0 for a constant."""
    offset: int
    """What is subtracted."""
    constant: int
    """The value of every element where ``cycle`` is 0."""


@dataclass(frozen=True, kw_only=True)
class CallNetwork(ClassProbe[NetworkCall]):
    """What does a new network put out when a student runs the lines of a report?

    Nothing runs before the call that counts, but the calls that are asked for.
    """

    do: ClassVar[str] = "once"
    returns: ClassVar[tuple[str, ...]] = ("output",)
    filters: Rule
    """The values of its parameters with several axes."""
    vectors: Rule
    """The values of its other parameters."""
    buffers: Rule
    """The values of its buffers."""
    mode: Literal["eval", "train"]
    """The mode that the network is put into."""
    calls: int = 1
    """The number of calls; the last one counts, and those before it get the image plus 1."""


@dataclass(frozen=True, kw_only=True)
class TrainNetwork(ClassProbe[Training]):
    """How do the losses and the parameters change in a short training run?

    It starts from the examiner's parameters if they are given, and from the network's own otherwise.
    """

    do: ClassVar[str] = "learn"
    returns: ClassVar[tuple[str, ...]] = ("losses",)
    optimizer: Literal["sgd", "adam"]
    """``sgd`` has a momentum of 0.9; ``adam`` has its usual moments."""
    rate: float
    """The learning rate."""


@dataclass(frozen=True, kw_only=True)
class RunLayer(ClassProbe[LayerRun]):
    """What does a convolution compute, and which gradients does it give?"""

    do: ClassVar[str] = "layer"
    returns: ClassVar[tuple[str, ...]] = ("output",)


@dataclass(frozen=True, kw_only=True)
class RunOnDevice(ClassProbe[DeviceFindings]):
    """What ties the network to one device? Without a ``device`` it runs on a GPU that is simulated on the CPU."""

    do: ClassVar[str] = "device"


@dataclass(frozen=True, kw_only=True)
class Several(Probe[Replies[R]], Generic[R]):
    """Several probes of one class, to be answered in turn."""

    do: ClassVar[str] = "several"
    probes: tuple[ClassProbe[R], ...]
    """At least one."""

    @property
    def subject(self) -> str:
        return self.probes[0].subject


_REPLIES: dict[type[Probe[Any]], Any] = {
    OutlineSource: Outline,
    LoadDefinitions: Definitions,
    NameDevice: DeviceName,
    BuildNetwork: Construction,
    TraceNetwork: Trace,
    RunNetwork: NetworkRun,
    CallNetwork: NetworkCall,
    TrainNetwork: Training,
    RunLayer: LayerRun,
    RunOnDevice: DeviceFindings,
    Several: Replies,
}
_PROBES: dict[str, type[Probe[Any]]] = {kind.do: kind for kind in _REPLIES}


def reply_type(probe: Probe[R]) -> type[R]:
    """The record that answers a probe."""
    reply: type[R] = _REPLIES[type(probe)]
    return reply


# --------------------------------------------------------------------------------------------------------------- JSON

_PLAIN = frozenset({str, int, bool, float, type(None)})


def to_json(value: Any) -> Any:
    """A record as an object of its fields, with tuples as lists; any other value as it is."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [to_json(item) for item in value]
    if kind is dict:
        return {name: to_json(item) for name, item in value.items()}
    # A record keeps nothing but its fields, in their order.
    return {name: to_json(item) for name, item in vars(value).items()} if dataclasses.is_dataclass(kind) else value


def probe_to_json(probe: Probe[Any]) -> dict[str, Any]:
    """A probe as it is sent."""
    if isinstance(probe, Several):
        return {"do": probe.do, "probes": [probe_to_json(each) for each in probe.probes]}
    return {"do": probe.do, **to_json(probe)}


def reply_to_json(reply: Reply) -> dict[str, Any]:
    """A reply as it is sent."""
    if isinstance(reply, Trouble):
        return {"trouble": to_json(reply)}
    if isinstance(reply, Replies):
        return {"evidence": {"replies": [reply_to_json(each) for each in reply.replies]}}
    return {"evidence": to_json(reply)}


def probe_from_json(message: Mapping[str, Any]) -> Probe[Any]:
    """A probe that the examiner sent. Its form is trusted: raises KeyError or TypeError if it is another one."""
    if message["do"] == Several.do:
        return Several(probes=tuple(_READERS[each["do"]](each) for each in message["probes"]))
    probe: Probe[Any] = _READERS[message["do"]](message)
    return probe


def _reader(hint: Any) -> Callable[[Any], Any]:
    """What makes a value of this type out of JSON."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        item = _reader(arguments[0])
        return tuple if item is _unchanged else lambda value: tuple(map(item, value))
    if origin in (typing.Union, types.UnionType):
        inner = _reader(next(each for each in arguments if each is not type(None)))
        return lambda value: None if value is None else inner(value)
    return _record_reader(hint) if dataclasses.is_dataclass(hint) else _unchanged


def _record_reader(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    readers = {each.name: _reader(hints[each.name]) for each in dataclasses.fields(kind)}

    def read(value: Mapping[str, Any]) -> Any:
        return kind(**{name: reader(value[name]) for name, reader in readers.items() if name in value})

    return read


def _unchanged(value: Any) -> Any:
    return value


# Made now, and not when a probe is first read: sessions are forked from a process that has imported this module.
_READERS = {tag: _record_reader(kind) for tag, kind in _PROBES.items() if kind is not Several}


# --------------------------------------------------------------------------------------- tensors of several probes


def bundle(several: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """The tensors of several probes for one message: each name with the place of its probe before it, ``0/input``."""
    return {f"{place}/{name}": value for place, own in enumerate(several) for name, value in own.items()}


def unbundle(bundled: Mapping[str, T], count: int) -> list[dict[str, T]]:
    """The tensors of each of ``count`` probes; what belongs to none of them is dropped."""
    several: dict[str, dict[str, T]] = {str(place): {} for place in range(count)}
    for name, value in bundled.items():
        place, _, own = name.partition("/")
        if place in several:
            several[place][own] = value
    return list(several.values())
