"""What rests on the worker's word is judged again where there is a doubt; where that differs, a person decides."""

from __future__ import annotations

from fractions import Fraction

import pytest
from places import ROOT

from grader.checks.again import differing, to_judge_again
from grader.marking.rubric_file import load
from grader.marking.verdicts import Flag, Outcome, Verdict, passed

CRITERIA = load(ROOT / "rubric.yaml").assignments["csc321-2018"].criteria
UNTRUSTED, LATE = Flag("untrusted-evidence", "Read it."), Flag("late", "Two days.")


def verdicts(**outcomes: Outcome) -> list[Verdict]:
    """A verdict on every criterion: a pass, but for those given, whose names have ``_`` for ``.`` and ``-``."""
    return [
        passed(criterion.id, "Right.")
        if (outcome := outcomes.get(criterion.id.replace(".", "_").replace("-", "_"))) is None
        else Verdict(criterion.id, outcome, "Not judged.")
        for criterion in CRITERIA
    ]


def judged_again(given: list[Verdict], flags: list[Flag], before: tuple[str, ...] = ()) -> list[str]:
    return [criterion.id for criterion in to_judge_again(CRITERIA, given, flags, before)]


@pytest.mark.parametrize("flags", [[], [LATE], [Flag("changes-class", "Read it.")]])
def test_without_a_doubt_nothing_is_judged_again(flags: list[Flag]) -> None:
    assert judged_again(verdicts(), flags) == []


@pytest.mark.parametrize("flag", [UNTRUSTED, Flag("changes-torch", "F.conv2d = mine")])
def test_with_a_doubt_the_structural_criteria_are_judged_again_in_the_opposite_order(flag: Flag) -> None:
    again = judged_again(verdicts(), [LATE, flag])
    in_order = [criterion.id for criterion in CRITERIA if criterion.id in again]
    assert again == in_order[::-1]
    assert {id.split(".")[1] for id in again} == {"device", "handmade", "uses-my-conv2d"}


def test_a_flag_of_a_verdict_is_a_doubt_too() -> None:
    assert judged_again([*verdicts(), passed("dilated.handmade", "Right.", flags=(UNTRUSTED,))], [])


@pytest.mark.parametrize("outcome", [Outcome.SKIPPED, Outcome.ERROR, Outcome.PENDING])
def test_what_was_not_judged_is_not_judged_again(outcome: Outcome) -> None:
    assert "cnn.device" not in judged_again(verdicts(cnn_device=outcome), [UNTRUSTED])


def test_what_an_earlier_examination_judged_is_not_judged_again() -> None:
    again = judged_again(verdicts(), [UNTRUSTED], ("cnn.device",))
    assert "cnn.device" not in again and "unet.device" in again


def test_each_criterion_that_differs_has_one_flag() -> None:
    first = [passed("cnn.device", "Right."), passed("dilated.handmade", "Right.")]
    second = [passed("dilated.handmade", "Right."), Verdict("cnn.device", Outcome.FAIL, "Tied.")]
    (flag,) = differing(first, second)
    assert flag.kind == "untrusted-evidence"
    assert flag.detail.startswith("cnn.device: the first session says 'pass'; a second one")
    assert "says 'fail'" in flag.detail


def test_another_share_differs() -> None:
    half, third = (Verdict("cnn.device", Outcome.PARTIAL, "Part.", Fraction(1, part)) for part in (2, 3))
    assert differing([half], [half]) == () and len(differing([half], [third])) == 1
