"""What another rubric changes is said, each change in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort_sample import RUBRIC, rubric

from grader.marking.changes import changes

WITH_SHARE = RUBRIC.replace("parts:", "mistakes: {relu-missing: 0.5}\n    parts:", 1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (RUBRIC, RUBRIC + "# a remark\n", []),
        (
            RUBRIC,
            RUBRIC.replace("points: 4", "points: 5").replace("shape, points: 1", "shape, points: 2", 1),
            ["csc321-2018, part a: points 4 → 5", "csc321-2018, cnn.shapes: points 1 → 2"],
        ),
        (RUBRIC, RUBRIC.replace("A1. Why", "A1. Why not"), ["csc321-2018, manual.a1: title A1. Why → A1. Why not"]),
        (RUBRIC, WITH_SHARE, ["csc321-2018, relu-missing: the share is the grader's own → 0.5"]),
        (WITH_SHARE, RUBRIC, ["csc321-2018, relu-missing: the share is 0.5 → the grader's own"]),
        (
            RUBRIC,
            RUBRIC.replace(
                "layer_orders: [pool-first]\n", "layer_orders: [pool-first]\n    late: {percent_a_day: 5}\n", 1
            ),
            ["csc321-2018, late none → grace_hours 0, percent_a_day 5, cap_percent 100, token_hours 24"],
        ),
        (
            RUBRIC,
            RUBRIC.replace("check: shapes}\n          - {id: cnn.p", "check: device}\n          - {id: cnn.p"),
            ["csc321-2018, cnn.shapes: check shapes → device", "csc321-2018, to be examined again: cnn.shapes"],
        ),
        (
            RUBRIC,
            RUBRIC.replace("cnn.parameters", "cnn.training").replace("check: parameters", "check: training"),
            [
                "csc321-2018, cnn.training: is new",
                "csc321-2018, cnn.parameters: is gone",
                "csc321-2018, to be examined again: cnn.training",
            ],
        ),
        (RUBRIC, RUBRIC[: RUBRIC.index("  csc413-2020")], ["csc413-2020: the assignment is gone"]),
        (RUBRIC[: RUBRIC.index("  csc413-2020")], RUBRIC, ["csc413-2020: the assignment is new"]),
    ],
)
def test_each_difference_is_a_line(old: str, new: str, expected: list[str], tmp_path: Path) -> None:
    first, second = tmp_path / "old", tmp_path / "new"
    first.mkdir()
    second.mkdir()
    assert [*changes(rubric(first, old), rubric(second, new))] == expected
