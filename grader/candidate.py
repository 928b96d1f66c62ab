"""A submission as a candidate: probes go to its worker, and whatever comes back is checked before anybody believes it.

A worker that hangs or dies answers that probe with ``trouble`` and is started anew for the next one, so that one
criterion's failure takes no other's marks. What comes back malformed counts as trouble too: only the submission's own
code can have bent it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from jsonschema import Draft202012Validator
from torch import Tensor

__all__ = ["Session", "Submitted", "Unexaminable"]

# A class that did not finish so many times is not tried again.
_HANGS = 2

Message = dict[str, Any]
Tensors = dict[str, Tensor]


class Unexaminable(Exception):
    """The worker could not even read the source; the text is a sentence about the submission."""


class Session(Protocol):
    """The worker's end as this module needs it; see ``grader/sandbox.py``."""

    def ask(self, message: Mapping[str, Any], tensors: Mapping[str, Tensor] = ..., *, seconds: float) -> tuple[Message, Tensors]: ...
    def close(self) -> None: ...
    @property
    def output(self) -> str: ...


class Submitted:
    """One submission's worker.

    ``open`` starts a session, when it is first needed; ``failure`` is the exception by which a session says that the submission broke it.
    ``seconds`` is the wall time for the whole submission, ``probe_seconds`` for one probe; a probe that hangs is not counted
    in the former, and what hangs twice is not tried a third time.
    """

    def __init__(
        self, open: Callable[[], Session], failure: type[Exception], *, seconds: float, probe_seconds: float
    ) -> None:
        self._open = open
        self._failure = failure
        self._until = time.monotonic() + seconds
        self._probe_seconds = probe_seconds
        self._session: Session | None = None
        self._load: Message | None = None
        self._output = ""
        self._hangs: Counter[str] = Counter()

    @property
    def output(self) -> str:
        """What the student's code printed, in all sessions; bounded."""
        return (self._output + (self._session.output if self._session else ""))[:20_000]

    def outline(self, files: list[Message]) -> Message:
        """What the parser sees, before any code runs. Raises Unexaminable."""
        reply = self._ask({"do": "outline", "files": files}, {})[0]
        if "trouble" in reply:
            raise Unexaminable(f"The source could not be parsed: {reply['trouble']['text']}.")
        return reply

    def load(self, files: list[Message], wanted: list[str]) -> Message:
        """Run the definitions. What stops the worker altogether comes back as ``trouble``."""
        self._load = {"do": "load", "files": files, "wanted": wanted}
        return self._ask(self._load, {})[0]

    def answer(self, probe: Message, tensors: Tensors) -> tuple[Message, Tensors]:
        """Evidence for a probe, or ``{"trouble": …}``."""
        if self._session is None and self._load is not None:
            loading = self._ask(self._load, {})[0]
            if "trouble" in loading:
                return loading, {}
        return self._ask(probe, tensors)

    def close(self) -> None:
        """End the worker."""
        if self._session is not None:
            self._output += self._session.output
            self._session.close()
            self._session = None

    def _ask(self, message: Message, tensors: Tensors) -> tuple[Message, Tensors]:
        begun = time.monotonic()
        left = self._until - begun
        if left <= 0:
            return _stopped("the time allowed for one submission was used up"), {}
        subject = str(message.get("cls", message["do"]))
        if self._hangs[subject] >= _HANGS:
            return _stopped("the code did not finish in time when it was tried before"), {}
        if self._session is None:
            self._session = self._open()
        try:
            evidence, outputs = self._session.ask(message, tensors, seconds=min(left, self._probe_seconds))
        except self._failure as failure:
            if getattr(failure, "kind", "") == "timeout":
                # What one class wastes is not taken from the others' time.
                self._hangs[subject] += 1
                self._until += time.monotonic() - begun
            self.close()
            return _stopped(getattr(failure, "detail", str(failure))), {}
        if "failure" in evidence:
            return _stopped(str(evidence["failure"])[:300]), {}
        broken = next(iter(_SCHEMAS[message["do"]].iter_errors(evidence)), None)
        if broken is not None:
            self.close()
            return _stopped(f"its reply was not of the agreed form ({broken.message[:120]})"), {}
        bent = None if "trouble" in evidence else _bent(message, tensors, evidence, outputs)
        return (_stopped(f"its reply was not of the agreed form ({bent})"), {}) if bent else (evidence, outputs)


