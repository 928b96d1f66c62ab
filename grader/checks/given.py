"""A class that the handout gives and that is not in the submission: told once, where it first stops something."""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks.absence import nearest
from grader.checks.network import Examined
from grader.checks.sitting import Sitting, undefined_name
from grader.worker.protocol import Trouble

__all__ = ["deleted", "deleted_for"]


def deleted(sitting: Sitting, criterion: str, network: Examined) -> str | None:
    """As ``deleted_for``, for the class of a network, which may also stop for want of another when it is built."""
    cls = network.facts.cls
    trials = network.configurations.trials if sitting.filled_in(cls) else ()
    return deleted_for(sitting, criterion, cls, trials[0].trouble if trials else None)


def deleted_for(sitting: Sitting, criterion: str, cls: str, trouble: Trouble | None = None) -> str | None:
    """That a class is missing which the handout gives: ``cls`` itself, or one that it needs. None if none is.

    ``trouble`` is what stopped ``cls``. The first criterion that asks explains it, and the others point there.
    """
    gone = _gone(sitting)
    name = next((needed for needed in (cls, *_undefined(sitting, cls, trouble)) if needed in gone), None)
    written = [definition.name for file in sitting.outline.files for definition in file.classes]
    if name is None or nearest(name, written) is not None:
        return None  # missing_class names the class that is meant
    first = sitting.once(("deleted", name), lambda: criterion)
    if first != criterion:
        return f"{cls} needs {name}, which is not in the code handed in: see {first}."
    is_notebook = any(file.path.lower().endswith(".ipynb") for file in sitting.submission.code)
    need = "" if name == cls else f", since {cls} needs it"
    return (
        f"{name}, which the handout gives, is not in the code handed in: {'its cell' if is_notebook else 'it'} was "
        f"probably deleted. Put the class back as the handout has it{need}."
    )


def _gone(sitting: Sitting) -> frozenset[str]:
    """The given classes whose names stand nowhere in the submission."""
    handout = sitting.exam.handout
    given = {network.cls for network in handout.networks if not network.filled_in}
    given |= {layer.cls for layer in handout.layers if not layer.filled_in}
    given -= sitting.classes
    for file in sitting.outline.files:
        given -= {definition.name for definition in (*file.classes, *file.values)}
        given -= {nested.name for nested in file.nested}
        given -= {problem.definition for problem in file.problems if problem.definition}
    return frozenset(given - {aside.name for file in sitting.submission.code for aside in file.asides})


def _undefined(sitting: Sitting, cls: str, trouble: Trouble | None) -> Iterator[str]:
    """The names for want of which the class could not be defined or built."""
    failed = [failure.trouble for failure in sitting.loading.failures if cls in failure.names]
    for why in (*failed, *([] if trouble is None else [trouble])):
        name = undefined_name(why)
        if name is not None:
            yield name
