"""The commands of ``gradebook`` for the marks of people: take them in, show their history, and decide about them."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from grader.display import counted, display
from grader.export.figures import decimal
from grader.gradebook.lists import ListError
from grader.marks.events import Entry, Event, Kind, Marks

if TYPE_CHECKING:
    from grader.gradebook.final import Finals

__all__ = ["add_commands"]


_ZERO = Fraction(0)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the parser of ``gradebook``; each sets ``run``."""
    marks = _command(commands, "marks", _marks, "take in marks from a CSV, XLSX or YAML file, all or none", by=True)
    marks.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="with the columns id, criterion and points (and comment, reason), or with a column for each criterion, as "
        "gradebook.csv has them",
    )
    marks.add_argument("--reason", default="", metavar="TEXT", help="why marks differ from the grader's, where they do")
    marks.add_argument("--dry-run", action="store_true", help="say what would be taken, and take nothing")

    history = _command(commands, "history", _history, "show who decided what and when")
    history.add_argument("student", metavar="STUDENT", nargs="?", help="a student or hand-in (default: all)")

    undo = _command(commands, "undo", _undo, "take back what was decided; that can be undone too", by=True)
    undo.add_argument("number", metavar="NUMBER", type=int, help="its number in the history")
    undo.add_argument("--reason", default="", metavar="TEXT", help="why")

    confirm = _command(
        commands,
        "confirm",
        _confirm,
        "confirm marks that were given for an earlier hand-in, or are above what the rubric gives now",
        by=True,
    )
    confirm.add_argument("student", metavar="STUDENT", nargs="*", help="students or hand-ins (default: all)")

    flag = _command(commands, "flag", _flag, "resolve what the grader flagged, with a word, or open it again", by=True)
    flag.add_argument("student", metavar="STUDENT", nargs="*", help="students or hand-ins (default: all)")
    flag.add_argument("--kind", default="", metavar="KIND", help="flags of this kind only, such as late")
    decision = flag.add_mutually_exclusive_group(required=True)
    decision.add_argument("--resolve", metavar="WORD", help="what was decided")
    decision.add_argument("--reopen", action="store_true", help="it is not settled after all")

    choose = _command(commands, "choose", _choose, "say which of several hand-ins counts for a student", by=True)
    choose.add_argument("student", metavar="STUDENT")
    choose.add_argument("hand_in", metavar="HAND-IN")

    backup = _command(commands, "backup", _backup, "write a whole copy of the database of marks")
    backup.add_argument("--out", dest="target", metavar="FILE", type=Path, help="default: DIR/marks-TIME.sqlite")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: object,
    help: str,
    *,
    by: bool = False,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    parser.add_argument("out", metavar="DIR", type=Path, help="folder of reports")
    if by:
        parser.add_argument("--by", metavar="NAME", help="who decides (default: the user of this machine)")
    parser.set_defaults(run=run)
    return parser


def _marks(options: argparse.Namespace) -> int:
    """``gradebook marks``."""
    from grader.gradebook.marks_file import read_marks

    with _finals(options.out) as finals:
        taken = read_marks(options.file, finals, reason=options.reason)
    if taken.ignored:
        print(f"Not read: {', '.join(display(heading, limit=60) for heading in taken.ignored)}.")
    replacing = f", {taken.replacing:,} of them in place of the grader's points" if taken.replacing else ""
    what = (
        f"{counted(len(taken.entries), 'new entry', 'new entries')} for {counted(taken.hand_ins, 'hand-in')}{replacing}"
    )
    known = f"{counted(taken.unchanged, 'cell says', 'cells say')} what is known."
    if options.dry_run:
        print(f"Would take {what}; {known}")
        return 0
    _add(options, taken.entries)
    print(f"Taken: {what}; {known}")
    return 0


def _history(options: argparse.Namespace) -> int:
    """``gradebook history``."""
    from grader.marks.database import MARKS
    from grader.store.rows import check_reports

    check_reports(options.out)
    if not (options.out / MARKS).exists():
        print("Nobody has decided anything yet.")
        return 0
    subjects: list[str | None] = [None]
    if options.student is not None:
        subjects = [*_subjects(options.out, options.student)]
    with Marks(options.out) as marks:
        events = sorted(
            {event.id: event for subject in subjects for event in marks.history(subject)}.values(),
            key=lambda event: event.id,
        )
        undone = {id for subject in {event.subject for event in events} for id in marks.undone(subject)}
    for event in events:
        print(_line(event, event.id in undone))
    if not events:
        print("Nobody has decided anything about this student yet.")
    return 0


def _subjects(out: Path, student: str) -> Iterator[str]:
    """What events about a student are about: the hand-ins, the student, and the name itself."""
    from grader.gradebook.decisions import hand_ins_of

    yield student
    with _finals(out) as finals:
        try:
            for line in hand_ins_of(finals, [student]):
                yield line.hand_in
                yield line.student.id
        except ListError:
            if student not in finals.standing.events:
                raise


