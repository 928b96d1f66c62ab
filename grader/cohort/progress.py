"""What is shown while a run goes on: a live bar where there is a terminal, plain lines where there is none."""

from __future__ import annotations

import time
from fractions import Fraction

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from grader.cohort.events import Line
from grader.display import display
from grader.report.numbers import points

__all__ = ["Lines", "LiveBar"]


_SLOWEST = 3


def _line(line: Line) -> str:
    marks = f"{points(line.score)} / {points(line.max_score)}"
    pending = f", {points(line.pending_points)} pending" if line.pending_points else ""
    resumed = ", as before" if line.resumed else f", {line.seconds:.1f} s"
    return f"{display(line.id)}: {line.assignment}, {marks}{pending}, {line.status.replace('_', ' ')}{resumed}"


class Lines:
    """One line a submission, for logs and pipes. Writes to ``console``, which is standard error."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._done = 0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def started(self, id: str) -> None:
        """Nothing: a line comes when it is done."""

    def stage(self, id: str, what: str) -> None:
        """Nothing."""

    def finished(self, line: Line) -> None:
        """Its marks."""
        self._done += 1
        self._console.print(Text(f"[{self._done}/{self._total}] {_line(line)}"), soft_wrap=True)

    def problem(self, id: str, sentence: str) -> None:
        """The sentence."""
        self._console.print(Text(f"{display(id)}: {sentence}" if id else sentence), soft_wrap=True)


class LiveBar:
    """A bar with done / total, time left, the mean mark so far, and the slowest submissions now running."""

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
        self._marks = (Fraction(0), 0)
        self._live = Live(console=console, get_renderable=self._shown, refresh_per_second=8, transient=True)
        self._console = console

    def __enter__(self) -> LiveBar:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def started(self, id: str) -> None:
        """It is under way."""
        self._running[id] = (time.monotonic(), "")

    def stage(self, id: str, what: str) -> None:
        """What is being looked at."""
        since = self._running.get(id, (time.monotonic(), ""))[0]
        self._running[id] = (since, what)

    def finished(self, line: Line) -> None:
        """Its marks go into the mean."""
        self._running.pop(line.id, None)
        total, count = self._marks
        if line.percent is not None:
            # Whole hundredths of a percent: the denominators of exact ones would grow without end.
            self._marks = (total + Fraction(round(line.percent * 100), 100), count + 1)
        self._bar.advance(self._task)

    def problem(self, id: str, sentence: str) -> None:
        """The sentence, above the bar."""
        self._live.console.print(Text(f"{display(id)}: {sentence}" if id else sentence))

    def _shown(self) -> Group:
        now = time.monotonic()
        slowest = sorted(self._running.items(), key=lambda entry: entry[1][0])[:_SLOWEST]
        lines: list[Text | Progress] = [self._bar]
        total, count = self._marks
        if count:
            lines.append(Text(f"mean mark so far {float(total / count):.0f} % of what is decided"))
        lines += [
            Text(f"  {display(id)[:40]}: {what}, {now - since:.0f} s", style="dim") for id, (since, what) in slowest
        ]
        return Group(*lines)
