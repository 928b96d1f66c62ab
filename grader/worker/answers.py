"""Answers to the probes: what a candidate's classes do, as numbers and shapes, never as opinions.

The same functions examine a submission inside the sandbox and the reference in the trusted process, so that the two
sit the same exam. A probe is a JSON message and tensors; so is the evidence that comes back. An exception of the
candidate's code is evidence too: it stands under ``trouble``.

Axes: B batch, C channels (C_in, C_out), H height, W width, k kernel size, T training steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .trouble import describe
from .watching import Watching

__all__ = ["answer", "fitted", "pattern"]

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
_cross_entropy, _mse_loss = F.cross_entropy, F.mse_loss
_mro = type.__dict__["__mro__"].__get__
_NATIVE = {
    kind: f"torch.nn.modules.conv.{name}"
    for name, kind in vars(nn.modules.conv).items()
    if isinstance(kind, type) and issubclass(kind, nn.modules.conv._ConvNd)
}


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


@contextlib.contextmanager
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


def _construct(probe: Message, classes: Classes, dtype: torch.dtype | None) -> nn.Module:
    model = classes[probe["cls"]](*probe["args"], **probe.get("options", {}))
    if not isinstance(model, nn.Module):
        raise Refusal(
            f"{probe['cls']}(…) made a {type(model).__name__}, not an nn.Module: let the class extend nn.Module"
        )
    if dtype is not None:
        model = model.to(dtype)
    if "device" in probe:
        _module_to(model, probe["device"])
    return model


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


def _held(model: nn.Module, table: str) -> dict[str, Any]:
    """Tensors of a table in all modules, by full name, each once, even if registered under two names."""
    found: dict[int, tuple[str, Tensor]] = {}
    for prefix, module in _modules(model):
        for key, value in _table(module, table):
            if value is not None:
                found.setdefault(id(value), (f"{prefix}.{key}" if prefix else key, value))
    return dict(found.values())


def _parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    return _held(model, "_parameters")


def _state(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and floating buffers by name."""
    buffers = {name: value for name, value in _held(model, "_buffers").items() if value.is_floating_point()}
    return dict(_parameters(model)), buffers


