"""Finds the known implementation that a network equals, among thousands, by the output for one image.

Once per run of the grader, every known implementation with the network's parameter shapes is run in evaluation mode,
and a few of its output values are stored. A submission's network is then looked up by these values. They only suggest
a match: the caller confirms it with a full comparison. Networks that begin with the same steps share the outputs of
these steps, so thousands of networks take about a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import torch
from torch import Tensor

from grader.exam.exam import Exam
from reference.arguments import Arguments
from reference.forms import form_of
from reference.known import Known
from reference.mistakes import mistakes
from reference.network import after, parameter_shapes
from reference.steps import Step

__all__ = ["look_up"]

Shapes = tuple[tuple[int, ...], ...]

# Output values stored per implementation. Two different networks may agree in one value by chance, but not in 64.
_KEPT = 64


@dataclass(frozen=True)
class _Entry:
    """A known implementation without its explanation: there are thousands, and few are ever reported."""

    steps: tuple[Step, ...]
    made_by: tuple[int, ...]
    """The index of a right answer, then of the mistake made in it, then of the mistake made in the result."""


@dataclass(frozen=True)
class _Shelf:
    """Known implementations with the same parameter shapes, and their outputs."""

    made_by: tuple[tuple[int, ...], ...]
    values: Tensor
    """(N, 64): 64 output values of each implementation, in evaluation mode."""
    sizes: tuple[tuple[int, ...], ...]
    """The output shape of each implementation, for one image."""


def look_up(
    exam: Exam,
    rights: tuple[Known, ...],
    arguments: Arguments,
    shapes: Shapes,
    image: Tensor,
    outputs: dict[str, Tensor],
    most: int = 2,
    most_compared: int = 16,
) -> Iterator[Known]:
    """Known mistakes whose output is the network's, the likeliest first: one mistake, then two, up to ``most``.

    ``shapes`` are the shapes of the network's parameters, in the order in which layers use them. ``image`` is
    (B, NIC, H, W). ``outputs`` are the network's outputs by name; ``eval`` (B, C, H, W) is one of them. If more
    than ``most_compared`` implementations are near, as with outputs close to 0, the nearest are yielded.
    """
    if outputs["eval"].dim() != 4 or outputs["eval"].is_meta:
        return  # every known implementation gives (B, C, H, W), and of no such size
    actual, size = _projection(outputs["eval"][:1]), tuple(outputs["eval"][:1].shape)
    if not bool(torch.isfinite(actual).all()):
        return  # the distances would not be numbers
    for depth in range(1, most + 1):
        shelf = _shelf_at(exam, rights, arguments, shapes, image, depth)
        # A generous allowance for rounding: the full comparison that follows is the exact one.
        distances = ((shelf.values - actual).abs() / (1 + actual.abs())).amax(dim=1)
        near = (distances <= 1e-3).nonzero().flatten().tolist()
        fitting = [index for index in near if shelf.sizes[index] == size]
        nearest = sorted(fitting, key=distances.__getitem__)[:most_compared]
        for index in sorted(nearest):
            yield _known(rights, shelf.made_by[index])


def _shelf_at(
    exam: Exam, rights: tuple[Known, ...], arguments: Arguments, shapes: Shapes, image: Tensor, depth: int
) -> _Shelf:
    """The shelf of all networks with ``depth`` mistakes; computed once per run of the grader."""
    network = (rights[0].steps, depth)
    entries = exam.once(("catalogue", *network), lambda: _entries(rights, depth))
    return exam.once(
        ("shelf", *network, arguments, shapes), lambda: _shelf(exam, entries, arguments, shapes, image[:1])
    )


def _known(rights: tuple[Known, ...], made_by: tuple[int, ...]) -> Known:
    """The known implementation that an entry stands for, with its explanation."""
    known = rights[made_by[0]]
    for index in made_by[1:]:
        known = next(islice(mistakes(known), index, None))
    return known


@lru_cache(maxsize=4)
def _entries(rights: tuple[Known, ...], depth: int) -> tuple[_Entry, ...]:
    """Each list of steps once, in an order in which neighbours begin with the same steps.

    Mistakes marked ``alone``, and pairs of mistakes, are made only in networks in which every cat has the same order of
    its tensors: mixed orders would make too many combinations.
    """
    made_by: dict[tuple[Step, ...], tuple[int, ...]] = {}
    if depth == 1:
        for number, known in enumerate(rights):
            uniform = len({step.first for step in known.steps if step.kind == "cat"}) <= 1
            for index, wrong in enumerate(mistakes(known)):
                if wrong.alone and not uniform:
                    continue
                made_by.setdefault(wrong.steps, (number, index))
    else:
        for number in {0, _all_first(rights)}:
            for index, wrong in enumerate(mistakes(rights[number])):
                if wrong.alone:
                    continue
                for second_index, twice_wrong in enumerate(mistakes(wrong)):
                    made_by.setdefault(twice_wrong.steps, (number, index, second_index))
    ranks: dict[Step, int] = {}
    keys = {steps: [ranks.setdefault(step, len(ranks)) for step in steps] for steps in made_by}
    return tuple(_Entry(steps, made_by[steps]) for steps in sorted(made_by, key=keys.__getitem__))


def _all_first(rights: tuple[Known, ...]) -> int:
    """The index of the handout's network with the tensors of every cat swapped; without a cat, the handout's own."""
    turned = tuple(
        Step(step.kind, step.block, step.width, step.form, step.source, step.kind == "cat") for step in rights[0].steps
    )
    return next(number for number, known in enumerate(rights) if known.steps == turned)


@dataclass(frozen=True)
class _Place:
    """A network that has been run up to some step."""

    now: Tensor
    """The output of the last step: (1, C, H, W)."""
    blocks: dict[int, Tensor]
    """The output of each block so far; 0 is the image."""
    parameters: int
    """The number of parameters used so far."""
    buffers: int
    """The number of running statistics used so far."""


def _shelf(exam: Exam, entries: tuple[_Entry, ...], arguments: Arguments, shapes: Shapes, image: Tensor) -> _Shelf:
    """Runs every entry on ``image`` (1, NIC, H, W). Entries whose parameters have other shapes are left out."""
    state = exam.state("run", shapes, [])
    rows: list[tuple[tuple[int, ...], Tensor, tuple[int, ...]]] = []  # made_by, output values, output shape
    places = [_Place(image, {0: image}, 0, 0)]
    previous: tuple[Step, ...] = ()
    dead = False  # whether the step of ``previous`` that follows ``places`` does not fit
    with torch.no_grad():
        for entry in entries:
            shared = _shared_steps(previous, entry.steps)
            if dead and shared >= len(places):
                continue
            del places[shared + 1 :]
            previous, dead = entry.steps, False
            for step in entry.steps[len(places) - 1 :]:
                place = _after(step, places[-1], exam, state, arguments, shapes)
                if place is None:
                    dead = True
                    break
                places.append(place)
            if not dead and places[-1].parameters == len(shapes):
                output = places[-1].now
                rows.append((entry.made_by, _projection(output), tuple(output.shape)))
    # A mistake in the handout's own network is likelier than one in another right answer.
    rows.sort(key=lambda row: row[0])
    values = torch.stack([row[1] for row in rows]) if rows else torch.zeros(0, _KEPT)
    return _Shelf(tuple(row[0] for row in rows), values, tuple(row[2] for row in rows))


def _shared_steps(first: tuple[Step, ...], second: tuple[Step, ...]) -> int:
    """The number of steps with which both networks begin."""
    shared = 0
    for ours, theirs in zip(first, second, strict=False):
        # most steps are the same object, which is faster to see than equality
        if ours is not theirs and ours != theirs:
            break
        shared += 1
    return shared


def _after(
    step: Step, place: _Place, exam: Exam, state: dict[str, Tensor], arguments: Arguments, shapes: Shapes
) -> _Place | None:
    """The network after one more step; None if its parameters have other shapes or the step does not fit."""
    now, parameters, buffers = place.now, place.parameters, place.buffers
    width = now.shape[1]
    own_shapes = parameter_shapes(step, width, arguments.kernel, arguments.filters, arguments.colours)
    if shapes[parameters : parameters + len(own_shapes)] != own_shapes:
        return None
    own = [state[f"parameter.{parameters + index}"] for index in range(len(own_shapes))]
    if form_of(step).statistics:
        own += [_buffer(exam, state, buffers + index, width) for index in (0, 1)]
        buffers += 2
    try:
        now = after(step, now, place.blocks, *own)
    except (RuntimeError, ValueError, KeyError):  # steps that do not fit together
        return None
    blocks = place.blocks
    if step.kind != "cat":
        before_activation = {-step.block: place.now} if step.kind == "act" else {}
        blocks = {**blocks, **before_activation, step.block: now}
    return _Place(now, blocks, parameters + len(own_shapes), buffers)


def _buffer(exam: Exam, state: dict[str, Tensor], index: int, width: int) -> Tensor:
    """The examiner's values (C,) for a running statistic, the same as every candidate is given."""
    name = f"buffer.{index}/{width}"
    if name not in state:
        state[name] = exam.uniform(f"run/buffer/{index}", (width,), 0.5, 1.5)
    return state[name]


def _projection(output: Tensor) -> Tensor:
    """64 values (64,) spread evenly over the tensor; NaN if it is empty."""
    flat = output.flatten().to(torch.float32)
    if flat.numel() == 0:
        return torch.full((_KEPT,), torch.nan)
    return flat[torch.linspace(0, flat.numel() - 1, _KEPT).to(torch.int64)]
