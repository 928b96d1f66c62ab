"""Many submissions: in parallel, resumable, and never stopped by one of them.

A thread per job hands out submissions, and waits while the grader has them graded elsewhere: by a process of its own
(``jobs``), or by a node of a cluster. A report is written as soon as it is made, and only its row is counted.

Where only the rubric was changed, the gradebook is written first, by the evidence that is there; then the reports are
marked again, one by one. A submission is examined again only where its evidence does not suffice, and only in part.

A submission on which the grader itself fails is tried once more, where that may help. If that fails too, it gets a
report that says so, in which every automatic criterion is an ``error``: that costs the student nothing, and a person
must look at it. The next run tries again.
"""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from grader.cohort.events import Events, Failure, Line, Summary
from grader.cohort.failure import failed_report, sentence_about
from grader.cohort.grader import Grader, RunError, Undone
from grader.cohort.keys import ReportKeys
from grader.cohort.majority import with_the_cohorts_assignment
from grader.cohort.places import refuse_to_write_among
from grader.cohort.starters import with_the_cohorts_starters
from grader.examined import Earlier, earlier, remarked
from grader.gradebook.inputs import Changes, applied, recall_lateness, recall_roster, what_changes, with_rubric
from grader.gradebook.summary import has_gradebook, summarise
from grader.intake import Found, read
from grader.marking.basis import marks_part
from grader.report import Report
from grader.report.files import RenderedReport, rendered
from grader.report.rows import Row
from grader.sandbox.cores import keep_to_share
from grader.store.files import StoreError
from grader.store.folder import Occupied, Store
from grader.store.keys import with_marks
from grader.store.signature import signature

__all__ = ["run"]


_TRIES = 2
"""How often a submission on which the grader fails is graded."""


def run(
    grader: Grader,
    submissions: Sequence[Found],
    out: Path,
    *,
    jobs: int,
    events: Events,
    fresh: bool = False,
    many: bool = True,
    lists: Changes = Changes(),  # noqa: B008 (frozen)
) -> Summary:
    """Grade submissions, ``jobs`` at a time, into ``out``; leave those that have a valid report, unless ``fresh``.

    Ends with ``gradebook.csv`` and ``index.html`` over all reports in ``out``; with ``many`` False, only if they are
    there already. ``lists`` is what ``out`` is to remember for these from now on. What another rubric than the reports'
    changes is told first. After Ctrl-C no submission is begun, what is under way is dropped, the grader is stopped, and
    the summary says how many are left. Sets torch's threads in this process to 1.

    Raises StoreError, RunError, and ListError for a list that ``out`` remembers and that was damaged. Reports that
    were written by then are whole.
    """
    if len({found.folder.lower() for found in submissions}) < len(submissions):
        raise ValueError("no two submissions may have the same folder")
    refuse_to_write_among(submissions, out, many=many)
    _prepare_process()
    settings = grader.settings
    assignments = settings.rubric.assignments
    with Store(out, apart=many) as store:
        store.record_seed(settings.options.seed)
        changed = [*what_changes(out, settings.rubric, one=not many)]
        for sentence in changed:
            events.problem("", sentence)
        if many:
            with_rubric(lists, settings.rubric).make(out)
            # A damaged list is reported now and not after hours of work.
            recall_roster(out)
            recall_lateness(out, assignments)
            if changed:
                summarise(out, assignments=assignments, problem=lambda sentence: None)
                applied(settings.rubric).make(out)
            if settings.options.assignment is None:
                submissions = with_the_cohorts_assignment(submissions, assignments)
            submissions = with_the_cohorts_starters(submissions)
        else:
            lists.make(out)
        summary = _Batch(grader, store, events, fresh=fresh).run(submissions, max(1, jobs))
        if many and not summary.left:
            overview = summarise(out, assignments=assignments, problem=lambda sentence: events.problem("", sentence))
            summary = replace(summary, penalties=overview.penalties)
            applied(settings.rubric).make(out)
        elif has_gradebook(out) and not summary.left:  # one student of a cohort
            summarise(out, problem=lambda sentence: events.problem("", sentence))
    return summary


def _prepare_process() -> None:
    """Settings of this process that make it faster: one thread for torch, and little garbage collection."""
    import torch

    torch.set_num_threads(1)
    # What is imported by now stays. Searching all of it for garbage takes a tenth of a second each time, and a
    # submission leaves little behind.
    gc.freeze()
    gc.set_threshold(10_000)


