"""Student source to statements: notebooks' cells and scripts of any age, each reduced to what parses.

Source that is valid Python is left as it is. Otherwise notebook magics are blanked, leading tabs become eight
columns (the rule of Python 2), Python 2 is translated, and what is still no Python costs only the top-level statement
it stands in. Every statement keeps the line number it has in the student's file or cell. Nothing here runs anything.

Sources: IPython's input transformations (magics, shell escapes, help marks); PEP 3100 for what Python 3 removed.
"""

from __future__ import annotations
import __future__

import ast
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import PurePosixPath
from typing import Any

from .trouble import bounded

__all__ = ["DIVIDE", "DIVIDE_IN_PLACE", "Note", "Piece", "Problem", "Source", "read"]

DIVIDE = "__divide_as_python_2__"
DIVIDE_IN_PLACE = "__divide_in_place_as_python_2__"
"""Names of the functions that ``/`` and ``/=`` become in Python 2 files; the namespace must offer them."""

PYTHON_2 = "translated from Python 2"
_TABS = "tabs and spaces mixed: tabs read as 8 columns"
_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Note:
    """A line that is not taken as it stands."""

    line: int
    what: str
    """The line itself, or the first of several."""
    why: str


@dataclass(frozen=True)
class Problem:
    """A statement that is not Python and is lost."""

    line: int
    text: str
    """The source line that Python complains of."""
    message: str
    stands_in: str | None
    """The top-level class or function that is lost with it."""


@dataclass(frozen=True)
class Piece:
    """A script or one cell: what of it parses, with the original line numbers."""

    name: str
    """``models.py`` or ``a2.ipynb, cell 7``: the file name that tracebacks show."""
    number: int | None
    """1-based position of the cell in its notebook; None for a script."""
    text: str
    """As handed in, with ``\\n`` between lines."""
    body: tuple[ast.stmt, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()

    def line(self, number: int) -> str:
        """The source line of that 1-based number, stripped and bounded; empty past the end."""
        lines = self.text.split("\n")
        return bounded(lines[number - 1].strip()) if 0 < number <= len(lines) else ""


@dataclass(frozen=True)
class Source:
    """One file of code."""

    path: str
    pieces: tuple[Piece, ...]
    python2: bool = False
    """Whether it was written for Python 2: removed built-in names are to be offered, integers divide to integers."""
    flags: int = 0
    """Compiler flags of its ``from __future__`` imports."""
    written_by: str | None = None
    """The notebook whose ``%%writefile`` cell holds this file; None for a file that was handed in."""

    @property
    def body(self) -> Iterator[tuple[Piece, ast.stmt]]:
        """All statements in document order, each with its piece."""
        return ((piece, statement) for piece in self.pieces for statement in piece.body)

    @cached_property
    def nodes(self) -> tuple[tuple[Piece, ast.AST], ...]:
        """Every node of the syntax trees but operators and contexts, each with its piece, in the source's order."""
        return tuple((piece, node) for piece, statement in self.body for node in walk(statement))


def walk(tree: ast.AST) -> list[ast.AST]:
    """Every node of a tree but operators and contexts, in the source's order; ``ast.walk`` takes twice the time."""
    found: list[ast.AST] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        for name in _last_to_first(type(node)):  # type: ignore[arg-type]
            value = getattr(node, name, None)
            if isinstance(value, list):
                waiting += [part for part in reversed(value) if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)
    return found


_WITHOUT_NODES = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "module", "level", "kind", "type_comment"})


