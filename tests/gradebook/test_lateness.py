"""Lateness is read from a list as it is, or the list is refused with its line."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from grader.gradebook.lateness import read_late
from grader.gradebook.lists import ListError


@pytest.mark.parametrize(
    ("text", "late"),
    [
        ("id,hours_late\nalice,1.5\nbob,-3\n", {"alice": Fraction(3, 2), "bob": Fraction(0)}),
        ("Student ID;Hours late\nalice;0.1\nbob;\n", {"alice": Fraction(1, 10)}),
        ("First Name,SID,Lateness (H:M:S)\nAlice,alice,01:20:00\nBob,bob,\n", {"alice": Fraction(4, 3)}),
        ("\ufeffid\thours\r\n\r\nalice\t2\r\n", {"alice": Fraction(2)}),
        (
            "id,submitted,due\n"
            "alice,2026-11-21T00:30:00,2026-11-20T23:59:00\n"
            "bob,2026-11-20T12:00:00Z,2026-11-20T12:00:00+01:00\n"
            "carol,,2026-11-20T12:00:00\n"
            "dave,2026-11-19,2026-11-20\n",
            {"alice": Fraction(31, 60), "bob": Fraction(1), "dave": Fraction(0)},
        ),
    ],
    ids=["hours", "semicolons", "Gradescope", "tabs", "times"],
)
def test_lateness_is_read_from_hours_or_from_times(tmp_path: Path, text: str, late: dict[str, Fraction]) -> None:
    path = tmp_path / "late.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_late(path) == late


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name,hours\nalice,1\n", "line 1: the columns must be id and hours_late, .* were name, hours"),
        ("alice,1\n", "line 1: the columns must be"),
        ("id,submitted\nalice,2026-11-20\n", "line 1: the columns must be"),
        ("id,hours\nalice,1\n\nalice,2\n", "lines 2 and 4: the id 'alice' is there twice, with lines that differ"),
        ("id,hours\nalice,\nalice,2\n", "lines 2 and 3: the id 'alice' is there twice, with lines that differ"),
        ("id,hours\n,1\n", "line 2: the id is empty"),
        ("id,hours\nalice,soon\n", "line 2: hours_late must be a number .* was 'soon'"),
        ("id,hours\nalice,1e9\n", "line 2: hours_late must be a number .* was '1e9'"),
        ("id,hours\nalice,1/0\n", "line 2: hours_late must be a number"),
        ("id,hours\nalice,nan\n", "line 2: hours_late must be a number"),
        ("id,hours\nalice,100001\n", "line 2: hours_late must be a number up to 100,000"),
        ("id,submitted,due\nalice,noon,2026-11-20\n", "line 2: submitted must be a time in ISO 8601, was 'noon'"),
        ("id,submitted,due\nalice,2026-11-20,\n", "line 2: due must be a time in ISO 8601, was ''"),
        ("id,submitted,due\nalice,2026-11-20T10:00:00Z,2026-11-20\n", "line 2: submitted and due must both have"),
    ],
)
def test_a_list_that_cannot_be_used_is_a_sentence_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "late.csv"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(ListError, match=rf"late\.csv.* ?{message}"):
        read_late(path)
