"""Parsing what parses: around a syntax error, the rest of the source is kept."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..trouble import bounded
from .lexing import lex
from .pieces import Note, Piece, Problem
from .python2 import PYTHON_2, from_python2

__all__ = ["PRINTS_TO", "Failure", "checked", "parse", "parse_what_parses"]

_TABS = "tabs and spaces mixed: tabs read as 8 columns"
_MOST_PROBLEMS = 20


# ------------------------------------------------------------------------------------------------------- parsing


@dataclass(frozen=True)
class Failure:
    line: int
    message: str


def parse(text: str) -> list[ast.stmt] | Failure:
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


def parse_what_parses(text: str) -> tuple[list[ast.stmt], list[Problem], list[Note]]:
    """Statements of ``text``, the whole of it or else each top-level statement that parses."""
    whole = _parse_some_way(text, 0)
    if not isinstance(whole, Failure):
        return whole[0], [], whole[1]
    body: list[ast.stmt] = []
    problems: list[Problem] = []
    notes: list[Note] = []
    for offset, chunk in _chunks(text):
        parsed = _parse_some_way(chunk, offset)
        if isinstance(parsed, Failure):
            parsed = _salvaged(chunk, offset, parsed, problems)
        body += parsed[0]
        notes += parsed[1]
    if len(problems) > _MOST_PROBLEMS:
        # Prose in a code cell: the first lines of it say enough, but a lost class is always named.
        problems = problems[:_MOST_PROBLEMS] + [lost for lost in problems[_MOST_PROBLEMS:] if lost.stands_in]
    return body, problems, notes


def _parse_some_way(text: str, offset: int) -> tuple[list[ast.stmt], list[Note]] | Failure:
    """Parse ``text``, which begins ``offset`` lines into the piece, as it is or in the first reading that is Python."""
    first: Failure | None = None
    for reading, reasons in _readings(text):
        parsed = parse(reading)
        if not isinstance(parsed, Failure):
            for statement in parsed:
                ast.increment_lineno(statement, offset)
            return parsed, [_first_change(text, reading, offset, why) for why in reasons]
        first = first or parsed
    assert first is not None
    return replace(first, line=first.line + offset)


# ``print >>f, x`` is Python 3 as well, and raises there: the only statement of Python 2 that parses.
PRINTS_TO = re.compile(r"^[ \t]*print[ \t]*>>", re.MULTILINE)


def _readings(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    suspect = PRINTS_TO.search(text) is not None
    if not suspect:
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
    if suspect:
        yield text, ()


def _first_change(before: str, after: str, offset: int, why: str) -> Note:
    for number, (old, new) in enumerate(zip(before.split("\n"), after.split("\n"), strict=True), start=1):
        # Where tabs went as well, the line that Python 2 is about is the one that differs in more than blanks.
        if old != new and (why == _TABS or old.split() != new.split()):
            return Note(number + offset, bounded(old.strip()), why)
    return Note(1 + offset, bounded(before.partition("\n")[0].strip()), why)


_HEADER = re.compile(r"(?:[ \t]*(?:@.*|#.*)?\n)*[ \t]*(?:class|(?:async[ \t]+)?def)[ \t]+([^\W\d]\w*)")
_COLUMN_0 = re.compile(r"^(?:[^\W\d]\w*|@)", re.MULTILINE)


def _salvaged(chunk: str, offset: int, failure: Failure, problems: list[Problem]) -> tuple[list[ast.stmt], list[Note]]:
    """What of a broken chunk still parses by itself: an unclosed bracket or string must not swallow what follows.

    Adds to ``problems`` one for the chunk and one for each further class or function that is lost.
    """
    problems.append(_problem(chunk, offset, failure))
    body: list[ast.stmt] = []
    notes: list[Note] = []
    starts = [(chunk.count("\n", 0, match.start()), match[0]) for match in _COLUMN_0.finditer(chunk)]
    parts = _cut(chunk, starts)
    for place, (further, part) in enumerate(parts if len(parts) > 1 else []):
        parsed = _parse_some_way(part, offset + further)
        if not isinstance(parsed, Failure):
            body += parsed[0]
            notes += parsed[1]
        elif place > 0 and _HEADER.match(part):
            problems.append(_problem(part, offset + further, parsed))
    return body, notes


def _problem(chunk: str, offset: int, failure: Failure) -> Problem:
    header = _HEADER.match(chunk)
    lines = chunk.split("\n")
    shown = failure.line - offset
    text = lines[shown - 1] if 0 < shown <= len(lines) else ""
    return Problem(failure.line, bounded(text.strip()), failure.message, header[1] if header else None)


def _chunks(text: str) -> list[tuple[int, str]]:
    """Top-level statements of text that need not parse: (lines before it, its text), decorators and clauses with it."""
    return _cut(text, [(line - 1, word) for _, word, line, column, fresh in lex(text) if fresh and column == 0])


_CLAUSES = {"else", "elif", "except", "finally"}


def _cut(text: str, starts: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """``text`` cut before each start (0-based line, first word) that begins a statement of its own."""
    lines = text.split("\n")
    bounds = [0]
    decorated = False
    for line, word in starts:
        if line > bounds[-1] and word not in _CLAUSES and not decorated:
            bounds.append(line)
        decorated = word == "@"
    return [(begin, "\n".join(lines[begin:end])) for begin, end in zip(bounds, [*bounds[1:], len(lines)], strict=True)]


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


def _without_tabs(text: str) -> str:
    if "\t" not in text:
        return text
    lines = text.split("\n")
    for kind, _, line, _, fresh in list(lex(text)):
        # Inside strings and brackets, tabs are the student's.
        if fresh or kind == "comment":
            blanks = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip(" \t\f"))]
            lines[line - 1] = blanks.expandtabs(8) + lines[line - 1][len(blanks) :]
    return "\n".join(lines)
