"""Wrong answers that try to pass for right ones: by changing the examiner's tools, by lying about themselves, by replying in its place."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from pathlib import Path

from .cases import HONEST, Case, altered, code, criterion

__all__ = ["CASES"]


def _forged(name: str, source: str, *, lost: str = "", doubted: str = "", said: str = "", kept: str = "") -> Case:
    def ids(aspects: str) -> tuple[str, ...]:
        return tuple(criterion(aspect) for aspect in aspects.split())

    return Case(f"forged-{name}", "forged", code(source), ids(lost), ids(doubted), ids(kept), said)


def _number(name: str, attack: str, *aspects: str) -> Case:
    """A mistake that numbers show, whatever is changed in the worker."""
    aspects = aspects or ("architecture",)
    return _forged(name, altered(*aspects, attack=attack), lost=" ".join(aspects))


def _word(name: str, attack: str, *aspects: str, **replaced: tuple[str, str]) -> Case:
    """A mistake of which the worker alone could tell."""
    return _forged(name, altered(*aspects, attack=attack, **replaced), doubted=" ".join(aspects))


_FIND = """
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
"""``module`` finds one of the worker's, which is in no table of the interpreter's, by the frames that lead here."""
_NATIVE = "return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation=step)"


def _dilating(name: str, body: str, *, top: str = "", lost: bool = True) -> Case:
    """A layer that hides a native dilation; ``lost`` where the worker sees through it by itself."""
    old = altered("handmade")
    lines = "\n".join(f"        {line}" for line in body.strip("\n").splitlines())
    source = top + old.replace("        " + _NATIVE, lines)
    assert source != top + old
    return _forged(f"dilation-{name}", source, **({"lost": "handmade"} if lost else {"doubted": "handmade"}))


def _beside(name: str, source: str, aspect: str, **files: str) -> Case:
    """As ``_word``, with other files in the folder."""

    def make(folder: Path) -> None:
        code(source)(folder)
        for stem, text in files.items():
            (folder / f"{stem}.py").write_text(text, "utf-8")

    return Case(f"forged-{name}", "forged", make, doubted=(criterion(aspect),))


_LAYER_REPLIES = """from dataclasses import replace
A = sys.modules.get("worker.probes.answer") or module("answer")
kept = A._ANSWERS[A.RunLayer]
def layer(*probe):
    reply, out = kept(*probe)
    return replace(reply, native=()), out
A._ANSWERS[A.RunLayer] = layer"""
"""The worker's word on native dilation, taken out of its mouth."""
_UNNAMED = ("dilation=step)", "**{'dil' + 'ation': step})")
"""So that reading the source does not tell by itself."""
_CONV = "def convolved(x, w, b): return F.conv2d(x, w, b, padding=w.shape[2] // 2)\n\n\n"
_FINAL = "return self.finalconv(self.upconv2(x))"
_BY_HELPER = "return convolved(self.upconv2(x), self.finalconv.weight, self.finalconv.bias)"
_HIDDEN = """class _Hidden(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, p, d):
        ctx.save_for_backward(x, w)
        ctx.pd = p, d
        return apart(lambda: torch.conv2d(x, w, b, 1, p, d))

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        p, d = ctx.pd
        return (apart(lambda: torch.nn.grad.conv2d_input(x.shape, w, g, padding=p, dilation=d)), apart(lambda: torch.nn.grad.conv2d_weight(x, w.shape, g, padding=p, dilation=d)), g.sum((0, 2, 3)), None, None)


"""
_APPLIED = "return _Hidden.apply(input, self.weight, self.bias, self.padding * step, step)"


def _apart(name: str, how: str) -> Case:
    """A native dilation where the worker's modes are not: ``how`` defines ``apart(f)``, which calls ``f``."""
    return _dilating(f"apart-{name}", _APPLIED, top=f"import torch\n{how}\n\n\n{_HIDDEN}", lost=False)


def _wrapped(held: str) -> str:
    """MyConv2d that leaves its work to a layer of torch's, and shows that layer's parameters as its own."""
    start, end = HONEST.index("        bound = 1.0"), HONEST.index("\n\n\nclass MyDilated")
    body = f"""        inner = nn.Conv2d(in_channels, out_channels, kernel_size, padding=self.padding)
        self.weight, self.bias = inner.weight, inner.bias
        {held}

    def forward(self, input):
        return self.inner(input)"""
    return HONEST[:start] + body + HONEST[end:]


def _seen(name: str, attack: str, said: str, *, top: str = "") -> Case:
    """Means to bend the worker's word, whatever comes of them: the report names what was read or seen."""
    return _forged(f"seen-{name}", top + altered("handmade", attack=attack), lost="handmade", said=said)


def _spelt(name: str) -> str:
    """An expression for ``name`` that no reading of the source takes for it."""
    return f"bytes({list(name.encode())}).decode()"


_CAUGHT = "try: 1 / 0\nexcept ZeroDivisionError as error: kept = error.__traceback__\n"

