"""What a reports folder remembers of its cohort: who is on the roster, who was late, and by which rubric.

    DIR/roster.csv, DIR/late.csv   the lists as they were given
    DIR/late-rule.json             what lateness costs, where the command line said so and not the rubric
    DIR/rubric.yaml                the rubric of the last run

Every later run and ``gradebook summary`` goes by them, so that a column that was there stays. ``none`` in place of a
list takes it back, and so does deleting its file: marks in reports never change by them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from grader.display import display
from grader.gradebook.lateness import Lateness, read_late
from grader.gradebook.lists import ListError, Student, read_roster
from grader.marking.late import LateRule

if TYPE_CHECKING:
    from grader.marking.rubric import Assignment, Rubric

__all__ = [
    "BEFORE_LATENESS",
    "NONE",
    "Changes",
    "given",
    "recall_lateness",
    "recall_roster",
    "recall_rubric",
    "remembers_lateness",
    "with_rubric",
]


NONE = "none"
"""In place of a file: forget the one that was given."""

BEFORE_LATENESS = "Lateness is taken off in the gradebook; a student's report shows the marks before it."

_ROSTER, _LATE, _RULE, _RUBRIC = "roster.csv", "late.csv", "late-rule.json", "rubric.yaml"


@dataclass(frozen=True)
class Changes:
    """What to remember from now on."""

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    """Contents by name; None takes the file away."""

    def make(self, out: Path) -> None:
        """Write them into ``out``, each whole or not at all. Raises StoreError."""
        from grader.store.files import StoreError, whole

        try:
            for name, content in self.files.items():
                if content is None:
                    (out / name).unlink(missing_ok=True)
                elif _content(out / name) != content:
                    with whole(out / name) as file:
                        file.write(content)
        except OSError as error:
            raise StoreError(
                f"{display(str(out), limit=300)} cannot be written ({error.strerror}): "
                "make room or change its permissions"
            ) from error


def given(*, roster: Path | None = None, late: Path | None = None, rule: LateRule | None = None) -> Changes:
    """What the command line gave, read and found good; a path called ``none`` forgets. Raises ListError."""
    files: dict[str, bytes | None] = {}
    if roster is not None:
        files[_ROSTER] = None if str(roster) == NONE else _checked(roster, read_roster)
    if late is not None:
        files[_LATE] = None if str(late) == NONE else _checked(late, read_late)
        if str(late) == NONE:
            files[_RULE] = None
    if rule is not None:
        values = {name: str(getattr(rule, name)) for name in _NUMBERS}
        files[_RULE] = json.dumps(values, indent=1).encode() + b"\n"
    return Changes(files)


def with_rubric(changes: Changes, rubric: Rubric) -> Changes:
    """The same, and the rubric's file, unless it was changed since it was loaded."""
    import hashlib

    content = _content(rubric.path)
    if content is None or hashlib.sha256(content).hexdigest() != rubric.sha256:
        return changes
    return Changes({**changes.files, _RUBRIC: content})


def recall_roster(out: Path) -> tuple[Student, ...]:
    """The roster that ``out`` remembers. Raises ListError when it was spoilt since."""
    return read_roster(out / _ROSTER) if (out / _ROSTER).exists() else ()


def remembers_lateness(out: Path) -> bool:
    """Whether ``out`` has a list of who was late."""
    return (out / _LATE).exists()


def recall_lateness(out: Path, assignments: Mapping[str, Assignment]) -> Lateness | None:
    """Who was late, and what it costs by ``out`` or else by the rubric. Raises ListError when it was spoilt since."""
    if not remembers_lateness(out):
        return None
    hours = read_late(out / _LATE)
    if (rule := _recall_rule(out)) is not None:
        return Lateness(hours, rule)
    return Lateness(hours, LateRule(), {id: one.late for id, one in assignments.items() if one.late is not None})


def recall_rubric(out: Path, named: Path | None = None) -> Rubric:
    """The rubric that is named, else the one that ``out`` was graded by, else what ships. Raises RubricError."""
    from grader.marking.rubric_file import load
    from reference.shipped import shipped

    kept = out / _RUBRIC
    return load(named or (kept if kept.exists() else shipped("rubric.yaml")))


_NUMBERS = ("grace_hours", "percent_a_day", "cap_percent")


def _recall_rule(out: Path) -> LateRule | None:
    content = _content(out / _RULE)
    if content is None:
        return None
    with suppress(ValueError, TypeError, KeyError, ZeroDivisionError, RecursionError):
        values = json.loads(content)
        if all(len(values[name]) <= 40 for name in _NUMBERS):
            return LateRule(*(Fraction(values[name]) for name in _NUMBERS))
    raise ListError(
        f"{display(str(out / _RULE), limit=300)} was not written by 'gradebook summary': delete it and give the "
        "rule anew"
    )


def _checked(path: Path, read: object) -> bytes:
    assert callable(read)
    read(path)  # bounds its size as well
    content = _content(path)
    if content is None:
        raise ListError(f"{display(str(path), limit=300)} cannot be read: check its path")
    return content


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
