"""No forged mark, nothing leaked, nothing lost: hostile submissions as one cohort beside an honest neighbour."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from .all_cases import CASES
from .arena import NEIGHBOUR, Outcome, fight
from .cases import Case

QUICK = [case for case in CASES if not case.slow]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return fight(QUICK, tmp_path_factory.mktemp("hostile"))


@pytest.mark.slow
@pytest.mark.bubblewrap
@pytest.mark.parametrize("case", QUICK, ids=lambda case: ascii(case.name)[1:-1][:60])
def test_a_hostile_submission_gets_its_report_and_nothing_more(case: Case, cohort: Outcome) -> None:
    assert cohort.problems(case) == []


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_nothing_is_stolen_changed_or_left_behind(cohort: Outcome) -> None:
    assert cohort.damage() == []


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_the_honest_neighbour_has_the_report_it_would_have_alone(cohort: Outcome, tmp_path: Path) -> None:
    alone = fight([], tmp_path)
    assert alone.report(NEIGHBOUR)["score"] == 9 and alone.report(NEIGHBOUR)["status"] == "graded"
    assert cohort.without_times(NEIGHBOUR) == alone.without_times(NEIGHBOUR)


def test_the_cases_are_many_and_differ() -> None:
    assert len(QUICK) >= 80 and max(Counter(case.name for case in CASES).values()) == 1
    assert min(Counter(case.kind for case in CASES).values()) >= 10
