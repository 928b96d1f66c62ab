"""Cells are text to every spreadsheet and are read back, and what a spreadsheet made of an id is recognised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook.cells import looks_spoilt, may_have_been, neutral, restored, spoilt_forms

HOSTILE = {
    "=1+2": "'=1+2",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "' =1",
    "\r=1": "' =1",
    " =1": "' =1",
    "＝1": "'＝1",
    "\x00=1": "'=1",
    "a\nb": "a b",
    "a\x1b[31mb": "a[31mb",
    "a,b;c\"d'e": "a,b;c\"d'e",
    "Élise": "Élise",
    "\udcff": "\\udcff",
    "\u202ereversed": "\\u202ereversed",
    "a\u200bb": "a\\u200bb",
    "": "",
}


@pytest.mark.parametrize(("text", "cell"), HOSTILE.items())
def test_no_cell_is_a_formula(text: str, cell: str) -> None:
    assert neutral(text) == cell


@given(st.text(alphabet=st.one_of(st.characters(codec=None), st.sampled_from("=+-@\t\r\n\x00 '＝"))))
def test_whatever_is_written_is_read_as_text_and_only_once_neutralised(text: str) -> None:
    cell = neutral(text)
    cell.encode("utf-8")
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in cell)
    assert cell.lstrip()[:1] not in tuple("=+-@＝＋－＠")
    assert neutral(cell) == cell
    if text.isalnum() and not any(0xD800 <= ord(character) < 0xE000 for character in text):
        assert cell == text


@given(st.sampled_from("=+-@＝"), st.text(st.characters(categories=("L", "N", "P"))))
def test_a_cell_that_was_made_safe_is_read_back(first: str, rest: str) -> None:
    text = first + rest
    assert restored(neutral(text)) == (text if neutral(text) == "'" + text else neutral(text)[1:])


@pytest.mark.parametrize("cell", ["'", "''", "'tis", "bob", "", "O'Hara"])
def test_an_apostrophe_of_its_own_stays(cell: str) -> None:
    assert restored(cell) == cell


SPOILT = [
    ("429", "0429"),
    ("429", "00429"),
    ("429.0", "0429"),
    ("1.00123E+18", "1001234567890123456"),
    ("1,00123E+18", "1001234567890123456"),
    ("1E+18", "1000000000000000000"),
    ("1.23457E+11", "123456789012"),
    ("1001234567890120000", "1001234567890123456"),
    ("1,001,234", "1001234"),
    ("891000", "891e3"),
    ("8.91E+05", "891e3"),
    ("12.5", "12.50"),
    ("01-Mar", "mar1"),
    ("1-Mar", "mar1"),
    ("Mar-99", "mar99"),
    ("01-Mar-2026", "mar1"),
    ("2026-03-01", "mar1"),
    ("3/1/2026", "mar1"),
    ("2026-03-01 00:00:00", "march1"),
    ("02-Jan", "1-2"),
    ("05-Dec", "12/5"),
]


@pytest.mark.parametrize(("cell", "id"), SPOILT)
def test_what_a_spreadsheet_makes_of_an_id_may_have_been_that_id(cell: str, id: str) -> None:
    assert may_have_been(cell, id)
    assert spoilt_forms(cell) & spoilt_forms(id)


@pytest.mark.parametrize(
    ("cell", "id"),
    [
        ("429", "429"),
        ("ALICE", "alice"),
        ("429", "0428"),
        ("1001234", "1001235"),
        ("1.00123E+18", "1001244567890123456"),
        ("1001234567890120000", "1001234567890223456"),
        ("01-Mar", "mar2"),
        ("01-Mar", "marc1"),
        ("alice", "bob"),
        ("", ""),
        ("0", "000000000001"),
        ("9" * 90 + "e999", "1"),
    ],
)
def test_another_id_was_not_that_id(cell: str, id: str) -> None:
    assert not may_have_been(cell, id)


@pytest.mark.parametrize("cell", ["01-Mar", "1-Mar", "Mar-99", "1.00123E+18", "1,00123E+18", "1E+18"])
def test_what_only_a_spreadsheet_writes_is_recognised(cell: str) -> None:
    assert looks_spoilt(cell)


@pytest.mark.parametrize("cell", ["mar1", "891e3", "0429", "1001234", "alice", "a-Mar"])
def test_what_people_write_is_not_taken_for_a_spreadsheets(cell: str) -> None:
    assert not looks_spoilt(cell)


@given(st.integers(10**11, 10**30), st.integers(0, 3))
def test_a_long_number_as_it_is_shown_may_have_been_that_number(number: int, zeros: int) -> None:
    shown, id = f"{number:.5E}", "0" * zeros + str(number)
    assert may_have_been(shown, id)
    assert spoilt_forms(shown) & spoilt_forms(id) or shown.startswith("1.00000E")
