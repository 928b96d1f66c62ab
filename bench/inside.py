"""Measures that only the inside of a process shows. As a program it prints JSON:

    python -m bench.inside limit COUNT | profile COUNT | tables | reports FOLDER OUT

The *limit* is what the probes of a submission cost when nothing else is done: the worker's own code loads its
definitions and answers its probes in this process, one after the other, and everything that is computed once per run is
there already.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from bench.figures import Limit
from bench.submissions import ASSIGNMENT, BASES, FIXTURES, cohort
from grader.cohort.batch import run
from grader.cohort.grader import KeyOf, Watch
from grader.cohort.machine import ThisMachine
from grader.examined import Earlier
from grader.intake import Found, find, read
from grader.marking.rubric_file import load
from grader.pipeline import Grading, Options
from grader.report.files import RenderedReport, from_files, rendered
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.session import Session
from grader.sandbox.terms import Limits
from grader.store.folder import Store
from grader.worker.handler import Handler
from grader.worker.session.tables import compared, watched
from grader.worker.witness import ACCEPT, CHECK
from reference.data import load_horses
from reference.shipped import shipped

SEED = 1
Message = Mapping[str, Any]
"""A request to a session, as JSON."""
Tensors = Mapping[str, Tensor]
Value = TypeVar("Value")


class Clock:
    """Adds up seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def time(self, stage: str, do: Callable[[], Value]) -> Value:
        begin = time.perf_counter()
        try:
            return do()
        finally:
            self.seconds[stage] += time.perf_counter() - begin


def _kind(message: Message) -> str:
    """What a message asks for; several probes in one message are all of one kind."""
    return str(message["probes"][0]["do"] if message["do"] == "several" else message["do"])


class InProcess:
    """A session without a process of its own: the worker's handler is called in this one."""

    output = ""
    spent = 0.0
    dropped = 0

    def __init__(self, clock: Clock) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self._handler = Handler(Path(self._folder.name))
        self._clock = clock

    def ask(self, message: Message, tensors: Tensors | None = None, **limits: Any) -> tuple[Any, Any]:
        given = dict(message), {name: tensor.clone() for name, tensor in (tensors or {}).items()}
        return self._clock.time(_kind(message), lambda: self._handler.handle(*given))

    def close(self) -> None:
        self._folder.cleanup()


