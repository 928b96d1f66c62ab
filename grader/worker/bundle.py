"""Tensors of several probes under one roof: what goes with one message, or comes back with one reply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

__all__ = ["bundle", "unbundle"]


T = TypeVar("T")


def bundle(several: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """Each name with the place of its mapping before it: ``0/input``, ``1/input``."""
    return {f"{place}/{name}": value for place, own in enumerate(several) for name, value in own.items()}


def unbundle(bundled: Mapping[str, T], count: int) -> list[dict[str, T]]:
    """The ``count`` mappings again; what has no place among them is left out."""
    found: dict[str, dict[str, T]] = {str(place): {} for place in range(count)}
    for name, value in bundled.items():
        place, _, own = name.partition("/")
        if place in found:
            found[place][own] = value
    return list(found.values())
