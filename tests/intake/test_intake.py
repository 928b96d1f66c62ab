"""From the path of a course's download to every student's code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from archive_makers import a_zip

from grader import intake
from grader.intake import SubmissionError, find, read

OLD_NOTEBOOK = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "code", "input": ["x = 1"], "language": "python", "outputs": []}]}
    ],
}


def test_everything_that_others_rely_on_is_exported() -> None:
    for name in (
        "Cell",
        "CodeFile",
        "Findings",
        "Found",
        "Skipped",
        "StoredFile",
        "Submission",
        "SubmissionError",
        "find",
        "read",
    ):
        assert name in intake.__all__
        assert hasattr(intake, name)


def test_a_mixed_cohort_is_read_and_no_submission_affects_another(tmp_path: Path) -> None:
    (tmp_path / "alice").mkdir()
    (tmp_path / "alice" / "a2.ipynb").write_text(json.dumps(OLD_NOTEBOOK))
    (tmp_path / "alice" / "a2-writeup.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "bob.zip").write_bytes(a_zip(("a2/models.py", b"import torch\n"), ("../x.py", b"")))
    (tmp_path / "bad.zip").write_bytes(b"PK broken")
    (tmp_path / "empty").mkdir()
    findings = find([tmp_path])
    assert findings.many
    submissions = {place.id: read(place) for place in findings.found}
    assert {
        id: [(file.path, [cell.source for cell in file.cells]) for file in submission.code]
        for id, submission in submissions.items()
    } == {
        "alice": [("a2.ipynb", ["x = 1"])],
        "bad": [],
        "bob": [("a2/models.py", ["import torch\n"])],
        "empty": [],
    }
    assert {id: [flag.kind for flag in submission.flags] for id, submission in submissions.items()} == {
        "alice": [],
        "bad": ["damaged"],
        "bob": ["refused-name"],
        "empty": [],
    }
    assert [file.path for file in submissions["alice"].files if file.path.endswith(".pdf")] == ["a2-writeup.pdf"]
    assert len({submission.sha256 for submission in submissions.values()}) == 4


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    (tmp_path / "a2.zip").write_bytes(a_zip(("a2.py", b"x"), ("b.ipynb", b"{}")))
    (place,) = find([tmp_path / "a2.zip"]).found
    assert read(place) == read(place)


def test_a_wrong_path_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"does not exist: name a folder, \.py, \.ipynb, \.zip"):
        find([tmp_path / "alcie"])
