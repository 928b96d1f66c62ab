"""Old and removed functions of torch and numpy that work again, and ``.cuda()`` that does no harm without a GPU.

Submissions of 2018 to 2020 were written for torch 0.4 to 1.4. Functions that those versions had and later ones dropped
get their old meaning back, with a remark the first time each is used. Code that uses none of them runs as without this
module. Where there is no GPU, to ask for one moves nothing, and is remembered in ``cuda_calls`` for the device check;
``torch.cuda.is_available()`` still returns False.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import re
import sys
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.jit import _builtins
from torch.nn import functional as F

from ..trouble import here, is_theirs
from .equivalents import equivalent

__all__ = ["CudaCall", "Note", "cuda_calls", "install", "uninstall"]


Note = Callable[[str, str, str], None]
"""Called with where the student uses it (``models.py, line 12``), the old name, and what is done about it."""


@dataclass(frozen=True)
class CudaCall:
    """A call of the student's that asked for a GPU where there is none."""

    where: str
    """``models.py, line 12``."""
    what: str
    """``.cuda()``."""


cuda_calls: list[CudaCall] = []
"""The calls since the last ``install``, in order."""

_MOST_CALLS = 100_000
_Undo = Callable[[], object]
_undo: list[_Undo] = []
_seen: set[str] = set()
_note: list[Note] = []


def install(note: Note) -> None:
    """Make old functions work from now on; ``note`` is called the first time that each of them is used.

    Side effects on torch, numpy and the standard library, in the whole process, until ``uninstall``. A further call
    only replaces ``note`` and clears the remarks and ``cuda_calls``.
    """
    _note[:] = [note]
    _seen.clear()
    cuda_calls.clear()
    warnings.simplefilter("ignore")
    if _undo:
        return
    _old_functions()
    _old_names()
    _replace(np, "load", _load_of_colours(np.load))
    _replace(torch.Tensor, "__getitem__", _getitem(torch.Tensor.__getitem__))
    if not torch.cuda.is_available():
        _without_gpu()


def uninstall() -> None:
    """Put everything back as it was, except the filter of warnings."""
    while _undo:
        _undo.pop()()


def _remark(name: str, why: str) -> None:
    # Libraries call old functions too; only the student's own use deserves a remark.
    place = here()
    if place is not None and name not in _seen:
        _seen.add(name)
        for note in _note:
            note(place, name, why)


def _replace(owner: Any, name: str, value: Any) -> None:
    namespace = vars(owner)
    if name in namespace:
        before = namespace[name]
        _undo.append(lambda: setattr(owner, name, before))
    else:
        _undo.append(lambda: delattr(owner, name))
    setattr(owner, name, value)


# -------------------------------------------------------------------------------------------------- old functions

_RENAMED = {
    "upsample": "interpolate",
    "upsample_nearest": "interpolate",
    "upsample_bilinear": "interpolate",
    "tanh": "torch.tanh",
    "sigmoid": "torch.sigmoid",
}
_INIT = ("uniform", "normal", "constant", "eye", "dirac", "orthogonal", "sparse")
_INIT_FILLS = ("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal")


def _old_functions() -> None:
    for name, modern in _RENAMED.items():
        if hasattr(F, name):
            _replace(F, name, _remarked(getattr(F, name), f"F.{name}", f"an old name: {modern} is the new one"))
    for name in (*_INIT, *_INIT_FILLS):
        function = getattr(nn.init, name, None) or getattr(nn.init, f"{name}_")
        _replace(nn.init, name, _remarked(function, f"nn.init.{name}", f"an old name: {name}_ is the new one"))
    _replace(torch.autograd.Function, "__call__", _called)
    _replace(torch, "range", _remarked(getattr(torch, "range", _range), "torch.range", "deprecated: ends are included"))


def _remarked(function: Callable[..., Any], name: str, why: str) -> Callable[..., Any]:
    remark = _remark

    def used(*arguments: Any, **keywords: Any) -> Any:
        remark(name, why)
        return function(*arguments, **keywords)

    return _known_to_jit(used, function)


def _known_to_jit(made: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    """``made``, wrapped so that torch.jit compiles it as the ``original`` that it replaces.

    torch.jit reads a Python function's source (of the original, by ``__wrapped__``) in its globals, and knows a
    built-in one by identity.
    """
    if isinstance(original, types.FunctionType) and isinstance(made, types.FunctionType):
        copy = types.FunctionType(made.__code__, original.__globals__, made.__name__, None, made.__closure__)
        return functools.update_wrapper(copy, original)
    table: dict[int, str] = _builtins._get_builtin_table()  # type: ignore[no-untyped-call]
    if id(original) in table:
        table[id(made)] = table[id(original)]
        _undo.append(lambda: table.pop(id(made), ""))
    return functools.update_wrapper(made, original)


class _Self:
    """``self`` of an old autograd function: its own attributes, and the context of the call."""

    def __init__(self, function: Any, context: Any) -> None:
        vars(self).update(_function=function, _context=context)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context if name in _OF_CONTEXT else self._function, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._function, name, value)


