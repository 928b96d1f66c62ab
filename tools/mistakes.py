"""``docs/mistakes.md``: every mistake with a name, from ``reference/mistakes.py`` and ``reference/known_layers.py``.

python tools/mistakes.py > docs/mistakes.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from grader.checks.mistakes import OF_CHECKS, CheckMistake, hard_coded
from grader.report.numbers import figure
from reference.handouts import HANDOUTS
from reference.known import Known, misordered, narrowed, right
from reference.known_layers import LAYER_MISTAKES
from reference.mistakes import mistakes

HEAD = """\
# Mistakes that have a name

The grader compares what a network or a dilated layer computes with these mistakes. If it equals one of them, the
feedback has the sentence below, and the criterion that judges the mistake keeps a share of its points:
`<network>.architecture` for a network, `dilated.values` for MyDilatedConv2d. The mistake costs points there alone:
`parameters` and `training` are judged against the network with that mistake, and DilatedUNet against what it is made
of. They pass with a remark. `follow_through: false` under an assignment of `rubric.yaml` turns this off.

A line such as `mistakes: {skip-missing: 0.5}` under an assignment of `rubric.yaml` sets another share for that
assignment. Two mistakes in one network are named together, as in `skip-missing+relu-missing`, and keep half of the
smaller share; the rubric can set that share by the same name. Every name on this page can stand there.

`tools/mistakes.py` writes this page, and a test checks that it is up to date.

## Networks

The feedback names the block that has the mistake; the table shows the first block in which it can occur. A mistake that
is made in all blocks at once can keep a different share: then the table gives both.
"""

CHECKS = """
## Found otherwise

These mistakes do not show in the outputs, or not alone. Each is found by a check of its own, and keeps a share of the
points of that check's criterion. A network that stops when it is run, or whose layers are made for other numbers of
channels, fails `<network>.shapes`; if the error is that of a mistake above, it is named there as well, and keeps
nothing.

| mistake | the feedback says | check | share kept |
|---|---|---|---:|
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
        f"| `{id}` | {_cell(entry.explanation)} | {', '.join(entry.networks)} | {_shares(entry.shares)} |"
        for id, entry in sorted(_entries().items())
    ]
    networks = ["", "| mistake | the feedback says | networks | share kept |", "|---|---|---|---:|", *rows, ""]
    layers = [f"| `{row.id}` | {_cell(row.explanation)} | {_share(row.share)} |" for row in LAYER_MISTAKES]
    checks = [f"| `{row.id}` | {_cell(row.says)} | {row.check} | {_share(row.share)} |" for row in _of_checks()]
    return HEAD + "\n".join(networks) + LAYER + "\n".join(layers) + "\n" + CHECKS + "\n".join(checks) + "\n"


def _of_checks() -> list[CheckMistake]:
    """The mistakes of the checks. Numbers may stand for several parameters; the name of each pair joins two names."""
    names = dict.fromkeys(
        name for handout in HANDOUTS.values() for kind in handout.networks for name in kind.parameters
    )
    numbers = [
        CheckMistake(hard_coded([name]), f"A number is written where `{name}` belongs.", "shapes", Fraction(1, 2))
        for name in names
    ]
    words = "The same for several; the names stand in the constructor's order."
    several = CheckMistake(hard_coded(["num_filters", "num_colours"]), words, "shapes", Fraction(1, 2))
    return [*numbers, several, *OF_CHECKS]


def _entries() -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for network, known in _every():
        entry = entries.setdefault(known.id, _Entry(known.explanation))
        entry.networks.setdefault(network)
        entry.shares.setdefault("one block" if known.place else "all blocks", known.share)
    return entries


def _every() -> Iterator[tuple[str, Known]]:
    """Class name and mistake: every mistake that one edit makes in a right answer."""
    for assignment, handout in HANDOUTS.items():
        for kind in handout.networks:
            for known in right(assignment, kind.cls):
                yield from ((kind.cls, wrong) for wrong in mistakes(known))
            for order in handout.layer_orders:
                yield from ((kind.cls, wrong) for wrong in misordered(assignment, kind.cls, (order,)))
            yield from ((kind.cls, wrong) for wrong in narrowed(assignment, kind.cls))


def _shares(shares: dict[str, Fraction]) -> str:
    """One share, or the share of each place where they differ."""
    if len(set(shares.values())) == 1:
        return _share(next(iter(shares.values())))
    return ", ".join(f"{_share(share)} ({place})" for place, share in shares.items())


def _share(share: Fraction) -> str:
    return figure(float(share))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
