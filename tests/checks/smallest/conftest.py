"""What the tests of the search for a smallest failing input share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from places import ROOT

from grader.exam.exam import Exam
from grader.marking.rubric_file import load
from reference.data import load_horses


@pytest.fixture(scope="module")
def exams() -> Callable[..., Exam]:
    """An exam by assignment and seed; what is drawn depends on nothing else."""
    rubric, horses = load(ROOT / "rubric.yaml"), load_horses()
    made: dict[tuple[str, int], Exam] = {}

    def exam(assignment: str, seed: int = 1) -> Exam:
        if (assignment, seed) not in made:
            made[assignment, seed] = Exam(rubric.assignments[assignment], seed, horses)
        return made[assignment, seed]

    return exam
