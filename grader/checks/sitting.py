"""One submission sitting the exam: what its checks know about it, and the candidate that they ask."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Container, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from grader.exam.exam import Candidate, Exam
from grader.exam.once import Once
from grader.intake import Submission
from grader.marking.verdicts import sentences
from grader.worker.protocol import Definition, Definitions, FileOutline, Frame, Method, Outline, Trouble

__all__ = ["Sitting", "Written", "trouble_sentence", "undefined_name"]

Value = TypeVar("Value")


@dataclass(frozen=True)
class Written:
    """A definition in the source of the submission."""

    file: FileOutline
    definition: Definition
    is_class: bool = True

    def at(self, line: int) -> str:
        """A line of the definition, for feedback: ``colourization.py, line 120``."""
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
    """What the worker reported after running the definitions; empty if it was stopped."""
    stopped: Trouble | None = None
    """What stopped the loading altogether; None if nothing did."""
    gpu: str | None = None
    """torch's name of the GPU that a probe may name as its ``device``; None if there is no GPU."""
    search_seconds: float = 5.0
    """Wall time for all searches for a smallest failing input together."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Classes that stand only in a file that does not count, with that file's path."""
    _once: Once = field(default_factory=Once)

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """``make()``, computed the first time that a check of this submission asks for the key."""
        return self._once.value(key, make)

    @property
    def classes(self) -> frozenset[str]:
        """Names of the wanted classes that exist after loading."""
        return frozenset(self.loading.classes)

    def written(self, name: str) -> Written | None:
        """The class's last definition in the file that was chosen for it; None if it has none."""
        chosen_path = self.loading.chosen.get(name)
        written = self._definitions.get(name, [])
        return next((one for one in reversed(written) if one.is_class and chosen_path in (None, one.file.path)), None)

    @property
    def _definitions(self) -> dict[str, list[Written]]:
        """All definitions of the submission by their names, in the order of the files and of each file's lists."""
        return self.once("definitions", self._all_definitions)

    def _all_definitions(self) -> dict[str, list[Written]]:
        definitions: dict[str, list[Written]] = {}
        for file in self.outline.files:
            for is_class, some in ((True, file.classes), (False, file.functions), (False, file.values)):
                for definition in some:
                    definitions.setdefault(definition.name, []).append(Written(file, definition, is_class))
        return definitions

    def method(self, name: str, method: str) -> Method | None:
        """The outline of a method that a class itself defines; None if there is none."""
        written = self.written(name)
        return written.definition.methods.get(method) if written is not None else None

    def filled_in(self, name: str) -> bool:
        """Whether a class exists after loading and its ``forward``, if it defines one, does something.

        In the template that students are given, ``forward`` does nothing.
        """
        forward = self.method(name, "forward")
        return name in self.classes and not (forward is not None and forward.empty)

    def reached(self, name: str, *, but: Container[str] = ()) -> list[Written]:
        """The outlines of a class and of all definitions of the submission that it uses, directly or indirectly.

        These are its bases, other classes, functions and values. Names in ``but``, and classes that extend one of them,
        are left out.
        """
        reached, waiting, visited = [], [name], {name}
        while waiting:
            for written in self._definitions.get(waiting.pop(), []):
                if any(base.rpartition(".")[2] in but for base in written.definition.bases):
                    continue
                reached.append(written)
                next_names = [used for used in written.definition.uses if used not in visited and used not in but]
                visited.update(next_names)
                waiting += next_names
        return reached

    def call_in(self, name: str, wanted: Callable[[str], bool]) -> str | None:
        """Where a class, or what it uses, first calls a function whose last name is ``wanted``; None if nowhere.

        Calls in methods that reset parameters don't count.
        """
        for written in self.reached(name):
            starts = sorted((outline.line, method) for method, outline in written.definition.methods.items())
            lines = [line for line, _ in starts]
            for call in written.definition.calls:
                # A decorator stands on the line before its method.
                place = bisect_right(lines, call.line + 1)
                caller = starts[place - 1][1] if place else ""
                if wanted(call.resolved.rpartition(".")[2]) and "reset" not in caller:
                    return written.at(call.line)
        return None

    def where(self, name: str) -> str:
        """The file and line of a class, for feedback: ``colourization.py, line 120``; empty if unknown."""
        written = self.written(name)
        return "" if written is None else written.at(written.definition.line)

    def line_with(self, name: str, pattern: str) -> str | None:
        """The first line of a class that matches: ``models.py, line 12: `self.conv1 = …```; None if none does."""
        written = self.written(name)
        if written is None:
            return None
        definition = written.definition
        cells = [cell for file in self.submission.code if file.path == written.file.path for cell in file.cells]
        text = next((cell.source for cell in cells if cell.number == definition.cell), "")
        numbered_lines = list(enumerate(text.splitlines(), start=1))[definition.line - 1 : definition.end_line]
        for number, line in numbered_lines:
            if re.search(pattern, line):
                return f"{written.at(number)}: `{' '.join(line.split())[:120]}`"
        return None


def undefined_name(trouble: Trouble) -> str | None:
    """The name for want of which the candidate's code was stopped; None if something else stopped it."""
    match = re.match(r"name '(\w+)' is not defined", trouble.text)
    return None if match is None else match[1]


def trouble_sentence(trouble: Trouble, doing: str) -> str:
    """What stopped the candidate's code, as a sentence that quotes the line that was running and its caller.

    ``doing`` completes "While …": ``building CNN(3, 8, 16)``.
    """
    frames, cause = trouble.frames, _message(trouble.text)
    if trouble.type not in ("Refusal", "Stopped"):
        cause = f"{trouble.type}: {cause}" if cause else trouble.type
    sentence = f"While {doing}: {cause.rstrip('.')}"
    if frames:
        sentence += f" ({_line(frames[-1])}"
        # If a convolution refuses its input, the line of forward that called it is what the student has to correct.
        if frames[0].function != frames[-1].function:
            sentence += f", called from {_line(frames[0])}"
        sentence += ")"
    return sentence + "."


_MESSAGE_LENGTH = 300
"""The most characters of an exception's message that feedback quotes."""


def _message(text: str) -> str:
    """The first sentence of a message, and the second if there is room; the rest of PyTorch's messages rarely helps."""
    first, *rest = sentences(" ".join(text.split()))
    message = f"{first} {rest[0]}" if rest and len(first) + len(rest[0]) < _MESSAGE_LENGTH else first
    if len(message) > _MESSAGE_LENGTH:
        message = message[:_MESSAGE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:(") + " …"
    return message + ")" * (message.count("(") - message.count(")"))


def _line(frame: Frame) -> str:
    """A line of the student's code, for feedback: ``models.py, line 12: `x = self.conv(x)```."""
    source = " ".join(frame.text.split())[:120]
    return f"{frame.file}, line {frame.line}" + (f": `{source}`" if source else "")
