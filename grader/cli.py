"""The ``grade`` command: arguments, progress and exit status. The only file that prints.

Exit status: 0 everything graded, whatever the marks; 1 the grader itself failed on a submission; 2 wrong usage;
3 a mark below ``--fail-under``. Torch is imported after the arguments have been understood.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from grader import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.submission import Findings

__all__ = ["main"]

ASSIGNMENTS = ("csc321-2018", "cse891-2018", "csc2516-2019", "csc413-2020", "csc413-2023")


class _Usage(Exception):
    """What was asked for cannot be done; the text is one sentence."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grade",
        description="Mark PyTorch colourization assignments: one submission, or a folder of them.",
        epilog="Reports are written to DIR/<id>/report.html, report.json and feedback.md. "
        "Exit status: 0 graded, whatever the marks; 1 the grader failed on a submission; 2 wrong usage; 3 below --fail-under.",
    )
    add = parser.add_argument
    add("paths", metavar="PATH", nargs="+", type=Path, help="a submission (folder, .py, .ipynb, .zip, .tar.gz), or a folder of submissions")
    add("--assignment", metavar="ID", help=f"one of {', '.join(ASSIGNMENTS)} (default: told from the submission)")
    add("--rubric", metavar="FILE", type=Path, help="mark sheet (default: the one that comes with the grader)")
    add("--out", metavar="DIR", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    add("--device", choices=("cpu", "cuda", "auto"), default="auto", help="where training runs (default: auto)")
    add("--jobs", metavar="N", type=int, help="submissions at a time (default: one a processor core)")
    add("--seed", metavar="N", type=int, help="seed of everything drawn at random (default: drawn, and recorded in the report)")
    add("--quick", action="store_true", help="no training: those criteria stay pending")
    add("--data", metavar="PATH", type=Path, help="CIFAR-10 as the course hands it out (folder or .tar.gz) or .npz (default: small pictures that come along)")
    add("--isolation", choices=("auto", "bubblewrap", "none"), default="auto", help="how submissions are confined (default: auto, which is bubblewrap or a refusal)")
    add("--timeout", metavar="SECONDS", type=float, default=120.0, help="wall time for one submission (default: 120)")
    add("--memory", metavar="GIB", type=float, default=4.0, help="memory for one submission (default: 4)")
    add("--fresh", action="store_true", help="grade again what is graded already")
    add("--fail-under", metavar="PERCENT", type=float, help="exit with status 3 if a submission has less, of what is marked so far")
    add("--json", action="store_true", help="a machine-readable summary on standard output")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--one", dest="mode", action="store_const", const="one", help="PATH is one submission")
    kind.add_argument("--many", dest="mode", action="store_const", const="many", help="PATH is a folder of submissions")
    add("--version", action="version", version=f"grade {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status comes back."""
    options = _parser().parse_args(arguments)
    try:
        _check(options)
        return _grade(options)
    except _Usage as wrong:
        _complain(str(wrong))
        return 2
    except KeyboardInterrupt:
        _complain("Stopped. Reports written so far are whole; the same command goes on from there.")
        return 130


def _complain(sentence: str) -> None:
    print(f"grade: {sentence}", file=sys.stderr)


def _check(options: argparse.Namespace) -> None:
    """Refuse values that no run can use, before anything slow is imported."""
    if options.assignment is not None and options.assignment not in ASSIGNMENTS:
        import difflib

        near = difflib.get_close_matches(options.assignment, ASSIGNMENTS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise _Usage(f"--assignment was '{options.assignment}', allowed are {', '.join(ASSIGNMENTS)}.{hint}")
    if options.jobs is not None and options.jobs < 1:
        raise _Usage(f"--jobs was {options.jobs}, allowed is 1 or more")
    for name in ("timeout", "memory"):
        if not 0 < getattr(options, name) < float("inf"):
            raise _Usage(f"--{name} was {getattr(options, name)}, allowed is a number above 0")
    if options.fail_under is not None and not 0 <= options.fail_under <= 100:
        raise _Usage(f"--fail-under was {options.fail_under}, allowed is 0 to 100")
    if options.seed is not None and not 0 <= options.seed < 2**63:
        raise _Usage(f"--seed was {options.seed}, allowed is 0 to 2^63 - 1")


def _grade(options: argparse.Namespace) -> int:
    from grader import cohort, store
    from grader.rubric import RubricError
    from grader.rubric import load as load_rubric
    from grader.sandbox import Limits, Sandbox, SandboxError
    from grader.submission import SubmissionError, find
    from reference.shipped import shipped

    try:
        findings = find(options.paths, mode=options.mode)
        rubric = load_rubric(options.rubric or shipped("rubric.yaml"))
    except (SubmissionError, RubricError) as wrong:
        raise _Usage(str(wrong)) from wrong
    limits = Limits(seconds=options.timeout, cpu_seconds=round(options.timeout) + 1, memory=round(options.memory * 2**30))
    try:
        # Torch is imported in the worker's parent while it is imported here.
        with Sandbox(isolation=options.isolation, limits=limits) as sandbox:
            grading = _grading(options, rubric, sandbox)
            return _run(options, findings, grading)
    except (SandboxError, store.StoreError) as wrong:
        raise _Usage(str(wrong)) from wrong
