"""Finds the one line that costs a whole network: a misspelt name, a bracket, ``return`` or ``super().__init__()``.

The marks stay as they are. A person sees the line first, and decides what it should cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch.nn import Module

from grader import suggest
from grader.checks.absence import line_of
from grader.checks.configurations import Trial
from grader.checks.network import Examined
from grader.checks.sitting import Sitting
from grader.marking.verdicts import LOST, Flag
from grader.worker.protocol import Frame, Trouble
from reference.handouts import CLASSES

__all__ = ["lost_to_one_line"]

_SLIPS = ("AttributeError", "IndentationError", "NameError", "SyntaxError", "TypeError", "UnboundLocalError")
"""Exceptions that a slip of the pen raises."""
_NO_INIT = "before Module.__init__() call"
"""How PyTorch's message ends where a constructor does not call its base's."""

_ALIKE = 0.8
"""The least share of letters that two names have in common: ``foward`` is nearly ``forward``, ``backward`` is not."""


def lost_to_one_line(sitting: Sitting, network: Examined) -> tuple[Flag, ...]:
    """A flag with the line, if a network that the student writes cannot be run because of one line; else none."""
    name = network.facts.cls
    if not network.facts.filled_in:
        return ()
    if name not in sitting.classes:
        line = _unread(sitting, name) or _misspelt_class(sitting, name)
    else:
        line = _stopping(sitting, network) or _misspelt_method(sitting, network)
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


def _misspelt_class(sitting: Sitting, name: str) -> str | None:
    """The line that defines a class whose name is nearly this one."""
    for file in sitting.outline.files:
        for definition in file.classes:
            if definition.name not in CLASSES and _is_nearly(definition.name, name):
                return f"{file.place(definition.cell, definition.line)}: the class is called {definition.name}"
    return None


def _misspelt_method(sitting: Sitting, network: Examined) -> str | None:
    """The line of a method whose name is nearly one that a network must have, where it has not and does not run."""
    name = network.facts.cls
    written = sitting.written(name)
    if written is None or network.configurations.works or not sitting.filled_in(name):
        return None
    methods = written.definition.methods
    for wanted in ("__init__", "forward"):
        for method, definition in methods.items():
            if wanted not in methods and method not in dir(Module) and _is_nearly(method, wanted):
                return f"{written.at(definition.line)}: the method is called {method}, and not {wanted}"
    return None


def _is_nearly(name: str, wanted: str) -> bool:
    """Whether one name is the other, but for case, underscores and a letter or two."""
    first, second = (each.lower().replace("_", "") for each in (name, wanted))
    return suggest.nearest(first, [second], least=_ALIKE) is not None


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
