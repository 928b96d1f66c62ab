"""``python -m bench --marks``: marks of people and their exports, for 3,000 students with 30 criteria each.

Half of the criteria are the grader's and half are people's. What a saved mark takes is mostly the disk's: it is on the
disk when it is acknowledged, so the cost of one ``fsync`` stands beside it.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from grader.export.gathering import gathered
from grader.export.targets import TARGETS
from grader.export.writing import write_file, write_folder
from grader.gradebook.final import Finals, finals_of
from grader.gradebook.summary import summarise
from grader.intake import Found, StoredFile
from grader.marking.basis import marks_part
from grader.marking.late import LateRule
from grader.marking.rounding import RoundRule
from grader.marking.rubric import Assignment, Criterion, Part
from grader.marking.sheet import mark
from grader.marking.verdicts import Verdict, partial
from grader.marks.events import Entry, Kind, Marks, Version
from grader.marks.line import Stage
from grader.report import Report, Run
from grader.report.as_json import to_json
from grader.report.files import from_files
from grader.store.folder import Store
from grader.store.keys import report_key

__all__ = ["MarkFigures", "measure_marks", "to_text"]


STUDENTS, CRITERIA = 3_000, 30
_SHA = "3f" * 32
_SAVED = 300
"""Marks that are saved one by one."""


@dataclass(frozen=True)
class MarkFigures:
    """What was measured, in seconds."""

    students: int
    fsync: float
    """Median of one ``fsync`` of a file that got 4 kB."""
    saved: float
    """Median of one mark, saved while the database holds those of all students."""
    saved_95: float
    """What 95 of 100 marks take at most."""
    imported: float
    """All marks of all students at once."""
    totals: float
    """The final lines of all students after a change of the rubric."""
    gradebook: float
    """``gradebook.csv`` and ``index.html`` after a change of the rubric."""
    exports: Mapping[str, float]
    """Every export, by its target."""


def measure_marks(students: int = STUDENTS) -> MarkFigures:
    """Measure in a temporary folder, whose disk is the one that counts."""
    with tempfile.TemporaryDirectory(prefix="bench-marks-") as name:
        out = Path(name) / "reports"
        _say(f"{students:,} reports with {CRITERIA} criteria")
        before = _assignment(points=Fraction(1))
        _write_reports(out, students, before)
        fsync = _fsync(Path(name))
        with Marks(out) as marks:
            _say("all marks at once")
            entries = list(_entries(students, before))
            imported = _seconds(lambda: marks.add(entries, by="bench"))
            _say("marks one by one")
            times = [
                _seconds(lambda entry=entry: marks.add([replace(entry, points=Fraction(1, 3))], by="bench"))  # type: ignore[misc]
                for entry in entries[:: max(1, len(entries) // _SAVED)][:_SAVED]
            ]
        _say("totals after a change of the rubric")
        after = {before.id: _assignment(points=Fraction(2))}
        totals = min(_seconds(lambda: _totals(out, after)) for _ in range(3))
        gradebook = _seconds(lambda: summarise(out, assignments=after, problem=lambda sentence: None))
        exports = {}
        for target in TARGETS:
            _say(f"export to {target}")
            exports[target] = _seconds(lambda target=target: _export(out, target, Path(name), students))  # type: ignore[misc]
    return MarkFigures(
        students=students,
        fsync=fsync,
        saved=statistics.median(times),
        saved_95=statistics.quantiles(times, n=20)[-1],
        imported=imported,
        totals=totals,
        gradebook=gradebook,
        exports=exports,
    )


def to_text(figures: MarkFigures) -> str:
    """The figures as they are shown, each beside its limit."""
    rows = (
        ("one fsync", figures.fsync * 1_000, "ms", ""),
        ("a mark, saved (median)", figures.saved * 1_000, "ms", "10 ms"),
        ("a mark, saved (95 of 100)", figures.saved_95 * 1_000, "ms", ""),
        (f"{figures.students * CRITERIA // 2:,} marks at once", figures.imported, "s", ""),
        ("totals after a change of the rubric", figures.totals, "s", "2 s"),
        ("gradebook.csv and index.html after it", figures.gradebook, "s", ""),
        *((f"export to {target}", seconds, "s", "5 s") for target, seconds in figures.exports.items()),
    )
    lines = [f"{figures.students:,} students, {CRITERIA} criteria each:"]
    lines += [
        f"  {what:<40}{value:>9.2f} {unit:<3}{f'at most {most}' if most else ''}".rstrip()
        for what, value, unit, most in rows
    ]
    return "\n".join(lines) + "\n"


def _export(out: Path, target: str, folder: Path, students: int) -> None:
    """One export, with a platform's file of all students where it takes one."""
    rows = range(students)
    sheets = {
        "canvas": ["Student,ID,SIS Login ID,Section,A (1)", *(f"S,{70_000 + row},student{row:04},1," for row in rows)],
        "moodle": [
            "Identifier,Full name,ID number,Grade,Maximum Grade,Last modified (grade)",
            *(f"Participant {70_000 + row},S,student{row:04},,30.00,-" for row in rows),
        ],
        "blackboard": ["Username,A [Total Pts: 30 Score] |1", *(f"student{row:04}," for row in rows)],
    }
    fill = None
    if target in sheets:
        fill = folder / f"{target}.csv"
        fill.write_text("\n".join(sheets[target]) + "\n", "utf-8")
    export = gathered(out, fill=fill, problem=lambda sentence: None)
    if TARGETS[target].folder:
        write_folder(folder / target, TARGETS[target].files(export))
    else:
        ((_, content),) = TARGETS[target].files(export)
        write_file(folder / target, content)


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def _seconds(do: Callable[[], object]) -> float:
    begin = time.perf_counter()
    do()
    return time.perf_counter() - begin


