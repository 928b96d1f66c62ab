"""What another rubric changes, in sentences: said before it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from fractions import Fraction

from grader.marking.basis import bases, holds
from grader.marking.rubric import Assignment, Criterion, Part, Rubric

__all__ = ["changes"]


_BY_ITSELF = ("id", "parts", "mistakes")
"""The fields of an assignment and of a criterion that are compared piece by piece, or stand in the sentence."""


def changes(old: Rubric, new: Rubric) -> Iterator[str]:
    """One line for each thing that differs, the assignments of the new rubric first."""
    for id, assignment in new.assignments.items():
        if id in old.assignments:
            yield from (f"{id}, {line}" for line in _assignment(old.assignments[id], assignment))
        else:
            yield f"{id}: the assignment is new"
    yield from (f"{id}: the assignment is gone" for id in old.assignments if id not in new.assignments)


def _assignment(old: Assignment, new: Assignment) -> Iterator[str]:
    yield from _fields(old, new, "")
    for mistake in dict.fromkeys((*old.mistakes, *new.mistakes)):
        shares = [_share(assignment.mistakes, mistake) for assignment in (old, new)]
        if shares[0] != shares[1]:
            yield f"{mistake}: the share is {shares[0]} → {shares[1]}"
    yield from _members({part.id: part for part in old.parts}, {part.id: part for part in new.parts}, "part ")
    before_by_id, now_by_id = ({criterion.id: criterion for criterion in rubric.criteria} for rubric in (old, new))
    yield from _members(before_by_id, now_by_id, "")
    before_in, now_in = (
        {criterion.id: part.id for part in rubric.parts for criterion in part.criteria} for rubric in (old, new)
    )
    for id, part in now_in.items():
        if before_in.get(id, part) != part:
            yield f"{id}: the part is {before_in[id]} → {part}"
    before, now = bases(old), bases(new)
    again = [id for id, basis in now.items() if not holds(before.get(id, ""), basis)]
    if again:
        yield f"to be examined again: {', '.join(again)}"


def _members(old: Mapping[str, Part | Criterion], new: Mapping[str, Part | Criterion], kind: str) -> Iterator[str]:
    for id, member in new.items():
        if id in old:
            yield from _fields(old[id], member, f"{kind}{id}: ")
        else:
            yield f"{kind}{id}: is new"
    yield from (f"{kind}{id}: is gone" for id in old if id not in new)


def _fields(old: Assignment | Part | Criterion, new: Assignment | Part | Criterion, what: str) -> Iterator[str]:
    for field in fields(new):
        before, now = getattr(old, field.name), getattr(new, field.name)
        if field.name not in (*_BY_ITSELF, "criteria") and before != now:
            yield f"{what}{field.name} {_text(before)} → {_text(now)}"


def _share(mistakes: Mapping[str, Fraction], mistake: str) -> str:
    return _text(mistakes[mistake]) if mistake in mistakes else "the grader's own"


def _text(value: object) -> str:
    if isinstance(value, Fraction):
        return f"{float(value):g}"
    if isinstance(value, tuple):
        return ", ".join(map(_text, value)) or "none"
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "__dataclass_fields__"):
        return ", ".join(f"{field.name} {_text(getattr(value, field.name))}" for field in fields(value))  # type: ignore[arg-type]
    return str(value)
