"""A node asks for the settings of a run, and refuses to grade where it would grade differently."""

from __future__ import annotations

from cohort_sample import horses, options

from grader.cohort.node import NodeSettings, grade_there
from grader.sandbox.terms import Limits


def test_a_node_without_the_settings_of_the_run_asks_for_them() -> None:
    assert grade_there("a run", None, b"", {}) == ("settings", None)


def test_a_node_with_another_version_says_so() -> None:
    settings = NodeSettings(b"", options(), horses(), "none", Limits(), {"grader": "0.0.1"})
    kind, reason = grade_there("a run", settings, b"", {})
    assert kind == "unfit"
    assert "grader is" in str(reason) and "there and 0.0.1 here: install the same on both" in str(reason)
