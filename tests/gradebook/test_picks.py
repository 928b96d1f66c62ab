"""The list of picked files is CSV with ids and files, and is written as it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.gradebook.lists import ListError
from grader.gradebook.picks import read_picks, to_csv

PICKS = {"alice": ("a2-final.ipynb",), "bob": ("colourization.ipynb", "colour_regression.ipynb")}


@pytest.mark.parametrize(
    "text",
    [
        "id,file\nalice,a2-final.ipynb\nbob,colourization.ipynb\nbob,colour_regression.ipynb\n",
        "File;Student ID\na2-final.ipynb;alice\ncolourization.ipynb;bob\ncolour_regression.ipynb;bob\n",
        "alice,a2-final.ipynb\nbob,colourization.ipynb\nbob,colour_regression.ipynb\nbob,colourization.ipynb\n",
    ],
)
def test_columns_are_known_by_their_headings_or_their_order(tmp_path: Path, text: str) -> None:
    (tmp_path / "picks.csv").write_text(text)
    assert read_picks(tmp_path / "picks.csv") == PICKS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,name\nalice,Alice\n", "the columns must be 'id' and 'file', were id, name"),
        ("id,file\nalice,\n", "line 2: the file is empty"),
        ("id,file\n,a2.py\n", "line 2: the id is empty"),
        ("", "is empty"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "picks.csv").write_text(text)
    with pytest.raises(ListError, match=told):
        read_picks(tmp_path / "picks.csv")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    odd = {"=1, Alice": ('a "b".py', "c\u00e9,d.py"), **PICKS}
    (tmp_path / "picks.csv").write_bytes(to_csv(odd))
    assert read_picks(tmp_path / "picks.csv") == odd
