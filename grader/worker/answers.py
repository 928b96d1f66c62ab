"""Answers to the probes: what a candidate's classes do, as numbers and shapes, never as opinions.

The same functions examine a submission inside the sandbox and the reference in the trusted process, so that the two
sit the same exam. A probe is a JSON message and tensors; so is the evidence that comes back. An exception of the
candidate's code is evidence too: it stands under ``trouble``.

Axes: B batch, C channels (C_in, C_out), H height, W width, k kernel size, T training steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parameter import is_lazy

from .trouble import describe
from .watching import Watching, tensors_in

__all__ = ["EVERY_MY_CONV2D", "answer", "fitted", "held", "pattern"]

Message = dict[str, Any]
Tensors = dict[str, Tensor]
Classes = Mapping[str, Any]

# Taken before any candidate's code runs, so that replacing them, or overriding them in a class, changes nothing here.
_train = nn.Module.train
_numel = Tensor.numel
_set_num_threads = torch.set_num_threads
# torch.manual_seed also notes a stack trace for every kind of accelerator that is not there.
_seed = torch.default_generator.manual_seed
_seed_card = torch.cuda.manual_seed
_set_onednn = torch.backends.mkldnn.set_flags
_module_to, _tensor_to, _tensor_cpu = nn.Module.to, Tensor.to, Tensor.cpu
_requires_grad = Tensor.requires_grad.__get__  # type: ignore[attr-defined]
_cross_entropy, _mse_loss, _allclose = F.cross_entropy, F.mse_loss, torch.allclose
_mro = type.__dict__["__mro__"].__get__
_NATIVE = {
    kind: f"torch.nn.modules.conv.{name}"
    for name, kind in vars(nn.modules.conv).items()
    if isinstance(kind, type) and issubclass(kind, nn.modules.conv._ConvNd)
}


EVERY_MY_CONV2D = "every MyConv2d"
"""The name under which ``classes`` has a tuple of all that a submission calls MyConv2d: each file may hold a copy."""


class Refusal(Exception):
    """The candidate's class did something that no network or layer may do; the text is for the student."""


def answer(
    probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None = None
) -> tuple[Message, Tensors]:
    """Evidence for one probe.

    ``dtype`` puts model and inputs into another precision; only the reference is asked that. A probe with a ``device``
    is answered there, as exactly as it can be; what comes back lies on the CPU.
    A candidate's exception, SystemExit and KeyboardInterrupt included, comes back as ``{"trouble": …}``.
    """
    verb = _VERBS[probe["do"]]
    # A candidate may raise anything at all, BaseException included, and must not end the exam by it.
    try:
        _seed(probe.get("rng", 0))
        with _own_defaults():
            tensors = _cast(tensors, dtype)
            if "device" in probe:
                tensors = _prepare(probe, tensors)
            return verb(probe, tensors, classes, dtype)
    except BaseException as trouble:
        return {"trouble": describe(trouble)}, {}


@contextmanager
def _own_defaults() -> Iterator[None]:
    """Undo what a candidate may have left switched off or changed, for the length of a probe."""
    kept = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    # more threads than a session may have end it
    _set_num_threads(1)
    # oneDNN compiles a kernel for every shape, in every session anew: with tensors this small it never pays
    _set_onednn(False)  # type: ignore[no-untyped-call]
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(kept)


