"""XLSX: opened by another program's reader, with texts that are texts and points that are numbers."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from export_sample import HOSTILE, export_of, line, marked, points

from grader.export.records import Export
from grader.export.xlsx import files
from grader.marks.line import Student

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def content(export: Export) -> bytes:
    ((_, made),) = files(export)
    return made


def cells(made: bytes) -> list[list[tuple[str, str]]]:
    """Type and text of each cell, read from the sheet itself."""
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            ElementTree.fromstring(archive.read(name))
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    return [
        [(cell.get("t", "n"), "".join(cell.itertext())) for cell in row.iter(f"{MAIN}c")]
        for row in sheet.iter(f"{MAIN}row")
    ]


def unescaped(text: str) -> str:
    """A text as a spreadsheet shows it: ECMA-376 writes characters as ``_x0041_``, which this reader leaves alone."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)


def test_ids_are_text_points_are_numbers_and_nothing_is_a_formula(tmp_path: Path) -> None:
    made = content(export_of(tmp_path, [marked(Student("0012", "=1+1"))]))
    row = cells(made)[1]
    assert row[:2] == [("inlineStr", "0012"), ("inlineStr", "=1+1")]
    assert ("n", "6.25") in row and ("n", "0") in row
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(made)).read("xl/worksheets/sheet1.xml")


def test_another_reader_opens_it(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed: it comes with the extra 'dev'")
    one = line(Student("0012", HOSTILE), points("manual.a1", "1", comment="_x0041_\nsecond"), hand_in="alice")
    book = openpyxl.load_workbook(io.BytesIO(content(export_of(tmp_path, [one]))))
    heading, row = book.worksheets[0].iter_rows()
    values = {name.value: cell for name, cell in zip(heading, row, strict=False)}
    assert values["id"].value == "0012" and values["id"].data_type in ("s", "inlineStr")
    shown = HOSTILE.expandtabs(4).replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert unescaped(values["name"].value) == shown
    assert values["name"].data_type != "f"
    assert unescaped(values["manual.a1:comment"].value) == "_x0041_\nsecond"
    assert values["cnn.architecture"].value == 1.25


def test_the_same_marks_make_the_same_file(tmp_path: Path) -> None:
    assert content(export_of(tmp_path / "a", [marked("alice")])) == content(
        export_of(tmp_path / "b", [marked("alice")])
    )
