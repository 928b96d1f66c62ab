"""Events have a history, can be undone, and never replace what somebody did not see."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import pytest

from grader.marks.database import MARKS, MarksError
from grader.marks.events import Entry, Kind, Marks, Version, standing_in

A1 = Entry(
    Kind.POINTS, "alice", "manual.a1", Fraction(1, 3), comment="short", reason="seen", version=Version("ab", "cd")
)


def points(out: Path) -> Fraction | None:
    event = standing_in(out).get("alice", Kind.POINTS, "manual.a1")
    return event.points if event else None


def test_an_event_is_read_back_as_it_was(tmp_path: Path) -> None:
    entry = replace(
        A1,
        comment="<b>x</b> \x1b[31m =HYPERLINK(1) \u202e’\n“",
        version=Version("ab" * 32, "cd", Fraction(5, 7)),
        token="t",
    )
    at = datetime(2026, 11, 29, 1, 2, 3, tzinfo=timezone(timedelta(hours=1)))
    with Marks(tmp_path) as marks:
        (id,) = marks.add([entry], by="bob", at=at)
        event = marks.event(id)
    assert event is not None
    assert {name: getattr(event, name) for name in vars(entry) if name != "seen"} == {
        name: value for name, value in vars(entry).items() if name != "seen"
    }
    assert (event.at, event.by, event.given_by) == ("2026-11-29T00:02:03.000+00:00", "bob", "bob")


def test_without_a_database_nothing_stands_and_none_is_made(tmp_path: Path) -> None:
    assert standing_in(tmp_path).of("alice") == {}
    assert not (tmp_path / MARKS).exists()


def test_the_last_event_of_a_slot_stands(tmp_path: Path) -> None:
    with Marks(tmp_path) as marks:
        marks.add([A1, replace(A1, points=Fraction(2)), replace(A1, subject="bob", points=Fraction(5))], by="bob")
        assert len(marks.history("alice")) == 2
    assert points(tmp_path) == 2


def test_an_undo_lets_the_event_before_stand_and_can_be_undone(tmp_path: Path) -> None:
    with Marks(tmp_path) as marks:
        first, second = marks.add([A1, replace(A1, points=Fraction(2))], by="bob")
        undo = marks.undo(second, by="alice", reason="the wrong student")
        assert points(tmp_path) == Fraction(1, 3)
        marks.undo(first, by="alice")
        assert points(tmp_path) is None
        marks.undo(undo, by="alice")
        assert points(tmp_path) == 2
        assert [event.kind.value for event in marks.history("alice")] == ["points"] * 2 + ["undo"] * 3
        assert marks.undone("alice") == {first, undo}


def test_what_is_undone_cannot_be_undone_again(tmp_path: Path) -> None:
    with Marks(tmp_path) as marks:
        (id,) = marks.add([A1], by="bob")
        marks.undo(id, by="bob")
        with pytest.raises(MarksError, match=f"event {id} is undone already"):
            marks.undo(id, by="bob")
        with pytest.raises(MarksError, match="there is no event 99"):
            marks.undo(99, by="bob")


def test_a_token_is_taken_once(tmp_path: Path) -> None:
    entry = replace(A1, token="one")
    with Marks(tmp_path) as marks:
        assert marks.add([entry], by="bob") == marks.add([entry], by="bob")
        assert len(marks.history()) == 1


def test_a_mark_that_nobody_saw_is_not_replaced(tmp_path: Path) -> None:
    with Marks(tmp_path) as marks:
        (id,) = marks.add([replace(A1, seen=None)], by="alice")
        with pytest.raises(MarksError, match=r"not as it was shown: alice has decided it at 2.*decide again"):
            marks.add([replace(A1, points=Fraction(2), seen=None)], by="bob")
        marks.add([replace(A1, points=Fraction(2), seen=id)], by="bob")
    assert points(tmp_path) == 2


def test_of_several_entries_all_are_added_or_none(tmp_path: Path) -> None:
    with Marks(tmp_path) as marks:
        with pytest.raises(MarksError, match="must have fewer digits"):
            marks.add([A1, replace(A1, points=Fraction(10**30))], by="bob")
        assert marks.history() == []


def test_whoever_confirms_a_mark_did_not_give_it(tmp_path: Path) -> None:
    with Marks(tmp_path) as marks:
        (id,) = marks.add([A1], by="alice")
        marks.add([replace(A1, refers=id, version=Version("ef", "cd"))], by="bob")
        event = marks.standing().get("alice", Kind.POINTS, "manual.a1")
    assert event is not None
    assert (event.by, event.given_by, event.version.sha256) == ("bob", "alice", "ef")
