"""Code as the worker is sent it, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from grader.worker.protocol import Cell, CodeFile, Remark

__all__ = ["NETWORK", "PLAIN", "code_files", "notebook", "reasons", "script"]

NETWORK = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
PLAIN = "class CNN(nn.Module):\n    pass\n"


def script(text: str, path: str = "a.py") -> CodeFile:
    return CodeFile(path, (Cell(None, text),))


def notebook(*cells: str, path: str = "a2.ipynb") -> CodeFile:
    """A notebook of code cells, numbered from 1."""
    return CodeFile(path, tuple(Cell(number, text) for number, text in enumerate(cells, start=1)))


def code_files(files: Mapping[str, str | Sequence[str]]) -> list[CodeFile]:
    """Path → the text of a script, or the texts of a notebook's cells."""
    return [script(text, path) if isinstance(text, str) else notebook(*text, path=path) for path, text in files.items()]


def reasons(remarks: Iterable[Remark]) -> dict[str, str]:
    """The line of each remark → its reason."""
    return {remark.text: remark.reason for remark in remarks}
