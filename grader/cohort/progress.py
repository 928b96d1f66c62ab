"""What is shown during a run: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from grader.cohort.events import Line
from grader.display import display
from grader.report.numbers import points

__all__ = ["Lines", "LiveBar"]


_MOST_RUNNING = 3
"""Submissions under way that the live bar shows."""


class Lines:
    """One line per submission, for logs and pipes. Writes to ``console``, which is standard error."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._done = 0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def started(self, id: str) -> None:
        """Shows nothing: the line comes when the submission is done."""

    def stage(self, id: str, what: str) -> None:
        """Shows nothing."""

    def finished(self, line: Line) -> None:
        """Shows the marks."""
        self._done += 1
        self._console.print(Text(f"[{self._done}/{self._total}] {_text(line)}"), soft_wrap=True)

    def problem(self, id: str, sentence: str) -> None:
        """Shows the sentence."""
        self._console.print(_problem(id, sentence), soft_wrap=True)


_STATES = {"graded": "examined", "needs_review": "needs review", "ungradable": "could not be examined"}


def _text(line: Line) -> str:
    """``alice: ASSIGNMENT, 8 / 10, 2 pending, examined, 0.6 s``."""
    marks = f"{points(line.score)} / {points(line.max_score)}"
    pending = f", {points(line.pending_points)} pending" if line.pending_points else ""
    time = ", as before" if line.resumed else ", marked again" if line.remarked else f", {line.seconds:.1f} s"
    return f"{display(line.id)}: {line.assignment}, {marks}{pending}, {_STATES.get(line.status, line.status)}{time}"


def _problem(id: str, sentence: str) -> Text:
    return Text(f"{display(id)}: {sentence}" if id else sentence)


@dataclass
class _Mean:
    """The mean of percentages."""

    total: Fraction = Fraction(0)
    count: int = 0

    def add(self, percent: Fraction) -> None:
        # Rounded to hundredths: the denominators of exact fractions would grow without end.
        self.total += Fraction(round(percent * 100), 100)
        self.count += 1


class LiveBar:
    """A bar with done / total, the time left, the mean mark so far, and the submissions that have run longest."""

    def __init__(self, console: Console, total: int) -> None:
        self._bar = Progress(
            TextColumn("Grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("grading", total=total)
        self._running: dict[str, tuple[float, str]] = {}
        """When each submission under way was started, by the monotonic clock in seconds, and what is examined."""
        self._mean = _Mean()
        self._live = Live(console=console, get_renderable=self._shown, refresh_per_second=8, transient=True)
        self._console = console

    def __enter__(self) -> LiveBar:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def started(self, id: str) -> None:
        """From now on it is among the submissions under way."""
        self._running[id] = (time.monotonic(), "")

    def stage(self, id: str, what: str) -> None:
        """Remember what is examined."""
        start = self._running.get(id, (time.monotonic(), ""))[0]
        self._running[id] = (start, what)

    def finished(self, line: Line) -> None:
        """Add the marks to the mean, and move the bar."""
        self._running.pop(line.id, None)
        if line.percent is not None:
            self._mean.add(line.percent)
        self._bar.advance(self._task)

    def problem(self, id: str, sentence: str) -> None:
        """Shows the sentence above the bar."""
        self._live.console.print(_problem(id, sentence))

    def _shown(self) -> Group:
        now = time.monotonic()
        longest = sorted(self._running.items(), key=lambda entry: entry[1][0])[:_MOST_RUNNING]
        lines: list[Text | Progress] = [self._bar]
        if self._mean.count:
            mean = float(self._mean.total / self._mean.count)
            lines.append(Text(f"mean mark so far {mean:.0f} % of the decided points"))
        lines += [
            Text(f"  {display(id)[:40]}: {what}, {now - start:.0f} s", style="dim") for id, (start, what) in longest
        ]
        return Group(*lines)
