"""Rosters as people have them: any separator, any order of columns, headings in any spelling or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
}


@pytest.mark.parametrize("text", ROSTERS.values(), ids=ROSTERS)
def test_a_roster_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_roster(path) == (ALICE, BOB)


def test_canvas_gradebook_has_two_ids_and_a_line_of_maxima(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(
        'Student,ID,SIS Login ID,Section,A2\n    Points Possible,,,,20\n"Example, Alice",123,alice,L1,\nBob,,bob,L1,\n'
    )
    assert read_roster(path) == (Student("123", "Example, Alice", "", ("alice",)), Student("bob", "Bob", ""))


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
        (b"id,name\nalice,Alice\nalice,Alice\n", "line 3: the id 'alice' is there twice"),
        (b"id,name\n,Alice\n", "line 2: the id is empty"),
        (b"id,name\nalice,\xc9lise\n", "line 2: it must be UTF-8, has the byte 0xc9: save it as UTF-8"),
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
