"""One submission sitting the exam: what the checks may ask, and what has been answered so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from grader.exam.exam import Candidate, Exam
from grader.exam.once import Once
from grader.intake import Submission
from grader.marking.verdicts import sentences
from grader.worker.protocol import Definition, Definitions, FileOutline, Frame, Method, Outline, Trouble

__all__ = ["Sitting", "Written", "trouble_sentence"]

Value = TypeVar("Value")


@dataclass(frozen=True)
class Written:
    """A definition in the source of the submission."""

    file: FileOutline
    """The file that it stands in."""
    definition: Definition
    """The definition itself."""

    def at(self, line: int) -> str:
        """A line of it, for feedback: ``colourization.py, line 120``."""
        return self.file.place(self.definition.cell, line)


@dataclass
class Sitting:
    """A submission, the exam, and the candidate that answers for it."""

    exam: Exam
    submission: Submission
    candidate: Candidate
    outline: Outline
    """What the worker's parser saw before any of the submission's code ran."""
    loading: Definitions
    """What the worker reported of running the definitions; empty if it was stopped."""
    stopped: Trouble | None = None
    """What stopped the loading altogether; None if nothing did."""
    gpu: str | None = None
    """torch's name of the GPU that probes may ask for by ``device``; None where there is none."""
    _once: Once = field(default_factory=Once)

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """``make()``, computed the first time that a check of this submission asks for the key."""
        return self._once.value(key, make)

    @property
    def classes(self) -> frozenset[str]:
        """Names of the wanted classes that exist after loading."""
        return frozenset(self.loading.classes)

    def written(self, name: str) -> Written | None:
        """The outline of a class, the last definition of that name in the file that was chosen for it; None if
        absent."""
        chosen = self.loading.chosen.get(name)
        definitions = [
            Written(file, definition)
            for file in self.outline.files
            for definition in file.classes
            if definition.name == name and chosen in (None, file.path)
        ]
        return definitions[-1] if definitions else None

    def method(self, name: str, method: str) -> Method | None:
        """A method of a class that is written; None if there is none."""
        written = self.written(name)
        return written.definition.methods.get(method) if written is not None else None

    def filled_in(self, name: str) -> bool:
        """Whether a class exists after loading and its ``forward``, if it has its own, does something.

        In the handout's template it does nothing.
        """
        forward = self.method(name, "forward")
        return name in self.classes and not (forward is not None and forward.empty)

    def reached(self, name: str, *, but: Container[str] = ()) -> list[Written]:
        """The outlines of a class and of everything of the submission's own that it uses: its bases, other classes,
        functions and values, by any number of steps; ``but`` what has one of these names, or extends it."""
        definitions: dict[str, list[Written]] = {}
        for file in self.outline.files:
            for definition in (*file.classes, *file.functions, *file.values):
                definitions.setdefault(definition.name, []).append(Written(file, definition))
        reached, waiting, seen = [], [name], {name}
        while waiting:
            for written in definitions.get(waiting.pop(), []):
                if any(base.rpartition(".")[2] in but for base in written.definition.bases):
                    continue
                reached.append(written)
                following = [used for used in written.definition.uses if used not in seen and used not in but]
                seen.update(following)
                waiting += following
        return reached

    def call_in(self, name: str, wanted: Callable[[str], bool]) -> str | None:
        """Where a class, outside its initialisation, first calls a function whose last name is ``wanted``; None if
        nowhere. What the class is made of is looked through as well."""
        for written in self.reached(name):
            starts = sorted((method.line, called) for called, method in written.definition.methods.items())
            for call in written.definition.calls:
                # a decorator stands a line before its method
                inside = next((called for line, called in reversed(starts) if line <= call.line + 1), "")
                if wanted(call.resolved.rpartition(".")[2]) and "reset" not in inside:
                    return written.at(call.line)
        return None

    def where(self, name: str) -> str:
        """Where a class stands, for feedback: ``colourization.py, line 120``; empty if unknown."""
        written = self.written(name)
        return "" if written is None else written.at(written.definition.line)

    def line_with(self, name: str, pattern: str) -> str | None:
        """The first line of a class that matches: ``models.py, line 12: `self.conv1 = …```; None if there is none."""
        written = self.written(name)
        if written is None:
            return None
        definition = written.definition
        cells = [cell for file in self.submission.code if file.path == written.file.path for cell in file.cells]
        text = next((cell.source for cell in cells if cell.number == definition.cell), "")
        inside = list(enumerate(text.splitlines(), start=1))[definition.line - 1 : definition.end_line]
        for number, line in inside:
            if re.search(pattern, line):
                return f"{written.at(number)}: `{' '.join(line.split())[:120]}`"
        return None


def trouble_sentence(trouble: Trouble, doing: str) -> str:
    """What stopped the candidate's code, with the last line of its own that was running and the one that led there.

    ``doing`` completes "While …": ``building CNN(3, 8, 16)``.
    """
    frames, kind, text = trouble.frames, trouble.type, _message(trouble.text)
    what = text if kind in ("Refusal", "Stopped") else f"{kind}: {text}" if text else kind
    sentence = f"While {doing}: {what.rstrip('.')}"
    if frames:
        sentence += f" ({_line(frames[-1])}"
        # A convolution that refuses its input says little: what matters is the line of forward that handed it over.
        if frames[0].function != frames[-1].function:
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


def _line(frame: Frame) -> str:
    """``models.py, line 12: `x = self.conv(x)```."""
    source = " ".join(frame.text.split())[:120]
    return f"{frame.file}, line {frame.line}" + (f": `{source}`" if source else "")
