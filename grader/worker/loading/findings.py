"""What loading a submission has to report: lines skipped, definitions that failed, imports replaced, notes."""

from __future__ import annotations

from typing import Any

from ..trouble import bounded, describe
from .files import Unit

__all__ = ["Findings"]


_MOST = 500
"""Entries of each kind. Further ones are dropped, so that no submission can make a reply too large to send."""
_MOST_NAMES = 20


class Findings:
    """Lists that grow while a submission is loaded. Their entries are JSON values."""

    def __init__(self) -> None:
        self.left_out: list[dict[str, str]] = []
        """``where``, ``what`` and ``why`` of statements that were not run, or not as they are written; each once."""
        self.failed: list[dict[str, Any]] = []
        """``where`` and ``what`` of definitions that raised, the ``names`` that they should have bound, and ``type``,
        ``text`` and ``frames`` of the exception."""
        self.notes: list[dict[str, str]] = []
        """``where``, ``what`` and ``why`` of notes on code that runs, but with a meaning that it no longer has."""
        self._replaced: dict[str, str] = {}

    @property
    def stood_in(self) -> list[dict[str, str]]:
        """``module`` and ``why`` of imports that something else replaces."""
        return [{"module": module, "why": why} for module, why in self._replaced.items()]

    def skip(self, where: str, what: str, why: str) -> None:
        """The line ``what`` at the place ``where`` was not run, or not as it is written."""
        entry = {"where": where, "what": what, "why": why}
        if len(self.left_out) < _MOST and entry not in self.left_out:
            self.left_out.append(entry)

    def skip_unit(self, unit: Unit, why: str) -> None:
        """As ``skip``, for a whole top-level statement."""
        self.skip(unit.where, unit.what, why)

    def fail(self, unit: Unit, error: BaseException) -> None:
        """The unit raised ``error`` and binds nothing."""
        if len(self.failed) < _MOST:
            names = sorted(unit.bound)[:_MOST_NAMES]
            self.failed.append({"where": unit.where, "what": unit.what, "names": names, **describe(error)})

    def note(self, where: str, what: str, why: str) -> None:
        """The line or the function ``what`` is used at ``where``, and has another meaning today."""
        if len(self.notes) < _MOST:
            self.notes.append({"where": where, "what": what, "why": why})

    def replace(self, module: str, why: str) -> None:
        """Something else stands for the module, or for the name in it; only the first reason counts."""
        if len(self._replaced) < _MOST:
            self._replaced.setdefault(bounded(module), why)
