"""The evidence of a verdict, as records: what was expected, what was seen, and by how much the two differ.

Checks make these records, reports draw them, and ``grader/report/as_json.py`` alone turns them into JSON. Evidence is
for the TA; of all of it a student's feedback shows the snippet alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["NOTHING", "Configuration", "Curve", "Difference", "Evidence", "Json", "Snippet", "Worst"]


if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
    """A value that JSON can hold."""
else:
    Json = Any  # what reads records by their types cannot follow a type that contains itself


@dataclass(frozen=True)
class Worst:
    """The element of a tensor that differs most from the expected one."""

    index: tuple[int, ...]
    """Its place in the tensor; empty where the shapes differ."""
    expected: float
    actual: float


@dataclass(frozen=True)
class Difference:
    """How an actual tensor differs from the expected one."""

    expected_shape: tuple[int, ...]
    actual_shape: tuple[int, ...]
    elements: int
    """Number of elements compared; 0 if the shapes differ."""
    differing: int
    """Number of elements outside the tolerance."""
    worst: Worst
    largest: float
    """The largest absolute difference; NaN if the actual value is NaN."""
    tolerance: float
    """The largest absolute difference that is allowed."""
    map: tuple[tuple[float, ...], ...] = ()
    """The largest absolute difference at each place ``(H, W)``; empty where there is no such picture."""

    @property
    def same_shape(self) -> bool:
        """Whether values can be compared; tensors of different shapes have no elements in common."""
        return self.expected_shape == self.actual_shape

    def sentence(self) -> str:
        """The difference for feedback: shapes before values, then how many values differ, and the worst one."""
        if not self.same_shape:
            return f"The output's shape is {list(self.actual_shape)}, expected {list(self.expected_shape)}."
        where = ", ".join(map(str, self.worst.index))
        return (
            f"{self.differing} of {self.elements} values differ, the worst at [{where}]: "
            f"expected {self.worst.expected:.6g}, actual {self.worst.actual:.6g} "
            f"(difference {self.largest:.3g}, allowed {self.tolerance:.3g})."
        )


@dataclass(frozen=True)
class Curve:
    """The training loss by step."""

    expected: tuple[float, ...]
    """The reference's losses, one per step."""
    actual: tuple[float, ...]
    """The submission's losses, one per step."""
    tolerance: float
    """The largest absolute difference between two losses that is allowed."""


@dataclass(frozen=True)
class Snippet:
    """The smallest failing input as code, and what it prints."""

    code: str
    """Lines to paste below the class."""
    expected: str
    """What they print with the reference's class."""
    actual: str
    """What they print with the submission's class."""


@dataclass(frozen=True)
class Configuration:
    """One set of constructor arguments that was tried."""

    arguments: Mapping[str, int]
    """The arguments by name."""
    expected: str
    actual: str
    ok: bool
    """Whether ``actual`` agrees with ``expected``."""


@dataclass(frozen=True)
class Evidence:
    """Everything that a check found out about one criterion."""

    configurations: tuple[Configuration, ...] = ()
    """The configurations tried, in order."""
    difference: Difference | None = None
    """The first output that differs."""
    curve: Curve | None = None
    """A training run beside the reference's."""
    snippet: Snippet | None = None
    """The smallest input that shows the difference."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """Further facts by name, shown as they are."""
    margins: Mapping[str, float] = field(default_factory=dict)
    """The share of each tolerance that was used up, by name: for whoever measures the grader, and never shown."""

    @property
    def visible(self) -> bool:
        """Whether there is anything to show below the feedback."""
        return bool(self.configurations or self.difference or self.curve or self.snippet or self.facts)


NOTHING = Evidence()
"""No evidence."""
