"""Finds the known implementation that a network equals, among thousands, by the output for one image.

Every known implementation with the network's parameter shapes is run in evaluation mode, and a few of its output values
are stored. A submission's network is then looked up by these values. They only suggest a match: the caller confirms it
with a full comparison. Networks that begin with the same steps share the outputs of these steps, so thousands of
networks take about a second. Networks with one mistake are run once per run of the grader.

Of two mistakes in one network there are a hundred times as many, and they are found one after the other. If a mistake
changes the parameters' shapes, the shapes leave few pairs. Otherwise the network is run with its first filters set to
zero. What comes before the first filter that is not zero then has no effect on the output, and neither has a mistake
there. From the last filter to the first, each step brings more of the network into sight, and with it one mistake at a
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import torch
from torch import Tensor

from grader.checks.configurations import drawn_image
from grader.exam.exam import Exam
from grader.exam.proof import redrawn
from grader.exam.shared import Shared
from reference.arguments import Arguments
from reference.forms import form_of
from reference.known import Known, misordered, narrowed, right
from reference.mistakes import edited, mistakes
from reference.network import Seen, after, parameter_shapes, parameters_of, state_shapes
from reference.steps import Step, Steps

__all__ = ["Family", "look_up"]

Shapes = tuple[tuple[int, ...], ...]

# Output values stored per implementation. Two different networks may agree in one value by chance, but not in 64.
_KEPT = 64
# At most this many networks with one mistake are looked at for a second one.
_MOST_BASES = 24


@dataclass(frozen=True)
class _Entry:
    """A known implementation without its explanation: there are thousands, and few are ever reported."""

    steps: Steps
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

    def near(self, output: Tensor, most: int = 64) -> list[tuple[int, ...]]:
        """The implementations whose output is this one (1, C, H, W), with a generous allowance for rounding.

        They come in the shelf's order; if there are more than ``most``, these are the nearest.
        """
        actual = _projection(output)
        distances = ((self.values - actual).abs() / (1 + actual.abs())).amax(dim=1)
        near = (distances <= 1e-3).nonzero().flatten().tolist()
        alike = [index for index in near if self.sizes[index] == tuple(output.shape)]
        return [self.made_by[index] for index in sorted(sorted(alike, key=distances.__getitem__)[:most])]


@dataclass(frozen=True)
class Family:
    """Known implementations of one class in which mistakes are looked for."""

    cls: str
    is_right: bool = True
    """False: those that are wrong by the order of their layers, or by being ``narrow``."""
    narrow: bool = False
    """Whether those with a narrow fifth block are among them."""

    def known(self, exam: Exam) -> tuple[Known, ...]:
        """Them."""
        assignment = exam.assignment
        kind = assignment.id, self.cls, assignment.layer_orders, assignment.accept
        if self.is_right:
            return right(*kind)
        return (*misordered(*kind), *(narrowed(*kind) if self.narrow else ()))


@dataclass(frozen=True)
class _ShelfOfMistakes(Shared[_Shelf]):
    """Those with one mistake, for the image that is drawn. The fields are those of ``_Desk``."""

    family: Family
    arguments: Arguments
    shapes: Shapes
    buffers: int
    draw: int
    value_type = _Shelf

    def value(self, exam: Exam) -> _Shelf:
        image = drawn_image(exam, self.arguments, self.draw)[:1]
        rights = self.family.known(exam)
        desk = _Desk(exam, rights, self.arguments, self.shapes, self.buffers, image, self.draw)
        return desk.shelf(_with_one(rights))


@dataclass(frozen=True)
class _Desk:
    """What a network is looked up by."""

    exam: Exam
    rights: tuple[Known, ...]
    arguments: Arguments
    shapes: Shapes
    """Of the network's parameters, in the order in which layers use them."""
    buffers: int
    """How many running statistics the network uses."""
    image: Tensor
    """(1, NIC, H, W)"""
    draw: int = 0
    """The draw of the parameters, see ``proof.py``."""

    @property
    def key(self) -> tuple[object, ...]:
        """What everything that is stored depends on."""
        return self.rights[0].steps, self.arguments, self.shapes, self.buffers, self.draw, self.image.numpy().tobytes()

    def fits(self, steps: Steps) -> bool:
        """Whether a network has parameters and running statistics like these."""
        own = state_shapes(steps, *self.arguments.numbers)
        return own == self.shapes and _statistics(steps) == self.buffers

    def shelf(self, entries: Iterable[_Entry], zeroed: int = 0) -> _Shelf:
        """Those of the implementations whose parameters and running statistics are like the network's.

        ``zeroed``: how many filters, from the first one on, are set to zero.
        """
        state = dict(self.exam.state(redrawn("run", self.draw), self.shapes, []))
        filters = [index for index, shape in enumerate(self.shapes) if len(shape) == 4]
        for index in filters[:zeroed]:
            state[f"parameter.{index}"] = torch.zeros(self.shapes[index])
        return _shelf(self, list(entries), state)

    def near(self, entries: Iterable[_Entry], output: Tensor, zeroed: int = 0) -> list[_Entry]:
        """Those whose output is this one (1, C, H, W)."""
        by_origin = {entry.made_by: entry for entry in entries}
        return [by_origin[made_by] for made_by in self.shelf(by_origin.values(), zeroed).near(output)]


