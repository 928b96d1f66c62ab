"""A hash over records, which is the same in every process."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

__all__ = ["fingerprint"]


def fingerprint(value: Any) -> str:
    """SHA-256 over a value made of records, mappings, sequences, numbers and texts. It is the same in every process."""
    return hashlib.sha256(json.dumps(_canonical(value), ensure_ascii=True, allow_nan=True).encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """The value in JSON's types, with the kind of everything that JSON would not tell apart."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return ["enum", value.value]
    if isinstance(value, str):
        return ["text", value]
    if isinstance(value, Fraction):
        return ["fraction", value.numerator, value.denominator]
    if isinstance(value, Path):
        return ["path", str(value)]
    if isinstance(value, Mapping):
        pairs = [[_canonical(key), _canonical(item)] for key, item in value.items()]
        return ["mapping", sorted(pairs, key=json.dumps)]
    if isinstance(value, list | tuple):
        return ["sequence", *map(_canonical, value)]
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return ["record", type(value).__name__, _canonical(fields)]
    raise TypeError(f"a key is made of records, mappings, sequences, numbers and texts, was {type(value).__name__}")
