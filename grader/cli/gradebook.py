"""``gradebook``: what is done with reports that are already there."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from grader import __version__
from grader.display import display
from grader.gradebook.inputs import BEFORE_LATENESS, given, recall_lateness, recall_rubric, remembers_lateness
from grader.gradebook.lists import ListError
from grader.gradebook.summary import Overview, summarise
from grader.marking.late import LateRule

__all__ = ["main", "table"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status comes back."""
    from grader.marking.rubric import RubricError
    from grader.store.files import StoreError

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
    from grader.store.folder import check_reports

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
