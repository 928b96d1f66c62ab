"""Every hostile submission, class by class."""

from __future__ import annotations

from . import forging, packaging, resources, state, theft

__all__ = ["CASES"]

CASES = [*forging.CASES, *resources.CASES, *theft.CASES, *packaging.CASES, *state.CASES]