_OF_CONTEXT = {"save_for_backward", "saved_tensors", "needs_input_grad", "mark_dirty", "mark_non_differentiable"}


def _called(self: Any, *inputs: Any) -> Any:
    """``MyFunction()(x)``, with ``forward`` and ``backward`` that take ``self``, as torch had it until 1.2."""
    kind = type(self)
    _remark("torch.autograd.Function", "called as an object, as before torch 1.3: static methods are the new way")

    def forward(context: Any, *arguments: Any) -> Any:
        return kind.forward(_Self(self, context), *arguments)

    def backward(context: Any, *gradients: Any) -> Any:
        return kind.backward(_Self(self, context), *gradients)

    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(kind.__name__, (torch.autograd.Function,), methods).apply(*inputs)  # type: ignore[attr-defined]


def _range(start: float, end: float | None = None, step: float = 1, **keywords: Any) -> torch.Tensor:
    """``torch.range`` with both ends, for versions that no longer have it."""
    first, last = (0, start) if end is None else (start, end)
    count = int((last - first) / step) + 1
    keywords.setdefault("dtype", torch.get_default_dtype())
    return first + step * torch.arange(count, **keywords)


def _getitem(original: Callable[..., Any]) -> Callable[..., Any]:
    def getitem(self: torch.Tensor, index: Any) -> Any:
        try:
            return original(self, index)
        except IndexError:
            if self.dim() == 0 and type(index) is int and index == 0:
                _remark("loss.data[0]", "read as .item(): a loss has no dimensions since torch 0.4")
                return self.item()
            raise

    return getitem


_COLOURS = re.compile(r"colou?r_kmeans(\d{1,3})_cat7\.npy$")


def _load_of_colours(original: Callable[..., Any]) -> Callable[..., Any]:
    """``numpy.load`` that gives the course's own colours their form, because nobody hands in that file."""

    @functools.wraps(original)
    def load(file: Any, *arguments: Any, **keywords: Any) -> Any:
        try:
            return original(file, *arguments, **keywords)
        except FileNotFoundError:
            match = _COLOURS.search(str(file))
            if match is None or here() is None:
                raise
            why = "the course's file is not here: its colours are replaced by the same number of greys"
            _remark(f"numpy.load of {match[0]}", why)
            count = int(match[1])
            colours = np.empty(1, dtype=object)
            colours[0] = np.repeat(np.linspace(0.0, 1.0, count)[:, None], 3, axis=1)
            return colours

    return load


# ----------------------------------------------------------------------------------------------------- old names

_NUMPY = {
    **{name: getattr(builtins, name) for name in ("int", "float", "bool", "object", "str", "complex")},
    **{"long": int, "unicode": str, "float_": np.float64, "complex_": np.complex128, "unicode_": np.str_},
    **{"Inf": np.inf, "Infinity": np.inf, "infty": np.inf, "NaN": np.nan, "NAN": np.nan},
    **{"product": np.prod, "cumproduct": np.cumprod, "alltrue": np.all, "sometrue": np.any},
    **{"row_stack": np.vstack, "asscalar": lambda array: array.item()},
}
_STANDARD = ("collections", "itertools", "fractions", "time", "string", "inspect", "os")


def _old_names() -> None:
    _answer_for(np, _NUMPY.get)
    for module in _STANDARD:
        _answer_for(importlib.import_module(module), functools.partial(_of_standard_library, module))


def _of_standard_library(module: str, name: str) -> Any:
    modern = equivalent(f"{module}.{name}")
    return None if modern is None else modern.value


