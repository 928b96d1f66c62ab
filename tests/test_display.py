"""Hostile text on a terminal: one line, all visible, bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.display import counted, display, display_block

anything = st.text(st.characters(), max_size=300)  # surrogates too: file names bring them


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a2-cnn.ipynb", "a2-cnn.ipynb"),
        ("Zoë 张伟 ☃", "Zoë 张伟 ☃"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31mpass\x1b[0m", r"\x1b[31mpass\x1b[0m"),
        ("\x9b2J", r"\x9b2J"),
        ("alice\u202egnp.py", r"alice\u202egnp.py"),
        ("\u2066a\u2069\u200b", r"\u2066a\u2069\u200b"),
        ("a\u2028b\x85c", r"a\u2028b\x85c"),
        ("\udcff\x00", r"\udcff\x00"),
        ("\u3164\u2800", r"\u3164\u2800"),
        ("e\u0301" + "\u0301" * 4, "e\u0301\u0301\u0301" + r"\u0301\u0301"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_escape(hostile: str, shown: str) -> None:
    assert display(hostile) == shown


@given(anything, st.integers(min_value=0, max_value=120))
def test_a_displayed_text_is_one_printable_line_within_its_limit(text: str, limit: int) -> None:
    shown = display(text, limit=limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    shown.encode("utf-8")


@given(anything)
def test_displaying_twice_changes_nothing(text: str) -> None:
    assert display(display(text)) == display(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_ordinary_text_that_fits_is_left_alone(text: str) -> None:
    assert display(text) == text


def test_a_cut_text_says_so() -> None:
    assert display("x" * 10, limit=5) == "xxxx…"
    assert display("x" * 5, limit=5) == "xxxxx"


@given(anything, st.integers(min_value=1, max_value=5))
def test_a_block_is_printable_lines_and_no_more_than_asked_for(text: str, lines: int) -> None:
    shown = display_block(text, lines=lines, limit=40).split("\n")
    assert len(shown) <= lines + 1
    assert all(line.isprintable() and len(line) <= 40 for line in shown)


def test_a_block_keeps_line_ends_of_every_system_widens_tabs_and_counts_what_it_leaves_out() -> None:
    assert display_block("a\r\n\tb\rc\nd\ne", lines=3) == "a\n    b\nc\n… 2 more lines"
    assert display_block("a\nb", lines=1) == "a\n… 1 more line"


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("flag",), "0 flags"),
        (1, ("flag",), "1 flag"),
        (1_200, ("flag",), "1,200 flags"),
        (1, ("mark is", "marks are"), "1 mark is"),
        (2, ("mark is", "marks are"), "2 marks are"),
    ],
)
def test_one_of_a_thing_is_not_several(count: int, words: tuple[str, ...], said: str) -> None:
    assert counted(count, *words) == said
