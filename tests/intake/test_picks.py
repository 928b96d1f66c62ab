"""A pick that cannot be followed is one sentence, with what is there instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from laid_out import lay

from grader.intake import find
from grader.intake.picks import why_not_picked


def reasons(place: Path, **picks: str) -> list[str]:
    findings = find([place], mode="many", picks={student: (file,) for student, file in picks.items()})
    return [reason for _, reason in why_not_picked(findings)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    lay(tmp_path, "alice/a2.py", "alice/final.py", "alice/broken.ipynb", "alice/notes.txt", "bob/a2.py")
    for path in tmp_path.rglob("*.py"):
        path.write_text("class CNN: pass\n")
    (tmp_path / "alice" / "broken.ipynb").write_text('{"cells": [')
    return tmp_path


def test_a_pick_that_is_there_has_nothing_said_of_it(place: Path) -> None:
    assert reasons(place, alice="final.py", bob="a2.py") == []


@pytest.mark.parametrize(
    ("student", "file", "told"),
    [
        ("alicia", "a2.py", "a file was picked for 'alicia', who has no submission here: did you mean 'alice'?"),
        ("zz", "a2.py", "use an id as the gradebook has it"),
        ("alice", "last.py", "'last.py' was picked for alice, but is not among the code handed in: there are a2.py"),
        ("alice", "notes.txt", "is not among the code handed in"),
        ("alice", "broken.ipynb", "but cannot be read: broken.ipynb breaks off"),
    ],
)
def test_a_pick_that_cannot_be_followed_says_what_to_do(place: Path, student: str, file: str, told: str) -> None:
    (reason,) = reasons(place, **{student: file})
    assert told in reason