def _answer_for(module: types.ModuleType, old: Callable[[str], Any]) -> None:
    """Give ``module`` the attributes that it no longer has and that ``old`` knows."""
    before: Callable[[str], Any] | None = vars(module).get("__getattr__")

    def missing(name: str) -> Any:
        # Libraries look which attributes numpy and others have; only the student's code is given those that are gone.
        asked_by_student = is_theirs(sys._getframe(1).f_code.co_filename)
        value = old(name) if asked_by_student and not name.startswith("__") else None
        if value is not None:
            _remark(f"{module.__name__}.{name}", "removed: replaced by its modern equivalent")
            return value
        if before is not None:
            return before(name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    _replace(module, "__getattr__", missing)


# -------------------------------------------------------------------------------------------------- without a GPU

_ACCELERATORS = ("cuda", "mps", "xpu", "hip", "xla", "hpu")
_FACTORIES = (
    *("tensor", "as_tensor", "zeros", "ones", "empty", "full", "eye", "arange", "range", "linspace", "rand", "randn"),
    *("randint", "randperm", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like"),
)
_TENSOR_FACTORIES = ("new_tensor", "new_zeros", "new_ones", "new_empty", "new_full")
_KINDS = ("Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool")


def _in_vain(device: Any) -> bool:
    """Whether ``device`` is a GPU that this machine does not have."""
    if isinstance(device, torch.device):
        is_gpu = device.type in _ACCELERATORS
    elif isinstance(device, str):
        is_gpu = device.partition(":")[0] in _ACCELERATORS
    else:
        is_gpu = type(device) is int and device >= 0
    return is_gpu and not torch.cuda.is_available()


def _record(what: str) -> None:
    place = here()
    if place is not None and len(cuda_calls) < _MOST_CALLS:
        cuda_calls.append(CudaCall(place, what))


def _without_gpu() -> None:
    _replace(torch.Tensor, "cuda", _stays)
    _replace(nn.Module, "cuda", _stays)
    _replace(torch.Tensor, "to", _to(torch.Tensor.to))
    _replace(nn.Module, "to", _to(nn.Module.to))
    # Of a lazy layer, PyTorch allows only the methods in this list.
    for lazy in (nn.UninitializedParameter, nn.UninitializedBuffer):
        allowed = getattr(lazy, "_allowed_methods")  # noqa: B009
        _replace(lazy, "_allowed_methods", [*allowed, torch.Tensor.cuda, torch.Tensor.to])
    _replace(torch.Tensor, "type", _type(torch.Tensor.type))
    for name in _FACTORIES:
        _replace(torch, name, _on_cpu(getattr(torch, name), f"torch.{name}"))
    for name in _TENSOR_FACTORIES:
        _replace(torch.Tensor, name, _on_cpu(getattr(torch.Tensor, name), f".{name}"))
    for kind in _KINDS:
        _replace(torch.cuda, f"{kind}Tensor", _cuda_type(f"{kind}Tensor"))
    for name, value in (("set_device", None), ("synchronize", None), ("current_device", 0)):
        _replace(torch.cuda, name, _idle(f"torch.cuda.{name}()", value))
    for name in ("set_default_device", "set_default_tensor_type"):
        _replace(torch, name, _default(getattr(torch, name), name))


def _stays(self: Any, *arguments: Any, **keywords: Any) -> Any:
    """``.cuda()`` of tensors and modules."""
    _record(".cuda()")
    return self


def _to(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def to(self: Any, *arguments: Any, **keywords: Any) -> Any:
        device = keywords.get("device", arguments[0] if arguments else None)
        if not _in_vain(device):
            return original(self, *arguments, **keywords)
        _record(f'.to("{device}")')
        if "device" in keywords:
            keywords["device"] = "cpu"
        else:
            arguments = ("cpu", *arguments[1:])
        return original(self, *arguments, **keywords)

    return to


def _type(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def of_type(self: Any, dtype: Any = None, *arguments: Any, **keywords: Any) -> Any:
        name = getattr(dtype, "__name__", dtype)
        if isinstance(name, str) and name.startswith("torch.cuda."):
            _record(f".type({name})")
            dtype = name.replace("torch.cuda.", "torch.")
        return original(self, dtype, *arguments, **keywords)

    return of_type


def _on_cpu(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    in_vain, record = _in_vain, _record

    def made(*arguments: Any, **keywords: Any) -> Any:
        device = keywords.get("device")
        if device is not None and in_vain(device):
            record(f'{name}(device="{device}")')
            keywords["device"] = "cpu"
        return original(*arguments, **keywords)

    return _known_to_jit(made, original)


def _cuda_type(name: str) -> type:
    """``torch.cuda.FloatTensor``, which makes tensors on the CPU; no tensor is an instance of it."""

    def make(cls: type, *arguments: Any, **keywords: Any) -> Any:
        _record(f"torch.cuda.{name}()")
        return getattr(torch, name)(*arguments, **keywords)

    return type(f"torch.cuda.{name}", (), {"__new__": make})


def _idle(what: str, value: Any) -> Callable[..., Any]:
    def idle(*arguments: Any, **keywords: Any) -> Any:
        _record(what)
        return value

    return idle


def _default(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def default(kind: Any) -> Any:
        text = str(getattr(kind, "__name__", kind))
        if _in_vain(kind) or text.startswith("torch.cuda."):
            _record(f"torch.{name}({text})")
            return None
        return original(kind)

    return default
