"""Parsing source of any age and state: a syntax error costs the top-level statement that it stands in, and no other.

A text is tried as it is, then with tabs as eight columns (the rule of Python 2), then translated from Python 2, then
both together. The first reading that is Python counts. If none is, the text is cut into its top-level statements, and
each of these is tried in the same way. A statement that still does not parse is a problem; lines inside it that begin
at the left margin are tried once more, since an unclosed bracket must not swallow what follows.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..trouble import bounded
from .lexing import lex
from .pieces import Note, Piece, Problem
from .python2_syntax import PYTHON_2, from_python2

__all__ = ["Failure", "Parsed", "breaks_off", "checked", "is_old_print", "parse", "parse_what_parses"]


@dataclass(frozen=True)
class Failure:
    """Why a text is not Python."""

    line: int
    """Counted from 1."""
    message: str


@dataclass
class Parsed:
    """What could be parsed of a text; the line numbers are those of the whole text."""

    body: list[ast.stmt] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Statements that are lost."""
    notes: list[Note] = field(default_factory=list)
    """Lines that were read in another way than they are written."""


def parse(text: str) -> list[ast.stmt] | Failure:
    """The statements of the text exactly as it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except SyntaxError as error:
        return Failure(error.lineno or 1, error.msg or "invalid syntax")
    except (RecursionError, MemoryError):
        return Failure(1, "nested too deeply for Python to read")
    except ValueError as error:
        # NUL characters in Python 3.10 and 3.11, lone surrogates in all.
        return Failure(
            1, "characters that Python source cannot hold" if isinstance(error, UnicodeError) else str(error)
        )


_MOST_PROBLEMS = 20


def parse_what_parses(text: str) -> Parsed:
    """The whole of ``text`` in the first reading that is Python, or else each top-level statement that is."""
    whole = _parse_some_way(text, 0)
    if not isinstance(whole, Failure):
        return whole
    parsed = Parsed()
    for chunk in _chunks(text):
        part = _parse_some_way(chunk.text, chunk.offset)
        if isinstance(part, Failure):
            part = _salvaged(chunk, part)
        parsed.body += part.body
        parsed.problems += part.problems
        parsed.notes += part.notes
    if len(parsed.problems) > _MOST_PROBLEMS:
        # Prose in a code cell: its first lines say enough. But a class that is lost is always named.
        further = [problem for problem in parsed.problems[_MOST_PROBLEMS:] if problem.stands_in]
        parsed.problems = parsed.problems[:_MOST_PROBLEMS] + further
    return parsed


# --------------------------------------------------------------------------------------------------------- readings

_TABS = "tabs and spaces mixed: tabs read as 8 columns"
_PRINT_TO_FILE = re.compile(r"^[ \t]*print[ \t]*>>", re.MULTILINE)


def is_old_print(text: str) -> bool:
    """Whether it has ``print >>f, x``, the only statement of Python 2 that parses as Python 3; there it raises."""
    return _PRINT_TO_FILE.search(text) is not None


def _parse_some_way(text: str, offset: int) -> Parsed | Failure:
    """Parse ``text``, which begins ``offset`` lines into the piece, in the first reading that is Python."""
    first: Failure | None = None
    for reading, reasons in _readings(text):
        body = parse(reading)
        if not isinstance(body, Failure):
            for statement in body:
                ast.increment_lineno(statement, offset)
            return Parsed(body, notes=[_first_change(text, reading, offset, why) for why in reasons])
        first = first or body
    assert first is not None
    return replace(first, line=first.line + offset)


def _readings(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The texts to try in turn, each with what was done to it."""
    is_suspect = is_old_print(text)
    if not is_suspect:
        yield text, ()
    spaced = _without_tabs(text)
    if spaced != text:
        yield spaced, (_TABS,)
    modern = from_python2(text)
    if modern != text:
        yield modern, (PYTHON_2,)
    both = from_python2(spaced)
    if both not in (spaced, modern):
        yield both, (_TABS, PYTHON_2)
    if is_suspect:
        yield text, ()


def _without_tabs(text: str) -> str:
    """``text`` with the tabs that indent its statements and comments as 8 columns."""
    if "\t" not in text:
        return text
    lines = text.split("\n")
    for token in lex(text):
        # Inside strings and brackets, tabs are the student's.
        if token.is_first or token.kind == "comment":
            line = lines[token.line - 1]
            indentation = line[: len(line) - len(line.lstrip(" \t\f"))]
            lines[token.line - 1] = indentation.expandtabs(8) + line[len(indentation) :]
    return "\n".join(lines)


def _first_change(before: str, after: str, offset: int, why: str) -> Note:
    """A note on the first line in which the two texts differ."""
    for number, (old, new) in enumerate(zip(before.split("\n"), after.split("\n"), strict=True), start=1):
        # Where tabs changed as well, the first line of Python 2 is one that differs in more than blanks.
        if old != new and (why == _TABS or old.split() != new.split()):
            return Note(number + offset, bounded(old.strip()), why)
    return Note(1 + offset, bounded(before.partition("\n")[0].strip()), why)


# ------------------------------------------------------------------------------------- around what does not parse

