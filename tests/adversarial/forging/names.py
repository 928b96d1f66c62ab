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
    "argparse": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--enter', dest='__enter__', action='store_const', const=off)\np.add_argument('--exit', dest='__exit__', action='store_const', const=off)\np.parse_args(['--enter', '--exit'], namespace=M)",
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

_SPELT_APART = "return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, **{'dil' + 'ation': step})"
"""A native dilation that reading the source does not find."""
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

_SPREADS = {
    "tuple": "numbers = (input, self.weight, self.bias, 1, self.padding * step, step)\nreturn F.conv2d(*numbers)",
    "list": "return F.conv2d(*[input, self.weight, self.bias, 1, self.padding * step, step])",
    "two-parts": "return F.conv2d(*(input, self.weight), *(self.bias, 1, self.padding * step, step))",
    "dictionary": "return F.conv2d(input, self.weight, self.bias, **{'padding': self.padding * step, 'dilation': step})",
    "zipped": "names = ['padding', 'dilation']\nreturn F.conv2d(input, self.weight, self.bias, **dict(zip(names, [self.padding * step, step])))",
    "filled-later": "more = {}\nmore.setdefault('dilation', step)\nreturn F.conv2d(input, self.weight, self.bias, padding=self.padding * step, **more)",
    "partial": "import functools\nreturn functools.partial(F.conv2d, input, self.weight, self.bias, 1)(*(self.padding * step, step))",
    "apply": "conv, numbers = [F.conv2d], [input, self.weight, self.bias, 1, self.padding * step, step]\nreturn conv[0](*numbers)",
    "generator": "return F.conv2d(*(each for each in (input, self.weight, self.bias, 1, self.padding * step, step)))",
    "map": "return next(map(F.conv2d, [input], [self.weight], [self.bias], [1], [self.padding * step], [step]))",
    "unfold": "columns = F.unfold(*(input, self.kernel_size, step, self.padding * step))\nreturn (self.weight.flatten(1) @ columns + self.bias[:, None]).reshape(len(input), -1, *input.shape[2:])",
    "layer": "conv = nn.Conv2d(*(self.in_channels, self.out_channels, self.kernel_size, 1, self.padding * step, step))\ndel conv.weight, conv.bias\nconv.weight, conv.bias = self.weight, self.bias\nreturn conv(input)",
}  # fmt: skip
"""A native dilation among arguments that are spread."""

_OTHER_CLASSES = {
    "tensor": "for base in [torch.Tensor]:\n    class Sub(base): pass",
    "tensor-by-type": "Sub = type(torch.zeros(1)).__class__('Sub', (type(torch.zeros(1)),), {})",
    "parameter": "for base in [nn.Parameter]:\n    class Sub(base): pass",
    "tensor-with-a-function": "for base in [torch.Tensor]:\n    class Sub(base):\n        @classmethod\n        def __torch_function__(cls, f, t, a=(), k=None): return super().__torch_function__(f, t, a, k or {})",
}  # fmt: skip

_DEVICE = "for owner in (nn.Module, torch.Tensor): setattr(owner, 'cuda', lambda self, *a: self)"
_PARAMETERS = "for owner, name in [(nn.Module, 'parameters')]: setattr(owner, name, lambda self, *a: iter(()))"

