"""What the documentation names is there."""

from __future__ import annotations

import re

import pytest
from places import ROOT

PAGES = (
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/readers.md",
    "docs/cluster.md",
    "docs/ta-evening.md",
    "integrations/README.md",
    "fixtures/README.md",
)
_OURS = r"(?:grader|reference|tests|fixtures|docs|tools|student_template)/[\w./-]*"


def _named(text: str) -> set[str]:
    """The paths of the project that stand in backticks."""
    return set(re.findall(rf"`({_OURS})`", text))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8"))
    local = [link for link in links if not link.startswith("http")]
    assert [link for link in local if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_path_of_the_project_exists(page: str) -> None:
    names = _named((ROOT / page).read_text("utf-8"))
    assert sorted(name for name in names if not (ROOT / name).exists()) == []


def test_the_way_of_a_submission_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    steps = [line.split("|")[3] for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(steps) == 10
    for step in steps:
        folder = ROOT / "grader"
        for name in re.findall(r"`([^`]+)`", step):
            # A name without a folder lies beside the one before it, or at the top.
            places = [ROOT / "grader" / name, folder / name]
            assert any(place.exists() for place in places), name
            folder = places[0].parent if "/" in name else folder


def test_the_two_screens_of_the_architecture_stay_two() -> None:
    assert len((ROOT / "docs" / "architecture.md").read_text("utf-8").splitlines()) <= 110
