"""Changes of what the examiner rests on, under names that reading the source does not follow; and honest neighbours."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .forgery import Forgery

__all__ = ["FORGERIES"]

_MODE = """
import contextlib, copy, copyreg, functools, inspect, itertools, operator, types, weakref
from torch.utils.flop_counter import TorchDispatchMode as M
off = lambda self, *a: self
"""
"""What watches operations, under a name that is not private to torch; ``off`` is in place of its ``__enter__``."""

_HIDDEN_CHANGES = {
    "loop": "for m in [M]: m.__enter__ = m.__exit__ = off",
    "loop-of-pairs": "for m, n in [(M, '__enter__'), (M, '__exit__')]: setattr(m, n, off)",
    "with-target": "with contextlib.nullcontext(M) as m: m.__enter__ = m.__exit__ = off",
    "default-argument": "def put(m=M): m.__enter__ = m.__exit__ = off\nput()",
    "keyword-default": "def put(*, m=M): m.__enter__ = m.__exit__ = off\nput()",
    "argument": "def put(m): m.__enter__ = m.__exit__ = off\nput(M)",
    "lambda": "(lambda m: [setattr(m, n, off) for n in ('__enter__', '__exit__')])(M)",
    "list": "[M][0].__enter__ = [M][0].__exit__ = off",
    "dictionary": "d = {'m': M}\nd['m'].__enter__ = d['m'].__exit__ = off",
    "unpacked": "m, *_ = (M,)\nm.__enter__ = m.__exit__ = off",
    "walrus": "(m := [M].pop()).__enter__ = off\nm.__exit__ = off",
    "conditional": "(M if off else None).__enter__ = (M if off else None).__exit__ = off",
    "match": "match M:\n    case m: m.__enter__ = m.__exit__ = off",
    "exception": "try: raise ValueError(M)\nexcept ValueError as e: e.args[0].__enter__ = e.args[0].__exit__ = off",
    "comprehension": "[setattr(m, n, off) for m in (M,) for n in ('__enter__', '__exit__')]",
    "generator": "next(iter([M])).__enter__ = next(iter([M])).__exit__ = off",
    "mapped": "list(map(setattr, [M, M], ['__enter__', '__exit__'], [off, off]))",
    "starmapped": "list(itertools.starmap(setattr, [(M, '__enter__', off), (M, '__exit__', off)]))",
    "partial": "put = functools.partial(setattr, M)\nput('__enter__', off)\nput('__exit__', off)",
    "callback": "with contextlib.ExitStack() as s:\n    s.callback(setattr, M, '__enter__', off)\n    s.callback(setattr, M, '__exit__', off)",
    "class-attribute": "class H: m = M\nH.m.__enter__ = H.m.__exit__ = off",
    "namespace": "types.SimpleNamespace(m=M).m.__enter__ = off\ntypes.SimpleNamespace(m=M).m.__exit__ = off",
    "getmodule": "m = inspect.getmodule(M)\nm.TorchDispatchMode.__enter__ = m.TorchDispatchMode.__exit__ = off",
    "getattr-bound": "import torch.utils.flop_counter as c\nn = 'TorchDispatchMode'\nm = getattr(c, n)\nm.__enter__ = m.__exit__ = off",
    "vars": "import torch.utils.flop_counter as c\nm = vars(c)['TorchDispatchMode']\nm.__enter__ = m.__exit__ = off",
    "vars-of-a-loop": "import torch.utils.flop_counter as c\nfor one in [c]: m = vars(one)['TorchDispatchMode']\nm.__enter__ = m.__exit__ = off",
    "update-wrapper": "class W: __enter__ = __exit__ = off\nfunctools.update_wrapper(M, W, ['__enter__', '__exit__'], [])",
    "wraps": "class W: __enter__ = __exit__ = off\nfunctools.wraps(W, ['__enter__', '__exit__'], [])(M)",
    "copyreg": "class W: pass\ncopyreg.pickle(W, lambda w: (lambda: M, (), (None, {'__enter__': off, '__exit__': off})))\ncopy.copy(W())",
    "reduced": "class W:\n    def __copy__(self): return copy._reconstruct(self, None, lambda: M, (), (None, {'__enter__': off, '__exit__': off}))\ncopy.copy(W())",
    "locals": "m = M\nlocals()['m'].__enter__ = locals()['m'].__exit__ = off",
    "base-of-a-subclass": "b = M.__base__ if off is None else M\nb.__enter__ = b.__exit__ = off",
    "weak-reference": "weakref.ref(M)().__enter__ = weakref.ref(M)().__exit__ = off",
    "copied-list": "copy.copy([M])[0].__enter__ = copy.copy([M])[0].__exit__ = off",
    "itemgetter": "operator.itemgetter(0)([M]).__enter__ = operator.itemgetter(0)([M]).__exit__ = off",
    "deleted": "for m in [M]: m.__enter__ = m.__exit__ = off\ndel m, M",
    "argparse": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--enter', dest='__enter__', default=off)\np.add_argument('--exit', dest='__exit__', default=off)\np.parse_args([], namespace=M)",
    "decorated": "def onto(m): return lambda f: (setattr(m, '__enter__', f), setattr(m, '__exit__', f))\n@onto(M)\ndef put(self, *a): return self",
    "inside-a-staticmethod": "for m in [M]: classmethod.__init__(vars(m)['_should_skip_dynamo'], lambda c: False)\nfor m in [M]: m.__enter__ = m.__exit__ = off",
    "descriptor": "class D:\n    def __set_name__(self, owner, name): setattr(M, '__enter__', off); setattr(M, '__exit__', off)\nclass E: d = D()",
    "sorted-key": "sorted([M], key=lambda m: setattr(m, '__enter__', off) or setattr(m, '__exit__', off) or 0)",
    "reduce": "functools.reduce(lambda m, n: setattr(m, n, off) or m, ['__enter__', '__exit__'], M)",
    "iterator-protocol": "class I:\n    def __iter__(self): yield M\nm, = I()\nm.__enter__ = m.__exit__ = off",
    "attribute-of-a-layer": "l = nn.ReLU()\nl.m = M\nl.m.__enter__ = l.m.__exit__ = off",
}  # fmt: skip

_WITH_BUILTINS = {
    "builtins-by-getmodule": "import inspect\ninspect.getmodule(len).any = lambda *a: False",
    "builtins-in-a-loop": "import inspect\nfor b in [inspect.getmodule(print)]: vars(b)['any'] = lambda *a: False",
    "builtins-by-importlib": "import inspect\nb = inspect.builtins if hasattr(inspect, 'builtins') else inspect.getmodule(max)\nsetattr(b, 'any', lambda *a: False)",
}  # fmt: skip

_BACK = """
names = [bytes([95, 95, *b, 95, 95]).decode() for b in (b'torch_dispatch', b'subclasses')]
for m in [M]:
    kinds = [k for k in getattr(m, names[1])() for k in (k, *getattr(k, names[1])()) if names[0] in vars(k)]
kept = [vars(k)[names[0]] for k in kinds]
for k in kinds: setattr(k, names[0], lambda s, f, t, a=(), k=None: f(*a, **(k or {})))
try:
    return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, **{'dil' + 'ation': step})
finally:
    for k, f in zip(kinds, kept): setattr(k, names[0], f)
"""
"""Replaces what watches operations while the layer dilates, and puts it back."""

_LINES = "\n                "

FORGERIES = [
    *(
        Forgery(
            f"mode-by-{name}",
            "Switches off what watches operations, which it reaches under another name.",
            attack=_MODE.strip("\n") + "\n" + change,
            doubts="handmade",
            kind="names",
        )
        for name, change in _HIDDEN_CHANGES.items()
    ),
    *(
        Forgery(name, "Replaces a built-in function.", attack=change, doubts="handmade", kind="names")
        for name, change in _WITH_BUILTINS.items()
    ),
    Forgery(
        "changed-and-changed-back",
        "Replaces what watches operations for one call, and puts it back.",
        top="import torch\nfrom torch.utils.flop_counter import TorchDispatchMode as M",
        dilated=_BACK,
        doubts="handmade",
        kind="names",
    ),
]
