"""Facts as text: JSON values as people write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from grader.marking.evidence import Json
from grader.report.numbers import figure

__all__ = ["facts"]


ONE_LINE = 80
"""Most characters of an object or list that is written on one line."""


def facts(values: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    """Each name with its value as text. Never raises for JSON values."""
    return tuple((str(name), _text(value)) for name, value in values.items())


def _text(value: Json) -> str:
    """Strings bare, numbers short, the rest in words where it is flat and as JSON where it is deep."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, int | float):
        return figure(value)
    words = _in_words(value)
    if words is not None:
        return words
    try:
        line = json.dumps(value, ensure_ascii=False)
        return line if len(line) <= ONE_LINE else json.dumps(value, ensure_ascii=False, indent=1)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _in_words(value: Mapping[str, Json] | Sequence[Json]) -> str | None:
    """A list or object of plain values, or a list of such objects, as people write them; None for what is deeper."""
    if isinstance(value, Mapping):
        pieces = [f"{key}: {_text(item)}" for key, item in value.items() if _is_plain(item)]
    elif value and all(isinstance(item, Mapping) for item in value):
        lines = [_in_words(item) for item in value if isinstance(item, Mapping)]
        return None if None in lines else "\n".join(line for line in lines if line is not None)
    else:
        pieces = [_text(item) for item in value if _is_plain(item)]
    if len(pieces) < len(value):
        return None
    line = ", ".join(pieces) or "none"
    return line if len(line) <= ONE_LINE else "\n".join(pieces)


def _is_plain(value: Json) -> bool:
    return value is None or isinstance(value, str | int | float)
