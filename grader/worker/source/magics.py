"""IPython's magics and shell escapes in source text."""

from __future__ import annotations

import re
import textwrap

from ..trouble import bounded
from .lexing import ASSIGNED_MAGIC, lex
from .parsing import Failure, parse
from .pieces import Note

__all__ = ["dedented", "without_cell_magic", "without_magics"]


# -------------------------------------------------------------------------------------------------------- magics

_KEEPING = {"time", "timeit", "capture", "prun", "debug", "memit", "mprun", "lprun"}
_FOREIGN = frozenset(
    {"bash", "sh", "shell", "script", "cmd", "system", "sx", "perl", "ruby", "R", "sql", "bigquery"}
) | {
    *("html", "HTML", "svg", "SVG", "latex", "markdown", "javascript", "js"),
    # Python, but in a process of its own: the notebook never sees its names.
    *("python", "python2", "python3", "pypy", "cython"),
}
_OF_IPYTHON = "a command of the notebook, not Python"


def without_cell_magic(text: str) -> tuple[str, list[Note], str | None]:
    """The cell without its ``%%`` line, empty when none of it is Python, and the path of a Python file it writes."""
    match = re.match(r"\s*%%([^\W\d]\w*)[ \t]*([^\n]*)", text)
    if match is None:
        return text, [], None
    magic, arguments = match[1], match[2].split()
    first = text.count("\n", 0, match.start(1)) + 1
    shown = bounded(match[0].strip())
    rest = "\n" * (first - 1) + text[match.end() :]
    if magic in ("writefile", "file"):
        target = arguments[-1].strip("\"'") if arguments else ""
        if target.endswith(".py") and not target.startswith("/") and ".." not in target:
            return "", [Note(first, shown, "read as a file that was handed in")], target
        return "", [Note(first, shown, "writes a file that is not code of this folder")], None
    if magic in _FOREIGN or (magic not in _KEEPING and isinstance(parse(without_magics(rest)[0]), Failure)):
        return "", [Note(first, shown, "a cell in another language")], None
    return rest, [Note(first, shown, _OF_IPYTHON)], None


def without_magics(text: str) -> tuple[str, list[Note]]:
    """``text`` with IPython's lines replaced by statements that parse, line for line."""
    if not re.search(r"[%!?]", text):
        return text, []
    out, notes = [], []
    for kind, word, line, _, _ in lex(text, magics=True):
        if kind != "magic":
            out.append(word)
            continue
        plain, why = _plain(word)
        out.append(plain + "\n" * (word.count("\n") - plain.count("\n")))
        notes.append(Note(line, bounded(word.strip().partition("\n")[0]), why))
    return ("".join(out), notes) if notes else (text, [])


def _plain(magic: str) -> tuple[str, str]:
    """Python in place of one magic, and what was done."""
    assigned = ASSIGNED_MAGIC.match(magic)
    start = assigned[1] if assigned else magic[: len(magic) - len(magic.lstrip())]
    command = magic[len(start) :].strip()
    timed = re.match(r"%{1,2}(?:time|prun|memit)\b[ \t]*(.*)", command, re.DOTALL)
    if timed and timed[1] and not isinstance(parse(timed[1]), Failure):
        return start + timed[1], "timing left out"
    run = re.match(r"%run\b(?:[ \t]+-\w+)*[ \t]+['\"]?(?:\./)?([^\W\d][\w/]*)(?:\.py|\.ipynb)?['\"]?[ \t]*$", command)
    if run and not assigned:
        return f"{start}from {run[1].replace('/', '.')} import *", "read as an import"
    if assigned:
        return start + ("[]" if command.startswith("!") else "None"), _OF_IPYTHON
    return f"{start}pass", _OF_IPYTHON


def dedented(text: str) -> str:
    """IPython accepts a cell that is indented as a whole."""
    first = re.search(r"^[ \t]*(?=[^\s#])", text, re.MULTILINE)
    return textwrap.dedent(text) if first and first[0] else text
