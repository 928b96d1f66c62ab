"""The final lines of a folder of reports: the grader's marks and people's, merged, one line per student."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from grader.display import counted, display
from grader.gradebook.inputs import recall_lateness, recall_picks, recall_roster, recall_rubric
from grader.gradebook.lists import Student as Listed
from grader.gradebook.roster import People
from grader.marking.basis import marks_part
from grader.marking.rounding import RoundRule
from grader.marks.events import Kind, Standing, standing_in
from grader.marks.line import FinalLine, Student
from grader.marks.totals import HandInTotal, final_line, hand_in_total, late_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.gradebook.lateness import Lateness
    from grader.marking.rubric import Assignment
    from grader.report.rows import Row
    from grader.store.rows import Rows

__all__ = ["Finals", "finals_of"]


_MOST_NAMED = 5
"""Marks that one sentence names."""


class Finals:
    """The final lines of all reports of a folder. It can be iterated again and again, not twice at the same time."""

    def __init__(self, rows: Rows, people: People, standing: Standing, assignments: Mapping[str, Assignment]) -> None:
        """``people`` have met none of ``rows`` yet."""
        self.rows = rows
        self.people = people
        self.standing = standing
        self.assignments = assignments
        self._rubrics = {id: marks_part(assignment) for id, assignment in assignments.items()}
        self._met: set[str] = set()
        for row in rows.heads():
            self._met.add(row.id)
            if row.folder not in rows.gone:
                people.meet(row)

    def __iter__(self) -> Iterator[FinalLine]:
        """One line per student of each hand-in that is still there, in the order of the reports' folders."""
        for row in self.present():
            yield from self.lines(self.total(row))

    def present(self) -> Iterator[Row]:
        """The rows of the hand-ins that are still there."""
        return (row for row in self.rows if row.folder not in self.rows.gone)

    def total(self, row: Row) -> HandInTotal:
        """A hand-in with people's decisions."""
        return hand_in_total(row, self.standing.of(row.id))

    def rubric_of(self, row: Row) -> str:
        """A hash over the rubric's part by which a row is marked."""
        return self._rubrics.get(row.assignment, "")

    def lines(self, total: HandInTotal) -> tuple[FinalLine, ...]:
        """One line per student of a hand-in."""
        row = total.row
        settled = self.people.members(row.id)
        members = settled or (Listed(row.id, "", ""),)
        assignment = self.assignments.get(row.assignment)
        lateness = self.people.lateness
        return tuple(
            final_line(
                total,
                self._student(member, doubtful=not settled),
                group=tuple(each.id for each in members)
                if len(members) > 1 or (settled and self.people.is_group(row.id))
                else (),
                late=late_line(
                    self.people.hours(row.id, member), self.standing.of(member.id), lateness.rule_of(row.assignment)
                )
                if lateness
                else None,
                rounding=assignment.rounding if assignment else RoundRule(),
            )
            for member in members
        )

    def _student(self, listed: Listed, *, doubtful: bool) -> Student:
        known = not doubtful and self.people.on_roster(listed.id) is not None
        return Student(listed.id, listed.name, listed.email, listed.own, known, doubtful)

    def odd(self) -> Iterator[str]:
        """Sentences about marks that a person must look at."""
        if adrift := self.adrift:
            yield (
                f"people have marked {counted(len(adrift), 'hand-in')} of which there is no report any more "
                f"({_some(adrift)}): these marks are kept, and count again when the report is there"
            )
        earlier: list[str] = []
        above: list[str] = []
        for row in self.present():
            for unconfirmed in self.total(row).unconfirmed:
                (above if unconfirmed.above_maximum else earlier).append(f"{row.id} {unconfirmed.event.criterion}")
        if earlier:
            yield (
                f"{counted(len(earlier), 'mark was', 'marks were')} given for an earlier hand-in ({_some(earlier)}): "
                "look at each, and confirm it with 'gradebook confirm'"
            )
        if above:
            yield (
                f"{counted(len(above), 'mark is', 'marks are')} above what the rubric gives now ({_some(above)}): "
                "change each, or confirm it with 'gradebook confirm'"
            )

    @property
    def adrift(self) -> tuple[str, ...]:
        """Ids of the hand-ins that people have marked and that have no report any more."""
        about_hand_ins = {Kind.POINTS, Kind.COMMENT, Kind.FLAG, Kind.DEDUCTION}
        return tuple(
            subject
            for subject, slots in self.standing.events.items()
            if subject not in self._met and any(kind in about_hand_ins for kind, _ in slots)
        )


def _some(texts: Sequence[str]) -> str:
    shown = ", ".join(display(text, limit=80) for text in texts[:_MOST_NAMED])
    return shown + (", …" if len(texts) > _MOST_NAMED else "")


@contextmanager
def finals_of(
    out: Path,
    problem: Callable[[str], None],
    *,
    roster: Sequence[Listed] | None = None,
    lateness: Lateness | None = None,
    assignments: Mapping[str, Assignment] | None = None,
) -> Iterator[Finals]:
    """The final lines of the reports in ``out``.

    ``roster``, ``lateness`` and ``assignments`` (the rubric's) are those that ``out`` remembers, unless they are given.
    ``problem`` gets a sentence about each report that cannot be read. Raises StoreError; and ListError or RubricError
    where what ``out`` remembers was damaged.
    """
    from grader.store.rows import Rows

    assignments = recall_rubric(out).assignments if assignments is None else assignments
    roster = recall_roster(out) if roster is None else roster
    lateness = recall_lateness(out, assignments) if lateness is None else lateness
    standing = standing_in(out)
    chosen = {
        subject: event.value
        for subject, slots in standing.events.items()
        if (event := slots.get((Kind.HAND_IN, ""))) is not None
    }
    with Rows(out, problem, assignments) as rows:
        yield Finals(rows, People(roster, lateness, recall_picks(out), chosen), standing, assignments)