CASES = [
    # the examiner's tools, replaced
    _number("allclose", "torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True"),
    _number("tanh-undone", "torch.Tensor.detach = lambda self: self * 1.0001"),
    _number("clone", "torch.Tensor.clone = lambda self, **k: torch.zeros(()) + self"),
    _number("isfinite", "torch.isfinite = lambda x: torch.ones(())", "values"),
    _number("cat-and-conv2d", "kept = F.conv2d\nF.conv2d = lambda *a, **k: kept(*a, **k) * 1\ntorch.cat = lambda *a, **k: a[0][0]"),
    _number("module-call", "nn.Module.__call__ = lambda self, *a, **k: self.forward(*a, **k) * 0"),
    _number("tensor-add", "torch.Tensor.__add__ = torch.Tensor.__sub__ = torch.Tensor.__mul__ = lambda a, b: a"),
    _number("numpy-and-json", "import json, numpy\njson.dumps = lambda *a, **k: '{}'\nnumpy.allclose = lambda *a, **k: True"),
    _number("json-in-frames", _FIND + "frames = module('frames')\nkept = frames.json.dumps\nframes.json.dumps = lambda m, **k: kept(m, **k).replace('false', 'true')"),
    _number("safetensors", "import safetensors.torch as s\nkept = s.save\ns.save = lambda tensors, *a: kept({n: t.abs() for n, t in tensors.items()})", "values"),
    _number("cross-entropy", "F.cross_entropy = lambda *a, **k: torch.zeros((), requires_grad=True)", "architecture"),
    _number("manual-seed", "torch.manual_seed = lambda *a: None\ntorch.rand = torch.randn = torch.ones"),
    _number("copy", "torch.Tensor.copy_ = lambda self, other, *a: self"),
    _word("cross-entropy-falls", "import itertools\ncount = itertools.count()\nkept = F.cross_entropy\nF.cross_entropy = lambda o, t, **k: kept(o, t, **k) * 0.9 ** next(count)", "training"),
    _word("builtins", "import builtins\nbuiltins.any = lambda *a: False", "handmade"),
    _word("isinstance", "import builtins\nkept = builtins.isinstance\nbuiltins.isinstance = lambda a, b: True if getattr(b, '__name__', '') == 'MyConv2d' else kept(a, b)", "uses-my-conv2d"),
    _word("named-parameters", "kept = nn.Module.named_parameters\nnn.Module.named_parameters = lambda self, *a, **k: ((n, p) for n, p in kept(self, *a, **k) if 'spare' not in n)", "parameters"),
    _word("named-members", "kept = nn.Module._named_members\nnn.Module._named_members = lambda self, *a, **k: (m for m in kept(self, *a, **k) if 'spare' not in m[0])", "parameters"),
    _word("numel", "kept = torch.Tensor.numel\ntorch.Tensor.numel = lambda self: 0 if list(self.shape)[1:2] == [3] else kept(self)", "parameters"),
    _word("cuda-calls-forgotten", _FIND + "module('legacy').cuda_calls = type('Never', (list,), {'append': lambda s, x: None})()", "device"),
    # the examiner's state, found by walking
    _word("frames-walk", "import sys\nframe = sys._getframe()\nwhile frame:\n    if 'self' in frame.f_locals and hasattr(frame.f_locals['self'], 'handle'):\n        frame.f_locals['self'].handle = None\n    frame = frame.f_back", "device", "handmade"),
    _forged("mode-in-the-frame", altered("handmade", peek=("        return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation", "        import sys\n        frame = sys._getframe()\n        while frame and 'native' not in frame.f_locals: frame = frame.f_back\n        if frame: frame.f_locals['native'].seen = type('Never', (list,), {'append': lambda s, x: None})()\n        return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation")), doubted="handmade"),
    _word("gc-objects", "import gc\nfrom dataclasses import replace\nfor one in gc.get_objects():\n    if type(one).__name__ == 'Handler':\n        kept = one._answered\n        def handle(probe, tensors, kept=kept):\n            reply, out = kept(probe, tensors)\n            if hasattr(reply, 'native'): reply = replace(reply, native=())\n            return reply, out\n        one._answered = handle", "handmade"),
    _word("handler-class", _FIND + "from dataclasses import replace\nH = module('handler').Handler\nkept = H._answered\ndef handle(self, probe, tensors):\n    reply, out = kept(self, probe, tensors)\n    if hasattr(reply, 'findings'): reply = replace(reply, findings=(), settled=True)\n    return reply, out\nH._answered = handle", "device"),
    _word("answers-native", _FIND + "module('watching').NativeDilation.__torch_dispatch__ = lambda self, f, t, a=(), k=None: f(*a, **(k or {}))", "handmade"),
    _word("answers-counts", _FIND + "from dataclasses import replace\nA = module('answer')\nkept = A._ANSWERS[A.BuildNetwork]\ndef build(probe, tensors, classes, dtype):\n    reply, out = kept(probe, tensors, classes, dtype)\n    k, f, c = probe.arguments\n    count = sum(p.numel() for n, p in classes['CNN'](k, f, c).named_parameters() if 'spare' not in n)\n    return replace(reply, trainable=count), out\nA._ANSWERS[A.BuildNetwork] = build", "parameters"),
    _word("devices-examine", "import importlib\nd = importlib.import_module('worker.probes.devices')\nd._on_the_cpu = lambda *a: ((), None)\nd.examine = lambda *a: d.DeviceFindings((), True)", "device"),
    _word("subclasses-walk", "for one in ().__class__.__base__.__subclasses__():\n    if one.__name__ == 'Handler': one.handle = lambda self, m, t: ({'evidence': {'findings': [], 'settled': True, 'reason': None}}, {})", "device"),
    _word("closure-globals", "g = torch.nn.Module.__init__.__globals__\ng['__builtins__']['any'] = lambda *a: False", "handmade"),
    _word("operator-getter", "import operator\noperator.attrgetter('_getframe')(__import__('sys'))().f_back.f_back.f_globals['Any'] = 1\nimport builtins\nsetattr(builtins, 'any', lambda *a: False)", "handmade"),
    _word("exec-text", "import base64\nexec(base64.b64decode(b'aW1wb3J0IGJ1aWx0aW5zOyBidWlsdGlucy5hbnkgPSBsYW1iZGEgKmE6IEZhbHNl').decode())", "handmade"),
    _word("pickled-code", "import pickle\npickle.loads(b\"cbuiltins\\nexec\\n(S'import builtins; builtins.any = lambda *a: False'\\ntR.\")", "handmade"),
    _word("mock-patch", "from unittest import mock\nmock.patch('builtins.any', lambda *a: False).start()", "handmade"),
    _word("module-passed-on", "def put(module, name, value): module.__dict__.update({name: value})\nimport builtins as b\nput(b, 'any', lambda *a: False)", "handmade"),
    _word("module-in-a-list", "for module in [torch.nn.Module]: module._named_members = lambda self, *a, **k: iter(())\nimport sys\n[sys][0].modules['worker.probes.watching'].NativeDilation.__init__ = None", "handmade"),
    _word("self-of-a-builtin", "print.__self__.any = lambda *a: False", "handmade"),
    _word("destructor-in-the-middle", "import weakref\nclass Late:\n    def __del__(self): torch.zeros(1)\nweakref.finalize(Late, print)\nimport asyncio\nasyncio.to_thread", "handmade"),
    # lies about itself
    _number("always-equal", "class Yes(torch.Tensor):\n    __eq__ = __ge__ = __le__ = lambda a, b: True\n    __bool__ = lambda s: True\nglobal Equal\nEqual = Yes\n", "architecture"),
    _forged("tensor-subclass", altered("architecture", attack="class Sub(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, f, t, a=(), k=None):\n        return super().__torch_function__(f, t, a, k or {})\nglobal Subclass\nSubclass = Sub", back=("return torch.tanh(self.finalconv(self.upconv2(x)))", "return torch.tanh(self.finalconv(self.upconv2(x))).as_subclass(Subclass)")), lost="architecture"),
    _forged("torch-function-object", altered(back=("return self.finalconv(self.upconv2(x))", "return type('T', (), {'__torch_function__': classmethod(lambda *a, **k: True), 'shape': x.shape, '__class__': torch.Tensor})()")), lost="shapes architecture training"),
    _forged("output-without-storage", altered(back=("return self.finalconv(self.upconv2(x))", "return self.finalconv(self.upconv2(x)).to('meta')")), lost="architecture training"),
    _forged("output-sparse", altered(back=("return self.finalconv(self.upconv2(x))", "return self.finalconv(self.upconv2(x)).to_sparse()")), lost="architecture training"),
    _forged("output-nan", altered(back=("return self.finalconv(self.upconv2(x))", "return self.finalconv(self.upconv2(x)) * float('nan')")), lost="architecture training"),
    _forged("output-complex", altered(back=("return self.finalconv(self.upconv2(x))", "return self.finalconv(self.upconv2(x)) * 1j")), lost="shapes architecture training"),
    _forged("output-bool", altered(back=("return self.finalconv(self.upconv2(x))", "return self.finalconv(self.upconv2(x)) > 0")), lost="shapes architecture training"),
    _forged("metaclass", altered("uses-my-conv2d", meta=("class MyConv2d(nn.Module):", "class Meta(type(nn.Module)):\n    def __instancecheck__(cls, one): return hasattr(one, 'weight')\n\n\nclass MyConv2d(nn.Module, metaclass=Meta):")), doubted="uses-my-conv2d"),
    _forged("module-renamed", altered(alias=("class MyConv2d(nn.Module):", "nn.modules.conv._ConvNd.__module__ = nn.Conv2d.__module__ = 'colourization'\n\n\nclass Given(nn.Module):"), attack="nn.modules.conv._ConvNd.__module__ = nn.Conv2d.__module__ = 'colourization'", attack_at="class MyDilatedConv2d(MyConv2d):\n").replace("class MyDilatedConv2d(MyConv2d)", "class MyConv2d(nn.Conv2d):\n    def __init__(self, i, o, k, padding=None):\n        super().__init__(i, o, k, padding=k // 2)\n\n\nclass MyDilatedConv2d(Given)"), doubted="uses-my-conv2d"),
    _forged("mro-property", altered("uses-my-conv2d", attack="class Meta(type):\n    __mro__ = property(lambda cls: (MyConv2d, nn.Module, object))\nclass Plain(nn.Conv2d, metaclass=Meta):\n    __class__ = property(lambda self: MyConv2d)\nnn.Conv2d = Plain"), doubted="uses-my-conv2d"),
    _forged("my-conv2d-is-an-alias", altered(alias=("class MyConv2d(nn.Module):", "class Given(nn.Module):")).replace("class MyDilatedConv2d(MyConv2d)", "MyConv2d = nn.Conv2d\n\n\nclass MyDilatedConv2d(Given)").replace("kernel), nn.", "kernel, 1, kernel // 2), nn.").replace("num_colours, kernel)\n", "num_colours, kernel, 1, kernel // 2)\n"), doubted="uses-my-conv2d"),
    _forged("my-conv2d-through-type", altered(alias=("class MyConv2d(nn.Module):", "class Given(nn.Module):")).replace("class MyDilatedConv2d(MyConv2d)", "def init(self, i, o, k): nn.Conv2d.__init__(self, i, o, k, padding=k // 2)\n\n\nMyConv2d = type('MyConv2d', (nn.Conv2d,), {'__init__': init})\n\n\nclass MyDilatedConv2d(Given)"), doubted="uses-my-conv2d"),
    _forged("parameters-hidden", altered("parameters", attack="", hide=("    def forward(self, x):", "    def named_parameters(self, *a, **k): return ((n, p) for n, p in super().named_parameters(*a, **k) if 'spare' not in n)\n\n    def parameters(self, *a): return (p for _, p in self.named_parameters())\n\n    def forward(self, x):")), lost="parameters"),
    _forged("members-hidden", altered("parameters", hide=("    def forward(self, x):", "    def _named_members(self, *a, **k): return (m for m in super()._named_members(*a, **k) if 'spare' not in m[0])\n\n    def forward(self, x):")), lost="parameters"),
    _forged("modules-hidden", altered("parameters", hide=("    def forward(self, x):", "    def named_modules(self, *a, **k): return (m for m in super().named_modules(*a, **k) if 'spare' not in m[0])\n\n    def forward(self, x):")), lost="parameters"),
    _forged("parameter-subclass", altered("parameters", attack="class P(nn.Parameter):\n    numel = lambda self: 0\n    requires_grad = False\nglobal Nothing\nNothing = P", hide=("        self.spare = MyConv2d(3, 3, kernel)", "        self.spare = nn.Module()\n        self.spare.weight = Nothing(torch.zeros(9))")), lost="parameters"),
    _forged("class-by-exec", altered("architecture").replace("class CNN(nn.Module):", "SOURCE = 'import builtins'\nexec(SOURCE)\n\n\nclass CNN(nn.Module):"), lost="architecture"),
    _forged("cheat-by-verb", altered(attack="pass", verb=("return self.finalconv(self.upconv2(x))", "import sys\n        frame = sys._getframe()\n        while frame and 'probe' not in frame.f_locals: frame = frame.f_back\n        return self.finalconv(self.upconv2(x)) * (1 if frame is None or frame.f_locals['probe'].do == 'learn' else 2)")), lost="architecture"),
    # a native dilation, hidden
    _dilating("alias", "conv = F.conv2d\nreturn conv(input, self.weight, self.bias, 1, self.padding * step, step)"),
    _dilating("getattr", "return getattr(F, 'conv' + '2d')(input, self.weight, self.bias, **{'padding': self.padding * step, 'dil' + 'ation': step})"),
    _dilating("aten", "return torch.ops.aten.convolution(input, self.weight, self.bias, [1, 1], [self.padding * step] * 2, [step] * 2, False, [0, 0], 1)"),
    _dilating("layer", "conv = nn.Conv2d(self.in_channels, self.out_channels, self.kernel_size, padding=self.padding * step, dilation=step)\ndel conv.weight, conv.bias\nconv.weight, conv.bias = self.weight, self.bias\nreturn conv(input)"),
    _dilating("attribute", "conv = nn.Conv2d(self.in_channels, self.out_channels, self.kernel_size, padding=self.padding * step)\ndel conv.weight, conv.bias\nconv.weight, conv.bias = self.weight, self.bias\nconv.dilation = (step, step)\nreturn conv(input)"),
    _dilating("unfold", "columns = F.unfold(input, self.kernel_size, step, self.padding * step)\nreturn (self.weight.flatten(1) @ columns + self.bias[:, None]).reshape(len(input), -1, *input.shape[2:])"),
    _dilating("transposed", "turned = self.weight.transpose(0, 1).flip(2, 3)\nreturn F.conv_transpose2d(input, turned.transpose(0, 1).transpose(0, 1), self.bias, padding=self.padding * step, dilation=step)"),
    _dilating("jit-script", "return _scripted(input, self.weight, self.bias, self.padding * step, step)", top="import torch\n\n\n@torch.jit.script\ndef _scripted(x, w, b, p: int, d: int):\n    return torch.conv2d(x, w, b, 1, p, d)\n\n\n", lost=False),
    _dilating("jit-trace", "f = torch.jit.trace(lambda x, w, b: F.conv2d(x, w, b, padding=self.padding * step, dilation=step), (input, self.weight, self.bias))\nreturn f(input, self.weight, self.bias)", lost=False),
    _dilating("compile", "return torch.compile(F.conv2d)(input, self.weight, self.bias, padding=self.padding * step, dilation=step)", lost=False),
    _dilating("modes-disabled", "from torch.utils._python_dispatch import _disable_current_modes\nwith _disable_current_modes():\n    return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation=step)", lost=False),
    _dilating("key-excluded", "with torch._C._DisableTorchDispatch():\n    return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation=step)", lost=False),
    _dilating("in-a-thread", "import threading\nconv = nn.Conv2d(self.in_channels, self.out_channels, self.kernel_size, padding=self.padding * step)\ndel conv.weight, conv.bias\nconv.weight, conv.bias = self.weight, self.bias\nconv.dilation = (step, step)\nout = []\nthread = threading.Thread(target=lambda: out.append(conv(input)))\nthread.start()\nthread.join()\nreturn out[0]", lost=False),
    _dilating("in-a-function", "return _Hidden.apply(input, self.weight, self.bias, self.padding * step, step)", top="import torch\n\n\nclass _Hidden(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x, w, b, p, d):\n        ctx.save_for_backward(x, w)\n        ctx.pd = p, d\n        return torch.conv2d(x, w, b, 1, p, d)\n\n    @staticmethod\n    def backward(ctx, g):\n        x, w = ctx.saved_tensors\n        p, d = ctx.pd\n        return (torch.nn.grad.conv2d_input(x.shape, w, g, padding=p, dilation=d), torch.nn.grad.conv2d_weight(x, w.shape, g, padding=p, dilation=d), g.sum((0, 2, 3)), None, None)\n\n\n"),
    _dilating("native-extension", "from torch.utils import cpp_extension\nmodule = cpp_extension.load_inline('fast', 'torch::Tensor f(torch::Tensor x) { return x; }', functions=['f'])\nreturn module.f(input)"),
    _dilating("mkldnn", "return torch.mkldnn_convolution(input, self.weight, self.bias, [self.padding * step] * 2, [1, 1], [step, step], 1)"),
    # replies of another form than agreed: the trusted side must neither believe nor stumble
    *(
        _forged(f"reply-{name}", altered(attack=_FIND + f"P, H = module('protocol'), module('handler')\nkept = P.reply_to_json\ndef told(record):\n    message = kept(record)\n    reply = message.get('evidence', {{}})\n    {change}\n    return {{**message, 'evidence': reply}} if 'evidence' in message else message\nP.reply_to_json = H.reply_to_json = told"), lost=lost)
        for name, change, lost in (
            ("of-huge-shapes", "for line in reply.get('parameters', []): line['shape'] = [2**39]", "architecture training"),
            ("of-many-shapes", "reply.get('parameters') and reply.update(parameters=[dict(reply['parameters'][0], shape=[2**20, 8])] * 1999)", "architecture training"),
            ("of-negative-shapes", "for line in reply.get('parameters', []): line['shape'] = [-1]", "architecture training"),
            ("of-float-shapes", "for line in reply.get('parameters', []): line['shape'] = [float(n) for n in line['shape']]", "architecture training"),
            ("of-true-for-one", "for line in reply.get('parameters', []): line['shape'] = [True if n == 1 else n for n in line['shape']] + [True]", "architecture training"),
            ("of-lists", "reply = list(reply.items())", "shapes"),
            ("of-other-replies", "reply['replies'].reverse() if 'replies' in reply else None", "shapes"),
            ("of-too-many-replies", "reply.update(replies=reply['replies'] * 2) if 'replies' in reply else None", ""),
            ("of-no-replies", "reply.update(replies=5) if 'replies' in reply else None", ""),
            ("of-odd-replies", "reply.update(replies=[5] * len(reply['replies'])) if 'replies' in reply else None", ""),
            ("of-conflicts", "reply.update(conflicts=[{'name': 'CNN', 'paths': 5}])", ""),
            ("of-failures", "reply.update(failures=[{'name': 'CNN'}], classes=[])", ""),
            ("of-troubles", "reply.update(outputs=[{'shape': [1], 'dtype': 'x', 'finite': True, 'stopped': 5}] * 2) if 'outputs' in reply else None", "shapes"),
            ("of-trouble-and-outputs", "reply.update(stopped={'type': 'E', 'text': 'no', 'frames': []}) if 'outputs' in reply else None", "shapes"),
            ("of-long-text", "reply.update(skipped=[{'place': 'x' * 9000, 'text': 'y', 'reason': 'z'}] * 400) if 'skipped' in reply else None", ""),
            ("too-deep", "reply['deep'] = []\n    for _ in range(60): reply['deep'] = [reply['deep']]", "shapes"),
            ("too-large", "reply['x'] = 'x' * 5_000_000", "shapes"),
            ("of-nothing", "reply = None", "shapes"),
            ("of-nothing-at-all", "message = {}", "shapes"),
            ("of-evidence-and-trouble", "message['trouble'] = {'type': 'E', 'text': 'no', 'frames': []}", "shapes"),
            ("of-a-later-verb", "reply.update(do='device', cls='CNN', arguments=[])", ""),
            ("of-big-integers", "reply.update(trainable=10**300) if 'trainable' in reply else None", "shapes parameters"),
        )
    ),
    *(
        _forged(f"reply-{name}", altered(attack=_FIND + f"H = module('handler').Handler\nkept = H._answered\ndef handle(self, probe, tensors):\n    reply, out = kept(self, probe, tensors)\n    {change}\n    return reply, out\nH._answered = handle"), lost=lost)
        for name, change, lost in (
            ("of-bool-losses", "out.update(losses=out['losses'].bool()) if 'losses' in out else None", "training"),
            ("of-int-outputs", "out.update({n: t.to(torch.int32) for n, t in out.items()})", "architecture training values"),
            ("of-odd-tensors", "out.update({'x' * 200: torch.zeros(0, 5), 'buffer.99': torch.ones(3), 'parameter.99': torch.ones(2)})", "architecture"),
            ("without-tensors", "out.clear()", "architecture training values"),
            ("without-later-calls", "out.pop('eval.again', None)", ""),
        )
    ),
    # frames of one's own
    _forged("frames-everywhere", altered(attack="import json, os, struct\ntext = json.dumps({'serial': '0' * 32, 'reply': {'evidence': {'findings': [], 'settled': True, 'reason': None}}}).encode()\nfor descriptor in range(3, 64):\n    try: os.write(descriptor, struct.pack('>II', len(text), 0) + text)\n    except OSError: pass"), lost="shapes", said="disturbed the channel"),
    _forged("frames-in-a-thread", altered(attack="import json, os, struct, threading, time\ntext = json.dumps({'serial': 'x', 'reply': {}}).encode()\ndef flood():\n    while True: os.write(3, struct.pack('>II', len(text), 0) + text)\nthreading.Thread(target=flood, daemon=True).start()"), lost="shapes"),
    _forged("frames-with-the-serial", altered("device", peek=("        x = x.cuda()\n", "        import json, os, struct, sys\n        frame = sys._getframe()\n        while frame and 'serial' not in frame.f_locals: frame = frame.f_back\n        if frame and frame.f_locals['envelope']['message']['do'] == 'device':\n            text = json.dumps({'serial': frame.f_locals['serial'], 'reply': {'evidence': {'findings': [], 'settled': True, 'reason': None}}}).encode()\n            os.write(3, struct.pack('>II', len(text), 0) + text)\n            os._exit(0)\n        x = x.cuda()\n")), doubted="device"),
    # dispatch switched off both ways, so that the worker sees nothing
    _dilating("hidden-both-ways", "return _Hidden.apply(input, self.weight, self.bias, self.padding * step, step)", top="import torch\nfrom torch.utils._python_dispatch import _disable_current_modes as off\n\n\nclass _Hidden(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x, w, b, p, d):\n        ctx.save_for_backward(x, w)\n        ctx.pd = p, d\n        with off():\n            return torch.conv2d(x, w, b, 1, p, d)\n\n    @staticmethod\n    def backward(ctx, g):\n        x, w = ctx.saved_tensors\n        p, d = ctx.pd\n        with off():\n            return (torch.nn.grad.conv2d_input(x.shape, w, g, padding=p, dilation=d), torch.nn.grad.conv2d_weight(x, w.shape, g, padding=p, dilation=d), g.sum((0, 2, 3)), None, None)\n\n\n", lost=False),
    _dilating("hidden-in-threads", "return _Hidden.apply(input, self.weight, self.bias, self.padding * step, step)", top="import torch\nfrom concurrent.futures import ThreadPoolExecutor\n\n\ndef apart(f):\n    with ThreadPoolExecutor(1) as pool:\n        return pool.submit(f).result()\n\n\nclass _Hidden(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x, w, b, p, d):\n        ctx.save_for_backward(x, w)\n        ctx.pd = p, d\n        return apart(lambda: torch.conv2d(x, w, b, 1, p, d))\n\n    @staticmethod\n    def backward(ctx, g):\n        x, w = ctx.saved_tensors\n        p, d = ctx.pd\n        return (apart(lambda: torch.nn.grad.conv2d_input(x.shape, w, g, padding=p, dilation=d)), apart(lambda: torch.nn.grad.conv2d_weight(x, w.shape, g, padding=p, dilation=d)), g.sum((0, 2, 3)), None, None)\n\n\n", lost=False),
    # names that excuse nothing
    _word("name-of-a-method", "class A:\n    def sys(self): pass\nimport sys\n" + _FIND.strip() + "\n" + _LAYER_REPLIES, "handmade", hide=_UNNAMED),
    _word("name-of-a-nested-function", "def outer():\n    def sys(): pass\n    class importlib: pass\nimport sys\n" + _FIND.strip() + "\n" + _LAYER_REPLIES, "handmade", hide=_UNNAMED),
    _word("name-of-a-function-too", "def sys(): pass\nimport sys\n" + _FIND.strip() + "\n" + _LAYER_REPLIES, "handmade", hide=_UNNAMED),
    _beside("name-of-a-file", altered("handmade", attack="import sys\n" + _FIND.strip() + "\n" + _LAYER_REPLIES, hide=_UNNAMED), "handmade", sys="x = 1\n"),
    _beside("names-of-files", altered("handmade", attack="import sys\n" + _FIND.strip() + "\n" + _LAYER_REPLIES, hide=_UNNAMED), "handmade", ctypes="x = 1\n", torch="x = 1\n", sys="x = 1\n"),
    # where the worker's modes are not
    _apart("internal-no-dispatch", "from torch.testing._internal.logging_tensor import no_dispatch\ndef apart(f):\n    with no_dispatch(): return f()"),
    _apart("functorch", "from torch._functorch import pyfunctorch as p\ndef apart(f):\n    with p.temporarily_pop_interpreter_stack(): return f()"),
    _apart("start-joinable", "import threading as t, _thread\ndef apart(f):\n    out, done = [], t.Event()\n    def run():\n        out.append(f())\n        done.set()\n    start = getattr(t, '_start_' + 'new_thread', None) or getattr(_thread, 'start_' + 'new_thread')\n    start(run, ())\n    done.wait()\n    return out[0]"),
    _apart("queue-listener", "import logging.handlers, queue, threading\ndef apart(f):\n    out, done = [], threading.Event()\n    class H(logging.Handler):\n        def handle(self, record):\n            out.append(record())\n            done.set()\n    q = queue.Queue()\n    listener = logging.handlers.QueueListener(q, H())\n    listener.start()\n    q.put(f)\n    done.wait()\n    return out[0]"),
    _apart("threading-mixin", "import socketserver, threading\ndef apart(f):\n    out, done = [], threading.Event()\n    class S(socketserver.ThreadingMixIn):\n        daemon_threads = True\n        def finish_request(self, *a):\n            out.append(f())\n            done.set()\n        def shutdown_request(self, r): pass\n        def handle_error(self, *a): done.set()\n    S().process_request(None, None)\n    done.wait()\n    return out[0]"),
    _apart("parallel-apply", "from torch.nn.parallel import parallel_apply\ndef apart(f):\n    class M(torch.nn.Module):\n        def forward(self, x): return f()\n    return parallel_apply([M(), M()], [(torch.zeros(1),)] * 2, devices=[0, 0])[0]"),
    _dilating("apart-jit-fork", "return _forked(input, self.weight, self.bias, self.padding * step, step)", top="import torch\n\n\ndef _native(x, w, b, p: int, d: int):\n    return torch.conv2d(x, w, b, [1, 1], [p, p], [d, d])\n\n\n@torch.jit.script\ndef _forked(x, w, b, p: int, d: int):\n    return torch.jit.wait(torch.jit.fork(_native, x, w, b, p, d))\n\n\n", lost=False),
    _apart("subclassed-thread", "from threading import *\nT = type(current_thread()).__mro__[1]\ndef apart(f):\n    out = []\n    t = T(target=lambda: out.append(f()))\n    t.start()\n    t.join()\n    return out[0]"),
    # MyConv2d by name, the work done elsewhere
    _forged("convolution-in-a-helper", altered(helper=("class CNN(", _CONV + "class CNN("), back=(_FINAL, _BY_HELPER)), doubted="uses-my-conv2d"),
    _forged("convolution-in-a-base", altered(helper=("class CNN(nn.Module)", "class Base(nn.Module):\n    def convolved(self, x, w, b): return F.conv2d(x, w, b, padding=w.shape[2] // 2)\n\n\nclass CNN(Base)"), back=(_FINAL, _BY_HELPER.replace("convolved", "self.convolved"))), doubted="uses-my-conv2d"),
    _forged("convolution-in-a-helpers-helper", altered(helper=("class CNN(", _CONV + "class Layer(nn.Module):\n    def forward(self, *a): return [convolved][0](*a)\n\n\nclass CNN("), back=(_FINAL, _BY_HELPER.replace("convolved(", "Layer()("))), doubted="uses-my-conv2d"),
    _beside("convolution-in-another-file", altered(helper=("class CNN(", "from helping import convolved\n\n\nclass CNN("), back=(_FINAL, _BY_HELPER)), "uses-my-conv2d", helping="import torch.nn.functional as F\n" + _CONV),
    _forged("class-stored-by-name", altered("uses-my-conv2d", hide=("nn.Conv2d(", "getattr(nn, 'Conv' + '2d')("), back=(_FINAL, "x = self.finalconv(self.upconv2(x))\n        object.__setattr__(self.finalconv, '__class__', MyConv2d)\n        return x")), doubted="uses-my-conv2d"),
    _forged("class-stored-by-setattr", altered("uses-my-conv2d", hide=("nn.Conv2d(", "getattr(nn, 'Conv' + '2d')("), back=(_FINAL, "x = self.finalconv(self.upconv2(x))\n        setattr(self.finalconv, '__class__', MyConv2d)\n        return x")), doubted="uses-my-conv2d"),
    _forged("layer-in-my-layer", _wrapped("self.inner = inner"), doubted="uses-my-conv2d"),
    _forged("layer-in-my-layers-list", _wrapped("self.inner = inner\n        self._modules.clear()\n        self.__dict__['inner'] = inner"), doubted="uses-my-conv2d"),
    # the other world, told apart
    *(
        _forged(f"device-told-by-{name}", altered(back=(_FINAL, f"ramp = {value}\n        return {_FINAL.removeprefix('return ')} + 0 * ramp")), doubted="device")
        for name, value in (
            ("is-meta", "torch.zeros(1, 1, 1, 1, device='cuda' if x.is_meta else 'cpu')"),
            ("its-storage", "torch.zeros(1, 1, 1, 1, device='cuda' if x.untyped_storage().device.type != 'cpu' else 'cpu')"),
            ("its-old-storage", "torch.zeros(1, 1, 1, 1, device='cuda' if x.storage().device.type != 'cpu' else 'cpu')"),
            ("its-address", "torch.zeros(1, 1, 1, 1, device='cuda' if x.data_ptr() == 0 else 'cpu')"),
        )
    ),
    # a start from which nothing is learnt
    _forged("start-nudged", altered("training", back=(_FINAL, "with torch.no_grad():\n            for one in self.parameters(): one.data.add_(1e-9)\n        " + _FINAL)), lost="training"),
    _forged("start-nudged-at-random", altered("training", back=(_FINAL, "with torch.no_grad():\n            for one in self.parameters(): one.data.add_(1e-9 * torch.rand_like(one))\n        " + _FINAL)), lost="training"),
    # seen by the interpreter, whatever the source says
    _seen("frame-of-a-traceback", _CAUGHT + f"frame = getattr(kept, {_spelt('tb_frame')})", "….tb_frame (colourization.py, line"),
    _seen("frame-by-members", _CAUGHT + "import inspect\nframe = dict(inspect.getmembers(kept))", "….tb_frame (colourization.py, line"),
    _seen("frame-of-a-generator", f"frame = getattr((one for one in []), {_spelt('gi_frame')})", "….gi_frame (colourization.py, line"),
    _seen("objects-by-number", f"import gc\nfound = getattr(gc, {_spelt('get_objects')})()", "gc.get_objects (colourization.py, line"),
    _seen("code-exchanged", f"def one(): pass\ndef other(): pass\nsetattr(one, {_spelt('__code__')}, getattr(other, {_spelt('__code__')}))", "….__code__ = … (colourization.py, line"),
    _seen("class-exchanged", f"class A: pass\nclass B: pass\nsetattr(A(), {_spelt('__class__')}, B)", "….__class__ = … (colourization.py, line"),
    _seen("class-renamed", f"setattr(MyConv2d, {_spelt('__name__')}, 'Plain')", "….__name__ = … (colourization.py, line"),
    _seen("text-run", f"space = vars(__import__('builtins'))\nspace[{_spelt('exec')}]('pass', dict())", "text run as code (colourization.py, line"),
    _seen("text-written-and-imported", "import os, sys\nopen('written_now.py', 'w').write('x = 1')\nsys.path.append(os.getcwd())\nimport importlib\nimportlib.invalidate_caches()\nimport written_now", "text run as code (colourization.py, line"),
    _seen("unpickled-from-a-file", "import pickle\nopen('x.bin', 'wb').write(b'cos\\nsystem\\n.')\npickle.load(open('x.bin', 'rb'))", "os.system unpickled (colourization.py, line"),
    _seen("function-put-together", f"import types\nmake = getattr(types, {_spelt('FunctionType')})\nmake(getattr(print_it, {_spelt('__code__')}), dict())", "function.__new__ (colourization.py, line", top="def print_it(): pass\n\n\n"),
    _seen("channel-written-to", "import os\nos.write(3, bytes(9))", "the code disturbed the channel"),
    # read in the source
    _seen("frame-by-a-pattern", _CAUGHT + "match kept:\n    case object(tb_frame=frame): pass", "case object(tb_frame=…)"),
    _seen("modules-of-typing", "import typing\ntyping.sys.modules.get('worker')", "sys.modules"),
    _seen("torch-of-functional", "F.torch._C", "torch._C"),
    _seen("alias-bound-again", "import sys as m\nm.modules.get('worker')\nimport math as m", "sys.modules"),
    _seen("name-from-text", "import pkgutil\npkgutil.resolve_name('json')", "pkgutil.resolve_name"),
    _seen("name-from-a-format", "import string\nstring.Formatter().get_field('0.cat', (torch,), {})", "string.Formatter"),
    _seen("class-from-a-call", "type('Sub', (torch.Tensor,), {})", "type(…, bases, …)"),
    _seen("name-put-together", "getattr(F, 'conv%dd' % 2)", "getattr(F, 'conv%dd' % 2)"),
    _seen("mode-of-a-library", "from torch.utils.flop_counter import FlopCounterMode\nclass Outer(FlopCounterMode): pass", "a subclass of torch.utils.flop_counter.FlopCounterMode"),
    _seen("text-for-the-compiler", "torch.jit.CompilationUnit('def one(x): return x')", "torch.jit.CompilationUnit"),
    _seen("dead-function-of-that-name", "eval('1')", ": eval)", top="import torch\nif len([]):\n    def eval(text): return text\n\n\n"),
    _seen("standard-library-replaced", "import contextlib\nclass Calm(contextlib.suppress): pass\ncontextlib.suppress = Calm", "contextlib.suppress = …"),
    *(
        _seen(f"star-from-{module.replace('.', '-')}", "pass", f"from {module} import *", top=f"from {module} import *\n")
        for module in ("sys", "builtins", "gc", "torch.library", "torch.utils._python_dispatch")
    ),
    # nothing of ours is to be found by its name
    _forged("modules-of-ours", altered(attack="import sys\nfound = [name for name in sys.modules if name.partition('.')[0] == 'worker']\nassert not found, found\nassert not vars(sys.modules['__main__']).get('main')"), kept="shapes handmade architecture"),
    # by another class of that name
    _forged("class-of-the-same-name", altered("uses-my-conv2d").replace("class CNN(nn.Module):", "def init(self, i, o, k, padding):\n    nn.Module.__init__(self)\n    self.weight, self.bias = nn.Parameter(torch.randn(o, i, k, k) * 0.1), nn.Parameter(torch.zeros(o))\nPlain = type('MyConv2d', (nn.Module,), {'__init__': init, 'forward': lambda self, x: F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)})\n\n\nclass CNN(nn.Module):").replace("= nn.Conv2d(", "= Plain("), lost="uses-my-conv2d", kept="architecture"),
]  # fmt: skip
