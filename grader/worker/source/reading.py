"""Student source to statements: scripts and the cells of notebooks, each reduced to what parses.

Source that is valid Python is left as it is. Otherwise commands of IPython's are replaced (``magics``), and the text is
parsed in the first reading that is Python (``parsing``). Every statement keeps the line number that it has in the
student's file or cell. Nothing here runs anything.
"""

from __future__ import annotations
import __future__

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from ..protocol import Cell as SentCell
from ..protocol import CodeFile, cell_name
from ..trouble import bounded
from .magics import Cell, dedented, without_cell_magic, without_magics
from .parsing import Failure, checked, is_old_print, parse, parse_what_parses
from .pieces import Note, Piece, Source
from .python2_meaning import GONE, Python2, is_python2
from .python2_syntax import PYTHON_2
from .web_page import blocks, is_web_page, without_entities

__all__ = ["read"]


def read(files: Iterable[CodeFile]) -> list[Source]:
    """The sources of files, in the same order.

    Files that a notebook writes with ``%%writefile`` follow at the end, unless a file of that path was handed in.
    Whatever the text, nothing is raised: what cannot be read is a problem of its piece.
    """
    sources: list[Source] = []
    written: list[Source] = []
    for file in files:
        source, files_of_cells = _read_file(file)
        sources.append(source)
        written += files_of_cells
    paths = {source.path for source in sources}
    return sources + list({source.path: source for source in written if source.path not in paths}.values())


def _read_file(file: CodeFile) -> tuple[Source, list[Source]]:
    """The source of the file, and those of the files that its cells write."""
    path = bounded(file.path, 4096)
    unwrapped = _without_page(file)
    is_notebook = path.lower().endswith(".ipynb") or any(cell.number is not None for cell in unwrapped.cells)
    pieces: list[Piece] = []
    written: dict[str, list[Piece]] = {}
    for place, cell in enumerate(unwrapped.cells, start=1):
        number = place if is_notebook and cell.number is None else cell.number
        heading = None if cell.heading is None else bounded(cell.heading)
        name = cell_name(path, number, heading)
        text = cell.source.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
        piece, magic = _read_piece(name, number, text, is_notebook)
        pieces.append(replace(piece, heading=heading))
        if magic.file is not None:
            # The magic's lines are blanked, not cut, so that lines stay lines of the cell.
            line_end = text.find("\n", text.index("%%"))
            code = "" if line_end < 0 else "\n" * text.count("\n", 0, line_end + 1) + text[line_end + 1 :]
            inner, _ = _read_piece(name, number, code, False)
            earlier = written.get(magic.file, []) if magic.appends else []
            written[magic.file] = [*earlier, replace(inner, heading=heading)]
    folder = PurePosixPath(path).parent
    modules = [
        _finished(Source(str(folder / target), tuple(parts), written_by=path)) for target, parts in written.items()
    ]
    return _finished(Source(path, tuple(pieces), web_page=unwrapped is not file)), modules


def _without_page(file: CodeFile) -> CodeFile:
    """The file without what a browser put around its code: its blocks are cells where there are several."""
    if len(file.cells) != 1 or file.cells[0].number is not None:
        return file
    text = file.cells[0].source
    if is_web_page(text):
        parts = blocks(text)
        return replace(
            file,
            cells=tuple(SentCell(place if parts[1:] else None, part) for place, part in enumerate(parts, start=1)),
        )
    plain = without_entities(text)
    if plain == text or not isinstance(parse(text), Failure):
        return file
    is_better = len(parse_what_parses(plain).problems) < len(parse_what_parses(text).problems)
    return replace(file, cells=(SentCell(None, plain),)) if is_better else file


def _read_piece(name: str, number: int | None, text: str, is_notebook: bool) -> tuple[Piece, Cell]:
    """The piece, and what its magic does if it has one."""
    whole = parse(text)
    if isinstance(whole, list) and not is_old_print(text):
        return checked(Piece(name, number, text, tuple(whole))), Cell(text)
    cell = Cell(text)
    if is_notebook:
        cell = without_cell_magic(text)
        if not cell.code.strip():
            return Piece(name, number, text, (), (), cell.notes), cell
    code, notes = without_magics(dedented(cell.code) if is_notebook else text)
    parsed = parse_what_parses(code)
    piece = Piece(name, number, text, tuple(parsed.body), tuple(parsed.problems), (*cell.notes, *notes, *parsed.notes))
    return checked(piece), cell


def _finished(source: Source) -> Source:
    """The source with what holds for the whole file: future imports, and the meaning of Python 2."""
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
        pieces = tuple(replace(piece, body=transform.all(piece.body)) for piece in _with_note(source.pieces))
        source = replace(source, pieces=pieces, python2=True)
    return source


def _with_note(pieces: tuple[Piece, ...]) -> Iterator[Piece]:
    """The pieces of a Python 2 file. If none of them was translated, the first line that shows it gets a note."""
    is_noted = any(note.why == PYTHON_2 for piece in pieces for note in piece.notes)
    for piece in pieces:
        sign = None if is_noted else GONE.search(piece.text)
        if sign is not None:
            is_noted = True
            line = piece.text.count("\n", 0, sign.start()) + 1
            piece = replace(piece, notes=(*piece.notes, Note(line, piece.line(line), PYTHON_2)))
        yield piece
