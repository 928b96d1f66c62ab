"""What a reports folder remembers about its cohort: roster, lateness, deadline, picked files, and the rubric.

    DIR/roster.csv, DIR/late.csv   the lists as they were given
    DIR/picks.csv                  which file of a student counts, where a person said so
    DIR/due.txt                    the deadline, for the times that the learning platform says
    DIR/late-rule.json             what lateness costs, if the command line says so in place of the rubric
    DIR/rubric.yaml                the rubric
    DIR/.applied-rubric.yaml       the rubric by which the gradebook was written last

Every later run and ``gradebook summary`` uses them, so the gradebook keeps its columns and its marks. ``none`` in place
of a file makes the folder forget it, and so does deleting it; the rubric is then the one that comes with the grader.
``rubric.yaml`` may be edited where it is. What differs from the rubric that was applied is said before it is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from grader.display import display
from grader.gradebook.lateness import Lateness, due_time, read_late
from grader.gradebook.lists import ListError, Student, read_roster
from grader.gradebook.picks import read_picks, to_csv
from grader.marking.late import LateRule
from grader.store.rows import Rows

if TYPE_CHECKING:
    from grader.marking.rubric import Assignment, Rubric

__all__ = [
    "BEFORE_LATENESS",
    "NONE",
    "Changes",
    "applied",
    "given",
    "picked",
    "recall_lateness",
    "recall_picks",
    "recall_roster",
    "recall_rubric",
    "refuse_unknown_mistakes",
    "what_changes",
    "with_rubric",
]


NONE = "none"
"""In place of a file: forget the one that was given before."""

BEFORE_LATENESS = (
    "Lateness costs points here. The gradebook takes them off; the grader's reports show the marks before."
)

_ROSTER, _LATE, _DUE, _RULE, _RUBRIC = "roster.csv", "late.csv", "due.txt", "late-rule.json", "rubric.yaml"
_PICKS = "picks.csv"
_APPLIED = ".applied-rubric.yaml"
_MOST_CHANGES = 20
"""Changes of a rubric that are told one by one."""
_NUMBERS = ("grace_hours", "percent_a_day", "cap_percent")
"""The fields of a ``LateRule``, as ``late-rule.json`` has them."""
_MOST_DIGITS = 40


@dataclass(frozen=True)
class Changes:
    """What a reports folder is to remember from now on."""

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    """Contents by name; None removes the file."""

    def make(self, out: Path) -> None:
        """Write them into ``out``, each whole or not at all. Raises StoreError."""
        from grader.store.files import StoreError, atomic_file

        try:
            for name, content in self.files.items():
                if content is None:
                    (out / name).unlink(missing_ok=True)
                elif _content(out / name) != content:
                    with atomic_file(out / name) as file:
                        file.write(content)
        except OSError as error:
            raise StoreError(
                f"{display(str(out), limit=300)} cannot be written ({error.strerror}): "
                "make room or change its permissions"
            ) from error


def given(
    *, roster: Path | None = None, late: Path | None = None, due: str | None = None, rule: LateRule | None = None
) -> Changes:
    """What the command line gives, once it is read and checked. ``none`` forgets. Raises ListError."""
    files: dict[str, bytes | None] = {}
    if roster is not None:
        files[_ROSTER] = None if str(roster) == NONE else _checked_content(roster, read_roster)
    if late is not None:
        files[_LATE] = None if str(late) == NONE else _checked_content(late, read_late)
        if str(late) == NONE:
            files[_RULE] = None
    if due is not None:
        files[_DUE] = None if due == NONE else f"{due_time(due).isoformat()}\n".encode()
    if rule is not None:
        values = {name: str(getattr(rule, name)) for name in _NUMBERS}
        files[_RULE] = json.dumps(values, indent=1).encode() + b"\n"
    return Changes(files)


def picked(out: Path, *, picks: Path | None, one_by_one: Mapping[str, tuple[str, ...]]) -> Picked:
    """Which files count from now on: those that ``out`` remembers, or those of a list in their place.

    For a student that is named ``one_by_one``, these files count and no others. A list called ``none`` forgets all.
    Raises ListError.
    """
    if picks is None:
        files = recall_picks(out)
    else:
        files = {} if str(picks) == NONE else read_picks(picks)
    named = {student.casefold() for student in one_by_one}
    files = {student: own for student, own in files.items() if student.casefold() not in named} | {**one_by_one}
    content = to_csv(files) if files else None
    changes = {} if picks is None and not one_by_one else {_PICKS: content}
    return Picked(files, Changes(changes))


@dataclass(frozen=True)
class Picked:
    """Which files count, where a person said so."""

    files: Mapping[str, tuple[str, ...]]
    """By the student's id."""
    changes: Changes
    """What the reports folder is to remember of it."""


def with_rubric(changes: Changes, rubric: Rubric) -> Changes:
    """The same, with the rubric's file, unless that was changed since it was loaded."""
    return Changes({**changes.files, **_file_of(rubric, _RUBRIC)})


def applied(rubric: Rubric) -> Changes:
    """The rubric is that by which the gradebook was written."""
    return Changes(_file_of(rubric, _APPLIED))


def _file_of(rubric: Rubric, name: str) -> dict[str, bytes]:
    """The content of a rubric's file under another name, unless it was changed since it was loaded."""
    content = _content(rubric.path)
    return {name: content} if content is not None and hashlib.sha256(content).hexdigest() == rubric.sha256 else {}


