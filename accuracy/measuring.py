"""The figures: submissions are drawn, tried out and counted, and become the rows of one table. Prints nothing."""

from __future__ import annotations

import atexit
import random
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain
from typing import Any

from accuracy import diagnosis, equivalents, mutants, repeatability, seeds
from accuracy.examining import ASSIGNMENTS, DIFFERENT, Examiner

__all__ = ["Row", "Size", "measure"]


class Size:
    """How much is measured."""

    def __init__(self, *, quick: bool) -> None:
        self.mutants = 10 if quick else 200
        """For each assignment, as all the numbers here."""
        self.equivalents = 2 if quick else 60
        self.faulty = 8 if quick else 10_000
        self.pairs = 2 if quick else 60
        self.seeds = 1 if quick else 20
        self.starts = 1 if quick else 20
        self.runs = 20 if quick else 3_400
        """Seeds of which each has several right submissions graded, in all."""


@cache
def _examiner(seed: int, sandboxed: bool) -> Examiner:
    """One a process: the reference's evidence is computed once."""
    examiner = Examiner(seed, sandboxed=sandboxed)
    atexit.register(examiner.sandbox.close)
    return examiner


def _mutant(mutant: mutants.Mutant, seed: int, sandboxed: bool) -> mutants.Trial:
    return mutants.try_out(mutant, _examiner(seed, sandboxed))


def _equivalent(
    assignment: str, number: int, seed: int, count: int
) -> tuple[equivalents.Equivalent, dict[str, str], list[tuple[str, float]]]:
    equivalent = equivalents.drawn(assignment, seed, count)[number]
    lost, report = equivalents.try_out(equivalent, _examiner(seed, True))
    margins = [
        (f"{mark.id.split('.')[1]}, {name}", value)
        for mark in report.sheet.marks
        for name, value in mark.evidence.margins.items()
    ]
    return equivalent, lost, margins


def _faulty(faulty: diagnosis.Faulty, seed: int) -> diagnosis.Diagnosis:
    return diagnosis.try_out(faulty, _examiner(seed, False))


def _pair(assignment: str, number: int, seed: int) -> diagnosis.Diagnosis:
    return diagnosis.try_out(diagnosis.pair(assignment, number, seed), _examiner(seed, False))


def _again(assignment: str, names: tuple[str, ...], seed: int, order: int) -> list[tuple[str, str, Any]]:
    return [(assignment, name, marks) for name, marks in repeatability.again(assignment, names, seed, order).items()]


def _among_others(seed: int, jobs: int) -> list[tuple[str, str, Any]]:
    return [(*key, marks) for key, marks in repeatability.again_among_others(seed, jobs).items()]


def _started(seed: int) -> dict[str, tuple[bool, float]]:
    return repeatability.training_from(seed)


_TOGETHER = 3
"""Right submissions that are graded under one seed, in one run of the grader."""


def _under(seed: int) -> list[seeds.Graded]:
    return seeds.graded_under(seed, _TOGETHER)


Row = tuple[str, str, str]


def measure(
    size: Size, seed: int, run: Callable[[Callable[..., Any], list[tuple[Any, ...]]], Iterable[Any]]
) -> tuple[list[Row], list[str]]:
    """The table's rows (what, figure, of how many) and a line on everything that is not as it has to be.

    ``run`` does a function on many tuples of arguments, in any order.
    """
    rows: list[Row] = []
    wrong: list[str] = []
    for part in (_of_mutants, _of_equivalents, _of_diagnosis, _of_repeats, _of_starts, _of_seeds):
        more, faults = part(size, seed, run)
        rows += more
        wrong += faults
    return rows, wrong


def _of_mutants(size: Size, seed: int, run: Any) -> tuple[list[Row], list[str]]:
    tasks = []
    total = 0
    for assignment in ASSIGNMENTS:
        drawn, possible = mutants.draw(assignment, size.mutants, random.Random(f"mutants/{seed}/{assignment}"))
        # One in ten as students are graded, in the sandbox; the others in this process, which is faster.
        tasks += [(mutant, seed, number % 10 == 0) for number, mutant in enumerate(drawn)]
        total += possible
    trials: list[mutants.Trial] = list(run(_mutant, tasks))
    lost = [trial for trial in trials if trial.lost]
    proved = Counter(trial.why for trial in trials if trial.why)
    survivors = [trial for trial in trials if trial.survived]
    margins = sorted(trial.margin for trial in lost if trial.margin is not None)
    rows = [
        ("wrong submissions caught (mutants that lost a mark)", str(len(lost)), str(len(lost) + len(survivors))),
        ("mutants drawn, of all single edits", str(len(trials)), str(total)),
        ("mutants proved right by other means", str(sum(proved.values())), str(len(trials))),
        *[(f"    {why}", str(count), "") for why, count in proved.most_common()],
        ("mutants that survived", str(len(survivors)), str(len(trials))),
    ]
    if margins:
        rows.append(("least departure of a wrong one, in tolerances", f"{margins[0]:.3g}", f"{len(margins)} measured"))
    lines = [
        f"survived: {trial.mutant.assignment}, {trial.mutant.style}, {trial.mutant.definition}: {trial.mutant.edit}"
        for trial in survivors
    ]
    return rows, lines


