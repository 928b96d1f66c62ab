"""Whether a network is tied to one device, told on a machine without a GPU, and confirmed on one where there is one.

Two runs tell. On the CPU, a hard-coded ``.cuda()`` shows by being called. Then the network runs on another device:
every mention of cuda means torch's *meta* device, which has shapes and no values, and says of itself that it is a GPU.
What is made inside forward without a device stays on the CPU, and shows as soon as it meets a tensor that isn't there.
Values read back (``.item()``, ``.cpu()``) are zeros: a network's devices do not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from . import legacy
from .load import Loaded
from .trouble import describe, here
from .watching import Watching

__all__ = ["Elsewhere", "computed_on", "confirm", "examine"]

_patched = mock.patch.object
_META = torch.device("meta")
_CPU = torch.device("cpu")
_GPU = torch.device("cuda", 0)
# The real ones, before legacy.py makes cuda harmless.
_tensor_to, _module_to = Tensor.to, nn.Module.to
_get_device, _get_is_cuda = Tensor.device.__get__, Tensor.is_cuda.__get__  # type: ignore[attr-defined]
_get_is_meta = Tensor.is_meta.__get__  # type: ignore[attr-defined]

Message = dict[str, Any]


class Elsewhere:
    """The definitions as they turn out in a world with a GPU, for one submission.

    Loaded anew where they mention cuda, since at module level ``device = "cuda" if torch.cuda.is_available() else
    "cpu"`` is right and has to see that world; once, for all its networks.
    """

    def __init__(self, files: list[Message], again: Callable[[], Loaded]) -> None:
        self.notes: list[Message] = []
        """What was found while they were loaded."""
        self._files, self._again = files, again
        self._classes: Mapping[str, Any] | None = None

    def classes(self, here: Mapping[str, Any]) -> Mapping[str, Any]:
        """The classes of that world; ``here`` are those of this one."""
        if not any("cuda" in cell["source"] for file in self._files for cell in file["cells"]):
            return here
        if self._classes is None:
            with _elsewhere(self.notes):
                self._classes = self._again().classes
        return self._classes


def examine(probe: Message, tensors: Mapping[str, Tensor], classes: Mapping[str, Any], elsewhere: Elsewhere) -> Message:
    """What ties a class to a device: ``findings`` ({"what", "where"}), and whether the question is ``settled``.

    ``input`` is (B, C_in, H, W).
    """
    findings = _on_the_cpu(probe, tensors["input"], classes)
    if findings:
        return {"findings": findings, "settled": True}
    mixing = _Mixing(_META)
    notes: list[Message] = []
    try:
        classes = elsewhere.classes(classes)
        with _elsewhere(notes):
            model = classes[probe["cls"]](*probe["args"])
            model = _module_to(model, _META)
            with torch.no_grad(), mixing:
                output = model(_tensor_to(tensors["input"], _META))
    except BaseException as trouble:  # the student's code may raise anything
        findings = [*elsewhere.notes, *notes, *mixing.findings]
        if findings:
            return {"findings": findings[:10], "settled": True}
        return _unsettled(trouble)
    findings = [*elsewhere.notes, *notes, *mixing.findings] or _misplaced(probe, output, _META)
    return {"findings": findings[:10], "settled": True}


def confirm(probe: Message, tensors: Mapping[str, Tensor], classes: Mapping[str, Any]) -> Message:
    """The same question put to the device itself, ``probe["device"]``; the same evidence.

    Only what is certain to come from a tie is a finding: tensors of two devices at which an operation stopped, numpy
    asked of a tensor that is not the CPU's, an output that is elsewhere. Anything else may be the card's own trouble.
    """
    device = torch.device(probe["device"])
    mixing = _Mixing(device)
    try:
        model = classes[probe["cls"]](*probe["args"])
        model = _module_to(model, device)
        batch = _tensor_to(tensors["input"], device)
        with torch.no_grad(), mixing:
            output = model(batch)
        findings = _misplaced(probe, output, _get_device(batch))
        if not findings and isinstance(output, Tensor):
            # a card's errors come late: to read the result is to wait for them
            float(output.sum())
    except BaseException as trouble:  # as in examine()
        if isinstance(trouble, TypeError) and "device type tensor to numpy" in str(trouble):
            frames = describe(trouble)["frames"]
            place = f"{frames[-1]['file']}, line {frames[-1]['line']}" if frames else "forward"
            mixing.findings.append({"what": "numpy() does not work on a GPU tensor", "where": place})
        if mixing.findings:
            return {"findings": mixing.findings[:10], "settled": True}
        return _unsettled(trouble)
    return {"findings": findings, "settled": True}


def computed_on(device: str) -> str:
    """The name of a device, after a convolution there, which takes all the libraries that training takes."""
    one = torch.ones(1, 1, 8, 8, device=device)
    float(nn.functional.conv2d(one, one).sum())
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else device


def _unsettled(trouble: BaseException) -> Message:
    told = describe(trouble)
    return {"findings": [], "settled": False, "why": f"{told['type']}: {told['text']}"}


def _misplaced(probe: Message, output: Any, device: torch.device) -> list[Message]:
    """A finding if an output is not where its input was."""
    if not isinstance(output, Tensor) or _get_device(output) == device:
        return []
    return [
        {
            "what": "the output is on the CPU although input and parameters are on a GPU",
            "where": f"the forward of {probe['cls']}",
        }
    ]


def _on_the_cpu(probe: Message, batch: Tensor, classes: Mapping[str, Any]) -> list[Message]:
    """Calls that ask for a GPU although there is none."""
    legacy.cuda_calls.clear()
    with suppress(BaseException), torch.no_grad():  # another probe reports what goes wrong on the CPU
        classes[probe["cls"]](*probe["args"])(batch.clone())
    return [
        {"what": f"{call['what']} asks for a GPU, whatever machine it runs on", "where": call["where"]}
        for call in legacy.cuda_calls
    ]


class _Mixing(Watching):
    """Notes operations on tensors of two devices. Numbers (tensors without axes) and indices may come from the CPU.

    What an operation on meta tensors gives is told by the same operation on zeros: torch's own rules for the meta
    device are written in Python, and importing them takes a second. A real ``device`` decides for itself what may meet.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._kind = device.type
        self.findings: list[Message] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        met = list(_tensors_in((args, kwargs)))
        on_gpu = any(_get_device(one).type == self._kind for one in met)
        strays = [one for one in met if _get_device(one).type != self._kind and one.dim() > 0]
        mixed = on_gpu and strays and func not in _MAY_MIX
        if self._kind != "meta":
            try:
                return func(*args, **kwargs)
            except Exception:
                if mixed:
                    self._note(strays[0])
                raise
        if mixed:
            self._note(strays[0])
        asked = kwargs.get("device")
        if not on_gpu and asked != _META:
            return func(*args, **kwargs)
        changed = func(*_on(_CPU, args), **{**_on(_CPU, kwargs), **({} if asked is None else {"device": _CPU})})
        if func._schema.name.endswith("_"):  # in place
            return args[0]
        return changed if asked == _CPU else _on(_META, changed)

    def _note(self, stray: Tensor) -> None:
        shape = "×".join(map(str, stray.shape))
        finding = {"what": f"a tensor of {shape} on the CPU meets one on the GPU", "where": here() or "forward"}
        if finding not in self.findings:
            self.findings.append(finding)


