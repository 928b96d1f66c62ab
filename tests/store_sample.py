"""Reports to put into a store."""

from __future__ import annotations

import json
from typing import Any

import report_sample as sample

from grader.intake import Found
from grader.report.as_json import to_json
from grader.report.files import RenderedReport, from_files

ALICE = Found("alice", "alice", ())


def made(folder: str = "alice", *, page: bytes = b"page", **changes: Any) -> RenderedReport:
    """A report for ``folder``; ``report.json`` with changes at its top."""
    document = {**json.loads(to_json(sample.everything())), **changes}
    files = {"report.html": page, "feedback.md": b"feedback", "report.json": json.dumps(document).encode()}
    return from_files(files, folder=folder)
