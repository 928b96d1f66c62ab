"""Outputs that the trusted process would choke on: of any size, of any kind, and of more than one may send back.

Each earns nothing where its numbers are wrong, is no error of the grader, and takes no memory of the trusted process
that a right submission would not take (``tests/test_memory.py``).
"""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .cases import Case, altered, code, criterion
from .forging.forgery import Forgery

__all__ = ["CASES"]

_LAST = "return self.finalconv(self.upconv2(x))"
_LAYER = "        size = (self"
_WHOLE_LAYER = tuple(criterion(aspect) for aspect in ("values", "gradients", "handmade"))
_WHOLE_NETWORK = tuple(
    criterion(aspect) for aspect in ("shapes", "parameters", "architecture", "uses-my-conv2d", "training", "device")
)


def _network(name: str, output: str, lost: str = "shapes architecture training") -> Case:
    """The network returns ``output``, which is computed from its right output ``y``."""
    source = altered(add=(_LAST, f"y = self.finalconv(self.upconv2(x))\n        return {output}"))
    return Case(f"outputs-{name}", "outputs", code(source), tuple(map(criterion, lost.split())), kept=_WHOLE_LAYER)


def _layer(name: str, output: str, lost: str = "values gradients handmade") -> Case:
    """The dilated layer returns ``output``."""
    source = altered(add=(_LAYER, f"        return {output}\n{_LAYER}"))
    return Case(f"outputs-{name}", "outputs", code(source), tuple(map(criterion, lost.split())), kept=_WHOLE_NETWORK)


_SENT = """
    <<MODULE FINDER>>
    H = module('handler').Handler
    kept = H._answered
    def handle(self, probe, tensors):
        reply, out = kept(self, probe, tensors)
        if 'eval' in out or 'output' in out or '0/eval' in out or '0/output' in out:
            <<CHANGE>>
        return reply, out
    H._answered = handle
    """


def _sent(name: str, change: str, said: str = "") -> Case:
    """The worker's own code is changed, so that it sends what it never would."""
    forgery = Forgery(
        name, "", attack=_SENT.replace("<<CHANGE>>", change), mistakes="", loses="architecture values", says=said
    )
    case = forgery.case()
    return Case(f"outputs-{name}", "outputs", case.make, case.lost, said=case.said)


CASES = [
    _network("scalar", "y.mean()"),
    _network("bytes", "torch.zeros(10_000_000, dtype=torch.uint8)", lost="shapes architecture training device"),
    _network("doubles", "y.mean().double().expand(5_000, 5_000)"),
    _network("expanded-without-end", "y.mean().expand(2**19, 2**20)"),
    _network("just-small-enough", "y.repeat(1, 1, 4, 6).double()"),
    _network("large-in-evaluation", "y if self.training else y.repeat(1, 1, 30, 30)", lost="architecture"),
    _network("large-for-one-image", "y.repeat(1, 1, 99, 99) if len(x) == 1 else y", lost="shapes architecture"),
    _network("other-types", "y.to([torch.bool, torch.int64, torch.float64, torch.uint8][len(x) % 4])", lost="shapes"),
    _network("sparse-in-evaluation", "y if self.training else y.to_sparse()", lost="architecture"),
    _network("complex", "torch.complex(y, y)"),
    _network("tensor-of-its-own", "y.as_subclass(type('Odd', (torch.Tensor,), {'shape': (2, 24, 32, 32), 'numel': lambda self: 1})).repeat(1, 1, 40, 40)"),
    _layer("layer-scalar", "input.sum() + self.weight.sum() * self.dilation", lost="values"),
    _layer("layer-bytes", "torch.zeros(10_000_000, dtype=torch.uint8)"),
    _layer("layer-booleans", "(input.sum() > torch.rand(())).expand(input.shape)", lost="values gradients"),
    _sent("sent-bytes", "out.update({n: torch.zeros(90_000_000, dtype=torch.uint8) for n in list(out)[:1]})"),
    _sent("sent-in-small-pieces", "out.update({f'x{i}': torch.zeros(500_000, dtype=torch.uint8) for i in range(180)})"),
    _sent("sent-beyond-the-limit", "out.update({n: torch.zeros(2**22) for n in list(out)[:14]})"),
    _sent("sent-without-values", "out.update({n: torch.empty(t.shape, device='meta') for n, t in out.items()})", said="no values of the tensor"),
]  # fmt: skip
