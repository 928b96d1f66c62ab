"""Events: who decided what, when, and for which version of the hand-in and of the rubric. They are only ever added.

An event of a *slot* (its kind, its subject and its criterion) replaces the one before it in that slot, and an ``undo``
takes an event back, so that the one before it stands again. An undo is an event too, and can be undone. The database
keeps which event stands in each slot, so that thousands need not be worked out from their histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import TracebackType

from grader.display import display
from grader.marks.database import MARKS, MarksError, back_up, opened, writing

__all__ = ["NOBODY_SEEN", "Entry", "Event", "Kind", "Marks", "Standing", "Version", "standing_in"]


class Kind(str, Enum):
    """What an event is about."""

    POINTS = "points"
    """The points of a criterion; without points the grader's count again. Subject: a hand-in."""
    COMMENT = "comment"
    """A comment for the student, on a criterion or, with an empty criterion, on the whole. Subject: a hand-in."""
    FLAG = "flag"
    """A flag is ``resolved`` with a word, or ``open`` again; see ``flag_key``. Subject: a hand-in."""
    DEDUCTION = "deduction"
    """Points taken off the whole, such as for ``neatness``. Subject: a hand-in."""
    EXTENSION = "extension"
    """Hours by which a student's deadline is later. Subject: a student."""
    TOKENS = "tokens"
    """Grace tokens that a student uses. Subject: a student."""
    HAND_IN = "hand-in"
    """Which of several hand-ins counts for a student. Subject: a student."""
    RELEASE = "release"
    """What a student was given. Subject: a hand-in."""
    UNDO = "undo"
    """The event that it refers to does not count."""


NOBODY_SEEN = -1
"""In ``Entry.seen``: whoever decides has not looked at what stands."""


@dataclass(frozen=True)
class Version:
    """For what a mark was given."""

    sha256: str = ""
    """Hash of the hand-in's contents."""
    rubric: str = ""
    """Hash of the assignment's part of the rubric."""
    maximum: Fraction | None = None
    """The criterion's points in that rubric."""


@dataclass(frozen=True)
class Entry:
    """What somebody decides."""

    kind: Kind
    subject: str
    """Id of a hand-in, which is the id of its report; or of a student."""
    criterion: str = ""
    """Id of a criterion, key of a flag, or name of a deduction."""
    points: Fraction | None = None
    value: str = ""
    comment: str = ""
    """For the student."""
    reason: str = ""
    """Why a mark differs from the grader's."""
    version: Version = Version()
    refers: int | None = None
    """The event that is undone, or the mark that is confirmed for this version."""
    token: str | None = None
    """Given by whoever may try again: a second event with the same token is not added."""
    seen: int | None = NOBODY_SEEN
    """The event that stood in the slot when the decision was made, None for none."""


@dataclass(frozen=True)
class Event(Entry):
    """What somebody decided."""

    id: int = 0
    at: str = ""
    """ISO 8601, UTC."""
    by: str = ""
    given_by: str = ""
    """Who gave the points; somebody else than ``by`` where they were confirmed."""


@dataclass(frozen=True)
class Standing:
    """All that stands, by subject and slot."""

    events: Mapping[str, Mapping[tuple[Kind, str], Event]] = field(default_factory=dict)

    def of(self, subject: str) -> Mapping[tuple[Kind, str], Event]:
        """What stands about one subject, by kind and criterion."""
        return self.events.get(subject, {})

    def get(self, subject: str, kind: Kind, criterion: str = "") -> Event | None:
        """What stands in one slot."""
        return self.of(subject).get((kind, criterion))


_COLUMNS = (
    "e.id, e.at, e.by, e.kind, e.subject, e.criterion, e.numerator, e.denominator, e.value, e.comment, e.reason, "
    "e.sha256, e.rubric, e.maximum, e.refers, e.token, coalesce(g.by, e.by)"
)
_FROM = "FROM event e LEFT JOIN event g ON g.id = e.refers AND e.kind = 'points'"
_LARGEST = 2**53
"""Numerators and denominators are smaller, so that sums of thousands fit into SQLite's integers."""


