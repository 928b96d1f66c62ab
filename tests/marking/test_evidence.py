"""A difference as a sentence says shapes before values, and evidence for whoever measures the grader is not shown."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from grader.marking.evidence import NOTHING, Configuration, Curve, Difference, Evidence, Snippet, Worst

DIFFERENCE = Difference(
    (1, 2, 4, 4), (1, 2, 4, 4), elements=32, differing=3, worst=Worst((0, 1, 2, 3), 1.0, -2.5), largest=3.5,
    tolerance=1e-5,
)  # fmt: skip


def test_a_difference_in_values_says_how_many_differ_and_the_worst_one() -> None:
    assert DIFFERENCE.same_shape
    assert DIFFERENCE.sentence() == (
        "3 of 32 values differ, the worst at [0, 1, 2, 3]: expected 1, actual -2.5 (difference 3.5, allowed 1e-05)."
    )


def test_a_difference_in_shapes_says_the_shapes_and_no_value() -> None:
    other = replace(DIFFERENCE, actual_shape=(1, 2, 5, 4), elements=0, worst=Worst((), math.nan, math.nan))
    assert not other.same_shape
    assert other.sentence() == "The output's shape is [1, 2, 5, 4], expected [1, 2, 4, 4]."


def test_what_is_not_a_number_is_said_by_name() -> None:
    worst = replace(DIFFERENCE, worst=Worst((0,), 0.0, math.nan), largest=math.nan)
    assert "expected 0, actual nan (difference nan, allowed 1e-05)" in worst.sentence()


@pytest.mark.parametrize(
    ("evidence", "visible"),
    [
        (NOTHING, False),
        (Evidence(margins={"outputs": 0.5}), False),
        (Evidence(facts={"operations": []}), True),
        (Evidence(difference=DIFFERENCE), True),
        (Evidence(curve=Curve((1.0,), (1.0,), 0.1)), True),
        (Evidence(snippet=Snippet("print(1)", "1", "2")), True),
        (Evidence(configurations=(Configuration({}, "8", "8", True),)), True),
    ],
)
def test_there_is_something_to_show_where_there_is_more_than_margins(evidence: Evidence, visible: bool) -> None:
    assert evidence.visible is visible
