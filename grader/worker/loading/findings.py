"""What loading a submission has to report: statements skipped, definitions that failed, imports replaced, notes."""

from __future__ import annotations

from ..protocol import Failure, Remark, Replacement
from ..trouble import bounded, describe
from .files import Unit

__all__ = ["Findings"]


_MOST = 500
"""Entries of each kind. Further ones are dropped, so that no submission can make a reply too large to send."""
_MOST_NAMES = 20


class Findings:
    """Lists that grow while a submission is loaded."""

    def __init__(self) -> None:
        self.skipped: list[Remark] = []
        """Statements that were not run, or not as they are written; each once."""
        self.failures: list[Failure] = []
        """Definitions that raised an exception."""
        self.notes: list[Remark] = []
        """Statements that run, but differently from how they are written; old functions that the code uses."""
        self._reasons: dict[str, str] = {}

    @property
    def replacements(self) -> list[Replacement]:
        """Imports that something else replaces."""
        return [Replacement(module, reason) for module, reason in self._reasons.items()]

    def skip(self, place: str, text: str, reason: str) -> None:
        """The line ``text`` at the place was not run, or not as it is written."""
        remark = Remark(place, text, reason)
        if len(self.skipped) < _MOST and remark not in self.skipped:
            self.skipped.append(remark)

    def skip_unit(self, unit: Unit, reason: str) -> None:
        """As ``skip``, for a whole top-level statement."""
        self.skip(unit.where, unit.what, reason)

    def fail(self, unit: Unit, error: BaseException) -> None:
        """The unit raised ``error`` and binds nothing."""
        if len(self.failures) < _MOST:
            names = sorted(unit.names.bound)[:_MOST_NAMES]
            self.failures.append(Failure(unit.where, unit.what, tuple(names), describe(error)))

    def note(self, place: str, text: str, reason: str) -> None:
        """The line or the function ``text`` is used at the place, and has another meaning here."""
        if len(self.notes) < _MOST:
            self.notes.append(Remark(place, text, reason))

    def replace(self, module: str, reason: str) -> None:
        """Something else stands for the module, or for the name in it; only the first reason counts."""
        if len(self._reasons) < _MOST:
            self._reasons.setdefault(bounded(module), reason)
