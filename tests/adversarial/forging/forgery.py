"""One forged submission: what it tries, its source, and what must happen.

The source is the honest one (``honest.txt``) with one mistake per criterion that is attacked, and with what is to hide
the mistakes. Where what a forgery tries is the mistake itself, it has ``mistakes=""``.
"""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from ..cases import Case, altered, attacked, code, criterion

__all__ = ["Forgery"]


@dataclass(frozen=True)
class Forgery:
    """A row of a table. Texts are dedented, and the empty lines around them do not count.

    In ``attack``, ``<<MODULE FINDER>>`` stands for a function ``module(name)`` that finds the worker's modules,
    ``<<LAYER ANSWER>>`` for lines that edit the worker's word on native dilation, and ``«name»`` for an expression that
    no reading of the source takes for that name.
    """

    name: str
    tries: str
    """One sentence."""
    _: KW_ONLY
    mistakes: str | None = None
    """Aspects, as in ``cases.WRONG``, in which the network or the layer is wrong; None: those of ``loses`` and
    ``doubts``."""
    top: str = ""
    """Lines above the source."""
    above: str = ""
    """Lines above the class CNN."""
    forward: str = ""
    """Lines in place of the last line of CNN's forward."""
    dilated: str = ""
    """Lines in place of the native convolution in the dilated layer's forward."""
    apart: str = ""
    """A function ``apart(f)``, which calls ``f`` where nothing watches; the dilated layer's convolution is passed to
    it, inside a function of autograd's."""
    edits: Mapping[str, str] = field(default_factory=dict)
    """Any other replacements in the source, at the old text's indentation."""
    attack: str = ""
    """Lines that run while the class CNN is defined."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """Further files, by name."""
    loses: str = ""
    """Aspects that must earn nothing, because their evidence is numbers."""
    doubts: str = ""
    """Aspects whose evidence is the worker's word: they earn nothing, or the report is flagged for a person."""
    keeps: str = ""
    """Aspects that must still earn their points."""
    says: str = ""
    """Words that must be in the report."""
    kind: str = "forged"
    """The class that it belongs to."""
    unflagged: bool = False
    """Whether it is honest, so that no flag may be raised."""

    def case(self) -> Case:
        """As the arena runs it."""
        return Case(
            f"{self.kind}-{self.name}",
            self.kind,
            self._make,
            lost=_criteria(self.loses),
            doubted=_criteria(self.doubts),
            kept=_criteria(self.keeps),
            said=self.says,
            unflagged=self.unflagged,
        )

    def _make(self, folder: Path) -> None:
        code(self.source())(folder)
        for name, content in self.beside.items():
            (folder / name).write_text(content, "utf-8")

    def source(self) -> str:
        """The submission's script."""
        mistakes = f"{self.loses} {self.doubts}" if self.mistakes is None else self.mistakes
        source = altered(*mistakes.split())
        for old, new in self._edits():
            source = _replaced(source, _text(old), _text(new))
        if self.attack:
            source = attacked(source, _expanded(_text(self.attack)))
        top = "\n\n\n".join(
            filter(None, [_text(self.top), _APART.format(apart=_text(self.apart)) if self.apart else ""])
        )
        return f"{top}\n\n\n{source}" if top else source

    def _edits(self) -> list[tuple[str, str]]:
        edits = list(self.edits.items())
        if self.above:
            edits.append((_CNN, f"{_text(self.above)}\n\n\n{_CNN}"))
        if self.forward:
            edits.append((_LAST_LINE, self.forward))
        if self.dilated or self.apart:
            edits.append((_DILATED_LINE, self.dilated or _APPLIED))
        return edits


_CNN = "class CNN(nn.Module):"
_LAST_LINE = "return self.finalconv(self.upconv2(x))"
_DILATED_LINE = "return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation=step)"


def _criteria(aspects: str) -> tuple[str, ...]:
    return tuple(map(criterion, aspects.split()))


def _text(lines: str) -> str:
    return textwrap.dedent(lines).strip("\n")


def _replaced(source: str, old: str, new: str) -> str:
    """``source`` with ``new`` for ``old``; both are indented as the line on which ``old`` begins."""
    first = old.split("\n", 1)[0]
    assert first in source, first
    before = source[: source.index(first)].rpartition("\n")[2]
    indentation = before if not before.strip() else ""
    old, new = (textwrap.indent(text, indentation).removeprefix(indentation) for text in (old, new))
    assert old in source, old
    return source.replace(old, new)


def _expanded(attack: str) -> str:
    attack = attack.replace("<<MODULE FINDER>>", _MODULE_FINDER.strip("\n"))
    attack = attack.replace("<<LAYER ANSWER>>", _LAYER_ANSWER.strip("\n"))
    return re.sub("«([^»]+)»", lambda match: f"bytes({list(match[1].encode())}).decode()", attack)


_MODULE_FINDER = """
import sys
class Found:
    def __init__(self, space): self.__dict__["space"] = space
    def __getattr__(self, name): return self.space[name]
    def __setattr__(self, name, value): self.space[name] = value
def module(name):
    frame, seen, waiting = sys._getframe(), set(), []
    while frame:
        waiting.append(frame.f_globals)
        frame = frame.f_back
    while waiting:
        space = waiting.pop()
        if id(space) in seen: continue
        seen.add(id(space))
        whole = str(space.get("__name__")).split(".")
        if whole[0] == "worker" and whole[-1] == name: return Found(space)
        for one in list(space.values()):
            near = getattr(one, "__globals__", None) or (one.__dict__ if type(one) is type(sys) else {})
            if str(near.get("__name__")).startswith("worker"): waiting.append(near)
"""
"""``module`` finds one of the worker's modules, which no table of the interpreter has, by the frames that lead here."""

_LAYER_ANSWER = """
from dataclasses import replace
A = sys.modules.get("worker.probes.answer") or module("answer")
kept = A._ANSWERS[A.RunLayer]
def layer(*probe):
    reply, out = kept(*probe)
    return replace(reply, native=()), out
A._ANSWERS[A.RunLayer] = layer
"""
"""Takes native dilation out of what the worker says about a layer."""

_APART = """import torch
{apart}


class _Hidden(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, p, d):
        ctx.save_for_backward(x, w)
        ctx.pd = p, d
        return apart(lambda: torch.conv2d(x, w, b, 1, p, d))

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        p, d = ctx.pd
        return (apart(lambda: torch.nn.grad.conv2d_input(x.shape, w, g, padding=p, dilation=d)), apart(lambda: torch.nn.grad.conv2d_weight(x, w.shape, g, padding=p, dilation=d)), g.sum((0, 2, 3)), None, None)"""

_APPLIED = "return _Hidden.apply(input, self.weight, self.bias, self.padding * step, step)"
