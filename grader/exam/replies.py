"""Replies of the worker: the agreed form of each, checked before anybody believes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from fastjsonschema import JsonSchemaValueException
from fastjsonschema import compile as compile_schema
from torch import Tensor

__all__ = ["Message", "Tensors", "check_form", "misfit", "refuse_fractions", "too_many"]

# Elements of all the parameters and buffers that a network may say it has: the examiner draws a value for each.
_MOST_ELEMENTS = 2**25

Message = dict[str, Any]
Tensors = dict[str, Tensor]


def check_form(message: Message, reply: Message) -> None:
    """Raises JsonSchemaValueException for a reply that is not of the agreed form."""
    _SCHEMAS[message["do"]](reply)
    if message["do"] == "several" and "trouble" not in reply:
        if len(reply["replies"]) != len(message["probes"]):
            raise JsonSchemaValueException("another number of replies than probes")
        for probe, one in zip(message["probes"], reply["replies"], strict=True):
            check_form(probe, one)


def misfit(probe: Message, tensors: Tensors, evidence: Message, outputs: Tensors) -> str | None:
    """What is wrong with a reply that has the right keys; None if nothing is."""
    missing = [name for name in _TENSORS.get(probe["do"], ()) if name not in outputs]
    if missing:
        return f"no tensor {missing[0]}"
    if probe["do"] == "build" and len(evidence["outputs"]) != len(probe["inputs"]):
        return "another number of outputs than inputs"
    if probe["do"] == "learn":
        steps = tensors["batches"].shape[0] + 1
        if list(outputs["losses"].shape) != [steps] or not outputs["losses"].is_floating_point():
            return f"losses of shape {list(outputs['losses'].shape)} for {steps - 1} steps"
        if len(evidence["moved"]) != len(evidence["shapes"]):
            return "moved and shapes differ in length"
    return None


def too_many(trace: Message) -> str | None:
    """Why a network cannot be examined: honest ones may be as large."""
    elements = sum(math.prod(line["shape"]) for line in (*trace["parameters"], *trace["buffers"]))
    if elements <= _MOST_ELEMENTS:
        return None
    return f"a network of {elements:,} parameters, more than the {_MOST_ELEMENTS:,} that can be examined"


_TENSORS = {"run": ("eval", "alone", "train"), "learn": ("losses",), "layer": ("output",), "once": ("output",)}


def _list(of: Mapping[str, Any], most: int) -> Message:
    return {"type": "array", "items": of, "maxItems": most}


def _record(properties: Mapping[str, Any]) -> Message:
    """An object with all of these keys."""
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


# Whatever becomes a sentence in the report has its length; whatever becomes a number or a size, its range.
_TEXT = {"type": "string", "maxLength": 10_000}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 2**40}
_SHAPE = _list(_COUNT, 12)
_FRAME = _record({"file": _TEXT, "line": {"type": ["integer", "null"], "maximum": 2**40}, "text": _TEXT})
_PARTS = {"type": _TEXT, "text": _TEXT, "frames": _list(_FRAME, 50)}
_TROUBLE = _record(_PARTS)
_LINE = _record(
    {"name": _TEXT, "shape": _SHAPE, "owner": {**_list(_TEXT, 20), "minItems": 1}, "my_conv2d": {"type": "boolean"}}
)
_LINES = _list(_LINE, 2000)
_REMARKS = _list(_record({"where": _TEXT, "what": _TEXT, "why": _TEXT}), 1000)
_FAILURES = _list(_record({"where": _TEXT, "what": _TEXT, "names": _list(_TEXT, 20), **_PARTS}), 1000)
_STOOD_IN = _list(_record({"module": _TEXT, "why": _TEXT}), 1000)
_CONFLICTS = _list(_record({"name": _TEXT, "paths": _list(_TEXT, 1000)}), 100)


def refuse_fractions(value: Any) -> None:
    """To the schema language 3.0 is an integer; to torch it is no size. Evidence in numbers comes as tensors."""
    level = [value]
    while level:
        below: list[Any] = []
        for one in level:
            kind = type(one)
            if kind is float:
                raise JsonSchemaValueException(f"{one} where no fraction can stand")
            if kind is dict:
                below += one.values()
            elif kind is list:
                below += one
        level = below


def _schema(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Callable[[Message], Message]:
    """Checks that a reply is either trouble, or an object with these keys; raises JsonSchemaValueException."""
    properties = {**required, **(optional or {}), "trouble": _TROUBLE}
    check: Callable[[Message], Message] = compile_schema(
        {"type": "object", "properties": properties, "anyOf": [{"required": ["trouble"]}, {"required": list(required)}]}
    )
    return check


_OUTPUT = {
    "type": "object",
    "properties": {"shape": _SHAPE, "dtype": _TEXT, "finite": {"type": "boolean"}, "trouble": _TROUBLE},
    "anyOf": [{"required": ["trouble"]}, {"required": ["shape", "dtype", "finite"]}],
}
_SCHEMAS = {
    "outline": _schema(
        {"files": {"type": "array", "items": {"type": "object", "required": ["path", "classes", "problems"]}}}
    ),
    "load": _schema(
        {
            "classes": _list(_TEXT, 100),
            "chosen": {"type": "object", "additionalProperties": _TEXT, "maxProperties": 100},
            "conflicts": _CONFLICTS,
            "left_out": _REMARKS,
            "failed": _FAILURES,
            "stood_in": _STOOD_IN,
            "notes": _REMARKS,
        }
    ),
    "build": _schema(
        {
            "trainable": _COUNT,
            "frozen": _COUNT,
            "listed": {"type": "boolean"},
            "outputs": {"type": "array", "items": _OUTPUT, "maxItems": 10},
            "trainable_after": _COUNT,
        }
    ),
    "trace": _schema({"parameters": _LINES, "buffers": _LINES, "constants": _LINES, "unused": _LINES}),
    "several": _schema({"replies": {"type": "array", "items": {"type": "object"}}}),
    "once": _schema({}),
    "run": _schema({"native": _list(_TEXT, 20)}),
    "learn": _schema({"moved": _list({"type": "boolean"}, 2000), "shapes": _list(_SHAPE, 2000)}),
    "layer": _schema({"native": _list(_TEXT, 20), "shape": _SHAPE, "finite": {"type": "boolean"}}, {"later": _TROUBLE}),
    "device": _schema(
        {"findings": _list(_record({"what": _TEXT, "where": _TEXT}), 1000), "settled": {"type": "boolean"}},
        {"why": _TEXT},
    ),
}
