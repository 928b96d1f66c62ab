"""What a report says of each criterion, for targets that show it: read from ``report.json`` alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from grader.display import display, display_block
from grader.export.figures import decimal
from grader.export.records import ExportError
from grader.marking.verdicts import Outcome
from grader.marks.line import CriterionLine, FinalLine, Stage
from grader.reports_folder import REPORT
from grader.store.files import display_path

__all__ = ["CriterionText", "ReportText", "on_the_whole", "read_report_text", "said", "sums"]


_MOST_LINES = 40
_LONGEST = 2_000


@dataclass(frozen=True)
class CriterionText:
    """One criterion, as text that can be shown."""

    title: str
    feedback: str
    seconds: float


@dataclass(frozen=True)
class ReportText:
    """One report, as text that can be shown."""

    criteria: Mapping[str, CriterionText] = field(default_factory=dict)
    """By the criterion's id."""
    seconds: float = 0.0
    started: str = ""
    files: tuple[str, ...] = ()
    """Paths of the code that was examined, as they were handed in."""

    def of(self, id: str) -> CriterionText:
        """What is said of a criterion; nothing but its id where the report does not have it."""
        return self.criteria.get(id) or CriterionText(id, "", 0.0)


def read_report_text(folder: Path) -> ReportText:
    """What the report in a folder says. Raises ExportError where it is not one."""
    try:
        document = json.loads((folder / REPORT).read_bytes())
        run = document["run"]
        return ReportText(
            {
                str(criterion["id"]): CriterionText(
                    display(str(criterion["title"]), limit=300),
                    display_block(str(criterion["feedback"]), lines=_MOST_LINES, limit=_LONGEST),
                    float(criterion["seconds"]),
                )
                for criterion in document["criteria"]
            },
            float(run["seconds"]),
            str(run["started"]),
            tuple(str(path) for path in document["submission"]["code_files"]),
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise ExportError(f"{display_path(folder / REPORT)} cannot be read: 'grade' makes it again") from None


def said(line: CriterionLine, text: CriterionText) -> str:
    """What a student is told of a criterion: the grader's feedback, and what a person says."""
    sentences = []
    if line.points is None and line.outcome is Outcome.ERROR:
        sentences.append("The grader failed here. That costs nothing; a person looks at it.")
    elif line.points is None:
        sentences.append("A person has still to mark this.")
    elif line.examined is not None and text.feedback:
        sentences.append(text.feedback)
    if line.overridden:
        sentences.append(f"A person gave {decimal(line.points or Fraction(0))} points here.")
    if line.comment:
        sentences.append(display_block(line.comment, lines=_MOST_LINES, limit=_LONGEST))
    return "\n".join(sentences)


def on_the_whole(line: FinalLine) -> str:
    """The mark and all that it is made of, in sentences."""
    most = decimal(line.max_score)
    if line.status == "ungradable" and line.stage is Stage.EXAMINED:
        sentences = ["There was no code to examine. A person decides."]
    elif line.stage is Stage.EXAMINED:
        sentences = [f"{decimal(line.mark)} of {most} points so far; this is not the final mark."]
        if line.open_points:
            sentences.append(f"{decimal(line.open_points)} points are still open.")
    else:
        sentences = [f"{decimal(line.mark)} of {most} points."]
    return "\n".join([*sentences, *sums(line)])


def sums(line: FinalLine) -> Iterator[str]:
    """What lies between the points and the mark, and what a person says of the whole, in sentences."""
    if line.mark != line.score:
        yield f"The points add up to {decimal(line.score)}."
    for deduction in line.deductions:
        comment = f": {display(deduction.comment, limit=_LONGEST)}" if deduction.comment else "."
        yield f"{decimal(deduction.points)} points off for {display(deduction.name, limit=60)}{comment}"
    if line.penalty and line.late:
        yield (
            f"{decimal(line.penalty)} points off for lateness: {decimal(line.late.counted)} hours count, which cost "
            f"{decimal(100 * line.late.share)} % of the points."
        )
    if line.rounding:
        yield f"Rounding {'adds' if line.rounding > 0 else 'takes'} {decimal(abs(line.rounding))}."
    if line.comment:
        yield display_block(line.comment, lines=_MOST_LINES, limit=_LONGEST)
