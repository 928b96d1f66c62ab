"""The ``gradebook`` command: work on a folder of reports that ``grade`` wrote.

Exit status: 0 done; 2 bad input, with a sentence; 130 stopped by Ctrl-C. Torch is never imported.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from grader import __version__
from grader.cli.exporting import add_export
from grader.cli.gradebook_marks import add_commands
from grader.display import counted, display
from grader.gradebook.inputs import (
    BEFORE_LATENESS,
    NONE,
    applied,
    given,
    recall_lateness,
    recall_rubric,
    refuse_unknown_mistakes,
    what_changes,
    with_rubric,
)
from grader.gradebook.lists import ListError
from grader.gradebook.summary import Overview, summarise
from grader.marking.late import LateRule

__all__ = ["main", "table"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status."""
    from grader.export.records import ExportError
    from grader.marking.rubric import RubricError
    from grader.store.files import StoreError

    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        return status
    except (ExportError, ListError, RubricError, StoreError) as refusal:
        for line in str(refusal).splitlines():
            _complain(line)
        return 2
    except KeyboardInterrupt:
        print("gradebook: Stopped. Nothing was changed.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # otherwise Python complains about the pipe once more
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gradebook", description="Work on a folder of reports that grade wrote.")
    parser.add_argument("--version", action="version", version=f"gradebook {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    summary = commands.add_parser("summary", help="write gradebook.csv and index.html again, and print a short table")
    add = summary.add_argument
    add("out", metavar="DIR", type=Path, help="folder of reports")
    remembered = "DIR remembers it until 'none' is given"
    add(
        "--roster",
        metavar="FILE",
        type=Path,
        help=f"CSV with id, name and email; adds names, and students who handed nothing in; {remembered}",
    )
    add(
        "--late",
        metavar="FILE",
        type=Path,
        help=f"CSV with the columns id and hours_late, or id, submitted and due; {remembered}",
    )
    add(
        "--due",
        metavar="TIME",
        help=f"deadline such as 2026-11-21T23:59:00-05:00, for the times that the learning platform says; {remembered}",
    )
    for option, kind, meaning in (
        ("--grace", _number, "hours that do not count for anybody (default: 0)"),
        ("--percent-a-day", _percent, "percent of the score that every started day costs (default: 0)"),
        ("--cap", _percent, "most that lateness costs, in percent of the score (default: 100)"),
    ):
        add(option, metavar="N", type=kind, help=f"in place of the rubric's rule for lateness: {meaning}")
    add(
        "--rubric",
        metavar="FILE",
        type=Path,
        help="rubric to mark the evidence in the reports by (default: the one that DIR remembers); DIR remembers it; "
        "'none' stands for the one that comes with the grader",
    )
    summary.set_defaults(run=_summary)
    add("--pages", action="store_true", help="after a change of the rubric, make the pages of the reports again too")
    add_commands(commands)
    add_export(commands)
    return parser


def _number(text: str) -> Fraction:
    """An exact number from the command line."""
    if not re.fullmatch(r"\d{1,6}(\.\d{1,4})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"must be a number such as 1.5, was {text!r}")
    return Fraction(text)


def _percent(text: str) -> Fraction:
    if (percent := _number(text)) > 100:
        raise argparse.ArgumentTypeError(f"must be 0 to 100, was {text!r}")
    return percent


def _summary(options: argparse.Namespace) -> int:
    """``gradebook summary``. Returns the exit status."""
    from grader.gradebook.pages import make_pages
    from grader.store.rows import check_reports

    changes = given(roster=options.roster, late=options.late, due=options.due, rule=_rule(options))
    check_reports(options.out)
    rubric = recall_rubric(options.out, options.rubric)
    refuse_unknown_mistakes(options.out, rubric)
    for sentence in what_changes(options.out, rubric):
        _complain(sentence)
    with_rubric(changes, rubric).make(options.out)
    overview = summarise(options.out, assignments=rubric.assignments, problem=_complain)
    applied(rubric).make(options.out)
    for line in table(overview):
        print(line)
    if overview.penalties:
        print(BEFORE_LATENESS)
    if options.pages:
        made = make_pages(options.out, rubric, _complain)
        print(f"{counted(made, 'report was', 'reports were')} made again with the marks of this rubric.")
        overview = replace(overview, behind=overview.behind - made)
    for sentence in _behind(overview):
        print(sentence)
    print(f"Written: {display(str(options.out / 'gradebook.csv'))} and {display(str(options.out / 'index.html'))}")
    return 0


def _complain(sentence: str) -> None:
    print(f"gradebook: {sentence}", file=sys.stderr)


def _behind(overview: Overview) -> Iterator[str]:
    """What is still to be done after a change of the rubric, in sentences."""
    if overview.again:
        criteria = ", ".join(f"{id} in {count:,}" for id, count in sorted(overview.again.items()))
        yield f"To be examined again, and open until then, by number of reports: {criteria}."
    if overview.behind:
        yield (
            f"{counted(overview.behind, 'report shows', 'reports show')} the marks of the rubric before: 'grade' "
            "makes the pages again, and so does --pages where nothing is to be examined."
        )


def _rule(options: argparse.Namespace) -> LateRule | None:
    """The rule for lateness on the command line, None where there is none."""
    parts = {"grace_hours": options.grace, "percent_a_day": options.percent_a_day, "cap_percent": options.cap}
    given_parts = {name: value for name, value in parts.items() if value is not None}
    if not given_parts:
        return None
    sources = {str(source) for source in (options.late, options.due) if source is not None}
    if not sources - {NONE} and (sources or recall_lateness(options.out, {}) is None):
        raise ListError("--grace, --percent-a-day and --cap need to know who was late: add --late FILE or --due TIME")
    return LateRule(**given_parts)


def table(overview: Overview) -> Iterator[str]:
    """The overview in lines of text."""
    tally = overview.tally
    yield f"{'assignment':<16}{'hand-ins':>10}{'marked':>9}{'mean':>9}{'median':>9}{'passed':>9}"
    apart = Counter[str]()
    for assignment in sorted(tally.assignments.values(), key=lambda assignment: assignment.id):
        marks = overview.statistics[assignment.id]
        cells = [_percentage(value) for value in (marks.mean, marks.median, marks.pass_rate)]
        figures = "".join(f"{cell:>9}" for cell in cells)
        yield f"{display(assignment.id, limit=15):<16}{assignment.count:>10,}{marks.over:>9,}{figures}"
        apart.update({why: count for count, why in marks.apart})
    over = sum(marks.over for marks in overview.statistics.values())
    yield f"Mean, median and share of passes are over the {counted(over, 'student')} whose marking is done."
    counts = {stage.value: count for stage, count in overview.stages.items()}
    to_review = tally.states["needs_review"]
    counts |= {
        "needs review" if to_review == 1 else "need review": to_review,
        "could not be examined": tally.states["ungradable"],
        "with a grader error": tally.in_error,
        "handed nothing in": len(overview.missing),
        "gone": overview.gone,
    }
    yield ", ".join(f"{count:,} {state}" for state, count in counts.items() if count) or "no reports"
    if apart:
        yield f"Not in these figures: {', '.join(f'{count:,} {why}' for why, count in apart.items())}."


def _percentage(value: Fraction | None) -> str:
    return "–" if value is None else f"{float(value):.1f} %"


if __name__ == "__main__":
    sys.exit(main())
