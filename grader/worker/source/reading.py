"""Student source to statements: notebooks' cells and scripts of any age, each reduced to what parses.

Source that is valid Python is left as it is. Otherwise notebook magics are blanked, leading tabs become eight
columns (the rule of Python 2), Python 2 is translated, and what is still no Python costs only the top-level statement
it stands in. Every statement keeps the line number it has in the student's file or cell. Nothing here runs anything.

Sources: IPython's input transformations (magics, shell escapes, help marks); PEP 3100 for what Python 3 removed.
"""

from __future__ import annotations
import __future__

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from ..protocol import CodeFile
from ..trouble import bounded
from .magics import dedented, without_cell_magic, without_magics
from .parsing import PRINTS_TO, checked, parse, parse_what_parses
from .pieces import Note, Piece, Source
from .python2 import GONE, PYTHON_2, Python2, is_python2

__all__ = ["read"]


def read(files: Iterable[CodeFile]) -> list[Source]:
    """The sources of files, in the same order.

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


def _read_file(file: CodeFile) -> tuple[Source, list[Source]]:
    path = bounded(file.path, 4096)
    notebook = path.lower().endswith(".ipynb")
    pieces, written = [], []
    for place, cell in enumerate(file.cells, start=1):
        number = place if notebook and cell.number is None else cell.number
        name = f"{path}, cell {number}" if notebook else path
        text = cell.source.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
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
    whole = parse(text)
    if isinstance(whole, list) and not PRINTS_TO.search(text):
        return checked(Piece(name, number, text, tuple(whole))), None
    notes: list[Note] = []
    code = text
    if notebook:
        code, notes, target = without_cell_magic(text)
        if not code.strip():
            return Piece(name, number, text, (), (), tuple(notes)), target
        code = dedented(code)
    code, stripped = without_magics(code)
    body, problems, changes = parse_what_parses(code)
    piece = Piece(name, number, text, tuple(body), tuple(problems), tuple(notes + stripped + changes))
    return checked(piece), None


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
    if is_python2(source):
        transform = Python2(divide="division" not in future)
        pieces = tuple(replace(piece, body=transform.all(piece.body)) for piece in _said(source.pieces))
        source = replace(source, pieces=pieces, python2=True)
    return source


def _said(pieces: tuple[Piece, ...]) -> Iterator[Piece]:
    """The pieces, with a note on the first line that gives Python 2 away where no translation has said so."""
    said = any(note.why == PYTHON_2 for piece in pieces for note in piece.notes)
    for piece in pieces:
        sign = None if said else GONE.search(piece.text)
        if sign is not None:
            said = True
            line = piece.text.count("\n", 0, sign.start()) + 1
            piece = replace(piece, notes=(*piece.notes, Note(line, piece.line(line), PYTHON_2)))
        yield piece
