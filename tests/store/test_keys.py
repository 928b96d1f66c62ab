"""A key depends on everything that marks depend on, in two parts: the evidence, and what is made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import report_sample as sample
from store_sample import ALICE

from grader.marking.verdicts import Flag
from grader.store.keys import evidence_of, marks_of, report_key, with_marks

KEY = {"found": ALICE, "sha256": sample.SHA, "assignment": "csc413-2020", "settings": "1" * 64, "marks": "3" * 64}


OTHERS = {
    "id": {"found": replace(ALICE, id="bob")},
    "flags": {"found": replace(ALICE, flags=(Flag("late", "Late."),))},
    "contents": {"sha256": "0" * 64},
    "assignment": {"assignment": "csc321-2018"},
    "settings": {"settings": "2" * 64},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_a_key_depends_on_everything_that_marks_depend_on(change: dict) -> None:
    assert report_key(**KEY) == report_key(**KEY)
    assert report_key(**{**KEY, **change}) != report_key(**KEY)


def test_with_another_rubric_the_part_about_the_evidence_stays() -> None:
    key, other = report_key(**KEY), report_key(**{**KEY, "marks": "4" * 64})
    assert (marks_of(key), marks_of(other)) == ("3" * 64, "4" * 64)
    assert evidence_of(key) == evidence_of(other) and key != other
    assert with_marks(key, "4" * 64) == other


def test_a_key_does_not_depend_on_where_the_submission_lies(tmp_path: Path) -> None:
    assert report_key(**{**KEY, "found": replace(ALICE, sources=(tmp_path,))}) == report_key(**KEY)
