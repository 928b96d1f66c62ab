"""The three files of a report, and its row in the gradebook."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from grader.report import Report
from grader.report.as_html import to_html
from grader.report.as_json import as_document, written
from grader.report.as_markdown import to_markdown
from grader.report.rows import Row, row_of
from grader.report.size import MOST_BYTES, fitted, without_evidence

__all__ = ["FILES", "RenderedReport", "from_files", "rendered"]


FILES = ("report.html", "feedback.md", "report.json")
"""Names of a report's files, in the order in which they are written."""


@dataclasses.dataclass(frozen=True)
class RenderedReport:
    """A report as it is written to disk."""

    files: Mapping[str, bytes]
    """Contents by name, in the order of ``FILES``."""
    row: Row
    """What lists and statistics need of it; the same as what would be read from ``report.json``."""
    report: Report | None = None
    """The report itself; None where another machine made it."""


def rendered(report: Report, *, key: str, folder: str) -> RenderedReport:
    """The report with its key in ``run.details``; ``folder`` is the name of its folder.

    Raises ValueError as ``as_document`` does.
    """
    run = dataclasses.replace(report.run, details={**report.run.details, "key": key})
    report = fitted(dataclasses.replace(report, run=run))
    rendering = _rendered(report, folder)
    if sum(map(len, rendering.files.values())) > MOST_BYTES:
        rendering = _rendered(without_evidence(report), folder)
    return rendering


def _rendered(report: Report, folder: str) -> RenderedReport:
    document = as_document(report)
    contents = (to_html(report), to_markdown(report), written(document))
    files = {name: content.encode() for name, content in zip(FILES, contents, strict=True)}
    return RenderedReport(files, row_of(folder, document), report)


def from_files(files: Mapping[str, bytes], *, folder: str) -> RenderedReport:
    """A report that another machine rendered.

    Raises ValueError, KeyError, TypeError or AttributeError when the files are not those of a report.
    """
    if tuple(files) != FILES:
        raise ValueError(f"the files of a report must be {', '.join(FILES)}, were {', '.join(map(str, files))}")
    return RenderedReport(files, row_of(folder, json.loads(files[FILES[-1]])))