def _fsync(folder: Path) -> float:
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 4_096)
            times.append(_seconds(lambda: os.fsync(file.fileno())))
    return statistics.median(times)


def _totals(out: Path, assignments: dict[str, Assignment]) -> int:
    """All lines, by a rubric that the reports were not made by."""
    with finals_of(out, lambda sentence: None, assignments=assignments) as finals:
        _check(finals)
        return sum(line.stage is Stage.MARKED for line in finals)


def _check(finals: Finals) -> None:
    line = next(iter(finals))
    assert line.max_score == CRITERIA // 2 * 3, line.max_score


def _assignment(points: Fraction) -> Assignment:
    """Half of the criteria examined, with these points each, and half of them marked by people."""
    half = CRITERIA // 2
    automatic = tuple(Criterion(f"n{place}.shapes", "T", points, "shapes", "", (), False) for place in range(half))
    manual = tuple(Criterion(f"manual.q{place}", "T", Fraction(1), None, "", (), False) for place in range(half))
    parts = (Part("a", "A", half * points, False, automatic), Part("m", "M", Fraction(half), False, manual))
    rule = LateRule(percent_a_day=Fraction(10))
    return Assignment(
        "bench", "Bench", ("a.py",), ("a.pdf",), ("pool-first",), parts, {}, rule, RoundRule(Fraction(1, 2))
    )


def _verdicts(assignment: Assignment, student: int) -> Iterator[Verdict]:
    """Half of the students are right everywhere; the others have verdicts that hardly anybody shares."""
    chance = random.Random(student)
    right = student % 2 == 0
    for criterion in assignment.criteria:
        if criterion.check:
            yield partial(criterion.id, Fraction(1) if right else Fraction(chance.randrange(5), 4), "Seen.")


def _write_reports(out: Path, students: int, assignment: Assignment) -> None:
    marks = marks_part(assignment)
    run = Run("1", 1, "cpu", "none", "2", 0.1, "2026-11-21T00:00:00Z", _SHA, {})
    with Store(out) as store, suppress(KeyboardInterrupt):
        for number in range(students):
            found = Found(f"student{number:04}", f"student{number:04}", ())
            key = report_key(found=found, sha256=_SHA, assignment=assignment.id, settings="", marks=marks)
            report = Report(
                submission_id=found.id,
                sha256=_SHA,
                files=(StoredFile("a.py", 1, _SHA),),
                assignment_id=assignment.id,
                assignment_title=assignment.title,
                detected="",
                code_files=("a.py",),
                sheet=mark(assignment, _verdicts(assignment, number)),
                flags=(),
                left_out=(),
                remarks=(),
                output="",
                run=replace(run, details={"key": key}),
            )
            files = {"report.html": b"", "feedback.md": b"", "report.json": to_json(report).encode()}
            store.save(found, from_files(files, folder=found.folder), None)


def _entries(students: int, assignment: Assignment) -> Iterator[Entry]:
    version = Version(_SHA, marks_part(assignment), Fraction(1))
    for number in range(students):
        for place in range(CRITERIA // 2):
            points = Fraction((number + place) % 9, 8)
            yield Entry(
                Kind.POINTS, f"student{number:04}", f"manual.q{place}", min(points, Fraction(1)), version=version
            )
