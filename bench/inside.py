"""What is measured inside one process; as a program it prints JSON: ``python -m bench.inside limit|profile|there …``.

The *limit* is what the probes of a submission cost when nothing else is done: its definitions loaded and its probes
answered by the worker's own code, in this process, one after the other, while everything that is computed once in a run
is there already.
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
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from bench.submissions import ASSIGNMENT, BASES, FIXTURES, cohort
from grader.cohort.batch import run
from grader.cohort.grader import KeyOf, Watch
from grader.cohort.machine import ThisMachine
from grader.intake import Found, find, read
from grader.marking.rubric_file import load
from grader.pipeline import Grading, Options
from grader.report.files import RenderedReport, from_files, rendered
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.terms import Limits
from grader.store.folder import Store
from grader.worker.handler import Handler
from reference.data import load_horses
from reference.shipped import shipped

SEED = 1


class Clock:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def time(self, what: str, do: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        try:
            return do()
        finally:
            self.seconds[what] += time.perf_counter() - begun


def _kind(message: Mapping[str, Any]) -> str:
    """The verb; of several probes in one message, which are of one kind, theirs."""
    return str(message["probes"][0]["do"] if message["do"] == "several" else message["do"])


class InProcess:
    """A session without a process: the worker's handler is called here."""

    output = ""

    def __init__(self, clock: Clock) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self._handler = Handler(Path(self._folder.name))
        self._clock = clock

    def ask(self, message: Mapping[str, Any], tensors: Mapping[str, Any] | None = None, *, seconds: float) -> Any:
        given = dict(message), {name: tensor.clone() for name, tensor in (tensors or {}).items()}
        return self._clock.time(_kind(message), lambda: self._handler.handle(*given))

    def close(self) -> None:
        self._folder.cleanup()


class TimedSession:
    """A session of the real sandbox, timed by verb."""

    def __init__(self, session: Any, clock: Clock) -> None:
        self._session, self._clock = session, clock

    def ask(self, message: Mapping[str, Any], tensors: Any = None, *, seconds: float) -> Any:
        return self._clock.time(_kind(message), lambda: self._session.ask(message, tensors, seconds=seconds))

    def close(self) -> None:
        self._clock.time("closing the session", self._session.close)

    @property
    def output(self) -> str:
        return str(self._session.output)


class Sandboxes:
    """Stands in for the sandbox and times what it opens; without a real one, sessions run in this process."""

    isolation = "none"
    limits = Limits(memory=4 << 30)
    layers: Mapping[str, str] = {}

    def __init__(self, clock: Clock, real: Sandbox | None = None) -> None:
        self._clock, self._real = clock, real

    def open(self) -> Any:
        if self._real is None:
            return InProcess(self._clock)
        return TimedSession(self._clock.time("opening the session", self._real.open), self._clock)

    def close(self) -> None:
        pass


def _grading(sandbox: Any, *, quick: bool = False) -> Grading:
    """As the command line has it."""
    how = Options(seed=SEED, quick=quick, seconds=120.0, probe_seconds=10.0)
    return Grading(load(shipped("rubric.yaml")), load_horses(None), sandbox, how)


def _found(base: str) -> Found:
    return find([FIXTURES / base / "submission"], mode="one").found[0]


def limit(count: int) -> dict[str, Any]:
    """Mean seconds of the tensor work of each base, by base and by verb, over a cohort of ``count`` submissions.

    Every submission counts once, as in the cohort that is graded: what else the machine does, it does to both.
    """
    torch.set_num_threads(1)
    grading = _grading(Sandboxes(Clock()))
    for base in BASES:
        grading.grade(_found(base))  # what is computed once in a run is there from now on
    # as in a session, and in a run of the command: garbage of the examiner's is not looked for meanwhile
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
    return {
        "limit": {base: sum(seconds.values()) - seconds["outline"] for base, seconds in verbs.items()},
        "verbs": verbs,
    }


def profile(count: int) -> dict[str, float]:
    """Mean seconds of each stage of a submission, one at a time, in the sandbox, once everything is warm."""
    torch.set_num_threads(1)
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Sandbox(limits=Limits(memory=4 << 30)) as real:
        cohort(Path(folder) / "in", len(BASES))
        found = find([Path(folder) / "in"], mode="many").found
        grading = _grading(Sandboxes(Clock(), real))
        for one in found:
            grading.grade(one)
        grading.sandbox = Sandboxes(clock, real)  # type: ignore[assignment]
        with Store(Path(folder) / "out") as store:
            chosen = [found[number * len(found) // count] for number in range(count)]
            for one in chosen:
                submission = clock.time("reading", lambda one=one: read(one))
                begun, before = time.perf_counter(), sum(clock.seconds.values())
                report = grading.grade(submission)
                whole = time.perf_counter() - begun
                clock.seconds["comparing"] += whole - (sum(clock.seconds.values()) - before)
                made = clock.time(
                    "rendering", lambda report=report, one=one: rendered(report, key="key", folder=one.folder)
                )
                clock.time("writing", lambda one=one, made=made: store.save(one, made, None))
    return {what: seconds / count for what, seconds in clock.seconds.items()}


def there(folder: str, out: str) -> dict[str, Any]:
    """Reports of all submissions in ``folder``, as the command line would write them, but all made from one."""
    clock = Clock()
    with Sandbox(limits=Limits(memory=4 << 30)) as real:
        grading = _grading(real, quick=True)
        findings = find([Path(folder)], mode="many")
        grader = _Copying(grading, findings.found[0])
        clock.time("making", lambda: run(grader, findings.found, Path(out), jobs=1, events=_Silent()))
    return {"seconds": clock.seconds["making"]}


class _Copying(ThisMachine):
    """Grades one submission, and gives every other the same report under its own name."""

    def __init__(self, grading: Grading, first: Found) -> None:
        super().__init__(grading)
        self._files = rendered(grading.grade(first), key="key", folder=first.folder).files
        self._document = json.loads(self._files["report.json"])

    def grade(self, found: Found, key_of: KeyOf, watch: Watch) -> RenderedReport:
        submission = read(found)
        self._document["submission"] |= {"id": submission.id, "sha256": submission.sha256}
        self._document["run"]["details"]["key"] = key_of(submission.sha256, ASSIGNMENT)
        files = {**self._files, "report.json": json.dumps(self._document).encode()}
        return from_files(files, folder=found.folder)


@dataclasses.dataclass
class _Silent:
    """Listens and says nothing."""

    problems: dict[str, str] = dataclasses.field(default_factory=lambda: defaultdict(str))

    def started(self, id: str) -> None: ...
    def stage(self, id: str, what: str) -> None: ...
    def finished(self, line: object) -> None: ...
    def problem(self, id: str, sentence: str) -> None:
        self.problems[id] = sentence


if __name__ == "__main__":
    what, *more = sys.argv[1:]
    measures = {
        "limit": lambda: limit(int(more[0])),
        "profile": lambda: profile(int(more[0])),
        "there": lambda: there(more[0], more[1]),
    }
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):  # fixtures print
        done = measures[what]()
    print(json.dumps(done))