def _on(device: torch.device, value: Any) -> Any:
    """Tensors anywhere in ``value`` as zeros of the same shapes and types on the CPU, or as empty ones on the meta
    device."""
    if isinstance(value, Tensor):
        if _get_device(value) == device:
            return value
        return torch.zeros(value.shape, dtype=value.dtype, device=device)
    if isinstance(value, (tuple, list)):
        return type(value)(_on(device, one) for one in value)
    return {name: _on(device, one) for name, one in value.items()} if isinstance(value, dict) else value


_MAY_MIX = {
    torch.ops.aten.copy_.default,
    torch.ops.aten._to_copy.default,
    torch.ops.aten.index.Tensor,
    torch.ops.aten.index_put_.default,
    torch.ops.aten.index_put.default,
}


def _tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _tensors_in(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _tensors_in(one)


class _SecondDevice(TorchFunctionMode):
    """A world with a GPU: ``cuda`` in any argument means the meta device, and meta tensors say they are on
    ``cuda:0``."""

    def __init__(self, notes: list[Message]) -> None:
        super().__init__()
        self._notes = notes

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == _get_device:  # made anew at each access, so never the same object
            return _GPU if func(*args) == _META else func(*args)
        if func == _get_is_cuda:
            return _get_device(args[0]) == _META
        if func == _get_is_meta:
            return False
        first = args[0] if args and isinstance(args[0], Tensor) else None
        on_gpu = first is not None and _get_device(first) == _META
        if on_gpu and func in (
            Tensor.item,
            Tensor.__bool__,
            Tensor.__int__,
            Tensor.__float__,
            Tensor.__index__,
            Tensor.tolist,
        ):
            return func(torch.zeros(first.shape, dtype=first.dtype))  # type: ignore[union-attr]
        if on_gpu and func in (Tensor.numpy, Tensor.__array__):
            self._notes.append({"what": "numpy() does not work on a GPU tensor", "where": here() or "forward"})
            return func(torch.zeros(first.shape, dtype=first.dtype), *args[1:], **kwargs)  # type: ignore[union-attr]
        if on_gpu and (func is Tensor.cpu or _asks_for_cpu(func, args, kwargs)):
            return torch.zeros(first.shape, dtype=first.dtype)  # type: ignore[union-attr]
        return func(*(_moved(one) for one in args), **{name: _moved(one) for name, one in kwargs.items()})


def _asks_for_cpu(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    return func is _tensor_to and any(
        (isinstance(one, (str, torch.device)) and str(one).startswith("cpu"))
        or (isinstance(one, Tensor) and _get_device(one).type == "cpu")
        for one in (*args[1:], *kwargs.values())
    )


def _moved(value: Any) -> Any:
    """``cuda`` as the meta device; anything else as it is."""
    if isinstance(value, torch.device) and value.type == "cuda":
        return _META
    return _META if isinstance(value, str) and value.startswith("cuda") else value


@contextmanager
def _elsewhere(notes: list[Message]) -> Iterator[None]:
    """The other world. What doesn't reach the function mode is replaced for its length: modules, and legacy.py's
    own."""

    def to_gpu(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return _tensor_to(self, _META)

    def module_to(self: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
        return _module_to(self, *(_moved(one) for one in args), **{name: _moved(one) for name, one in kwargs.items()})

    replaced: list[tuple[Any, str, Callable[..., Any]]] = [
        (Tensor, "cuda", to_gpu),
        (Tensor, "to", _tensor_to),
        (nn.Module, "to", module_to),
        (nn.Module, "cuda", lambda self, *args, **kwargs: _module_to(self, _META)),
        (torch.cuda, "is_available", lambda: True),
        (torch.cuda, "device_count", lambda: 1),
        (torch.cuda, "current_device", lambda: 0),
    ]
    with ExitStack() as stack:
        for owner, name, other in replaced:
            stack.enter_context(_patched(owner, name, other))
        stack.enter_context(_SecondDevice(notes))
        yield
