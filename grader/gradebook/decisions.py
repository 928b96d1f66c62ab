"""What a person decides about marks that are there: to confirm them, to resolve a flag, to choose a hand-in."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from grader.display import display
from grader.gradebook.final import Finals
from grader.gradebook.lists import ListError
from grader.gradebook.marks_file import Folder
from grader.marks.events import Entry, Kind, Version
from grader.marks.line import FinalLine
from grader.marks.totals import RESOLVED
from grader.suggest import did_you_mean

__all__ = ["choice_for", "confirmations", "flag_entries", "hand_ins_of"]


REOPENED = "open"


def hand_ins_of(finals: Finals, students: Collection[str]) -> list[FinalLine]:
    """A line of each hand-in that belongs to one of ``students``, or of every one. Raises ListError."""
    folder = Folder(finals)
    if not students:
        return [lines[0] for lines in folder.lines.values()]
    return list({line.hand_in: line for student in students for line in folder.lines_of(student)}.values())


def confirmations(finals: Finals, lines: Collection[FinalLine]) -> Iterator[Entry]:
    """Marks that were given for something else, confirmed for what is there now."""
    rows = {row.id: row for row in finals.present()}
    for line in lines:
        row = rows.get(line.hand_in)
        for criterion in line.criteria:
            if row is None or (unconfirmed := criterion.unconfirmed) is None:
                continue
            event = unconfirmed.event
            yield Entry(
                Kind.POINTS,
                line.hand_in,
                criterion.id,
                event.points,
                comment=event.comment,
                reason=event.reason,
                version=Version(row.sha256, finals.rubric_of(row), criterion.max_points),
                refers=event.refers or event.id,
                seen=event.id,
            )


def flag_entries(finals: Finals, lines: Collection[FinalLine], kind: str, *, word: str | None) -> Iterator[Entry]:
    """Flags of a kind (or all, where it is empty), resolved with a word or, without one, opened again.

    Raises ListError where there is no such flag.
    """
    versions = {row.id: Version(row.sha256, finals.rubric_of(row)) for row in finals.present()}
    matching = False
    for line in lines:
        for flag in line.flags:
            if kind not in ("", flag.kind, flag.key):
                continue
            matching = True
            if (flag.resolved is None) == (word is None):
                continue
            stands = finals.standing.get(line.hand_in, Kind.FLAG, flag.key)
            yield Entry(
                Kind.FLAG,
                line.hand_in,
                flag.key,
                value=REOPENED if word is None else RESOLVED,
                comment=word or "",
                version=versions.get(line.hand_in, Version()),
                seen=stands.id if stands else None,
            )
    if not matching:
        kinds = sorted({flag.kind for line in lines for flag in line.flags})
        named = f" of the kind '{display(kind, limit=60)}'" if kind else ""
        raise ListError(f"there is no flag{named}: the flags are {', '.join(kinds) or 'none'}")


def choice_for(finals: Finals, student: str, hand_in: str) -> Entry:
    """The hand-in that counts for a student who is in several. Raises ListError."""
    doubtful = {listed.id.casefold(): (listed.id, reports) for listed, reports in finals.people.doubtful}
    ids = [row.id for row in finals.present()]
    if hand_in not in ids:
        near = did_you_mean(hand_in, ids, otherwise="check the id")
        raise ListError(f"there is no hand-in '{display(hand_in, limit=60)}': {near}")
    chosen = {
        subject: event.value
        for subject, slots in finals.standing.events.items()
        if (event := slots.get((Kind.HAND_IN, ""))) is not None
    }
    if student.casefold() in doubtful:
        id, reports = doubtful[student.casefold()]
        if hand_in not in reports:
            named = ", ".join(display(report, limit=60) for report in reports)
            raise ListError(f"'{display(id, limit=60)}' is in {named}: choose one of these")
    elif student in chosen:
        id = student
    else:
        raise ListError(f"'{display(student, limit=60)}' is not in several hand-ins, so there is nothing to choose")
    stands = finals.standing.get(id, Kind.HAND_IN)
    return Entry(Kind.HAND_IN, id, value=hand_in, seen=stands.id if stands else None)
