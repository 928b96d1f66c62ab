#!/usr/bin/env python3
"""A custom tester for MarkUs: grades the files beside it and prints a JSON object for each criterion.

Upload this file as a test script of the tester "Custom". The first line must name a Python in which the grader is
installed. MarkUs copies the tester's files and the student's into one folder and starts the script there. ISOLATION and
ASSIGNMENT may be set below.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ISOLATION = os.environ.get("ISOLATION", "bubblewrap")
ASSIGNMENT = os.environ.get("ASSIGNMENT", "")  # such as csc413-2020; empty: detected from the submission


def main() -> None:
    """Grade, and print."""
    try:
        from grader.export.feedback import read_report_text
        from grader.export.gathering import gathered
        from grader.export.markus_results import failure, results
    except ImportError:
        sentence = f"The grader is not installed for {sys.executable}: name another Python in the script's first line."
        fields = {"name": "All tests", "output": sentence, "marks_earned": 0, "marks_total": 0, "time": None}
        print(json.dumps({**fields, "status": "error_all"}))
        return
    with tempfile.TemporaryDirectory() as work:
        submission, reports = Path(work) / "submission", Path(work) / "reports"
        copy_submission(Path.cwd(), submission)
        said = grade(submission, reports)
        try:
            export = gathered(reports, problem=lambda sentence: print(sentence, file=sys.stderr))
            (line,) = export.lines
            for result in results(line, read_report_text(reports / line.folder)):
                print(result, flush=True)
        except Exception as error:
            print(said or error, file=sys.stderr)
            print(failure("The grader failed here. That is not your fault; tell the course's staff."), flush=True)


def copy_submission(here: Path, there: Path) -> None:
    """What lies here, without this script and without links."""
    there.mkdir()
    own = Path(__file__).resolve()
    for entry in sorted(here.iterdir()):
        if entry.is_symlink() or entry.resolve() == own:
            continue
        if entry.is_dir():
            shutil.copytree(entry, there / entry.name, ignore=links)
        elif entry.is_file():
            shutil.copyfile(entry, there / entry.name)


def links(folder: str, names: list[str]) -> list[str]:
    """The names in a folder that are links, or neither files nor folders."""
    paths = [Path(folder) / name for name in names]
    return [path.name for path in paths if path.is_symlink() or not (path.is_file() or path.is_dir())]


def grade(submission: Path, reports: Path) -> str:
    """Run the grader. What it said."""
    command = [sys.executable, "-m", "grader", str(submission), "--one", "--out", str(reports)]
    command += ["--isolation", ISOLATION, *(["--assignment", ASSIGNMENT] if ASSIGNMENT else [])]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return run.stdout


if __name__ == "__main__":
    main()
