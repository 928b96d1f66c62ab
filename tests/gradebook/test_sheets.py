"""A table is read as people have it, every cell as text, and what is no table is refused with its place."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import report_sample as sample
from openpyxl import Workbook

from grader.gradebook.lists import ListError
from grader.gradebook.sheets import read_sheet
from grader.marking.verdicts import Outcome
from grader.report.as_json import to_json
from grader.report.as_markdown import to_markdown


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path: Path) -> list[tuple[str, ...]]:
    sheet = read_sheet(path)
    return [sheet.heading.cells, *(line.cells for line in sheet.lines)]


@pytest.mark.parametrize(
    "content",
    [
        "id,points\n0429,1.5\nbob,\n",
        "\ufeffid;points\n0429;1.5\nbob;\n",
        "sep=;\nid;points\n\n0429;1.5\nbob;\n",
        "id\tpoints\n0429\t1.5\nbob\t\n".encode("utf-16"),
    ],
    ids=["comma", "semicolon and byte order mark", "Excel's instruction", "UTF-16"],
)
def test_csv_is_read_whatever_program_wrote_it(tmp_path: Path, content: str | bytes) -> None:
    assert cells(written(tmp_path / "marks.csv", content)) == [("id", "points"), ("0429", "1.5"), ("bob", "")]


def test_a_workbook_is_read_as_a_spreadsheet_shows_it(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    for row in (["id", "points", "comment"], ["0429", 0.1 + 0.2, "<b>=1+1</b>"], [], [1234, 2, True]):
        sheet.append(row)
    book.save(tmp_path / "marks.xlsx")
    made = read_sheet(tmp_path / "marks.xlsx")
    assert [line.cells for line in made.lines] == [("0429", "0.3", "<b>=1+1</b>"), ("1234", "2", "TRUE")]
    assert made.lines[1].place.endswith("marks.xlsx, row 4")


def test_a_workbook_may_have_any_name(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["id", "points"])
    book.save(tmp_path / "marks.xlsx")
    (tmp_path / "marks.xlsx").rename(tmp_path / "marks.csv")
    assert cells(tmp_path / "marks.csv") == [("id", "points")]


def test_yaml_keeps_what_is_written(tmp_path: Path) -> None:
    text = "- {id: 0429, criterion: manual.a1, points: 1.50}\n- id: bob\n  comment: 'no: 1'\n"
    assert cells(written(tmp_path / "marks.yaml", text)) == [
        ("id", "criterion", "points", "comment"),
        ("0429", "manual.a1", "1.50", ""),
        ("bob", "", "", "no: 1"),
    ]


def test_yaml_by_student_has_a_line_for_each_mark(tmp_path: Path) -> None:
    text = "0429: {manual.a1: 1.5}\nbob:\n  manual.a2:\n    points: 1\n    comment: well put\n"
    sheet = read_sheet(written(tmp_path / "marks.yml", text))
    assert [line.cells for line in sheet.lines] == [
        ("0429", "manual.a1", "1.5", "", ""),
        ("bob", "manual.a2", "1", "well put", ""),
    ]
    assert sheet.lines[1].place.endswith("marks.yml, line 4")


MARKS = [
    sample.mark("cnn.shapes"),
    sample.mark("manual.a1", Outcome.PENDING, max_points=sample.quarters(8)),
    sample.mark("manual.a2", Outcome.PENDING, max_points=sample.quarters(4)),
]


def test_points_that_were_typed_into_a_students_feedback_are_read(tmp_path: Path) -> None:
    text = to_markdown(sample.report(MARKS, submission_id="al_ice")).replace("**– / 2**", "**1.5 / 2**")
    sheet = read_sheet(written(tmp_path / "feedback.md", text))
    assert [line.cells for line in sheet.lines] == [("al_ice", "cnn.shapes", "1"), ("al_ice", "manual.a1", "1.5")]


def test_points_that_were_typed_into_a_report_are_read(tmp_path: Path) -> None:
    text = to_json(sample.report(MARKS)).replace(
        '"outcome": "pending", "points": 0', '"outcome": "pending", "points": 0.5', 1
    )
    sheet = read_sheet(written(tmp_path / "report.json", text))
    assert [line.cells for line in sheet.lines] == [("alice", "cnn.shapes", "1"), ("alice", "manual.a1", "0.5")]


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", "<x/>")
        package.writestr("xl/worksheets/sheet1.xml", b" " * 210_000_000)
    return path


def package(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/") + ".xml", text)
    return path


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("m.csv", "", "is empty"),
        ("m.yaml", "", "must be a list of mappings"),
        ("m.yaml", "a: &b {x: 1}\nc: *b\n", "line 1: anchors, aliases and tags"),
        ("m.yaml", "a: !!python/object:os.system {x: 1}\n", "anchors, aliases and tags"),
        ("m.yaml", "a: [1, 2\n", "this is not YAML"),
        ("m.yaml", "- {id: a, id: b}\n", "line 1: 'id' is there twice"),
        ("m.yaml", "[[[[[[[[1]]]]]]]]", "nested too deeply"),
        ("m.yaml", "alice: 3\n", "line 1: the marks of alice must be a mapping"),
        ("m.yaml", "alice: {a: {pionts: 3}}\n", "the keys are points, comment, reason, was 'pionts'"),
        ("m.yaml", b"\xff\xfe\x00\xd8", "is not UTF-8"),
        ("m.xlsx", b"PK\x03\x04 and no more", "is damaged"),
        ("m.md", "# something\n", "not a feedback.md of the grader"),
        ("m.csv", b"%PDF-1.7", "is a PDF and not CSV"),
        ("m.csv", 'id,points\n"a,1\n', "line 2: this is not CSV"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(
    tmp_path: Path, name: str, content: str | bytes, sentence: str
) -> None:
    with pytest.raises(ListError, match=sentence.replace("(", r"\(")):
        read_sheet(written(tmp_path / name, content))


@pytest.mark.slow
def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="unpacks to more than 200,000,000 bytes"):
        read_sheet(bomb(tmp_path / "m.xlsx"))


def test_a_workbook_with_entities_or_without_a_book_is_refused(tmp_path: Path) -> None:
    entities = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    with pytest.raises(ListError, match="declares entities"):
        read_sheet(package(tmp_path / "m.xlsx", xl__workbook=entities))
    with pytest.raises(ListError, match="is an archive and not a workbook"):
        read_sheet(package(tmp_path / "m.xlsx", other="<x/>"))
    with pytest.raises(ListError, match="not a workbook"):
        read_sheet(package(tmp_path / "m.xlsx", xl__workbook="<x/>"))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ListError, match=r"cannot be read \(No such file or directory\): check its path"):
        read_sheet(tmp_path / "absent.csv")
