"""Rosters as people have them: any separator, any order of columns, headings in any spelling or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook.cells import neutral
from grader.gradebook.lists import ListError, Student, read_roster

ALICE = Student("alice", "Alice", "alice@example.org")
BOB = Student("bob", "Bob", "")

ROSTERS = {
    "plain": "id,name,email\nalice,Alice,alice@example.org\nbob,Bob,\n",
    "another order": "E-mail,Name,Student_ID\nalice@example.org,Alice,alice\n,Bob,bob\n",
    "no headings": "alice,Alice,alice@example.org\nbob,Bob\n",
    "semicolons and spaces": " ID ; Full name ; Email address \nalice; Alice ;alice@example.org\nbob;Bob\n",
    "tabs, mark and line ends of Windows": "\ufeffid\tname\temail\r\nalice\tAlice\talice@example.org\r\nbob\tBob\r\n",
    "Excel's instruction": "sep=;\nid;name;email\nalice;Alice;alice@example.org\nbob;Bob;\n",
    "Moodle": "First name,Last name,ID number,Email address\nAlice,,alice,alice@example.org\n,Bob,bob,\n",
    "Gradescope": "First Name,Last Name,SID,Email\nAlice,,alice,alice@example.org\n,Bob,bob,\n",
    "two names": "id,first name,last name,email\nalice,Alice,,alice@example.org\nbob,,Bob,\n",
    "quotes and empty lines": 'id,name,email\n\n"alice","Alice","alice@example.org"\n,,\nbob,Bob,\n\n',
    "a line that is there twice": "id,name,email\nalice,Alice,alice@example.org\n" + "bob,Bob,\n" * 2,
}


@pytest.mark.parametrize("text", ROSTERS.values(), ids=ROSTERS)
def test_a_roster_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_roster(path) == (ALICE, BOB)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_roster_is_read_in_the_encodings_that_spreadsheets_save(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes("id\tname\r\n0429\tÉlise\r\n".encode(encoding))
    assert read_roster(path) == (Student("0429", "Élise", ""),)


def test_the_lines_that_canvas_adds_are_no_students(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(
        "Student,ID,SIS Login ID,Section,A2 (7),Final Score\n"
        ",,,,Manual Posting,(read only)\n"
        "    Points Possible,,,,20,\n"
        '"Example, Alice",123,alice,L1,,\n'
        "Bob,,bob,L1,,\n"
        '"Student, Test",999,5e2f,L1,,\n'
    )
    assert read_roster(path) == (Student("123", "Example, Alice", "", ("alice",)), Student("bob", "Bob", ""))


MARKUS = {
    "names": "c5bobsam,Sample,Bob\nalicee,Example,Alice\n",
    "names and sections": "c5bobsam,Sample,Bob,section_a\nalicee,Example,Alice\n",
    "everything": "c5bobsam,Sample,Bob,L1,1005678,b@example.org\nalicee,Example,Alice,,1001234,\n",
    "a number that a spreadsheet has changed": "c5bobsam,Sample,Bob,,1.00123E+18,\nalicee,Example,Alice,,0429,\n",
    "a login of letters first": "samplebo,Sample,Bob,,,b@example.org\nalicee,Example,Alice,,,\n",
    "names of several words": "c5bobsam,de Sample-O'Hara,Bob Jr.,section_a\nalicee,Example,Alice\n",
}


@pytest.mark.parametrize("text", MARKUS.values(), ids=MARKUS)
def test_a_roster_of_markus_has_no_headings_and_the_last_name_first(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text)
    bob, alice = read_roster(path)
    assert (bob.name.split()[0], alice.name, alice.id) == ("Bob", "Alice Example", "alicee")
    assert bob.email == ("b@example.org" if "@" in text else "")
    numbers = re.findall(r",(\d[\dE.+]+),", text)
    assert [*bob.also, *alice.also] == numbers


@pytest.mark.parametrize("id", ["-17", "@bob", "+1", "=A1", "＝1"])
def test_an_id_that_our_gradebook_made_safe_is_read_as_it_was(tmp_path: Path, id: str) -> None:
    path = tmp_path / "gradebook.csv"
    path.write_text(f"id,name\n{neutral(id)},O'Hara\n", encoding="utf-8")
    assert read_roster(path) == (Student(id, "O'Hara", ""),)


def test_a_roster_of_github_classroom_has_names_beside_the_identifier(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text('"identifier","github_username","github_id","name"\n"a@b.org","alice","77","Alice"\n"x","","",""\n')
    first, second = read_roster(path)
    assert (first, second) == (Student("a@b.org", "Alice", "", ("alice", "77")), Student("x", "", ""))
    assert first.own == {"identifier": "a@b.org", "github_username": "alice", "github_id": "77", "name": "Alice"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: it must have one line per student"),
        (b"\n \n,,\n", "is empty: it must have one line per student"),
        (b"name,email\nAlice,a\n", "line 1: one column must be the id, were name, email"),
        (
            b"foo,bar\nalice,Alice\n1,2\n",
            "line 1: no column is known, were foo, bar: name one of them 'id' (or 'student id'",
        ),
        (b"alice\nbob\n", "line 1: no column is known, were alice: name one of them 'id'"),
        (
            b"id,name\nalice,Alice\nbob,Bob\nalice,Alice B.\n",
            "lines 2 and 4: the id 'alice' is there twice, with lines that differ: keep one of them",
        ),
        (
            b"id,name\n1.00123E+18,Alice\n1.00123E+18,Bob\n",
            "lines 2 and 3: the id '1.00123E+18' is there twice, with lines that differ: a spreadsheet has changed",
        ),
        (b"id,name\n,Alice\n", "line 2: the id is empty"),
        (b"id,name\nalice,\x81\n", "is not text in UTF-8, UTF-16 or Windows-1252: save it as 'CSV UTF-8' (.csv)"),
        (b"\xff\xfei", "is not text in UTF-8, UTF-16 or Windows-1252"),
        (
            b"PK\x03\x04\x14",
            "is a spreadsheet (.xlsx, .ods) or another archive and not CSV: open it in a spreadsheet, save",
        ),
        (b"\xd0\xcf\x11\xe0\xa1", "is a spreadsheet (.xls) and not CSV"),
        (b"\r\n<table><tr>", "is a web page or XML and not CSV"),
        (b"Kennung,Nachname,Vorname\nalice,Example,Alice\n", "line 1: no column is known"),
        (b'id,name\nalice,"Alice\n', "line 2: this is not CSV"),
    ],
)
def test_a_roster_that_cannot_be_used_is_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(content)
    with pytest.raises(ListError, match=rf"roster\.csv.* ?{re.escape(message)}"):
        read_roster(path)


@pytest.mark.parametrize("name", ["gone.csv", ".", "nul\0"])
def test_a_roster_that_is_not_there_is_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(ListError, match="cannot be read"):
        read_roster(tmp_path / name)


@given(content=st.binary(max_size=200))
def test_no_file_brings_anything_but_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "roster.csv"
    path.write_bytes(content)
    try:
        students = read_roster(path)
    except ListError as problem:
        assert str(problem).startswith(str(path))
    else:
        assert len({student.id for student in students}) == len(students) > 0