Masked = Callable[[int], "Tensor | None"]
"""A number of filters → the output (1, C, H, W) of the network with so many filters set to zero, from the first one on,
in evaluation mode; None where it fails."""


def look_up(
    exam: Exam,
    family: Family,
    arguments: Arguments,
    shapes: Shapes,
    image: Tensor,
    outputs: dict[str, Tensor],
    draw: int = 0,
    drawn: bool = True,
    masked: Masked | None = None,
    most_compared: int = 16,
) -> Iterator[Known]:
    """Known mistakes whose output is the network's, the likeliest first: one mistake, then two if there is ``masked``.

    ``shapes`` are the shapes of the network's parameters, in the order in which layers use them. ``image`` is
    (B, NIC, H, W); ``drawn`` says whether it is the one that is drawn for this network. ``draw`` is that of the
    parameters. ``outputs`` are the network's outputs by name; ``alone``
    (1, C, H, W) is one of them. If more than ``most_compared`` implementations are near, as with outputs close to 0,
    the nearest are yielded.
    """
    if outputs["alone"].is_meta:
        return  # too large an output for any known implementation
    buffers = sum(name.startswith("buffer.") for name in outputs)
    rights = family.known(exam)
    desk, output = _Desk(exam, rights, arguments, shapes, buffers, image[:1], draw), outputs["alone"]
    if not bool(torch.isfinite(_projection(output)).all()):
        return  # the distances would not be numbers
    if drawn:
        shelf = exam.shared(_ShelfOfMistakes(family, arguments, shapes, buffers, draw))
    else:
        shelf = desk.shelf(_with_one(rights))
    yield from (_known(rights, made_by) for made_by in shelf.near(output, most_compared))
    if masked is not None:
        pairs = _by_masking(desk, masked) if desk.fits(rights[0].steps) else _by_shapes(desk, output)[:most_compared]
        yield from (_known(rights, entry.made_by) for entry in pairs)


def _known(rights: tuple[Known, ...], made_by: tuple[int, ...]) -> Known:
    """The known implementation that an entry stands for, with its explanation."""
    known = rights[made_by[0]]
    for index in made_by[1:]:
        known = next(islice(mistakes(known), index, None))
    return known


# -- one mistake -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _with_one(rights: tuple[Known, ...]) -> tuple[_Entry, ...]:
    """Each list of steps with one mistake once.

    Rare mistakes are made only in networks in which every cat has the same order of its tensors: mixed orders would
    make too many combinations.
    """
    made_by: dict[Steps, tuple[int, ...]] = {}
    for number, known in enumerate(rights):
        uniform = len({step.first for step in known.steps if step.kind == "cat"}) <= 1
        for index, wrong in enumerate(mistakes(known)):
            if uniform or not wrong.rare:
                made_by.setdefault(wrong.steps, (number, index))
    return tuple(_Entry(steps, made) for steps, made in made_by.items())


# -- two mistakes ------------------------------------------------------------------------------------------------------


