"""Submitted code as tests write it, and as the worker is sent it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.worker.loading.loader import Loaded
from grader.worker.protocol import Cell, CodeFile

NETWORK = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
PLAIN = "class CNN(nn.Module):\n    pass\n"


def script(text: str, path: str = "models.py") -> CodeFile:
    return CodeFile(path, (Cell(None, text),))


def notebook(*cells: str, path: str = "a2.ipynb") -> CodeFile:
    """The cells are numbered from 1."""
    return CodeFile(path, tuple(Cell(number, text) for number, text in enumerate(cells, start=1)))


def code_files(files: Mapping[str, str | Sequence[str]]) -> list[CodeFile]:
    """Path → text of a script, or texts of a notebook's cells."""
    return [script(text, path) if isinstance(text, str) else notebook(*text, path=path) for path, text in files.items()]


def reasons(loaded: Loaded) -> dict[str, str]:
    """The statements that were skipped → why."""
    return {remark.text: remark.reason for remark in loaded.skipped}
