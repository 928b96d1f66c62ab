"""What most of a cohort has is the starter, where a student has it beside a file with more."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.cohort.starters import with_the_cohorts_starters
from grader.intake import find

GIVEN = (
    "class CNN(nn.Module):\n    def __init__(self, kernel, num_filters):\n        super().__init__()\n"
    "        self.first = MyConv2d(1, num_filters, kernel)\n{layers}\n    def forward(self, x):\n"
    "        x = self.first(x)\n{calls}\n"
)
STARTER = GIVEN.format(layers="        self.second = None", calls="        return x")


def solution(own: str = "", lines: int = 6) -> str:
    layers = "\n".join(f"        self.conv{place} = MyConv2d({place}, 1, kernel{own})" for place in range(lines))
    calls = "\n".join(f"        x = self.conv{place}(x)" for place in range(lines))
    return GIVEN.format(layers=layers, calls=calls + "\n        return x")


def starters(place: Path, cohort: dict[str, dict[str, str]]) -> dict[str, tuple[str, ...]]:
    for id, files in cohort.items():
        (place / id).mkdir()
        for name, text in files.items():
            (place / id / name).write_text(text, "utf-8")
    return {found.id: found.starters for found in with_the_cohorts_starters(find([place], mode="many").found)}


@pytest.mark.parametrize("is_own", [True, False])
def test_a_file_with_nothing_but_what_most_have_is_the_starter(tmp_path: Path, is_own: bool) -> None:
    """Whether the solutions differ or are all the same."""
    cohort = {id: {"a2.py": solution(f" + {id}" * is_own)} for id in ("bob", "carol", "dan", "eve")}
    cohort["alice"] = {"a2-cnn.py": STARTER, "mine.py": solution(" + alice" * is_own)}
    assert starters(tmp_path, cohort)["alice"] == ("a2-cnn.py",)


def test_two_whole_files_are_no_starters_however_many_have_them(tmp_path: Path) -> None:
    cohort = {id: {"draft.py": solution(" + 1"), "final.py": solution()} for id in ("alice", "bob", "carol")}
    assert starters(tmp_path, cohort) == {"alice": (), "bob": (), "carol": ()}


def test_a_part_of_a_whole_file_is_no_starter(tmp_path: Path) -> None:
    unet = solution().replace("class CNN", "class UNet")
    cohort = {id: {"part.py": solution(), "whole.py": solution() + unet} for id in ("alice", "bob", "carol")}
    assert starters(tmp_path, cohort)["alice"] == ()


def test_two_students_are_not_a_cohort(tmp_path: Path) -> None:
    cohort = {id: {"a2-cnn.py": STARTER, "mine.py": solution(f" + {id}")} for id in ("alice", "bob")}
    assert starters(tmp_path, cohort) == {"alice": (), "bob": ()}