class _Stopped(BaseException):
    """Leaves the grading of a submission. It is not an Exception, so nothing takes it for a failure."""


class _Batch:
    """One run: what its threads share."""

    def __init__(self, grader: Grader, store: Store, events: Events, *, fresh: bool) -> None:
        self._grader = grader
        self._rubric = grader.settings.rubric
        self._store = store
        self._events = events
        self._fresh = fresh
        self._keys = ReportKeys(grader.settings)
        self._counts = _Counts()
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        """What ended the run before its time."""

    def run(self, submissions: Sequence[Found], jobs: int) -> Summary:
        """Grade all of them, or as many as there is time for before Ctrl-C."""
        waiting = iter(submissions)
        jobs = min(jobs, len(submissions))
        # Not Thread.join: before Python 3.13 it takes a running thread for ended once Ctrl-C has interrupted it.
        ends = [threading.Event() for _ in range(jobs)]
        # Daemons, so that after a second Ctrl-C nobody waits for what is under way.
        threads = [
            threading.Thread(target=self._work, args=(waiting, job, jobs, end), daemon=True)
            for job, end in enumerate(ends)
        ]
        try:
            for thread in threads:
                thread.start()
            for end in ends:
                end.wait()
        except KeyboardInterrupt:
            self._stop.set()
            self._grader.stop()
            for thread, end in zip(threads, ends, strict=True):
                if thread.ident is not None:
                    end.wait()
        for sentence in self._counts.examined_again():
            self._problem("", sentence)
        if self._fault is not None:
            raise self._fault
        with self._mutex:
            self._stop.set()
            return self._counts.summary(len(submissions))

    def _work(self, waiting: Iterator[Found], job: int, jobs: int, end: threading.Event) -> None:
        """What one thread does: take the next submission until there is none."""
        try:
            keep_to_share(job, jobs)
            while (found := self._next(waiting)) is not None:
                self._process(found)
        except BaseException as fault:  # StoreError, or a defect outside grading: the whole run ends with it
            self._end(fault)
        finally:
            end.set()

    def _next(self, waiting: Iterator[Found]) -> Found | None:
        with self._mutex:
            return None if self._stop.is_set() else next(waiting, None)

    def _process(self, found: Found) -> None:
        """Leave a submission's report as it is, or make and write it."""
        row = None if self._fresh else self._row_with_evidence(found)
        if row is not None and row.key in self._keys.accepted(found, row.sha256, row.assignment):
            self._finished(row, resumed=True)
            return
        self._tell(lambda: self._events.started(found.id))
        sources = signature(found.sources)  # before reading: a change while it is graded must count
        old = None if row is None else self._store.read(found)
        report, again = (None, ()) if old is None else self._remarked(found, old)
        remarked, reason = report is not None, ""
        if report is None:
            report, reason = self._report(found, Earlier() if old is None else earlier(old, self._rubric))
        if self._stop.is_set():
            return  # it may have failed only because the grader was stopped
        if report is None:
            self._not_written(found, reason)
            return
        try:
            edits = self._store.save(found, report, sources)
        except Occupied as why:
            self._not_written(found, str(why))
            self._problem(found.id, str(why))
            return
        for sentence in edits:
            self._problem(found.id, sentence)
        self._finished(report.row, remarked=remarked, again=again, reason=reason, report=report.report)

    def _row_with_evidence(self, found: Found) -> Row | None:
        """The row of an existing report, if this run would find the same evidence."""
        try:
            return self._store.find(found, partial(self._keys.accepted, found), lambda: read(found).sha256)
        except StoreError:
            raise
        except Exception:  # a defect in reading: grading runs into it as well, and reports it
            return None

    def _remarked(self, found: Found, old: Report) -> tuple[RenderedReport | None, tuple[str, ...]]:
        """An existing report, marked by this run's rubric; or None, and the criteria that must be examined for it."""
        report, again = remarked(old, self._rubric)
        if again:
            return None, again
        key = with_marks(str(old.run.details["key"]), marks_part(self._rubric.assignments[report.assignment_id]))
        return rendered(report, key=key, folder=found.folder), ()

    def _report(self, found: Found, earlier: Earlier) -> tuple[RenderedReport | None, str]:
        """A submission's report, and why the grader failed on it; empty if it did not. None if there is no report."""
        reason, unread = "", False
        for _ in range(_TRIES):
            try:
                watch = _Watch(self, found.id)
                return self._grader.grade(found, partial(self._keys.key, found), watch, earlier), ""
            except _Stopped:
                return None, ""
            except RunError:
                raise
            except Undone as fault:
                reason, unread = sentence_about(fault), True
                break
            except Exception as fault:  # a failure of ours: what the submission's code raised is a verdict by now
                if self._stop.is_set():
                    return None, ""
                reason = sentence_about(fault)
        try:
            failed = failed_report(found, self._grader.settings, reason, unread=unread)
            key = self._keys.key(found, failed.sha256, failed.assignment_id)
            report: RenderedReport | None = rendered(failed, key=key, folder=found.folder)
        except Exception as fault:
            report, reason = None, f"{reason}; and no report of that could be written: {sentence_about(fault)}"
        self._problem(found.id, reason)
        return report, reason

    def _finished(
        self,
        row: Row,
        *,
        resumed: bool = False,
        remarked: bool = False,
        again: Sequence[str] = (),
        reason: str = "",
        report: Report | None = None,
    ) -> None:
        with self._mutex:
            self._counts.add(row, resumed=resumed, remarked=remarked, reason=reason, report=report)
            self._counts.again.update(again)
        self._tell(lambda: self._events.finished(Line.of(row, resumed=resumed, remarked=remarked)))

    def _not_written(self, found: Found, reason: str) -> None:
        with self._mutex:
            self._counts.add_failure_without_report(found.id, reason)

    def _problem(self, id: str, sentence: str) -> None:
        self._tell(lambda: self._events.problem(id, sentence))

    def _tell(self, event: Callable[[], None]) -> None:
        """Call a listener. It raises nothing: a listener's failure is not one of the submission that is graded."""
        with self._mutex:
            try:
                event()
            except BaseException as fault:
                self._fault = self._fault or fault
                self._stop.set()

    def _end(self, fault: BaseException) -> None:
        with self._mutex:
            self._fault = self._fault or fault
        self._stop.set()