def _with_one_more(entries: Iterable[_Entry]) -> list[_Entry]:
    """Each list of steps that one more mistake makes of these, once."""
    made_by: dict[Steps, tuple[int, ...]] = {}
    for entry in entries:
        for index, steps in enumerate(edited(entry.steps)):
            made_by.setdefault(steps, (*entry.made_by, index))
    return [_Entry(steps, made) for steps, made in made_by.items()]


def _by_shapes(desk: _Desk, output: Tensor) -> list[_Entry]:
    """Networks with two mistakes, of which at least one changes the parameters' shapes, whose output is the network's.

    A mistake that changes the shapes comes first. Either the shapes are the network's then, and any mistake may follow,
    or the second one changes them as well.
    """
    pairs: list[_Entry] = []
    for number in sorted({0, _all_first(desk.rights)}):
        known = _Entry(desk.rights[number].steps, (number,))
        for first in _with_one_more([known]):
            if _sizes(first.steps) == _sizes(known.steps):
                continue
            seconds = _with_one_more([first])
            alike = desk.fits(first.steps)
            pairs += [each for each in seconds if alike or _sizes(each.steps) != _sizes(first.steps)]
    right = {known.steps for known in desk.rights}
    return [entry for entry in desk.near(pairs, output) if entry.steps not in right]


def _sizes(steps: Steps) -> tuple[object, ...]:
    """All that the shapes of parameters and the number of running statistics depend on."""
    return tuple(sizes for step in steps if (sizes := _sizes_of(step)) is not None)


_MOST_KNOWN = 100_000
_KNOWN_SIZES: dict[int, tuple[Step, tuple[object, ...] | None]] = {}
"""What ``_sizes_of`` returns, by the step's identity: hundreds of thousands of networks share a few thousand steps."""


def _sizes_of(step: Step) -> tuple[object, ...] | None:
    """What a step contributes to ``_sizes``; None if it has no part in it."""
    known = _KNOWN_SIZES.get(id(step))
    if known is None:
        if len(_KNOWN_SIZES) >= _MOST_KNOWN:
            _KNOWN_SIZES.clear()
        sizes = (step.kind, step.block, step.width, step.source, step.bias, step.side, step.shared, _tensors(step))
        known = _KNOWN_SIZES[id(step)] = step, sizes if step.kind == "cat" or any(sizes[-1]) else None
    return known[1]


def _tensors(step: Step) -> tuple[tuple[str, ...], bool, bool]:
    """The parameters of a step, whether it has running statistics, and whether it adds instead of joining."""
    return parameters_of(step), form_of(step).statistics, step.form == "added"


def _statistics(steps: Steps) -> int:
    """How many running statistics a network has."""
    return sum(2 for step in steps if form_of(step).statistics and not step.shared)


def _all_first(rights: tuple[Known, ...]) -> int:
    """The index of the handout's network with the tensors of every cat swapped; without a cat, the handout's own."""
    own = [step.kind == "cat" for step in rights[0].steps]
    return next(
        number
        for number, known in enumerate(rights)
        if [step.first for step in known.steps] == own
        and [step.in_form("") for step in known.steps if step.kind != "cat"]
        == [step.in_form("") for step in rights[0].steps if step.kind != "cat"]
    )


def _by_masking(desk: _Desk, masked: Masked) -> Iterator[_Entry]:
    """Networks with two mistakes that leave the parameters' shapes alone, whose output is the network's."""
    orders: dict[tuple[str, ...], list[_Entry]] = {}
    for number, known in enumerate(desk.rights):
        if desk.fits(known.steps):
            kinds = tuple(step.kind for step in known.steps)
            orders.setdefault(kinds, []).append(_Entry(known.steps, (number,)))
    given_up: list[tuple[int, Tensor]] = []
    for number, rights in enumerate(orders.values()):
        # The first has the handout's order of pooling and batch-norm in both blocks, and the last has the other one.
        yield from _unmasked(desk, masked, rights, given_up, thorough=number in (0, len(orders) - 1))


