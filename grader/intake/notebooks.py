"""A Jupyter notebook's code cells, from the text of its file. Nothing is run and nothing is written.

The format is described at https://nbformat.readthedocs.io. Of it, the cells' types and sources are read, and the
language of the kernel: format 4 keeps a notebook's cells in ``cells`` and their text in ``source``, format 3 keeps them
in ``worksheets`` and in ``input``. The library nbformat is not used, because it expects what Jupyter writes. Without
``nbformat`` in the file it drops the code without a word; odd metadata or one damaged cell raise a TypeError, and the
whole notebook would be lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.display import display
from grader.intake.records import Aside

__all__ = ["MOST_CELLS", "MOST_SOURCE", "MOST_VALUES", "Notebook", "NotebookError", "read_notebook"]


MOST_CELLS = 5_000
"""Cells of a notebook; the largest of the assignments has under 100."""
MOST_SOURCE = 2_000_000
"""Characters of source in all, outputs dropped."""
MOST_VALUES = 500_000
"""Values of the JSON. An empty object of three characters takes sixty bytes of memory."""

_AGAIN = "download or export it again where you wrote it, see that it opens, and hand that in"


class NotebookError(Exception):
    """The text cannot be read as a notebook; the message is a clause that follows the file's name."""


@dataclass(frozen=True)
class Notebook:
    """The code of a notebook."""

    sources: tuple[tuple[int, str], ...]
    """For each code cell, in order: its 1-based position among all the cells, and its source, magics included."""
    remarks: tuple[str, ...] = ()
    """What could not be read as it stands, a clause each, such as ``cell 3 has no readable source``."""
    headings: Mapping[int, str] = field(default_factory=dict)
    """For each code cell that has one, its title or the nearest heading above it."""
    asides: tuple[Aside, ...] = ()
    """The classes in cells that are not code."""
    language: str | None = None
    """The language that it says it is in, where that is not Python."""


def read_notebook(text: str) -> Notebook:
    """Code cells of a notebook of format 3 or 4. Raises NotebookError, and nothing else."""
    content = _parse(text)
    version, cells = _cells(content)
    if len(cells) > MOST_CELLS:
        raise NotebookError(f"has {len(cells):,} cells, at most {MOST_CELLS:,} are read: hand in fewer")
    remarks: list[str] = []
    sources = tuple(
        (number, source)
        for number, cell in enumerate(cells, start=1)
        if (source := _source(number, cell, version, remarks)) is not None
    )
    if sum(len(source) for _, source in sources) > MOST_SOURCE:
        raise NotebookError(f"holds more than {MOST_SOURCE:,} characters of code: move data out of its cells")
    headings, asides = _around(cells, dict(sources))
    return Notebook(sources, tuple(remarks), headings, tuple(asides), _language(content))


def _parse(text: str) -> dict[str, Any]:
    text = text.lstrip("\ufeff")
    start = text[_BLANKS.match(text).end() :][:200]  # type: ignore[union-attr]
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
    if _values(text) > MOST_VALUES:
        raise NotebookError(f"holds more than {MOST_VALUES:,} values: clear its outputs and hand it in again")
    try:
        # As floats, numbers cost no more time than digits: a long int costs the square of its length.
        content = json.loads(text, parse_int=float)
    except RecursionError:
        raise NotebookError(f"is nested too deeply to be a notebook: {_AGAIN}") from None
    except json.JSONDecodeError as error:
        breaks_off = not text[error.pos :].strip() or error.msg.startswith("Unterminated string")
        what = "breaks off" if breaks_off else f"is not valid JSON ({error.msg})"
        raise NotebookError(f"{what} at line {error.lineno}, column {error.colno}: {_AGAIN}") from None
    if not isinstance(content, dict):
        raise NotebookError(f"is JSON but not a notebook, which is an object with 'cells': {_AGAIN}")
    return content


_BLANKS = re.compile(r"[ \t\n]*")


def _values(text: str) -> int:
    """About how many values JSON text has, before memory is taken for them."""
    if text.count(",") + text.count("[") + text.count("{") + text.count('"') <= MOST_VALUES:
        return text.count(",")
    bare = text.encode("utf-8", "replace").replace(b"\\\\", b"").replace(b'\\"', b"")
    strings = bare.count(b'"') // 2
    if strings > MOST_VALUES:
        return strings
    # What stands in strings, such as what a cell printed, is no value.
    outside = bare.split(b'"')[::2]
    return sum(part.count(b",") + part.count(b"[") + part.count(b"{") for part in outside)


