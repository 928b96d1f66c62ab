"""Which assignment a submission is for, detected from its classes, other code and file names, with the reasons.

What the classes are decides first: a class that only one handout has, and the number of parameters of a network that
several have. Everything else counts where the classes leave it open, the names of files as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import NamedTuple

from grader.marking.rubric import Assignment
from grader.worker.protocol import Definition, FileOutline, Outline
from reference.handouts import HANDOUTS, ConstructorSign, Handout, PartSign

__all__ = ["Detected", "detect", "named"]


@dataclass(frozen=True)
class Detected:
    """The assignment that fits best."""

    assignment: str
    sentence: str
    """How it was detected, for the report."""
    sure: bool
    """False where another assignment fits as well, or nothing fits."""


class Reason(NamedTuple):
    """What speaks for an assignment."""

    weight: int
    text: str
    by_class: bool = False
    """Whether it is what the classes are."""


Reasons = Iterator[Reason]


def named(assignment: str) -> Detected:
    """The assignment that the command line names, so that nothing has to be detected."""
    return Detected(assignment, f"{assignment}, as the command line says.", True)


def detect(
    assignments: Mapping[str, Assignment],
    paths: list[str],
    outline: Outline,
    *,
    headers: Collection[str] = (),
    cohorts: str | None = None,
) -> Detected:
    """The assignment that fits best to a submission with files at these ``paths``, whose code has this outline.

    ``headers`` are names of classes that stand in its notebooks, but not in cells of code. ``cohorts`` is the
    assignment that most of its cohort hands in. It decides where the submission itself does not; the result is still a
    guess.
    """
    reasons = {
        id: [*_by_file_names(assignment, paths), *_by_code(HANDOUTS[id], paths, outline, headers)]
        for id, assignment in assignments.items()
    }
    scores = {id: _score(weighed) for id, weighed in reasons.items()}

    ranked = sorted(scores, key=lambda id: scores[id], reverse=True)
    best = ranked[0]
    is_nothing = scores[best] == _score([])
    if cohorts in scores and (is_nothing or (len(ranked) > 1 and scores[best] == scores[ranked[1]])):
        sentence = f"Taken to be {cohorts}, as most of the cohort hands in: nothing in the submission decides it."
        return Detected(cohorts, sentence, False)
    if is_nothing:
        return Detected(best, f"Nothing in the submission says which assignment it is for; {best} was taken.", False)
    sure = scores[best] > scores[ranked[1]] if len(ranked) > 1 else True
    *others, last = dict.fromkeys(
        reason.text for reason in sorted(reasons[best], key=lambda reason: not reason.by_class)
    )
    because = f"{', '.join(others)} and {last}" if others else last
    sentence = f"Graded as {best} because of {because}" + ("." if sure else f"; {ranked[1]} fits as well.")
    return Detected(best, sentence, sure)


def _score(reasons: Iterable[Reason]) -> tuple[int, int]:
    """What the classes say, and what everything else says where that is the same."""
    by_class, other = 0, 0
    for reason in reasons:
        if reason.by_class:
            by_class += reason.weight
        else:
            other += reason.weight
    return by_class, other


# -- by the names of files ---------------------------------------------------------------------------------------------


def _by_file_names(assignment: Assignment, paths: Iterable[str]) -> Reasons:
    for path in paths:
        file = PurePosixPath(path).name
        name = file.lower()
        if any(fnmatch(name, pattern.lower()) for pattern in assignment.code):
            yield Reason(4, f"the file {file}")
        elif any(_alike(name, pattern.lower()) for pattern in assignment.code):
            yield Reason(2, f"the file {file}")
        elif any(fnmatch(name, pattern.lower()) for pattern in assignment.writeup):
            yield Reason(1, f"the file {file}")


def _alike(name: str, pattern: str) -> bool:
    """``a2-cnn (1).ipynb`` for ``a2-cnn.ipynb``, ``alice_colourization.py`` for ``colourization.py``."""
    stem, _, ending = pattern.rpartition(".")
    core = stem.rstrip("*").rstrip("-")
    return name.endswith(f".{ending}") and core in name


# -- by the code -------------------------------------------------------------------------------------------------------


_OF_SEVERAL = 1
"""The weight of a class that several handouts have."""


def _by_code(handout: Handout, paths: Iterable[str], outline: Outline, headers: Iterable[str]) -> Reasons:
    classes = [definition for file in outline.files for definition in file.classes]
    names = {definition.name for definition in classes}.union(headers)
    names |= {nested.name for file in outline.files for nested in file.nested}
    names |= {problem.definition for file in outline.files for problem in file.problems if problem.definition}
    for sign in handout.signs.classes:
        present = sorted(names.intersection(sign.names))
        if present:
            yield Reason(sign.weight, f"the class {present[0]}", by_class=sign.weight > _OF_SEVERAL)
    for constructor in handout.signs.constructors:
        for name in constructor.classes:
            written = [one for one in classes if one.name == name and "__init__" in one.methods]
            # A class may be written in several files, and counts once.
            yield from dict.fromkeys(each for one in written for each in _by_constructor(handout, constructor, one))
    endings = {PurePosixPath(path).suffix.lower() for path in paths} & {".py", ".ipynb"}
    if endings == set(handout.signs.endings):
        yield Reason(1, "being a notebook" if ".ipynb" in endings else "being a script")
    for file in outline.files:
        for part in handout.signs.parts:
            if _has_part(part, file):
                yield Reason(part.weight, part.reason)


def _by_constructor(handout: Handout, sign: ConstructorSign, definition: Definition) -> Reasons:
    parameters = [name for name in definition.methods["__init__"].parameters if name != "self"]
    if len(parameters) == len(handout.network(definition.name).parameters):
        yield Reason(sign.weight, f"the {len(parameters)} parameters of {definition.name}", by_class=True)
    spelling = sign.spelling
    if spelling is not None and _any_part_in([spelling.part], parameters):
        other = spelling.unless and _any_part_in([spelling.unless], parameters)
        if not other:
            yield Reason(spelling.weight, f"the {spelling.name} spelling of parameters")


def _has_part(part: PartSign, file: FileOutline) -> bool:
    """Whether one file of the outline has any of the things that show this part of the assignment."""
    names = {function.name for function in file.functions}
    called = {call.name.rpartition(".")[2] for function in file.functions for call in function.calls}
    return (
        _any_part_in(part.classes, [definition.name.lower() for definition in file.classes])
        or _any_part_in(part.imports, file.imports)
        or _any_part_in(part.functions, [name.lower() for name in names])
        or (bool(names) and _any_part_in(part.paths, [file.path.lower()]))
        or (part.beside in names and not called.isdisjoint(part.calls))
    )


def _any_part_in(parts: Iterable[str], texts: Iterable[str]) -> bool:
    return any(part in text for text in texts for part in parts)
