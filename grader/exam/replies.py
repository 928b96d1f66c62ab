"""Replies of the worker as they come out of the sandbox: their form is checked before anybody believes them.

A reply is read twice. First it has to fit a strict copy of its record, in which every field has the ``Bounds`` that
``protocol.py`` gives it and no other field is allowed. Then the record itself is made. What a reply claims is compared
with its probe after that, by ``misfit`` and ``too_many``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, Union, cast

import msgspec

from grader.worker.protocol import (
    Bounds,
    BuildNetwork,
    ClassProbe,
    Construction,
    Probe,
    Replies,
    Several,
    Tensors,
    Trace,
    Training,
    Trouble,
    reply_type,
)

__all__ = ["MalformedReply", "misfit", "read_reply", "too_many"]

T = TypeVar("T")
R = TypeVar("R")
_MOST_ELEMENTS = 2**23
"""Elements of all parameters and buffers of a network; the examiner draws a value for each."""
_REMARKS = ("seen", "threads")
"""Keys that stand beside a reply; see ``Session.ask`` and ``Handler.handle``."""


class MalformedReply(Exception):
    """A reply that has another form than was agreed. The text says what is wrong with it, and where."""


def read_reply(probe: Probe[R], message: Mapping[str, Any]) -> R | Trouble:
    """The reply to a probe, out of its JSON. Raises MalformedReply."""
    reply = {name: value for name, value in message.items() if name not in _REMARKS}
    match reply:
        case {"trouble": trouble} if len(reply) == 1:
            return _read(Trouble, trouble)
        case {"evidence": evidence} if len(reply) == 1:
            if isinstance(probe, Several):
                return cast(R, _read_several(probe, evidence))
            return _read(reply_type(probe), evidence)
    raise MalformedReply("neither evidence nor trouble alone")


def _read_several(several: Several[Any], evidence: Any) -> Replies[Any]:
    match evidence:
        case {"replies": [*replies]} if len(evidence) == 1:
            if len(replies) != len(several.probes):
                raise MalformedReply("another number of replies than probes")
            if all(isinstance(reply, dict) for reply in replies):
                answered = zip(several.probes, replies, strict=True)
                return Replies(tuple(read_reply(probe, reply) for probe, reply in answered))
    raise MalformedReply("no list of replies")


def _read(kind: type[T], value: Any) -> T:
    try:
        msgspec.convert(value, _strict(kind), strict=True)
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as broken:
        raise MalformedReply(str(broken)) from broken


def _strict(record: Any) -> Any:
    """A copy of a record that has bounds and allows no other fields. All fields have to be there."""
    if record not in _COPIES:
        hints = typing.get_type_hints(record, include_extras=True)
        fields = [(field.name, _bounded(hints[field.name])) for field in dataclasses.fields(record)]
        _COPIES[record] = msgspec.defstruct(record.__name__, fields, forbid_unknown_fields=True)
    return _COPIES[record]


_COPIES: dict[Any, Any] = {}


def _bounded(hint: Any) -> Any:
    """A type with ``Bounds`` as msgspec has them, and with strict copies in place of records."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        inner, bounds = arguments
        return Annotated[_bounded(inner), _as_meta(inner, bounds)]
    if origin is tuple:
        return tuple[_bounded(arguments[0]), ...]  # type: ignore[misc]
    if origin is dict:
        return dict[_bounded(arguments[0]), _bounded(arguments[1])]  # type: ignore[misc]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, map(_bounded, arguments))
    return _strict(hint) if dataclasses.is_dataclass(hint) else hint


def _as_meta(kind: Any, bounds: Bounds) -> msgspec.Meta:
    if kind is int:
        return msgspec.Meta(ge=bounds.least, le=bounds.most)
    return msgspec.Meta(min_length=bounds.least, max_length=bounds.most)


def misfit(probe: Probe[Any], tensors: Tensors, reply: Any, outputs: Tensors) -> str | None:
    """What is wrong with evidence that has the right form but does not fit its probe; None if nothing is.

    ``tensors`` went with the probe, ``outputs`` came with the reply.
    """
    missing = [name for name in probe.returns if name not in outputs]
    if missing:
        return f"no tensor {missing[0]}"
    if isinstance(probe, ClassProbe):
        # A gradient or a parameter is as large as the tensor that it belongs to.
        most = max([probe.elements, *(value.numel() for value in tensors.values())])
        for name, value in outputs.items():
            if value.numel() <= probe.elements if value.is_meta else value.numel() > most:
                return f"{'no values' if value.is_meta else 'values'} of the tensor {name} of {value.numel()} elements"
    if isinstance(probe, BuildNetwork) and isinstance(reply, Construction):
        ran, asked = len(reply.outputs), len(probe.inputs)
        if ran != asked if reply.stopped is None else ran >= asked:
            return "another number of outputs than inputs"
    if isinstance(reply, Training):
        steps = tensors["batches"].shape[0] + 1
        if list(outputs["losses"].shape) != [steps] or not outputs["losses"].is_floating_point():
            return f"losses of shape {list(outputs['losses'].shape)} for {steps - 1} steps"
        if len(reply.moved) != len(reply.shapes):
            return "moved and shapes differ in length"
    return None


def too_many(trace: Trace) -> str | None:
    """Why a network is too large to be examined, as a clause; None if it is not. Honest networks may be as large."""
    elements = sum(math.prod(tensor.shape) for tensor in (*trace.parameters, *trace.buffers))
    if elements <= _MOST_ELEMENTS:
        return None
    return f"a network of {elements:,} parameters, more than the {_MOST_ELEMENTS:,} that can be examined"
