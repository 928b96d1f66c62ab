"""A file that a platform handed out: one cell changes, and every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.export.filling import read_sheet
from grader.export.records import ExportError

TABLE = 'Student,ID,"A ""quoted"" one, 1"\r\n"Example, Alice",0012,\r\n\r\nZoë,"0013","3"\r\n'


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_only_the_cell_changes_in_every_encoding_with_all_line_ends_and_separators(
    tmp_path: Path, encoding: str, end: str, separator: str
) -> None:
    text = TABLE.replace(",", separator).replace("\r\n", end)
    content = text.encode(encoding)
    sheet = read_sheet(written(tmp_path / "in.csv", content))
    assert sheet.headings == ("Student", "ID", f'A "quoted" one{separator} 1')
    assert [sheet.cell(row, 0) for row in (1, 2)] == [f"Example{separator} Alice", "Zoë"]
    assert sheet.filled({}) == content
    after = text.replace(f"0012{separator}", f"0012{separator}14.25").replace('"3"', '"2.5"')
    assert sheet.filled({(1, 2): "14.25", (2, 2): "2.5"}) == after.encode(encoding)


def test_the_last_cell_of_a_file_without_a_last_line_end_is_filled(tmp_path: Path) -> None:
    sheet = read_sheet(written(tmp_path / "in.csv", b"Student,Mark\nalice,"))
    assert sheet.filled({(1, 1): "3"}) == b"Student,Mark\nalice,3"


def test_a_line_that_is_too_short_is_named(tmp_path: Path) -> None:
    sheet = read_sheet(written(tmp_path / "in.csv", b'Student,"Two\nlines"\n\nalice\n'))
    with pytest.raises(ExportError, match=r"in\.csv, line 4: the line has 1 cells and its mark belongs into cell 2"):
        sheet.filled({(1, 1): "3"})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\r\n\r\n", "is empty"),
        (b"PK\x03\x04rest", "is a spreadsheet"),
        (b"\xd0\xcf\x11\xe0rest", r"is a spreadsheet \(.xls\)"),
        (b"<html>", "is a web page"),
        (b'Student,ID\nalice,"1\n', "line 2: a quote is not closed"),
        (b'Student,ID\nalice,"1"2\n', "line 2: a quote is not closed, or text follows it"),
    ],
)
def test_what_is_no_table_is_refused_with_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(ExportError, match=sentence):
        read_sheet(written(tmp_path / "in.csv", content))


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(ExportError, match="cannot be read"):
            read_sheet(path)
