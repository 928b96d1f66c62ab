"""A Jupyter notebook's code cells, from the text of its file. Nothing is run and nothing is written.

nbformat (https://nbformat.readthedocs.io) knows the formats and converts 3 to 4, but it expects what Jupyter writes and
raises anything at all on what others write. So the JSON is cut down first to a skeleton that is valid by construction,
cell types and sources and nothing else, and nbformat gets that: no schema warning, no outputs in memory, and no
surprise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from grader.display import display

__all__ = ["MOST_CELLS", "MOST_SOURCE", "Notebook", "NotebookError", "read_notebook"]


MOST_CELLS = 5_000
"""Cells of a notebook; the largest of the assignments has under 100."""
MOST_SOURCE = 2_000_000
"""Characters of source in all, outputs dropped."""

_AGAIN = "download or export it again where you wrote it, see that it opens, and hand that in"


class NotebookError(Exception):
    """The text is no notebook that can be read; the message is a clause that follows the file's name."""


@dataclass(frozen=True)
class Notebook:
    """The code of a notebook."""

    sources: tuple[tuple[int, str], ...]
    """For each code cell, in order: its 1-based position among all the cells, and its source, magics included."""
    remarks: tuple[str, ...] = ()
    """What could not be read as it stands, a clause each, such as ``cell 3 has no readable source``."""


def read_notebook(text: str) -> Notebook:
    """Code cells of a notebook of format 3 or 4. Raises NotebookError, and nothing else."""
    content = _parse(text)
    version, cells = _cells(content)
    if len(cells) > MOST_CELLS:
        raise NotebookError(f"has {len(cells):,} cells, at most {MOST_CELLS:,} are read: hand in fewer")
    remarks: list[str] = []
    kept = [_clean(number, cell, version, remarks) for number, cell in enumerate(cells, start=1)]
    if sum(len(source) for _, source in kept) > MOST_SOURCE:
        raise NotebookError(f"holds more than {MOST_SOURCE:,} characters of code: move data out of its cells")
    converted = _convert(version, kept)
    sources = tuple((number, source) for number, (kind, source) in enumerate(converted, start=1) if kind == "code")
    return Notebook(sources, tuple(remarks))


def _parse(text: str) -> dict[str, Any]:
    text = text.lstrip("\ufeff")
    start = text.lstrip(" \t\n")
    if not start:
        raise NotebookError(f"is empty: {_AGAIN}")
    if start.startswith("<<<<<<<") or ("\n<<<<<<< " in text and "\n>>>>>>> " in text):
        line = text.count("\n", 0, text.find("<<<<<<<")) + 1
        raise NotebookError(f"holds an unresolved Git merge conflict at line {line}: resolve it and hand it in again")
    if start.startswith("version https://git-lfs"):
        raise NotebookError("is a Git LFS pointer and not the notebook: fetch the file itself and hand that in")
    if start.startswith("<"):
        raise NotebookError("is a web page (HTML) under a notebook's name: download it as .ipynb and hand that in")
    if not start.startswith(("{", "[")):
        first = display(start.split("\n", 1)[0], limit=60)
        why = f"is not a notebook, it begins with '{first}': if it is a script, name it .py; else"
        raise NotebookError(f"{why} {_AGAIN}")
    try:
        # As floats, numbers cost no more time than digits: a long int costs the square of its length.
        content = json.loads(text, parse_int=float)
    except RecursionError:
        raise NotebookError(f"is nested too deeply to be a notebook: {_AGAIN}") from None
    except json.JSONDecodeError as error:
        breaks_off = not text[error.pos :].strip() or error.msg.startswith("Unterminated string")
        how = "breaks off" if breaks_off else f"is not valid JSON ({error.msg})"
        raise NotebookError(f"{how} at line {error.lineno}, column {error.colno}: {_AGAIN}") from None
    if not isinstance(content, dict):
        raise NotebookError(f"is JSON but not a notebook, which is an object with 'cells': {_AGAIN}")
    return content


def _cells(content: dict[str, Any]) -> tuple[int, list[Any]]:
    """Format and cells. Their place tells the format: what a file says of its own format is often missing."""
    declared = content.get("nbformat")
    if isinstance(declared, float) and declared > 4:
        raise NotebookError(f"is of notebook format {declared:g}, formats 3 and 4 are read: save it as format 4")
    if isinstance(content.get("cells"), list):
        return 4, content["cells"]
    if isinstance(content.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in content["worksheets"] if isinstance(sheet, dict)]
        return 3, [cell for cells in sheets if isinstance(cells, list) for cell in cells]
    keys = ", ".join(f"'{display(key, limit=20)}'" for key in list(content)[:3]) or "nothing"
    raise NotebookError(f"is JSON but not a notebook, it has no list of 'cells' (it has {keys}): {_AGAIN}")


def _clean(number: int, cell: object, version: int, remarks: list[str]) -> tuple[str, str]:
    """Kind and source of one cell; only code keeps its source. What is no cell stays, empty, for the numbering."""
    if not isinstance(cell, dict):
        remarks.append(f"cell {number} is not a cell and was left out")
        return "raw", ""
    if cell.get("cell_type") != "code":
        return "raw", ""
    source = cell.get("source", cell.get("input", "")) if version == 4 else cell.get("input", cell.get("source", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        # Lines are stored with their ends; some tools store them without, and would make one long line of a cell.
        source = ("" if any("\n" in line for line in source) else "\n").join(source)
    if not isinstance(source, str):
        remarks.append(f"cell {number} has no readable source and was left out")
        return "raw", ""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in source:
        remarks.append(f"cell {number} holds NUL characters, which were taken out")
        source = source.replace("\0", "")
    return "code", source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _convert(version: int, cells: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The cells after nbformat has read and converted them: kind and source, in order."""
    import nbformat  # late: it costs a quarter of a second, and scripts do without

    skeleton: dict[str, Any]
    if version == 4:
        skeleton = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [_cell4(*cell) for cell in cells]}
    else:
        sheet = {"metadata": {}, "cells": [_cell3(*cell) for cell in cells]}
        skeleton = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}
    notebook = nbformat.reads(json.dumps(skeleton), as_version=4)  # type: ignore[no-untyped-call]
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def _cell4(kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
    return cell | {"outputs": [], "execution_count": None} if kind == "code" else cell


def _cell3(kind: str, source: str) -> dict[str, Any]:
    if kind != "code":
        return {"cell_type": kind, "metadata": {}, "source": source}
    return {"cell_type": kind, "metadata": {}, "language": "python", "collapsed": False, "input": source, "outputs": []}
