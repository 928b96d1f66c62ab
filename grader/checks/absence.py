"""Explains why a class cannot be examined: what happened to it, what it needs, which class was probably meant."""

from __future__ import annotations

from grader import suggest
from grader.checks.following import followed, unfollowed
from grader.checks.network import Examined, network_of
from grader.checks.sitting import Sitting, trouble_sentence, undefined_name
from grader.display import display
from grader.marking.verdicts import Verdict, passed, skipped
from grader.worker.protocol import Trouble, cell_name
from reference.handouts import CLASSES

__all__ = [
    "absent_class",
    "cannot_be_judged",
    "does_not_run",
    "is_not_attempted",
    "line_of",
    "made_of_what_is_missing",
    "missing_class",
    "stopped_by_another",
    "too_few_convolutions",
    "undefined",
]


def line_of(sitting: Sitting, name: str, method: str) -> str:
    """The file and line of a class's method; those of the class if it has no such method of its own."""
    written, definition = sitting.written(name), sitting.method(name, method)
    if written is None or definition is None:
        return sitting.where(name)
    return written.at(definition.line)


def made_of_what_is_missing(sitting: Sitting, thing: str) -> str | None:
    """Why a network that needs other classes of the student cannot be judged yet; None if it can.

    An example is DilatedUNet, which needs UNet and the dilated layer.
    """
    handout = sitting.exam.handout
    facts = handout.things[thing]
    if facts.layer:
        layer = handout.layer_things[facts.layer]
        if not sitting.filled_in(layer.cls):
            return f"Skipped: {facts.cls} needs {layer.cls}, which is still to be completed; see {layer.thing}.values."
    if facts.extends:
        other = network_of(sitting, facts.extends)
        if absent_class(sitting, other) is not None or not other.configurations.works:
            cls = other.facts.cls
            return f"Skipped: {facts.cls} needs {cls}, which cannot be run yet; see {facts.extends}.shapes."
    return None


def absent_class(sitting: Sitting, network: Examined) -> str | None:
    """Why a network's class cannot be examined: it is missing, or still to be completed. None if it can."""
    return why_absent(sitting, network.facts.cls)


def why_absent(sitting: Sitting, name: str) -> str | None:
    """Why a class cannot be examined: it is missing, or still to be completed. None if it can."""
    if name not in sitting.classes:
        return missing_class(sitting, name)
    if not sitting.filled_in(name):
        return f"{name} is still to be completed: its forward does nothing ({sitting.where(name)})."
    return None


def missing_class(sitting: Sitting, name: str) -> str:
    """Why a class is missing, as a sentence.

    It has a syntax error, or raised an exception while it was defined, or stands in a function or in a cell that is not
    code, or has another name, or the notebook is in another language, or it was never written.
    """
    for file in sitting.outline.files:
        for problem in file.problems:
            if problem.definition == name:
                return (
                    f"{name} could not be read: {problem.message} in {file.place(problem.cell, problem.line)}: "
                    f"`{' '.join(problem.text.split())[:120]}`. Correct this line."
                )
    failures = sitting.loading.failures
    for failure in failures:
        if name in failure.names:
            return trouble_sentence(failure.trouble, f"defining {name}")
    written = [definition.name for file in sitting.outline.files for definition in file.classes]
    if name in written:
        reason = ""
        if sitting.stopped is not None:
            reason = f" {trouble_sentence(sitting.stopped, 'loading its definitions')}"
        elif failures:
            reason = f" {trouble_sentence(failures[0].trouble, 'running the first line that failed')}"
        return f"{name} is in your file but could not be defined.{reason}"
    for file in sitting.outline.files:
        for nested in file.nested:
            if nested.name == name:
                place = file.place(nested.cell, nested.line)
                return (
                    f"{name} stands inside the function {nested.function} ({place}), so code outside cannot use it. "
                    "Move the class to the top level of the file."
                )
    if name in sitting.elsewhere:
        path = display(sitting.elsewhere[name], limit=100)
        return f"{name} stands in {path} alone, which does not count: one file counts as a whole, and it has no {name}."
    return f"There is no class {name} in the code handed in.{_cause(sitting, name, written)}"


