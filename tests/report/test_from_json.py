"""A report that is read back is the one that was written."""

from __future__ import annotations

import json
from dataclasses import replace

import report_sample as sample

from grader.report.as_html import to_html
from grader.report.as_json import as_document, to_json
from grader.report.as_markdown import to_markdown
from grader.report.from_json import from_document


def test_every_form_of_a_report_that_is_read_back_is_the_same() -> None:
    report = sample.everything()
    again = from_document(json.loads(to_json(report)))
    assert as_document(again) == as_document(report)
    assert to_html(again) == to_html(report)
    assert to_markdown(again) == to_markdown(report)


def test_everything_but_numbers_that_are_none_is_equal() -> None:
    report = sample.everything()
    again = from_document(json.loads(to_json(report)))
    for mark, same in zip(report.sheet.marks, again.sheet.marks, strict=True):
        assert replace(same, evidence=mark.evidence) == mark
    assert replace(again, sheet=report.sheet, run=report.run) == report


def test_what_a_submission_says_is_read_back_as_text() -> None:
    report = sample.hostile("</script>\x1b[31m\u202e& <b>")
    assert to_json(from_document(json.loads(to_json(report)))) == to_json(report)