def _of_equivalents(size: Size, seed: int, run: Any) -> tuple[list[Row], list[str]]:
    count = size.equivalents
    tasks = [(assignment, number, seed, count) for assignment in ASSIGNMENTS for number in range(count)]
    tried = list(run(_equivalent, tasks))
    full = [equivalent for equivalent, lost, _ in tried if not lost]
    rows = [
        ("right submissions with all their points (equivalents)", str(len(full)), str(len(tried))),
        *_margin_rows(measured for _, _, measured in tried),
    ]
    return rows, [
        f"lost: {each.assignment} number {each.number} {', '.join(each.choices)}: {lost}"
        for each, lost, _ in tried
        if lost
    ]


def _margin_rows(measured: Iterable[Iterable[tuple[str, float]]]) -> list[Row]:
    """The most that right submissions used of each tolerance."""
    margins: dict[str, float] = {}
    for name, value in chain.from_iterable(measured):
        margins[name] = max(value, margins.get(name, 0.0))
    return [
        (f"    most used of what is allowed: {name}", f"{value:.2g}", "") for name, value in sorted(margins.items())
    ]


def _of_diagnosis(size: Size, seed: int, run: Any) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    wrong: list[str] = []
    single: list[tuple[Any, ...]] = []
    double: list[tuple[Any, ...]] = []
    for assignment in DIFFERENT:
        every = list(diagnosis.faulty(assignment))
        drawn = random.Random(f"faulty/{seed}/{assignment}").sample(every, min(size.faulty, len(every)))
        single += [(faulty, seed) for faulty in drawn]
        double += [(assignment, number, seed) for number in range(size.pairs)]
    for what, least, function, tasks in (("one fault", 95, _faulty, single), ("two faults", 80, _pair, double)):
        diagnoses = list(run(function, tasks))
        for assignment in DIFFERENT:
            own = [each for each in diagnoses if each.faulty.assignment == assignment]
            named = [each for each in own if each.named in ("yes", "equal")]
            rows.append((f"submissions with {what} that is named: {assignment}", str(len(named)), str(len(own))))
            if 100 * len(named) < least * len(own):
                wrong += [
                    f"not named: {assignment}, {each.faulty.thing}: {each.faulty.description}: {each.actual}"
                    for each in own
                    if each not in named
                ]
        equal = sum(each.named == "equal" for each in diagnoses)
        rows.append(("    of them by the name of another that is the same function", str(equal), ""))
    return rows, wrong


def _of_repeats(size: Size, seed: int, run: Any) -> tuple[list[Row], list[str]]:
    tasks = []
    for assignment in DIFFERENT:
        right, *wrong_ones = repeatability.submissions(assignment)
        for number in range(size.seeds):
            # Wrong ones take turns; the first seed has them all, for the others to be compared with.
            names = wrong_ones if number == 0 else [wrong_ones[number % len(wrong_ones)]]
            tasks.append((assignment, (right, *names), seed + number, number % 3))
    graded = [marks for batch in run(_again, tasks) for marks in batch]
    for batch in run(_among_others, [(seed, jobs) for jobs in (2, 3)]):
        graded += batch
    first: dict[tuple[str, str], Any] = {}
    same, wrong = 0, []
    for assignment, name, marks in graded:
        expected = first.setdefault((assignment, name), marks)
        same += marks == expected
        if marks != expected:
            differing = {id: (expected.get(id), mark) for id, mark in marks.items() if expected.get(id) != mark}
            wrong.append(f"other marks: {assignment}, {name}: {differing}")
    return [("repeats with the same marks (other seeds, orders, jobs)", str(same), str(len(graded)))], wrong


def _of_starts(size: Size, seed: int, run: Any) -> tuple[list[Row], list[str]]:
    tasks = [(seed + number,) for number in range(size.starts)]
    passed = total = 0
    most, wrong = 0.0, []
    for (of,), started in zip(tasks, run(_started, tasks), strict=True):
        for what, (ok, used) in started.items():
            total, passed, most = total + 1, passed + ok, max(most, used)
            if not ok:
                wrong.append(f"a right network did not pass: {what}, seed {of}")
    rows = [
        ("right networks that learn from unusual starts", str(passed), str(total)),
        ("    most used of what is allowed", f"{most:.2g}", ""),
    ]
    return rows, wrong


def _of_seeds(size: Size, seed: int, run: Any) -> tuple[list[Row], list[str]]:
    graded = [each for batch in run(_under, [(seed + number,) for number in range(size.runs)]) for each in batch]
    full = [each for each in graded if not each.lost]
    rows = [
        (f"gradings of right submissions with all their points, {size.runs:,} seeds", str(len(full)), str(len(graded))),
        *_margin_rows(each.margins.items() for each in graded),
    ]
    return rows, [f"lost: {each.name}: {each.lost}" for each in graded if each.lost]
