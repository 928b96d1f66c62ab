"""What a run of the benchmark measures, and BENCHMARKS.md, which is made of it. Seconds and bytes throughout. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Figures", "Limit", "Machine", "Run", "Sizes", "to_page"]


@dataclass(frozen=True)
class Sizes:
    """How many submissions each measurement has."""

    cohort: int = 300
    many: int = 3_000
    resumed: int = 10_000
    profile: int = 25
    others: int = 10
    """Graded by nbgrader as well."""


@dataclass(frozen=True)
class Machine:
    """Where it was measured."""

    system: str
    cores: int
    python: str
    torch: str
    load_before: float
    """Mean number of processes that were ready to run, over a minute."""
    load_after: float


@dataclass(frozen=True)
class Run:
    """One call of the command."""

    seconds: float
    peak: int
    """The most bytes that the trusted process had in memory."""


@dataclass(frozen=True)
class Limit:
    """What the probes of a submission cost when nothing else is done."""

    seconds: Mapping[str, float]
    """By base: the fixture that the submission is a copy of."""
    verbs: Mapping[str, Mapping[str, float]]
    """By base, then by what the worker is asked to do."""


@dataclass(frozen=True)
class Figures:
    """Everything that one run of the benchmark measures."""

    machine: Machine
    sizes: Sizes
    assignment: str
    jobs: int
    bases: int
    """How many fixtures the cohort is made of."""
    limit: Limit
    limit_of_the_cohort: float
    """The limits of all submissions of the cohort together."""
    cohort: Run
    """The cohort, by ``jobs`` jobs."""
    cohort_alone: Run
    """The cohort, by one job."""
    cold: Run
    """One submission, from the command to the report."""
    small: Run
    """As many starters as the cohort has submissions."""
    large: Run
    """Many starters."""
    resumed: Run
    """A run in which every report is there already."""
    remarked: Run
    """The gradebook and the index of the cohort's reports by a changed rubric."""
    pages: Run
    """The same, with the pages of all reports."""
    nbgrader: float | None
    """Per submission; None if nbgrader is not installed."""
    stages: Mapping[str, float]
    """Per submission, by stage."""


_STAGES = {
    "reading": "reading the files",
    "opening the session": "opening the session (fork, confine)",
    "outline": "outline (parse)",
    "load": "load (run the definitions)",
    "closing the session": "closing the session",
    "comparing": "asking, comparing and marking",
    "rendering": "rendering the report",
    "writing": "writing the report",
}


def to_page(figures: Figures) -> str:
    """The text of BENCHMARKS.md."""
    return "\n".join([*_head(figures), *_main_table(figures), *_stages(figures)])


def _head(figures: Figures) -> list[str]:
    machine, sizes = figures.machine, figures.sizes
    return [
        "# Benchmarks",
        "",
        f"Written by `make bench`: {machine.system}, {machine.cores} cores, Python {machine.python}, torch "
        f"{machine.torch} on the CPU, one thread per submission. The load of the machine was {machine.load_before:.1f} "
        f"before the run and {machine.load_after:.1f} at its end. Compare these times with each other, and not with "
        "those of another machine.",
        "",
        f"The cohort is {sizes.cohort} submissions of `{figures.assignment}`: {figures.bases} fixtures, right and "
        "faulty, in turn, with training. The *limit* is what their probes cost when nothing else is done: definitions "
        "are loaded and probes are answered one after the other in one warm process, and everything that is computed "
        f"once per run is there already. It is the mean over the same {sizes.cohort} submissions. *Overhead* is all "
        "the rest: wall time × jobs − limit. All figures need a quiet machine.",
        "",
    ]


def _main_table(figures: Figures) -> list[str]:
    sizes, whole, alone, small = figures.sizes, figures.cohort, figures.cohort_alone, figures.small
    limit = figures.limit_of_the_cohort / sizes.cohort
    overhead = whole.seconds * figures.jobs / sizes.cohort - limit
    overhead_alone = alone.seconds / sizes.cohort - limit
    cold = figures.cold.seconds
    growth = (figures.large.peak - small.peak) / 2**20
    if figures.nbgrader is None:
        nbgrader = "not installed"
    else:
        times = figures.nbgrader / (alone.seconds / sizes.cohort)
        nbgrader = f"{figures.nbgrader:.1f} s, {times:.0f} times ours"
    return [
        "| figure | measured | wanted |",
        "|---|---|---|",
        f"| limit per submission, mean | {limit:.2f} s | – |",
        f"| overhead per submission, {sizes.cohort} at {figures.jobs} jobs ({whole.seconds:.0f} s) | {overhead:.2f} s "
        "| at most 0.15 s |",
        f"| overhead per submission, {sizes.cohort} at 1 job ({alone.seconds:.0f} s) | {overhead_alone:.2f} s | – |",
        f"| {figures.jobs} jobs compared with 1, {sizes.cohort} submissions | {alone.seconds / whole.seconds:.2f} "
        "times as fast | at least 1.85 |",
        f"| first submission, from command to report, minus its limit ({cold:.2f} s in all) | "
        f"{cold - figures.limit.seconds['right']:.2f} s | at most 2.5 s |",
        f"| peak memory of the marking process, {sizes.many:,} submissions minus {sizes.cohort:,} "
        f"({small.peak / 2**20:.0f} MB) | {growth:+.1f} MB | within 20 MB |",
        f"| {sizes.resumed:,} reports already there | {figures.resumed.seconds:.1f} s | 10 s for 10,000 |",
        f"| gradebook and index of {sizes.cohort:,} reports by a changed rubric | {figures.remarked.seconds:.2f} s | "
        "1 s for 300 |",
        f"| the same, with the pages of all reports | {figures.pages.seconds:.1f} s | – |",
        f"| the same checks by nbgrader, per submission, one at a time | {nbgrader} | – |",
        "",
        "Memory is measured with `--quick` on copies of the untouched starter, which take the least time. The reports "
        "that are already there are written by the store from one report, each with its own submission's key.",
        "",
    ]


def _stages(figures: Figures) -> list[str]:
    """Stages of the sandboxed run beside the same work in the worker alone."""
    verbs = {verb for seconds in figures.limit.verbs.values() for verb in seconds}
    in_process = {
        verb: sum(seconds.get(verb, 0.0) for seconds in figures.limit.verbs.values()) / figures.bases for verb in verbs
    }
    return [
        "## Where a submission's time goes",
        "",
        f"The mean of {figures.sizes.profile} submissions, one at a time, in the sandbox, once everything is warm. "
        "Beside it is the same work in the worker alone, in one process.",
        "",
        "| stage | seconds | of it in the worker |",
        "|---|---|---|",
        *(
            f"| {_STAGES.get(stage, f'probes: {stage}')} | {seconds:.4f} | {_or_dash(in_process.get(stage))} |"
            for stage, seconds in figures.stages.items()
        ),
        f"| all | {sum(figures.stages.values()):.4f} | {sum(in_process.values()):.4f} |",
        "",
    ]


def _or_dash(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.4f}"
