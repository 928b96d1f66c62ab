"""Whether a network is tied to one device: found out without a GPU, and confirmed on a GPU where there is one.

The network runs twice. On the CPU, a hard-coded ``.cuda()`` is seen when it is called. Then the network runs on
another device: every mention of cuda means torch's *meta* device, which has shapes and no values, and which says here
that it is a GPU. A tensor that forward makes without a device stays on the CPU, and is seen as soon as it meets one
of the other device. Every tensor of the meta device has a shadow on the CPU that holds its values, so reading a value
gives the right one. Each time the network runs in both modes, with gradients and without, since it may be tied in one
of these only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from ..loading import legacy
from ..loading.loader import Loaded
from ..protocol import CodeFile, DeviceFindings, Finding, RunOnDevice, Tensors
from ..trouble import describe, here
from ..witness import ours
from .modules import named_tensors
from .watching import Watching, note_classes, tensors_in

__all__ = ["Elsewhere", "computed_on", "confirm", "examine"]


_patched = mock.patch.object
_META = torch.device("meta")
_CPU = torch.device("cpu")
_GPU = torch.device("cuda", 0)
# The real ones, before legacy.py makes cuda harmless.
_tensor_to, _module_to = Tensor.to, nn.Module.to
_empty, _tensor_type, _train = torch.empty, Tensor.type, nn.Module.train
_get_device, _get_is_cuda = Tensor.device.__get__, Tensor.is_cuda.__get__  # type: ignore[attr-defined]
_get_is_meta = Tensor.is_meta.__get__  # type: ignore[attr-defined]


class Elsewhere:
    """The definitions of one submission as they are on a machine with a GPU, which is simulated.

    They are loaded a second time if they mention cuda: ``device = "cuda" if torch.cuda.is_available() else "cpu"`` is
    right at module level, and has to see that machine. This is done once for all networks of the submission.
    """

    def __init__(self, files: Sequence[CodeFile], again: Callable[[], Loaded]) -> None:
        self._files, self._again = files, again
        self._classes: Mapping[str, Any] | None = None
        self._loaded = _Simulated()
        """With the shadows of the tensors that were made while they were loaded, and with the findings."""

    def classes(self, here: Mapping[str, Any]) -> Mapping[str, Any]:
        """The classes on that machine; ``here`` are those on this one."""
        if not any("cuda" in cell.source for file in self._files for cell in file.cells):
            return here
        if self._classes is None:
            with _elsewhere(self._loaded):
                self._classes = self._again().classes
        return self._classes

    def world(self) -> _Simulated:
        """That machine as it is after loading."""
        return self._loaded.copy()


def examine(probe: RunOnDevice, tensors: Tensors, classes: Mapping[str, Any], elsewhere: Elsewhere) -> DeviceFindings:
    """What ties a class to a device. ``input`` is (B, C_in, H, W)."""
    findings, run = _on_the_cpu(probe, tensors["input"], classes)
    if findings:
        return DeviceFindings(findings, settled=True)
    world = elsewhere.world()
    try:
        classes = elsewhere.classes(classes)
        world = elsewhere.world()
        with _elsewhere(world):
            with world.making():
                model = classes[probe.cls](*probe.arguments)
            model = _module_to(_filled(model, run), _META)
            batch = _tensor_to(tensors["input"], _META)
            outputs = list(_runs(model, batch))
    except BaseException as trouble:  # The student's code may raise anything.
        noted = world.findings or elsewhere.world().findings
        return _settled(noted) if noted else _unsettled(trouble)
    return _settled(world.findings or _misplaced(probe, outputs, _META))


def _filled(model: nn.Module, run: nn.Module | None) -> nn.Module:
    """The model, with the sizes and values that its lazy layers get at their first call, taken from a model that has
    run: torch cannot move lazy layers to the second device."""
    for table in ("_parameters", "_buffers"):
        lazy = {name: value for name, value in named_tensors(model, table).items() if is_lazy(value)}
        known = named_tensors(run, table) if lazy and run is not None else {}
        for name, value in lazy.items():
            value.materialize(known[name].shape)
            value.detach().copy_(known[name].detach())
    return model


def _runs(model: nn.Module, batch: Tensor) -> Iterator[Any]:
    """The outputs in both modes, without gradients and with them. In training mode the gradients are computed too."""
    for training in (True, False):
        _train(model, training)
        for learning in (False, True):
            with torch.set_grad_enabled(learning):
                output = model(batch.clone())
                if training and learning and isinstance(output, Tensor) and output.requires_grad:
                    output.sum().backward()  # type: ignore[no-untyped-call]
            yield output


def confirm(probe: RunOnDevice, device: torch.device, tensors: Tensors, classes: Mapping[str, Any]) -> DeviceFindings:
    """The same question, asked on the device itself.

    Only what certainly comes from being tied is a finding: an operation that stopped because its tensors are on two
    devices, ``numpy()`` of a tensor that is not on the CPU, an output on another device. Anything else may be a trouble
    of the GPU.
    """
    mixing = _Mixing(device)
    try:
        model = classes[probe.cls](*probe.arguments)
        model = _module_to(model, device)
        batch = _tensor_to(tensors["input"], device)
        with mixing:
            outputs = list(_runs(model, batch))
        findings = _misplaced(probe, outputs, _get_device(batch))
        if not findings:
            # A GPU reports its errors late. Reading the results waits for them.
            for output in outputs:
                float(output.sum())
    except BaseException as trouble:  # As in examine().
        if isinstance(trouble, TypeError) and "device type tensor to numpy" in str(trouble):
            frames = describe(trouble).frames
            place = f"{frames[-1].file}, line {frames[-1].line}" if frames else "forward"
            mixing.add("numpy() does not work on a GPU tensor", place)
        return _settled(mixing.findings) if mixing.findings else _unsettled(trouble)
    return _settled(findings)


def computed_on(device: str) -> str:
    """The name of a device, after a convolution on it, which needs all the libraries that training needs."""
    ones = torch.ones(1, 1, 8, 8, device=device)
    float(nn.functional.conv2d(ones, ones).sum())
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else device


def _settled(findings: Sequence[Finding]) -> DeviceFindings:
    return DeviceFindings(tuple(findings[:_MOST_FINDINGS]), settled=True)


def _unsettled(error: BaseException) -> DeviceFindings:
    trouble = describe(error)
    return DeviceFindings((), settled=False, reason=f"{trouble.type}: {trouble.text}")


def _misplaced(probe: RunOnDevice, outputs: list[Any], device: torch.device) -> list[Finding]:
    """A finding if an output is not on the device of its input."""
    if all(not isinstance(output, Tensor) or _get_device(output) == device for output in outputs):
        return []
    what = "the output is on the CPU although input and parameters are on a GPU"
    return [Finding(what, f"the forward of {probe.cls}")]


def _on_the_cpu(
    probe: RunOnDevice, batch: Tensor, classes: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], nn.Module | None]:
    """The calls that ask for a GPU although there is none, and the model that has run."""
    model = None
    legacy.cuda_calls.clear()
    with suppress(BaseException):  # Another probe reports what goes wrong on the CPU.
        model = classes[probe.cls](*probe.arguments)
        for _ in _runs(model, batch):
            pass
    calls = {(call.what, call.where) for call in legacy.cuda_calls}
    findings = tuple(
        Finding(f"{what} asks for a GPU, whatever machine it runs on", where)
        for what, where in sorted(calls)[:_MOST_FINDINGS]
    )
    return findings, model


_MOST_FINDINGS = 10


class _Mixing(Watching):
    """Notes operations on tensors of two devices. Numbers (tensors without axes) and indices may come from the CPU.

    A real device decides by itself which tensors may meet.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._kind = device.type
        self.findings: list[Finding] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        try:
            return func(*args, **(kwargs or {}))
        except Exception:
            for stray in self.stray(func, list(tensors_in((args, kwargs)))):
                self.note(stray)
            raise

    def stray(self, func: Any, met: list[Tensor]) -> list[Tensor]:
        """One tensor of another device that an operation combines with one of this device, if it must not; else
        none."""
        if func in _MAY_MIX or not any(_get_device(value).type == self._kind for value in met):
            return []
        return [value for value in met if _get_device(value).type != self._kind and value.dim() > 0][:1]

    def note(self, stray: Tensor) -> None:
        place, shape = here(), "×".join(map(str, stray.shape))
        # Tensors that meet in forward meet again in its gradient, where no line of the student runs.
        if place is not None or not self.findings:
            kept = self.kept(stray)
            what = "a parameter or tensor that the network keeps, unregistered," if kept else "a tensor"
            self.add(f"{what} of {shape} on the CPU meets one on the GPU", place or "forward", kept=kept)

    def kept(self, stray: Tensor) -> bool:
        """Whether the tensor was not made in forward."""
        return isinstance(stray, nn.Parameter)

    def add(self, what: str, where: str, *, kept: bool = False) -> None:
        finding = Finding(what, where, kept)
        if finding not in self.findings:
            self.findings.append(finding)


