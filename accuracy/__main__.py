"""Measure the grader and print one table; exit status 1 if a figure is not what it has to be.

    python -m accuracy [--quick] [--seed N] [--jobs N]

The full form takes two hours or so on two quiet cores, ``--quick`` under three. Without ``--seed`` the seed is 1, so
that the figures of a version can be had again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from rich.console import Console
from rich.table import Table

from accuracy.examining import bound_memory
from accuracy.measuring import Size, measure

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 0 if every figure is what it has to be."""
    parser = argparse.ArgumentParser(prog="python -m accuracy", description="Measure how rightly the grader marks.")
    parser.add_argument("--quick", action="store_true", help="a small sample of everything")
    parser.add_argument("--seed", type=int, default=1, help="what is drawn is drawn from it (default: 1)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time (default: one a processor core)"
    )
    options = parser.parse_args(arguments)
    # Forking a process that has imported torch and started a sandbox is asking for trouble.
    began = time.monotonic()
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn"), initializer=bound_memory) as pool:

        def run(function: Callable[..., Any], tasks: list[tuple[Any, ...]]) -> Iterable[Any]:
            print(
                f"{time.monotonic() - began:5.0f} s  {function.__name__.strip('_')}: {len(tasks)}",
                file=sys.stderr,
                flush=True,
            )
            return pool.map(
                function, *zip(*tasks, strict=True), chunksize=max(1, min(10, len(tasks) // (4 * options.jobs)))
            )

        rows, wrong = measure(Size(quick=options.quick), options.seed, run)
    table = Table(title=f"The grader graded, seed {options.seed}")
    for column in ("what", "figure", "of"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
