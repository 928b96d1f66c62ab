"""The evidence of a mark, read for drawing: keys that reports know become typed records, all others stay as they are.

Evidence holds JSON values only. A known key whose value has not the form described here is shown plainly with the
others, so that nothing that a check reports can be lost or stop a report. Keys that are drawn:

``difference``
    ``expected_shape``, ``actual_shape`` (lists of int), ``elements``, ``differing`` (counts), ``worst`` (``index``,
    ``expected``, ``actual``), ``largest``, ``tolerance`` (absolute differences), ``map`` (absolute differences over
    height × width, a list of rows). Each may be missing or null.
``curve``
    ``expected``, ``actual``: one loss for each training step; ``tolerance`` (absolute), may be missing or null.
``snippet``
    ``code``: the smallest failing input, ready to paste; ``expected``, ``actual``: what it prints.
``configurations``
    A list of ``arguments`` (object), ``expected``, ``actual`` (text), ``ok`` (bool).
``remarks``
    A list of sentences.

``margins`` is for whoever measures the grader, and never shown.

Numbers may be the strings ``nan``, ``inf`` and ``-inf``, as JSON has no others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from grader.report.numbers import figure

__all__ = ["Configuration", "Curve", "Difference", "Evidence", "Snippet", "Worst", "facts", "read"]


T = TypeVar("T")

ONE_LINE = 80
"""Most characters of an object or list that is written on one line."""

_FOR_PROGRAMS = ("margins",)


@dataclass(frozen=True)
class Worst:
    """The element that differs most."""

    index: tuple[int, ...]
    expected: float
    actual: float


@dataclass(frozen=True)
class Difference:
    """How one tensor differs from the expected one; None where it is not known."""

    expected_shape: tuple[int, ...] | None
    actual_shape: tuple[int, ...] | None
    elements: int | None
    differing: int | None
    worst: Worst | None
    largest: float | None
    """Largest absolute difference."""
    tolerance: float | None
    """Largest absolute difference that is allowed."""
    map: tuple[tuple[float, ...], ...]
    """Absolute differences ``(height, width)``; empty where there is none."""

    @property
    def comparable(self) -> bool:
        """Whether there are values to speak of: tensors of different shapes have none in common."""
        return self.expected_shape is None or self.actual_shape is None or self.expected_shape == self.actual_shape


@dataclass(frozen=True)
class Curve:
    """Training loss by step."""

    expected: tuple[float, ...]
    actual: tuple[float, ...]
    tolerance: float | None


@dataclass(frozen=True)
class Snippet:
    """The smallest failing input as code, and what it prints."""

    code: str
    expected: str
    actual: str


@dataclass(frozen=True)
class Configuration:
    """One set of constructor arguments that was tried."""

    arguments: tuple[tuple[str, str], ...]
    expected: str
    actual: str
    ok: bool


@dataclass(frozen=True)
class Evidence:
    """All of a mark's evidence."""

    difference: Difference | None
    curve: Curve | None
    snippet: Snippet | None
    configurations: tuple[Configuration, ...]
    remarks: tuple[str, ...]
    others: tuple[tuple[str, str], ...]
    """Unknown keys and malformed known ones, with their values as text."""

    def __bool__(self) -> bool:
        """Whether there is anything to unfold beneath the feedback."""
        return bool(self.difference or self.curve or self.snippet or self.configurations or self.remarks or self.others)


def read(evidence: Mapping[str, Any]) -> Evidence:
    """Typed evidence. Never raises for JSON values."""
    left = {str(key): value for key, value in evidence.items() if key not in _FOR_PROGRAMS}

    def take(key: str, parse: Callable[[Any], T], absent: T) -> T:
        if left.get(key) is None:
            left.pop(key, None)
            return absent
        try:
            value = parse(left[key])
        except _Malformed:
            return absent
        del left[key]
        return value

    return Evidence(
        difference=take("difference", _difference, None),
        curve=take("curve", _curve, None),
        snippet=take("snippet", _snippet, None),
        configurations=take("configurations", _configurations, ()),
        remarks=take("remarks", lambda value: tuple(_text(item) for item in _list(value)), ()),
        others=facts(left),
    )


