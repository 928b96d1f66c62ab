"""Commands of IPython's in source text: each is replaced by Python that parses, line for line.

- ``%%time`` and the like: the first line of the cell goes, the rest is Python.
- ``%%bash`` and the like, and an unknown ``%%`` command over text that is not Python: the whole cell goes.
- ``%%writefile models.py``: the cell is read as a file of the submission.
- ``%time f()`` becomes ``f()``; ``%run models.py`` becomes ``from models import *``.
- ``x = !ls`` becomes ``x = []``; ``x = %pwd`` becomes ``x = None``; any other line becomes ``pass``.

Source: IPython's documentation of its input transformations (magics, shell escapes, help marks).
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from ..trouble import bounded
from .lexing import ASSIGNED_MAGIC, lex
from .parsing import Failure, parse
from .pieces import Note

__all__ = ["Cell", "dedented", "without_cell_magic", "without_magics"]

_OVER_PYTHON = frozenset({"time", "timeit", "capture", "prun", "debug", "memit", "mprun", "lprun"})
"""Magics of a cell whose other lines are Python."""
_FOREIGN = frozenset(
    {"bash", "sh", "shell", "script", "cmd", "system", "sx", "perl", "ruby", "R", "sql", "bigquery"}
) | {
    *("html", "HTML", "svg", "SVG", "latex", "markdown", "javascript", "js"),
    # Python, but in a process of its own: the notebook never sees its names.
    *("python", "python2", "python3", "pypy", "cython"),
}
"""Magics of a cell whose other lines are not for the notebook's Python."""
_OF_IPYTHON = "a command of the notebook, not Python"


@dataclass(frozen=True)
class Cell:
    """A cell without its ``%%`` line."""

    code: str
    """The rest of it; empty where it is not for the notebook's Python."""
    notes: tuple[Note, ...] = ()
    """What was done with the ``%%`` line."""
    file: str | None = None
    """The path of the Python file that the cell writes, below the notebook's folder."""
    appends: bool = False
    """Whether it adds to that file, and does not write it anew."""


def without_cell_magic(text: str) -> Cell:
    """The cell without its ``%%`` line, if it has one."""
    match = re.match(r"\s*%%([^\W\d]\w*)[ \t]*([^\n]*)", text)
    if match is None:
        return Cell(text)
    magic = match[1]
    line = text.count("\n", 0, match.start(1)) + 1
    rest = "\n" * (line - 1) + text[match.end() :]

    def note(why: str) -> tuple[Note]:
        return (Note(line, bounded(match[0].strip()), why),)

    if magic in ("writefile", "file"):
        written = re.match(r"((?:-\w+|--\w+)[ \t]+)*(.+)", match[2].strip())
        file = written[2].strip().strip("\"'") if written else ""
        if file.startswith(("/", "~")) or ".." in file or "\\" in file:
            # A folder that is elsewhere here: the file is imported by its name alone.
            file = re.split(r"[/\\]", file)[-1]
        if file.endswith(".py") and file != ".py":
            appends = bool(written and written[1] and "a" in written[1])
            return Cell("", note("read as a file that was handed in"), file, appends)
        return Cell("", note("writes a file that is not code of this folder"))
    if magic in _FOREIGN or (magic not in _OVER_PYTHON and isinstance(parse(without_magics(rest)[0]), Failure)):
        return Cell("", note("a cell in another language"))
    return Cell(rest, note(_OF_IPYTHON))


def without_magics(text: str) -> tuple[str, list[Note]]:
    """``text`` with IPython's commands replaced by statements that parse, line for line, and a note on each."""
    if not re.search(r"[%!?]", text):
        return text, []
    words: list[str] = []
    notes: list[Note] = []
    for token in lex(text, magics=True):
        if token.kind != "magic":
            words.append(token.text)
            continue
        python, why = _as_python(token.text)
        words.append(python + "\n" * (token.text.count("\n") - python.count("\n")))
        notes.append(Note(token.line, bounded(token.text.strip().partition("\n")[0]), why))
    return "".join(words), notes


def _as_python(magic: str) -> tuple[str, str]:
    """Python in place of one command, and what was done."""
    assigned = ASSIGNED_MAGIC.match(magic)
    start = assigned[1] if assigned else magic[: len(magic) - len(magic.lstrip())]
    command = magic[len(start) :].strip()
    timed = re.match(r"%{1,2}(?:time|prun|memit)\b[ \t]*(.*)", command, re.DOTALL)
    if timed and timed[1] and not isinstance(parse(timed[1]), Failure):
        return start + timed[1], "the timing is skipped"
    run = re.match(r"%run\b(?:[ \t]+-\w+)*[ \t]+['\"]?(?:\./)?([^\W\d][\w/]*)(?:\.py|\.ipynb)?['\"]?[ \t]*$", command)
    if run and not assigned:
        return f"{start}from {run[1].replace('/', '.')} import *", "read as an import"
    if assigned:
        return start + ("[]" if command.startswith("!") else "None"), _OF_IPYTHON
    return f"{start}pass", _OF_IPYTHON


def dedented(text: str) -> str:
    """The cell without the indentation that all its lines have: IPython accepts a cell that is indented as a whole."""
    first = re.search(r"^[ \t]*(?=[^\s#])", text, re.MULTILINE)
    return textwrap.dedent(text) if first and first[0] else text