@cache
def _last_to_first(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes other than operators and contexts."""
    return tuple(name for name in reversed(kind._fields) if name not in _WITHOUT_NODES)


def read(files: Iterable[Mapping[str, Any]]) -> list[Source]:
    """Sources of ``[{"path": "a.ipynb", "cells": [{"number": 3, "source": "…"}, …]}, …]``, in the same order.

    Files that a notebook writes with ``%%writefile`` follow at the end, unless a file of that path was handed in.
    Whatever the text, nothing is raised: what cannot be read is a problem of its piece.
    """
    sources, written = [], []
    for file in files:
        source, extra = _read_file(file)
        sources.append(source)
        written += extra
    paths = {source.path for source in sources}
    for extra_file in written:
        if extra_file.path not in paths:
            paths.add(extra_file.path)
            sources.append(extra_file)
    return sources


def _read_file(file: Mapping[str, Any]) -> tuple[Source, list[Source]]:
    path = bounded(file.get("path"), 4096)
    notebook = path.lower().endswith(".ipynb")
    pieces, written = [], []
    cells = file.get("cells")
    for place, cell in enumerate(cells if isinstance(cells, list | tuple) else [None], start=1):
        number, text = (cell.get("number"), cell.get("source")) if isinstance(cell, Mapping) else (None, None)
        if notebook and not isinstance(number, int):
            number = place
        name = f"{path}, cell {number}" if notebook else path
        if not isinstance(text, str):
            lost = Problem(1, "", "there is no source text", None)
            pieces.append(Piece(name, number, "", (), (lost,)))
            continue
        text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
        piece, target = _read_piece(name, number, text, notebook)
        pieces.append(piece)
        if target is not None:
            # The first line is blanked, not cut, so that lines stay lines of the cell.
            inner, _ = _read_piece(name, number, "\n" + text.partition("\n")[2], False)
            where = str(PurePosixPath(path).parent / target)
            written.append(_finish(Source(where, (inner,), written_by=path)))
    return _finish(Source(path, tuple(pieces))), written


def _read_piece(name: str, number: int | None, text: str, notebook: bool) -> tuple[Piece, str | None]:
    """The piece, and the file that it writes if it is a ``%%writefile`` cell of Python."""
    whole = _parse(text)
    if isinstance(whole, list) and not _PRINTS_TO.search(text):
        return _checked(Piece(name, number, text, tuple(whole))), None
    notes: list[Note] = []
    code = text
    if notebook:
        code, notes, target = _without_cell_magic(text)
        if not code.strip():
            return Piece(name, number, text, (), (), tuple(notes)), target
        code = _dedented(code)
    code, stripped = _without_magics(code)
    body, problems, changes = _parse_what_parses(code)
    piece = Piece(name, number, text, tuple(body), tuple(problems), tuple(notes + stripped + changes))
    return _checked(piece), None


def _finish(source: Source) -> Source:
    """The source with what holds for the whole file: future imports, and the semantics of Python 2."""
    future = {
        alias.name
        for _, statement in source.body
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        for alias in statement.names
    }
    if "annotations" in future:
        source = replace(source, flags=__future__.annotations.compiler_flag)
    if _is_python2(source):
        transform = _Python2(divide="division" not in future)
        pieces = tuple(replace(piece, body=transform.all(piece.body)) for piece in _said(source.pieces))
        source = replace(source, pieces=pieces, python2=True)
    return source


def _said(pieces: tuple[Piece, ...]) -> Iterator[Piece]:
    """The pieces, with a note on the first line that gives Python 2 away where no translation has said so."""
    said = any(note.why == PYTHON_2 for piece in pieces for note in piece.notes)
    for piece in pieces:
        sign = None if said else _GONE.search(piece.text)
        if sign is not None:
            said = True
            line = piece.text.count("\n", 0, sign.start()) + 1
            piece = replace(piece, notes=(*piece.notes, Note(line, piece.line(line), PYTHON_2)))
        yield piece


# ------------------------------------------------------------------------------------------------------- parsing


@dataclass(frozen=True)
class _Failure:
    line: int
    message: str


def _parse(text: str) -> list[ast.stmt] | _Failure:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except SyntaxError as error:
        return _Failure(error.lineno or 1, error.msg or "invalid syntax")
    except (RecursionError, MemoryError):
        return _Failure(1, "nested too deeply for Python to read")
    except ValueError as error:
        # NUL characters in Python 3.10 and 3.11, lone surrogates in all.
        return _Failure(
            1, "characters that Python source cannot hold" if isinstance(error, UnicodeError) else str(error)
        )


def _parse_what_parses(text: str) -> tuple[list[ast.stmt], list[Problem], list[Note]]:
    """Statements of ``text``, the whole of it or else each top-level statement that parses."""
    whole = _parse_some_way(text, 0)
    if not isinstance(whole, _Failure):
        return whole[0], [], whole[1]
    body: list[ast.stmt] = []
    problems: list[Problem] = []
    notes: list[Note] = []
    for offset, chunk in _chunks(text):
        parsed = _parse_some_way(chunk, offset)
        if isinstance(parsed, _Failure):
            parsed = _salvaged(chunk, offset, parsed, problems)
        body += parsed[0]
        notes += parsed[1]
    if len(problems) > _MOST_PROBLEMS:
        # Prose in a code cell: the first lines of it say enough, but a lost class is always named.
        problems = problems[:_MOST_PROBLEMS] + [lost for lost in problems[_MOST_PROBLEMS:] if lost.stands_in]
    return body, problems, notes


def _parse_some_way(text: str, offset: int) -> tuple[list[ast.stmt], list[Note]] | _Failure:
    """Parse ``text``, which begins ``offset`` lines into the piece, as it is or in the first reading that is Python."""
    first: _Failure | None = None
    for reading, reasons in _readings(text):
        parsed = _parse(reading)
        if not isinstance(parsed, _Failure):
            for statement in parsed:
                ast.increment_lineno(statement, offset)
            return parsed, [_first_change(text, reading, offset, why) for why in reasons]
        first = first or parsed
    assert first is not None
    return replace(first, line=first.line + offset)


# ``print >>f, x`` is Python 3 as well, and raises there: the only statement of Python 2 that parses.
_PRINTS_TO = re.compile(r"^[ \t]*print[ \t]*>>", re.MULTILINE)


def _readings(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    suspect = _PRINTS_TO.search(text) is not None
    if not suspect:
        yield text, ()
    spaced = _without_tabs(text)
    if spaced != text:
        yield spaced, (_TABS,)
    modern = _from_python2(text)
    if modern != text:
        yield modern, (PYTHON_2,)
    both = _from_python2(spaced)
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


def _salvaged(chunk: str, offset: int, failure: _Failure, problems: list[Problem]) -> tuple[list[ast.stmt], list[Note]]:
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
        if not isinstance(parsed, _Failure):
            body += parsed[0]
            notes += parsed[1]
        elif place > 0 and _HEADER.match(part):
            problems.append(_problem(part, offset + further, parsed))
    return body, notes


def _problem(chunk: str, offset: int, failure: _Failure) -> Problem:
    header = _HEADER.match(chunk)
    lines = chunk.split("\n")
    shown = failure.line - offset
    text = lines[shown - 1] if 0 < shown <= len(lines) else ""
    return Problem(failure.line, bounded(text.strip()), failure.message, header[1] if header else None)


def _chunks(text: str) -> list[tuple[int, str]]:
    """Top-level statements of text that need not parse: (lines before it, its text), decorators and clauses with it."""
    return _cut(text, [(line - 1, word) for _, word, line, column, fresh in _lex(text) if fresh and column == 0])


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


def _checked(piece: Piece) -> Piece:
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


# -------------------------------------------------------------------------------------------------------- tokens

_TOKEN = re.compile(
    r"""
      (?P<string>(?:[uU][rR]|[rRbBfFuU]{0,2})(?:
            \"\"\"[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"\"\"
          | '''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''
          | "[^"\\\n]*(?:\\.[^"\\\n]*)*"
          | '[^'\\\n]*(?:\\.[^'\\\n]*)*' ))
    | (?P<comment>\#[^\n]*)
    | (?P<number>0[xXbBoO][0-9a-fA-F_]+[lL]?|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[jJlL]?)
    | (?P<name>[^\W\d]\w*)
    | (?P<join>\\\n)
    | (?P<newline>\n)
    | (?P<space>[ \t\f]+)
    | (?P<operator><>|<<=?|>>=?|\*\*=?|//=?|->|:=|[-+*/%&|^@=!<>]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_MAGIC = re.compile(r"[ \t]*(?:%{1,2}[^\W\d]|!|\?{1,2}[^\W\d]|[^\W\d][\w.]*\?{1,2}[ \t]*(?:\#.*)?$)", re.MULTILINE)
_ASSIGNED_MAGIC = re.compile(r"([ \t]*[^\W\d][\w., \t\[\]'\"]*?(?<![=!<>])=[ \t]*)(!|%[^\W\d])")
_ANEW = re.compile(
    r"(?:class|def|async[ ]+def|import)[ ]+\w|from[ ]+[\w.]+[ ]+import\b"
    r"|@\w[^\n]*\n(?:[ \t]*(?:\#[^\n]*)?\n)*(?:@|class|def)"
)

_Token = tuple[str, str, int, int, bool]
"""Kind, text, 1-based line, 0-based column, and whether it is the first of a statement's line."""


def _lex(text: str, *, magics: bool = False) -> Iterator[_Token]:
    """Tokens of Python 2, Python 3 or neither; any text has some. Blanks, comments and line ends are tokens as well.

    With ``magics``, a line of IPython's own (and the lines it continues on) is one token of the kind ``magic``.
    """
    position, line, line_start, depth, fresh = 0, 1, 0, 0, True
    while position < len(text):
        if depth and position == line_start and _ANEW.match(text, position):
            # No expression holds these words there: the bracket was never closed.
            depth, fresh = 0, True
        kind = ""
        if fresh and magics and (_MAGIC.match(text, position) or _ASSIGNED_MAGIC.match(text, position)):
            kind, end = "magic", position
            while True:
                end = text.find("\n", end)
                if end < 0:
                    end = len(text)
                    break
                if text[end - 1] != "\\":
                    break
                end += 1
            # The blanks before it stay a token, so that columns are those of the magic.
            word = text[position:end]
        else:
            match = _TOKEN.match(text, position)
            assert match is not None and match.lastgroup is not None
            kind, word = match.lastgroup, match[0]
        silent = kind in ("space", "comment", "join", "newline")
        yield kind, word, line, position - line_start, fresh and not silent
        if kind == "operator":
            depth = depth + 1 if word in "([{" else max(0, depth - 1) if word in ")]}" else depth
        if not silent:
            fresh = False
        elif kind == "newline" and depth == 0:
            fresh = True
        position += len(word)
        breaks = word.count("\n")
        if breaks:
            line += breaks
            line_start = position - len(word) + word.rindex("\n") + 1


def _without_tabs(text: str) -> str:
    if "\t" not in text:
        return text
    lines = text.split("\n")
    for kind, _, line, _, fresh in list(_lex(text)):
        # Inside strings and brackets, tabs are the student's.
        if fresh or kind == "comment":
            blanks = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip(" \t\f"))]
            lines[line - 1] = blanks.expandtabs(8) + lines[line - 1][len(blanks) :]
    return "\n".join(lines)


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


def _without_cell_magic(text: str) -> tuple[str, list[Note], str | None]:
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
    if magic in _FOREIGN or (magic not in _KEEPING and isinstance(_parse(_without_magics(rest)[0]), _Failure)):
        return "", [Note(first, shown, "a cell in another language")], None
    return rest, [Note(first, shown, _OF_IPYTHON)], None


def _without_magics(text: str) -> tuple[str, list[Note]]:
    """``text`` with IPython's lines replaced by statements that parse, line for line."""
    if not re.search(r"[%!?]", text):
        return text, []
    out, notes = [], []
    for kind, word, line, _, _ in _lex(text, magics=True):
        if kind != "magic":
            out.append(word)
            continue
        plain, why = _plain(word)
        out.append(plain + "\n" * (word.count("\n") - plain.count("\n")))
        notes.append(Note(line, bounded(word.strip().partition("\n")[0]), why))
    return ("".join(out), notes) if notes else (text, [])


def _plain(magic: str) -> tuple[str, str]:
    """Python in place of one magic, and what was done."""
    assigned = _ASSIGNED_MAGIC.match(magic)
    start = assigned[1] if assigned else magic[: len(magic) - len(magic.lstrip())]
    command = magic[len(start) :].strip()
    timed = re.match(r"%{1,2}(?:time|prun|memit)\b[ \t]*(.*)", command, re.DOTALL)
    if timed and timed[1] and not isinstance(_parse(timed[1]), _Failure):
        return start + timed[1], "timing left out"
    run = re.match(r"%run\b(?:[ \t]+-\w+)*[ \t]+['\"]?(?:\./)?([^\W\d][\w/]*)(?:\.py|\.ipynb)?['\"]?[ \t]*$", command)
    if run and not assigned:
        return f"{start}from {run[1].replace('/', '.')} import *", "read as an import"
    if assigned:
        return start + ("[]" if command.startswith("!") else "None"), _OF_IPYTHON
    return f"{start}pass", _OF_IPYTHON


def _dedented(text: str) -> str:
    """IPython accepts a cell that is indented as a whole."""
    first = re.search(r"^[ \t]*(?=[^\s#])", text, re.MULTILINE)
    return textwrap.dedent(text) if first and first[0] else text


# ------------------------------------------------------------------------------------------------------ Python 2


def _from_python2(text: str) -> str:
    """``text`` with the statements and literals that Python 3 dropped in their new form, line for line."""
    tokens = list(_lex(text))
    words = [token[1] for token in tokens]
    for place, (kind, word, *_) in enumerate(tokens):
        if kind == "number" and re.fullmatch(r"0[0-7]*[1-7][0-7]*[lL]?", word):
            words[place] = "0o" + word.lstrip("0").rstrip("lL")
        elif kind == "number" and word[-1] in "lL":
            words[place] = word[:-1]
        elif kind == "string" and word[:2].lower() == "ur":
            words[place] = word[1:]
        elif word == "<>":
            words[place] = "!="
    ticks = [place for place, (kind, word, *_) in enumerate(tokens) if kind == "operator" and word == "`"]
    for opening, closing in zip(ticks[::2], ticks[1::2], strict=False):
        words[opening], words[closing] = "repr(", ")"
    for begin, end in _simple_statements(tokens):
        _modernise(tokens, words, begin, end)
    return "".join(words)


def _simple_statements(tokens: list[_Token]) -> Iterator[tuple[int, int]]:
    """Ranges of tokens (first, past the last) without the blanks around them, block headers with their colon."""
    depth = 0
    members: list[int] = []
    for place, (kind, word, *_) in enumerate(tokens):
        if kind == "operator":
            depth = depth + 1 if word in "([{" else max(0, depth - 1) if word in ")]}" else depth
        stops = kind == "newline" or (kind == "operator" and word in ";:")
        if (stops and depth == 0) or kind == "comment":
            if members and kind == "operator" and word == ":":
                members.append(place)
            if members and (kind != "comment" or depth == 0):
                yield members[0], members[-1] + 1
                members = []
        elif kind not in ("space", "newline", "join"):
            members.append(place)
    if members:
        yield members[0], members[-1] + 1


def _modernise(tokens: list[_Token], words: list[str], begin: int, end: int) -> None:
    """Rewrite one statement of Python 2 in ``words``."""
    inner = [place for place in range(begin + 1, end) if tokens[place][0] not in ("space", "newline", "join")]
    first = words[begin]
    if tokens[begin][0] != "name" or first not in ("print", "exec", "raise", "except"):
        return
    if not inner:
        if first == "print":
            words[begin] = "print()"
        return
    commas = _top_level(words, inner, ",")
    if first == "except":
        if commas and words[inner[-1]] == ":":
            words[commas[0]] = " as"
    elif first == "raise":
        if commas:
            words[commas[0]] = "("
            # The third expression is a traceback, which nothing here needs.
            for place in range(commas[1] if len(commas) > 1 else end, end):
                words[place] = ""
            last = next(place for place in reversed(inner) if words[place])
            words[last] += ")"
    elif _is_one_group(words, inner) or words[inner[0]] in {"=", ".", ":", ")", "]"}:
        return
    elif first == "exec":
        into = _top_level(words, inner, "in")
        if into:
            words[into[0]] = ","
        _wrap(words, begin, inner[0], inner[-1], "")
    elif words[inner[0]] == ">>":
        target_end = commas[0] if commas else end
        target = "".join(words[inner[0] + 1 : target_end]).strip()
        for place in range(inner[0], min(target_end + 1, end)):
            words[place] = "\n" * words[place].count("\n")
        rest = [place for place in inner if place > target_end]
        if rest:
            _wrap(words, begin, rest[0], rest[-1], f", file={target}")
        else:
            words[begin] = f"print(file={target})"
    elif commas and commas[-1] == inner[-1]:
        _wrap(words, begin, inner[0], inner[-1], " end=' '")
    else:
        _wrap(words, begin, inner[0], inner[-1], "")


def _wrap(words: list[str], begin: int, first: int, last: int, more: str) -> None:
    """Parenthesise the words from ``first`` to ``last``, directly after the word at ``begin``."""
    for place in range(begin + 1, first):
        # A backslash would end up between the name and its bracket; inside brackets it is still right.
        words[place] = words[place] if "\n" in words[place] else ""
    words[begin] += "("
    words[last] += more + ")"


def _top_level(words: list[str], inner: list[int], wanted: str) -> list[int]:
    depth, places = 0, []
    for place in inner:
        word = words[place]
        depth += (word[-1:] in "([{" and len(word) > 0) - (word in (")", "]", "}"))
        if depth == 0 and word == wanted:
            places.append(place)
    return places


def _is_one_group(words: list[str], inner: list[int]) -> bool:
    """Whether the words are one parenthesised expression, so that Python 3 reads them as a call."""
    if words[inner[0]] != "(" or words[inner[-1]] != ")":
        return False
    depth = 0
    for place in inner:
        depth += (words[place] in ("(", "[", "{")) - (words[place] in (")", "]", "}"))
        if depth == 0:
            return place == inner[-1]
    return False


_GONE = re.compile(r"\b(?:xrange|raw_input|unicode|basestring|has_key|iteritems|itervalues|iterkeys)\b")
_GONE_NAMES = {"xrange", "raw_input", "unicode", "basestring"}
_GONE_METHODS = {"iteritems": "items", "itervalues": "values", "iterkeys": "keys"}


def _is_python2(source: Source) -> bool:
    """Whether the file was written for Python 2: by its syntax or its names, and by nothing that only Python 3 has."""
    translated = any(note.why == PYTHON_2 for piece in source.pieces for note in piece.notes)
    if not translated and not any(_GONE.search(piece.text) for piece in source.pieces):
        return False
    nodes = [node for _, node in source.nodes]
    if any(map(_only_python3, nodes)):
        return False
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return translated or any(
        (isinstance(node, ast.Name) and node.id in _GONE_NAMES - bound)
        or (isinstance(node, ast.Attribute) and (node.attr in _GONE_METHODS or node.attr == "has_key"))
        for node in nodes
    )


def _only_python3(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return (node.func.id == "super" and not node.args) or (node.func.id == "print" and _has_new_print(node))
    return isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.Nonlocal | ast.AsyncFunctionDef | ast.NamedExpr) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    )


def _has_new_print(call: ast.Call) -> bool:
    # The translation writes ``file=`` and ``end=' '`` itself.
    return any(
        word.arg in ("sep", "flush") or (word.arg == "end" and getattr(word.value, "value", None) != " ")
        for word in call.keywords
    )


@dataclass
class _Python2(ast.NodeTransformer):
    """What Python 2 meant by ``/`` between integers, ``has_key`` and ``iteritems``."""

    divide: bool

    def all(self, body: Iterable[ast.stmt]) -> tuple[ast.stmt, ...]:
        """The statements transformed; one that is nested too deeply stays as it is."""
        out: list[ast.stmt] = []
        for statement in body:
            try:
                out.append(ast.fix_missing_locations(self.visit(statement)))
            except RecursionError:
                out.append(statement)
        return tuple(out)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if self.divide and isinstance(node.op, ast.Div):
            return ast.copy_location(_call(DIVIDE, node.left, node.right), node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if self.divide and isinstance(node.op, ast.Div):
            read = ast.parse(ast.unparse(node.target), mode="eval").body
            value = _call(DIVIDE_IN_PLACE, read, node.value)
            return ast.copy_location(ast.Assign(targets=[node.target], value=value), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "has_key" and len(node.args) == 1 and not node.keywords:
                inside = ast.Compare(left=node.args[0], ops=[ast.In()], comparators=[node.func.value])
                return ast.copy_location(inside, node)
            node.func.attr = _GONE_METHODS.get(node.func.attr, node.func.attr)
        return node


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=list(arguments), keywords=[])
