"""An assignment's criteria are those of its parts."""

from __future__ import annotations

from places import ROOT

from grader.marking.rubric_file import load


def test_the_criteria_of_an_assignment_are_those_of_its_parts_in_the_order_of_the_handout() -> None:
    for assignment in load(ROOT / "rubric.yaml").assignments.values():
        ids = [criterion.id for criterion in assignment.criteria]
        assert ids == [criterion.id for part in assignment.parts for criterion in part.criteria]
        assert len(assignment.parts) > 1 and len(ids) > len(assignment.parts)