def _unmasked(
    desk: _Desk, masked: Masked, rights: list[_Entry], given_up: list[tuple[int, Tensor]], *, thorough: bool
) -> list[_Entry]:
    """What agrees with the network when all of it is in sight, of right answers with up to two mistakes.

    ``thorough``: also two mistakes that come into sight together. ``given_up``: how many filters were zero when nothing
    agreed any more, and what the right answers put out then. Side effect: it grows.
    """
    agreeing = rights
    filters = [step.block for step in rights[0].steps if step.kind in ("conv", "convt")]
    for zeroed in reversed(range(len(filters))):
        output = masked(zeroed)
        if output is None:
            return []
        before, agreeing = agreeing, desk.near(agreeing, output, zeroed)
        if agreeing:
            continue
        values = desk.shelf(before, zeroed).values
        # Two orders of layers differ only in what is not in sight yet.
        alike = (others for at, others in given_up if at == zeroed and others.shape == values.shape)
        if any(torch.allclose(others, values) for others in alike):
            return []
        agreeing = _one_mistake_more(desk, rights, before, zeroed, output)
        if not agreeing and thorough and not before[0].made_by[1:]:
            bases = list(dict.fromkeys((before[0], before[-1])))
            agreeing = _two_mistakes_more(desk, bases, filters[zeroed], zeroed, output)
        if not agreeing:
            given_up.append((zeroed, values))
            return []
    return [entry for entry in agreeing if len(entry.made_by) == 3]


def _one_mistake_more(
    desk: _Desk, rights: list[_Entry], before: list[_Entry], zeroed: int, output: Tensor
) -> list[_Entry]:
    """Networks with one mistake more than these, whose output (1, C, H, W) is the network's."""
    if before[0].made_by[1:]:
        return desk.near(_with_one_more(before[:_MOST_BASES]), output, zeroed)
    # The first mistake may be looked for in many submissions of a run.
    shelf = desk.exam.once(
        ("masked", desk.key, rights[0].steps, zeroed), lambda: desk.shelf(_with_one_more(rights), zeroed)
    )
    made = {entry.made_by for entry in before}
    return [_entry(desk.rights, made_by) for made_by in shelf.near(output) if made_by[:-1] in made]


def _entry(rights: tuple[Known, ...], made_by: tuple[int, ...]) -> _Entry:
    steps = rights[made_by[0]].steps
    for index in made_by[1:]:
        steps = next(islice(edited(steps), index, None))
    return _Entry(steps, made_by)


def _two_mistakes_more(desk: _Desk, rights: list[_Entry], block: int, zeroed: int, output: Tensor) -> list[_Entry]:
    """Networks with two mistakes that come into sight together, whose output (1, C, H, W) is the network's.

    Both are near the block that came into sight. Only a mistake that gives the output another size may be anywhere.
    """
    steps = {entry.made_by: entry.steps for entry in rights}
    singles = {entry.made_by: entry for entry in _with_one_more(rights)}
    shelf = desk.shelf(singles.values(), zeroed)
    other_size = desk.shelf(rights, zeroed).sizes[0] != tuple(output.shape)
    firsts = [
        singles[made_by]
        for made_by, size in zip(shelf.made_by, shelf.sizes, strict=True)
        if (size == tuple(output.shape) if other_size else _is_near(singles[made_by].steps, steps[made_by[:1]], block))
    ]
    both = [
        second for first in firsts for second in _with_one_more([first]) if _is_near(second.steps, first.steps, block)
    ]
    return desk.near(both, output, zeroed)


def _is_near(changed: Steps, steps: Steps, block: int) -> bool:
    """Whether two networks differ in this block, in the one before it, or in most of them."""
    blocks = {step.block for step in set(changed) ^ set(steps)}
    return blocks <= {0, block - 1, block} or len(blocks) > 3


# -- running many networks ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """A network that has been run up to some step."""

    now: Tensor
    """The output of the last step: (1, C, H, W)."""
    seen: Seen
    """What skip connections can bring."""
    parameters: int
    """The number of parameters used so far."""
    buffers: int
    """The number of running statistics used so far."""
    layers: Mapping[tuple[str, int], tuple[Step, tuple[Tensor, ...]]]
    """The first layer of each kind in each block, with its tensors, by kind and block."""


