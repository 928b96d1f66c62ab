"""A mark is rounded by its assignment's rule, exactly."""

from __future__ import annotations

from fractions import Fraction

import pytest

from grader.marking.rounding import RoundRule


@pytest.mark.parametrize(
    ("rule", "mark", "rounded"),
    [
        (RoundRule(), "7.125", "7.13"),
        (RoundRule(), "7.1249999", "7.12"),
        (RoundRule(Fraction("0.5"), "up"), "7.01", "7.5"),
        (RoundRule(Fraction("0.5"), "up"), "7.5", "7.5"),
        (RoundRule(Fraction("0.5"), "down"), "7.99", "7.5"),
        (RoundRule(Fraction("0.5")), "7.25", "7.5"),
        (RoundRule(Fraction("0.5")), "7.24", "7"),
        (RoundRule(Fraction("0.25"), "up"), "1/3", "0.5"),
    ],
)
def test_a_mark_becomes_a_whole_number_of_steps(rule: RoundRule, mark: str, rounded: str) -> None:
    assert rule(Fraction(mark)) == Fraction(rounded)


def test_the_rule_is_said_in_a_sentence() -> None:
    assert str(RoundRule(Fraction("0.5"), "up")) == (
        "Marks are rounded once, at the end, up to the next multiple of 0.5."
    )
    assert str(RoundRule()) == (
        "Marks are rounded once, at the end, to the nearest multiple of 0.01; half of it goes up."
    )


@pytest.mark.parametrize(("step", "way"), [(Fraction(0), "up"), (Fraction(1), "sideways")])
def test_another_rule_is_refused(step: Fraction, way: str) -> None:
    with pytest.raises(ValueError, match="rounded to a positive step"):
        RoundRule(step, way)
