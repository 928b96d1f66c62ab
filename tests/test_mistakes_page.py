"""``docs/mistakes.md`` is what the known implementations say, and has every name that a rubric may use."""

from __future__ import annotations

import runpy

import pytest
from places import ROOT

from grader.checks.mistakes import OF_CHECKS
from reference.handouts import HANDOUTS
from reference.known import LAYER_ORDER, right
from reference.known_layers import LAYER_MISTAKES
from reference.mistakes import mistakes


@pytest.fixture(scope="module")
def page() -> str:
    return runpy.run_path(str(ROOT / "tools" / "mistakes.py"))["page"]()


def test_the_page_is_current(page: str) -> None:
    stored = (ROOT / "docs" / "mistakes.md").read_text("utf-8")
    assert stored == page, "write it again: python tools/mistakes.py > docs/mistakes.md"


def test_the_page_has_every_name_that_a_rubric_may_use(page: str) -> None:
    names = {LAYER_ORDER, *(mistake.id for mistake in (*LAYER_MISTAKES, *OF_CHECKS))}
    for assignment, handout in HANDOUTS.items():
        for network in handout.networks:
            names |= {wrong.id for wrong in mistakes(right(assignment, network.cls)[0])}
    assert {name for name in names if f"| `{name}` |" not in page} == set()
