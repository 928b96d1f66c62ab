"""The ``grade`` command: arguments, progress and exit status. The only file that prints.

Exit status: 0 everything graded, whatever the marks; 1 the grader itself failed on a submission; 2 wrong usage;
3 a mark below ``--fail-under``; 130 stopped by Ctrl-C. Torch is imported after the arguments have been understood.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from grader import __version__
from grader.display import display
from grader.suggest import did_you_mean
from reference.handouts import HANDOUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.cohort.cluster import Cluster
    from grader.cohort.events import Summary
    from grader.gradebook.inputs import Changes
    from grader.intake import Findings
    from grader.marking.rubric import Rubric
    from grader.report import Report
    from grader.sandbox.gpu import Gpu
    from grader.sandbox.sandbox import Sandbox
    from grader.sandbox.terms import Limits

__all__ = ["main"]


_LEAST_SECONDS = 4
"""A question gets a quarter, and the slowest takes a right submission a good part of a second."""
_LEAST_GIB = 0.25
"""Four times what a right submission was seen to do with; below it torch's failure would be taken for the student's."""


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
    add = parser.add_argument
    add(
        "paths",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="a submission (folder, .py, .ipynb, .zip, .tar.gz), or a folder of submissions",
    )
    add("--assignment", metavar="ID", help=f"one of {', '.join(HANDOUTS)} (default: told from the submission)")
    add("--rubric", metavar="FILE", type=Path, help="mark sheet (default: the one that comes with the grader)")
    add("-o", "--out", metavar="DIR", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    add(
        "--device",
        choices=("cpu", "cuda", "auto"),
        default="auto",
        help="where networks are trained; auto is a GPU that can be used, or the CPU (default: auto)",
    )
    add("--jobs", metavar="N", type=int, help="submissions at a time, one thread each (default: one a core)")
    add(
        "--cluster",
        metavar="ADDRESS",
        help="grade on the nodes of the Dask scheduler there, such as tcp://scheduler:8786",
    )
    add(
        "--seed",
        metavar="N",
        type=int,
        help="seed of everything drawn at random (default: drawn, and recorded in the report)",
    )
    add(
        "--quick",
        action="store_true",
        help="no training: those criteria stay pending; a cohort's reports with training that still hold are kept",
    )
    add(
        "--data",
        metavar="PATH",
        type=Path,
        help="CIFAR-10 as the course hands it out (folder or .tar.gz) or .npz "
        "(default: small pictures that come along)",
    )
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
        help="wall time for one submission, of which one question gets a quarter, and 10 at most "
        f"(default: 120; {_LEAST_SECONDS} or more)",
    )
    add(
        "--memory",
        metavar="GIB",
        type=float,
        default=4.0,
        help=f"memory for one submission beyond what torch takes (default: 4; {_LEAST_GIB} or more)",
    )
    add(
        "--roster",
        metavar="FILE",
        type=Path,
        help="CSV with id (or login, number), name and email, for the gradebook; kept in DIR until 'none' is given",
    )
    add(
        "--late",
        metavar="FILE",
        type=Path,
        help="CSV with id and hours_late, or id, submitted and due; the rubric says what it costs; kept likewise",
    )
    add("--fresh", action="store_true", help="grade again what is graded already")
    add(
        "--fail-under",
        metavar="PERCENT",
        type=float,
        help="exit with status 3 if a submission has less, of what is marked so far",
    )
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


def _drop_output() -> None:
    """Else Python tries once more at the end, and complains."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
            raise _Usage(f"--{name} was {getattr(options, name)}, allowed is a number of {unit} from {least} on")
    if options.fail_under is not None and not 0 <= options.fail_under <= 100:
        raise _Usage(f"--fail-under was {options.fail_under}, allowed is 0 to 100")
    if options.seed is not None and not 0 <= options.seed < 2**63:
        raise _Usage(f"--seed was {options.seed}, allowed is 0 to 2^63 - 1")


