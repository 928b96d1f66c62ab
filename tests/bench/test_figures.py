"""BENCHMARKS.md says what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.figures import Figures, Limit, Machine, Run, Sizes, to_page

MIB = 2**20


@pytest.fixture
def figures() -> Figures:
    return Figures(
        machine=Machine("Linux", 2, "3.11.7", "2.13.0", load_before=0.1, load_after=1.6),
        sizes=Sizes(cohort=100, many=1_000, resumed=5_000, profile=10, others=2),
        assignment="csc321-2018",
        jobs=2,
        bases=2,
        limit=Limit({"right": 0.4, "wrong": 0.6}, {"right": {"build": 0.3, "load": 0.1}, "wrong": {"build": 0.5}}),
        limit_of_the_cohort=50.0,
        cohort=Run(30.0, 0),
        cohort_alone=Run(57.0, 0),
        cold=Run(2.5, 0),
        small=Run(1.0, 200 * MIB),
        large=Run(1.0, 205 * MIB),
        resumed=Run(4.5, 0),
        remarked=Run(0.71, 0),
        pages=Run(4.94, 0),
        nbgrader=3.99,
        stages={"load": 0.06, "build": 0.45, "writing": 0.002},
    )


def lines(figures: Figures) -> list[str]:
    return to_page(figures).splitlines()


def test_overhead_is_wall_time_times_jobs_minus_the_limit_per_submission(figures: Figures) -> None:
    assert "| limit per submission, mean | 0.50 s | – |" in lines(figures)
    assert "| overhead per submission, 100 at 2 jobs (30 s) | 0.10 s | at most 0.15 s |" in lines(figures)
    assert "| overhead per submission, 100 at 1 job (57 s) | 0.07 s | – |" in lines(figures)


def test_two_jobs_are_compared_with_one(figures: Figures) -> None:
    assert "| 2 jobs compared with 1, 100 submissions | 1.90 times as fast | at least 1.85 |" in lines(figures)


def test_the_first_submission_is_counted_without_its_own_limit(figures: Figures) -> None:
    first = "| first submission, from command to report, minus its limit (2.50 s in all) | 2.10 s | at most 2.5 s |"
    assert first in lines(figures)


def test_memory_is_the_growth_from_the_small_cohort_to_the_large_one(figures: Figures) -> None:
    row = "| peak memory of the marking process, 1,000 submissions minus 100 (200 MB) | +5.0 MB | within 20 MB |"
    assert row in lines(figures)


def test_a_changed_rubric_is_the_gradebook_first_and_then_the_pages(figures: Figures) -> None:
    assert "| gradebook and index of 100 reports by a changed rubric | 0.71 s | 1 s for 300 |" in lines(figures)
    assert "| the same, with the pages of all reports | 4.9 s | – |" in lines(figures)


def test_nbgrader_is_compared_with_one_job_or_said_to_be_absent(figures: Figures) -> None:
    begin = "| the same checks by nbgrader, per submission, one at a time |"
    assert f"{begin} 4.0 s, 7 times ours | – |" in lines(figures)
    assert f"{begin} not installed | – |" in lines(replace(figures, nbgrader=None))


def test_stages_stand_beside_the_mean_of_the_same_work_in_the_worker(figures: Figures) -> None:
    assert "| load (run the definitions) | 0.0600 | 0.0500 |" in lines(figures)
    assert "| probes: build | 0.4500 | 0.4000 |" in lines(figures)
    assert "| writing the report | 0.0020 | – |" in lines(figures)
    assert "| all | 0.5120 | 0.4500 |" in lines(figures)
