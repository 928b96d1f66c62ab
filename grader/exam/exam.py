"""The exam of one assignment: the random values and the reference's answers. Made once per run, for all submissions.

Every random value is computed from the run's seed, its purpose and its place. So the reference, the known
implementations and all submissions get the same numbers, and none of them gets the seed.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from grader.exam.once import Once
from grader.exam.shared import Shared, question_to_bytes, value_from
from grader.marking.rubric import Assignment
from grader.worker.probes.answer import answer
from grader.worker.protocol import ClassProbe, Tensors, Trouble
from reference.data import Horses
from reference.handouts import HANDOUTS
from reference.models import model_classes

__all__ = ["Ask", "Candidate", "Exam", "Local"]

R = TypeVar("R")
Value = TypeVar("Value")


class Candidate(Protocol):
    """Anything that can be examined."""

    def answer(self, probe: ClassProbe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        """The reply to one probe, and its tensors; ``Trouble`` if the candidate's code fails."""

    def answers(self, asked: Sequence[tuple[ClassProbe[R], Tensors]]) -> Iterator[tuple[R | Trouble, Tensors]]:
        """The replies to several probes of one class, in the same order."""


class Local:
    """A candidate that runs in this process: the reference or a known implementation, never a submission.

    ``classes`` are its classes by name; ``dtype``, if given, is the floating-point type in which it computes.
    """

    def __init__(self, classes: Mapping[str, Any], dtype: torch.dtype | None = None) -> None:
        self._classes = classes
        self._dtype = dtype

    def answer(self, probe: ClassProbe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        return answer(probe, tensors, self._classes, self._dtype)

    def answers(self, asked: Sequence[tuple[ClassProbe[R], Tensors]]) -> Iterator[tuple[R | Trouble, Tensors]]:
        return (self.answer(probe, tensors) for probe, tensors in asked)


Ask = Callable[[str, bytes], "bytes | None"]
"""The id of an assignment and a question (``shared``) → its value; None where the examiner has none."""


class Exam:
    """One assignment's random values and the reference's answers. Safe to use from several threads.

    Of the drawn values, at most ``most_drawn_bytes`` are stored; one right submission needs less than a sixth of the
    default. ``ask`` has the values of shared questions, if there is an examiner to be asked.
    """

    def __init__(
        self,
        assignment: Assignment,
        seed: int,
        horses: Horses,
        *,
        most_drawn_bytes: int = 8 * 2**20,
        ask: Ask | None = None,
    ) -> None:
        self.assignment = assignment
        self.seed = seed
        self.horses = horses
        self.handout = HANDOUTS[assignment.id]
        self.networks = self.handout.things
        classes = model_classes(assignment.id)
        self.reference = Local(classes)
        self.reference_in_double = Local(classes, torch.float64)
        self._once = Once()
        self.ask = ask
        self._draws: dict[Hashable, Tensors] = {}
        """Stored values by purpose and shape, in the order in which they were last used."""
        self.drawn_bytes = 0
        """The size of the stored values."""
        self._most_drawn_bytes = most_drawn_bytes
        self._lock = threading.Lock()

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """``make()``, computed the first time this key is asked for in the run, by one thread."""
        return self._once.value(key, make)

    def shared(self, question: Shared[Value]) -> Value:
        """The value of a question that all jobs of a run share: from the examiner if there is one, else computed."""

        def make() -> Value:
            data = self.ask(self.assignment.id, question_to_bytes(question)) if self.ask is not None else None
            return question.value(self) if data is None else value_from(question, data)

        return self.once(question.key, make)

    def forget(self, key: Hashable) -> None:
        """Delete the value that ``once`` stores under a key. It is computed again when it is next asked for."""
        self._once.forget(key)

    def number(self, purpose: str) -> int:
        """A 63-bit number for one purpose. It reveals neither the seed nor the number of another purpose."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{purpose}".encode()).digest()[:8], "big") >> 1

    def one_of(self, purpose: str, values: Sequence[int]) -> int:
        """One of ``values``, drawn for one purpose."""
        return values[self.number(purpose) % len(values)]

    def generator(self, purpose: str) -> torch.Generator:
        """A new random generator for one purpose."""
        return torch.Generator().manual_seed(self.number(purpose))

    def uniform(self, purpose: str, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        """A tensor of the given shape, uniform in [``low``, ``high``)."""
        key = (purpose, tuple(shape), low, high)
        return self._kept_draw(key, lambda: {"": self._uniform(*key)})[""]

    def _uniform(self, purpose: str, shape: Sequence[int], low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(tuple(shape), generator=self.generator(purpose))

    def state(self, purpose: str, parameters: Sequence[Sequence[int]], buffers: Sequence[Sequence[int]]) -> Tensors:
        """Values for a network's parameters and buffers, named ``parameter.0``, ``buffer.0`` and so on.

        ``parameters`` and ``buffers`` are their shapes, in the order in which layers run. Filters are normal with
        standard deviation sqrt(2 / fan-in). Vectors may be biases or batch-norm scales: they lie between 0.5 and 1.5,
        away from 0, and have both signs, because with positive scales a wrong order of ReLU and batch-norm would not
        show. Buffers may be variances, so they are positive.
        """
        key = (purpose, tuple(map(tuple, parameters)), tuple(map(tuple, buffers)))
        return self._kept_draw(key, lambda: self._state(*key))

    def _state(self, purpose: str, parameters: Sequence[Sequence[int]], buffers: Sequence[Sequence[int]]) -> Tensors:
        drawn: Tensors = {}
        for index, shape in enumerate(parameters):
            generator = self.generator(f"{purpose}/parameter/{index}")
            if len(shape) >= 2:
                fan_in = max(1, int(torch.Size(shape[1:]).numel()))
                drawn[f"parameter.{index}"] = torch.randn(tuple(shape), generator=generator) * (2 / fan_in) ** 0.5
            else:
                size = 0.5 + torch.rand(tuple(shape), generator=generator)
                sign = torch.where(torch.rand(tuple(shape), generator=generator) < 0.5, -1.0, 1.0)
                drawn[f"parameter.{index}"] = size * sign
        for index, shape in enumerate(buffers):
            drawn[f"buffer.{index}"] = self._uniform(f"{purpose}/buffer/{index}", shape, 0.5, 1.5)
        return drawn

    def _kept_draw(self, key: Hashable, draw: Callable[[], Tensors]) -> Tensors:
        """The values that ``draw`` makes, stored under ``key`` because most submissions need the same ones.

        If they take too much memory, those used least recently are deleted. The caller gets copies, since a candidate
        may change its tensors in place.
        """
        with self._lock:
            drawn = self._draws.pop(key, None)
            if drawn is not None:
                self._draws[key] = drawn  # moves to the end: used last
        if drawn is None:
            drawn = draw()
            with self._lock:
                if key not in self._draws:
                    self._draws[key] = drawn
                    self.drawn_bytes += _bytes(drawn)
                while self.drawn_bytes > self._most_drawn_bytes:
                    self.drawn_bytes -= _bytes(self._draws.pop(next(iter(self._draws))))
        return {name: value.clone() for name, value in drawn.items()}

    def lessons(self, inputs: int, colours: int, *, regression: bool = False) -> Tensors:
        """Data for T steps of training, made from pictures of horses: ``batches`` (T, B, NIC, 32, 32) and ``labels``.

        Labels are colour numbers (T, B, 32, 32), int64 and below ``colours``; for regression they are the pictures
        themselves, (T, B, 3, 32, 32).
        """

        def make() -> Tensors:
            steps, size = 12, 2
            pictures = torch.from_numpy(self.horses.train)
            # A few batches are repeated, so that learning shows after few steps.
            chosen = torch.randperm(len(pictures), generator=self.generator("lessons"))[: 4 * size]
            rgb = pictures[chosen].to(torch.float32) / 256
            grey = rgb.mean(dim=1, keepdim=True)
            channels = grey if inputs == 1 else rgb[:, torch.arange(inputs) % 3]
            centres = torch.as_tensor(self.horses.colours[24], dtype=torch.float32)
            distance = ((rgb[:, None] - centres[None, :, :, None, None]) ** 2).sum(dim=2)
            labels = rgb if regression else distance.argmin(dim=1) % colours
            order = torch.arange(steps * size) % len(chosen)
            return {
                "batches": channels[order].reshape(steps, size, inputs, 32, 32).contiguous(),
                "labels": labels[order].reshape(steps, size, *labels.shape[1:]).contiguous(),
            }

        return dict(self.once(("lessons", inputs, colours, regression), make))


def _bytes(tensors: Tensors) -> int:
    """The approximate size of tensors in memory, with about 1 KiB for the object of each."""
    return sum(1024 + value.nbytes for value in tensors.values())