def _grade(options: argparse.Namespace) -> int:
    from grader.cohort.batch import refuse_to_write_among
    from grader.cohort.cluster import Cluster, ClusterError
    from grader.gradebook.inputs import given
    from grader.gradebook.lists import ListError
    from grader.intake import SubmissionError, find
    from grader.marking.rubric import RubricError
    from grader.marking.rubric_file import load as load_rubric
    from grader.sandbox.sandbox import Sandbox
    from grader.sandbox.terms import Limits, SandboxError
    from grader.store.files import StoreError
    from grader.store.folder import seed_for
    from reference.shipped import shipped

    try:
        findings = find(options.paths, mode=options.mode)
        rubric = load_rubric(options.rubric or shipped("rubric.yaml"))
        lists = given(roster=options.roster, late=options.late)
        if lists.files and not findings.many:
            raise _Usage(
                "--roster and --late are for a gradebook, and one submission has none: name a folder of submissions"
            )
        refuse_to_write_among(findings.found, options.out, many=findings.many, given=options.paths)
        # One submission is graded whenever it is asked for; of many, those that are there already are left.
        fresh = options.fresh or not findings.many
        seed = seed_for(options.out, options.seed, fresh)
        limits = Limits(
            seconds=options.timeout, cpu_seconds=round(options.timeout) + 1, memory=round(options.memory * 2**30)
        )
        for skipped in findings.skipped:
            _complain(f"{display(str(skipped.path))} was left out: {skipped.reason}")
        if options.cluster is not None:
            with Cluster(options.cluster, isolation=options.isolation, limits=limits) as cluster:
                return _run(options, findings, rubric, seed, cluster, fresh, lists)
        # The worker's parent imports torch while it is imported here.
        with Sandbox(isolation=options.isolation, limits=limits) as sandbox, _gpu(options, limits) as gpu:
            return _run(options, findings, rubric, seed, sandbox, fresh, lists, gpu)
    except (SubmissionError, RubricError, ListError, SandboxError, StoreError, ClusterError) as wrong:
        raise _Usage(str(wrong)) from wrong


def _run(
    options: argparse.Namespace,
    findings: Findings,
    rubric: Rubric,
    seed: int,
    sandbox: Sandbox | Cluster,
    fresh: bool,
    lists: Changes,
    gpu: Gpu | None = None,
) -> int:
    from rich.console import Console

    from grader.checks.mistakes import unknown_mistake
    from grader.cohort.batch import run
    from grader.cohort.cluster import Cluster
    from grader.cohort.events import RunError
    from grader.cohort.progress import Lines, LiveBar
    from grader.pipeline import Grading, Options
    from grader.sandbox import cores
    from grader.sandbox.sandbox import Sandbox
    from reference.data import DataError, load_horses

    if unknown := unknown_mistake(rubric):
        raise _Usage(f"{display(rubric.path.name)}, {unknown}")
    # Of a cluster's nodes each has a card of its own, or refuses; auto is the CPU there, the same on all.
    wanted = gpu is not None or (isinstance(sandbox, Cluster) and options.device == "cuda")
    device = "cuda" if wanted else "cpu"
    try:
        horses = load_horses(options.data)
    except DataError as wrong:
        raise _Usage(str(wrong)) from wrong
    if options.isolation == "none":
        _complain("--isolation none: submissions run unconfined, with your rights; use it for your own code only")
    if isinstance(sandbox, Sandbox):
        # What is missing on this machine shows now, and not as a failure on every submission.
        _ = sandbox.layers
    chosen = Options(
        assignment=options.assignment, seed=seed, device=device, quick=options.quick, seconds=options.timeout,
        probe_seconds=min(10.0, options.timeout / 4),
    )  # fmt: skip
    # Where others grade, the cluster stands in for the sandbox: it knows the limits, and is not asked for more.
    grading = Grading(rubric, horses, cast("Sandbox", sandbox), chosen, gpu=gpu)
    cluster = sandbox if isinstance(sandbox, Cluster) else None
    only: list[Report] = []
    if not findings.many:
        grading.on_report = only.append
    replaced = options.quick and not findings.many and _has_training(options.out / findings.found[0].folder)
    console = Console(stderr=True)
    with (LiveBar if console.is_terminal else Lines)(console, len(findings.found)) as events:
        jobs = options.jobs or (cluster.jobs if cluster else len(cores.available()))
        if cluster is not None:
            cluster.ready(grading, notify=lambda sentence: events.problem("", sentence))
        try:
            summary = run(
                grading, findings.found, options.out, jobs=jobs, fresh=fresh, events=events, many=findings.many,
                lists=lists, elsewhere=cluster,
            )  # fmt: skip
        except RunError as lost:
            _complain(str(lost))
            return 1
    if options.json or not summary.interrupted:
        try:
            _tell(options, findings, summary, only)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read it has seen enough
            _drop_output()
        except OSError as error:
            _drop_output()
            raise _Usage(f"standard output cannot be written ({error.strerror}): the reports are there") from error
    if replaced:
        _complain("the report that was there had training, this one has none: leave out --quick to have it again")
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


