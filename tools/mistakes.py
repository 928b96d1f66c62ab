"""``docs/mistakes.md``: every mistake that has a name, from ``reference/known.py`` and ``reference/known_layers.py``.

python tools/mistakes.py > docs/mistakes.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from grader.report.numbers import figure
from reference.handouts import HANDOUTS
from reference.known import Known, misordered, right
from reference.known_layers import LAYER_MISTAKES
from reference.mistakes import mistakes

HEAD = """\
# Mistakes that have a name

What a network or a dilated layer computes is compared with these mistakes. Where it equals one, the feedback says what
is below, and the criterion in which the mistake is judged keeps a share of its points: `<network>.architecture` for a
network, `dilated.values` for MyDilatedConv2d. Whatever else the same fault breaks (`parameters`, `training`,
`gradients`) is a criterion of its own and loses its own points.

A line such as `mistakes: {skip-missing: 0.5}` under an assignment of `rubric.yaml` sets another share there. Two
mistakes in one network are named together, as in `skip-missing+relu-missing`, and keep half of the smaller of their
shares; the rubric can set that by the same name. A few more names in reports come from a check itself, such as
`hard-coded-num_colours` or `tied-to-device`; the check decides their share.

This page is written by `tools/mistakes.py`; a test checks that it is up to date.

## Networks

The feedback names the block in which the mistake was made; the table shows the first block in which it can occur. A mistake that is made
in all blocks at once can keep another share: then both are given.
"""

LAYER = """
## MyDilatedConv2d

| mistake | the feedback says | share kept |
|---|---|---:|
"""


@dataclass
class _Entry:
    """One mistake's id, over all networks."""

    explanation: str
    shares: dict[str, Fraction] = field(default_factory=dict)
    """By where it is made: ``one block``, ``all blocks``."""
    networks: dict[str, None] = field(default_factory=dict)
    """Class names, in the order in which they are met."""


def page() -> str:
    """The whole page, ending in a newline."""
    rows = [
        f"| `{id}` | {_cell(entry.explanation)} | {', '.join(entry.networks)} | {_told(entry.shares)} |"
        for id, entry in sorted(_entries().items())
    ]
    networks = ["", "| mistake | the feedback says | networks | share kept |", "|---|---|---|---:|", *rows, ""]
    layers = [f"| `{one.id}` | {_cell(one.explanation)} | {_share(one.share)} |" for one in LAYER_MISTAKES]
    return HEAD + "\n".join(networks) + LAYER + "\n".join(layers) + "\n"


def _entries() -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for network, known in _every():
        entry = found.setdefault(known.id, _Entry(known.explanation))
        entry.networks.setdefault(network)
        entry.shares.setdefault("one block" if known.place else "all blocks", known.share)
    return found


def _every() -> Iterator[tuple[str, Known]]:
    """Class name and mistake: every mistake that one edit makes of a right answer."""
    for assignment, handout in HANDOUTS.items():
        for kind in handout.networks:
            for one in right(assignment, kind.cls):
                yield from ((kind.cls, wrong) for wrong in mistakes(one))
            for order in handout.layer_orders:
                yield from ((kind.cls, wrong) for wrong in misordered(assignment, kind.cls, (order,)))


def _told(shares: dict[str, Fraction]) -> str:
    """One share, or what each place keeps where they differ."""
    if len(set(shares.values())) == 1:
        return _share(next(iter(shares.values())))
    return ", ".join(f"{_share(share)} ({place})" for place, share in shares.items())


def _share(share: Fraction) -> str:
    return figure(float(share))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