class _Simulated(_Mixing):
    """A second device: tensors of the meta device, each with a shadow on the CPU on which operations are carried out.

    Storages correspond, and a tensor lies in its storage as its shadow lies in the other. So views and copies that
    torch makes below Python have the right shadows too. (Torch's own rules for the meta device are written in Python;
    importing them takes a second.)
    """

    def __init__(self) -> None:
        super().__init__(_META)
        # By the address of a storage: the storage itself, which keeps the address from being used again, and its other.
        self._shadows: dict[int, tuple[Any, Any]] = {}
        self._lights: dict[int, tuple[Any, Any]] = {}
        self._kept: dict[int, Any] = {}
        self._making = False

    @contextmanager
    def making(self) -> Iterator[None]:
        """While a network is made: what stays on the CPU now is what it keeps."""
        self._making = True
        try:
            yield
        finally:
            self._making = False

    def kept(self, stray: Tensor) -> bool:
        return super().kept(stray) or stray.untyped_storage()._cdata in self._kept

    def copy(self) -> _Simulated:
        """A world of its own that begins as this one is now."""
        other = _Simulated()
        other.findings, other._shadows, other._lights = [*self.findings], {**self._shadows}, {**self._lights}
        return other

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        met = list(tensors_in((args, kwargs)))
        note_classes(met)
        on_gpu = any(_get_device(one) == _META for one in met)
        asked = kwargs.get("device")
        if not on_gpu and asked != _META:
            made = func(*args, **kwargs)
            if self._making:
                self._kept |= {one.untyped_storage()._cdata: one.untyped_storage() for one in tensors_in(made)}
            return made
        for stray in self.stray(func, met):
            self.note(stray)
        shadows = _each(self.shadow, args)
        changed = func(*shadows, **{**_each(self.shadow, kwargs), **({} if asked is None else {"device": _CPU})})
        if func._schema.name.endswith("_"):  # in place, which may be another shape too
            first, shadow = args[0], shadows[0]
            if first is not shadow and (first.shape, first.stride()) != (shadow.shape, shadow.stride()):
                self._lay(first, shadow)
            return first
        return changed if asked == _CPU else _each(self._lit, changed)

    def shadow(self, value: Tensor) -> Tensor:
        """The values of a tensor, on the CPU; what is there already, as it is. Zeros where nobody knows them."""
        if _get_device(value) != _META:
            return value
        storage = value.untyped_storage()
        if storage._cdata not in self._shadows:
            self._pair(storage, torch.zeros(storage.nbytes(), dtype=torch.uint8).untyped_storage())
        other = self._shadows[storage._cdata][1]
        if other.nbytes() < storage.nbytes():
            other.resize_(storage.nbytes())
        empty = _empty(0, dtype=value.dtype, device=_CPU)
        return empty.set_(other, value.storage_offset(), value.shape, value.stride())

    def _lit(self, shadow: Tensor) -> Tensor:
        """The tensor of the second device that has this shadow."""
        return self._lay(_empty(0, dtype=shadow.dtype, device=_META), shadow)

    def _lay(self, value: Tensor, shadow: Tensor) -> Tensor:
        storage = shadow.untyped_storage()
        if storage._cdata not in self._lights:
            light = _empty(storage.nbytes(), dtype=torch.uint8, device=_META).untyped_storage()
            self._pair(light, storage)
        light = self._lights[storage._cdata][1]
        if light.nbytes() < storage.nbytes():
            light.resize_(storage.nbytes())
        return value.set_(light, shadow.storage_offset(), shadow.shape, shadow.stride())

    def _pair(self, light: Any, shadow: Any) -> None:
        self._shadows[light._cdata], self._lights[shadow._cdata] = (light, shadow), (shadow, light)


