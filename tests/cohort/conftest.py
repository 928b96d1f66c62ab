"""What the tests of cohorts share."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort_sample import Course


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course without submissions yet."""
    return Course(tmp_path)
