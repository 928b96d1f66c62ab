"""Code as the worker is sent it, for tests."""

from __future__ import annotations

from grader.worker.protocol import Cell, CodeFile

__all__ = ["notebook", "script"]


def script(text: str, path: str = "a.py") -> CodeFile:
    return CodeFile(path, (Cell(None, text),))


def notebook(*cells: str, path: str = "a2.ipynb") -> CodeFile:
    """A notebook of code cells, numbered from 1."""
    return CodeFile(path, tuple(Cell(number, text) for number, text in enumerate(cells, start=1)))
