"""Which known implementation a network is, found among thousands by what they put out for one image.

Known implementations with the network's parameter shapes are run once in a run of the grader, in evaluation mode, and a
few of their output values kept; a submission's network is then looked up by those. What is found is confirmed in full
by
whoever asks. Thousands are run in about a second because networks that begin with the same steps share those steps'
outputs.
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
# Output values kept of each implementation: two different networks agree in one by chance, not in 64.
_KEPT = 64
# Known implementations that are worth a full comparison: where more are near, as with outputs close to 0, the nearest.
_MOST = 16


@dataclass(frozen=True)
class _Entry:
    """A known implementation, without its words: there are thousands, and few are ever told to anybody."""

    steps: tuple[Step, ...]
    made_by: tuple[int, ...]
    """Index of a right answer, then of the mistake made in it, then of the mistake made in that."""


@dataclass(frozen=True)
class _Shelf:
    """Known implementations with the same parameter shapes, and what they put out."""

    made_by: tuple[tuple[int, ...], ...]
    values: Tensor
    """(N, 64), in evaluation mode."""
    sizes: tuple[tuple[int, ...], ...]
    """Output shapes for one image."""


def look_up(
    exam: Exam,
    rights: tuple[Known, ...],
    arguments: Arguments,
    shapes: Shapes,
    image: Tensor,
    outputs: dict[str, Tensor],
    most: int = 2,
) -> Iterator[Known]:
    """Known mistakes that put out what the network put out, the likeliest first: one mistake, then two, up to ``most``.

    ``shapes``: of the network's parameters in running order;
    ``image`` (B, NIC, H, W); ``outputs``: the network's, ``eval`` (B, C, H, W) among them.
    """
    actual, size = _projection(outputs["eval"][:1]), tuple(outputs["eval"][:1].shape)
    if not bool(torch.isfinite(actual).all()):
        return  # beside infinity everything is near
    for depth in range(1, most + 1):
        shelf = _shelf_at(exam, rights, arguments, shapes, image, depth)
        # Rounding, generously: the full comparison that follows is the exact one.
        apart = ((shelf.values - actual).abs() / (1 + actual.abs())).amax(dim=1)
        near = (apart <= 1e-3).nonzero().flatten().tolist()
        found = sorted((index for index in near if shelf.sizes[index] == size), key=apart.__getitem__)[:_MOST]
        for index in sorted(found):
            yield _known(rights, shelf.made_by[index])


def _shelf_at(
    exam: Exam, rights: tuple[Known, ...], arguments: Arguments, shapes: Shapes, image: Tensor, depth: int
) -> _Shelf:
    """Computed once in a run."""
    network = (rights[0].steps, depth)
    entries = exam.once(("catalogue", *network), lambda: _entries(rights, depth))
    return exam.once(
        ("shelf", *network, arguments, shapes), lambda: _shelf(exam, entries, arguments, shapes, image[:1])
    )


def _known(rights: tuple[Known, ...], made_by: tuple[int, ...]) -> Known:
    known = rights[made_by[0]]
    for index in made_by[1:]:
        known = next(islice(mistakes(known), index, None))
    return known


@lru_cache(maxsize=4)
def _entries(rights: tuple[Known, ...], depth: int) -> tuple[_Entry, ...]:
    """Each list of steps once, in an order in which neighbours have long beginnings in common.

    Both tensors of every cat in the handout's order, or none: who mixes them and errs twice, or oddly, is on their own.
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
                for second, twice in enumerate(mistakes(wrong)):
                    made_by.setdefault(twice.steps, (number, index, second))
    ranks: dict[Step, int] = {}
    keys = {steps: [ranks.setdefault(step, len(ranks)) for step in steps] for steps in made_by}
    return tuple(_Entry(steps, made_by[steps]) for steps in sorted(made_by, key=keys.__getitem__))