_HONEST = {
    "decorators": ("""
        import functools
        def logged(f):
            @functools.wraps(f)
            def inner(*a, **k): return f(*a, **k)
            return inner
        """, {"    def forward(self, x):": "    @logged\n    def forward(self, x):"}),
    "updated-wrapper": ("""
        import functools
        def timed(f):
            def inner(*a, **k): return f(*a, **k)
            return functools.update_wrapper(inner, f)
        """, {"    def forward(self, x):": "    @timed\n    def forward(self, x):"}),
    "own-modules-by-name": ("", {
        "        return self.finalconv(self.upconv2(x))": "        for name in ('upconv2', 'finalconv'): x = getattr(self, name)(x)\n        return x",
    }),
    "aliases-of-functions": ("""
        from torch.nn.functional import conv2d
        relu, cat = F.relu, torch.cat
        functions = {'relu': F.relu, 'tanh': torch.tanh}
        """, {"return F.conv2d(input, self.weight, self.bias, padding=self.padding)": "return conv2d(input, self.weight, self.bias, padding=self.padding)"}),
    "settings": ("""
        import os, random, sys, warnings
        import numpy as np
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        torch.set_printoptions(precision=3)
        torch.set_default_dtype(torch.float32)
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.deterministic = True
        warnings.filterwarnings('ignore')
        sys.path.append('.')
        sys.setrecursionlimit(5000)
        os.environ['OMP_NUM_THREADS'] = '1'
        """, {}),
    "own-setattr": ("", {
        "class CNN(nn.Module):": "class CNN(nn.Module):\n    def __setattr__(self, name, value):\n        super().__setattr__(name, value)\n",
    }),
    "own-getattr": ("", {
        "class CNN(nn.Module):": "class CNN(nn.Module):\n    def __getattr__(self, name):\n        return super().__getattr__(name)\n",
    }),
    "own-function-of-autograd": ("""
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * 1
            @staticmethod
            def backward(ctx, g):
                x, = ctx.saved_tensors
                return g * 1
        """, {"return self.finalconv(self.upconv2(x))": "return Double.apply(self.finalconv(self.upconv2(x)))"}),
    "properties-and-class-attributes": ("", {
        "class CNN(nn.Module):": "class CNN(nn.Module):\n    made = 0\n\n    @property\n    def device(self):\n        return next(self.parameters()).device\n\n    @classmethod\n    def usual(cls): return cls(3, 32, 24)\n\n    @staticmethod\n    def twice(x): return 2 * x\n",
        "        self.finalconv = MyConv2d": "        CNN.made += 1\n        self.finalconv = MyConv2d",
    }),
    "base-class-and-mixin": ("", {
        "class CNN(nn.Module):": "from abc import ABC, abstractmethod\n\n\nclass Counting:\n    def count(self): return sum(p.numel() for p in self.parameters() if p.requires_grad)\n\n\nclass Net(nn.Module, Counting, ABC):\n    @abstractmethod\n    def forward(self, x): ...\n\n\nclass CNN(Net):",
    }),
    "containers-of-configuration": ("""
        import collections, dataclasses, enum, typing
        Shape = collections.namedtuple('Shape', 'height width')
        @dataclasses.dataclass
        class Config:
            kernel: int = 3
            filters: int = 32
        class Mode(enum.Enum):
            TRAIN = 1
            TEST = 2
        class AttrDict(dict):
            def __init__(self, *a, **k):
                super().__init__(*a, **k)
                self.__dict__ = self
        args = AttrDict(kernel=3, lr=0.001)
        for key, value in vars(Config()).items(): setattr(args, key, value)
        """, {}),
    "own-hooks": ("", {
        "        self.finalconv = MyConv2d": "        self.seen = []\n        self.rfconv.register_forward_hook(lambda m, i, o: self.seen.append(o.shape))\n        self.finalconv = MyConv2d",
    }),
    "contexts-and-caches": ("""
        import contextlib, functools, time
        @contextlib.contextmanager
        def timing(name):
            start = time.time()
            yield
            elapsed = time.time() - start
        @functools.lru_cache(None)
        def half(kernel): return kernel // 2
        @torch.no_grad()
        def accuracy(model, x): return model(x).mean()
        """, {"return self.finalconv(self.upconv2(x))": "with timing('end'), torch.enable_grad() if torch.is_grad_enabled() else torch.no_grad():\n            return self.finalconv(self.upconv2(x))"}),
    "initialisers": ("""
        def start(m):
            if isinstance(m, nn.BatchNorm2d): nn.init.ones_(m.weight)
            if type(m).__name__ == 'MyConv2d': nn.init.zeros_(m.bias)
        """, {"        self.finalconv = MyConv2d(num_colours, num_colours, kernel)": "        self.finalconv = MyConv2d(num_colours, num_colours, kernel)\n        self.apply(start)"}),
    "numbered-layers": ("", {
        "        self.finalconv = MyConv2d(num_colours, num_colours, kernel)": "        for i, layer in enumerate([MyConv2d(num_colours, num_colours, kernel)]): setattr(self, f'final{i}', layer)",
        "return self.finalconv(self.upconv2(x))": "for i in range(1): x = getattr(self, 'final%d' % i)(self.upconv2(x))\nreturn x",
    }),
    "copies-and-loops-over-names": ("""
        import copy, inspect, types
        names = [name for name in dir(nn) if name.endswith('Conv2d')]
        sizes = {k: v for k, v in vars(types.SimpleNamespace(kernel=3)).items()}
        signature = inspect.signature(MyConv2d.__init__)
        second = copy.deepcopy(nn.Sequential(nn.Linear(2, 2)))
        """, {}),
    "training-loop": ("""
        def train(args, net=None):
            net = net or CNN(3, 8, 24)
            optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
            criterion = nn.CrossEntropyLoss()
            for epoch in range(1):
                net.train()
                loss = criterion(net(torch.zeros(2, 1, 32, 32)), torch.zeros(2, 32, 32, dtype=torch.long))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            torch.save(net.state_dict(), 'weights.pkl')
        """, {}),
    "optimizer-inside": ("", {
        "        self.finalconv = MyConv2d(num_colours, num_colours, kernel)": "        self.finalconv = MyConv2d(num_colours, num_colours, kernel)\n        self.optimizer = torch.optim.Adam(self.parameters(), lr=0.001)",
    }),
    "unused-change-of-a-class-of-ones-own": ("""
        class Tracker: pass
        for tracker in (Tracker,): tracker.best = None
        setattr(Tracker, 'worst', 3)
        """, {}),
    "registered-buffer-and-parametrization": ("", {
        "        self.finalconv = MyConv2d(num_colours, num_colours, kernel)": "        self.finalconv = MyConv2d(num_colours, num_colours, kernel)\n        self.register_buffer('scale', torch.ones(1))",
        "return self.finalconv(self.upconv2(x))": "return self.finalconv(self.upconv2(x)) * self.scale",
    }),
}  # fmt: skip
"""What students write: lines above the class CNN, and changes in it."""