def _shelf(desk: _Desk, entries: list[_Entry], state: dict[str, Tensor]) -> _Shelf:
    """Runs every entry with these parameters. Entries whose parameters have other shapes are left out."""
    rows: list[tuple[tuple[int, ...], Tensor, tuple[int, ...]]] = []  # made_by, output values, output shape
    places = [_Place(desk.image, {(0, ""): desk.image}, 0, 0, {})]
    previous: Steps = ()
    dead = False  # whether the step of ``previous`` that follows ``places`` does not fit
    with torch.no_grad():
        for entry in _side_by_side(entries):
            shared = _shared_steps(previous, entry.steps)
            if dead and shared >= len(places):
                continue
            del places[shared + 1 :]
            previous, dead = entry.steps, False
            for step in entry.steps[len(places) - 1 :]:
                place = _after(step, places[-1], desk, state)
                if place is None:
                    dead = True
                    break
                places.append(place)
            if not dead and (places[-1].parameters, places[-1].buffers) == (len(desk.shapes), desk.buffers):
                output = places[-1].now
                rows.append((entry.made_by, _projection(output), tuple(output.shape)))
    # A mistake in the handout's own network is likelier than one in another right answer.
    rows.sort(key=lambda row: row[0])
    values = torch.stack([row[1] for row in rows]) if rows else torch.zeros(0, _KEPT)
    return _Shelf(tuple(row[0] for row in rows), values, tuple(row[2] for row in rows))


def _side_by_side(entries: list[_Entry]) -> list[_Entry]:
    """The entries in an order in which neighbours begin with the same steps."""
    ranks: dict[Step, int] = {}
    keys = {entry.steps: [ranks.setdefault(step, len(ranks)) for step in entry.steps] for entry in entries}
    return sorted(entries, key=lambda entry: keys[entry.steps])


def _shared_steps(first: Steps, second: Steps) -> int:
    """The number of steps with which both networks begin."""
    shared = 0
    for ours, theirs in zip(first, second, strict=False):
        # most steps are the same object, which is faster to see than equality
        if ours is not theirs and ours != theirs:
            break
        shared += 1
    return shared


def _after(step: Step, place: _Place, desk: _Desk, state: dict[str, Tensor]) -> _Place | None:
    """The network after one more step; None if its parameters have other shapes or the step does not fit."""
    now, parameters, buffers = place.now, place.parameters, place.buffers
    width, layers = now.shape[1], place.layers
    if step.shared:
        if (step.kind, step.shared) not in layers:
            return None
        layer, own = layers[step.kind, step.shared]
    else:
        layer, own_shapes = step, parameter_shapes(step, width, *desk.arguments.numbers)
        if desk.shapes[parameters : parameters + len(own_shapes)] != own_shapes:
            return None
        own = tuple(state[f"parameter.{parameters + index}"] for index in range(len(own_shapes)))
        parameters += len(own_shapes)
        if form_of(step).statistics:
            own += tuple(_buffer(desk, state, buffers + index, width) for index in (0, 1))
            buffers += 2
        if own and (step.kind, step.block) not in layers:
            layers = {**layers, (step.kind, step.block): (step, own)}
    try:
        now = after(layer, now, place.seen, *own)
    except (RuntimeError, ValueError, KeyError):  # steps that do not fit together
        return None
    seen = {**place.seen, (step.block, step.kind): place.now}
    if step.kind != "cat":
        seen[step.block, ""] = now
    return _Place(now, seen, parameters, buffers, layers)


def _buffer(desk: _Desk, state: dict[str, Tensor], index: int, width: int) -> Tensor:
    """The examiner's values (C,) for a running statistic, the same as every candidate is given."""
    name = f"buffer.{index}/{width}"
    if name not in state:
        state[name] = desk.exam.uniform(f"{redrawn('run', desk.draw)}/buffer/{index}", (width,), 0.5, 1.5)
    return state[name]


def _projection(output: Tensor) -> Tensor:
    """64 values (64,) spread evenly over the tensor; NaN if it is empty."""
    flat = output.flatten().to(torch.float32)
    if flat.numel() == 0:
        return torch.full((_KEPT,), torch.nan)
    return flat[torch.linspace(0, flat.numel() - 1, _KEPT).to(torch.int64)]