def _each(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """``value`` with every tensor in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_each(change, one) for one in value)
    return {name: _each(change, one) for name, one in value.items()} if isinstance(value, dict) else value


_MAY_MIX = frozenset(
    {
        torch.ops.aten.copy_.default,
        torch.ops.aten._to_copy.default,
        torch.ops.aten.index.Tensor,
        torch.ops.aten.index_put_.default,
        torch.ops.aten.index_put.default,
    }
)


class _SecondDevice(TorchFunctionMode):
    """A world with a GPU: ``cuda`` in any argument means the meta device, and meta tensors say they are on
    ``cuda:0``."""

    def __init__(self, world: _Simulated) -> None:
        super().__init__()
        self._world = world

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == _get_device:  # made anew at each access, so never the same object
            return _GPU if func(*args) == _META else func(*args)
        if func == _get_is_cuda:
            return _get_device(args[0]) == _META
        if func == _get_is_meta:
            return False
        first = args[0] if args and isinstance(args[0], Tensor) else None
        if first is not None and _get_device(first) == _META:
            if func in (Tensor.numpy, Tensor.__array__):
                self._world.add("numpy() does not work on a GPU tensor", here() or "forward")
            if func in _READ:
                return func(self._world.shadow(first).detach(), *args[1:], **kwargs)
        return func(*(_moved(one) for one in args), **{name: _moved(one) for name, one in kwargs.items()})


_READ: set[Any] = {Tensor.item, Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__, Tensor.tolist}
_READ |= {Tensor.numpy, Tensor.__array__, Tensor.__repr__, Tensor.__format__}


def _moved(value: Any) -> Any:
    """``cuda`` as the meta device; anything else as it is."""
    if isinstance(value, torch.device) and value.type == "cuda":
        return _META
    return _META if isinstance(value, str) and value.startswith("cuda") else value


def _cuda_type(name: str, dtype: torch.dtype) -> type:
    """``torch.cuda.FloatTensor`` of that world."""

    def make(cls: type, *arguments: Any) -> Tensor:
        return _tensor_to(getattr(torch, name)(*arguments), _META)

    return type(f"torch.cuda.{name}", (), {"__new__": make, "dtype": dtype})


_KINDS = {
    f"{kind}Tensor": getattr(torch, dtype)
    for kind, dtype in zip(
        ("Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool"),
        ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool"),
        strict=True,
    )
}
_TYPES = {name: _cuda_type(name, dtype) for name, dtype in _KINDS.items()}


def _type(self: Tensor, dtype: Any = None, *arguments: Any, **keywords: Any) -> Any:
    """``Tensor.type`` of that world, where the type of a tensor says on which device it is."""
    if dtype is None:
        name = next((name for name, known in _KINDS.items() if known == self.dtype), "Tensor")
        return f"torch.{'' if _get_device(self) == _CPU else 'cuda.'}{name}"
    told = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", "")
    kind = _KINDS.get(told.rpartition(".")[2])
    if kind is None or isinstance(dtype, torch.dtype):
        return _tensor_type(self, dtype, *arguments, **keywords)
    return _tensor_to(self, _META if "cuda" in told else _CPU, kind)


_SAID = {
    "is_available": True, "device_count": 1, "current_device": 0, "get_device_name": "GPU",
    "get_device_capability": (8, 0), "memory_allocated": 0, "max_memory_allocated": 0, "memory_reserved": 0,
    "max_memory_reserved": 0, "synchronize": None, "empty_cache": None, "set_device": None,
    "reset_peak_memory_stats": None,
}  # fmt: skip
"""What torch.cuda says in that world."""


@contextmanager
def _elsewhere(world: _Simulated) -> Iterator[None]:
    """The other world. What doesn't reach the function mode is replaced for its length: modules, and legacy.py's
    own."""

    def to_gpu(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return _tensor_to(self, _META)

    def module_to(self: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
        return _module_to(self, *(_moved(one) for one in args), **{name: _moved(one) for name, one in kwargs.items()})

    replaced: list[tuple[Any, str, Any]] = [
        (Tensor, "cuda", to_gpu),
        (Tensor, "to", _tensor_to),
        (Tensor, "type", _type),
        (nn.Module, "to", module_to),
        (nn.Module, "cuda", lambda self, *args, **kwargs: _module_to(self, _META)),
        *((torch.cuda, name, lambda *args, said=said, **kwargs: said) for name, said in _SAID.items()),
        *((torch.cuda, name, kind) for name, kind in _TYPES.items()),
        *((torch.cuda.nvtx, name, lambda *args, **kwargs: 0) for name in ("range_push", "range_pop", "mark")),
    ]
    stack = ExitStack()

    def replace() -> None:
        for owner, name, other in replaced:
            stack.enter_context(_patched(owner, name, other))

    try:
        ours(replace)
        with _SecondDevice(world), world:
            yield
    finally:
        ours(stack.close)