class Marks:
    """The database of a folder of reports; a context manager. Several processes may write at the same time."""

    def __init__(self, out: Path) -> None:
        """Open it, and make it where there is none. Raises MarksError."""
        self._out = out
        self._connection = opened(out)

    def __enter__(self) -> Marks:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def add(self, entries: Iterable[Entry], *, by: str, at: datetime | None = None) -> list[int]:
        """Add events, all or none; they are on the disk when this returns. Their ids, in order.

        Raises MarksError; also where somebody else has decided in the meantime.
        """
        when = (at or datetime.now(timezone.utc)).astimezone(timezone.utc).isoformat(timespec="milliseconds")
        with writing(self._connection, self._out):
            return [self._add(entry, by, when) for entry in entries]

    def _add(self, entry: Entry, by: str, at: str) -> int:
        if entry.token is not None:
            known = self._connection.execute("SELECT id FROM event WHERE token = ?", (entry.token,)).fetchone()
            if known:
                return int(known[0])
        if entry.seen != NOBODY_SEEN:
            self._refuse_unseen(entry)
        points, version = entry.points, entry.version
        if points is not None and max(abs(points.numerator), points.denominator) >= _LARGEST:
            raise MarksError(f"points must have fewer digits, were {display(str(points), limit=40)}")
        cursor = self._connection.execute(
            "INSERT INTO event (token, at, by, kind, subject, criterion, numerator, denominator, value, comment, "
            "reason, sha256, rubric, maximum, refers) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.token,
                at,
                _text(by),
                entry.kind.value,
                _text(entry.subject),
                entry.criterion,
                None if points is None else points.numerator,
                None if points is None else points.denominator,
                _text(entry.value),
                _text(entry.comment),
                _text(entry.reason),
                version.sha256,
                version.rubric,
                "" if version.maximum is None else str(version.maximum),
                entry.refers,
            ),
        )
        id = cursor.lastrowid
        assert id is not None
        if entry.kind is Kind.UNDO:
            self._stand_anew(entry)
        else:
            self._connection.execute(
                "INSERT INTO standing VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET event = excluded.event",
                (_text(entry.subject), entry.kind.value, entry.criterion, id),
            )
        return id

    def _refuse_unseen(self, entry: Entry) -> None:
        """Raises MarksError where another event stands than the one that was seen."""
        found = self._connection.execute(
            "SELECT e.id, e.by, e.at FROM standing s JOIN event e ON e.id = s.event "
            "WHERE s.subject = ? AND s.kind = ? AND s.criterion = ?",
            (_text(entry.subject), entry.kind.value, entry.criterion),
        ).fetchone()
        stands, by, at = found or (None, "", "")
        if stands != entry.seen:
            who = f"{display(by, limit=60)} has decided it at {at}" if found else "it was undone"
            raise MarksError(
                f"{entry.criterion or entry.kind.value} of {display(entry.subject, limit=60)} is not as it was shown: "
                f"{who}; look at it, and decide again"
            )

    def undo(self, id: int, *, by: str, reason: str = "") -> int:
        """Take an event back. The id of the event that does it. Raises MarksError where that event does not count."""
        event = self.event(id)
        if event is None:
            raise MarksError(f"there is no event {id}: 'gradebook history' lists them with their numbers")
        if id in _undone(self.history(event.subject)):
            raise MarksError(f"event {id} is undone already")
        undo = Entry(Kind.UNDO, event.subject, event.criterion, reason=reason, refers=id)
        return self.add([undo], by=by)[0]

    def _stand_anew(self, undo: Entry) -> None:
        """Work out from the histories of a subject what stands in the slot of an event that was undone."""
        history = self._events("WHERE e.subject = ? ORDER BY e.id", (_text(undo.subject),))
        by_id = {event.id: event for event in history}
        target = by_id[undo.refers or 0]
        while target.kind is Kind.UNDO:
            target = by_id[target.refers or 0]
        undone = _undone(history)
        slot = (target.kind, target.criterion)
        alive = [event.id for event in history if (event.kind, event.criterion) == slot and event.id not in undone]
        place = (_text(undo.subject), target.kind.value, target.criterion)
        if alive:
            self._connection.execute("INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?)", (*place, alive[-1]))
        else:
            self._connection.execute("DELETE FROM standing WHERE subject = ? AND kind = ? AND criterion = ?", place)

    def event(self, id: int) -> Event | None:
        """One event."""
        return next(iter(self._events("WHERE e.id = ?", (id,))), None)

    def history(self, subject: str | None = None) -> list[Event]:
        """All events about a subject, or all that there are, in the order in which they were added."""
        if subject is None:
            return self._events("ORDER BY e.id", ())
        return self._events("WHERE e.subject = ? ORDER BY e.id", (_text(subject),))

    def undone(self, subject: str) -> frozenset[int]:
        """Ids of the events about a subject that do not count, because they were undone."""
        return frozenset(_undone(self.history(subject)))

    def standing(self) -> Standing:
        """All that stands now."""
        events: dict[str, dict[tuple[Kind, str], Event]] = {}
        for event in self._events("JOIN standing s ON s.event = e.id", ()):
            events.setdefault(event.subject, {})[event.kind, event.criterion] = event
        return Standing(events)

    def back_up(self, target: Path) -> None:
        """Write a whole copy of the database. Raises MarksError."""
        back_up(self._connection, target)

    def _events(self, rest: str, values: tuple[object, ...]) -> list[Event]:
        return [_event(*row) for row in self._connection.execute(f"SELECT {_COLUMNS} {_FROM} {rest}", values)]


