"""What our own code tells the audit hook (``session/audit.py``): its own changes, and what it sees of a submission.

These are events of the interpreter. Where no hook listens, as in the trusted process, nothing comes of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from .trouble import here

__all__ = ["ACCEPT", "CHECK", "SEEN", "ours", "seen"]

T = TypeVar("T")
CHECK, ACCEPT, SEEN = "worker.check", "worker.accept", "worker.seen"
_audit = sys.audit


def ours(change: Callable[[], T]) -> T:
    """Call ``change``, which may change what the examiner rests on. What was changed before is reported first."""
    _audit(CHECK)
    try:
        return change()
    finally:
        _audit(ACCEPT)


def seen(sentence: str) -> None:
    """Report what the submission is seen to do, with the line that is running now."""
    place = here()
    _audit(SEEN, sentence if place is None else f"{sentence} ({place})")
