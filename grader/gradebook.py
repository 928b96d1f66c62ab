"""The gradebook: all reports of a folder as ``gradebook.csv`` and ``index.html``; and the ``gradebook`` command.

The CSV is UTF-8 without a byte order mark. Excel would like one, but scripts and the import forms of learning
platforms come first: to them a mark is part of the first heading, and ``id`` is not found. In Excel, open it by *Data,
From Text/CSV*.

Exit status of the command: 0 done, 2 bad input, with a sentence. Torch is never imported.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from grader import __version__
from grader.display import display
from grader.late import Lateness, LateRule
from grader.lists import ListError, Student
from grader.people import Matching, shared_prefix
from grader.remembered import (
    BEFORE_LATENESS,
    given,
    recall_lateness,
    recall_roster,
    recall_rubric,
    remembers_lateness,
)
from grader.report.numbers import points

if TYPE_CHECKING:
    from grader.report.rows import Row
    from grader.report.tally import Tally
    from grader.rubric import Assignment
    from grader.store import Rows

__all__ = ["Overview", "main", "neutral", "summarise", "table", "write_csv"]


@dataclass(frozen=True)
class Overview:
    """What a gradebook shows as a whole."""

    tally: Tally
    missing: tuple[Student, ...]
    """Those of the roster of whom there is no report."""


def summarise(
    out: Path,
    *,
    roster: Sequence[Student] | None = None,
    lateness: Lateness | None = None,
    assignments: Mapping[str, Assignment] | None = None,
    problem: Callable[[str], None],
) -> Overview:
    """Write ``gradebook.csv`` and ``index.html`` over all reports in ``out``, each whole or not at all.

    ``roster``, ``lateness`` and ``assignments`` (the rubric's) are those that ``out`` remembers, unless given.
    Memory does not grow with the number of reports, but for the roster. What is odd about a report or a list becomes a
    sentence to ``problem``, and so is what a person has changed in either file, which is kept beside it. Reports whose
    submission is gone are marked in the CSV and count nowhere. Raises StoreError; ListError and RubricError where what
    ``out`` remembers was spoilt.
    """
    from grader.report.as_index import Late, to_index
    from grader.report.tally import Tally
    from grader.store import Rows, StoreError, whole_again

    assignments = recall_rubric(out).assignments if assignments is None else assignments
    roster = recall_roster(out) if roster is None else roster
    lateness = recall_lateness(out, assignments) if lateness is None else lateness
    with Rows(out, problem) as rows:
        people = _People(roster, lateness)
        tally = Tally()
        of_gone: dict[str, None] = {}
        for row in rows:
            if row.folder in rows.gone:
                of_gone |= dict.fromkeys(one.id for one in row.criteria)
                continue
            tally.add(row)
            people.meet(row)
        # In the rubric's order, one assignment after the other.
        criteria = (
            *dict.fromkeys(id for one in tally.assignments.values() for id in one.criteria),
            *(id for id in of_gone if not any(id in one.criteria for one in tally.assignments.values())),
        )
        for sentence in (*people.odd(), *_odd(tally, rows)):
            problem(sentence)
        try:
            with whole_again(out / "gradebook.csv", problem) as file:
                write_csv(file, rows, criteria, people=people, gone=rows.gone)
            with whole_again(out / "index.html", problem) as file:
                absent = [(student.id, student.name) for student in people.missing]

                def late(row: Row) -> Late | None:
                    hours = people.hours(row.id)
                    return None if hours is None else Late(hours, people.penalty(row))

                pieces = to_index(
                    _Present(rows), tally, rubric=assignments, name_of=people.name, missing=absent,
                    late_of=None if lateness is None else late,
                )  # fmt: skip
                for piece in pieces:
                    file.write(piece.encode())
        except OSError as error:
            raise StoreError(
                f"the gradebook in {display(str(out), limit=300)} cannot be written ({error.strerror}): "
                "make room or change the permissions, and call 'gradebook summary' on it"
            ) from error
    return Overview(tally, people.missing)


class _Present:
    """The reports whose submission is still there; iterable again and again."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        return (row for row in self._rows if row.folder not in self._rows.gone)


def _odd(tally: Tally, rows: Rows) -> Iterator[str]:
    """Sentences about the reports as a whole."""
    if gone := sorted(rows.gone):
        some = ", ".join(display(folder, limit=60) for folder in gone[:5]) + (", …" if len(gone) > 5 else "")
        yield (
            f"{len(gone):,} reports are of submissions that are no longer there ({some}): gradebook.csv marks them as "
            "gone, and they count nowhere; delete their folders, or hand in again"
        )
    if len(tally.assignments) > 1:
        several = ", ".join(display(id, limit=40) for id in sorted(tally.assignments))
        yield f"the reports are of several assignments ({several}): unless that is meant, give each an --out of its own"


class _People:
    """Names and lateness by the ids of reports."""

    def __init__(self, roster: Sequence[Student] = (), lateness: Lateness | None = None) -> None:
        self.known = bool(roster)
        own = dict.fromkeys(heading for student in roster for heading in student.own)
        self.columns = tuple(heading for heading in own if heading not in ("id", "roster_id", "name", "email"))
        """Headings of the roster that the gradebook does not have itself."""
        self.lateness = lateness
        self._met: dict[str, tuple[str, ...]] = {}
        self._roster = roster
        self._late: Matching | None = None

    def meet(self, row: Row) -> None:
        """Take note of a report; all are met before the first question."""
        if self.known or self.lateness is not None:
            self._met[row.id] = row.known_as

    @cached_property
    def _on_roster(self) -> Matching:
        matching = Matching(self._roster)
        for id, known_as in self._known_as.items():
            matching.meet(id, known_as)
        return matching

    @cached_property
    def _known_as(self) -> Mapping[str, tuple[str, ...]]:
        """What else is known of the students met, by the ids of their reports."""
        prefix = shared_prefix([id for id, known_as in self._met.items() if not known_as])
        rest = len(prefix)
        return {id: known_as or ((id[rest:],) if rest else ()) for id, known_as in self._met.items()}

    def students(self, id: str) -> tuple[Student, ...]:
        return self._on_roster.of(id)

    def name(self, id: str) -> str:
        return _together(student.name for student in self.students(id))

    def cells(self, students: Sequence[Student]) -> dict[str, str]:
        """What the roster says of one student, or of a group."""
        cells = {column: _together(one.own.get(column, "") for one in students) for column in self.columns}
        cells |= {"roster_id": _together(one.id for one in students), "name": _together(one.name for one in students)}
        return cells | {"email": _together(one.email for one in students)}

    def hours(self, id: str) -> Fraction | None:
        """Of a group, the latest."""
        if self.lateness is None:
            return None
        return max((self.lateness.hours[one.id] for one in self._on_late().of(id)), default=None)

    def _on_late(self) -> Matching:
        """The list of lateness may go by any of the keys that the roster has of a student."""
        if self._late is None:
            self._late = Matching(Student(id, id, "") for id in (self.lateness.hours if self.lateness else ()))
            for id, known_as in self._known_as.items():
                further = [(one.id, *one.also, one.email, one.name) for one in self.students(id)]
                self._late.meet(id, (*known_as, *(key for keys in further for key in keys)))
        return self._late

    def penalty(self, row: Row) -> Fraction:
        """Points that lateness takes from a report's score."""
        if self.lateness is None:
            return Fraction(0)
        return self.lateness.penalty(row.assignment, row.score, self.hours(row.id))

    @property
    def missing(self) -> tuple[Student, ...]:
        """Who is on the roster and was not met, in the roster's order."""
        return self._on_roster.unmatched

    def odd(self) -> Iterator[str]:
        """Sentences about what does not match."""
        strangers = sum(not self.students(id) for id in self._met) if self.known else 0
        if strangers:
            yield f"{strangers:,} of {len(self._met):,} reports are of nobody on the roster and stay without a name"
        for what, matching in (("roster", self._on_roster), ("list of lateness", self._on_late())):
            if doubtful := matching.doubtful:
                yield f"{_some(doubtful)} on the {what} may have any of several reports: none was taken for theirs"
        if absent := sorted(self._on_late().unmatched, key=lambda one: one.id):
            yield f"{len(absent):,} on the list of lateness have no report: {_some(absent)}"


def _together(texts: Iterable[str]) -> str:
    return ", ".join(filter(None, texts))


def _some(students: Sequence[Student]) -> str:
    return ", ".join(display(one.id, limit=60) for one in students[:5]) + (", …" if len(students) > 5 else "")


def write_csv(
    file: BinaryIO,
    rows: Iterable[Row],
    criteria: Sequence[str],
    *,
    people: _People | None = None,
    gone: Collection[str] = (),
) -> None:
    """``gradebook.csv``: a line a submission, then one for each student on the roster of whom there is none.

    Columns: id (the report's, or the roster's where there is none); with a roster its id as roster_id, name, email and
    its own columns of ids and names, so that its platform knows the lines again; assignment, status, score; with
    lateness score_before_late, late_hours and late_penalty; max_score, pending_points, flags (their number); of every
    criterion of every assignment here its points and ``<criterion>:outcome``; seconds. A cell of points is empty while
    they are open, and where the assignment does not have the criterion. ``criteria`` are the ids of all of them;
    ``gone`` are the folders of reports whose submission is no longer there.
    """
    people = people or _People()
    heading = [
        "id",
        *(["roster_id", "name", "email", *people.columns] if people.known else []),
        "assignment",
        "status",
        "score",
    ]
    heading += ["score_before_late", "late_hours", "late_penalty"] if people.lateness else []
    heading += ["max_score", "pending_points", "flags"]
    heading += [column for id in criteria for column in (id, f"{id}:outcome")]
    heading.append("seconds")
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, heading, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = _cells(row, people) | ({"status": "gone"} if row.folder in gone else {})
        writer.writerow({column: neutral(cell) for column, cell in cells.items()})
    for student in people.missing:
        cells = {"id": student.id, **people.cells([student]), "status": "missing"}
        writer.writerow({column: neutral(cell) for column, cell in cells.items()})
    text.detach()


def _cells(row: Row, people: _People) -> dict[str, str]:
    cells = {
        "id": row.id,
        "assignment": row.assignment,
        "status": row.status,
        "score": points(row.score),
        "max_score": points(row.max_score),
        "pending_points": points(row.pending_points),
        "flags": str(len(row.flags)),
        "seconds": f"{row.seconds:.3f}",
    }
    if people.known:
        cells |= people.cells(people.students(row.id))
    if people.lateness is not None:
        hours, penalty = people.hours(row.id), people.penalty(row)
        cells |= {
            "score": points(row.score - penalty),
            "score_before_late": points(row.score),
            "late_hours": "" if hours is None else points(hours),
            "late_penalty": points(penalty),
        }
    for one in row.criteria:
        cells[one.id] = "" if one.open else points(one.points)
        cells[f"{one.id}:outcome"] = one.outcome.value
    return cells


def neutral(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, without control characters.

    What begins with ``= + - @`` (as wide characters too), a tab or a carriage return gets an apostrophe in front, which
    spreadsheets take for *text follows*. Line ends and tabs become spaces; whatever else cannot be seen is written out,
    as everywhere.
    """
    if text.isascii() and text.isprintable() and text.lstrip()[:1] not in _FORMULA:
        return text  # nearly every cell: points and outcomes
    spaced = "".join(" " if character in _SPACES else character for character in text)
    kept = "".join(character for character in spaced if unicodedata.category(character) != "Cc")
    shown = display(kept, limit=max(200, 10 * len(kept)))
    risky = text[:1] in ("\t", "\r") or shown.lstrip()[:1] in _FORMULA
    return f"'{shown}" if risky and shown else shown


_FORMULA = tuple("=+-@＝＋－＠")
_SPACES = "\t\n\r\x0b\x0c\x85\u2028\u2029"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status comes back."""
    from grader.rubric import RubricError
    from grader.store import StoreError

    options = _parser().parse_args(arguments)
    try:
        return _summary(options)
    except (ListError, RubricError, StoreError) as wrong:
        print(f"gradebook: {wrong}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gradebook: Stopped. Nothing was changed.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # else Python complains about the pipe once more
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gradebook", description="Work on a folder of reports by grade.")
    parser.add_argument("--version", action="version", version=f"gradebook {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    summary = commands.add_parser("summary", help="make gradebook.csv and index.html anew, and print a short table")
    add = summary.add_argument
    add("out", metavar="DIR", type=Path, help="folder of reports")
    kept = "the folder remembers it until 'none' is given"
    add(
        "--roster",
        metavar="FILE",
        type=Path,
        help=f"CSV with id, name and email: names, and who handed nothing in; {kept}",
    )
    add(
        "--late",
        metavar="FILE",
        type=Path,
        help=f"CSV with the columns id and hours_late, or id, submitted and due; {kept}",
    )
    for option, kind, what in (
        ("--grace", _number, "hours given to everyone (default: 0)"),
        ("--percent-a-day", _percent, "percent of the score that each begun day takes (default: 0, none)"),
        ("--cap", _percent, "most that lateness takes, in percent of the score (default: 100)"),
    ):
        add(option, metavar="N", type=kind, help=f"in place of the rubric's rule for lateness: {what}")
    add("--rubric", metavar="FILE", type=Path, help="rubric with the notes for markers (default: the one graded by)")
    return parser


def _number(text: str) -> Fraction:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,4})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"must be a number such as 1.5, was {text!r}")
    return Fraction(text)


def _percent(text: str) -> Fraction:
    if (percent := _number(text)) > 100:
        raise argparse.ArgumentTypeError(f"must be 0 to 100, was {text!r}")
    return percent


def _summary(options: argparse.Namespace) -> int:
    from grader.store import check_reports

    changes = given(roster=options.roster, late=options.late, rule=_rule(options))
    check_reports(options.out)
    changes.make(options.out)
    assignments = recall_rubric(options.out, options.rubric).assignments
    overview = summarise(
        options.out,
        assignments=assignments,
        problem=lambda sentence: print(f"gradebook: {sentence}", file=sys.stderr),
    )
    for line in table(overview):
        print(line)
    if remembers_lateness(options.out):
        print(BEFORE_LATENESS)
    print(f"Written: {display(str(options.out / 'gradebook.csv'))} and {display(str(options.out / 'index.html'))}")
    return 0


def _rule(options: argparse.Namespace) -> LateRule | None:
    """The rule that the command line gives, None where it gives none."""
    parts = {"grace_hours": options.grace, "percent_a_day": options.percent_a_day, "cap_percent": options.cap}
    said = {name: value for name, value in parts.items() if value is not None}
    if not said:
        return None
    if (options.late is None and recall_lateness(options.out, {}) is None) or str(options.late) == "none":
        raise ListError("--grace, --percent-a-day and --cap need the list of who was late: add --late FILE")
    return LateRule(**said)


def table(overview: Overview) -> Iterator[str]:
    """The overview in lines of text."""
    tally = overview.tally
    yield f"{'assignment':<16}{'reports':>8}{'mean':>9}"
    for one in sorted(tally.assignments.values(), key=lambda one: one.id):
        mean = "–" if one.mean is None else f"{float(one.mean):.1f} %"
        yield f"{display(one.id, limit=15):<16}{one.count:>8,}{mean:>9}{', bonus points aside' if one.bonus else ''}"
    counts = {
        "graded": tally.states["graded"],
        "need review": tally.states["needs_review"],
        "could not be graded": tally.states["ungradable"],
        "with a grader error": tally.in_error,
        "handed nothing in": len(overview.missing),
    }
    yield ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "no reports"


if __name__ == "__main__":
    sys.exit(main())