class _FirstUse(Watching):
    """Notes in which order tensors of interest are first read by an operation.

    Works below modules and hooks, so it sees ``block.forward(x)``, functional calls and layers kept in lists alike.
    A view or a ``.data`` of a parameter lies in the same storage, and counts as that parameter.
    """

    def __init__(self, interesting: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.order: list[str] = []
        self._spans: dict[int, list[tuple[int, int, str]]] = {}
        for name, value in interesting.items():
            start = value.data_ptr()
            span = (start, start + max(1, value.numel() * value.element_size()), name)
            self._spans.setdefault(value.untyped_storage().data_ptr(), []).append(span)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in _NOT_A_USE:
            for value in _tensors_in((args, kwargs)):
                self._note(value)
        return func(*args, **kwargs)

    def _note(self, value: Tensor) -> None:
        try:
            spans = self._spans.get(value.untyped_storage().data_ptr(), [])
            start = value.data_ptr()
        except (RuntimeError, NotImplementedError):  # tensors without storage
            return
        for first, last, name in spans:
            if first <= start < last and name not in self.order:
                self.order.append(name)


_NOT_A_USE = {torch.ops.aten.detach.default, torch.ops.aten.alias.default}


def _tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _tensors_in(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _tensors_in(one)


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
    """Construct, count parameters, run each input (B, C_in, H, W) once; the outputs' shapes and dtypes come back."""
    model = _construct(probe, classes, dtype)
    parameters = _parameters(model)
    evidence: Message = {
        "trainable": sum(_numel(value) for value in parameters.values() if _requires_grad(value)),
        "frozen": sum(_numel(value) for value in parameters.values() if not _requires_grad(value)),
        "outputs": [],
    }
    _train(model, True)
    for shape in probe["inputs"]:
        # The values do not matter here; different ones keep batch-norm away from 0/0.
        batch = torch.linspace(0, 1, int(torch.tensor(shape).prod())).reshape(shape)
        with _Poison():
            evidence["outputs"].append(_attempt(lambda batch=batch: _shape_of(_forward(model, batch))))  # type: ignore[misc]
    return evidence, {}


def _attempt(action: Callable[[], Message]) -> Message:
    try:
        return action()
    except BaseException as trouble:  # as in answer()
        return {"trouble": describe(trouble)}


def _shape_of(value: Tensor) -> Message:
    return {"shape": list(value.shape), "dtype": str(value.dtype), "finite": bool(torch.isfinite(value).all())}


def _trace(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """The parameters and buffers that a forward pass uses, in the order in which layers run."""
    model = _construct(probe, classes, dtype)
    parameters, buffers = _state(model)
    holders = _holders(model)
    _train(model, True)
    with _FirstUse({**parameters, **buffers}) as use, torch.no_grad():
        _forward(model, tensors["input"])

    def line(name: str, value: Tensor) -> Message:
        kinds = _telling(holders.get(id(value), []))
        return {
            "name": name[:200],
            "shape": list(value.shape),
            "owner": [_NATIVE.get(kind) or f"{kind.__module__}.{kind.__qualname__}"[:200] for kind in kinds[:12]],
            # by identity: isinstance asks the class, and the class may lie
            "my_conv2d": any(_is_my_conv2d(kind) for kind in kinds),
        }

    return {
        "parameters": [line(name, parameters[name]) for name in use.order if name in parameters],
        "buffers": [line(name, buffers[name]) for name in use.order if name in buffers],
        "unused": [line(name, value) for name, value in parameters.items() if name not in use.order][:100],
    }, {}


def _is_my_conv2d(kind: type) -> bool:
    """By name, because it may be copied into every file of a submission; by whatever is native it gives itself away."""
    return bool(type.__getattribute__(kind, "__name__") == "MyConv2d")  # the class itself may lie


def _holders(model: nn.Module) -> dict[int, list[tuple[type, ...]]]:
    """The classes, each with its bases, of all modules that hold a parameter or buffer, by the tensor's identity."""
    holders: dict[int, list[tuple[type, ...]]] = {}
    for _, module in _modules(model):
        for _, value in [*_table(module, "_parameters"), *_table(module, "_buffers")]:
            holders.setdefault(id(value), []).append(_mro(type(module)))
    return holders


def _telling(holders: list[tuple[type, ...]]) -> tuple[type, ...]:
    """The class, with its bases, that says most of what a tensor is for: a convolution of torch's before MyConv2d."""
    native = (kinds for kinds in holders if any(kind in _NATIVE for kind in kinds))
    mine = (kinds for kinds in holders if any(map(_is_my_conv2d, kinds)))
    return next(native, None) or next(mine, None) or (holders[0] if holders else (object,))


def _put(model: nn.Module, tensors: Tensors, batch: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Copy ``parameter.i`` and ``buffer.i`` into the model in the order in which layers run; both lists come back.

    ``batch`` (B, C_in, H, W) is what the order is found with; it leaves its trace in the running statistics only,
    and those are overwritten. Other buffers stay as they were.
    """
    parameters, buffers = _state(model)
    _train(model, True)
    with _FirstUse({**parameters, **buffers}) as use, torch.no_grad():
        _forward(model, batch)
    used_parameters = [parameters[name] for name in use.order if name in parameters]
    used_buffers = [buffers[name] for name in use.order if name in buffers]
    for kind, used in (("parameter", used_parameters), ("buffer", used_buffers)):
        for index, value in enumerate(used):
            drawn = tensors[f"{kind}.{index}"]
            if drawn.shape != value.shape:
                raise Refusal(
                    f"{kind} {index} changed its shape from {list(drawn.shape)} to {list(value.shape)} between two runs"
                )
            with torch.no_grad():
                value.copy_(drawn)
    return used_parameters, used_buffers


def _cast(tensors: Tensors, dtype: torch.dtype | None) -> Tensors:
    if dtype is None:
        return tensors
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in tensors.items()}


def _run(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """The function a network computes: with the examiner's parameters, in evaluation mode, then in training mode.

    Tensors in: ``input`` (B, C_in, H, W), ``parameter.i``, ``buffer.i``. Out: ``eval`` and ``train`` (B, C_out, H, W)
    and ``buffer.i`` after the training pass. ``native``: operations that were given a dilation.
    """
    model = _construct(probe, classes, dtype)
    _, buffers = _put(model, tensors, tensors["input"])
    outputs: Tensors = {}
    with NativeDilation() as native, torch.no_grad(), _Poison():
        for mode in ("eval", "train"):
            _train(model, mode == "train")
            outputs[mode] = _forward(model, tensors["input"].clone()).detach().clone()
    outputs |= {f"buffer.{index}": value.detach().clone() for index, value in enumerate(buffers)}
    return {"native": sorted(set(native.seen))[:10]}, _contiguous(outputs)


def _once(probe: Message, tensors: Tensors, classes: Classes, dtype: torch.dtype | None) -> tuple[Message, Tensors]:
    """What a new network prints where a student pastes the lines of a report: nothing runs before the call that counts.

    ``fill``: for parameters of several axes, for vectors and for buffers, the place modulo a cycle less an offset, or a
    constant where the cycle is 0. ``mode``: ``eval`` or ``train``; ``calls``: how many, of which the last one counts;
    those before it see the images plus 1.
    Tensors in: ``input`` (B, C_in, H, W). Out: ``output``.
    """
    model = _construct(probe, classes, dtype)
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
    model = _construct(probe, classes, dtype)
    batches, labels = tensors["batches"], tensors["labels"]
    if "parameter.0" in tensors:
        parameters, buffers = _put(model, tensors, batches[0])
    else:
        with _Poison():
            model = _construct(probe, classes, dtype)
        everything, _ = _state(model)
        with _FirstUse(everything) as use, torch.no_grad():
            _forward(model, batches[0].clone())
        parameters, buffers = [everything[name] for name in use.order], []
    start = [value.detach().clone() for value in parameters]
    _train(model, True)
    for value in _parameters(model).values():
        value.grad = None
    trainable = [value for value in _parameters(model).values() if _requires_grad(value)]
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
    if buffers or "parameter.0" in tensors:
        outputs |= {f"parameter.{index}": value for index, value in enumerate(parameters)}
        outputs |= {f"buffer.{index}": value for index, value in enumerate(buffers)}
    least = _MOVED * probe["rate"]
    moved = [
        bool(((value.detach() - first).abs() >= least).any()) for value, first in zip(parameters, start, strict=True)
    ]
    return {"moved": moved, "shapes": [list(value.shape) for value in parameters]}, _contiguous(outputs)


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
    gradients (``again``), and in evaluation mode with and without (``eval``, ``eval.again``). ``later`` is the trouble
    that stopped one of those.
    """
    evidence: Message = {}
    # One watch over all: an operation may be prepared where the layer is made, or chosen by the mode it runs in.
    with NativeDilation() as native:
        layer = _construct(probe, classes, dtype)
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
        except BaseException as trouble:  # as in answer(); what the first call said is evidence all the same
            evidence["later"] = describe(trouble)
    evidence |= {"native": sorted(set(native.seen))[:10], **_shape_of(output)}
    return evidence, _contiguous(outputs)


_OTHER_CALLS = {"again": (True, False), "eval": (False, True), "eval.again": (False, False)}
"""Calls with the same input, after the first: whether in training mode, and whether with gradients."""


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
