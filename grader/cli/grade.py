"""The ``grade`` command: arguments, progress, results and exit status.

Exit status: 0 everything was graded, whatever the marks; 1 the grader itself failed on a submission; 2 wrong usage, or
nowhere to write; 3 a score is below ``--fail-under``; 130 stopped by Ctrl-C. Torch is imported only after the arguments
have been understood, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader import __version__
from grader.display import counted, display
from grader.suggest import did_you_mean
from reference.handouts import HANDOUTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.cohort.events import Summary
    from grader.cohort.grader import Grader
    from grader.gradebook.inputs import Changes
    from grader.intake import Findings
    from grader.marking.rubric import Rubric
    from grader.pipeline import Options
    from grader.sandbox.gpu import Gpu
    from grader.sandbox.terms import Limits
    from reference.data import Horses

__all__ = ["main"]


_LEAST_SECONDS = 4
"""One probe gets a quarter of it, and the slowest probe takes a right submission a good part of a second."""
_MOST_PROBE_SECONDS = 10.0
_LEAST_GIB = 0.25
"""Four times what a right submission was measured to need. With less, torch's failure would be taken for the student's.
"""
_MOST_COLUMNS = 110
_THREADS = tuple(f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"))


class _Usage(Exception):
    """What was asked for cannot be done; the text is one sentence."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grade",
        description="Mark PyTorch colourization assignments: one submission, or a folder of them.",
        epilog="Reports are written to DIR/<id>/report.html, report.json and feedback.md. "
        "Exit status: 0 graded, whatever the marks; 1 the grader failed on a submission; 2 wrong usage, or nowhere to "
        "write (a full disk); 3 below --fail-under; 130 stopped by Ctrl-C.",
    )
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="a submission (folder, .py, .ipynb, .zip, .tar.gz), or a folder of submissions",
    )
    _add_inputs(parser.add_argument_group("what is graded, and where the reports go"))
    _add_examination(parser.add_argument_group("how it is examined"))
    _add_limits(parser.add_argument_group("what a submission may do and use"))
    _add_lists(parser.add_argument_group("the gradebook"))
    _add_run(parser.add_argument_group("the run and its results"))
    parser.add_argument("--version", action="version", version=f"grade {__version__}")
    return parser


