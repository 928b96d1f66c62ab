"""The basis of a verdict changes exactly with what its check reads of the rubric."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from fractions import Fraction

import pytest
from places import ROOT

from grader.marking.basis import bases, holds, is_hidden, marks_part, reads
from grader.marking.rubric import Assignment, Criterion
from grader.marking.rubric_file import CHECKS, load

ASSIGNMENT = load(ROOT / "rubric.yaml").assignments["csc321-2018"]


def with_criteria(**changes: object) -> Assignment:
    """The assignment with all criteria that a check decides changed in this way."""

    def changed(criterion: Criterion) -> Criterion:
        return replace(criterion, **changes) if criterion.check else criterion  # type: ignore[arg-type]

    parts = tuple(replace(part, criteria=tuple(map(changed, part.criteria))) for part in ASSIGNMENT.parts)
    return replace(ASSIGNMENT, parts=parts)


def test_every_criterion_with_a_check_has_a_basis_and_no_other() -> None:
    assert set(bases(ASSIGNMENT)) == {criterion.id for criterion in ASSIGNMENT.criteria if criterion.check}


@pytest.mark.parametrize(
    "changed",
    [
        with_criteria(points=Fraction(1)),
        with_criteria(title="Another"),
        with_criteria(needs=()),
        replace(ASSIGNMENT, title="Another"),
        replace(ASSIGNMENT, mistakes={"skip-missing": Fraction(1, 2)}),
    ],
    ids=["points", "titles", "needs", "the assignment's title", "shares"],
)
def test_what_is_applied_to_verdicts_is_in_no_basis(changed: Assignment) -> None:
    assert bases(changed) == bases(ASSIGNMENT)
    assert marks_part(changed) != marks_part(ASSIGNMENT)


@pytest.mark.parametrize("check", CHECKS)
def test_what_a_check_reads_is_a_key_of_the_assignment(check: str) -> None:
    assert set(reads(check)) <= {field.name for field in fields(Assignment)}


def test_what_checks_read_of_the_rubric_is_in_a_basis() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "grader" / "checks").rglob("*.py")]
    keys = {key for source in sources for key in re.findall(r"\bassignment\.(\w+)", source)}
    # What a rubric says of shares is applied to verdicts, and must not be read by a check.
    assert keys - {"id"} <= {key for check in CHECKS for key in reads(check)}


def test_another_order_of_layers_counts_for_what_reads_it_alone() -> None:
    before, now = bases(ASSIGNMENT), bases(replace(ASSIGNMENT, layer_orders=("norm-first",)))
    changed = {id for id in now if before[id] != now[id]}
    checks = {criterion.check for criterion in ASSIGNMENT.criteria if criterion.id in changed}
    assert "architecture" in checks and not {"values", "handmade", "device", "code"} & checks


def test_notes_for_markers_and_lateness_change_nothing() -> None:
    assert marks_part(with_criteria(look_for="Another note")) == marks_part(ASSIGNMENT)


def test_what_is_left_out_for_a_hidden_criterion_cannot_be_put_back() -> None:
    shown, hidden = bases(ASSIGNMENT)["cnn.shapes"], bases(with_criteria(hidden=True))["cnn.shapes"]
    assert is_hidden(hidden) and not is_hidden(shown)
    assert holds(shown, shown) and holds(shown, hidden) and holds(hidden, hidden)
    assert not holds(hidden, shown)
    shares = replace(with_criteria(hidden=True), mistakes={"skip-missing": Fraction(1, 2)})
    assert not holds(hidden, bases(shares)["cnn.shapes"])
