"""A budget of processor time ends in one clause, and not before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.cpu import CpuBudget, CpuUsedUp


def test_a_budget_is_used_up_when_the_threads_time_is_over() -> None:
    moments: Iterator[float] = iter([5.0, 6.9, 7.0])
    budget = CpuBudget(2.0, clock=lambda: next(moments))
    budget.look()
    with pytest.raises(CpuUsedUp, match="more than the 2 seconds of processor time"):
        budget.look()