def _add_inputs(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--assignment", metavar="ID", help=f"one of {', '.join(HANDOUTS)} (default: detected from the submission)")
    add(
        "--rubric",
        metavar="FILE",
        type=Path,
        help="rubric in YAML; DIR remembers it until another is given, or 'none' for the one that comes with the "
        "grader; what it changes is said, and marks are made of the evidence that is there",
    )
    add(
        "-o",
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("reports"),
        help="folder for the reports (default: reports)",
    )
    kind = group.add_mutually_exclusive_group()
    kind.add_argument("--one", dest="mode", action="store_const", const="one", help="PATH is one submission")
    kind.add_argument("--many", dest="mode", action="store_const", const="many", help="PATH is a folder of submissions")


def _add_examination(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--device",
        choices=("cpu", "cuda", "auto"),
        default="auto",
        help="where networks are trained; auto is the GPU if one can be used, otherwise the CPU (default: auto)",
    )
    add("--jobs", metavar="N", type=int, help="submissions graded at a time (default: one per core)")
    add(
        "--cluster",
        metavar="ADDRESS",
        help="grade on the nodes of the Dask scheduler at this address, such as tcp://scheduler:8786",
    )
    add(
        "--seed",
        metavar="N",
        type=int,
        help="seed of all random numbers (default: drawn, and recorded in the report)",
    )
    add(
        "--quick",
        action="store_true",
        help="no training: criteria that need it stay pending; a cohort's valid reports with training are kept",
    )
    add(
        "--data",
        metavar="PATH",
        type=Path,
        help="CIFAR-10 as the course hands it out (folder or .tar.gz) or .npz "
        "(default: small pictures that come with the grader)",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--isolation",
        choices=("auto", "bubblewrap", "none"),
        default="auto",
        help="how submissions are confined (default: auto, which is bubblewrap or a refusal)",
    )
    add(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=120.0,
        help="time per submission, its own processor time first; one probe gets a quarter of it, at most 10 seconds "
        f"(default: 120; at least {_LEAST_SECONDS})",
    )
    add(
        "--memory",
        metavar="GIB",
        type=float,
        default=4.0,
        help=f"memory per submission, beyond what torch itself takes (default: 4; at least {_LEAST_GIB})",
    )


def _add_lists(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--roster",
        metavar="FILE",
        type=Path,
        help="CSV with id (or login, number), name and email, for the gradebook; DIR remembers it until 'none' is "
        "given",
    )
    add(
        "--late",
        metavar="FILE",
        type=Path,
        help="CSV with id and hours_late, or id, submitted and due; the rubric says what lateness costs; "
        "DIR remembers it too",
    )
    add(
        "--pick",
        metavar="ID=FILE",
        action="append",
        default=[],
        help="this file counts for the student with this id, or is that student's; may be given several times; DIR "
        "remembers it",
    )
    add(
        "--picks",
        metavar="FILE",
        type=Path,
        help="CSV with id and file: such picks for many students; DIR remembers them until 'none' is given",
    )
    add(
        "--due",
        metavar="TIME",
        help="deadline such as 2026-11-21T23:59:00-05:00, for the times in a download from Gradescope or Blackboard; "
        "a list given with --late comes first; DIR remembers it too",
    )


def _add_run(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--fresh", action="store_true", help="grade all submissions again, also those with a valid report")
    add(
        "--fail-under",
        metavar="PERCENT",
        type=float,
        help="exit with status 3 if a submission has a lower percentage of the points that are decided so far",
    )
    add("--json", action="store_true", help="a machine-readable summary on standard output")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _check(options)
        return _grade(options)
    except _Usage as refusal:
        _complain(str(refusal))
        return 2
    except KeyboardInterrupt:
        _complain("Stopped. Reports written so far are whole; the same command goes on from there.")
        return 130


def _complain(sentence: str) -> None:
    print(f"grade: {sentence}", file=sys.stderr)


def _check(options: argparse.Namespace) -> None:
    """Refuse values that no run can use, before anything slow is imported."""
    if options.assignment is not None and options.assignment not in HANDOUTS:
        hint = did_you_mean(options.assignment, HANDOUTS, otherwise="use one of these")
        raise _Usage(f"--assignment was '{options.assignment}', allowed are {', '.join(HANDOUTS)}: {hint}")
    if options.jobs is not None and options.jobs < 1:
        raise _Usage(f"--jobs was {options.jobs}, allowed is 1 or more")
    for name, least, unit in (("timeout", _LEAST_SECONDS, "seconds"), ("memory", _LEAST_GIB, "GiB")):
        if not least <= getattr(options, name) < float("inf"):
            raise _Usage(f"--{name} was {getattr(options, name)}, allowed is {least} {unit} or more")
    if options.fail_under is not None and not 0 <= options.fail_under <= 100:
        raise _Usage(f"--fail-under was {options.fail_under}, allowed is 0 to 100")
    if options.seed is not None and not 0 <= options.seed < 2**63:
        raise _Usage(f"--seed was {options.seed}, allowed is 0 to 2^63 - 1")
    for pick in options.pick:
        id, _, file = pick.partition("=")
        if not id.strip() or not file.strip():
            raise _Usage(f"--pick was '{display(pick)}', it must be ID=FILE: a student's id and the file that counts")


@dataclass(frozen=True)
class _Request:
    """What the command line asks for, once it is found and read."""

    findings: Findings
    rubric: Rubric
    lists: Changes
    """Roster and lateness."""
    limits: Limits
    fresh: bool
    """Whether existing reports are made again."""
    seed: int


def _grade(options: argparse.Namespace) -> int:
    """Find what is to be graded, grade it, and say what came of it."""
    from grader.cohort.cluster import ClusterError
    from grader.gradebook.lists import ListError
    from grader.intake import SubmissionError
    from grader.marking.rubric import RubricError
    from grader.sandbox.terms import SandboxError
    from grader.store.files import StoreError

    try:
        request = _request(options)
        for skipped in request.findings.skipped:
            _complain(f"{display(str(skipped.path))} was left out: {skipped.reason}")
        with _grader(options, request) as grader:
            return _run(options, request, grader)
    except (SubmissionError, RubricError, ListError, SandboxError, StoreError, ClusterError) as refusal:
        raise _Usage(str(refusal)) from refusal


def _request(options: argparse.Namespace) -> _Request:
    """Everything that can be refused before anything is started. Nothing is written."""
    from grader.cohort.places import refuse_to_write_among
    from grader.gradebook.inputs import Changes, given, picked, recall_rubric
    from grader.gradebook.summary import has_gradebook
    from grader.intake import find
    from grader.sandbox.terms import Limits
    from grader.store.run_file import seed_for

    one_by_one = _picks(options.pick)
    picks = picked(options.out, picks=options.picks, one_by_one=one_by_one)
    findings = find(options.paths, mode=options.mode, picks=picks.files)
    _check_picks(findings, asked_for=one_by_one if options.picks is None else picks.files)
    rubric = recall_rubric(options.out, options.rubric)
    lists = given(roster=options.roster, late=options.late, due=options.due)
    if lists.files and not findings.many:
        raise _Usage(
            "--roster, --late and --due are for a gradebook, and one submission does not have one: name a folder of "
            "submissions"
        )
    lists = Changes({**lists.files, **picks.changes.files})
    refuse_to_write_among(findings.found, options.out, many=findings.many, searched=options.paths)
    # One submission is graded whenever it is asked for; of many, those with a valid report are left.
    fresh = options.fresh or not findings.many
    limits = Limits(
        seconds=options.timeout, cpu_seconds=round(options.timeout) + 1, memory=round(options.memory * 2**30)
    )
    # Whoever grades one student of a cohort again asks the same questions as of the others.
    new_seed = fresh and (findings.many or not has_gradebook(options.out))
    return _Request(findings, rubric, lists, limits, fresh, seed_for(options.out, options.seed, fresh=new_seed))


def _picks(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The files of each ``ID=FILE``, by the student's id."""
    picks: dict[str, tuple[str, ...]] = {}
    for pick in given:
        id, _, file = (part.strip() for part in pick.partition("="))
        picks[id] = (*picks.get(id, ()), file)
    return picks


def _check_picks(findings: Findings, *, asked_for: Mapping[str, tuple[str, ...]]) -> None:
    """Raises _Usage for a pick that names nobody or nothing.

    One that an earlier run made and that fits no more, because its student or its file is gone, is complained of.
    """
    from grader.intake.picks import why_not_picked

    asked = {student.casefold() for student in asked_for}
    for names, reason in why_not_picked(findings):
        if not names.isdisjoint(asked):
            raise _Usage(reason)
        _complain(f"{reason}; it was picked before, and is passed over")


@contextlib.contextmanager
def _grader(options: argparse.Namespace, request: _Request) -> Iterator[Grader]:
    """The cluster that the command line names, or this machine; ready to grade."""
    if options.cluster is not None:
        with _on_cluster(options, request) as grader:
            yield grader
    else:
        with _on_this_machine(options, request) as grader:
            yield grader


@contextlib.contextmanager
def _on_cluster(options: argparse.Namespace, request: _Request) -> Iterator[Grader]:
    from grader.cohort.cluster import Cluster, ClusterGrader
    from grader.cohort.grader import Settings

    with Cluster(options.cluster) as cluster:
        _refuse_unknown_mistakes(request.rubric)
        # Every node has a GPU of its own, or refuses. Under auto all nodes use the CPU, so that they do the same.
        device = "cuda" if options.device == "cuda" else "cpu"
        settings = Settings(
            rubric=request.rubric,
            horses=_horses(options),
            options=_how_to_grade(options, request, device),
            limits=request.limits,
            isolation="none" if options.isolation == "none" else "bubblewrap",
        )
        _warn_without_isolation(options)
        yield ClusterGrader(cluster, settings, isolation=options.isolation)


@contextlib.contextmanager
def _on_this_machine(options: argparse.Namespace, request: _Request) -> Iterator[Grader]:
    from grader.sandbox.sandbox import Sandbox

    # Said before numpy and torch are imported: with a pool of threads this process could not be forked.
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    # The sandbox's own process imports torch in the background while it is imported here.
    with Sandbox(isolation=options.isolation, limits=request.limits) as sandbox, _gpu(options, request.limits) as gpu:
        from grader.cohort.jobs import Jobs
        from grader.cohort.machine import ThisMachine
        from grader.pipeline import Grading
        from grader.report.page import read_templates
        from grader.sandbox.stem import can_fork

        _refuse_unknown_mistakes(request.rubric)
        how = _how_to_grade(options, request, "cuda" if gpu else "cpu")
        grading = Grading(request.rubric, _horses(options), sandbox, how, gpu=gpu)
        _warn_without_isolation(options)
        # This opens a session: what is missing on this machine shows now, and not as a failure on every submission.
        _ = sandbox.layers
        machine = ThisMachine(grading)
        if len(request.findings.found) == 1 or not can_fork():
            yield machine
            return
        with Jobs(machine, prepare=read_templates) as jobs:
            yield jobs


def _gpu(options: argparse.Namespace, limits: Limits) -> contextlib.AbstractContextManager[Gpu | None]:
    """The GPU, once it is confirmed to work, or None. Raises _Usage where it was asked for and cannot be used.

    Where the machine has no GPU, ``auto`` starts and imports nothing.
    """
    from grader.sandbox import launch

    if options.device == "cpu" or (options.device == "auto" and not launch.gpu_devices()):
        return contextlib.nullcontext()
    from grader.sandbox.gpu import Gpu
    from grader.sandbox.terms import NoGpu

    try:
        return Gpu.confirmed(isolation=options.isolation, limits=limits)
    except NoGpu as reason:
        if options.device == "cuda":
            raise _Usage(f"--device was cuda, but {reason}") from reason
        _complain(f"--device auto uses the CPU, because {reason}")
        return contextlib.nullcontext()


def _refuse_unknown_mistakes(rubric: Rubric) -> None:
    """Raises _Usage where the rubric names a mistake that the reference does not know."""
    from grader.checks.mistakes import unknown_mistake

    if unknown := unknown_mistake(rubric):
        raise _Usage(f"{display(rubric.path.name)}, {unknown}")


def _horses(options: argparse.Namespace) -> Horses:
    """The pictures to train on. Raises _Usage where they cannot be read."""
    from reference.data import DataError, load_horses

    try:
        return load_horses(options.data)
    except DataError as refusal:
        raise _Usage(str(refusal)) from refusal


def _how_to_grade(options: argparse.Namespace, request: _Request, device: str) -> Options:
    from grader.pipeline import Options

    return Options(
        assignment=options.assignment,
        seed=request.seed,
        device=device,
        quick=options.quick,
        seconds=options.timeout,
        probe_seconds=min(_MOST_PROBE_SECONDS, options.timeout / 4),
    )


def _warn_without_isolation(options: argparse.Namespace) -> None:
    if options.isolation == "none":
        _complain("--isolation none: submissions run unconfined, with your rights; use it for your own code only")


def _run(options: argparse.Namespace, request: _Request, grader: Grader) -> int:
    """Grade, show the progress meanwhile, and print what came of it. Returns the exit status."""
    from rich.console import Console

    from grader.cohort.batch import run
    from grader.cohort.grader import RunError
    from grader.cohort.progress import Lines, LiveBar

    found, many = request.findings.found, request.findings.many
    replaces_training = options.quick and not many and _has_training(options.out / found[0].folder)
    console = Console(stderr=True)
    with (LiveBar if console.is_terminal else Lines)(console, len(found)) as events:
        try:
            summary = run(
                grader,
                found,
                options.out,
                jobs=options.jobs or grader.jobs,
                events=events,
                fresh=request.fresh,
                many=many,
                lists=request.lists,
            )
        except RunError as loss:
            _complain(str(loss))
            return 1
    if options.json or not summary.interrupted:
        _print_results(options, request.findings, summary)
    if replaces_training:
        _complain("the report that was there had training, this one has none: leave out --quick to have it again")
    return _exit_status(options, summary)


def _exit_status(options: argparse.Namespace, summary: Summary) -> int:
    """The exit status, explained on standard error where it is neither 0 nor 1."""
    if summary.interrupted:
        _complain(summary.interrupted)
        return 130
    bar = None if options.fail_under is None else Fraction(str(options.fail_under))
    if summary.is_below(bar):
        assert summary.lowest is not None
        lowest = f"{float(summary.lowest):.1f} %"
        _complain(f"below --fail-under {options.fail_under:g}: the lowest has {lowest} of the points marked so far")
    return summary.exit_status(bar)


def _has_training(folder: Path) -> bool:
    """Whether the report in a folder was made without ``--quick``."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        return json.loads((folder / "report.json").read_bytes())["run"]["details"]["quick"] is False
    return False


def _print_results(options: argparse.Namespace, findings: Findings, summary: Summary) -> None:
    """Print the summary. Raises _Usage where standard output cannot be written."""
    try:
        if options.json:
            print(json.dumps(_as_json(options, findings, summary), indent=1))
        elif findings.many:
            _print_cohort(options, summary)
        else:
            _print_submission(options, findings, summary)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough
        _drop_output()
    except OSError as error:
        _drop_output()
        raise _Usage(f"standard output cannot be written ({error.strerror}): the reports are there") from error


def _drop_output() -> None:
    """Throw away what is still to be printed. Python would try once more when it ends, and complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_cohort(options: argparse.Namespace, summary: Summary) -> None:
    """How many reports there are, and where the tables of the cohort are."""
    from grader.gradebook.inputs import BEFORE_LATENESS

    out = display(str(options.out))
    print(
        f"{counted(summary.graded, 'report')} written, {_marked_again(summary)}{summary.resumed} as before: "
        f"{summary.sound} examined, {summary.needs_review} to be reviewed, {summary.ungradable} could not be examined, "
        f"{len(summary.failed)} on which the grader failed."
    )
    print(f"Cohort: {out}/index.html   Marks: {out}/gradebook.csv")
    if summary.penalties:
        print(BEFORE_LATENESS)


def _marked_again(summary: Summary) -> str:
    return f"{summary.remarked} marked again by the changed rubric, " if summary.remarked else ""


def _print_submission(options: argparse.Namespace, findings: Findings, summary: Summary) -> None:
    """The report in short, and where the whole of it is."""
    from grader.report.as_terminal import to_terminal

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    if summary.report is not None:
        width = min(shutil.get_terminal_size().columns, _MOST_COLUMNS)
        print(to_terminal(summary.report, width=width, colour=colour), end="")
    print(f"Report: {display(str(options.out))}/{findings.found[0].folder}/report.html")


def _as_json(options: argparse.Namespace, findings: Findings, summary: Summary) -> dict[str, Any]:
    """The summary in the form ``grade-summary/1``."""
    return {
        "schema": "grade-summary/1",
        "graded": summary.graded,
        "resumed": summary.resumed,
        "remarked": summary.remarked,
        "needs_review": summary.needs_review,
        "ungradable": summary.ungradable,
        "failed": [{"id": failure.id, "reason": failure.reason} for failure in summary.failed],
        "lowest_percent": None if summary.lowest is None else float(summary.lowest),
        "skipped": [{"path": display(str(skipped.path)), "reason": skipped.reason} for skipped in findings.skipped],
        "reports": [
            {"id": display(found.id), "report": str(options.out / found.folder / "report.json")}
            for found in findings.found
        ],
    }
