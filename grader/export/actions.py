"""GitHub Actions: what a job says beside a student's files, by workflow commands on standard output.

Source: *Workflow commands for GitHub Actions*: a message has no line ends of its own, a property no colon or comma.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["workflow_commands"]


_MOST = 10
"""Annotations of one kind that GitHub shows of a step."""


def workflow_commands(results: Mapping[str, Any]) -> Iterator[str]:
    """A command for each test that lost points, from what the runner hands to the reporter."""
    tests = [test for test in results["tests"] if test["status"] != "pass"]
    for test in tests[:_MOST]:
        properties = {"file": test["filename"], "line": test["line_no"] or 1 if test["filename"] else 0}
        properties["title"] = test["name"]
        shown = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value)
        kind = "error" if test["status"] == "error" else "warning"
        yield f"::{kind} {shown}::{_message(test['message'])}"
    if len(tests) > _MOST:
        yield f"::notice::{len(tests) - _MOST} more are in the job's summary"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
