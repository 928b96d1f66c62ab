"""Many submissions: in parallel, resumable, and never stopped by one of them.

Threads, because the tensor work of a submission runs in a process of its own and what is left here waits for it; so the
reference's evidence is there once. A report is written as soon as it is there, and only its row and counts are kept.

A submission on which the grader itself fails is tried once more. Then it gets a report that says so, in which every
automatic criterion is an ``error``: that costs the student nothing, and a person must look. The next run tries again.
"""

from __future__ import annotations

import dataclasses
import datetime
import gc
import hashlib
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader import __version__
from grader.cohort.events import Elsewhere, Events, Failure, Line, RunError, Summary
from grader.cohort.majority import with_the_cohorts_assignment
from grader.detect import Detected, detect
from grader.display import display
from grader.gradebook.inputs import Changes, recall_lateness, recall_roster, with_rubric
from grader.gradebook.summary import summarise
from grader.intake import Found, StoredFile, read
from grader.marking.evidence import Evidence
from grader.marking.rubric import Assignment, Rubric
from grader.marking.sheet import mark
from grader.marking.verdicts import Flag, Outcome, Verdict
from grader.report import Report, Run
from grader.report.files import rendered
from grader.report.rows import Row
from grader.sandbox.cores import keep_to_share
from grader.store.cache import signature
from grader.store.files import StoreError
from grader.store.folder import Occupied, Store
from grader.store.keys import fingerprint, report_key
from grader.worker.protocol import Outline

if TYPE_CHECKING:
    from grader.pipeline import Grading

__all__ = ["failed_report", "refuse_to_write_among", "run"]


def run(
    grading: Grading,
    found: Sequence[Found],
    out: Path,
    *,
    jobs: int,
    fresh: bool = False,
    events: Events,
    many: bool = True,
    lists: Changes = Changes(),  # noqa: B008 (frozen)
    elsewhere: Elsewhere | None = None,
) -> Summary:
    """Grade submissions, ``jobs`` at a time, into ``out``; skip those whose report is there, unless ``fresh``.

    Ends with ``gradebook.csv`` and ``index.html`` over all reports in ``out``, unless ``many`` is False; ``lists`` is
    what ``out`` is to remember for them from now on. ``elsewhere`` grades on other machines; then ``grading`` only says
    how. After Ctrl-C nothing new is begun, what is under way is dropped, the sandbox is closed, and the summary says
    what is
    left. Sets ``grading.progress``, and torch's threads in this process to 1. Raises StoreError, RunError, and
    ListError for a list that ``out`` remembers and that was spoilt; what was written is whole.
    """
    import torch

    if len({one.folder.lower() for one in found}) < len(found):
        raise ValueError("no two submissions may have the same folder")
    refuse_to_write_among(found, out, many=many)
    torch.set_num_threads(1)
    # What is imported by now stays, and looking through all of it for garbage takes a tenth of a second each time; what
    # a submission leaves behind is little.
    gc.freeze()
    gc.set_threshold(10_000)
    with Store(out, apart=many) as store:
        store.record_seed(grading.options.seed)
        assignments = grading.rubric.assignments
        if many:
            with_rubric(lists, grading.rubric).make(out)
            if grading.options.assignment is None:
                found = with_the_cohorts_assignment(found, assignments)
            recall_roster(out), recall_lateness(out, assignments)  # spoilt ones are told before hours of work
        batch = _Batch(grading, store, events, fresh, elsewhere)
        summary = batch.run(found, max(1, jobs))
        if many and not summary.left:
            summarise(out, assignments=assignments, problem=lambda sentence: events.problem("", sentence))
    return summary


def failed_report(found: Found, rubric: Rubric, reason: str, *, run: Run, assignment: str | None = None) -> Report:
    """The report of a submission on which the grader itself failed: every automatic criterion is an error.

    ``reason`` is for the marker and goes into the evidence. Never raises for what a student handed in, even where
    reading it is what failed: then no files are listed.
    """
    try:
        submission = read(found)
        files, sha256, flags = submission.files, submission.sha256, submission.flags
    except Exception:  # a defect of ours; the report is still due
        files, sha256, flags = (), hashlib.sha256().hexdigest(), found.flags
    detected = _detected(rubric, files, assignment, found.assignment)
    guessed = () if detected.sure else (Flag("assignment-guessed", detected.sentence),)
    flags = (*flags, *guessed, Flag("grader-failed", f"The grader itself failed on this submission: {reason}"))
    graded = rubric.assignments[detected.assignment]
    told = "The grader itself failed on this submission. It costs no points, and a person will look at it."
    verdicts = [
        Verdict(criterion.id, Outcome.ERROR, told, evidence=Evidence(facts={"fault": reason}))
        for criterion in graded.criteria
        if criterion.check is not None
    ]
    return Report(
        submission_id=found.id,
        sha256=sha256,
        files=files,
        assignment_id=graded.id,
        assignment_title=graded.title,
        detected=detected.sentence,
        code_files=(),
        sheet=mark(graded, verdicts, flags),
        flags=flags,
        left_out=(),
        remarks=(told,),
        output="",
        run=run,
        part_titles={part.id: part.title for part in graded.parts},
    )