def _gpu(options: argparse.Namespace, limits: Limits) -> contextlib.AbstractContextManager[Gpu | None]:
    """The graphics card, seen to work, or None. Raises _Usage where it was asked for and cannot be used.

    Without a card, ``auto`` starts and imports nothing.
    """
    from grader.sandbox import launch

    if options.device == "cpu" or (options.device == "auto" and not launch.gpu_devices()):
        return contextlib.nullcontext()
    from grader.sandbox.gpu import Gpu
    from grader.sandbox.terms import NoGpu

    try:
        return Gpu.confirmed(isolation=options.isolation, limits=limits)
    except NoGpu as why:
        if options.device == "cuda":
            raise _Usage(f"--device was cuda, but {why}") from why
        _complain(f"--device auto takes the CPU, because {why}")
        return contextlib.nullcontext()


def _tell(options: argparse.Namespace, findings: Findings, summary: Summary, only: list[Report]) -> None:
    """Where the reports are, and for one submission what is in it."""
    if options.json:
        print(json.dumps(_as_json(options, findings, summary), indent=1))
        return
    out = display(str(options.out))
    if findings.many:
        from grader.gradebook.inputs import BEFORE_LATENESS, remembers_lateness

        print(
            f"{summary.graded} reports written, {summary.resumed} as before: {summary.sound} graded, "
            f"{summary.needs_review} to be reviewed, {summary.ungradable} could not be graded, "
            f"{len(summary.failed)} on which the grader failed."
        )
        print(f"Cohort: {out}/index.html   Marks: {out}/gradebook.csv")
        if remembers_lateness(options.out):
            print(BEFORE_LATENESS)
        return
    from grader.report.as_terminal import to_terminal

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    for report in only:
        print(to_terminal(report, width=min(shutil.get_terminal_size().columns, 110), colour=colour), end="")
    print(f"Report: {out}/{findings.found[0].folder}/report.html")


def _as_json(options: argparse.Namespace, findings: Findings, summary: Summary) -> dict[str, Any]:
    return {
        "schema": "grade-summary/1",
        "graded": summary.graded,
        "resumed": summary.resumed,
        "needs_review": summary.needs_review,
        "ungradable": summary.ungradable,
        "failed": [{"id": failure.id, "reason": failure.reason} for failure in summary.failed],
        "lowest_percent": None if summary.lowest is None else float(summary.lowest),
        "skipped": [{"path": display(str(one.path)), "reason": one.reason} for one in findings.skipped],
        "reports": [
            {"id": display(found.id), "report": str(options.out / found.folder / "report.json")}
            for found in findings.found
        ],
    }