class _Watch:
    """Connects the grading of one submission with the run; see ``cohort.grader.Watch``."""

    def __init__(self, batch: _Batch, id: str) -> None:
        self._batch = batch
        self._id = id

    def stage(self, what: str) -> None:
        """Also the place where grading is left once the run is stopped: torch must not be interrupted at work."""
        self._batch._tell(lambda: self._batch._events.stage(self._id, what))
        if self.stopped():
            raise _Stopped

    def stopped(self) -> bool:
        return self._batch._stop.is_set()

    def notice(self, sentence: str) -> None:
        self._batch._problem("", sentence)


class _Counts:
    """What the summary of a run says, counted report by report."""

    def __init__(self) -> None:
        self._graded = self._resumed = self._remarked = self._needs_review = self._ungradable = self._without_report = 0
        self._failures: list[Failure] = []
        self._lowest: Fraction | None = None
        self._last_report: Report | None = None
        self.again: Counter[str] = Counter()
        """Reports in which a criterion was examined again for the rubric, by the criterion's id."""

    def add(self, row: Row, *, resumed: bool, remarked: bool, reason: str, report: Report | None) -> None:
        """A report that is on the disk; ``reason`` is why the grader failed on the submission."""
        self._resumed += resumed
        self._remarked += remarked
        self._graded += not resumed and not remarked
        self._needs_review += row.status == "needs_review"
        self._ungradable += row.status == "ungradable"
        if row.errors:
            self._failures.append(Failure(row.id, reason or f"it failed on {', '.join(row.errors)}"))
        if row.percent is not None:
            self._lowest = row.percent if self._lowest is None else min(self._lowest, row.percent)
        self._last_report = None if reason else report

    def add_failure_without_report(self, id: str, reason: str) -> None:
        self._without_report += 1
        self._failures.append(Failure(id, reason))

    def examined_again(self) -> Iterator[str]:
        """What was examined again for a changed rubric, in a sentence; none where nothing was."""
        if self.again:
            parts = ", ".join(f"{id} in {count:,}" for id, count in sorted(self.again.items()))
            yield f"examined again for the changed rubric, by number of reports: {parts}; the rest was marked again"

    def summary(self, submissions: int) -> Summary:
        done = self._graded + self._resumed + self._remarked + self._without_report
        return Summary(
            graded=self._graded,
            resumed=self._resumed,
            needs_review=self._needs_review,
            ungradable=self._ungradable,
            failed=tuple(sorted(self._failures, key=lambda failure: failure.id)),
            lowest=self._lowest,
            left=submissions - done,
            remarked=self._remarked,
            report=self._last_report if submissions == 1 else None,
        )