def _detected(rubric: Rubric, files: Sequence[StoredFile], assignment: str | None, cohorts: str | None) -> Detected:
    """By file names alone: whatever says more of the submission has failed."""
    if assignment is not None:
        return Detected(assignment, f"{assignment}, as the command line says.", True)
    return detect(rubric.assignments, [file.path for file in files], Outline(), cohorts=cohorts)


class _Stopped(BaseException):
    """Leaves the grading of a submission; no Exception, so that nobody takes it for a failure."""


class _Batch:
    """One run: what its threads share."""

    def __init__(
        self, grading: Grading, store: Store, events: Events, fresh: bool, elsewhere: Elsewhere | None = None
    ) -> None:
        self._grading = grading
        self._store = store
        self._events = events
        self._fresh = fresh
        self._elsewhere = elsewhere
        settings = _settings(grading)
        self._settings = fingerprint(settings)
        # a report with training has all that one without would have
        self._accepted = [self._settings, *([fingerprint({**settings, "quick": False})] if settings["quick"] else [])]
        self._assignments = {id: fingerprint(_as_graded(one)) for id, one in grading.rubric.assignments.items()}
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self._counts = dict.fromkeys(("graded", "resumed", "needs_review", "ungradable"), 0)
        self._failed: list[Failure] = []
        self._lowest: Fraction | None = None
        self._without_report = 0
        grading.progress = self._stage

    def run(self, found: Sequence[Found], jobs: int) -> Summary:
        todo = iter(found)
        # Daemons, so that whoever presses Ctrl-C twice need not wait for what is under way.
        jobs = min(jobs, len(found))
        threads = [threading.Thread(target=self._work, args=(todo, job, jobs), daemon=True) for job in range(jobs)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            self._stop.set()
            self._grading.sandbox.close()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        if self._fault is not None:
            raise self._fault
        with self._mutex:
            self._stop.set()
            done = self._counts["graded"] + self._counts["resumed"] + self._without_report
            failed = tuple(sorted(self._failed, key=lambda failure: failure.id))
            return Summary(**self._counts, failed=failed, lowest=self._lowest, left=len(found) - done)

    def _work(self, todo: Iterator[Found], job: int, jobs: int) -> None:
        keep_to_share(job, jobs)
        try:
            while (found := self._next(todo)) is not None:
                self._one(found)
        except BaseException as fault:  # StoreError, or a defect outside grading: the whole run ends with it
            with self._mutex:
                self._fault = self._fault or fault
            self._stop.set()

    def _next(self, todo: Iterator[Found]) -> Found | None:
        with self._mutex:
            return None if self._stop.is_set() else next(todo, None)

    def _one(self, found: Found) -> None:
        if not self._fresh and (row := self._there(found)) is not None:
            self._finished(row, resumed=True)
            return
        self._tell(lambda: self._events.started(found.id))
        sources = signature(found.sources)
        contents, reason = self._contents(found)
        if self._stop.is_set():
            return  # it may have failed for no other reason than that the sandbox was closed
        if contents is None:
            self._without(found, reason)
            return
        kept: list[str] = []
        try:
            row = self._store.save(found, contents, sources, kept.append)
        except Occupied as why:
            self._without(found, str(why))
            self._problem(found.id, str(why))
            return
        for sentence in kept:
            self._problem(found.id, sentence)
        self._finished(row, resumed=False, reason=reason)

    def _without(self, found: Found, reason: str) -> None:
        """Nothing could be written of a submission."""
        with self._mutex:
            self._without_report += 1
            self._failed.append(Failure(found.id, reason))

    def _problem(self, id: str, sentence: str) -> None:
        self._tell(lambda: self._events.problem(id, sentence))

    def _there(self, found: Found) -> Row | None:
        def keys(sha256: str, assignment: str) -> Collection[str]:
            return [self._key(found, sha256, assignment, one) for one in self._accepted]

        try:
            return self._store.find(found, keys, lambda: read(found).sha256)
        except StoreError:
            raise
        except Exception:  # a defect in reading; grading runs into it as well, and there it is reported
            return None

    def _contents(self, found: Found) -> tuple[dict[str, bytes] | None, str]:
        """A submission's files, and why the grader failed on it, if it did."""
        reason = ""
        for _ in range(2):
            try:
                return self._graded(found), ""
            except _Stopped:
                return None, ""
            except RunError:
                raise
            except Exception as fault:  # ours, whatever it is: a submission's own failures are verdicts by now
                if self._stop.is_set():
                    return None, ""
                reason = _sentence(fault)
        try:
            contents = self._rendered(found, self._failed_report(found, reason))
        except Exception as fault:
            contents, reason = None, f"{reason}; and no report of that could be written: {_sentence(fault)}"
        self._problem(found.id, reason)
        return contents, reason

    def _graded(self, found: Found) -> dict[str, bytes]:
        if self._elsewhere is None:
            return self._rendered(found, self._grading.grade(found))
        self._stage(found.id, "reading")
        submission = read(found)
        keys = {id: self._key(found, submission.sha256, id) for id in self._assignments}
        self._stage(found.id, "on the cluster")
        return dict(self._elsewhere(submission, keys, self._stop.is_set))

    def _failed_report(self, found: Found, reason: str) -> Report:
        import torch

        options = self._grading.options
        how = Run(
            version=__version__,
            seed=options.seed,
            device=options.device,
            isolation=self._grading.sandbox.isolation,
            torch=str(torch.__version__),
            seconds=0.0,
            started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            rubric_sha256=self._grading.rubric.sha256,
            details={"known_as": found.known_as} if found.known_as else {},
        )
        return failed_report(found, self._grading.rubric, reason, run=how, assignment=options.assignment)

    def _rendered(self, found: Found, report: Report) -> dict[str, bytes]:
        return rendered(report, self._key(found, report.sha256, report.assignment_id))

    def _key(self, found: Found, sha256: str, assignment: str, settings: str = "") -> str:
        part = self._assignments.get(assignment, "")
        return report_key(found=found, sha256=sha256, assignment=part, settings=settings or self._settings)

    def _finished(self, row: Row, *, resumed: bool, reason: str = "") -> None:
        line = Line(
            row.id,
            row.assignment,
            row.score,
            row.max_score,
            row.pending_points,
            row.percent,
            row.status,
            row.seconds,
            resumed,
        )
        with self._mutex:
            self._counts["resumed" if resumed else "graded"] += 1
            if row.status in self._counts:
                self._counts[row.status] += row.status != "graded"
            if row.errors:
                self._failed.append(Failure(row.id, reason or f"it failed on {', '.join(row.errors)}"))
            if row.percent is not None:
                self._lowest = row.percent if self._lowest is None else min(self._lowest, row.percent)
        self._tell(lambda: self._events.finished(line))

    def _stage(self, id: str, what: str) -> None:
        """Also the place where grading is left once the run is stopped: torch must not be cut off in mid-work."""
        self._tell(lambda: self._events.stage(id, what))
        if self._stop.is_set():
            raise _Stopped

    def _tell(self, event: Callable[[], None]) -> None:
        """Raises nothing: what fails in a listener is no failure of the submission that is being graded."""
        with self._mutex:
            try:
                event()
            except BaseException as fault:
                self._fault = self._fault or fault
                self._stop.set()


def _as_graded(assignment: Assignment) -> Assignment:
    """What reports hold of a rubric. Lateness changes no mark, and notes for markers stand in the index alone, which is
    made anew each time; titles stand in every report, so a title that changes is graded again."""
    parts = tuple(
        dataclasses.replace(part, criteria=tuple(dataclasses.replace(one, look_for="") for one in part.criteria))
        for part in assignment.parts
    )
    return dataclasses.replace(assignment, late=None, parts=parts)


def _settings(grading: Grading) -> dict[str, Any]:
    """What marks depend on besides the submission and its rubric. Isolation is no part of it: it changes no mark."""
    import torch

    options, horses = grading.options, grading.horses
    data = hashlib.sha256()
    arrays: list[Any] = [horses.train, horses.test, *(horses.colours[count] for count in sorted(horses.colours))]
    for pictures in arrays:
        data.update(f"{pictures.shape} {pictures.dtype}\n".encode())
        data.update(pictures.tobytes())
    return {
        # What tells the assignments apart is all that a report knows of the others.
        "assignment": options.assignment or [(one.id, one.code) for one in grading.rubric.assignments.values()],
        "seed": options.seed,
        "device": options.device,
        "quick": options.quick,
        "seconds": options.seconds,
        "probe_seconds": options.probe_seconds,
        "memory": grading.sandbox.limits.memory,
        "data": (horses.name, data.hexdigest()),
        "torch": str(torch.__version__),
    }


def _sentence(fault: Exception) -> str:
    said = display(" ".join(str(fault).split()), limit=300)
    return f"{type(fault).__name__}: {said}" if said else type(fault).__name__


def refuse_to_write_among(found: Sequence[Found], out: Path, *, many: bool, given: Sequence[Path] = ()) -> None:
    """Raises StoreError where reports in ``out`` would pass for handed in, or hide what was. ``given`` are the paths
    that were searched."""
    top = out.resolve()
    for path in given if many else ():
        around = path.resolve()
        inside = around == top or around in top.parents
        if around.is_dir() and inside and (around == top or any(top in one.sources[0].parents for one in found)):
            raise StoreError(
                f"{display(str(out), limit=300)} is where the submissions are, and reports there would pass for handed "
                "in: name another folder with --out"
            )
    for one in found:
        place = top / one.folder
        for source in one.sources:
            real = source.resolve()
            if top == real or place == real or place in real.parents or (len(found) > 1 and real in top.parents):
                raise StoreError(
                    f"reports must not be written among what was handed in, and {display(str(real), limit=300)} is a "
                    "submission: name another folder with --out"
                )