def _prepare(probe: Message, tensors: Tensors) -> Tensors:
    """The tensors on the probe's device, which computes in full precision and twice the same from now on."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if torch.device(probe["device"]).type == "cuda":
        _seed_card(probe.get("rng", 0))
    return {name: _tensor_to(value, probe["device"]) for name, value in tensors.items()}


def _construct(probe: Message, classes: Classes, dtype: torch.dtype | None, image: Sequence[int]) -> nn.Module:
    """A model in the probe's precision and on its device. ``image`` is (B, C_in, H, W), of which lazy layers learn
    their sizes."""
    model = classes[probe["cls"]](*probe["args"], **probe.get("options", {}))
    if not isinstance(model, nn.Module):
        raise Refusal(
            f"{probe['cls']}(…) made a {type(model).__name__}, not an nn.Module: let the class extend nn.Module"
        )
    if dtype is not None:
        model = model.to(dtype)
    if "device" in probe:
        _module_to(model, probe["device"])
    if any(is_lazy(value) for value in _parameters(model).values()):
        _run_dry(model, torch.zeros(tuple(image), dtype=dtype, device=probe.get("device")))
    return model


def _run_dry(model: nn.Module, batch: Tensor) -> None:
    """One call, as lazy layers ask for before anything is done with them (``torch.nn.modules.lazy``)."""
    modes = [(module, module.training) for _, module in _modules(model)]
    _train(model, False)
    with torch.no_grad():
        model(batch)
    for module, training in modes:
        module.training = training


def _forward(model: nn.Module, batch: Tensor) -> Tensor:
    actual = model(batch)
    if not isinstance(actual, Tensor):
        kind = "nothing (None): forward has no return" if actual is None else f"a {type(actual).__name__}, not a tensor"
        raise Refusal(f"forward returned {kind}")
    return actual


def _modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module, each once, in the order of ``named_modules``; no method that a class may override is asked."""
    seen: set[int] = set()
    waiting: list[tuple[str, nn.Module]] = [("", model)]
    while waiting:
        name, module = waiting.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield name, module
            inner = [one for one in _table(module, "_modules") if one[1] is not None]
            waiting += [(f"{name}.{key}" if name else key, child) for key, child in reversed(inner)]


def _table(module: nn.Module, name: str) -> list[tuple[str, Any]]:
    """Entries of ``_modules``, ``_parameters`` or ``_buffers``."""
    table = object.__getattribute__(module, "__dict__").get(name)
    return [] if table is None else list(dict.items(table))


def held(model: nn.Module, table: str) -> dict[str, Any]:
    """Tensors of a table in all modules, by full name, each once, even if registered under two names."""
    found: dict[int, tuple[str, Tensor]] = {}
    for prefix, module in _modules(model):
        for key, value in _table(module, table):
            if value is not None:
                found.setdefault(id(value), (f"{prefix}.{key}" if prefix else key, value))
    return dict(found.values())


def _parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    return held(model, "_parameters")


