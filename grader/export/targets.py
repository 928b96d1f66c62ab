"""The table of targets."""

from __future__ import annotations

from collections.abc import Mapping

from grader.export import as_csv, blackboard, canvas, github, gradescope, junit, markus, moodle, nbgrader, xlsx
from grader.export.records import Target

__all__ = ["TARGETS"]


TARGETS: Mapping[str, Target] = {
    "gradescope": Target(gradescope.files, "a folder with a results.json for each hand-in", folder=True),
    "markus": Target(markus.files, "a folder with criteria.csv and annotations.csv", folder=True),
    "canvas": Target(canvas.files, "the gradebook that Canvas exported, filled", fills=True),
    "moodle": Target(moodle.files, "the grading worksheet that Moodle handed out, filled", fills=True),
    "blackboard": Target(blackboard.files, "the gradebook that Blackboard handed out, filled", fills=True),
    "github": Target(github.files, "a folder with the results of GitHub Classroom for each hand-in", folder=True),
    "junit": Target(junit.files, "a test suite for each hand-in, in one XML file"),
    "csv": Target(as_csv.files, "a table with a row for each student"),
    "xlsx": Target(xlsx.files, "the same table as a spreadsheet"),
    "nbgrader": Target(nbgrader.files, "the CSV that nbgrader's export writes"),
}
"""By the name that ``--to`` takes."""
