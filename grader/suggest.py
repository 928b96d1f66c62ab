"""What somebody most likely meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "nearest"]

_MOST_CHARACTERS = 60
"""Of the unknown name: comparing takes time by the square of the length, and no name we know is as long."""


def nearest(name: str, names: Iterable[str], *, least: float = 0.6) -> str | None:
    """The one of ``names`` that is spelt most like ``name``; None where none is alike.

    ``least`` is the share of letters that two names have in common at least, as ``difflib`` counts it.
    """
    return next(iter(get_close_matches(name[:_MOST_CHARACTERS], list(names), n=1, cutoff=least)), None)


def did_you_mean(name: str, names: Iterable[str], *, otherwise: str) -> str:
    """The end of an error's sentence: ``did you mean 'x'?``, or ``otherwise`` where none of ``names`` is alike."""
    near = nearest(name, names)
    return otherwise if near is None else f"did you mean '{near}'?"