def _bent(probe: Message, tensors: Tensors, evidence: Message, outputs: Tensors) -> str | None:
    """What is wrong with a reply that has the right keys; None if nothing is."""
    missing = [name for name in _TENSORS.get(probe["do"], ()) if name not in outputs]
    if missing:
        return f"no tensor {missing[0]}"
    if probe["do"] == "build" and len(evidence["outputs"]) != len(probe["inputs"]):
        return "another number of outputs than inputs"
    if probe["do"] == "learn":
        steps = tensors["batches"].shape[0] + 1
        if list(outputs["losses"].shape) != [steps]:
            return f"losses of shape {list(outputs['losses'].shape)} for {steps - 1} steps"
        if len(evidence["moved"]) != len(evidence["shapes"]):
            return "moved and shapes differ in length"
    return None


_TENSORS = {"run": ("eval", "train"), "learn": ("losses",), "layer": ("output", "again")}


def _stopped(why: str) -> Message:
    return {"trouble": {"type": "Stopped", "text": why, "frames": []}}


_TEXT = {"type": "string", "maxLength": 20_000}
_COUNT = {"type": "integer", "minimum": 0}
_SHAPE = {"type": "array", "items": _COUNT, "maxItems": 12}
_TROUBLE = {
    "type": "object",
    "required": ["type", "text", "frames"],
    "properties": {"type": _TEXT, "text": _TEXT, "frames": {"type": "array", "maxItems": 50, "items": {"type": "object"}}},
}
_LINE = {
    "type": "object",
    "required": ["name", "shape", "owner", "my_conv2d"],
    "properties": {"name": _TEXT, "shape": _SHAPE, "owner": {"type": "array", "items": _TEXT, "minItems": 1}, "my_conv2d": {"type": "boolean"}},
}
_LINES = {"type": "array", "items": _LINE, "maxItems": 2000}
_STATEMENTS = {"type": "array", "items": {"type": "object"}, "maxItems": 2000}


def _schema(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Draft202012Validator:
    """Either trouble, or an object with these keys."""
    properties = {**required, **(optional or {}), "trouble": _TROUBLE}
    return Draft202012Validator(
        {"type": "object", "properties": properties, "anyOf": [{"required": ["trouble"]}, {"required": list(required)}]}
    )


_OUTPUT = {
    "anyOf": [
        {"type": "object", "required": ["trouble"], "properties": {"trouble": _TROUBLE}},
        {
            "type": "object",
            "required": ["shape", "dtype", "finite"],
            "properties": {"shape": _SHAPE, "dtype": _TEXT, "finite": {"type": "boolean"}},
        },
    ]
}
_SCHEMAS = {
    "outline": _schema({"files": {"type": "array", "items": {"type": "object", "required": ["path", "classes", "problems"]}}}),
    "load": _schema(
        {
            "classes": {"type": "array", "items": _TEXT},
            "chosen": {"type": "object", "additionalProperties": _TEXT},
            "conflicts": _STATEMENTS,
            "left_out": _STATEMENTS,
            "failed": _STATEMENTS,
            "stood_in": _STATEMENTS,
            "notes": _STATEMENTS,
        }
    ),
    "build": _schema({"trainable": _COUNT, "frozen": _COUNT, "outputs": {"type": "array", "items": _OUTPUT, "maxItems": 10}}),
    "trace": _schema({"parameters": _LINES, "buffers": _LINES, "unused": _LINES}),
    "run": _schema({}),
    "learn": _schema(
        {"moved": {"type": "array", "items": {"type": "boolean"}}, "shapes": {"type": "array", "items": _SHAPE}}
    ),
    "layer": _schema({"native": {"type": "array", "items": _TEXT, "maxItems": 20}, "shape": _SHAPE, "finite": {"type": "boolean"}}),
    "device": _schema({"findings": _STATEMENTS, "settled": {"type": "boolean"}}),
}
