"""One submission sitting the exam: what the checks may ask, and what has been answered so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import Tensor

from grader.exam.exam import Candidate, Exam
from grader.exam.once import Once
from grader.intake import Submission
from grader.marking.verdicts import sentences

__all__ = ["Sitting", "trouble_sentence"]


Value = TypeVar("Value")
Message = dict[str, Any]
Tensors = dict[str, Tensor]


@dataclass
class Sitting:
    """A submission, the exam, and the candidate that answers for it."""

    exam: Exam
    submission: Submission
    candidate: Candidate
    outline: Message
    """What the worker's parser saw before any of the submission's code ran."""
    loading: Message
    """What the worker reported of running the definitions."""
    card: str | None = None
    """torch's name of the graphics card that probes may ask for by ``device``; None where there is none."""
    _once: Once = field(default_factory=Once)

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """``make()``, computed the first time that a check of this submission asks for the key."""
        return self._once.value(key, make)

    @property
    def classes(self) -> frozenset[str]:
        """Names of the wanted classes that exist after loading."""
        return frozenset(self.loading["classes"])

    def written(self, name: str) -> Message | None:
        """The outline of a class, the last definition of that name in the file that was chosen for it; None if
        absent."""
        chosen = self.loading.get("chosen", {}).get(name)
        found = [
            {**written, "file": file["path"]}
            for file in self.outline["files"]
            for written in file["classes"]
            if written["name"] == name and chosen in (None, file["path"])
        ]
        return found[-1] if found else None

    def filled_in(self, name: str) -> bool:
        """Whether a class exists after loading and its forward, if it has one of its own, does something."""
        methods = (self.written(name) or {"methods": {}})["methods"]
        return name in self.classes and not methods.get("forward", {}).get("empty", False)

    def reached(self, name: str, *, but: Container[str] = ()) -> list[Message]:
        """The outlines of a class and of everything of the submission's own that it uses: its bases, other classes,
        functions and values, by any number of steps; ``but`` what has one of these names, or extends it."""
        definitions: dict[str, list[Message]] = {}
        for file in self.outline["files"]:
            for one in (*file["classes"], *file.get("functions", []), *file.get("values", [])):
                definitions.setdefault(one["name"], []).append({**one, "file": file["path"]})
        found, waiting, seen = [], [name], {name}
        while waiting:
            for one in definitions.get(waiting.pop(), []):
                if any(base.rpartition(".")[2] in but for base in one.get("bases", [])):
                    continue
                found.append(one)
                following = [used for used in one.get("uses", {}) if used not in seen and used not in but]
                seen.update(following)
                waiting += following
        return found

    def call_in(self, name: str, wanted: Callable[[str], bool]) -> str | None:
        """Where a class, outside its initialisation, first calls a function whose last name is ``wanted``; None if
        nowhere. What the class is made of is looked through as well."""
        for one in self.reached(name):
            starts = sorted((method["line"], called) for called, method in one.get("methods", {}).items())
            for call in one.get("calls", []):
                # a decorator stands a line before its method
                inside = next((called for line, called in reversed(starts) if line <= call["line"] + 1), "")
                if wanted(call["resolved"].rpartition(".")[2]) and "reset" not in inside:
                    return self.at(one, call["line"])
        return None

    def where(self, name: str) -> str:
        """Where a class stands, for feedback: ``colourization.py, line 120``; empty if unknown."""
        written = self.written(name)
        if written is None:
            return ""
        return self.at(written, written["line"])

    def line_with(self, name: str, pattern: str) -> str | None:
        """The first line of a class that matches: ``models.py, line 12: `self.conv1 = …```; None if there is none."""
        written = self.written(name)
        if written is None:
            return None
        cells = [cell for file in self.submission.code if file.path == written["file"] for cell in file.cells]
        text = next((cell.source for cell in cells if cell.number == written.get("cell")), "")
        inside = list(enumerate(text.splitlines(), start=1))[written["line"] - 1 : written["end_line"]]
        for number, line in inside:
            if re.search(pattern, line):
                return f"{self.at(written, number)}: `{' '.join(line.split())[:120]}`"
        return None

    @staticmethod
    def at(written: Message, line: int) -> str:
        """A line of something in the outline."""
        cell = f", cell {written['cell']}" if written.get("cell") else ""
        return f"{written['file']}{cell}, line {line}"


def trouble_sentence(trouble: Mapping[str, Any], doing: str) -> str:
    """What stopped the candidate's code, with the last line of its own that was running and the one that led there.

    ``doing`` completes "While …": ``building CNN(3, 8, 16)``.
    """
    frames = trouble.get("frames") or []
    kind, text = str(trouble.get("type", "failure")), _message(str(trouble.get("text", "")))
    what = text if kind in ("Refusal", "Stopped") else f"{kind}: {text}" if text else kind
    sentence = f"While {doing}: {what.rstrip('.')}"
    if frames:
        sentence += f" ({_line(frames[-1])}"
        # A convolution that refuses its input says little: what matters is the line of forward that handed it over.
        if frames[0].get("function") != frames[-1].get("function"):
            sentence += f", called from {_line(frames[0])}"
        sentence += ")"
    return sentence + "."


_MOST = 300


def _message(text: str) -> str:
    """The first sentence of a message, and the second where there is room; PyTorch's go on with what helps nobody."""
    first, *rest = sentences(" ".join(text.split()))
    told = f"{first} {rest[0]}" if rest and len(first) + len(rest[0]) < _MOST else first
    if len(told) > _MOST:
        told = told[:_MOST].rsplit(" ", 1)[0].rstrip(" ,;:(") + " …"
    return told + ")" * (told.count("(") - told.count(")"))


def _line(frame: Mapping[str, Any]) -> str:
    """``models.py, line 12: `x = self.conv(x)```."""
    source = " ".join(str(frame.get("text", "")).split())[:120]
    return f"{frame.get('file', '?')}, line {frame.get('line', '?')}" + (f": `{source}`" if source else "")
