"""Every hostile submission, class by class."""

from __future__ import annotations

from . import delays, forging, outputs, owners, packaging, resources, state, theft

__all__ = ["CASES"]

CASES = [
    *(*forging.CASES, *resources.CASES, *outputs.CASES, *theft.CASES),
    *(*packaging.CASES, *state.CASES, *delays.CASES, *owners.CASES),
]
