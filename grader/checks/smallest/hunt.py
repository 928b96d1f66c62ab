"""The smallest failing input: where a layer or a network equals nothing known, the least case on which it goes wrong.

Hypothesis draws cases, the candidate answers them, and what differs from the reference is shrunk: first the sizes, with
values in which everything tells, then the values, towards 0 and 1. The outcome is a few lines of code that a student
pastes below the class and runs; the expected output is computed here, and no line of the reference is shown.

Theory. A choice is drawn as a row of coin tosses, its number of heads: Hypothesis deletes tosses one by one, so what
remains cannot lose one more. It draws integers partly from constants in the source files of whoever calls it, for which
it keeps a folder on disk and which would make a case depend on what else is imported; coins have no such source.
A search is bounded by the number of probes, so that the same submission gets the same case on any machine; the seconds
are a safety net. A candidate that hangs or crashes ends all searches of its submission.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, TypeVar

from torch import Tensor

from grader.checks.sitting import Sitting
from grader.checks.smallest.lines import VISIBLE
from grader.exam.compare import compare
from grader.marking.evidence import Snippet
from grader.worker.protocol import ClassProbe, Tensors, Trouble

__all__ = [
    "LARGEST",
    "NETWORK_PROBES",
    "ROUNDS",
    "SHAKEN",
    "SIZE_PROBES",
    "VALUE_PROBES",
    "Enough",
    "Hunt",
    "Smallest",
    "bits",
    "count_strategy",
    "counts_of",
    "differs",
    "shortest",
    "small_numbers",
]

R = TypeVar("R")
Drawn = TypeVar("Drawn", bound=Hashable)

_SECONDS = 5.0  # a submission, all searches together
SIZE_PROBES, VALUE_PROBES, NETWORK_PROBES = 80, 150, 150
_PATIENCE = 40  # probes without another failing case, once there is one
_MOST_DRAWN = 250  # cases, of which a probe is spent on those that are new and suit
ROUNDS = 10
# What single precision may lose of a pixel.
SHAKEN = 1e-6
# Beyond this, four decimals are more than single precision has.
LARGEST = 100.0


@dataclass(frozen=True)
class Smallest:
    """The least case found on which a candidate goes wrong."""

    snippet: Snippet
    """Code to paste below the class, and what it prints."""
    sentence: str
    """For the feedback."""


class Enough(BaseException):
    """The search is over. Not an Exception, which Hypothesis would take for a failing case."""


@dataclass
class _Spent:
    """What all searches in one submission have used up."""

    seconds: float = 0.0
    over: bool = False
    """Whether the candidate hung or crashed, which ends all searches."""


class Hunt:
    """Searches in one submission: what they may ask, and what Hypothesis makes of it."""

    def __init__(self, sitting: Sitting, purpose: str) -> None:
        self._sitting = sitting
        self._purpose = purpose
        self._left = 0
        self._patience = 0
        self._spent = sitting.once("smallest", _Spent)

    def allow(self, probes: int) -> None:
        """So many probes from now on."""
        self._left = self._patience = probes

    def ask(self, probe: ClassProbe[R], tensors: Tensors, *, purpose: str = "smallest") -> tuple[R | Trouble, Tensors]:
        """The candidate's reply. The probe gets its seed here, which depends on the ``purpose``.

        Raises Enough when the allowance is used up, or the candidate hangs or crashes.
        """
        if min(self._left, self._patience) <= 0 or self._spent.over:
            raise Enough
        self._left, self._patience = self._left - 1, self._patience - 1
        probe = replace(probe, seed=self._sitting.exam.number(purpose))
        reply, outputs = self._sitting.candidate.answer(probe, tensors)
        if isinstance(reply, Trouble) and reply.type == "Stopped":
            self._spent.over = True
            raise Enough
        return reply, outputs

    def least(
        self,
        strategy: Any,
        read: Callable[[tuple[Any, ...]], Drawn],
        fails: Callable[[Drawn], bool],
        size: Callable[[Drawn], Any],
    ) -> Drawn | None:
        """The failing case of the least ``size`` among those that Hypothesis came by; None if all were right.

        ``strategy`` draws tosses, of which ``read`` makes a case. (Hypothesis itself could, but would note how.)
        """
        from hypothesis import Phase, Verbosity, find, settings
        from hypothesis.errors import NoSuchExample

        seen: dict[Drawn, bool] = {}
        start = time.monotonic() - self._spent.seconds

        def condition(tosses: tuple[Any, ...]) -> bool:
            self._spent.seconds = time.monotonic() - start
            if not self._spent.seconds <= _SECONDS:
                raise Enough
            drawn = read(tosses)
            if drawn not in seen:
                seen[drawn] = fails(drawn)
                if seen[drawn]:
                    self._patience = _PATIENCE
            return seen[drawn]

        quietly = settings(
            max_examples=_MOST_DRAWN,
            phases=(Phase.generate, Phase.shrink),
            database=None,
            deadline=None,
            derandomize=True,
            print_blob=False,
            verbosity=Verbosity.quiet,
        )
        random = Random(self._sitting.exam.number(f"smallest/{self._purpose}"))
        with contextlib.suppress(NoSuchExample, Enough):
            find(strategy, condition, settings=quietly, random=random)
        return min((drawn for drawn, failing in seen.items() if failing), key=size, default=None)


def count_strategy(*most: int) -> Any:
    """Numbers, each from 0 to its ``most``, as so many tosses; they shrink to zeros. ``_lengths`` reads them."""
    from hypothesis import strategies as st

    return st.tuples(*(st.lists(st.none(), max_size=each) for each in most))


def counts_of(tosses: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(map(len, tosses))


def bits(number: int) -> Any:
    """So many of 0 and 1, as truth values; they shrink to 0."""
    from hypothesis import strategies as st

    return st.tuples(*[st.booleans()] * number)


def small_numbers(tosses: tuple[Any, ...]) -> tuple[int, ...]:
    """0, 1, −1 and 2, of two tosses each."""
    return tuple((0, 1, -1, 2)[2 * first + second] for first, second in zip(tosses[::2], tosses[1::2], strict=True))


def differs(expected: Tensor, actual: Tensor) -> bool:
    return compare(expected, actual, VISIBLE) is not None


def shortest(counts: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return sum(counts), counts