def _state(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and floating buffers by name."""
    buffers = {name: value for name, value in held(model, "_buffers").items() if value.is_floating_point()}
    return dict(_parameters(model)), buffers


class _FirstUse(Watching):
    """Notes in which order tensors of interest first meet what is made of the input.

    Works below modules and hooks, so it sees ``block.forward(x)``, functional calls and layers kept in lists alike.
    What is made of the input is data. What is made of parameters and buffers alone carries their names, until an
    operation takes it together with data: that is their use, however often they were looked at before, so a bias may be
    prepared before its filter is. A view or a ``.data`` of a tensor lies in the same storage, and is the same.
    """

    def __init__(self, interesting: Mapping[str, Tensor], data: Tensor) -> None:
        super().__init__()
        self.met: dict[str, int] = {}
        """At which operation each name met data."""
        self.touched: dict[str, int] = {}
        """At which operation each name was first read at all."""
        self.normalising: set[str] = set()
        """What was given to a batch-norm as its running statistics."""
        self._clock = 0
        self._spans: dict[int, list[tuple[int, int, str]]] = {}
        # Where a forward gives a parameter other memory, as double() does, the old must not be given to another tensor.
        self._kept = [value.detach() for value in interesting.values()]
        for name, value in interesting.items():
            start = value.data_ptr()
            span = (start, start + max(1, value.numel() * value.element_size()), name)
            self._spans.setdefault(value.untyped_storage().data_ptr(), []).append(span)
        self._made: dict[int, tuple[str, ...] | None] = {}
        """What each storage is made of, names or (None) data. A weak reference keeps the key from being used again."""
        self._mark(data, None)

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)  # type: ignore[no-untyped-call]
        for key in self._made:
            torch.UntypedStorage._free_weak_ref(key)  # type: ignore[no-untyped-call]
        self._made.clear()
        self._kept.clear()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        arguments = [
            (one, value)
            for place, one in enumerate(func._schema.arguments)
            for value in tensors_in(args[place] if place < len(args) else kwargs.get(one.name))
        ]
        name = func._schema.name.removeprefix("aten::")
        if name.startswith(_ADDEND_FIRST):
            arguments.append(arguments.pop(0))
        made_of = self._read(arguments, overwritten=name == "copy_")
        outputs = func(*args, **kwargs)
        if name.startswith("new_") or name.endswith("_like"):  # of their first argument these take the shape alone
            made_of = ()
        for one, value in arguments:
            if one.alias_info is not None and one.alias_info.is_write:
                self._mark(value, made_of)
        known = {_storage(value) for _, value in arguments}
        for value in tensors_in(outputs):
            if _storage(value) not in known:
                self._mark(value, made_of)
        return outputs

    def _read(self, arguments: list[tuple[Any, Tensor]], *, overwritten: bool) -> tuple[str, ...] | None:
        """What an operation's outputs are made of; notes what is used by it.

        ``overwritten``: the first argument is written and not read.
        """
        self._clock += 1
        names: dict[str, None] = {}
        data = False
        for place, (one, value) in enumerate(arguments):
            made_of = self._made_of(value)
            if made_of is None:
                data = True
            elif not (overwritten and place == 0 and self._own(value)):
                names.update(dict.fromkeys(made_of))
                if one.name.startswith("running_"):
                    self.normalising.update(made_of)
        for name in names:
            self.touched.setdefault(name, self._clock)
            if data:
                self.met.setdefault(name, self._clock)
        return None if data else tuple(names)

    def _made_of(self, value: Tensor) -> tuple[str, ...] | None:
        key = _storage(value)
        return self._made[key] if key in self._made else self._own(value)

    def _own(self, value: Tensor) -> tuple[str, ...]:
        try:
            start, spans = value.data_ptr(), self._spans.get(value.untyped_storage().data_ptr(), [])
        except (RuntimeError, NotImplementedError):  # tensors without storage
            return ()
        return tuple(name for first, last, name in spans if first <= start < last)

    def _mark(self, value: Tensor, made_of: tuple[str, ...] | None) -> None:
        key = _storage(value)
        if key is None or (made_of is not None and self._own(value)):
            return
        if key not in self._made:
            value.untyped_storage()._weak_ref()
        self._made[key] = made_of


_ADDEND_FIRST = ("addmm", "addmv", "addbmm", "baddbmm", "addcmul")
"""Operations whose first argument is added to the product of the others: a bias, before its weight."""


def _storage(value: Tensor) -> int | None:
    try:
        return int(value.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):  # tensors without storage
        return None


@dataclass(frozen=True)
class _Used:
    """Names of a network's tensors."""

    parameters: tuple[str, ...]
    """Those that take part, in the order in which layers run."""
    statistics: tuple[str, ...]
    """Buffers in which normalisation keeps its running statistics, in that order too."""
    constants: tuple[str, ...]
    """Parameters that take part and are no more than fixed numbers: a mask, the filter of an upsampling."""


def _used(probe: Message, model: nn.Module, batch: Tensor, again: Callable[[], nn.Module]) -> _Used:
    """What a training-mode forward pass of ``batch`` (B, C_in, H, W) uses; it leaves its trace in the statistics.

    Buffers are statistics where a batch-norm is given them, or where the pass changes them by what it computes; others
    are constants. A parameter is a constant if it does not require gradients and is the same in every network that
    ``again`` makes; vectors are not asked, since the scales of a frozen batch-norm are ones.
    """
    parameters, buffers = _state(model)
    before = {name: value.detach().clone() for name, value in buffers.items()}
    _train(model, True)
    data = batch.clone()
    with _FirstUse({**parameters, **buffers}, data) as use, torch.no_grad():
        _forward(model, data)
    # What goes through numpy is lost from sight: of what was looked at, try whether it changes anything.
    hidden = [name for name in use.touched if name in parameters and name not in use.met]
    taken = {**use.met, **{name: use.touched[name] for name in hidden if _matters(probe, model, name, batch)}}
    order = sorted(taken, key=taken.__getitem__)
    after = _state(model)[1]
    fixed = [name for name in order if name in parameters and _is_fixed(parameters[name])]
    if fixed:
        _seed(probe.get("rng", 0) + 1)
        twin = _parameters(again())
        fixed = [name for name in fixed if name in twin and torch.equal(parameters[name], twin[name])]
        _seed(probe.get("rng", 0))
    return _Used(
        tuple(name for name in order if name in parameters and name not in fixed),
        tuple(
            name
            for name in order
            if name in after and (name in use.normalising or not torch.equal(before[name], after[name]))
        ),
        tuple(fixed),
    )


def _is_fixed(value: Tensor) -> bool:
    return not _requires_grad(value) and value.dim() != 1


def _matters(probe: Message, model: nn.Module, name: str, batch: Tensor) -> bool:
    """Whether the output changes with a parameter; in evaluation mode, where batch-norm takes no constant away."""
    value = _parameters(model)[name]
    kept = value.detach().clone()
    outputs = []
    _train(model, False)
    with torch.no_grad():
        for more in (0, 1):
            value.add_(more)
            _seed(probe.get("rng", 0))
            outputs.append(_forward(model, batch.clone()).clone())
        value.copy_(kept)
    _train(model, True)
    return not torch.equal(*outputs)


class NativeDilation(Watching):
    """Notes every operation that is given a ``dilation`` other than 1, whatever name Python called it by."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for place, argument in enumerate(func._schema.arguments):
            if argument.name == "dilation":
                value = args[place] if place < len(args) else kwargs.get("dilation", 1)
                if any(step != 1 for step in (value if isinstance(value, (tuple, list)) else [value])):
                    self.seen.append(str(func._schema.name))
        return func(*args, **kwargs)


class _Poison(Watching):
    """Fills memory that is handed out uninitialised with NaN, so that using it shows; often it holds zeros by luck."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        fresh = func(*args, **(kwargs or {}))
        if func in _UNINITIALISED and fresh.is_floating_point():
            fresh.fill_(float("nan"))
        return fresh


_UNINITIALISED = {
    torch.ops.aten.empty.memory_format,
    torch.ops.aten.empty_like.default,
    torch.ops.aten.empty_strided.default,
    torch.ops.aten.new_empty.default,
    torch.ops.aten.new_empty_strided.default,
}


def _build(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """Construct, count parameters, run each input (B, C_in, H, W) once; the outputs' shapes and dtypes come back.

    ``image`` is the shape of what lazy layers are called with before they are counted.
    Also whether an optimizer is given what was counted: ``listed``, by ``model.parameters()``; ``trainable_after``: a
    forward pass may have made or frozen more.
    """
    model = _construct(probe, classes, dtype, probe["image"])
    trainable, frozen = _counts(model)
    evidence: Message = {
        "trainable": trainable,
        "frozen": frozen,
        "listed": {id(value) for value in model.parameters()} == {id(value) for value in _parameters(model).values()},
        "outputs": [],
    }
    _train(model, True)
    for shape in probe["inputs"]:
        # The values do not matter here; different ones keep batch-norm away from 0/0.
        batch = torch.linspace(0, 1, int(torch.tensor(shape).prod())).reshape(shape)
        with _Poison():
            evidence["outputs"].append(_attempt(lambda batch=batch: _shape_of(_forward(model, batch))))  # type: ignore[misc]
    evidence["trainable_after"], _ = _counts(model)
    return evidence, {}


def _counts(model: nn.Module) -> tuple[int, int]:
    """Numbers of parameters that require gradients, and that don't."""
    sizes = [(_requires_grad(value), _numel(value)) for value in _parameters(model).values()]
    trainable = sum(size for trains, size in sizes if trains)
    return trainable, sum(size for _, size in sizes) - trainable


def _attempt(action: Callable[[], Message]) -> Message:
    try:
        return action()
    except BaseException as trouble:  # as in answer()
        return {"trouble": describe(trouble)}


def _shape_of(value: Tensor) -> Message:
    return {"shape": list(value.shape), "dtype": str(value.dtype), "finite": bool(torch.isfinite(value).all())}


def _trace(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """The parameters and buffers that a forward pass uses, in the order in which layers run."""
    image = tensors["input"].shape
    model = _construct(probe, classes, dtype, image)
    parameters, buffers = _state(model)
    holders, mine = _holders(model), classes.get(EVERY_MY_CONV2D, (classes.get("MyConv2d"),))
    used = _used(probe, model, tensors["input"], lambda: _construct(probe, classes, dtype, image))

    def line(name: str, value: Tensor) -> Message:
        kinds = _telling(holders.get(id(value), []), mine)
        return {
            "name": name[:200],
            "shape": list(_flat(value, model).shape),
            "owner": [_NATIVE.get(kind) or f"{kind.__module__}.{kind.__qualname__}"[:200] for kind in kinds[:12]],
            "my_conv2d": _is_one_of(mine, kinds),
        }

    return {
        "parameters": [line(name, parameters[name]) for name in used.parameters],
        "buffers": [line(name, buffers[name]) for name in used.statistics],
        "constants": [line(name, parameters[name]) for name in used.constants][:100],
        "unused": [
            line(name, value) for name, value in parameters.items() if name not in used.parameters + used.constants
        ][:100],
    }, {}


def _is_one_of(mine: tuple[Any, ...], kinds: tuple[type, ...]) -> bool:
    """By identity: isinstance asks the class, and a class may lie, about its name as well."""
    return any(kind is one for kind in kinds for one in mine)


def _holders(model: nn.Module) -> dict[int, list[tuple[type, ...]]]:
    """The classes, each with its bases, of all modules that hold a parameter or buffer, by the tensor's identity."""
    holders: dict[int, list[tuple[type, ...]]] = {}
    for _, module in _modules(model):
        for _, value in [*_table(module, "_parameters"), *_table(module, "_buffers")]:
            holders.setdefault(id(value), []).append(_mro(type(module)))
    return holders


def _telling(holders: list[tuple[type, ...]], mine: tuple[Any, ...]) -> tuple[type, ...]:
    """The class, with its bases, that says most of what a tensor is for: a convolution of torch's before MyConv2d."""
    native = (kinds for kinds in holders if any(kind in _NATIVE for kind in kinds))
    handmade = (kinds for kinds in holders if _is_one_of(mine, kinds))
    return next(native, None) or next(handmade, None) or (holders[0] if holders else (object,))


def _put(
    probe: Message, tensors: Tensors, batch: Tensor, model: nn.Module, again: Callable[[], nn.Module]
) -> tuple[list[Tensor], tuple[str, ...]]:
    """Copy ``parameter.i`` and ``buffer.i`` into the model in the order in which layers run.

    The parameters come back, and the names of the buffers, which a forward pass may replace. ``batch`` (B, C_in, H, W)
    is what the order is found with; it leaves its trace in the running statistics only, and those are overwritten.
    Other buffers stay as they were.
    """
    parameters = _parameters(model)
    used = _used(probe, model, batch, again)
    buffers = _state(model)[1]
    used_parameters: list[Tensor] = [parameters[name] for name in used.parameters]
    for kind, values in (("parameter", used_parameters), ("buffer", [buffers[name] for name in used.statistics])):
        for index, value in enumerate(values):
            drawn = tensors[f"{kind}.{index}"]
            if drawn.shape != _flat(value, model).shape:
                raise Refusal(
                    f"{kind} {index} changed its shape from {list(drawn.shape)} to {list(value.shape)} between two runs"
                )
            with torch.no_grad():
                value.copy_(drawn.reshape(value.shape))
    return used_parameters, used.statistics


def _statistics(model: nn.Module, names: Sequence[str]) -> Tensors:
    """``buffer.i``: what the running statistics hold now."""
    buffers = _state(model)[1]
    return {f"buffer.{index}": _flat(buffers[name], model).clone() for index, name in enumerate(names)}


def _flat(value: Tensor, model: nn.Module) -> Tensor:
    """A vector that is kept ready for broadcasting, such as a scale (1, C, 1, 1), as (C); anything else as it is.

    In a network of 1×1 filters nothing is: there a filter can have that shape.
    """
    kept_ready = value.dim() > 1 and [size > 1 for size in value.shape].count(True) == 1
    flat = kept_ready and any(one.dim() == 4 and one.shape[-1] > 1 for one in _parameters(model).values())
    return value.detach().flatten() if flat else value.detach()


def _cast(tensors: Tensors, dtype: torch.dtype | None) -> Tensors:
    if dtype is None:
        return tensors
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in tensors.items()}


def _run(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """The function a network computes: with the examiner's parameters, in evaluation mode, then in training mode.

    Tensors in: ``input`` (B, C_in, H, W), ``parameter.i``, ``buffer.i``. Out: ``eval`` and ``train`` (B, C_out, H, W),
    ``alone`` (1, C_out, H, W), the first image evaluated by itself, and ``buffer.i`` after the training pass. Only
    ``eval`` is computed with gradients on, so that a function that depends on them shows as well. ``native``:
    operations that were given a dilation.
    """
    image = tensors["input"].shape
    model = _construct(probe, classes, dtype, image)
    _, statistics = _put(probe, tensors, tensors["input"], model, lambda: _construct(probe, classes, dtype, image))
    outputs: Tensors = {}

    def note(name: str, batch: Tensor) -> None:
        outputs[name] = _forward(model, batch.clone()).detach().clone()

    with NativeDilation() as native, _Poison():
        _train(model, False)
        note("eval", tensors["input"])
        with torch.no_grad():
            note("alone", tensors["input"][:1])
            _train(model, True)
            note("train", tensors["input"])
    return {"native": sorted(set(native.seen))[:10]}, _contiguous(outputs | _statistics(model, statistics))


def _once(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """What a new network prints where a student pastes the lines of a report: nothing runs before the call that counts.

    ``fill``: for parameters of several axes, for vectors and for buffers, the place modulo a cycle less an offset, or
    a constant where the cycle is 0. ``mode``: ``eval`` or ``train``; ``calls``: how many, of which the last one counts,
    and those before it see the images plus 1.
    Tensors in: ``input`` (B, C_in, H, W). Out: ``output``.
    """
    model = _construct(probe, classes, dtype, tensors["input"].shape)
    parameters, buffers = _state(model)
    filters, vectors, statistics = probe["fill"]
    with torch.no_grad():
        for value in parameters.values():
            value.copy_(pattern(filters if value.dim() > 1 else vectors, value.shape))
        for value in buffers.values():
            value.copy_(pattern(statistics, value.shape))
        model.train(probe["mode"] == "train")
        for _ in range(probe["calls"] - 1):
            _forward(model, tensors["input"] + 1)
        return {}, _contiguous({"output": _forward(model, tensors["input"].clone())})


def pattern(rule: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Values from a shape alone, by a rule of cycle, offset and constant."""
    cycle, offset, constant = rule
    if cycle == 0:
        return torch.full(tuple(shape), float(constant))
    place = torch.arange(int(torch.Size(shape).numel()))
    return (place % cycle - offset).to(torch.float32).reshape(tuple(shape))


def _contiguous(tensors: Tensors) -> Tensors:
    return {name: _tensor_cpu(value.detach()).contiguous().clone() for name, value in tensors.items()}


class _Descent:
    """Gradient steps: ``sgd`` with momentum 0.9 (Sutskever et al. 2013), or ``adam`` (Kingma and Ba 2015, algorithm 1).

    Written out because the first optimizer of torch.optim that a process makes imports torch's compiler, for over a
    second.
    """

    def __init__(self, kind: str, parameters: Sequence[Tensor], rate: float) -> None:
        self._kind, self._parameters, self._rate = kind, parameters, rate
        self._first = [torch.zeros_like(value) for value in parameters]
        self._second = [torch.zeros_like(value) for value in parameters]
        self._steps = 0

    def step(self) -> None:
        """Change the parameters by their gradients, and forget the gradients."""
        self._steps += 1
        with torch.no_grad():
            for value, first, second in zip(self._parameters, self._first, self._second, strict=True):
                if value.grad is None:
                    continue
                if self._kind == "sgd":
                    first.mul_(0.9).add_(value.grad)
                    value.sub_(self._rate * first)
                else:
                    first.mul_(0.9).add_(0.1 * value.grad)
                    second.mul_(0.999).add_(0.001 * value.grad**2)
                    mean, square = first / (1 - 0.9**self._steps), second / (1 - 0.999**self._steps)
                    value.sub_(self._rate * mean / (square.sqrt() + 1e-8))
                value.grad = None


def _learn(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """A short training run, from the examiner's parameters if there are any, else from the class's own.

    Tensors in: ``batches`` (T, B, C_in, H, W), ``labels`` (T, B, H, W) int64 or targets (T, B, C_out, H, W) float,
    ``parameter.i`` and ``buffer.i`` or none. Out: ``losses`` (T + 1), the last one after the last step on the first
    batch, and the final ``parameter.i``, ``buffer.i``; ``moved``: for each used parameter, whether it was trained.
    """
    batches, labels = tensors["batches"], tensors["labels"]
    statistics: tuple[str, ...] = ()

    def made() -> nn.Module:
        return _construct(probe, classes, dtype, batches.shape[1:])

    if "parameter.0" in tensors:
        model = made()
        parameters, statistics = _put(probe, tensors, batches[0], model, made)
    else:
        with _Poison():
            model = made()
        held = _parameters(model)
        parameters = [held[name] for name in _used(probe, model, batches[0], made).parameters]
    start = [value.detach().clone() for value in parameters]
    # As in a training script: the candidate's own methods are asked.
    _train(model, True)
    model.train()
    for value in _parameters(model).values():
        value.grad = None
    trainable = [value for value in model.parameters() if _requires_grad(value)]
    if not trainable:
        raise Refusal("no parameter of the network requires gradients, so there is nothing to train")
    descent = _Descent(probe["optimizer"], trainable, probe["rate"])
    losses = []
    for batch, label in zip(batches, labels, strict=True):
        loss = _loss(_forward(model, batch.clone()), label)
        loss.backward()  # type: ignore[no-untyped-call]
        descent.step()
        losses.append(loss.detach())
    with torch.no_grad():
        losses.append(_loss(_forward(model, batches[0].clone()), labels[0]).detach())
    outputs = {"losses": torch.stack(losses).to(torch.float64)}
    if "parameter.0" in tensors:
        outputs |= {f"parameter.{index}": _flat(value, model) for index, value in enumerate(parameters)}
        outputs |= _statistics(model, statistics)
    least = _MOVED * probe["rate"]
    moved = [
        bool(((value.detach() - first).abs() >= least).any()) for value, first in zip(parameters, start, strict=True)
    ]
    return {"moved": moved, "shapes": [list(_flat(value, model).shape) for value in parameters]}, _contiguous(outputs)


_MOVED = 0.1
"""Of the rate, by which Adam's first step changes each element that has a gradient: less is rounding, or a nudge."""


def _loss(output: Tensor, label: Tensor) -> Tensor:
    """Mean cross-entropy per pixel, or mean squared error where the label is a picture."""
    return _mse_loss(output, label) if label.is_floating_point() else _cross_entropy(output, label)


def _layer(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """One convolution layer: values, and gradients for input, weight and bias.

    Tensors in: ``input`` (B, C_in, H, W), ``weight`` (C_out, C_in, k, k), ``bias`` (C_out), ``upstream``
    (B, C_out, H, W), the gradient that arrives from above. Out: ``output``, in training mode and with gradients;
    ``gradient.input``, ``gradient.weight``, ``gradient.bias`` where they exist; and the same call once more without
    gradients (``again``), and in evaluation mode with and without (``eval``, ``eval.again``), up to the first that says
    something else. ``later`` is the trouble that stopped one of those.
    """
    evidence: Message = {}
    # One watch over all: an operation may be prepared where the layer is made, or chosen by the mode it runs in.
    with NativeDilation() as native:
        layer = _construct(probe, classes, dtype, tensors["input"].shape)
        weight, bias = _weight_and_bias(layer)
        with torch.no_grad():
            weight.copy_(tensors["weight"])
            bias.copy_(tensors["bias"])
        batch = tensors["input"].clone().requires_grad_()
        with _Poison():
            output = _forward(layer, batch)
        outputs = {"output": output}
        if output.requires_grad:
            # Kept for the other calls, since some layers change what they are made of while they run.
            sources = {"input": batch, "weight": weight, "bias": bias}
            # A scalar, because a gradient from above makes torch import its symbolic shapes, for half a second.
            above = (output * fitted(tensors["upstream"], output.shape).to(output.dtype)).sum()
            gradients = torch.autograd.grad(
                above, [value for value in sources.values() if value.requires_grad], allow_unused=True
            )
            learned = iter(gradients)
            for name, source in sources.items():
                gradient = next(learned) if source.requires_grad else None
                if gradient is not None:
                    outputs[f"gradient.{name}"] = gradient
        try:
            for name, (training, learning) in _OTHER_CALLS.items():
                _train(layer, training)
                with torch.set_grad_enabled(learning), _Poison():
                    outputs[name] = _forward(layer, tensors["input"].clone())
                if not _alike(outputs[name], output):
                    break  # a layer that is no longer the same may grow with every call
        except BaseException as trouble:  # as in answer(); what the first call said is evidence all the same
            evidence["later"] = describe(trouble)
    evidence |= {"native": sorted(set(native.seen))[:10], **_shape_of(output)}
    return evidence, _contiguous(outputs)


_OTHER_CALLS = {"again": (True, False), "eval": (False, True), "eval.again": (False, False)}
"""Calls with the same input, after the first: whether in training mode, and whether with gradients."""


def _alike(one: Tensor, other: Tensor) -> bool:
    same = (one.shape, one.dtype) == (other.shape, other.dtype)
    return same and _allclose(one, other, rtol=1e-2, atol=1e-2)


def fitted(upstream: Tensor, shape: Sequence[int]) -> Tensor:
    """The gradient from above for an output of another shape than expected: the same numbers, over and over."""
    if list(upstream.shape) == list(shape):
        return upstream
    return upstream.flatten()[torch.arange(torch.Size(shape).numel()) % upstream.numel()].reshape(shape)


def _weight_and_bias(layer: nn.Module) -> tuple[Tensor, Tensor]:
    parameters = _parameters(layer)
    if {"weight", "bias"} <= parameters.keys():
        return parameters["weight"], parameters["bias"]
    weights = [value for value in parameters.values() if value.dim() == 4]
    biases = [value for value in parameters.values() if value.dim() == 1]
    if len(weights) == 1 and len(biases) == 1:
        return weights[0], biases[0]
    names = ", ".join(sorted(parameters)[:6]) or "no parameters"
    raise Refusal(f"the layer has {names} where one weight (out, in, k, k) and one bias (out) are expected")


_VERBS: dict[str, Callable[[Message, Tensors, Classes, torch.dtype | None], tuple[Message, Tensors]]] = {
    "build": _build,
    "trace": _trace,
    "run": _run,
    "once": _once,
    "learn": _learn,
    "layer": _layer,
}