class TimedSession:
    """A session of the real sandbox, timed by what it is asked for."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session, self._clock = session, clock

    def ask(self, message: Message, tensors: Tensors | None = None, **limits: Any) -> tuple[Any, Any]:
        return self._clock.time(_kind(message), lambda: self._session.ask(message, tensors, **limits))

    def close(self) -> None:
        self._clock.time("closing the session", self._session.close)

    @property
    def output(self) -> str:
        return self._session.output

    @property
    def dropped(self) -> int:
        return self._session.dropped

    @property
    def spent(self) -> float:
        return self._session.spent


class Sandboxes:
    """Takes the place of the sandbox and times its sessions; without a real sandbox they run in this process."""

    isolation = "none"
    limits = Limits(memory=4 << 30)
    layers: Mapping[str, str] = {}

    def __init__(self, clock: Clock, real: Sandbox | None = None) -> None:
        self._clock, self._real = clock, real

    def open(self) -> InProcess | TimedSession:
        if self._real is None:
            return InProcess(self._clock)
        return TimedSession(self._clock.time("opening the session", self._real.open), self._clock)

    def close(self) -> None:
        pass


def _grading(sandbox: Any, *, quick: bool = False) -> Grading:
    """A grading with the options that the command line gives it."""
    options = Options(seed=SEED, quick=quick, seconds=120.0, probe_seconds=10.0)
    return Grading(load(shipped("rubric.yaml")), load_horses(None), sandbox, options)


def _found(base: str) -> Found:
    return find([FIXTURES / base / "submission"], mode="one").found[0]


def limit(count: int) -> Limit:
    """Mean seconds of the tensor work of each base, over a cohort of ``count`` submissions.

    Every submission counts once, as in the cohort that is graded. So other work of the machine slows down both.
    """
    torch.set_num_threads(1)
    grading = _grading(Sandboxes(Clock()))
    for base in BASES:
        grading.grade(_found(base))  # what is computed once per run is there from now on
    # As in a session, and in a run of the command: the collector does not look through the examiner's objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    clocks: dict[str, list[Clock]] = defaultdict(list)
    for number in range(max(count, len(BASES))):
        base = BASES[number % len(BASES)]
        clocks[base].append(Clock())
        grading.sandbox = Sandboxes(clocks[base][-1])  # type: ignore[assignment]
        grading.grade(_found(base))
    verbs = {
        base: {verb: sum(clock.seconds[verb] for clock in each) / len(each) for verb in each[0].seconds}
        for base, each in clocks.items()
    }
    seconds = {base: sum(by_verb.values()) - by_verb["outline"] for base, by_verb in verbs.items()}
    return Limit(seconds, verbs)


def profile(count: int) -> dict[str, float]:
    """Mean seconds of each stage of a submission, one at a time, in the sandbox, once everything is warm."""
    torch.set_num_threads(1)
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Sandbox(limits=Limits(memory=4 << 30)) as real:
        cohort(Path(folder) / "in", len(BASES))
        findings = find([Path(folder) / "in"], mode="many").found
        grading = _grading(Sandboxes(Clock(), real))
        for found in findings:
            grading.grade(found)
        grading.sandbox = Sandboxes(clock, real)  # type: ignore[assignment]
        with Store(Path(folder) / "out") as store:
            for found in [findings[number * len(findings) // count] for number in range(count)]:
                submission = clock.time("reading", partial(read, found))
                begin, before = time.perf_counter(), sum(clock.seconds.values())
                report = grading.grade(submission)
                whole = time.perf_counter() - begin
                clock.seconds["comparing"] += whole - (sum(clock.seconds.values()) - before)
                rendering = clock.time("rendering", partial(rendered, report, key="key", folder=found.folder))
                clock.time("writing", partial(store.save, found, rendering, None))
    return {stage: seconds / count for stage, seconds in clock.seconds.items()}


def tables() -> dict[str, float]:
    """Processor seconds that the comparison of the worker's tables takes, after each message of each base."""
    torch.set_num_threads(1)
    look, spent = compared(watched("grader.worker")), [0.0]

    def timed(do: Callable[[], object]) -> None:
        begin = time.process_time()
        do()
        spent[0] += time.process_time() - begin

    class Looking(InProcess):
        def ask(self, message: Message, tensors: Tensors | None = None, **limits: Any) -> tuple[Any, Any]:
            answer = super().ask(message, tensors, **limits)
            timed(look.changes)
            return answer

    does = {CHECK: look.changes, ACCEPT: look.accept}
    sys.addaudithook(lambda event, args: timed(does[event]) if event in does else None)
    seconds = {}
    for base in BASES:
        grading = _grading(Sandboxes(Clock()))
        grading.sandbox.open = lambda: Looking(Clock())  # type: ignore[method-assign,assignment,return-value]
        spent[0] = 0.0
        grading.grade(_found(base))
        seconds[base] = spent[0]
    return seconds


def write_reports(folder: Path, out: Path) -> None:
    """Write a report for every submission in ``folder``, as the command would, but make them all from one report."""
    with Sandbox(limits=Limits(memory=4 << 30)) as real:
        grading = _grading(real, quick=True)
        findings = find([folder], mode="many")
        run(_Copying(grading, findings.found[0]), findings.found, out, jobs=1, events=_Silent())


class _Copying(ThisMachine):
    """Grades one submission, and gives every other the same report under its own name."""

    def __init__(self, grading: Grading, first: Found) -> None:
        super().__init__(grading)
        self._files = rendered(grading.grade(first), key="key", folder=first.folder).files
        self._document = json.loads(self._files["report.json"])

    def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
        submission = read(found)
        self._document["submission"] |= {"id": submission.id, "sha256": submission.sha256}
        self._document["run"]["details"]["key"] = key_of(submission.sha256, ASSIGNMENT)
        files = {**self._files, "report.json": json.dumps(self._document).encode()}
        return from_files(files, folder=found.folder)


@dataclasses.dataclass
class _Silent:
    """Events of a run that nobody sees."""

    problems: dict[str, str] = dataclasses.field(default_factory=lambda: defaultdict(str))

    def started(self, id: str) -> None: ...
    def stage(self, id: str, what: str) -> None: ...
    def finished(self, line: object) -> None: ...
    def problem(self, id: str, sentence: str) -> None:
        self.problems[id] = sentence


if __name__ == "__main__":
    measure, *arguments = sys.argv[1:]
    measures: dict[str, Callable[[], object]] = {
        "limit": lambda: dataclasses.asdict(limit(int(arguments[0]))),
        "profile": lambda: profile(int(arguments[0])),
        "tables": tables,
        "reports": lambda: write_reports(Path(arguments[0]), Path(arguments[1])),
    }
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):  # some fixtures print
        result = measures[measure]()
    print(json.dumps(result))
