"""Finds the one line that costs a whole network: a misspelt name, a bracket, ``return`` or ``super().__init__()``.

The marks stay as they are. A person sees the line first, and decides what it should cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.checks.absence import line_of
from grader.checks.configurations import Trial
from grader.checks.network import Examined
from grader.checks.sitting import Sitting
from grader.marking.verdicts import LOST, Flag
from grader.worker.protocol import Frame, Trouble

__all__ = ["lost_to_one_line"]

_SLIPS = ("AttributeError", "IndentationError", "NameError", "SyntaxError", "TypeError", "UnboundLocalError")
"""Exceptions that a slip of the pen raises."""
_NO_INIT = "before Module.__init__() call"
"""How PyTorch's message ends where a constructor does not call its base's."""


def lost_to_one_line(sitting: Sitting, network: Examined) -> tuple[Flag, ...]:
    """A flag with the line, if a network that the student writes cannot be run because of one line; else none."""
    name = network.facts.cls
    if not network.facts.filled_in:
        return ()
    line = _unread(sitting, name) if name not in sitting.classes else _stopping(sitting, network)
    if line is None:
        return ()
    return (Flag(LOST, f"{name} lost everything to one line: {line}. Decide what the slip should cost."),)


def _unread(sitting: Sitting, name: str) -> str | None:
    """The line for which a class could not be read or defined."""
    for file in sitting.outline.files:
        for problem in file.problems:
            if problem.definition == name:
                return f"{file.place(problem.cell, problem.line)}: `{_shown(problem.text)}` ({problem.message})"
    failures = (failure.trouble for failure in sitting.loading.failures if name in failure.names)
    return next((_told(trouble) for trouble in failures if trouble.type in _SLIPS), None)


def _stopping(sitting: Sitting, network: Examined) -> str | None:
    """The line that stops the class in every configuration, if it has a ``forward`` to be run."""
    trials = network.configurations.trials
    if not sitting.filled_in(network.facts.cls) or not trials or not _stopped_alike(trials):
        return None
    trouble = trials[0].trouble
    if trouble is None:
        return None
    if trouble.type == "Refusal" and "no return" in trouble.text:
        return f"{line_of(sitting, network.facts.cls, 'forward')}: forward has no return"
    if trouble.type not in _SLIPS:
        return None
    if _NO_INIT in trouble.text and trouble.frames:
        place = line_of(sitting, network.facts.cls, "__init__")
        return f"{place}: __init__ does not call super().__init__() before {_at(trouble.frames[-1])}"
    return _told(trouble)


def _stopped_alike(trials: Sequence[Trial]) -> bool:
    """Whether the same line stops all of them."""
    lines = {(trial.trouble.type, trial.trouble.frames[-1:]) if trial.trouble is not None else None for trial in trials}
    return len(lines) == 1 and None not in lines


def _told(trouble: Trouble) -> str | None:
    """The line of an exception, with its message; None where the line is not known."""
    return f"{_at(trouble.frames[-1])} ({trouble.type}: {_shown(trouble.text)})" if trouble.frames else None


def _at(frame: Frame) -> str:
    return f"{frame.file}, line {frame.line}: `{_shown(frame.text)}`"


def _shown(text: str) -> str:
    return " ".join(text.split())[:120]
