"""Sources of short texts, as tests of reading write them."""

from __future__ import annotations

import ast

import code_files

from grader.worker.source.pieces import Piece, Source
from grader.worker.source.reading import read

__all__ = ["cell", "code", "notebook", "script"]


def script(text: str, path: str = "models.py") -> Source:
    return read([code_files.script(text, path)])[0]


def notebook(*cells: str) -> list[Source]:
    return read([code_files.notebook(*cells)])


def cell(text: str) -> Piece:
    return notebook(text)[0].pieces[0]


def code(piece: Piece) -> list[tuple[int, str]]:
    """Line and normalised text of each statement, without the ``pass`` that magics leave."""
    return [(part.lineno, ast.unparse(part)) for part in piece.body if not isinstance(part, ast.Pass)]
