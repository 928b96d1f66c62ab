"""The three files of a report, rendered."""

from __future__ import annotations

import dataclasses

from grader.report import Report
from grader.report.as_html import to_html
from grader.report.as_json import to_json
from grader.report.as_markdown import to_markdown

__all__ = ["rendered"]


def rendered(report: Report, key: str) -> dict[str, bytes]:
    """The files of a report by name, ``report.json`` last; ``key`` is written into the report."""
    run = dataclasses.replace(report.run, details={**report.run.details, "key": key})
    report = dataclasses.replace(report, run=run)
    return {
        "report.html": to_html(report).encode(),
        "feedback.md": to_markdown(report).encode(),
        "report.json": to_json(report).encode(),
    }