def _cells(content: dict[str, Any]) -> tuple[int, list[object]]:
    """The format's number, 3 or 4, and the cells.

    Where the cells are says which format it is: what a file says of its own format is often missing.
    """
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


def _source(number: int, cell: object, version: int, remarks: list[str]) -> str | None:
    """The source of a code cell; None for any other cell, and for one that cannot be read, which gets a remark."""
    if not isinstance(cell, dict):
        remarks.append(f"cell {number} is not a cell and was left out")
        return None
    if cell.get("cell_type") != "code":
        return None
    source = _text(cell, version)
    if not isinstance(source, str):
        remarks.append(f"cell {number} has no readable source and was left out")
        return None
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in source:
        remarks.append(f"cell {number} holds NUL characters, which were taken out")
        source = source.replace("\0", "")
    # JSON can spell half of a surrogate pair, which no file of UTF-8 can hold.
    return source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(cell: dict[str, Any], version: int) -> object:
    """The text of a cell of any type, if it is text."""
    first, second = ("source", "input") if version == 4 else ("input", "source")
    source = cell.get(first, cell.get(second, ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        # Lines are stored with their ends. Some tools store them without: a cell would become one long line.
        source = ("" if any("\n" in line for line in source) else "\n").join(source)
    return source


# -- what stands around the code --------------------------------------------------------------------------------------

_TITLE = re.compile(r"^#@title[ \t]+([^\n]*)", re.MULTILINE)
"""What Colab shows above a cell of code."""
_HEADING = re.compile(
    r"^ {0,3}#{1,6}[ \t]+(\S[^\n]*)$|^[ \t]*<h[1-6][^>\n]*>([^\n]*)|^(\S[^\n]*)\n(?:={3,}|-{3,})[ \t]*$", re.MULTILINE
)
"""A heading in Markdown: with ``#``, as HTML, or underlined."""
_FENCE = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_MARKUP = re.compile(r"<[^<>]{0,200}>|[*`#]+|\[([^\[\]]{0,200})\]\([^()]{0,300}\)")
_CLASS = re.compile(r"^[ \t]*class[ \t]+([^\W\d]\w{0,100})[ \t]*[:(]", re.MULTILINE)
_MOST_ASIDES = 100
_LONGEST_HEADING = 60
_LONGEST_CELL = 200_000
"""Characters of a cell that are looked through."""


def _around(cells: list[object], sources: Mapping[int, str]) -> tuple[dict[int, str], list[Aside]]:
    """The headings of the code cells ``sources``, by number, and the classes in the other cells."""
    headings: dict[int, str] = {}
    asides: list[Aside] = []
    heading: str | None = None
    for number, cell in enumerate(cells, start=1):
        if number in sources:
            title = _TITLE.search(sources[number][:_LONGEST_CELL])
            name = (_plain(title[1]) if title else "") or heading
            if name:
                headings[number] = name
        elif isinstance(cell, dict):
            # Text is where format 4 has it, in format 3 as well.
            text = _text(cell, 4)
            text = text[:_LONGEST_CELL] if isinstance(text, str) else ""
            kind = cell.get("cell_type")
            if kind in ("markdown", "heading"):
                heading = _heading(text if kind == "markdown" else f"# {text}") or heading
            for name in dict.fromkeys(_CLASS.findall(text)):
                asides.append(Aside(name, number, "raw" if kind == "raw" else "markdown", heading))
    return headings, asides[:_MOST_ASIDES]


def _heading(text: str) -> str | None:
    """The last heading of a cell of Markdown; None if it has none."""
    found = [
        next(filter(None, match.groups())) for match in _HEADING.finditer(_FENCE.sub("", text)) if any(match.groups())
    ]
    return next(filter(None, map(_plain, reversed(found))), None)


def _plain(heading: str) -> str:
    """A heading without markup, on one line, cut short."""
    text = " ".join(_MARKUP.sub(lambda match: match[1] or "", heading[:1_000]).split())
    text = text.encode("utf-8", "replace").decode("utf-8").replace('"', "'")
    return text if len(text) <= _LONGEST_HEADING else text[: _LONGEST_HEADING - 1] + "…"


def _language(content: dict[str, Any]) -> str | None:
    """The language of its kernel; None for Python, and where it does not say."""
    about = content.get("metadata")
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        named = about.get(part) if isinstance(about, dict) else None
        language = named.get(key) if isinstance(named, dict) else None
        if isinstance(language, str) and language.strip():
            return None if "python" in language.lower() else display(language, limit=30)
    return None