_CLAUSES = frozenset({"else", "elif", "except", "finally"})
_HEADER = re.compile(r"(?:[ \t]*(?:@.*|#.*)?\n)*[ \t]*(?:class|(?:async[ \t]+)?def)[ \t]+([^\W\d]\w*)")
"""The first lines of a class or a function, decorators and comments before it included."""
_COLUMN_0 = re.compile(r"[^\W\d]\w*|@")


@dataclass(frozen=True)
class _Chunk:
    """Some lines of a text that need not parse."""

    offset: int
    """The number of lines before it."""
    text: str


@dataclass(frozen=True)
class _Start:
    """Where a statement may begin."""

    line: int
    """Counted from 0."""
    word: str
    """Its first word."""


def _chunks(text: str) -> list[_Chunk]:
    """The top-level statements of the text, with their decorators and clauses."""
    starts = [_Start(token.line - 1, token.text) for token in lex(text) if token.is_first and token.column == 0]
    return _cut(text, 0, starts)


def _cut(text: str, offset: int, starts: list[_Start]) -> list[_Chunk]:
    """``text`` cut before each start that begins a statement of its own; it lies ``offset`` lines into the piece."""
    lines = text.split("\n")
    bounds = [0]
    is_decorated = False
    for start in starts:
        if start.line > bounds[-1] and start.word not in _CLAUSES and not is_decorated:
            bounds.append(start.line)
        is_decorated = start.word == "@"
    return [
        _Chunk(offset + begin, "\n".join(lines[begin:end]))
        for begin, end in zip(bounds, [*bounds[1:], len(lines)], strict=True)
    ]


def _salvaged(chunk: _Chunk, failure: Failure) -> Parsed:
    """What still parses of a chunk that does not, with a problem for the chunk itself.

    Each line that begins at the left margin is taken for a new statement. There is a problem for each further class or
    function that is lost.
    """
    parsed = Parsed(problems=[_problem(chunk, failure)])
    words = (_COLUMN_0.match(line) for line in chunk.text.split("\n"))
    starts = [_Start(place, word[0]) for place, word in enumerate(words) if word is not None]
    parts = _cut(chunk.text, chunk.offset, starts)
    for place, part in enumerate(parts if len(parts) > 1 else []):
        inner = _parse_some_way(part.text, part.offset)
        if not isinstance(inner, Failure):
            parsed.body += inner.body
            parsed.notes += inner.notes
        elif place > 0 and _HEADER.match(part.text):
            parsed.problems.append(_problem(part, inner))
    return parsed


def _problem(chunk: _Chunk, failure: Failure) -> Problem:
    header = _HEADER.match(chunk.text)
    lines = chunk.text.split("\n")
    number = failure.line - chunk.offset
    text = lines[number - 1] if 0 < number <= len(lines) else ""
    return Problem(failure.line, bounded(text.strip()), failure.message, header[1] if header else None)


# ------------------------------------------------------------------------------------------- what breaks off at its end

_UNFINISHED = re.compile(r"was never closed|unterminated triple-quoted|unexpected EOF|EOF while scanning")
"""Python's complaints about a bracket or a text that is open where the source ends."""
_CLOSING = ")]}"


def breaks_off(text: str) -> int | None:
    """The line in which the text stops before a statement is complete, as in a file that was cut off; None if none.

    A bracket that was forgotten is different: other statements follow it, or its line has an end.
    """
    chunk = next((chunk for chunk in reversed(_chunks(text)) if chunk.text.strip()), None)
    if chunk is None or not isinstance(failure := _parse_some_way(chunk.text, 0), Failure):
        return None
    lines = chunk.text.rstrip().split("\n")
    start = max((token.line for token in lex(chunk.text) if token.is_first), default=1)
    before = "\n".join(lines[: start - 1])
    if isinstance(parse(before), Failure) and isinstance(
        parse(f"{before}\n{_indented_pass(lines[start - 1])}"), Failure
    ):
        return None  # what is wrong stands further up
    rest = [line for line in lines[start:] if line.strip()]
    if _UNFINISHED.search(failure.message):
        margin = _margin(lines[start - 1])
        is_cut = all(_margin(line) > margin or line.strip()[0] in _CLOSING for line in rest)
    elif failure.message.startswith("expected an indented block"):
        is_cut = not rest
    else:
        is_cut = not text.endswith("\n") and failure.line >= len(lines)
    return chunk.offset + len(lines) if is_cut else None


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented_pass(line: str) -> str:
    """``pass`` below the same margin as the line."""
    return line[: _margin(line)] + "pass"


# ------------------------------------------------------------------------------------- what parses but does not compile


def checked(piece: Piece) -> Piece:
    """The piece without the classes and functions that parse but cannot be compiled, such as ``f(a, a)``."""
    body: list[ast.stmt] = []
    problems = list(piece.problems)
    for statement in piece.body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    compile(ast.Module([statement], []), piece.name, "exec", dont_inherit=True)
            except SyntaxError as error:
                line = error.lineno or statement.lineno
                problems.append(Problem(line, piece.line(line), error.msg or "invalid syntax", statement.name))
                continue
            except (RecursionError, MemoryError, ValueError) as error:
                reason = bounded(error) or "nested too deeply for Python to read"
                problems.append(Problem(statement.lineno, piece.line(statement.lineno), reason, statement.name))
                continue
        body.append(statement)
    problems.sort(key=lambda problem: problem.line)
    return replace(piece, body=tuple(body), problems=tuple(problems))