def _line(event: Event, undone: bool) -> str:
    """One event: ``12  2026-11-29T00:02:03.000+00:00  bob: alice manual.a1 = 1.5 of 2 points "well put"``."""
    what = {
        Kind.POINTS: _given(event),
        Kind.DEDUCTION: f"−{decimal(event.points or _ZERO)}",
        Kind.EXTENSION: f"extension {decimal(event.points or _ZERO)} h",
        Kind.TOKENS: f"tokens {decimal(event.points or _ZERO)}",
        Kind.UNDO: f"undoes {event.refers}",
    }.get(event.kind, f"{event.kind.value} {event.value}".strip())
    pieces = [
        f"{event.id:>5}",
        event.at[:19] + "Z",
        f"{display(event.by, limit=60)}:",
        display(event.subject, limit=80),
    ]
    pieces += [display(event.criterion, limit=80)] if event.criterion else []
    pieces.append(display(what, limit=200))
    if event.kind is Kind.POINTS and event.refers is not None:
        pieces.append(f"(confirms what {display(event.given_by, limit=60)} gave)")
    if event.version.sha256:
        pieces.append(f"for hand-in {event.version.sha256[:8]}")
    if event.comment:
        pieces.append(f'"{display(event.comment, limit=200)}"')
    if event.reason:
        pieces.append(f"because: {display(event.reason, limit=200)}")
    if undone:
        pieces.append("[undone]")
    return " ".join(pieces)


def _given(event: Event) -> str:
    """The points of an event: ``= 1.5 of 2 points``."""
    if event.points is None:
        return "taken back"
    most = event.points if event.version.maximum is None else event.version.maximum
    of = "" if event.version.maximum is None else f" of {decimal(most)}"
    return f"= {decimal(event.points)}{of} point{'' if most == 1 else 's'}"


def _undo(options: argparse.Namespace) -> int:
    """``gradebook undo``."""
    with _finals(options.out):
        pass
    with Marks(options.out) as marks:
        id = marks.undo(options.number, by=_who(options), reason=options.reason)
    _write_again(options.out)
    print(f"Event {options.number} is undone; 'gradebook undo' with {id} brings it back.")
    return 0


def _confirm(options: argparse.Namespace) -> int:
    """``gradebook confirm``."""
    from grader.gradebook.decisions import confirmations, hand_ins_of

    with _finals(options.out) as finals:
        entries = [*confirmations(finals, hand_ins_of(finals, options.student))]
    _add(options, entries)
    print(f"Confirmed: {counted(len(entries), 'mark')}.")
    return 0


def _flag(options: argparse.Namespace) -> int:
    """``gradebook flag``."""
    from grader.gradebook.decisions import flag_entries, hand_ins_of

    if options.resolve is not None and not options.resolve.strip():
        raise ListError("--resolve needs a word about what was decided")
    with _finals(options.out) as finals:
        lines = hand_ins_of(finals, options.student)
        entries = [*flag_entries(finals, lines, options.kind, word=options.resolve)]
    _add(options, entries)
    print(f"{'Opened again' if options.reopen else 'Resolved'}: {counted(len(entries), 'flag')}.")
    return 0


def _choose(options: argparse.Namespace) -> int:
    """``gradebook choose``."""
    from grader.gradebook.decisions import choice_for

    with _finals(options.out) as finals:
        entry = choice_for(finals, options.student, options.hand_in)
    _add(options, [entry])
    print(f"For {display(entry.subject, limit=60)} counts {display(entry.value, limit=60)}.")
    return 0


def _backup(options: argparse.Namespace) -> int:
    """``gradebook backup``."""
    from grader.marks.database import MARKS, MarksError
    from grader.store.rows import check_reports

    check_reports(options.out)
    if not (options.out / MARKS).exists():
        raise MarksError("there are no marks of people yet, so there is nothing to copy")
    target = options.target or options.out / f"marks-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}.sqlite"
    with Marks(options.out) as marks:
        marks.back_up(target)
        count = len(marks.history())
    print(f"Written: {display(str(target), limit=300)}, with {counted(count, 'event')}, and checked.")
    return 0


def _finals(out: Path) -> AbstractContextManager[Finals]:
    """The final lines of a folder of reports. Raises StoreError where it is none."""
    from grader.gradebook.final import finals_of
    from grader.store.rows import check_reports

    check_reports(out)
    return finals_of(out, lambda sentence: None)


def _add(options: argparse.Namespace, entries: Iterable[Entry]) -> None:
    """Put entries on record, and write the gradebook again."""
    entries = list(entries)
    if entries:
        with Marks(options.out) as marks:
            marks.add(entries, by=_who(options))
    _write_again(options.out)


def _write_again(out: Path) -> None:
    from grader.gradebook.summary import summarise

    summarise(out, problem=lambda sentence: print(f"gradebook: {sentence}", file=sys.stderr))


def _who(options: argparse.Namespace) -> str:
    """Who decides. Raises ListError where nobody says."""
    if options.by is not None:
        name = str(options.by).strip()
    else:
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            name = ""
    if not name:
        raise ListError("nobody knows who you are: say it with --by NAME")
    return name
