"""A submission travels to another machine as bytes, and arrives as it was sent."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.cohort.parcel import pack, unpack
from grader.intake import Aside, Cell, CodeFile, StoredFile, Submission
from grader.marking.verdicts import Flag

texts = st.text(alphabet=st.characters(codec=None), max_size=30)
code_files = st.builds(
    CodeFile,
    texts,
    st.lists(st.builds(Cell, st.none() | st.integers(1, 99), texts, st.none() | texts), max_size=3).map(tuple),
    st.none() | texts,
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    asides=st.lists(st.builds(Aside, texts, st.integers(1, 99), texts, st.none() | texts), max_size=2).map(tuple),
    language=st.none() | texts,
)
submissions = st.builds(
    Submission,
    id=texts,
    folder=texts,
    files=st.lists(st.builds(StoredFile, texts, st.integers(0, 2**40), texts), max_size=3).map(tuple),
    code=st.lists(code_files, max_size=3).map(tuple),
    sha256=texts,
    flags=st.lists(st.builds(Flag, texts, texts), max_size=3).map(tuple),
)


@given(submissions)
def test_a_submission_arrives_as_it_was_sent(submission: Submission) -> None:
    assert unpack(pack(submission)) == submission


@pytest.mark.parametrize("content", [b"", b"nonsense", zlib.compress(b"[]")[:-3], zlib.compress(b" " * (65 << 20))])
def test_bytes_that_were_not_packed_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a packed submission|breaks off, or is too large"):
        unpack(content)


def test_code_beyond_the_bound_is_not_sent() -> None:
    file = CodeFile("colourization.py", (Cell(None, "x" * 1_000),))
    with pytest.raises(ValueError, match=r"1,\d{3} bytes, and at most 1,000"):
        pack(Submission("alice", "alice", (), (file,), "0" * 64, ()), most_bytes=1_000)
