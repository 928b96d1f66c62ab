"""``python -m tests.adversarial [class …]``: grade all hostile submissions and print what came of them, by class."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from grader.sandbox.sandbox import Sandbox

from .all_cases import CASES
from .arena import HONEST_LOOK, fight


def main() -> int:
    kinds = sys.argv[1:] or list(dict.fromkeys(case.kind for case in CASES))
    failed = 0
    print(f"{'class':<12}{'cases':>6}{'held':>6}{'worst':>9}  slowest case")
    for kind in kinds:
        cases = [case for case in CASES if case.kind == kind]
        with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
            outcome = fight(cases, Path(folder))
            problems = {case.name: outcome.problems(case) for case in cases}
            seconds = {
                case.name: (outcome.report(case.name) or {"run": {"seconds": 0.0}})["run"]["seconds"] for case in cases
            }
            damage = outcome.damage()
        bad = {name: found for name, found in problems.items() if found}
        slowest = max(seconds, key=seconds.__getitem__)
        print(
            f"{kind:<12}{len(cases):>6}{len(cases) - len(bad):>6}{seconds[slowest]:>8.1f}s  {slowest!a}",
            flush=True,
        )
        for name, found in [*bad.items(), *([("(the cohort)", damage)] if damage else [])]:
            print(f"    {name!a}: {'; '.join(found)}")
        failed += len(bad) + bool(damage)
    _look_around()
    return 1 if failed else 0


def _look_around() -> None:
    """What a worker sees, and how long one takes to be ready."""
    with Sandbox(handler=Path(__file__).parents[1] / "exec_handler.py") as sandbox:
        with sandbox.open() as session:
            seen, _ = session.ask({"source": HONEST_LOOK}, seconds=30)
        waits = []
        for _ in range(50):
            clock = time.perf_counter()
            with sandbox.open():
                waits.append(time.perf_counter() - clock)
    print("\nSeen from inside:")
    for name, value in seen["value"].items():
        print(f"  {name}: {value}")
    print(
        f"From request to ready: median {1000 * median(waits):.0f} ms, worst of {len(waits)} {1000 * max(waits):.0f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
