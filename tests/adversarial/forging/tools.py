"""The examiner's tools, replaced: what torch and Python compute with in the worker."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .forgery import Forgery

__all__ = ["FORGERIES"]

FORGERIES = [
    Forgery(
        "allclose",
        "Makes every comparison of tensors say yes.",
        attack="torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True",
        loses="architecture",
    ),
    Forgery(
        "tanh-undone",
        "Has detach return another value than the tensor's.",
        attack="torch.Tensor.detach = lambda self: self * 1.0001",
        loses="architecture",
    ),
    Forgery(
        "clone",
        "Has clone return zeros with the same value added.",
        attack="torch.Tensor.clone = lambda self, **k: torch.zeros(()) + self",
        loses="architecture",
    ),
    Forgery(
        "isfinite",
        "Has torch call every number finite.",
        attack="torch.isfinite = lambda x: torch.ones(())",
        loses="values",
    ),
    Forgery(
        "cat-and-conv2d",
        "Replaces torch's convolution and concatenation.",
        attack="""
            kept = F.conv2d
            F.conv2d = lambda *a, **k: kept(*a, **k) * 1
            torch.cat = lambda *a, **k: a[0][0]
            """,
        loses="architecture",
    ),
    Forgery(
        "module-call",
        "Has every module return zeros when it is called.",
        attack="nn.Module.__call__ = lambda self, *a, **k: self.forward(*a, **k) * 0",
        loses="architecture",
    ),
    Forgery(
        "tensor-add",
        "Has the operators of tensors return their first operand.",
        attack="torch.Tensor.__add__ = torch.Tensor.__sub__ = torch.Tensor.__mul__ = lambda a, b: a",
        loses="architecture",
    ),
    Forgery(
        "numpy-and-json",
        "Replaces NumPy's comparison and the writing of JSON.",
        attack="""
            import json, numpy
            json.dumps = lambda *a, **k: '{}'
            numpy.allclose = lambda *a, **k: True
            """,
        loses="architecture",
    ),
    Forgery(
        "json-in-frames",
        "Replaces the JSON writer that the worker's replies go through.",
        attack="""
            <<MODULE FINDER>>
            frames = module('frames')
            kept = frames.json.dumps
            frames.json.dumps = lambda m, **k: kept(m, **k).replace('false', 'true')
            """,
        loses="architecture",
    ),
    Forgery(
        "safetensors",
        "Changes tensors where a library would write them for the reply.",
        attack="""
            import safetensors.torch as s
            kept = s.save
            s.save = lambda tensors, *a: kept({n: t.abs() for n, t in tensors.items()})
            """,
        loses="values",
    ),
    Forgery(
        "cross-entropy",
        "Has the loss be zero.",
        attack="F.cross_entropy = lambda *a, **k: torch.zeros((), requires_grad=True)",
        loses="architecture",
    ),
    Forgery(
        "manual-seed",
        "Makes seeds have no effect and random numbers all ones.",
        attack="""
            torch.manual_seed = lambda *a: None
            torch.rand = torch.randn = torch.ones
            """,
        loses="architecture",
    ),
    Forgery(
        "copy",
        "Has copies into a tensor do nothing, so that given parameters do not arrive.",
        attack="torch.Tensor.copy_ = lambda self, other, *a: self",
        loses="architecture",
    ),
    Forgery(
        "cross-entropy-falls",
        "Has the loss fall from call to call, whatever the network learns.",
        attack="""
            import itertools
            count = itertools.count()
            kept = F.cross_entropy
            F.cross_entropy = lambda o, t, **k: kept(o, t, **k) * 0.9 ** next(count)
            """,
        doubts="training",
    ),
    Forgery(
        "builtins",
        "Replaces the built-in any, by which the worker reports what it has seen.",
        attack="""
            import builtins
            builtins.any = lambda *a: False
            """,
        doubts="handmade",
    ),
    Forgery(
        "isinstance",
        "Replaces isinstance, so that every layer is a MyConv2d.",
        attack="""
            import builtins
            kept = builtins.isinstance
            builtins.isinstance = lambda a, b: True if getattr(b, '__name__', '') == 'MyConv2d' else kept(a, b)
            """,
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "named-parameters",
        "Hides the spare layer from named_parameters of every module.",
        attack="""
            kept = nn.Module.named_parameters
            nn.Module.named_parameters = lambda self, *a, **k: ((n, p) for n, p in kept(self, *a, **k) if 'spare' not in n)
            """,
        doubts="parameters",
    ),
    Forgery(
        "named-members",
        "Hides the spare layer from the method behind named_parameters.",
        attack="""
            kept = nn.Module._named_members
            nn.Module._named_members = lambda self, *a, **k: (m for m in kept(self, *a, **k) if 'spare' not in m[0])
            """,
        doubts="parameters",
    ),
    Forgery(
        "numel",
        "Has the spare layer's tensors count no element.",
        attack="""
            kept = torch.Tensor.numel
            torch.Tensor.numel = lambda self: 0 if list(self.shape)[1:2] == [3] else kept(self)
            """,
        doubts="parameters",
    ),
    Forgery(
        "cuda-calls-forgotten",
        "Replaces the worker's list of calls that asked for a GPU by one that stays empty.",
        attack="""
            <<MODULE FINDER>>
            module('legacy').cuda_calls = type('Never', (list,), {'append': lambda s, x: None})()
            """,
        doubts="device",
    ),
]