def _all_first(rights: tuple[Known, ...]) -> int:
    """The handout's network with every cat the other way round; the handout's itself where there is none."""
    turned = tuple(
        Step(step.kind, step.block, step.width, step.form, step.source, step.kind == "cat") for step in rights[0].steps
    )
    return next(number for number, known in enumerate(rights) if known.steps == turned)


@dataclass(frozen=True)
class _Place:
    """A network run as far as some step."""

    now: Tensor
    """(1, C, H, W)"""
    seen: dict[int, Tensor]
    """Output of each block so far; 0 is the image."""
    parameters: int
    """How many parameters have been used."""
    buffers: int


def _shelf(exam: Exam, entries: tuple[_Entry, ...], arguments: Arguments, shapes: Shapes, image: Tensor) -> _Shelf:
    state = exam.state("run", shapes, [])
    found: list[tuple[tuple[int, ...], Tensor, tuple[int, ...]]] = []
    places = [_Place(image, {0: image}, 0, 0)]
    before: tuple[Step, ...] = ()
    dead = False
    """Whether the last step tried in ``places`` is one that does not fit."""
    with torch.no_grad():
        for entry in entries:
            shared = next(
                (
                    place
                    for place, (one, other) in enumerate(zip(before, entry.steps, strict=False))
                    if one is not other and one != other
                ),
                min(len(before), len(entry.steps)),
            )
            if dead and shared >= len(places):
                continue
            del places[shared + 1 :]
            before, dead = entry.steps, False
            for step in entry.steps[len(places) - 1 :]:
                place = _after(step, places[-1], exam, state, arguments, shapes)
                if place is None:
                    dead = True
                    break
                places.append(place)
            if not dead and places[-1].parameters == len(shapes):
                output = places[-1].now
                found.append((entry.made_by, _projection(output), tuple(output.shape)))
    # One mistake in the handout's own network is likelier than one in another right answer.
    found.sort(key=lambda one: one[0])
    values = torch.stack([one[1] for one in found]) if found else torch.zeros(0, _KEPT)
    return _Shelf(tuple(one[0] for one in found), values, tuple(one[2] for one in found))


def _after(
    step: Step, place: _Place, exam: Exam, state: dict[str, Tensor], arguments: Arguments, shapes: Shapes
) -> _Place | None:
    """The network one step further; None where its parameters have other shapes, or the step doesn't fit."""
    now, parameters, buffers = place.now, place.parameters, place.buffers
    width = now.shape[1]
    wanted = parameter_shapes(step, width, arguments.kernel, arguments.filters, arguments.colours)
    if shapes[parameters : parameters + len(wanted)] != wanted:
        return None
    own = [state[f"parameter.{parameters + index}"] for index in range(len(wanted))]
    if form_of(step).statistics:
        own += [_buffer(exam, state, buffers + index, width) for index in (0, 1)]
        buffers += 2
    try:
        now = after(step, now, place.seen, *own)
    except (RuntimeError, ValueError, KeyError):  # steps that do not fit together
        return None
    seen = place.seen
    if step.kind != "cat":
        before = {-step.block: place.now} if step.kind == "act" else {}
        seen = {**seen, **before, step.block: now}
    return _Place(now, seen, parameters + len(wanted), buffers)


def _buffer(exam: Exam, state: dict[str, Tensor], index: int, width: int) -> Tensor:
    """The examiner's value for a running statistic, as every candidate is given it."""
    name = f"buffer.{index}/{width}"
    if name not in state:
        state[name] = exam.uniform(f"run/buffer/{index}", (width,), 0.5, 1.5)
    return state[name]


def _projection(output: Tensor) -> Tensor:
    """64 values spread over the tensor."""
    flat = output.flatten().to(torch.float32)
    return (
        flat[torch.linspace(0, flat.numel() - 1, _KEPT).to(torch.int64)]
        if flat.numel()
        else torch.full((_KEPT,), torch.nan)
    )