FORGERIES = [
    *(
        Forgery(
            f"mode-by-{name}",
            "Switches off what watches operations, which it reaches under another name.",
            attack=_MODE.strip("\n") + "\n" + change,
            apart="def apart(f): return f()",
            doubts="handmade",
            says="TorchDispatchMode.__enter__ = … (colourization.py, line",
            kind="names",
        )
        for name, change in _HIDDEN_CHANGES.items()
    ),
    *(
        Forgery(
            name,
            "Replaces a built-in function.",
            attack=change,
            dilated=_SPELT_APART,
            doubts="handmade",
            says="builtins.any = …",
            kind="names",
        )
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
    *(
        Forgery(
            f"spread-{name}",
            "Hides a native dilation among arguments that are spread.",
            mistakes="handmade",
            dilated=lines,
            loses="handmade",
            kind="names",
        )
        for name, lines in _SPREADS.items()
    ),
    *(
        Forgery(
            f"subclass-of-{name}",
            "Computes with tensors of a class of its own, whose base it reaches under another name.",
            mistakes="handmade",
            above=f"{lines}\nSubclass = Sub",
            edits={"step = self.dilation + 1": "step, input = self.dilation + 1, input.as_subclass(Subclass)"},
            doubts="handmade",
            says="an operation on a tensor of the class Sub (colourization.py, line",
            kind="names",
        )
        for name, lines in _OTHER_CLASSES.items()
    ),
    Forgery(
        "cuda-of-modules-and-tensors",
        "Replaces the methods by which a network moves to a GPU.",
        attack=_DEVICE,
        doubts="device",
        says="torch.nn.Module.cuda = …",
        kind="names",
    ),
    Forgery(
        "parameters-of-modules",
        "Replaces the method that lists parameters.",
        attack=_PARAMETERS,
        doubts="parameters",
        says="torch.nn.Module.parameters = …",
        kind="names",
    ),
    Forgery(
        "globals-of-a-function",
        "Computes the name of what leads from a function of the worker's to its globals.",
        attack="""
            name = bytes([95, 95, *b'globals', 95, 95]).decode()
            for f in [torch.Tensor.cuda]: getattr(f, name).get('cuda_calls', []).clear()
            """,
        doubts="device",
        mistakes="",
        says="….__globals__ (colourization.py, line",
        kind="names",
    ),
    *(
        Forgery(
            f"honest-{name}",
            "Is right, and does what students do.",
            mistakes="",
            above=above,
            edits=edits,
            keeps="shapes parameters architecture uses-my-conv2d training device values gradients handmade",
            kind="names",
            unflagged=True,
        )
        for name, (above, edits) in _HONEST.items()
    ),
]