def what_changes(out: Path, rubric: Rubric, *, one: bool = False) -> Iterator[str]:
    """What another rubric than that of the reports in ``out`` changes, in sentences; none where it is the same.

    ``one``: only one report is made by it. Nothing is written.
    """
    from grader.marking.changes import changes
    from grader.marking.rubric import RubricError
    from grader.marking.rubric_file import load

    path = next((out / name for name in (_APPLIED, _RUBRIC) if (out / name).exists()), None)
    if path is None:
        return
    try:
        old = load(path)
    except RubricError:
        yield "the rubric of the reports cannot be read any more, so what changes cannot be said: see the marks"
        return
    lines = [] if old.sha256 == rubric.sha256 else [*changes(old, rubric)]
    if not lines:
        return
    which = "this report is marked by" if one else "the reports are marked by"
    yield f"{which} another rubric than before; {len(lines):,} differences:"
    yield from lines[:_MOST_CHANGES]
    if len(lines) > _MOST_CHANGES:
        yield f"and {len(lines) - _MOST_CHANGES:,} more"


def refuse_unknown_mistakes(out: Path, rubric: Rubric) -> None:
    """Raises RubricError where a rubric gives a share to a mistake that the reference does not know.

    Only those are looked up that neither the rubric applied last names nor a report: the reference takes a second to
    import.
    """
    from grader.marking.rubric import RubricError
    from grader.marking.rubric_file import load

    named = set(rubric.mistake_lines)
    if named and (out / _APPLIED).exists():
        with suppress(RubricError):
            named -= load(out / _APPLIED).mistake_lines.keys()
    if not named or not named - _mistakes_made(out):
        return
    from grader.checks.mistakes import unknown_mistake

    if unknown := unknown_mistake(rubric):
        raise RubricError(f"{display(rubric.path.name)}, {unknown}")


def _mistakes_made(out: Path) -> set[tuple[str, str]]:
    """The mistakes in the reports, each as the assignment and the id."""
    with Rows(out, lambda problem: None) as rows:
        return {(row.assignment, made.mistake) for row in rows for made in row.criteria if made.mistake is not None}


def recall_roster(out: Path) -> tuple[Student, ...]:
    """The roster that ``out`` remembers. Raises ListError when it was damaged since."""
    return read_roster(out / _ROSTER) if (out / _ROSTER).exists() else ()


def recall_picks(out: Path) -> dict[str, tuple[str, ...]]:
    """The files that ``out`` remembers as picked, by student. Raises ListError when the list was damaged since."""
    return read_picks(out / _PICKS) if (out / _PICKS).exists() else {}


def recall_lateness(out: Path, assignments: Mapping[str, Assignment]) -> Lateness | None:
    """Who was late, and what it costs: by the rule that ``out`` remembers, or else by the rubric's.

    None where ``out`` remembers neither list nor deadline. Raises ListError when what it remembers was damaged since.
    """
    if not (out / _LATE).exists() and not (out / _DUE).exists():
        return None
    hours = read_late(out / _LATE) if (out / _LATE).exists() else {}
    due = _content(out / _DUE)
    deadline = None if due is None else due_time(due[:_MOST_DIGITS].decode("ascii", "replace").strip())
    if (rule := _recall_rule(out)) is not None:
        return Lateness(hours, rule, due=deadline)
    rules = {id: assignment.late for id, assignment in assignments.items() if assignment.late is not None}
    return Lateness(hours, LateRule(), rules, deadline)


def recall_rubric(out: Path, named: Path | None = None) -> Rubric:
    """The rubric ``named``, or else the one that ``out`` remembers, or else the one that comes with the grader.

    The name ``none`` stands for the last of these. Raises RubricError.
    """
    from grader.marking.rubric import RubricError
    from grader.marking.rubric_file import load
    from reference.shipped import shipped

    remembered = out / _RUBRIC
    if named is not None and str(named) != NONE:
        return load(named)
    if named is not None or not remembered.exists():
        return load(shipped("rubric.yaml"))
    try:
        return load(remembered)
    except RubricError as fault:
        raise RubricError(
            f"{fault}; this is the rubric that {display(str(out), limit=300)} remembers: mend it, or give --rubric "
            "another file, or none for the one that comes with the grader"
        ) from None


def _recall_rule(out: Path) -> LateRule | None:
    content = _content(out / _RULE)
    if content is None:
        return None
    with suppress(ValueError, TypeError, KeyError, ZeroDivisionError, RecursionError):
        values = json.loads(content)
        if all(len(values[name]) <= _MOST_DIGITS for name in _NUMBERS):
            return LateRule(*(Fraction(values[name]) for name in _NUMBERS))
    raise ListError(
        f"{display(str(out / _RULE), limit=300)} was not written by 'gradebook summary': delete it and give the "
        "rule again"
    )


def _checked_content(path: Path, read: Callable[[Path], object]) -> bytes:
    """The content of a list that ``read`` accepts. Raises ListError."""
    read(path)  # this bounds its size too
    content = _content(path)
    if content is None:
        raise ListError(f"{display(str(path), limit=300)} cannot be read: check its path")
    return content


def _content(path: Path) -> bytes | None:
    """None for a file that cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None