def _cause(sitting: Sitting, name: str, written: list[str]) -> str:
    """Why a class that was perhaps written is not there, as a sentence after a blank; empty where nothing shows it."""
    for file in sitting.submission.code:
        for aside in file.asides:
            if aside.name == name:
                place = cell_name(file.path, aside.cell, aside.heading)
                return f" It stands in {place}, which is a {aside.kind} cell: make it a cell of the type code."
    near = nearest(name, written)
    if near:
        return f" There is a class {near}: if that is it, call it {name}."
    other = next((file for file in sitting.submission.code if file.language), None)
    if other is not None:
        return (
            f" {other.path} is a notebook of another kernel ({other.language}), and its code is read as Python: "
            "hand in the notebook that runs with Python."
        )
    return ""


def undefined(sitting: Sitting, trouble: Trouble) -> str:
    """Why a name is not defined, as a sentence after a blank; empty if no line that should define it failed."""
    name = undefined_name(trouble)
    for failure in sitting.loading.failures:
        if name in failure.names:
            return " " + trouble_sentence(failure.trouble, f"defining {name}")
    return ""


def nearest(name: str, written: list[str]) -> str | None:
    """The class in ``written`` that most likely is ``name`` under another spelling; None if there is none.

    Case and underscores don't matter. A class of the handout is not a candidate.
    """
    spellings = {cls.lower().replace("_", ""): cls for cls in written if cls not in CLASSES}
    wanted = name.lower()
    alike = suggest.nearest(wanted, spellings)
    if alike is not None:
        return spellings[alike]
    for spelling, cls in spellings.items():
        if wanted in spelling or (spelling in wanted and len(spelling) > 2):
            return cls
    return None


def cannot_be_judged(sitting: Sitting, criterion: str, thing: str) -> Verdict | None:
    """The verdict on a network that does not run or is not attempted; None if it can be judged."""
    return does_not_run(sitting, criterion, thing) or is_not_attempted(sitting, criterion, thing)


def does_not_run(sitting: Sitting, criterion: str, thing: str) -> Verdict | None:
    """The verdict on a network that cannot be constructed and run, or that is made of what is wrong; None for others.

    It is ``skipped``, with the check to look at first, unless all that is wrong costs its points at another network or
    layer.
    """
    network = network_of(sitting, thing)
    if absent_class(sitting, network) is not None:
        return skipped(criterion, f"Skipped: {network.facts.cls} cannot be run yet; see {thing}.shapes.")
    if stopped_by_another(network):
        return passed(criterion, stopped_by_another(network))
    if not network.configurations.works:
        return skipped(criterion, f"Skipped: {network.facts.cls} cannot be run yet; see {thing}.shapes.")
    wrong = unfollowed(network)
    return None if wrong is None else skipped(criterion, f"Skipped: {network.facts.cls} depends on it; see {wrong}.")


def stopped_by_another(network: Examined) -> str:
    """What a network's criteria say if it cannot run for a mistake that costs its points elsewhere; else empty."""
    known = followed(network)
    if known is None or not known.stops:
        return ""
    places = " and ".join(known.told_at)
    return f"{network.facts.cls} cannot run because of what {places} names. This costs nothing here."


def is_not_attempted(sitting: Sitting, criterion: str, thing: str) -> Verdict | None:
    """``skipped`` if too few of the handout's convolutions run between input and output; None if enough do.

    A network that does next to nothing can have the right output shape, and nothing in it is tied to a device.
    """
    network = network_of(sitting, thing)
    if network.attempted:
        return None
    few = f"fewer than {network.least_convolutions} convolutions run between the input and the output"
    return skipped(criterion, f"Skipped: {few} of {network.facts.cls}; see {thing}.architecture.")


def too_few_convolutions(network: Examined) -> str:
    """Why a network is not an attempt, as a sentence."""
    cls, actual = network.facts.cls, network.runs[0].trace.convolutions
    run = "1 convolution runs" if actual == 1 else f"{actual or 'No'} convolutions run"
    return (
        f"{run} between the input and the output of {cls}, expected {network.convolutions}. {cls} is judged if at "
        f"least {network.least_convolutions} run ({network.sitting.where(cls)})."
    )
