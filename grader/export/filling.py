"""A table that a platform handed out, with the place of every cell in it: cells are replaced, and nothing else changes.

Encoding, byte-order mark, line ends, quotes, separators and all other cells stay as they are, byte for byte. A platform
that takes marks back compares much of its file, and a spreadsheet in between spoils ids and dates.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.export.records import ExportError
from grader.gradebook.lists import MOST_BYTES, other_than_text
from grader.store.files import display_path, error_text

__all__ = ["Cell", "Sheet", "read_sheet"]


_MOST_CELLS = 1_000_000
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Cell:
    """One cell."""

    text: str
    """What it says, without its quotes."""
    start: int
    """Where it begins in the file's text."""
    end: int
    quoted: bool


@dataclass(frozen=True)
class Sheet:
    """A table as it was handed out."""

    name: str
    """The file's, for sentences."""
    rows: tuple[tuple[Cell, ...], ...]
    """The first has the headings. Lines without any character are left out."""
    lines: tuple[int, ...]
    """The line in the file on which each row begins."""
    text: str
    encoding: str
    mark: bytes
    """The byte-order mark."""
    separator: str

    @property
    def headings(self) -> tuple[str, ...]:
        """The texts of the first row."""
        return tuple(cell.text.strip() for cell in self.rows[0])

    def cell(self, row: int, column: int) -> str:
        """The text of a cell, without spaces around it; empty where the row has no such cell."""
        cells = self.rows[row]
        return cells[column].text.strip() if column < len(cells) else ""

    def filled(self, texts: Mapping[tuple[int, int], str]) -> bytes:
        """The file with other texts in some cells, by row and column. Raises ExportError for a cell that is missing."""
        changes = []
        for (row, column), text in texts.items():
            if column >= len(self.rows[row]):
                raise ExportError(
                    f"{self.name}, line {self.lines[row]}: the line has {len(self.rows[row])} cells and its mark "
                    f"belongs into cell {column + 1}: download the file again"
                )
            cell = self.rows[row][column]
            changes.append((cell.start, cell.end, self._written(text, cell)))
        pieces, done = [], 0
        for start, end, written in sorted(changes):
            pieces += [self.text[done:start], written]
            done = end
        return self.mark + "".join([*pieces, self.text[done:]]).encode(self.encoding)

    def _written(self, text: str, cell: Cell) -> str:
        """A text in the form of the cell that it replaces; in quotes where it needs them."""
        if cell.quoted or any(character in text for character in (self.separator, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text


def read_sheet(path: Path) -> Sheet:
    """A table in CSV or with tabs, in any encoding that platforms write. Raises ExportError."""
    name = display_path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ExportError(f"{name} cannot be read ({error_text(error)}): check its path") from None
    except ValueError:
        raise ExportError(f"{name} cannot be read: check its path") from None
    if len(content) > MOST_BYTES:
        raise ExportError(f"{name} must have at most {MOST_BYTES:,} bytes, has more: is it the platform's file?")
    if kind := other_than_text(content):
        raise ExportError(f"{name} is {kind} and not a table in text: give the file as the platform handed it out")
    mark, encoding, text = _decoded(content)
    separator = _separator(text)
    rows, lines = _rows(name, text, separator)
    if not rows:
        raise ExportError(f"{name} is empty: download it from the platform again")
    return Sheet(name, rows, lines, text, encoding, mark, separator)


def _decoded(content: bytes) -> tuple[bytes, str, str]:
    """Byte-order mark, encoding, and text: one that gives the same bytes again."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            with suppress(UnicodeDecodeError):
                return mark, encoding, content[len(mark) :].decode(encoding)
    # Latin letters have a zero in every second byte of UTF-16, and text in other encodings has none.
    zeros = content[0::2].count(0), content[1::2].count(0)
    wide = ("utf-16-le" if zeros[1] > zeros[0] else "utf-16-be",) if any(zeros) else ()
    for encoding in (*wide, "utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            return b"", encoding, content.decode(encoding)
    return b"", "latin-1", content.decode("latin-1")


def _separator(text: str) -> str:
    """The separator of which the first line has most, outside of quotes."""
    first = re.sub(r'"[^"]*"', "", text[:100_000].lstrip("\r\n").partition("\n")[0])
    return max(",;\t", key=first.count)


def _rows(name: str, text: str, separator: str) -> tuple[tuple[tuple[Cell, ...], ...], tuple[int, ...]]:
    """All rows with the line on which each begins. Raises ExportError."""
    token = re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"|([^{separator}\r\n]*))({separator}|\r\n|\n|\r|\Z)')
    rows: list[tuple[Cell, ...]] = []
    lines: list[int] = []
    cells: list[Cell] = []
    place, line, begun, count = 0, 1, 1, 0
    while place < len(text) or cells:
        match = token.match(text, place)
        if match is None:
            raise ExportError(
                f"{name}, line {line}: a quote is not closed, or text follows it: download the file again"
            )
        quoted = match[1] is not None
        value = match[1].replace('""', '"') if quoted else match[2]
        if not quoted and value.startswith('"'):
            raise ExportError(
                f"{name}, line {line}: a quote is not closed, or text follows it: download the file again"
            )
        end = match.start(3)
        cells.append(Cell(value, place, end, quoted))
        count += 1
        if count > _MOST_CELLS:
            raise ExportError(f"{name} must have at most {_MOST_CELLS:,} cells, has more: is it the platform's file?")
        if quoted:
            line += value.count("\n") or value.count("\r")
        if match[3] != separator:
            if len(cells) > 1 or cells[0].end > cells[0].start:
                rows.append(tuple(cells))
                lines.append(begun)
            cells, line = [], line + 1
            begun = line
        elif match.end() == len(text):  # an empty cell ends the file
            cells.append(Cell("", len(text), len(text), quoted=False))
            rows.append(tuple(cells))
            lines.append(begun)
            break
        place = match.end()
    return tuple(rows), tuple(lines)
