"""The smallest failing input: where a layer or a network equals nothing known, the least case on which it goes wrong.

Hypothesis draws cases, the candidate answers them, and what differs from the reference is shrunk: first the sizes, with
values that show any difference, then the values, towards 0 and 1. The outcome is a few lines of code that a student
pastes below the class and runs. The expected output is computed here, and no line of the reference is shown.

Theory. A number is drawn as a list of coin tosses, and its value is the list's length: Hypothesis deletes tosses one by
one, so that the number that remains cannot be smaller by one. Hypothesis could draw integers itself, but it takes some
of them from constants in its caller's source files. For those it keeps a folder on disk, and a case would depend on
what else is imported. Coins have no such source.

A search is bounded by the number of probes, so that the same submission gets the same case on any machine; the seconds
are a safety net. A candidate that hangs or crashes ends all searches of its submission.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Generic, TypeVar

from torch import Tensor

from grader.checks.sitting import Sitting
from grader.checks.smallest.lines import VISIBLE
from grader.exam.compare import compare
from grader.marking.evidence import Snippet
from grader.worker.protocol import ClassProbe, Tensors, Trouble

__all__ = [
    "Drawing",
    "Enough",
    "Hunt",
    "Smallest",
    "counts",
    "differs",
    "shortest",
    "small_numbers",
    "zeros_and_ones",
]

R = TypeVar("R")

_PATIENCE = 40  # probes without another failing case, once there is one
_MOST_DRAWN = 250  # cases, of which a probe is spent on those that are new and suit


@dataclass(frozen=True)
class Smallest:
    """The least case found on which a candidate goes wrong."""

    snippet: Snippet
    """Code to paste below the class, and what it prints."""
    sentence: str
    """For the feedback."""


# -- how a case is drawn -----------------------------------------------------------------------------------------------

Drawn = TypeVar("Drawn", bound=Hashable)


@dataclass(frozen=True)
class Drawing(Generic[Drawn]):
    """How a case is drawn: as coin tosses that Hypothesis draws and shrinks, and that are then read as a case."""

    strategy: Any
    """Hypothesis's strategy for the tosses."""
    read: Callable[[tuple[Any, ...]], Drawn]
    """The case that the tosses stand for. Hypothesis could map them itself, but it would note every step of that."""


def counts(*most: int) -> Drawing[tuple[int, ...]]:
    """Numbers, each from 0 to its ``most``. They shrink to zeros."""
    from hypothesis import strategies as st

    return Drawing(
        st.tuples(*(st.lists(st.none(), max_size=each) for each in most)), lambda tosses: tuple(map(len, tosses))
    )


def shortest(numbers: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The size of numbers: their sum first."""
    return sum(numbers), numbers


def zeros_and_ones(count: int, read: Callable[[tuple[bool, ...]], tuple[int, ...]]) -> Drawing[tuple[int, ...]]:
    """``count`` tosses of one coin each, which shrink to False, and are read by ``read``."""
    from hypothesis import strategies as st

    return Drawing(st.tuples(*[st.booleans()] * count), read)


def small_numbers(count: int) -> Drawing[tuple[int, ...]]:
    """Numbers 0, 1, −1 and 2, of two tosses each. They shrink to zeros."""

    def read(tosses: tuple[bool, ...]) -> tuple[int, ...]:
        return tuple((0, 1, -1, 2)[2 * first + second] for first, second in zip(tosses[::2], tosses[1::2], strict=True))

    return zeros_and_ones(2 * count, read)


# -- how cases are tried -----------------------------------------------------------------------------------------------


class Enough(BaseException):
    """The search is over. It is not an Exception, which Hypothesis would take for a failing case."""


@dataclass
class _Spent:
    """What all searches in one submission have used up."""

    seconds: float = 0.0
    over: bool = False
    """Whether the candidate hung or crashed, which ends all searches."""


class Hunt:
    """One search in a submission: what it may ask, and what Hypothesis makes of it."""

    def __init__(self, sitting: Sitting, purpose: str) -> None:
        self._sitting = sitting
        self._purpose = purpose
        self._left = 0
        self._patience = 0
        self._spent = sitting.once("smallest", _Spent)

    def allow(self, probes: int) -> None:
        """Allow at most this number of probes from now on."""
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
        self, drawing: Drawing[Drawn], fails: Callable[[Drawn], bool], size: Callable[[Drawn], Any]
    ) -> Drawn | None:
        """The failing case of the least ``size`` among those that Hypothesis tried; None if all were right."""
        from hypothesis import Phase, Verbosity, find, settings
        from hypothesis.errors import NoSuchExample

        verdicts: dict[Drawn, bool] = {}
        start = time.monotonic() - self._spent.seconds

        def condition(tosses: tuple[Any, ...]) -> bool:
            self._spent.seconds = time.monotonic() - start
            if not self._spent.seconds <= self._sitting.search_seconds:
                raise Enough
            case = drawing.read(tosses)
            if case not in verdicts:
                verdicts[case] = fails(case)
                if verdicts[case]:
                    self._patience = _PATIENCE
            return verdicts[case]

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
            find(drawing.strategy, condition, settings=quietly, random=random)
        return min((case for case, failing in verdicts.items() if failing), key=size, default=None)


def differs(expected: Tensor, actual: Tensor) -> bool:
    """Whether two outputs differ by more than a student can overlook."""
    return compare(expected, actual, VISIBLE) is not None
