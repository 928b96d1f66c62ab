"""No report is long, whatever was handed in."""

from __future__ import annotations

import json

import pytest
from report_sample import everything, mark, report

from grader.intake import StoredFile
from grader.marking.evidence import Evidence
from grader.marking.verdicts import Flag, Outcome
from grader.report import LeftOut, Report
from grader.report.files import rendered
from grader.report.size import MOST_BYTES, fitted

TEXTS = ("a" * 3_000, "\U0001f600" * 1_000, "<&'`\x1b\u202e" * 500, "\U000e0001" * 900)


def crowded(text: str) -> Report:
    """A report with thousands of long entries in every list."""
    many = range(3_000)
    facts = {f"fact {number}": text for number in range(30)}
    marks = [
        mark(f"unet.c{number}", Outcome.FAIL, feedback=text, evidence=Evidence(facts=facts)) for number in range(40)
    ]
    return report(
        marks,
        files=tuple(StoredFile(f"{number}/{text[:900]}.py", number, "3f" * 32) for number in many),
        code_files=tuple(f"{number}/{text[:900]}.py" for number in many),
        left_out=tuple(LeftOut(text[:900], text, text) for _ in many),
        remarks=tuple(f"{number}: {text}" for number in many),
        flags=tuple(Flag("two-candidates", f"{number}: {text}") for number in many),
        choice=tuple(f"{number}: {text}" for number in range(20)),
        detected=text,
        output=text * 20,
    )


@pytest.mark.parametrize("text", TEXTS, ids=("letters", "signs", "markup", "escapes"))
def test_no_report_has_more_than_a_megabyte(text: str) -> None:
    files = rendered(crowded(text), key="key", folder="alice").files
    assert sum(map(len, files.values())) <= MOST_BYTES


def test_what_is_not_listed_is_counted_in_a_remark() -> None:
    document = json.loads(rendered(crowded("a" * 100), key="key", folder="alice").files["report.json"])
    listed = len(document["submission"]["files"])
    assert 0 < listed < 3_000
    assert f"{3_000 - listed:,} more files are not listed here" in " ".join(document["remarks"])


@pytest.mark.parametrize("whole", [everything(), report([mark()])])
def test_an_ordinary_report_is_left_as_it_is(whole: Report) -> None:
    assert fitted(whole) == whole


def test_a_report_that_was_cut_once_is_not_cut_again() -> None:
    once = fitted(crowded("b" * 50))
    assert (fitted(once).files, fitted(once).flags, fitted(once).left_out) == (once.files, once.flags, once.left_out)
