"""XLSX: all marks in one sheet, without a library. Points are numbers; every text is a text, and never a formula.

Source: ECMA-376, Office Open XML, parts 1 and 2: the five parts that a workbook must have, and inline strings.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from grader.display import display_block
from grader.export.figures import decimal
from grader.export.records import Export, ExportError, Files
from grader.export.table import Value, headings, rows

__all__ = ["files"]


_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_MOST_TEXT = 32_767
"""Characters that a cell can hold."""
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_MOST_NAME = 31
"""Characters of a sheet's name."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every part, so that the same marks give the same file."""
_MOST_LINES = 1_000
"""Of one cell."""
_ESCAPE = re.compile(r"_x[0-9A-Fa-f]{4}_")
"""What a spreadsheet would take for an escaped character, so that its first character is escaped itself."""


def files(export: Export) -> Files:
    """One workbook with one sheet."""
    table: list[list[Value]] = [list(headings(export)), *rows(export)]
    if len(table) > _MOST_ROWS or len(table[0]) > _MOST_COLUMNS:
        raise ExportError(f"a sheet has at most {_MOST_ROWS:,} rows and {_MOST_COLUMNS:,} columns: export to csv")
    name = re.sub(r"[\[\]:*?/\\']", "-", export.lines[0].assignment)[:_MOST_NAME] or "marks"
    yield "", _workbook(name, table)


def _workbook(name: str, table: Iterable[list[Value]]) -> bytes:
    """The parts of the workbook, packed."""
    sheet = "".join(f'<row r="{number}">{_row(number, cells)}</row>' for number, cells in enumerate(table, 1))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>'
        f'<sheet name={quoteattr(name)} sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<sheetData>{sheet}</sheetData></worksheet>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for path, content in parts.items():
            archive.writestr(zipfile.ZipInfo(path, _TIME), (_HEAD + content).encode(), zipfile.ZIP_DEFLATED, 3)
    return packed.getvalue()


def _row(number: int, cells: Iterable[Value]) -> str:
    return "".join(
        _cell(f"{_letters(place)}{number}", value) for place, value in enumerate(cells) if value not in (None, "")
    )


def _cell(place: str, value: Value) -> str:
    if isinstance(value, str):
        visible = display_block(value, lines=_MOST_LINES, limit=_MOST_TEXT)[:_MOST_TEXT]
        text = escape(_ESCAPE.sub("_x005F\\g<0>", visible))
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return "" if value is None else f'<c r="{place}"><v>{decimal(value)}</v></c>'


_NAMES: list[str] = []


def _letters(place: int) -> str:
    """``A``, ``B``, …, ``Z``, ``AA``, …"""
    while place >= len(_NAMES):
        count, text = len(_NAMES) + 1, ""
        while count:
            count, rest = divmod(count - 1, 26)
            text = chr(ord("A") + rest) + text
        _NAMES.append(text)
    return _NAMES[place]