def facts(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """JSON values by name, as text."""
    return tuple((str(key), _shown(value)) for key, value in values.items())


class _Malformed(Exception):
    """A known key's value has another form than the module's docstring says."""


def _difference(value: Any) -> Difference:
    fields = _object(value)
    return Difference(
        expected_shape=_optional(fields, "expected_shape", _shape),
        actual_shape=_optional(fields, "actual_shape", _shape),
        elements=_optional(fields, "elements", _count),
        differing=_optional(fields, "differing", _count),
        worst=_optional(fields, "worst", _worst),
        largest=_optional(fields, "largest", _number),
        tolerance=_optional(fields, "tolerance", _number),
        map=_optional(fields, "map", _map) or (),
    )


def _worst(value: Any) -> Worst:
    fields = _object(value)
    return Worst(
        index=_shape(fields.get("index")),
        expected=_number(fields.get("expected")),
        actual=_number(fields.get("actual")),
    )


def _map(value: Any) -> tuple[tuple[float, ...], ...]:
    rows = tuple(_numbers(row) for row in _list(value))
    if len({len(row) for row in rows}) > 1:
        raise _Malformed
    return rows


def _curve(value: Any) -> Curve:
    fields = _object(value)
    return Curve(
        expected=_numbers(fields.get("expected")),
        actual=_numbers(fields.get("actual")),
        tolerance=_optional(fields, "tolerance", _number),
    )


def _snippet(value: Any) -> Snippet:
    fields = _object(value)
    return Snippet(_text(fields.get("code")), _text(fields.get("expected")), _text(fields.get("actual")))


def _configurations(value: Any) -> tuple[Configuration, ...]:
    return tuple(_configuration(_object(item)) for item in _list(value))


def _configuration(fields: Mapping[str, Any]) -> Configuration:
    ok = fields.get("ok")
    if not isinstance(ok, bool):
        raise _Malformed
    arguments = tuple((str(name), _shown(item)) for name, item in _object(fields.get("arguments")).items())
    return Configuration(arguments, _shown(fields.get("expected")), _shown(fields.get("actual")), ok)


def _optional(fields: Mapping[str, Any], key: str, parse: Callable[[Any], T]) -> T | None:
    value = fields.get(key)
    return None if value is None else parse(value)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _Malformed
    return value


def _list(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _Malformed
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Malformed
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _Malformed
    return value


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(_count(size) for size in _list(value))


def _number(value: Any) -> float:
    if value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Malformed
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(_number(item) for item in _list(value))


def _shown(value: Any) -> str:
    """A JSON value as text: strings bare, numbers short, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, int | float):
        return figure(value)
    if isinstance(value, Mapping | list | tuple) and (text := _in_words(value)) is not None:
        return text
    try:
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= ONE_LINE else json.dumps(value, ensure_ascii=False, indent=1)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _in_words(value: Mapping[str, Any] | list[Any] | tuple[Any, ...]) -> str | None:
    """A list or object of plain values, or a list of such objects, as people write them; None for what is deeper."""
    if isinstance(value, Mapping):
        pieces = [f"{key}: {_shown(item)}" for key, item in value.items() if _is_plain(item)]
    elif value and all(isinstance(item, Mapping) for item in value):
        lines = [_in_words(item) for item in value]
        return None if None in lines else "\n".join(line for line in lines if line is not None)
    else:
        pieces = [_shown(item) for item in value if _is_plain(item)]
    if len(pieces) < len(value):
        return None
    line = ", ".join(pieces) or "none"
    return line if len(line) <= ONE_LINE else "\n".join(pieces)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)
