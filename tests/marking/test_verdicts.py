"""Where a sentence of feedback ends: one rule for marks, checks and reports."""

from __future__ import annotations

import pytest

from grader.marking.verdicts import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        (" One thing. ", ["One thing."]),
        ("One. Two! Three?  Four", ["One.", "Two!", "Three?", "Four"]),
        ("It differs. 6 of 6 values differ.", ["It differs.", "6 of 6 values differ."]),
        ("See this. `x` is 3. (Or 4.)", ["See this.", "`x` is 3.", "(Or 4.)"]),
        ("Use a norm, e.g.  batch-norm, at 0.5 of a.py.", ["Use a norm, e.g.  batch-norm, at 0.5 of a.py."]),
    ],
)
def test_a_sentence_ends_where_anything_but_a_small_letter_follows(text, expected):
    assert sentences(text) == expected
