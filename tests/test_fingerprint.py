"""Equal records have one fingerprint, in every process, and others have others."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from grader.fingerprint import fingerprint


@dataclass(frozen=True)
class Record:
    """A record with what rubrics are made of."""

    name: str
    points: Fraction
    shares: dict[str, Fraction]
    needs: tuple[str, ...]


records = st.builds(
    Record, st.text(), st.fractions(), st.dictionaries(st.text(), st.fractions()), st.lists(st.text()).map(tuple)
)


@pytest.mark.slow
@given(records, records)
def test_two_records_have_one_fingerprint_exactly_when_they_are_equal(first: Record, second: Record) -> None:
    assert (fingerprint(first) == fingerprint(second)) == (first == second)
    turned = dict(reversed(first.shares.items()))
    assert fingerprint(replace(first, shares=turned)) == fingerprint(first)


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_texts_do_not_run_into_each_other(first: list[str], second: list[str]) -> None:
    assert (fingerprint(first) == fingerprint(second)) == (first == second)


def test_a_fingerprint_is_the_same_in_another_process() -> None:
    program = "from grader.fingerprint import fingerprint; print(fingerprint({'b': (1, 2.5, None), 'a': {True: 'x'}}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "5"}
    other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == fingerprint({"a": {True: "x"}, "b": (1, 2.5, None)})


def test_what_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a key is made of .*, was set"):
        fingerprint({"a": {1, 2}})
