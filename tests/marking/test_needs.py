"""A criterion is skipped exactly when one that it needs is in the way."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from grader.marking.needs import in_the_way
from grader.marking.rubric import Assignment, Criterion, Part
from grader.marking.verdicts import Outcome, Verdict, failed, partial, passed, skipped

HALF = Fraction(1, 2)
SHAPES, VALUES, TRAINING = (
    Criterion(id, f"Title of {id}", Fraction(1), id.rpartition(".")[2], "", needs, False)
    for id, needs in (("unet.shapes", ()), ("unet.architecture", ()), ("unet.training", ("unet.architecture",)))
)
ASSIGNMENT = Assignment(
    "csc413-2020",
    "Horses",
    ("a.ipynb",),
    ("a.pdf",),
    ("pool-first",),
    (Part("a", "A", Fraction(3), False, (SHAPES, VALUES, TRAINING)),),
    {},
)


@pytest.mark.parametrize(
    ("verdict", "ended"),
    [
        (failed(VALUES.id, "Wrong."), "failed"),
        (partial(VALUES.id, HALF, "Partly."), "passed only in part"),
        (skipped(VALUES.id, "Skipped."), "was skipped"),
        (Verdict(VALUES.id, Outcome.ERROR, "Our fault."), "could not be examined"),
    ],
    ids=lambda value: value.outcome.value if isinstance(value, Verdict) else "",
)
def test_what_did_not_pass_is_in_the_way_and_is_named(verdict: Verdict, ended: str) -> None:
    skipped_verdict = in_the_way(ASSIGNMENT, TRAINING, [(VALUES, verdict)])
    assert skipped_verdict is not None
    assert (skipped_verdict.outcome, skipped_verdict.waits_for) == (Outcome.SKIPPED, VALUES.id)
    assert skipped_verdict.feedback == f"Skipped: it depends on {VALUES.id}, which {ended}."


@pytest.mark.parametrize(
    ("need", "verdict"),
    [(VALUES, passed(VALUES.id, "Right.")), (SHAPES, partial(SHAPES.id, HALF, "Three is fixed.")), (VALUES, None)],
    ids=["passed", "shapes that are right in part", "nothing is examined"],
)
def test_what_passed_is_not_in_the_way(need: Criterion, verdict: Verdict | None) -> None:
    assert in_the_way(ASSIGNMENT, TRAINING, [(need, verdict)]) is None


def test_a_mistake_to_which_the_rubric_gives_all_points_is_not_in_the_way() -> None:
    verdict = partial(VALUES.id, HALF, "No ReLU.", mistake="relu-missing")
    strict = replace(ASSIGNMENT, follow_through=False)
    generous = replace(strict, mistakes={"relu-missing": Fraction(1)})
    assert in_the_way(strict, TRAINING, [(VALUES, verdict)]) is not None
    assert in_the_way(generous, TRAINING, [(VALUES, verdict)]) is None


@pytest.mark.parametrize("share", [HALF, Fraction(0)], ids=["in part", "not at all"])
def test_a_known_mistake_is_not_in_the_way_where_it_is_followed_through(share: Fraction) -> None:
    verdict = partial(VALUES.id, share, "No ReLU.", mistake="relu-missing")
    assert in_the_way(ASSIGNMENT, TRAINING, [(VALUES, verdict)]) is None
    assert in_the_way(replace(ASSIGNMENT, follow_through=False), TRAINING, [(VALUES, verdict)]) is not None


def test_a_mistake_in_the_shapes_is_in_the_way() -> None:
    verdict = partial(SHAPES.id, Fraction(0), "Three is fixed.", mistake="hard-coded-kernel")
    assert in_the_way(ASSIGNMENT, TRAINING, [(SHAPES, verdict)]) is not None
