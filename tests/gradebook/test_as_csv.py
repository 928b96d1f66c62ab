"""A cell of the gradebook is text to every spreadsheet, and can be read on its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook.as_csv import neutral

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
