"""Which assignment a submission is for, detected from file names, class names and constructors, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from grader.marking.rubric import Assignment

__all__ = ["Detected", "detect", "named"]


@dataclass(frozen=True)
class Detected:
    """The assignment that fits best."""

    assignment: str
    sentence: str
    """How it was detected, for the report."""
    sure: bool
    """False where another assignment fits as well, or nothing fits."""


def named(assignment: str) -> Detected:
    """The assignment that the command line names, so that nothing has to be detected."""
    return Detected(assignment, f"{assignment}, as the command line says.", True)


def detect(
    assignments: Mapping[str, Assignment], paths: list[str], outline: Mapping[str, Any], *, cohorts: str | None = None
) -> Detected:
    """The assignment that fits best to a submission with files at these ``paths``, whose code has this outline.

    ``cohorts`` is the assignment that most of its cohort hands in. It decides where the submission itself does not; the
    result is still a guess.
    """
    scores: dict[str, int] = dict.fromkeys(assignments, 0)
    reasons: dict[str, list[str]] = {id: [] for id in assignments}

    def vote(ids: tuple[str, ...], weight: int, reason: str) -> None:
        for id in ids:
            if id in scores:
                scores[id] += weight
                reasons[id].append(reason)

    for path in paths:
        name = PurePosixPath(path).name.lower()
        for id, assignment in assignments.items():
            if any(fnmatch(name, pattern.lower()) for pattern in assignment.code):
                vote((id,), 4, f"the file {PurePosixPath(path).name}")
            elif any(_alike(name, pattern.lower()) for pattern in assignment.code):
                vote((id,), 2, f"the file {PurePosixPath(path).name}")
            elif any(fnmatch(name, pattern.lower()) for pattern in assignment.writeup):
                vote((id,), 1, f"the file {PurePosixPath(path).name}")
    classes = [written for file in outline.get("files", []) for written in file["classes"]]
    names = {written["name"] for written in classes}
    names |= {written["name"] for file in outline.get("files", []) for written in file.get("nested", [])}
    _by_classes(names, classes, vote)
    kinds = {PurePosixPath(path).suffix.lower() for path in paths}
    if ".ipynb" in kinds and ".py" not in kinds:
        vote(_NOTEBOOKS, 1, "being a notebook")
    elif ".py" in kinds and ".ipynb" not in kinds:
        vote(_SCRIPTS, 1, "being a script")
    _by_contents(outline, vote)

    ranked = sorted(scores, key=lambda id: -scores[id])
    best = ranked[0]
    if cohorts in scores and (scores[best] <= 0 or (len(ranked) > 1 and scores[best] == scores[ranked[1]])):
        sentence = f"Taken to be {cohorts}, as most of the cohort hands in: nothing in the submission decides it."
        return Detected(cohorts, sentence, False)
    if scores[best] <= 0:
        return Detected(best, f"Nothing in the submission says which assignment it is for; {best} was taken.", False)
    sure = scores[best] > scores[ranked[1]] if len(ranked) > 1 else True
    *others, last = dict.fromkeys(reasons[best])
    causes = f"{', '.join(others)} and {last}" if others else last
    sentence = f"Graded as {best} because of {causes}" + ("." if sure else f"; {ranked[1]} fits as well.")
    return Detected(best, sentence, sure)


_SCRIPTS = ("csc321-2018", "cse891-2018")
_FOUR = ("csc2516-2019", "csc413-2020")
_NOTEBOOKS = (*_FOUR, "csc413-2023")


def _alike(name: str, pattern: str) -> bool:
    """``a2-cnn (1).ipynb`` for ``a2-cnn.ipynb``, ``alice_colourization.py`` for ``colourization.py``."""
    stem, _, ending = pattern.rpartition(".")
    core = stem.rstrip("*").rstrip("-")
    return name.endswith(f".{ending}") and core in name


def _by_classes(names: set[str], classes: list[Mapping[str, Any]], vote: Any) -> None:
    found = sorted(names & {"PoolUpsampleNet", "ConvTransposeNet"})
    if found:
        vote(("csc413-2023",), 10, f"the class {found[0]}")
    found = sorted(names & {"MyDilatedConv2d", "DilatedUNet"})
    if found:
        vote(_SCRIPTS, 6, f"the class {found[0]}")
    if "MyConv2d" in names:
        vote((*_SCRIPTS, *_FOUR), 1, "the class MyConv2d")
    if "RegressionCNN" in names:
        vote((*_SCRIPTS, "csc2516-2019"), 1, "the class RegressionCNN")
    for written in classes:
        if written["name"] in ("CNN", "UNet") and "__init__" in written["methods"]:
            parameters = [one for one in written["methods"]["__init__"].get("parameters", []) if one != "self"]
            if len(parameters) == 4:
                vote(_FOUR, 4, f"the {len(parameters)} parameters of {written['name']}")
            elif len(parameters) == 3:
                vote(_SCRIPTS, 4, f"the {len(parameters)} parameters of {written['name']}")
            if any("color" in one for one in parameters):
                vote(("cse891-2018",), 2, "the American spelling of parameters")
            elif any("colour" in one for one in parameters):
                vote(("csc321-2018",), 1, "the British spelling of parameters")


def _by_contents(outline: Mapping[str, Any], vote: Any) -> None:
    for file in outline.get("files", []):
        functions = {one["name"] for one in file.get("functions", [])}
        imports = " ".join(str(one) for one in file.get("imports", []))
        if any("flower" in written["name"].lower() for written in file["classes"]) or "segmentation" in imports:
            vote(("csc413-2020",), 2, "its segmentation part")
        if any("iou" in name.lower() or "deeplab" in name.lower() for name in functions):
            vote(("csc413-2020",), 2, "its segmentation part")
        calls = {call["name"].rpartition(".")[2] for one in file.get("functions", []) for call in one["calls"]}
        if "named_parameters" in calls and "train" in functions:
            vote(("csc413-2020",), 2, "its choice of parameters to fine-tune")
        if any("colour_regression" in file["path"].lower() or "super" in name.lower() for name in functions):
            vote(("csc2516-2019",), 1, "its super-resolution part")