def standing_in(out: Path) -> Standing:
    """What stands in a folder of reports; nothing where nobody has decided anything. Raises MarksError."""
    if not (out / MARKS).exists():
        return Standing()
    with Marks(out) as marks:
        return marks.standing()


def _undone(history: Sequence[Event]) -> set[int]:
    """Ids of the events that do not count. An undo can be undone, so the last ones decide."""
    undone: set[int] = set()
    for event in reversed(history):
        if event.kind is Kind.UNDO and event.id not in undone and event.refers is not None:
            undone.add(event.refers)
    return undone


def _event(
    id: int,
    at: str,
    by: str,
    kind: str,
    subject: str,
    criterion: str,
    numerator: int | None,
    denominator: int | None,
    value: str,
    comment: str,
    reason: str,
    sha256: str,
    rubric: str,
    maximum: str,
    refers: int | None,
    token: str | None,
    given_by: str,
) -> Event:
    return Event(
        kind=_KINDS[kind],
        subject=subject,
        criterion=criterion,
        points=None if numerator is None or denominator is None else _fraction(numerator, denominator),
        value=value,
        comment=comment,
        reason=reason,
        version=_version(sha256, rubric, maximum),
        refers=refers,
        token=token,
        id=id,
        at=at,
        by=by,
        given_by=given_by,
    )


_KINDS = {kind.value: kind for kind in Kind}


@lru_cache(maxsize=10_000)
def _fraction(numerator: int, denominator: int) -> Fraction:
    # Cached, as is the next one: thousands of marks have few different ones.
    return Fraction(numerator, denominator)


@lru_cache(maxsize=10_000)
def _version(sha256: str, rubric: str, maximum: str) -> Version:
    return Version(sha256, rubric, Fraction(maximum) if maximum else None)


def _text(text: str) -> str:
    """Text as SQLite takes it: without lone surrogates, which file names that are not UTF-8 have."""
    return text.encode("utf-8", "backslashreplace").decode()
