"""Code files in the encodings that students' editors leave them in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.decoding import decode

LATIN = "# -*- coding: latin-1 -*-\nname = 'café'\n"
CHINESE = "# coding=gbk\nname = '颜色'\n"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"x = 1\n", "x = 1\n"),
        (b"", ""),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (LATIN.encode("latin-1"), LATIN),
        (CHINESE.encode("gbk"), CHINESE),
        (b"# caf\xe9, coding: latin-1\n", "# café, coding: latin-1\n"),
        (b"#!/usr/bin/python\r# coding: Latin_1\r'\xe9'\r", "#!/usr/bin/python\n# coding: Latin_1\n'é'\n"),
        (b"#!/usr/bin/env python\n" + LATIN.encode("latin-1"), "#!/usr/bin/env python\n" + LATIN),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        ("colour = '颜色'\n".encode(), "colour = '颜色'\n"),
    ],
)
def test_what_python_reads_is_read_without_a_remark(content: bytes, text: str) -> None:
    decoded = decode(content)
    assert (decoded.text, decoded.remarks) == (text, ())


@pytest.mark.parametrize(
    ("content", "text", "words"),
    [
        ("é = 1\n".encode("utf-16"), "é = 1\n", "UTF-16"),
        ("é = 1\n".encode("utf-16-be").join([b"\xfe\xff", b""]), "é = 1\n", "UTF-16"),
        (b"\xff\xfex\x00\xd8", "x\ufffd", "damaged"),
        (b"name = 'caf\xe9'\n", "name = 'café'\n", "Latin-1"),
        (b"# coding: utf-7\nx = 1\n", "# coding: utf-7\nx = 1\n", "'utf-7', which is not read"),
        (b"# coding: rot13\nx = 1\n", "# coding: rot13\nx = 1\n", "'rot13', which is not read"),
        (b"# coding: klingon\nx = 1\n", "# coding: klingon\nx = 1\n", "unknown encoding: klingon"),
        (b"# coding: ascii\nx = '\xc3\xa9'\n", "# coding: ascii\nx = 'é'\n", "not the ASCII"),
        (b"x\x00 = 1\x00\n", "x = 1\n", "2 NUL"),
    ],
)
def test_what_python_refuses_is_read_with_a_remark(content: bytes, text: str, words: str) -> None:
    decoded = decode(content)
    assert decoded.text == text
    assert words in "; ".join(decoded.remarks)


def test_a_coding_comment_counts_in_the_first_two_lines_only() -> None:
    assert decode(b"x = 1\n# coding: gbk\n'\xc3\xa9'\n").text.endswith("'é'\n")
    assert decode(b"#\n\n# coding: gbk\n'\xc3\xa9'\n").text.endswith("'é'\n")


def test_a_notebook_has_no_coding_comment() -> None:
    assert decode(b"# coding: gbk\n\xc3\xa9", coding_comment=False).text == "# coding: gbk\né"


@given(st.binary(max_size=200) | st.text().map(lambda text: b"# coding: " + text.encode("utf-8", "replace")))
def test_decoding_never_fails_and_its_text_can_be_encoded_again(content: bytes) -> None:
    text = decode(content).text
    text.encode("utf-8")
    assert "\0" not in text
    assert "\r" not in text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff")))
def test_utf8_comes_back_as_it_was(text: str) -> None:
    assert decode(text.encode(), coding_comment=False).text == text
